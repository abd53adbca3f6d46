"""Backup and restore: taken while mail comes and goes, restored elsewhere, and used."""

import io
import shutil
import sqlite3
import tarfile
import threading
from pathlib import Path

import psycopg
import pytest

from multimail.commands.archive import BadArchive, unpack
from multimail.storage.migrate import latest
from tests.support.server import Server, command_line


@pytest.fixture
def busy(server: Server):
    """A server that is written to from several sides until the test ends."""
    stop = threading.Event()
    large = "x" * 100_000  # lies outside the database

    def write(name: int) -> None:
        number = 0
        while not stop.is_set():
            number += 1
            attached = [{"name": "a.txt", "content": f"{name} {number} {large}".encode().hex()[:150_000]}]
            server.send(to="ann@example.com", subject=f"{name}-{number}", markdown="x", attachments=attached)

    threads = [threading.Thread(target=write, args=(name,)) for name in range(3)]
    for thread in threads:
        thread.start()
    yield server
    stop.set()
    for thread in threads:
        thread.join()


def listed(server: Server, key: str) -> list[dict]:
    emails, cursor = [], ""
    while cursor is not None:
        page = server.call(
            "GET", f"/v1/mailboxes/{server_mailbox(server, key)}/emails?limit=100{cursor}", key=key
        ).body
        emails += page["emails"]
        cursor = page["cursor"] and f"&cursor={page['cursor']}"
    return emails


def server_mailbox(server: Server, key: str) -> str:
    return server.call("GET", "/v1/mailboxes", key=key).body["mailboxes"][0]["id"]


def test_a_backup_of_a_busy_server_is_restored_whole(busy: Server, tmp_path: Path) -> None:
    key = busy.keys["agent"]
    before = len(listed(busy, key))
    file = tmp_path / "backup.tar.gz"
    done = command_line("backup", file, "--data", busy.data)
    assert (done.returncode, done.stderr) == (0, "")
    assert file.stat().st_mode & 0o777 == 0o600
    assert "NOT in it: secret.key, credentials.env, operator.env" in done.stdout
    assert not [path for path in busy.data.iterdir() if path.name.startswith(".backup")]
    assert command_line("restore", file, "--check", "--data", tmp_path / "unused").returncode == 0
    assert not (tmp_path / "unused").exists()

    restored = tmp_path / "restored"
    done = command_line("restore", file, "--data", restored)
    assert (done.returncode, done.stderr) == (0, "")
    shutil.copy(busy.data / "secret.key", restored)
    with Server(restored) as again:
        emails = listed(again, key)
        assert len(emails) >= before
        for email in emails:
            path = f"/v1/mailboxes/{email['mailbox_id']}/emails/{email['id']}/attachments/a.txt"
            assert again.call("GET", path, key=key).status == 200  # every large message came along
    assert command_line("audit", "verify", "--data", restored).returncode == 0


def test_secrets_are_in_it_only_where_asked_for_and_it_says_so(server: Server, tmp_path: Path) -> None:
    secret = (server.data / "secret.key").read_text()
    without = command_line("backup", tmp_path / "a.tar", "--data", server.data)
    assert "Without secret.key what is restored does not start" in without.stdout
    assert (
        "secret.key is not in it"
        in command_line("restore", tmp_path / "a.tar", "--data", tmp_path / "a").stdout
    )
    with_them = command_line("backup", tmp_path / "b.tar", "--with-secrets", "--data", server.data)
    assert "In it, too: secret.key, credentials.env, operator.env" in with_them.stdout
    done = command_line("restore", tmp_path / "b.tar", "--data", tmp_path / "b")
    assert done.returncode == 0
    assert (tmp_path / "b" / "secret.key").read_text() == secret
    assert (tmp_path / "b" / "secret.key").stat().st_mode & 0o777 == 0o600


def test_nothing_is_replaced_by_mistake(server: Server, tmp_path: Path) -> None:
    file = tmp_path / "a.tar"
    assert command_line("backup", file, "--data", server.data).returncode == 0
    assert command_line("backup", file, "--data", server.data).returncode == 1
    assert command_line("backup", file, "--force", "--data", server.data).returncode == 0
    refused = command_line("restore", file, "--data", server.data)
    assert (refused.returncode, "is not empty" in refused.stderr) == (2, True)


def test_a_damaged_backup_is_refused_before_anything_is_restored(server: Server, tmp_path: Path) -> None:
    file = tmp_path / "a.tar"
    assert command_line("backup", file, "--data", server.data).returncode == 0
    whole = file.read_bytes()
    for damaged in (whole[: len(whole) // 2], whole[:70_000] + b"\xff" + whole[70_001:], b"nonsense"):
        file.write_bytes(damaged)
        done = command_line("restore", file, "--data", tmp_path / "restored")
        assert done.returncode == 1, done
        assert not (tmp_path / "restored").exists()


@pytest.mark.parametrize("name", ["../evil", "/etc/evil", "blobs/../../x", "other.txt"])
def test_names_that_lead_elsewhere_are_refused(tmp_path: Path, name: str) -> None:
    with tarfile.open(tmp_path / "a.tar", "w") as tar:
        about = tarfile.TarInfo(name)
        about.size = 1
        tar.addfile(about, io.BytesIO(b"x"))
    (tmp_path / "to").mkdir()
    with pytest.raises(BadArchive):
        unpack(tmp_path / "a.tar", tmp_path / "to")
    assert not list((tmp_path / "to").iterdir())


def test_postgresql_is_dumped_and_loaded(postgres_url: str, tmp_path: Path) -> None:
    with Server(tmp_path / "data", "--database", postgres_url) as server:
        email_id = server.send(to="ann@example.com", subject="Kept", markdown="x").body["id"]
        key = server.keys["agent"]
        done = command_line("backup", tmp_path / "a.tar", "--data", server.data, "--database", postgres_url)
        assert (done.returncode, done.stderr) == (0, "")
    wrong = command_line(
        "restore", tmp_path / "a.tar", "--data", tmp_path / "again", "--database", postgres_url
    )
    assert wrong.returncode == 2  # there is a MultiMail in it
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute("DROP SCHEMA public CASCADE")
        connection.execute("CREATE SCHEMA public")
    done = command_line(
        "restore", tmp_path / "a.tar", "--data", tmp_path / "again", "--database", postgres_url
    )
    assert (done.returncode, done.stderr) == (0, "")
    shutil.copy(tmp_path / "data" / "secret.key", tmp_path / "again")
    with Server(tmp_path / "again", "--database", postgres_url) as again:
        assert again.call("GET", f"/v1/messages/{email_id}", key=key).body["id"] == email_id


def test_migrate_tells_and_brings_the_schema_up(server: Server, tmp_path: Path) -> None:
    assert f"version {latest()}" in command_line("migrate", "--data", server.data).stdout
    old = tmp_path / "old"
    old.mkdir()
    sqlite3.connect(old / "multimail.db").close()
    (old / "multimail.db").touch()
    assert command_line("migrate", "--check", "--data", old).returncode == 1
    assert f"is {latest()} now" in command_line("migrate", "--data", old).stdout
    assert command_line("migrate", "--check", "--data", old).returncode == 0
    assert command_line("migrate", "--data", tmp_path / "nowhere").returncode == 2
