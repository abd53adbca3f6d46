"""What everyone sees of the database: units of work, handed to `read` or `write`.

A unit is a plain synchronous function of a `Tx`. It may run more than once before it counts (a read that
turned out long, a write that met a serialisation failure), so it does nothing but talk to its `Tx`.
Whether a unit runs on the event loop or on a thread is the implementation's own business.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache, partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Literal, Protocol, TypeVar

import aiosql
from aiosql.types import SQLOperationType

T = TypeVar("T")
Row = Any  # a mapping by column name: sqlite3.Row or dict
Dialect = Literal["sqlite", "postgres"]
SQL_FOLDER = Path(__file__).parent


@dataclass(slots=True)
class Tx:
    """One transaction. `sql` has the named queries of storage/*.sql, bound to its connection.

    `notify` wakes the subscribers of a channel, in every process, once the transaction has committed.
    """

    sql: Any
    dialect: Dialect
    notices: set[tuple[str, str]] = field(default_factory=set)

    def notify(self, channel: str, payload: str = "") -> None:
        self.notices.add((channel, payload))


Unit = Callable[[Tx], T]


class StorageFull(Exception):
    """The disk, or what the database may use of it, is full. Nothing of the unit was kept."""


class Database(Protocol):
    """Raises StorageFull, or whatever the unit raised after undoing all that it did."""

    dialect: Dialect

    async def open(self) -> None:
        """Connects and migrates. Raises SchemaTooNew where a newer release has been."""

    async def read(self, unit: Unit[T]) -> T: ...

    async def write(self, unit: Unit[T]) -> T:
        """Returns once the unit is durable on disk."""

    def subscribe(self, channel: str, callback: Callable[[str], None]) -> Callable[[], None]:
        """Calls back on the event loop after commits; the answer unsubscribes."""

    async def close(self) -> None: ...


@cache
def _queries(dialect: Dialect) -> tuple[aiosql.queries.Queries, ...]:
    driver = "sqlite3" if dialect == "sqlite" else "psycopg"
    files = [*sorted(SQL_FOLDER.glob("*.sql")), *sorted((SQL_FOLDER / dialect).glob("*.sql"))]
    return tuple(aiosql.from_path(file, driver, mandatory_parameters=False) for file in files)


def bind(dialect: Dialect, connection: Any) -> SimpleNamespace:
    """Every named query as a function of its parameters alone, over this connection."""
    bound: dict[str, Callable[..., Any]] = {}
    for queries in _queries(dialect):
        for name in queries.available_queries:
            if name.endswith("_cursor"):
                continue
            query = getattr(queries, name)
            if name in bound:
                raise ValueError(f"two queries are named {name}")
            lazy = query.operation == SQLOperationType.SELECT
            bound[name] = partial(_listed, query, connection) if lazy else partial(query, connection)
    return SimpleNamespace(**bound)


def _listed(query: Callable[..., Any], connection: Any, **parameters: Any) -> list[Row]:
    return list(query(connection, **parameters))
