"""`multimail secrets`: keys are exchanged while the server runs, older ones forgotten, lost ones lived without."""

import sqlite3
import subprocess
from pathlib import Path
from typing import Any

import pytest

from multimail.core.secret_keys import key_id, parse_keys, write_key
from tests.support.server import Server, command_line, multimail

KEY = write_key(b"k" * 32)


def secrets(data: Path, action: str, *more: str, key: str = "") -> subprocess.CompletedProcess[str]:
    return command_line(
        "secrets", action, *more, "--data", str(data), environment={"MULTIMAIL_SECRET_KEY": key}
    )


def keys(data: Path) -> list[str]:
    return [key_id(key) for key in parse_keys((data / "secret.key").read_text())]


def envelopes(data: Path) -> list[str]:
    connection = sqlite3.connect(data / "multimail.db")
    try:
        queries = [
            "SELECT secret FROM webhooks",
            "SELECT private_pem FROM signing_keys",
            "SELECT private_pem FROM dkim_keys WHERE private_pem <> ''",
        ]
        return [row[0] for query in queries for row in connection.execute(query)]
    finally:
        connection.close()


def add_webhook(server: Server) -> Any:
    answer = server.call("POST", "/v1/webhooks", {"url": "http://127.0.0.1:8999/hook"}, key="admin")
    assert answer.status == 201, answer
    return answer.body


def test_a_key_is_exchanged_under_a_running_server(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with Server(data) as server:
        add_webhook(server)
        (old,) = keys(data)
        done = secrets(data, "rotate")
        assert done.returncode == 0, done.stderr
        new, kept = keys(data)
        assert kept == old and new in done.stdout
        assert len(envelopes(data)) == 6
        assert all(one.startswith(f"mm1:{new}:") for one in envelopes(data))
        jwks = server.call("GET", "/.well-known/multimail-signing-key", key=None).body
        assert "another server runs" in secrets(data, "forget").stderr
        add_webhook(server)  # sealed with the old key, by a server that has not heard of the new one
        assert server.stop() == 0
    done = secrets(data, "forget")
    assert done.returncode == 0, done.stderr
    assert keys(data) == [new]
    assert all(one.startswith(f"mm1:{new}:") for one in envelopes(data))
    with Server(data) as server:
        assert server.call("GET", "/.well-known/multimail-signing-key", key=None).body == jwks


def test_from_the_file_to_the_environment(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with Server(data):
        pass
    assert secrets(data, "rotate", key=KEY).returncode == 0
    assert secrets(data, "forget", key=KEY).returncode == 0
    assert not (data / "secret.key").exists()
    with Server(data, environment={"MULTIMAIL_SECRET_KEY": KEY}) as server:
        assert server.send(to="ada@example.com", subject="s", markdown="m").status == 202


def test_a_lost_key_is_told_and_can_be_lived_without(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with Server(data) as server:
        webhook = add_webhook(server)
        jwks = server.call("GET", "/.well-known/multimail-signing-key", key=None).body
        assert server.stop() == 0
    assert "no key is lost" in secrets(data, "abandon", "--yes").stderr
    (lost,) = keys(data)
    (data / "secret.key").unlink()
    for words in (("serve", "--http", "127.0.0.1:0", "--smtp", "127.0.0.1:0"), ("operator", "code")):
        told = command_line(*words, "--data", str(data))
        assert told.returncode == 1
        assert f"{lost}, which is not here" in told.stderr and "webhooks" in told.stderr
        assert "Traceback" not in told.stderr
        assert not (data / "secret.key").exists()
    told = secrets(data, "abandon")
    assert told.returncode == 1 and "--yes" in told.stderr
    done = secrets(data, "abandon", "--yes")
    assert done.returncode == 0, done.stderr
    assert "1 of webhooks, 3 of signing_keys, 2 of dkim_keys" in done.stdout
    with Server(data) as server:
        assert server.call("GET", "/.well-known/multimail-signing-key", key=None).body != jwks
        assert server.call("GET", f"/v1/webhooks/{webhook['id']}", key="admin").status == 404
        assert server.send(to="ada@example.com", subject="s", markdown="m").status == 202


@pytest.mark.parametrize("wrong", ["too short", "zz" * 32])
def test_a_key_that_is_none_is_a_wrong_setting(tmp_path: Path, wrong: str) -> None:
    done = multimail("serve", "--data", str(tmp_path / "data"), environment={"MULTIMAIL_SECRET_KEY": wrong})
    assert done.returncode == 2
    assert "secret-key: each is 32 random bytes" in done.stderr
    assert wrong not in done.stderr
