"""Migrations: numbered plain SQL files, applied in order, each in one transaction.

`0001_name.sql` runs on both databases, then `0001_name.sqlite.sql` or `0001_name.postgres.sql` where there is
one. They expand before they contract: the release before must run on the schema after.

Tables of short rows say WITHOUT ROWID, which only SQLite knows: there they are one B-tree with their primary key, not
two, and a send writes a third fewer.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

FOLDER: Final = Path(__file__).parent / "migrations"


class SchemaTooNew(Exception):
    """The database was migrated by a newer release; this one would misread it."""


def latest() -> int:
    return max(int(path.name[:4]) for path in FOLDER.glob("[0-9]*.sql"))


def statements(dialect: str, after: int) -> Iterator[tuple[int, list[str]]]:
    """(version, statements) of every migration newer than `after`."""
    for path in sorted(FOLDER.glob("[0-9][0-9][0-9][0-9]_*.sql")):
        version = int(path.name[:4])
        if version > after and path.name.count(".") == 1:
            special = path.with_suffix(f".{dialect}.sql")
            text = path.read_text() + (special.read_text() if special.exists() else "")
            yield version, _split(text if dialect == "sqlite" else text.replace(") WITHOUT ROWID;", ");"))


def migrate(dialect: str, current: int, apply: Callable[[int, list[str]], None]) -> None:
    """Brings a schema at version `current` (0: empty) to the latest. Raises SchemaTooNew."""
    if current > latest():
        raise SchemaTooNew(
            f"the schema is version {current}, this release knows {latest()}: run a newer release"
        )
    for version, script in statements(dialect, current):
        apply(version, script)


def _split(text: str) -> list[str]:
    """Our migrations hold no semicolons inside statements, and comments on lines of their own."""
    code = "\n".join(line for line in text.splitlines() if not line.startswith("--"))
    return [statement.strip() for statement in code.split(";") if statement.strip()]
