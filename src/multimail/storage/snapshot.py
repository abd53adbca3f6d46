"""A database as a whole, beside a running server: its schema's version, a consistent copy, its faults."""

import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import psycopg

from multimail.storage.blobs import blob_name


def schema_version(url: str) -> int:
    """The version that its schema has, 0 where it has none yet. Changes nothing. Raises OSError, psycopg.Error."""
    if url.startswith("sqlite:///"):
        path = Path(url.removeprefix("sqlite:///"))
        if not path.is_file():
            return 0
        with _reading(path) as connection:
            return int(connection.execute("PRAGMA user_version").fetchone()[0])
    with psycopg.connect(url, connect_timeout=10) as connection:
        known = connection.execute("SELECT to_regclass('schema_version') IS NOT NULL").fetchone()
        if known is None or not known[0]:
            return 0
        row = connection.execute("SELECT coalesce(max(version), 0) FROM schema_version").fetchone()
        return int(row[0]) if row else 0


def copy_sqlite(source: Path, target: Path) -> None:
    """The database as it is at one moment, in one file without a log beside it; writers go on meanwhile.

    SQLite, "Online Backup API": all pages in one step, of one read transaction.
    """
    with _reading(source) as reading, contextlib.closing(sqlite3.connect(target)) as writing:
        reading.backup(writing)
        writing.execute("PRAGMA journal_mode = DELETE")


def sqlite_faults(path: Path) -> list[str]:
    """What is damaged in the file, in SQLite's words; [] for a sound one."""
    try:
        with _reading(path) as connection:
            found = [str(row[0]) for row in connection.execute("PRAGMA quick_check(20)")]
    except sqlite3.DatabaseError as error:
        return [str(error)]
    return [] if found == ["ok"] else found


def blobs_outside(path: Path) -> list[str]:
    """The names of the blobs that an SQLite database names and that lie in the blob store."""
    with _reading(path) as connection:
        rows = connection.execute("SELECT account_id, sha256 FROM blobs WHERE content IS NULL ORDER BY 1, 2")
        return [blob_name(account_id, sha256) for account_id, sha256 in rows]


@contextlib.contextmanager
def _reading(path: Path) -> Iterator[sqlite3.Connection]:
    with contextlib.closing(sqlite3.connect(path, timeout=15, isolation_level=None)) as connection:
        connection.execute("PRAGMA query_only = ON")
        yield connection
