"""PostgreSQL: the same units, retried where the database asks for it, and woken across processes."""

import asyncio
import threading
from collections.abc import AsyncIterator
from typing import Any

import psycopg
import pytest

from multimail.storage.database import StorageFull, Tx
from multimail.storage.migrate import SchemaTooNew, latest
from multimail.storage.postgres import ATTEMPTS, PostgresDatabase


@pytest.fixture
async def db(postgres_url: str) -> AsyncIterator[PostgresDatabase]:
    opened = PostgresDatabase(postgres_url)
    await opened.open()
    yield opened
    await opened.close()


def put(name: str, content: bytes = b"x") -> Any:
    return lambda tx: tx.sql.add_blob(account_id="acc", sha256=name, size=len(content), content=content)


async def has(db: PostgresDatabase, name: str) -> bool:
    found = await db.read(lambda tx: tx.sql.get_blob(account_id="acc", sha256=name))
    return found is not None


async def test_a_unit_that_fails_leaves_nothing(db: PostgresDatabase) -> None:
    told: list[str] = []
    db.subscribe("jobs", told.append)

    def fails(tx: Tx) -> None:
        put("a")(tx)
        tx.notify("jobs", "undone")
        raise KeyError("a bug")

    with pytest.raises(KeyError):
        await db.write(fails)
    assert not await has(db, "a") and told == []
    assert await db.write(put("a")) == 1


async def test_a_nul_is_refused_and_the_connection_goes_on(db: PostgresDatabase) -> None:
    with pytest.raises(psycopg.DataError):
        await db.write(put("a\0b"))
    await asyncio.gather(*(db.write(put(f"{number}", b"\0")) for number in range(40)))
    assert await has(db, "39")


async def test_a_deadlock_is_tried_again(db: PostgresDatabase) -> None:
    """Two units take two rows in opposite order, each with its first row before either asks for its second."""
    for name in ("a", "b"):
        await db.write(put(name))
    both = threading.Barrier(2, timeout=30)
    runs: list[str] = []

    def unit(first: str, second: str) -> Any:
        def run(tx: Tx) -> str:
            connection = tx.sql.get_blob.args[0]
            runs.append(first)
            sql = "UPDATE blobs SET size = size + 1 WHERE sha256 = %s"
            connection.execute(sql, [first])
            if len(runs) <= 2:
                both.wait()
            connection.execute(sql, [second])
            return first

        return run

    answers = await asyncio.gather(db.write(unit("a", "b")), db.write(unit("b", "a")))
    # On a busy machine PostgreSQL may find the deadlock on both sides, and end both.
    assert list(answers) == ["a", "b"] and len(runs) >= 3
    rows = await db.read(lambda tx: [tx.sql.get_blob(account_id="acc", sha256=name) for name in "ab"])
    assert [row["size"] for row in rows] == [3, 3]


async def test_a_serialisation_failure_is_tried_a_few_times(db: PostgresDatabase) -> None:
    runs: list[int] = []

    def unit(succeeds_at: int) -> Any:
        def run(tx: Tx) -> str:
            runs.append(1)
            put(f"{len(runs)}")(tx)
            if len(runs) < succeeds_at:
                raise psycopg.errors.SerializationFailure
            return "done"

        return run

    assert await db.write(unit(3)) == "done"
    assert [await has(db, str(number)) for number in (1, 2, 3)] == [False, False, True]
    runs.clear()
    with pytest.raises(psycopg.errors.SerializationFailure):
        await db.write(unit(100))
    assert len(runs) == ATTEMPTS


@pytest.mark.parametrize("error", [psycopg.errors.DiskFull, psycopg.errors.OutOfMemory])
async def test_a_full_disk_has_the_same_name_everywhere(db: PostgresDatabase, error: type[Exception]) -> None:
    def unit(tx: Tx) -> None:
        put("a")(tx)
        raise error("could not extend file")

    with pytest.raises(StorageFull, match="extend"):
        await db.write(unit)
    assert not await has(db, "a")


async def test_a_read_sees_one_moment_and_writes_nothing(db: PostgresDatabase) -> None:
    started, go = threading.Event(), threading.Event()

    def twice(tx: Tx) -> tuple[Any, Any]:
        before = tx.sql.get_blob(account_id="acc", sha256="b")
        started.set()
        go.wait(30)
        return before, tx.sql.get_blob(account_id="acc", sha256="b")

    reading = asyncio.create_task(db.read(twice))
    while not started.is_set():
        await asyncio.sleep(0.001)
    await db.write(put("b"))
    go.set()
    assert await reading == (None, None)
    with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
        await db.read(put("c"))


async def test_another_process_is_woken(db: PostgresDatabase, postgres_url: str) -> None:
    other = PostgresDatabase(postgres_url)
    await other.open()
    heard: asyncio.Queue[str] = asyncio.Queue()
    unsubscribe = db.subscribe("jobs", heard.put_nowait)
    db.subscribe("events", lambda payload: heard.put_nowait(f"event {payload}"))

    def unit(tx: Tx) -> None:
        tx.notify("jobs")
        tx.notify("events", "acc_1")
        tx.notify("nobody listens", "x")

    got: set[str] = set()
    while got != {"", "event acc_1"}:  # until the listener's connection stands
        await other.write(unit)
        try:
            got |= {await asyncio.wait_for(heard.get(), 0.2)}
        except TimeoutError:
            continue
    unsubscribe()
    await other.close()


async def test_a_lost_listener_is_replaced(db: PostgresDatabase, postgres_url: str) -> None:
    heard: asyncio.Queue[str] = asyncio.Queue()
    db.subscribe("jobs", heard.put_nowait)

    async def is_heard() -> None:
        while True:
            await db.write(lambda tx: tx.notify("jobs", "hello"))
            try:
                assert await asyncio.wait_for(heard.get(), 0.2) == "hello"
                return
            except TimeoutError:
                continue

    await is_heard()
    with psycopg.connect(postgres_url, autocommit=True) as admin:
        kill = (
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE query LIKE 'LISTEN%' AND datname = current_database()"
        )
        assert admin.execute(kill).fetchall()
    while not heard.empty():
        heard.get_nowait()
    await is_heard()


async def test_migrations_run_once_however_many_start(postgres_url: str) -> None:
    started = [PostgresDatabase(postgres_url) for _ in range(4)]
    await asyncio.gather(*(one.open() for one in started))
    with psycopg.connect(postgres_url) as connection:
        rows = connection.execute("SELECT version FROM schema_version ORDER BY version").fetchall()
    assert [row[0] for row in rows] == list(range(1, latest() + 1))
    await asyncio.gather(*(one.close() for one in started))


async def test_a_newer_schema_refuses_to_start(postgres_url: str) -> None:
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute("CREATE TABLE schema_version (version BIGINT NOT NULL)")
        connection.execute("INSERT INTO schema_version VALUES (%s)", [latest() + 1])
    with pytest.raises(SchemaTooNew):
        await PostgresDatabase(postgres_url).open()
    with psycopg.connect(postgres_url) as connection:
        assert connection.execute("SELECT to_regclass('emails')").fetchone() == (None,)
