"""SQLite: one writer, group commit.

Units run on the event loop and only COMMIT, whose fsync lets go of the GIL, gets a thread: while it waits
for the disk the loop goes on reading requests, and what they write queues up for the next group. That was
measured against a writer thread and against committing on the loop (docs/performance.md).
Reads run on the loop too, until one turns out long: then it moves to a thread. A new snapshot starts with a
cold cache, so those between two commits share one; after a commit of ours nobody reads what was before it.
"""

import asyncio
import sqlite3
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from itertools import repeat
from pathlib import Path
from typing import Any, Final

from multimail.storage.database import (
    Dialect,
    StorageFull,
    Subscribers,
    T,
    Tx,
    Unit,
    add_subscriber,
    bind,
)
from multimail.storage.migrate import migrate

GROUP: Final = 64  # units in one commit: the more, the cheaper the fsync and the longer the loop is held
CAREFUL: Final = 32  # groups with a savepoint for each unit, after a unit failed
SHORT_READ: Final = 20_000  # steps of SQLite's machine, about a millisecond
SNAPSHOT: Final = 0.002  # seconds that a snapshot is kept: so long another process's commits may go unseen
WRITER_CACHE: Final = 16_000  # KiB of pages
READER_CACHE: Final = 4_000  # what is read again and again is little: keys, mailboxes, names
LOCK_RETRY: Final = 0.002  # seconds, while another process (the command line) holds the write lock
LOCK_PATIENCE: Final = 15.0

Group = list[tuple[Unit[Any], asyncio.Future[Any]]]
Results = list[tuple[asyncio.Future[Any], Any]]
Notices = set[tuple[str, str]]


class SqliteDatabase:
    dialect: Dialect = "sqlite"

    def __init__(self, path: Path) -> None:
        self.path = path
        self._waiting: deque[tuple[Unit[Any], asyncio.Future[Any]]] = deque()
        self._busy = False
        self._careful = 0
        self._writer_answers: dict[Any, Any] = {}  # what the writer's transaction asked
        self._reader_answers: dict[Any, Any] = {}  # what the reader's snapshot did
        self._subscribers: Subscribers = {}
        self._committer = ThreadPoolExecutor(1, "commit")
        self._readers = ThreadPoolExecutor(2, "read")

    async def open(self) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self._writer = self._connect(WRITER_CACHE)
        try:
            self._writer_sql = bind("sqlite", self._writer, self._writer_answers)
            self._migrate()
        except BaseException:
            self._writer.close()
            raise
        self._reader = self._connect(READER_CACHE)
        self._reader_sql = bind("sqlite", self._reader, self._reader_answers)

    def _connect(self, cache: int) -> sqlite3.Connection:
        connection = sqlite3.connect(
            self.path, timeout=10, isolation_level=None, check_same_thread=False, cached_statements=512
        )
        connection.row_factory = sqlite3.Row
        connection.create_function("lower", 1, _lower, deterministic=True)
        for pragma in (
            "journal_mode = WAL",
            "synchronous = FULL",
            "foreign_keys = ON",
            f"cache_size = -{cache}",
            "wal_autocheckpoint = 8000",
            "journal_size_limit = 67108864",
            "temp_store = MEMORY",
        ):
            connection.execute(f"PRAGMA {pragma}")
        return connection

    def _migrate(self) -> None:
        def apply(version: int, statements: list[str]) -> None:
            for statement in statements:
                self._writer.execute(statement)
            self._writer.execute(f"PRAGMA user_version = {version}")

        self._writer.execute("BEGIN IMMEDIATE")  # two processes may start at once
        try:
            migrate("sqlite", self._writer.execute("PRAGMA user_version").fetchone()[0], apply)
            self._writer.execute("COMMIT")
        except BaseException:
            self._writer.execute("ROLLBACK")
            raise
        self._writer.execute("PRAGMA busy_timeout = 0")

    def subscribe(self, channel: str, callback: Callable[[str], None]) -> Callable[[], None]:
        return add_subscriber(self._subscribers, channel, callback)

    async def read(self, unit: Unit[T]) -> T:
        if not self._reader.in_transaction:
            self._reader.execute("BEGIN")
            self._snapshot = asyncio.get_running_loop().call_later(SNAPSHOT, self._end_snapshot)
        # SQLite counts on from a statement's earlier runs: one call of the handler says nothing, ten do.
        self._reader.set_progress_handler(partial(next, repeat(0, 9), 1), SHORT_READ // 10)
        try:
            return unit(Tx(self._reader_sql, "sqlite"))
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_INTERRUPT:
                raise
        finally:
            self._reader.set_progress_handler(None, 0)
        return await asyncio.get_running_loop().run_in_executor(self._readers, self._long_read, unit)

    def _end_snapshot(self) -> None:
        if self._reader.in_transaction:
            self._snapshot.cancel()
            self._reader.execute("ROLLBACK")
            self._reader_answers.clear()

    def _long_read(self, unit: Unit[T]) -> T:
        connection = self._connect(WRITER_CACHE)
        try:
            connection.execute("BEGIN")
            return unit(Tx(bind("sqlite", connection), "sqlite"))
        finally:
            connection.close()

    async def write(self, unit: Unit[T]) -> T:
        loop = asyncio.get_running_loop()
        done: asyncio.Future[T] = loop.create_future()
        self._waiting.append((unit, done))
        if not self._busy:
            self._busy = True
            loop.call_soon(self._group, loop.time() + LOCK_PATIENCE)
        return await done

    def _group(self, deadline: float) -> None:
        """Runs what waits in one transaction, and sends it off to be committed."""
        loop = asyncio.get_running_loop()
        try:
            self._writer.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode == sqlite3.SQLITE_BUSY and loop.time() < deadline:
                loop.call_later(LOCK_RETRY, self._group, deadline)
            else:
                self._settle([(done, None) for _, done in self._waiting], set(), _translated(error))
                self._waiting.clear()
                self._busy = False
            return
        self._writer_answers.clear()
        group = [self._waiting.popleft() for _ in range(min(GROUP, len(self._waiting)))]
        group = [(unit, done) for unit, done in group if not done.cancelled()]
        ran = self._one_by_one(group) if self._careful else self._together(group)
        if ran is None:
            self._next()
            return
        self._careful = max(0, self._careful - 1)
        results, notices = ran
        committing = self._committer.submit(self._writer.execute, "COMMIT")
        committing.add_done_callback(
            lambda future: loop.call_soon_threadsafe(self._committed, results, notices, future)
        )

    def _together(self, group: Group) -> tuple[Results, Notices] | None:
        """None where a unit failed, and with it all of them: they are taken again, one by one.

        For a savepoint SQLite copies each page that changes, and most groups have no unit that fails.
        """
        tx = Tx(self._writer_sql, "sqlite")
        try:
            return [(done, unit(tx)) for unit, done in group], tx.notices
        except Exception:  # noqa: BLE001  # whatever it is, it is told to whom it belongs the next time
            if self._writer.in_transaction:
                self._writer.execute("ROLLBACK")
            self._waiting.extendleft(reversed(group))
            self._careful = CAREFUL
            return None

    def _one_by_one(self, group: Group) -> tuple[Results, Notices] | None:
        """Each unit in a savepoint, so that one that fails leaves the others. None where SQLite undid everything."""
        results: Results = []
        notices: Notices = set()
        for place, (unit, done) in enumerate(group):
            tx = Tx(self._writer_sql, "sqlite")
            self._writer.execute("SAVEPOINT unit")
            try:
                result = unit(tx)
            except Exception as error:  # noqa: BLE001  # whatever it is, it is the caller's
                if not self._writer.in_transaction:
                    # SQLite gave up the whole transaction (full disk, I/O error): nobody's unit survived.
                    self._settle([*results, (done, None)], set(), _translated(error))
                    self._waiting.extendleft(reversed(group[place + 1 :]))
                    return None
                self._writer.execute("ROLLBACK TO unit")
                self._writer_answers.clear()
                self._writer.execute("RELEASE unit")
                self._settle([(done, None)], set(), _translated(error))
                continue
            self._writer.execute("RELEASE unit")
            results.append((done, result))
            notices |= tx.notices
        return results, notices

    def _committed(self, results: Results, notices: Notices, commit: Future[Any]) -> None:
        error = commit.exception()
        if error is not None and self._writer.in_transaction:
            self._writer.execute("ROLLBACK")
        self._settle(results, notices, None if error is None else _translated(error))
        self._next()

    def _next(self) -> None:
        if self._waiting:
            # A turn of the loop first, which takes in what came during the commit: the next group is larger for it.
            loop = asyncio.get_running_loop()
            loop.call_soon(self._group, loop.time() + LOCK_PATIENCE)
        else:
            self._busy = False

    def _settle(self, results: Results, notices: Notices, error: BaseException | None) -> None:
        self._end_snapshot()
        for done, result in results:
            if done.done():
                continue
            if error is not None:
                done.set_exception(error)
            else:
                done.set_result(result)
        for channel, payload in notices:
            for callback in tuple(self._subscribers.get(channel, ())):
                callback(payload)

    async def close(self) -> None:
        if self._busy:
            await self.write(lambda tx: None)  # the last group: nothing queues behind it any more
        self._committer.shutdown()
        self._readers.shutdown()
        self._end_snapshot()
        self._reader.close()
        self._writer.close()


def _lower(text: Any) -> Any:
    """As on PostgreSQL: SQLite's own lower() knows ASCII alone."""
    return text.lower() if isinstance(text, str) else text


def _translated(error: BaseException) -> BaseException:
    # SQLITE_IOERR too: where a file may not grow (a quota, RLIMIT_FSIZE), that is what the write gives.
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    return StorageFull(str(error)) if code in (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR) else error
