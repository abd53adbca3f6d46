"""Where a text is still to be found: in every column of every table, and in every file beside the database."""

from pathlib import Path
from typing import Any

from tests.support import mailroom
from tests.support.world import World

# What SQLite makes for its full text index is not looked into: merged later, it has words of rows that are gone.
TABLES = {
    "sqlite": "SELECT name FROM sqlite_master "
    "WHERE type = 'table' AND name NOT LIKE 'sqlite_%' AND name NOT LIKE 'search_%'",
    "postgres": "SELECT table_name AS name FROM information_schema.tables WHERE table_schema = 'public'",
}


async def places_of(world: World, folder: Path, text: str) -> set[str]:
    """`table.column` and paths below `folder` that have the text in them, whatever its case."""
    found = set()
    for table in await mailroom.execute(world, TABLES[world.services.db.dialect]):
        for row in await mailroom.execute(world, f"SELECT * FROM {table['name']}"):
            found |= {f"{table['name']}.{name}" for name, value in dict(row).items() if has(value, text)}
    for path in folder.rglob("*"):
        if path.is_file() and not path.name.startswith("multimail.db"):
            found |= {str(path.relative_to(folder))} if has(path.read_bytes(), text) else set()
    return found


def has(value: Any, text: str) -> bool:
    """Quoted-printable and base64 are the caller's to think of."""
    content = bytes(value) if isinstance(value, bytes | memoryview) else str(value).encode()
    return text.lower().encode() in content.lower()
