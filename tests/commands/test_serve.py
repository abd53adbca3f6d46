"""`multimail serve` as a process: its flags, its files, its banner, its exit codes, its end."""

import json
import re
import socket
import stat
from pathlib import Path

import psutil
import pytest

from tests.support.server import Server, multimail


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_the_first_run_makes_two_key_files_for_their_owner_alone(server: Server) -> None:
    for file, names in (
        ("credentials.env", "URL ADDRESS MAILBOX_ID API_KEY TEST_KEY"),
        ("operator.env", "URL OVERSIGHT_KEY ADMIN_KEY"),
    ):
        path = server.data / file
        assert mode(path) == 0o600
        lines = path.read_text().splitlines()
        assert [line.split("=")[0] for line in lines] == [f"MULTIMAIL_{name}" for name in names.split()]
    assert server.address == "agent@local.multimail.test"
    account = {name: server.call("GET", "/v1/account", key=name).body["key"] for name in server.keys}
    assert {name: (key["scopes"], key["test"]) for name, key in account.items()} == {
        "agent": (["read", "send"], False),
        "test": (["read", "send"], True),
        "oversight": (["oversight", "read"], False),
        "admin": (["admin", "read"], False),
    }
    box = server.call("GET", f"/v1/mailboxes/{server.mailbox_id}").body
    assert (box["address"], box["oversight_mode"]) == (server.address, "gated_send")


def test_nothing_in_the_data_folder_is_for_others_to_read(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir(mode=0o755)  # one that was there before, open to all
    with Server(data) as server:
        server.send(to="ada@example.com", subject="Large", markdown="word " * 40_000)
        files = [path for path in data.rglob("*") if path.is_file()]
        assert len(files) >= 5
        assert {path.name: oct(mode(path)) for path in files if mode(path) & 0o077} == {}


def test_the_banner_says_what_runs_where_and_no_secret(server: Server) -> None:
    banner = server.log.read_text()
    assert server.url in banner
    assert f"127.0.0.1:{server.smtp_port}" in banner
    assert "nothing leaves this machine" in banner
    assert f"multimail demo --data {server.data}" in banner
    assert not re.search(r"mm_(live|test)_", banner)


def test_sigterm_stops_it_and_leaves_nothing_behind(server: Server) -> None:
    assert server.process is not None
    family = [psutil.Process(server.process.pid)]
    family += family[0].children(recursive=True)
    port = server.smtp_port
    server.send(to="ada@example.com", subject="Hello", markdown="Hi")
    assert server.stop() == 0
    assert psutil.wait_procs(family, timeout=0)[1] == []
    assert not (server.data / "running.json").exists()
    assert [path.name for path in server.data.iterdir() if path.name.endswith(("-wal", "-shm"))] == []
    with pytest.raises(ConnectionRefusedError), socket.create_connection(("127.0.0.1", port), 1):
        pass


def test_sigterm_does_not_wait_for_who_just_listens(server: Server) -> None:
    with socket.create_connection((server.smtp_host, server.smtp_port), 5) as idle:
        assert idle.recv(4) == b"220 "
        host, _, port = server.url.removeprefix("http://").rpartition(":")
        with socket.create_connection((host, int(port)), 5) as stream:
            key = server.keys["agent"]
            head = f"GET /v1/events HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {key}\r\n"
            stream.sendall(f"{head}Accept: text/event-stream\r\n\r\n".encode())
            assert b" 200 " in stream.recv(100)
            assert server.stop() == 0


def test_a_second_start_keeps_account_keys_and_mail(server: Server) -> None:
    keys = server.keys
    sent = server.send(to="ada@example.com", subject="Hello", markdown="Hi").body
    server.kill()
    server.start()
    assert server.keys == keys
    assert server.call("GET", f"/v1/messages/{sent['id']}").body["status"] == "pending_approval"


def test_the_first_run_s_audit_entries_say_what_each_was_about(server: Server) -> None:
    page = server.until("/v1/audit-log", lambda page: len(page["entries"]) == 5, key="admin")
    made = sorted((entry["action"], sorted(entry["metadata"])) for entry in page["entries"])
    mailbox = ("create_mailbox", ["address", "oversight_mode", "wanted_mode"])
    assert made == [*[("create_api_key", ["limited", "scopes", "test"])] * 4, mailbox]


def test_running_json_tells_where_it_listens(server: Server) -> None:
    found = json.loads((server.data / "running.json").read_text())
    assert server.process is not None
    assert found == {
        "pid": server.process.pid,
        "api": server.url,
        "url": server.url,
        "smtp": f"127.0.0.1:{server.smtp_port}",
        "delivery": "sandbox",
        "submission": "",
        "submission_tls": "",
    }


def test_a_port_in_use_costs_no_keys(tmp_path: Path) -> None:
    """The first start fails after the account was made; the keys of its files are those of the second start."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = multimail(
            "serve", "--data", tmp_path / "data", "--http", "127.0.0.1:0", "--smtp", f"127.0.0.1:{port}"
        )
    assert done.returncode == 1
    assert done.stderr.startswith("multimail: ")
    assert f"127.0.0.1:{port}" in done.stderr
    assert "in use" in done.stderr
    with Server(tmp_path / "data") as server:
        assert server.call("GET", "/v1/account").status == 200


@pytest.mark.parametrize(
    ("flags", "says"),
    [
        (["--role", "boss"], "role"),
        (["--role", "http"], "PostgreSQL"),
        (["--http", "8025"], "http: HOST:PORT"),
        (["--database", "mysql://x"], "database"),
        (["--deliver", "carrier-pigeon"], "deliver"),
        (["--tls-cert", "x.pem"], "tls-key"),
        (["--tls-cert", "x.pem", "--tls-key", "y.pem"], "x.pem"),
        (["--public-url", "mail.example.com"], "public-url"),
    ],
)
def test_settings_that_make_no_sense_are_told_in_a_line(tmp_path: Path, flags: list[str], says: str) -> None:
    done = multimail("serve", "--data", tmp_path / "data", *flags)
    assert done.returncode == 2
    assert done.stdout == ""
    assert says in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize(
    "database", ["postgresql://nobody@127.0.0.1:1/none?connect_timeout=1", "sqlite:////proc/none/x.db"]
)
def test_a_database_out_of_reach_is_told_without_a_traceback(tmp_path: Path, database: str) -> None:
    ports = ["--http", "127.0.0.1:0", "--smtp", "127.0.0.1:0"]
    done = multimail("serve", "--data", tmp_path / "data", "--database", database, *ports)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert "multimail: " in done.stderr


def test_flags_beat_variables(tmp_path: Path) -> None:
    environment = {"MULTIMAIL_DOMAIN": "one.test", "MULTIMAIL_LOG": "json"}
    with Server(tmp_path / "data", "--domain", "two.test", environment=environment) as server:
        assert server.address == "agent@local.two.test"
