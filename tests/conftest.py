"""Fixtures and rules that every test shares. What starts processes is in tests/support/."""

import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from functools import cache
from pathlib import Path

import pytest
from hypothesis import settings as hypothesis_settings

from multimail.storage.postgres import PostgresDatabase
from tests.support import postgres
from tests.support.agents import Desk
from tests.support.server import Server
from tests.support.skips import IN_CI, pytest_make_collect_report, pytest_runtest_makereport
from tests.support.world import World, build_world

__all__ = ["pytest_make_collect_report", "pytest_runtest_makereport"]  # hooks that pytest finds here

SESSION_FOLDER = "MULTIMAIL_TEST_SESSION"
SESSION_OWNER = "MULTIMAIL_TEST_OWNER"
ROOT = Path(__file__).parent.parent

# Wall-clock deadlines say how busy the machine is, not whether the code is right.
hypothesis_settings.register_profile("local", deadline=None)
hypothesis_settings.register_profile("ci", deadline=None, derandomize=True, print_blob=True)
hypothesis_settings.load_profile("ci" if IN_CI else "local")


def pytest_configure(config: pytest.Config) -> None:
    """The process that outlives the others (pytest, or xdist's controller) owns the session's folder."""
    if not hasattr(config, "workerinput"):
        os.environ[SESSION_FOLDER] = tempfile.mkdtemp(prefix="multimail-tests-")
        os.environ[SESSION_OWNER] = str(os.getpid())


def pytest_unconfigure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput") and SESSION_FOLDER in os.environ:
        folder = Path(os.environ.pop(SESSION_FOLDER))
        postgres.stop_shared_servers(folder)
        shutil.rmtree(folder, ignore_errors=True)


def debian_packages() -> dict[str, Path]:
    """Package name → the file that shows it is installed."""
    lines = (ROOT / "scripts" / "debian-packages.txt").read_text().splitlines()
    pairs = (line.split() for line in lines if line.strip() and not line.startswith("#"))
    return {package: Path(file) for package, file in pairs}


def pytest_runtest_setup(item: pytest.Item) -> None:
    for marker in item.iter_markers("debian"):
        (package,) = marker.args
        if not debian_packages()[package].exists():
            pytest.skip(f"needs Debian's {package}")


def server_url(*, durable: bool = False) -> str:
    if not postgres.installed():
        pytest.skip("needs Debian's postgresql-15")
    folder, owner = Path(os.environ[SESSION_FOLDER]), int(os.environ[SESSION_OWNER])
    return postgres.shared_server(folder, owner, durable=durable)


@pytest.fixture
def postgres_url() -> Iterator[str]:
    """The URL of a fresh, empty database on the session's PostgreSQL (fsync off)."""
    with postgres.fresh_database(server_url()) as url:
        yield url


@pytest.fixture
def durable_postgres_url() -> Iterator[str]:
    """As `postgres_url`, on a server that keeps fsync on: for tests of crashes."""
    with postgres.fresh_database(server_url(durable=True)) as url:
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of a fresh database without rows: the test runs once on SQLite and once on PostgreSQL."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path}/multimail.db"
        return
    server = server_url()
    with postgres.fresh_database(server, migrated_template(server)) as url:
        yield url


@cache
def migrated_template(server: str) -> str:
    return postgres.template(server, lambda url: PostgresDatabase(url).migrate())


@pytest.fixture
async def world(database_url: str, tmp_path: Path) -> AsyncIterator[World]:
    """One account with keys, a mailbox and the HTTP surface, on each database."""
    async with build_world(database_url, tmp_path) as built:
        yield built


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    """`multimail serve` in a process of its own: SQLite, sandbox delivery, a fresh folder, free ports."""
    with Server(tmp_path / "data") as running:
        yield running


@pytest.fixture
def desk(server: Server) -> Desk:
    """That server as an agent and its human use it."""
    return Desk(server)


@pytest.fixture
def no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    """For SDKs whose HTTP clients read the environment."""
    for name in list(os.environ):
        if name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)
