"""Every operation as a command: what it is given, what it prints, how it ends."""

import argparse
import json
import os
import pty
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from multimail.client import MultiMail
from multimail.commands import COMMANDS, SECTIONS, call, operations, overview
from multimail.commands.output import human, list_of, select, table
from multimail.commands.remote import CHUNK, EXIT_CODES, Upload
from tests.support.server import Server, clean_environment, multimail


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One for all tests here: none of them changes what another one sees."""
    with Server(tmp_path_factory.mktemp("call") / "data") as running:
        yield running


def run(server: Server, *words: object, key: str = "agent", stdin: bytes = b""):
    environment = {"MULTIMAIL_URL": server.url, "MULTIMAIL_API_KEY": server.keys[key]}
    return multimail(*map(str, words), environment=environment, stdin=stdin)


def on_a_terminal(server: Server, *words: str, key: str = "agent") -> str:
    """What a person sees: both outputs are a terminal."""
    ours, theirs = pty.openpty()
    environment = clean_environment({"MULTIMAIL_URL": server.url, "MULTIMAIL_API_KEY": server.keys[key]})
    process = subprocess.Popen(
        [sys.executable, "-m", "multimail", *words],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env=environment,
    )
    os.close(theirs)
    shown = b""
    try:
        while piece := os.read(ours, 65536):
            shown += piece
    except OSError:  # Linux says so when the other side is closed
        pass
    process.wait()
    os.close(ours)
    return shown.decode()


def test_every_operation_of_the_client_is_a_command_and_takes_its_inputs() -> None:
    assert {name.replace("-", "_") for name in operations()} == MultiMail.NAMES
    for name, operation in operations().items():
        parser = argparse.ArgumentParser(name)
        call.add(parser, operation)  # argparse refuses flags that collide
        assert name in overview()
    assert sorted(COMMANDS) == sorted(name for names in SECTIONS.values() for name in names)


def test_the_commands_need_nothing_of_the_server() -> None:
    code = (
        "import sys, multimail.commands, multimail.commands.call, multimail.commands.inbox, multimail.commands.keys;"
        "multimail.commands.overview();"
        "print([name for name in sys.modules if name.startswith(('multimail.operations', 'multimail.storage',"
        " 'pydantic', 'starlette', 'multimail.app'))])"
    )
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "[]"


def test_an_email_is_sent_with_a_body_from_standard_input_and_a_file(server: Server, tmp_path: Path) -> None:
    (tmp_path / "plan.txt").write_text("the plan")
    words = ["--to", "ann@example.com", "--to", "Bob <bob@example.com>", "--subject", "Hi", "--markdown", "-"]
    done = run(
        server, "send-email", *words, "--attach", tmp_path / "plan.txt", "--metadata", "run=7", stdin=b"Hello"
    )
    assert (done.returncode, done.stderr) == (0, "")
    email_id = json.loads(done.stdout)["id"]
    email = json.loads(run(server, "read-email", email_id).stdout)
    assert (email["markdown"], email["metadata"]) == ("Hello", {"run": "7"})
    assert email["to"] == ["ann@example.com", "bob@example.com"]
    file = tmp_path / "back.txt"
    assert run(server, "download_attachment", email_id, "plan.txt", "-o", file).returncode == 0
    assert file.read_text() == "the plan"
    flags = ["--email-id", email_id, "--filename", "plan.txt"]
    assert run(server, "download-attachment", *flags).stdout == "the plan"


def test_fields_are_selected_and_pages_are_joined(server: Server) -> None:
    for number in range(3):
        server.send(to="ann@example.com", subject=f"No. {number}", markdown="x")
    done = run(
        server,
        "check-inbox",
        "--subject-contains",
        "No. ",
        "--limit",
        "1",
        "--all",
        "--select",
        "subject,to.0,nothing",
    )
    assert json.loads(done.stdout) == [
        {"subject": f"No. {number}", "to.0": "ann@example.com", "nothing": None} for number in (2, 1, 0)
    ]


def test_a_person_gets_a_table_that_nothing_in_it_can_steer(server: Server) -> None:
    server.send(to="ann@example.com", subject="\u202egnp.exe", markdown="Hi\x1b[31m")
    shown = on_a_terminal(server, "check-inbox")
    assert shown.splitlines()[0].split()[:4] == ["ID", "FROM", "TO", "SUBJECT"]
    assert "ann@exam" in shown and "\\u202e" in shown and "\u202e" not in shown
    email_id = server.call("GET", f"/v1/mailboxes/{server.mailbox_id}/emails").body["emails"][0]["id"]
    assert "\x1b" not in on_a_terminal(server, "read-email", email_id)
    assert "\x1b" not in on_a_terminal(server, "read-email", email_id, "--json")


@pytest.mark.parametrize(
    ("words", "key", "code", "said"),
    [
        (["read-email", "eml_nothing"], "agent", 5, "not_found"),
        (["list-api-keys"], "agent", 4, "insufficient_scope"),
        (
            ["send-email", "--to", "no address", "--subject", "x", "--markdown", "x"],
            "agent",
            7,
            "invalid_fields",
        ),
        (["send-email", "--subject", "x"], "agent", 2, "to is needed"),
        (["send-email", "--to", "a@example.com", "--attach", "/nowhere"], "agent", 2, "/nowhere"),
        (["decide-email", "eml_nothing", "perhaps"], "oversight", 2, "invalid choice"),
        (["read-emial"], "agent", 2, "Did you mean read-email?"),
    ],
)
def test_each_class_of_failure_has_its_exit_code(server: Server, words, key, code, said) -> None:
    done = run(server, *words, key=key)
    assert (done.returncode, done.stdout) == (code, "")
    assert said in done.stderr


def test_no_key_and_no_server(server: Server) -> None:
    assert multimail("get-account", "--server", server.url).returncode == 3
    assert multimail("get-account", "--server", "http://127.0.0.1:1").returncode == 10
    assert len(set(EXIT_CODES.values())) == len(EXIT_CODES) - 1  # ValueError and OSError are both wrong usage


def test_keys_are_made_listed_and_revoked(server: Server) -> None:
    made = json.loads(run(server, "keys", "create", "laptop", "--scopes", "read", key="admin").stdout)
    assert made["scopes"] == ["read"]
    assert server.call("GET", "/v1/account", key=made["api_key"]).status == 200
    listed = run(server, "keys", "--select", "name", key="admin").stdout
    assert {"name": "laptop"} in json.loads(listed)
    assert run(server, "keys", "revoke", made["id"], key="admin").returncode == 0
    assert server.call("GET", "/v1/account", key=made["api_key"]).status == 401


def test_tools_are_printed_without_a_server() -> None:
    done = multimail("tools", "--format", "anthropic", "--names", "send_email,check_inbox")
    assert [tool["name"] for tool in json.loads(done.stdout)] == ["send_email", "check_inbox"]
    assert multimail("tools", "--names", "nothing").returncode == 2


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_knows_commands_and_flags(shell: str) -> None:
    done = multimail("completion", shell)
    assert done.returncode == 0
    assert "send-email" in done.stdout and "subject" in done.stdout
    if shell == "bash":
        script = (
            done.stdout + "\nCOMP_WORDS=(multimail send-e) COMP_CWORD=1; _multimail; echo ${COMPREPLY[@]}"
        )
        script += "\nCOMP_WORDS=(multimail send-email --sub) COMP_CWORD=2; _multimail; echo ${COMPREPLY[@]}"
        answered = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=True).stdout
        assert answered.split() == ["send-email", "--subject"]


def test_an_upload_tells_how_far_it_is() -> None:
    said: list[str] = []
    pieces = list(Upload(b"x" * (2 * CHUNK + 1), said.append))
    assert b"".join(pieces) == b"x" * (2 * CHUNK + 1)
    assert len(said) == 4 and "0.1 of 0.1 MB" in said[2]


def test_what_is_a_list_and_what_is_selected() -> None:
    assert list_of({"emails": [1], "cursor": None}) == [1]
    assert list_of({"id": "x", "to": []}) is None
    assert select({"a": {"b": 1}, "c": 2}, ["a.b"]) == {"a.b": 1}
    assert human({"emails": [], "cursor": None}, 80) == "Nothing."


def test_a_narrow_terminal_keeps_ids_whole() -> None:
    shown = table([{"id": "x" * 30, "subject": "y" * 100, "created_at": "z" * 24}], 60)
    assert "x" * 30 in shown
    assert max(map(len, shown.splitlines())) <= 60
