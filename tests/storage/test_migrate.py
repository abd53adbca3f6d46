"""Migrations: numbered, in order, the same tables on both databases."""

import sqlite3
from pathlib import Path

import psycopg
import pytest

from multimail.storage.connect import open_database
from multimail.storage.database import bind
from multimail.storage.migrate import FOLDER, SchemaTooNew, latest, migrate, statements
from multimail.storage.postgres import PostgresDatabase
from multimail.storage.sqlite import SqliteDatabase


def test_numbers_leave_no_gap() -> None:
    numbers = sorted({int(path.name[:4]) for path in FOLDER.glob("*.sql")})
    assert numbers == list(range(1, latest() + 1))
    for dialect in ("sqlite", "postgres"):
        assert [version for version, _ in statements(dialect, 0)] == numbers
        assert list(statements(dialect, latest())) == []


def test_only_what_is_newer_is_applied() -> None:
    applied: list[int] = []
    migrate("sqlite", latest(), lambda version, script: applied.append(version))
    assert applied == []
    with pytest.raises(SchemaTooNew):
        migrate("sqlite", latest() + 1, lambda version, script: applied.append(version))
    migrate("sqlite", 0, lambda version, script: applied.append(version))
    assert applied == list(range(1, latest() + 1))


async def test_both_databases_get_the_same_tables(tmp_path: Path, postgres_url: str) -> None:
    for url in (f"sqlite:///{tmp_path}/multimail.db", postgres_url):
        db = open_database(url)
        await db.open()
        await db.close()
    with sqlite3.connect(tmp_path / "multimail.db") as lite, psycopg.connect(postgres_url) as full:
        tables = {
            row[0]: {column[1] for column in lite.execute(f"PRAGMA table_info({row[0]})")}
            for row in lite.execute(
                "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
                " AND name NOT LIKE 'search_%'"  # what SQLite makes for its full text index
            )
        }
        columns = full.execute(
            "SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = 'public'"
        ).fetchall()
        indexes = {row[0] for row in lite.execute("SELECT name FROM sqlite_master WHERE type = 'index'")}
        rows = full.execute("SELECT indexname FROM pg_indexes WHERE schemaname = 'public'").fetchall()
    lite.close()
    others: dict[str, set[str]] = {}
    for table, column in columns:
        others.setdefault(table, set()).add(column)
    others.pop("schema_version")
    assert tables == others
    named = {name for name in indexes if not name.startswith("sqlite_")}
    assert {row[0] for row in rows} >= named - {"events_by_id"}  # a primary key on PostgreSQL


@pytest.mark.parametrize("url", ["sqlite:///x/y.db", "postgresql://h/d", "postgres://h/d"])
def test_a_url_names_its_database(url: str) -> None:
    assert isinstance(open_database(url), SqliteDatabase if url.startswith("sqlite") else PostgresDatabase)


@pytest.mark.parametrize("url", ["", "multimail.db", "mysql://h/d", "sqlite://x.db"])
def test_another_url_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="database URL"):
        open_database(url)


def test_both_databases_have_the_same_queries() -> None:
    assert set(vars(bind("sqlite", None))) == set(vars(bind("postgres", None)))
