"""SQLite: group commit, snapshots, a full disk, and the lock of another process."""

import asyncio
import sqlite3
import threading
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from multimail.storage import sqlite
from multimail.storage.database import StorageFull, Tx
from multimail.storage.migrate import SchemaTooNew, latest
from multimail.storage.sqlite import SqliteDatabase


@pytest.fixture
async def db(tmp_path: Path) -> AsyncIterator[SqliteDatabase]:
    opened = SqliteDatabase(tmp_path / "multimail.db")
    await opened.open()
    yield opened
    await opened.close()


def put(name: str, size: int = 1) -> Any:
    def unit(tx: Tx) -> int:
        return int(tx.sql.add_blob(account_id="acc", sha256=name, size=size, content=bytes(size)))

    return unit


async def names(db: SqliteDatabase) -> set[str]:
    """As another connection sees them: what is committed."""
    with sqlite3.connect(db.path) as connection:
        found = {row[0] for row in connection.execute("SELECT sha256 FROM blobs")}
    connection.close()
    return found


def watch_commits(db: SqliteDatabase) -> list[str]:
    seen: list[str] = []
    db._writer.set_trace_callback(
        lambda sql: seen.append(sql) if sql in ("COMMIT", "BEGIN IMMEDIATE") else None
    )
    return seen


async def test_many_writers_share_a_commit(db: SqliteDatabase) -> None:
    commits = watch_commits(db)
    await asyncio.gather(*(db.write(put(f"{number}")) for number in range(sqlite.GROUP)))
    assert commits == ["BEGIN IMMEDIATE", "COMMIT"]
    await asyncio.gather(*(db.write(put(f"more {number}")) for number in range(3 * sqlite.GROUP)))
    assert commits.count("COMMIT") == 4
    assert len(await names(db)) == 4 * sqlite.GROUP


async def test_a_unit_that_fails_undoes_only_itself(db: SqliteDatabase) -> None:
    def fails(tx: Tx) -> None:
        put("undone")(tx)
        tx.notify("jobs", "undone")
        raise KeyError("a bug")

    told: list[str] = []
    db.subscribe("jobs", told.append)

    def tells(tx: Tx) -> None:
        put("told")(tx)
        tx.notify("jobs", "told")

    answers = await asyncio.gather(
        db.write(put("a")), db.write(fails), db.write(tells), db.write(put("b")), return_exceptions=True
    )
    assert [type(answer) for answer in answers] == [int, KeyError, type(None), int]
    assert await names(db) == {"a", "b", "told"}
    assert told == ["told"]


async def test_a_caller_that_leaves_before_its_turn_writes_nothing(db: SqliteDatabase) -> None:
    first = asyncio.create_task(db.write(put("first")))
    second = asyncio.create_task(db.write(put("second")))
    await asyncio.sleep(0)
    second.cancel()
    assert await first == 1
    await db.write(put("third"))
    assert await names(db) == {"first", "third"}


async def test_an_answer_means_on_disk(db: SqliteDatabase) -> None:
    """Nothing is told before COMMIT has returned."""
    gate, commit = threading.Event(), db._committer.submit
    held: list[Any] = []

    def slow(function: Any, *given: Any) -> Any:
        def late() -> Any:
            held.append(gate.wait(30))
            return function(*given)

        return commit(late)

    db._committer.submit = slow  # type: ignore[assignment,method-assign]  # this one database's
    writing = asyncio.create_task(db.write(put("a")))
    for _ in range(50):
        await asyncio.sleep(0)
    assert not writing.done() and await names(db) == set()
    gate.set()
    await writing
    assert held == [True] and await names(db) == {"a"}


async def test_a_read_sees_one_moment(db: SqliteDatabase) -> None:
    await db.write(put("a"))
    started, go = threading.Event(), threading.Event()

    def twice(tx: Tx) -> tuple[Any, Any]:
        before = tx.sql.get_blob(account_id="acc", sha256="b")
        started.set()
        go.wait(30)
        return before, tx.sql.get_blob(account_id="acc", sha256="b")

    reading = asyncio.get_running_loop().run_in_executor(None, db._long_read, twice)
    while not started.is_set():
        await asyncio.sleep(0.001)
    await db.write(put("b"))
    go.set()
    assert await reading == (None, None)
    assert await db.read(lambda tx: tx.sql.get_blob(account_id="acc", sha256="b")) is not None


async def test_a_long_read_moves_to_a_thread_and_gives_the_same(db: SqliteDatabase) -> None:
    await asyncio.gather(*(db.write(put(f"{number:05}")) for number in range(300)))
    ran: list[str] = []

    def unit(tx: Tx) -> int:
        ran.append(threading.current_thread().name)
        connection = tx.sql.get_blob.args[0]
        sql = "SELECT COUNT(*) FROM blobs a, blobs b WHERE a.size + b.size > 0"
        return int(connection.execute(sql).fetchone()[0])

    assert await db.read(unit) == 90_000
    assert len(ran) == 2 and ran[0] == threading.current_thread().name and ran[1].startswith("read")
    assert await db.read(lambda tx: tx.sql.get_blob(account_id="acc", sha256="00007")["size"]) == 1


async def test_a_read_can_not_outlive_a_failure(db: SqliteDatabase) -> None:
    with pytest.raises(ZeroDivisionError):
        await db.read(lambda tx: 1 // 0)
    assert await db.read(lambda tx: tx.sql.get_blob(account_id="acc", sha256="a")) is None


def limit_pages(db: SqliteDatabase, more: int) -> None:
    used = db._writer.execute("PRAGMA page_count").fetchone()[0]
    db._writer.execute(f"PRAGMA max_page_count = {used + more}")


async def test_a_full_disk_loses_nothing_that_was_answered(db: SqliteDatabase) -> None:
    """A real SQLITE_FULL in the middle of groups: each answer is true, and room makes it work again."""
    limit_pages(db, 40)
    asked = {f"{number:03}": db.write(put(f"{number:03}", 3000)) for number in range(200)}
    answers = dict(zip(asked, await asyncio.gather(*asked.values(), return_exceptions=True), strict=True))
    kept = {name for name, answer in answers.items() if answer == 1}
    refused = {name for name, answer in answers.items() if isinstance(answer, StorageFull)}
    assert refused and kept | refused == set(answers)
    assert await names(db) == kept
    with pytest.raises(StorageFull):
        await db.write(put("big", 200_000))
    assert await db.read(lambda tx: tx.sql.get_blob(account_id="acc", sha256="big")) is None
    limit_pages(db, 10_000)
    assert await db.write(put("big", 200_000)) == 1
    assert await names(db) == kept | {"big"}
    assert db._writer.execute("PRAGMA integrity_check").fetchone()[0] == "ok"


async def test_a_unit_that_does_not_fit_is_undone_whole(db: SqliteDatabase) -> None:
    limit_pages(db, 20)

    def unit(tx: Tx) -> None:
        for number in range(100):
            put(f"part {number}", 3000)(tx)

    with pytest.raises(StorageFull):
        await db.write(unit)
    assert await names(db) == set()
    assert await db.write(put("small")) == 1


async def test_a_commit_that_fails_is_an_answer_too(db: SqliteDatabase) -> None:
    commit = db._committer.submit

    def broken(function: Any, *given: Any) -> Any:
        def fail() -> None:
            error = sqlite3.OperationalError("database or disk is full")
            error.sqlite_errorcode = sqlite3.SQLITE_FULL
            raise error

        return commit(fail)

    db._committer.submit = broken  # type: ignore[assignment,method-assign]  # this one database's
    answers = await asyncio.gather(db.write(put("a")), db.write(put("b")), return_exceptions=True)
    assert [type(answer) for answer in answers] == [StorageFull, StorageFull]
    db._committer.submit = commit  # type: ignore[method-assign]  # as before
    assert await db.write(put("c")) == 1
    assert await names(db) == {"c"}


async def test_the_lock_of_another_process_is_waited_for(db: SqliteDatabase) -> None:
    other = sqlite3.connect(db.path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    other.execute("INSERT INTO blobs VALUES ('acc', 'other', 1, NULL)")
    writing = asyncio.create_task(db.write(put("ours")))
    for _ in range(20):
        await asyncio.sleep(0.001)
    assert not writing.done()
    assert (
        await db.read(lambda tx: tx.sql.get_blob(account_id="acc", sha256="other")) is None
    )  # readers go on
    other.execute("COMMIT")
    other.close()
    assert await writing == 1
    assert await names(db) == {"ours", "other"}


async def test_a_lock_that_never_goes_is_an_error_and_not_a_hang(
    db: SqliteDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite, "LOCK_PATIENCE", 0.01)
    other = sqlite3.connect(db.path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(sqlite3.OperationalError, match="locked"):
        await db.write(put("ours"))
    other.execute("ROLLBACK")
    other.close()
    assert await db.write(put("ours")) == 1


async def test_it_opens_again_with_all_that_was_written(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "multimail.db"
    for number in range(3):
        db = SqliteDatabase(path)
        await db.open()
        await db.write(put(str(number)))
        assert len(await names(db)) == number + 1
        await db.close()


async def test_a_newer_schema_refuses_to_start(tmp_path: Path) -> None:
    path = tmp_path / "multimail.db"
    connection = sqlite3.connect(path)
    connection.execute(f"PRAGMA user_version = {latest() + 1}")
    connection.close()
    with pytest.raises(SchemaTooNew, match=str(latest() + 1)):
        await SqliteDatabase(path).open()
    connection = sqlite3.connect(path)
    assert connection.execute("SELECT COUNT(*) FROM sqlite_master").fetchone()[0] == 0
    connection.close()


async def test_what_is_open_to_be_written_is_written_before_closing(tmp_path: Path) -> None:
    db = SqliteDatabase(tmp_path / "multimail.db")
    await db.open()
    writing = [asyncio.create_task(db.write(put(str(number)))) for number in range(5)]
    await asyncio.sleep(0)
    await db.close()
    assert [await one for one in writing] == [1] * 5
    assert len(await names(db)) == 5


async def test_units_that_ran_beside_one_that_failed_count_once(db: SqliteDatabase) -> None:
    """A group without savepoints is undone as a whole, and taken again."""
    ran: list[str] = []

    def counts(name: str) -> Any:
        def unit(tx: Tx) -> str:
            ran.append(name)
            put(name)(tx)
            tx.notify("jobs", name)
            if name == "bad":
                raise KeyError(name)
            return name

        return unit

    told: list[str] = []
    db.subscribe("jobs", told.append)
    asked = ["a", "bad", "b"]
    answers = await asyncio.gather(*(db.write(counts(name)) for name in asked), return_exceptions=True)
    assert answers[::2] == ["a", "b"] and isinstance(answers[1], KeyError)
    assert ran == ["a", "bad", "a", "bad", "b"]
    assert sorted(told) == ["a", "b"] and await names(db) == {"a", "b"}
    ran.clear()
    for _ in range(sqlite.CAREFUL - 1):  # now each has a savepoint, and nothing is done twice
        await asyncio.gather(db.write(counts("c")), db.write(counts("bad")), return_exceptions=True)
    assert ran == ["c", "bad"] * (sqlite.CAREFUL - 1)


def account(name: str) -> dict[str, Any]:
    return {"account_id": "acc", "slug": name, "name": name, "plan": "pro", "created_at": 1}


def name_of(tx: Tx) -> str | None:
    row = tx.sql.get_account(account_id="acc")
    return None if row is None else str(row["name"])


def renames(name: str, *, fails: bool = False) -> Any:
    def unit(tx: Tx) -> tuple[str | None, str | None]:
        before = name_of(tx)
        tx.sql.rename_account(account_id="acc", name=name)
        if fails:
            raise KeyError(name)
        return before, name_of(tx)

    return unit


async def test_what_is_asked_twice_is_true_the_second_time(db: SqliteDatabase) -> None:
    assert await db.read(name_of) is None
    await db.write(lambda tx: tx.sql.add_account(**account("first")))
    assert await db.read(name_of) == "first"
    answers = await asyncio.gather(
        db.write(renames("second")),
        db.write(renames("undone", fails=True)),
        db.write(renames("third")),
        return_exceptions=True,
    )
    assert (answers[0], answers[2]) == (("first", "second"), ("second", "third"))
    assert await db.read(name_of) == "third"
    for again in range(2):  # the second time with savepoints
        with sqlite3.connect(db.path) as other:
            other.execute("UPDATE accounts SET name = ?", [f"another process {again}"])
        other.close()
        assert await db.write(name_of) == f"another process {again}"
        assert await db.write(renames(f"ours {again}")) == (f"another process {again}", f"ours {again}")


async def test_a_snapshot_is_asked_once_for_the_same_row(db: SqliteDatabase) -> None:
    await db.write(lambda tx: tx.sql.add_account(**account("first")))
    asked: list[str] = []
    db._reader.set_trace_callback(asked.append)

    def twice(tx: Tx) -> None:
        assert name_of(tx) == name_of(tx)
        tx.sql.list_webhooks_for(account_id="acc", mailbox_id="").append("the caller's own list")
        assert tx.sql.list_webhooks_for(account_id="acc", mailbox_id="") == []

    await db.read(twice)
    assert [sql.split()[0] for sql in asked] == ["BEGIN", "SELECT", "SELECT"]
