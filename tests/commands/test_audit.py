"""`multimail audit`: a log that was touched is found out, offline, and the first entry at fault is named."""

import json
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from multimail.core.audit_chain import entry_hash
from multimail.mail import identity
from tests.support.server import Server, command_line

LENGTH = 12


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """A stopped server's database and what it told while it ran: the log, a signed head, its public key."""
    folder = tmp_path_factory.mktemp("audit")
    with Server(folder / "data") as server:
        # Five entries are the first run's, and reading the events is one.
        for number in range(LENGTH - 6):
            assert server.send(to="ada@example.com", subject=f"{number}", markdown="Hi").status == 202
        event = server.until("/v1/events?type=audit.head", lambda page: page["events"])["events"][0]
        log = server.until(
            "/v1/audit-log?limit=100", lambda page: len(page["entries"]) == LENGTH, key="admin"
        )
        jwks = server.call("GET", "/.well-known/multimail-signing-key", key=None).body
        assert server.stop() == 0
    files = {name: (folder / "data" / name).read_bytes() for name in ("multimail.db", "secret.key")}
    return {"files": files, "log": log, "event": event, "jwks": jwks}


@pytest.fixture
def data(made: dict[str, Any], tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    folder.mkdir()
    for name, content in made["files"].items():
        (folder / name).write_bytes(content)
    for name in ("event", "jwks", "log"):
        (folder / f"{name}.json").write_text(json.dumps(made[name]))
    return folder


def verify(data: Path, *more: str | Path) -> "subprocess.CompletedProcess[str]":
    return command_line("audit", "verify", "--data", data, *more)


def tamper(data: Path, sql: str, *values: object) -> None:
    connection = sqlite3.connect(data / "multimail.db")
    with connection:
        assert connection.execute(sql, values).rowcount
    connection.close()


def test_an_untouched_log_holds_and_says_what_is_not_excluded(data: Path) -> None:
    done = verify(data)
    assert (done.returncode, done.stderr) == (0, "")
    assert f"{LENGTH} entries, none changed, none missing" in done.stdout
    assert "--head" in done.stdout


def test_flags_may_stand_before_the_action_too(data: Path) -> None:
    assert command_line("audit", "--data", data, "verify").returncode == 0


@pytest.mark.parametrize(
    ("sql", "says"),
    [
        ("UPDATE audit SET action = 'nothing' WHERE seq = 7", "entry 7 (aud_"),
        ("UPDATE audit SET metadata_json = '{' WHERE seq = 7", "was changed"),
        ("UPDATE audit SET at = at + 1000 WHERE seq = 3", "entry 3 (aud_"),
        ("UPDATE audit SET actor_name = 'someone' WHERE seq = 1", "entry 1 (aud_"),
        ("DELETE FROM audit WHERE seq = 5", "entry 5 is missing (found 6 in its place)"),
        ("DELETE FROM audit WHERE seq <= 2", "entry 1 is missing"),
        (f"DELETE FROM audit WHERE seq = {LENGTH}", f"entry {LENGTH} is missing"),
        ("DELETE FROM audit", "entry 1 is missing"),
        ("UPDATE audit SET seq = NULL WHERE seq >= 11", "entry 11 is missing"),
    ],
)
def test_a_touched_log_is_named(data: Path, sql: str, says: str) -> None:
    tamper(data, sql)
    done = verify(data)
    assert done.returncode == 1
    assert "BROKEN" in done.stdout
    assert says in done.stdout


def test_with_a_signed_head_what_was_cut_off_shows(made: dict[str, Any], data: Path) -> None:
    head = data / "event.json"
    reached = verify(data, "--head", head)
    assert reached.returncode == 0, reached.stdout + reached.stderr
    assert f"up to entry {made['event']['data']['head']['seq']} nothing was cut off" in reached.stdout
    tamper(data, "DELETE FROM audit WHERE seq > 2")
    tamper(data, "DELETE FROM audit_heads")  # whoever has the database can make it agree with itself
    assert verify(data).returncode == 0
    cut = verify(data, "--head", head, "--key", data / "jwks.json")
    assert cut.returncode == 1
    assert "entry 3 is missing: the signed head says" in cut.stdout


def rewritten(entries: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """A log whose first entry was changed and whose chain was made anew."""
    new, prev = [], entries[0]["prev"]
    for entry in entries:
        entry = entry | {"action": "harmless" if not new else entry["action"], "prev": prev}
        prev = entry["hash"] = entry_hash(entry)
        new.append(entry)
    return new


def test_a_log_that_was_made_anew_does_not_reach_the_head(made: dict[str, Any], data: Path) -> None:
    file = data / "log.jsonl"
    file.write_text("".join(json.dumps(entry) + "\n" for entry in rewritten(made["log"]["entries"][::-1])))
    assert verify(data, "--file", file).returncode == 0  # consistent in itself
    done = verify(data, "--file", file, "--head", data / "event.json")
    assert done.returncode == 1
    assert "the log was rewritten" in done.stdout


@pytest.mark.parametrize("claim", ["account_id", "seq", "hash", "at", "signature"])
def test_a_head_that_was_touched_proves_nothing(made: dict[str, Any], data: Path, claim: str) -> None:
    head = dict(made["event"]["data"]["head"])
    head[claim] = 2 if claim == "seq" else "A" + head[claim][1:]
    (data / "head.json").write_text(json.dumps(head))
    done = verify(data, "--file", data / "log.json", "--head", data / "head.json")
    assert done.returncode == 1
    assert "proves nothing" in done.stderr


def test_a_head_of_another_key_proves_nothing(data: Path) -> None:
    (data / "jwks.json").write_text(json.dumps(identity.jwks([identity.generate_key().public_key()])))
    done = verify(data, "--head", data / "event.json", "--key", data / "jwks.json")
    assert done.returncode == 1
    assert "not of this key" in done.stderr


def pages(entries: list[dict[str, Any]]) -> str:
    """Newest first, in two pages, one a line, as two calls of get_audit_log leave them."""
    return "\n".join(json.dumps({"entries": part, "cursor": None}) for part in (entries[:5], entries[5:]))


@pytest.mark.parametrize(
    "write",
    [
        lambda entries: json.dumps({"entries": entries}),
        lambda entries: json.dumps({"entries": entries}, indent=2),
        pages,
        lambda entries: "\n".join(json.dumps(entry) for entry in reversed(entries)) + "\n",
    ],
    ids=["page", "indented", "pages", "lines"],
)
def test_a_file_of_entries_is_enough(
    made: dict[str, Any], tmp_path: Path, write: Callable[[list[dict[str, Any]]], str]
) -> None:
    """No database, no server: the file alone."""
    entries = made["log"]["entries"]
    done = command_line("audit", "verify", "--file", "-", stdin=write(entries).encode())
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{LENGTH} entries" in done.stdout
    changed = [entry | {"resource_id": "eml_other"} if entry["seq"] == 4 else entry for entry in entries]
    done = command_line("audit", "verify", "--file", "-", stdin=write(changed).encode())
    assert done.returncode == 1
    assert "entry 4 (aud_" in done.stdout


@pytest.mark.parametrize(
    "content",
    [
        "",
        "\n",
        "[]",
        "[1]",
        "null",
        "{",
        "[" * 100_000,
        '{"entries": 3}',
        '{"entries": []}',
        '{"id": 1}\n{',
        "\xff",
    ],
)
def test_files_that_are_no_log_are_exit_1_without_a_traceback(content: str) -> None:
    done = command_line("audit", "verify", "--file", "-", stdin=content.encode("latin-1"))
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert "none changed" not in done.stdout


def test_what_an_entry_says_cannot_steer_the_terminal(made: dict[str, Any]) -> None:
    entry = made["log"]["entries"][-1] | {"id": "\x1b[2J\n"}
    done = command_line("audit", "verify", "--file", "-", stdin=json.dumps(entry).encode())
    assert done.returncode == 1
    assert "\x1b" not in done.stdout
    assert len(done.stdout.splitlines()) <= 2


def test_what_was_exported_is_the_log_oldest_first(made: dict[str, Any], data: Path) -> None:
    done = command_line("audit", "export", "--data", data)
    assert done.returncode == 0
    assert [json.loads(line) for line in done.stdout.splitlines()] == made["log"]["entries"][::-1]
    again = command_line("audit", "verify", "--file", "-", stdin=done.stdout.encode())
    assert again.returncode == 0


def test_a_reader_that_has_seen_enough_is_no_error_worth_a_traceback(data: Path) -> None:
    tamper(data, "UPDATE audit SET metadata_json = ?", json.dumps({"long": "x" * 50_000}))
    command = [sys.executable, "-m", "multimail", "audit", "export", "--data", str(data)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as export:
        assert export.stdout is not None
        assert export.stderr is not None
        export.stdout.read(10)
        export.stdout.close()
        assert export.stderr.read() == b""
        assert export.wait(30) == 1


def test_a_running_server_s_log_can_be_verified(server: Server) -> None:
    server.until("/v1/audit-log", lambda page: page["entries"], key="admin")
    assert verify(server.data).returncode == 0


def test_an_absent_database_is_not_made(tmp_path: Path) -> None:
    done = verify(tmp_path / "none")
    assert done.returncode == 2
    assert "there is no database" in done.stderr
    assert not (tmp_path / "none").exists()


def test_an_account_that_is_not_there(data: Path) -> None:
    assert verify(data, "--account", "local").returncode == 0
    done = verify(data, "--account", "acme")
    assert done.returncode == 1
    assert "there is no account acme" in done.stderr


def test_without_the_secret_key_a_head_is_checked_by_a_public_one(made: dict[str, Any], data: Path) -> None:
    (data / "secret.key").unlink()
    (data / "head.json").write_text(json.dumps(made["event"]))
    (data / "keys.json").write_text(json.dumps(made["jwks"]))
    done = verify(data, "--head", data / "head.json")
    assert done.returncode == 1
    assert "--key" in done.stderr
    assert not (data / "secret.key").exists()
    assert verify(data, "--head", data / "head.json", "--key", data / "keys.json").returncode == 0
