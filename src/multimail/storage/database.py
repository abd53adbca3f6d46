"""What everyone sees of the database: units of work, handed to `read` or `write`.

A unit is a plain synchronous function of a `Tx`. It may run more than once before it counts (a read that
turned out long, a write that met a serialisation failure), so it does nothing but talk to its `Tx`.
Whether a unit runs on the event loop or on a thread is the implementation's own business.
"""

import re
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache, partial
from operator import itemgetter
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Final, Literal, Protocol, TypeVar

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
Subscribers = dict[str, list[Callable[[str], None]]]  # by channel; a channel without any is not kept


class StorageFull(Exception):
    """The disk, or what the database may use of it, is full. Nothing of the unit was kept."""


def add_subscriber(
    subscribers: Subscribers, channel: str, callback: Callable[[str], None]
) -> Callable[[], None]:
    """The answer takes it out again, and leaves nothing behind."""
    subscribers.setdefault(channel, []).append(callback)

    def leave() -> None:
        subscribers[channel].remove(callback)
        if not subscribers[channel]:
            del subscribers[channel]

    return leave


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
    texts = (_text(file) for file in files)
    if dialect == "postgres":  # which knows its tables by statistics, and no INDEXED BY
        texts = (re.sub(r" INDEXED BY \w+", "", text) for text in texts)
    return tuple(aiosql.from_str(text, driver, mandatory_parameters=False) for text in texts)


def _text(file: Path) -> str:
    """A file of queries; `{name}` in it stands for parts/name.sql, so that what many ask is written once."""
    return re.sub(
        r"\{(\w+)\}",
        lambda part: _text(SQL_FOLDER / "parts" / f"{part[1]}.sql").strip(),
        file.read_text(encoding="utf-8"),
    )


# Nearly every transaction asks these who may do what, and hardly any writes to them.
STEADY: Final = frozenset(
    "accounts api_keys key_hashes key_mailboxes mailboxes operators oversight_settings push_subscriptions rules"
    " suppressions webhooks".split()
)
_READ: Final = re.compile(r"\b(?:FROM|JOIN)\s+(?!json_each)(\w+)")
_WRITTEN: Final = re.compile(r"\b(?:INSERT INTO|UPDATE|DELETE FROM)\s+(\w+)")


def bind(dialect: Dialect, connection: Any, answers: dict[Any, Any] | None = None) -> SimpleNamespace:
    """Every named query as a function of its parameters alone, over this connection.

    With `answers`, what STEADY tables say is asked once and then taken from there, until a statement of this connection
    writes to one: who sends ten emails at once is the same key, of the same mailbox. Whoever owns it empties it where
    others' writes may show: when a transaction begins or is undone.

    aiosql reads the files; running them is four lines here, half the cost of its own and the same on both
    drivers. In the files `^` gives one row or None, `$` one value or None, `!` and `*!` the count of rows
    changed, nothing a list of rows.
    """
    bound: dict[str, Callable[..., Any]] = {}
    prepared = _numbered if dialect == "sqlite" else _named
    for queries in _queries(dialect):
        for name in queries.available_queries:
            query = getattr(queries, name)
            if name in bound:
                raise ValueError(f"two queries are named {name}")
            if query.operation in _RUN and not name.endswith("_cursor"):
                run = _RUN[query.operation]
                if answers is not None and not STEADY.isdisjoint(_WRITTEN.findall(query.sql)):
                    run = _forgetting(run, answers)
                elif answers is not None and run in _READS and _asks_the_steady(query.sql):
                    run = _asked_once(run, answers)
                bound[name] = partial(run, connection, *prepared(query.sql))
    return SimpleNamespace(**bound)


def _asks_the_steady(sql: str) -> bool:
    tables = _READ.findall(sql)
    return bool(tables) and STEADY.issuperset(tables)


Arguments = Callable[[dict[str, Any]], Any]  # what a driver takes, from parameters by name
Run = Callable[..., Any]  # of a connection, a statement, its Arguments, and the parameters


def _named(sql: str) -> tuple[str, Arguments]:
    return sql, lambda parameters: parameters


def _numbered(sql: str) -> tuple[str, Arguments]:
    """For SQLite, which looks each name up at each run, and takes a tuple in half the time."""
    names: list[str] = []

    def number(found: re.Match[str]) -> str:
        name = found["name"]
        if name is None:
            return found[0]
        if name not in names:
            names.append(name)
        return f"?{names.index(name) + 1}"

    numbered = re.sub(r"'[^']*'|:(?P<name>\w+)", number, sql)
    if len(names) > 1:
        return numbered, itemgetter(*names)
    return numbered, lambda parameters: tuple(parameters[name] for name in names)


def _asked_once(run: Run, answers: dict[Any, Any]) -> Run:
    def ask(connection: Any, sql: str, arguments: Arguments, /, **parameters: Any) -> Any:
        key = (sql, arguments(parameters))
        if key not in answers:
            answers[key] = run(connection, sql, arguments, **parameters)
        answer = answers[key]
        return answer.copy() if run is _rows else answer

    return ask


def _forgetting(run: Run, answers: dict[Any, Any]) -> Run:
    def write(*asked: Any, **parameters: Any) -> Any:
        answers.clear()
        return run(*asked, **parameters)

    return write


def _rows(connection: Any, sql: str, arguments: Arguments, /, **parameters: Any) -> list[Row]:
    return list(connection.execute(sql, arguments(parameters)).fetchall())


def _row(connection: Any, sql: str, arguments: Arguments, /, **parameters: Any) -> Row | None:
    return connection.execute(sql, arguments(parameters)).fetchone()


def _value(connection: Any, sql: str, arguments: Arguments, /, **parameters: Any) -> Any:
    row = connection.execute(sql, arguments(parameters)).fetchone()
    return None if row is None else row[0] if isinstance(row, sqlite3.Row) else next(iter(row.values()))


def _count(connection: Any, sql: str, arguments: Arguments, /, **parameters: Any) -> int:
    return int(connection.execute(sql, arguments(parameters)).rowcount)


def _count_many(connection: Any, sql: str, arguments: Arguments, many: list[dict[str, Any]], /) -> int:
    cursor = connection.cursor()
    cursor.executemany(sql, [arguments(parameters) for parameters in many])
    return int(cursor.rowcount)


_READS: Final = (_rows, _row, _value)
_RUN: Final[dict[SQLOperationType, Callable[..., Any]]] = {
    SQLOperationType.SELECT: _rows,
    SQLOperationType.SELECT_ONE: _row,
    SQLOperationType.SELECT_VALUE: _value,
    SQLOperationType.INSERT_UPDATE_DELETE: _count,
    SQLOperationType.INSERT_UPDATE_DELETE_MANY: _count_many,
}
