"""What is published is what the code does, and no change breaks an older client unseen."""

import copy
import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from multimail.contracts import FOLDER, check, compare, contract_files, main

FILES = contract_files()
SEND = "/v1/mailboxes/{mailbox_id}/send"

Change = Callable[[dict[str, Any]], object]


def description() -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(FILES["openapi.json"])
    return loaded


def body(document: dict[str, Any], path: str = SEND) -> dict[str, Any]:
    schema: dict[str, Any] = document["paths"][path]["post"]["requestBody"]["content"]["application/json"][
        "schema"
    ]
    return schema


def answer(document: dict[str, Any]) -> dict[str, Any]:
    schema: dict[str, Any] = document["components"]["schemas"]["SendAnswer"]
    return schema


def parameter(document: dict[str, Any]) -> dict[str, Any]:
    parameters = document["paths"]["/v1/mailboxes"]["get"]["parameters"]
    limit: dict[str, Any] = next(item for item in parameters if item.get("name") == "limit")
    return limit


def test_what_is_committed_is_what_the_code_makes() -> None:
    assert check(FOLDER, FILES) == []


def test_it_is_made_the_same_every_time() -> None:
    assert contract_files() == FILES


def test_every_route_has_a_line() -> None:
    lines = FILES["routes.txt"].splitlines()
    assert "POST   /v1/send  send_email  send" in lines
    assert len(lines) == sum(len(methods) for methods in description()["paths"].values())


BREAKING: dict[str, tuple[Change, str]] = {
    "route": (lambda d: d["paths"].pop(SEND), "the route is gone"),
    "method": (lambda d: d["paths"]["/v1/mailboxes"].pop("post"), "POST /v1/mailboxes: the route is gone"),
    "name": (lambda d: d["paths"][SEND]["post"].update(operationId="mail"), "send_email became mail"),
    "scope": (lambda d: d["paths"][SEND]["post"].update({"x-scopes": ["admin"]}), "scopes send no longer suffice"),
    "status": (
        lambda d: d["paths"][SEND]["post"]["responses"].pop("202"),
        "no longer answers 202",
    ),
    "answer": (lambda d: answer(d)["properties"].pop("thread_id"), "answer 202.thread_id is gone"),
    "optional": (lambda d: answer(d)["required"].remove("status"), "answer 202.status may now be missing"),
    "type": (
        lambda d: answer(d)["properties"].update(test={"type": "string"}),
        "answer 202.test may now be string",
    ),
    "null": (
        lambda d: answer(d)["properties"].update(status={"anyOf": [{"type": "string"}, {"type": "null"}]}),
        "answer 202.status may now be null",
    ),
    "nested": (
        lambda d: d["components"]["schemas"]["EmailSummary"]["properties"].pop("subject"),
        "answer 200.emails[].subject is gone",
    ),
    "alternative": (
        lambda d: d["components"]["schemas"]["Thread"]["properties"]["emails"]["items"]["anyOf"].pop(0),
        "answer 200.emails[].markdown is gone",
    ),
    "of a nullable": (
        lambda d: d["components"]["schemas"]["AuthResults"]["required"].remove("spf"),
        "answer 200.auth.spf may now be missing",
    ),
    "required": (lambda d: body(d)["required"].append("subject"), "input subject is newly required"),
    "new and required": (
        lambda d: (body(d)["properties"].update(x={"type": "string"}), body(d)["required"].append("x")),
        "input x is newly required",
    ),
    "input": (lambda d: body(d)["properties"].pop("send_at"), "input send_at is gone"),
    "alias": (
        lambda d: body(d, "/v1/send")["properties"]["mailbox_id"].update({"x-aliases": ["mailbox"]}),
        "input mailbox_id lost the name from",
    ),
    "enum": (
        lambda d: d["components"]["schemas"]["Mode"]["enum"].remove("monitored"),
        "input oversight_mode: fewer values are allowed: monitored",
    ),
    "new enum": (
        lambda d: body(d)["properties"].update(subject={"enum": ["a"], "type": "string"}),
        "input subject: fewer values are allowed",
    ),
    "input type": (lambda d: parameter(d).update(schema={"type": "string"}), "input limit: no longer takes integer"),
    "limit": (lambda d: parameter(d)["schema"].update(maximum=50), "input limit: maximum is stricter: 50"),
    "new limit": (lambda d: parameter(d)["schema"].update(multipleOf=1, minimum=2), "minimum is stricter: 2"),
}  # fmt: skip


@pytest.mark.parametrize("name", BREAKING)
def test_what_breaks_an_older_client_is_found(name: str) -> None:
    change, problem = BREAKING[name]
    changed = description()
    change(changed)
    found = compare(description(), changed)
    assert any(problem in line for line in found), found


ALLOWED: dict[str, Change] = {
    "nothing": lambda d: None,
    "a route": lambda d: d["paths"].update({"/v1/new": d["paths"]["/v1/send"]}),
    "an answer's field": lambda d: answer(d)["properties"].update(more={"type": "string"}),
    "an optional input": lambda d: body(d)["properties"].update(more={"type": "string"}),
    "no longer required": lambda d: body(d)["required"].remove("to"),
    "a value": lambda d: d["components"]["schemas"]["Mode"]["enum"].append("new"),
    "a wider limit": lambda d: parameter(d)["schema"].update(maximum=500),
    "a further scope": lambda d: d["paths"][SEND]["post"]["x-scopes"].append("admin"),
    "a description": lambda d: d["paths"][SEND]["post"].update(description="new"),
    "an alias": lambda d: body(d)["properties"]["markdown"]["x-aliases"].append("words"),
}


@pytest.mark.parametrize("name", ALLOWED)
def test_what_an_older_client_never_notices_passes(name: str) -> None:
    changed = description()
    ALLOWED[name](changed)
    assert compare(description(), changed) == []


def test_writing_checking_and_refusing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "contracts"
    assert main(["--check"], folder) == 1
    assert main([], folder) == 0
    assert main(["--check"], folder) == 0
    assert (tmp_path / "src/multimail/client/sync.py").exists()
    capsys.readouterr()
    older = copy.deepcopy(description())
    older["paths"]["/v1/old"] = older["paths"]["/v1/send"]
    (folder / "openapi.json").write_text(json.dumps(older))
    assert main(["--check"], folder) == 1
    shown = capsys.readouterr()
    assert "/v1/old" in shown.out and "breaks older clients: POST /v1/old: the route is gone" in shown.err
    assert main([], folder) == 1
    assert json.loads((folder / "openapi.json").read_text()) == older
    assert main(["--break"], folder) == 0
    assert main(["--check"], folder) == 0


def test_what_was_written_over_is_compared_with_what_was_committed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody writes the files anew with --break, or by hand: the commit before knows better."""
    monkeypatch.setattr("multimail.contracts.contract_files", lambda: FILES)  # made once is enough
    folder = tmp_path / "contracts"
    folder.mkdir()
    older = description()
    older["paths"]["/v1/old"] = older["paths"]["/v1/send"]
    (folder / "openapi.json").write_text(json.dumps(older))
    who = ["-c", "user.name=Test", "-c", "user.email=test@example.test"]
    for command in (["init", "-q"], ["add", "."], [*who, "commit", "-qm", "the contract"]):
        subprocess.run(["git", *command], cwd=tmp_path, check=True)
    assert main(["--since", "HEAD"], folder) == 1
    assert "POST /v1/old: the route is gone" in capsys.readouterr().err
    (folder / "openapi.json").write_text(FILES["openapi.json"])  # as if nothing had been there
    assert main(["--check"], folder) == 1 and main(["--since", "HEAD"], folder) == 1
    (folder / "openapi.json").write_text(json.dumps(older))
    assert main(["--break"], folder) == 0
    assert (folder / "breaks.txt").read_text() == "POST /v1/old: the route is gone\n"
    assert main(["--since", "HEAD"], folder) == 0
    with pytest.raises(subprocess.CalledProcessError):
        main(["--since", "no-such-revision"], folder)
