"""The tests' own PostgreSQL: fresh for each test, shared by the session, gone with its owner."""

import contextlib
import os
import select
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest

from tests.support import postgres

pytestmark = pytest.mark.debian("postgresql-15")


@pytest.mark.parametrize("turn", [1, 2])
def test_each_test_gets_an_empty_database(postgres_url: str, turn: int) -> None:
    with psycopg.connect(postgres_url) as connection:
        connection.execute("CREATE TABLE only_here (turn integer)")  # fails the second time if it were shared
        row = connection.execute("SHOW server_version_num").fetchone()
    assert row is not None
    assert row[0].startswith("15")


def test_both_databases_are_served(database_url: str) -> None:
    assert urlsplit(database_url).scheme in {"sqlite", "postgresql"}


def test_a_database_is_dropped_under_its_users(postgres_url: str) -> None:
    server = postgres_url.rsplit("/", 1)[0] + "/postgres"
    with postgres.fresh_database(server) as url:
        left_open = psycopg.connect(url)
    with contextlib.closing(left_open), pytest.raises(psycopg.OperationalError):
        left_open.execute("SELECT 1")
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(url)


def test_the_server_ends_and_its_files_go_when_the_owner_is_killed(tmp_path: Path) -> None:
    session = tmp_path / "session"
    session.mkdir()
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as owner:
        url = postgres.shared_server(session, owner.pid, durable=True)
        assert postgres.shared_server(session, owner.pid, durable=True) == url  # the same one, not another
        with psycopg.connect(url) as connection:
            row = connection.execute(
                "SELECT current_setting('data_directory'), current_setting('fsync')"
            ).fetchone()
        assert row is not None
        data, fsync = row
        assert fsync == "on"
        keeper = os.pidfd_open(int((session / "durable.pid").read_text()))
        try:
            owner.kill()
            ended, _, _ = select.select([keeper], [], [], 30)
        finally:
            os.close(keeper)
    assert ended
    assert not Path(data).parent.exists()
    assert not session.exists()
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(url)
