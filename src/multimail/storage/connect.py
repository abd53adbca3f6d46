"""From a URL to a database: the one place that knows both implementations."""

from pathlib import Path

from multimail.storage.database import Database
from multimail.storage.sqlite import SqliteDatabase


def open_database(url: str) -> Database:
    """`sqlite:///path/to/file` or `postgresql://…`; `open()` it before use."""
    if url.startswith("sqlite:///"):
        return SqliteDatabase(Path(url.removeprefix("sqlite:///")))
    if url.startswith(("postgresql://", "postgres://")):
        # Its driver is 10 MiB that SQLite does without.
        from multimail.storage.postgres import PostgresDatabase

        return PostgresDatabase(url)
    raise ValueError(f"not a database URL: it starts with neither sqlite:/// nor postgresql://: {url!r}")
