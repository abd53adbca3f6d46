"""PostgreSQL: the same units on a thread pool over pooled connections, woken by LISTEN/NOTIFY."""

import asyncio
import contextlib
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

import psycopg
from psycopg.rows import dict_row
from psycopg_pool import ConnectionPool, PoolTimeout

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

CONNECTIONS: Final = 16
ATTEMPTS: Final = 5  # of a unit that met a deadlock or a serialisation failure
CHANNEL: Final = "multimail"
MIGRATION_LOCK: Final = 0x6D6D_6462


class PostgresDatabase:
    dialect: Dialect = "postgres"

    def __init__(self, url: str) -> None:
        self.url = url
        self._subscribers: Subscribers = {}
        self._threads = ThreadPoolExecutor(CONNECTIONS, "database")
        self._closing = threading.Event()

    async def open(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._pool = ConnectionPool(
            self.url,
            min_size=2,
            max_size=CONNECTIONS,
            kwargs={"row_factory": dict_row, "autocommit": True},
            configure=self._configure,
            reset=None,
            open=False,
        )
        await self._loop.run_in_executor(self._threads, self._start)

    def _start(self) -> None:
        self.migrate()
        self._pool.open(wait=True, timeout=30)
        self._listener = threading.Thread(target=self._listen, name="listen", daemon=True)
        self._listener.start()

    def _configure(self, connection: psycopg.Connection[Any]) -> None:
        connection.sql = bind("postgres", connection)  # type: ignore[attr-defined]  # lives as long as it

    def migrate(self) -> None:
        """Brings the schema up; needs no `open`. Processes that start at once wait for each other."""
        with psycopg.connect(self.url, autocommit=True) as connection, connection.transaction():
            connection.execute("SELECT pg_advisory_xact_lock(%s)", [MIGRATION_LOCK])
            connection.execute("CREATE TABLE IF NOT EXISTS schema_version (version BIGINT NOT NULL)")
            row = connection.execute("SELECT max(version) FROM schema_version").fetchone()

            def apply(version: int, statements: list[str]) -> None:
                for statement in statements:
                    connection.execute(statement.encode())
                connection.execute("INSERT INTO schema_version VALUES (%s)", [version])

            migrate("postgres", (row and row[0]) or 0, apply)

    def subscribe(self, channel: str, callback: Callable[[str], None]) -> Callable[[], None]:
        return add_subscriber(self._subscribers, channel, callback)

    async def read(self, unit: Unit[T]) -> T:
        return await self._loop.run_in_executor(self._threads, self._run, unit, "REPEATABLE READ READ ONLY")

    async def write(self, unit: Unit[T]) -> T:
        return await self._loop.run_in_executor(self._threads, self._run, unit, "READ COMMITTED")

    def _run(self, unit: Unit[T], isolation: str) -> T:
        for attempt in range(ATTEMPTS):
            try:
                return self._once(unit, isolation)
            except (psycopg.errors.DeadlockDetected, psycopg.errors.SerializationFailure):
                if attempt == ATTEMPTS - 1:
                    raise
            except (psycopg.errors.DiskFull, psycopg.errors.OutOfMemory) as error:
                raise StorageFull(str(error)) from error
        raise AssertionError("unreachable")

    def _once(self, unit: Unit[T], isolation: str) -> T:
        with self._pool.connection() as connection:
            connection.execute(f"BEGIN ISOLATION LEVEL {isolation}".encode())
            try:
                tx = Tx(connection.sql, "postgres")  # type: ignore[attr-defined]  # set by _configure
                result = unit(tx)
                for channel, payload in tx.notices:
                    connection.execute("SELECT pg_notify(%s, %s)", [CHANNEL, f"{channel} {payload}"])
                connection.execute("COMMIT")
                return result
            except BaseException:
                with contextlib.suppress(psycopg.Error):
                    connection.execute("ROLLBACK")
                raise

    def _listen(self) -> None:
        """Keeps one connection listening; one that is lost is replaced. Pollers cover what is missed between."""
        while not self._closing.is_set():
            try:
                with psycopg.connect(self.url, autocommit=True) as connection:
                    connection.execute(f"LISTEN {CHANNEL}".encode())
                    while not self._closing.is_set():
                        for notice in connection.notifies(timeout=0.5):
                            channel, _, payload = notice.payload.partition(" ")
                            self._loop.call_soon_threadsafe(self._call, channel, payload)
                            if self._closing.is_set():
                                break
            except psycopg.Error:
                self._closing.wait(1)

    def _call(self, channel: str, payload: str) -> None:
        for callback in tuple(self._subscribers.get(channel, ())):
            callback(payload)

    async def close(self) -> None:
        self._closing.set()
        await self._loop.run_in_executor(None, self._stop)

    def _stop(self) -> None:
        self._threads.shutdown()
        with contextlib.suppress(psycopg.Error, PoolTimeout), self._pool.connection(timeout=1) as connection:
            connection.execute("SELECT pg_notify(%s, '')", [CHANNEL])  # wakes our own listener at once
        self._pool.close()
        self._listener.join()
