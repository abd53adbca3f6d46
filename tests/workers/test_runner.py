"""The runner: leases, failures that stop nothing else, and stopping itself."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from structlog.testing import capture_logs

from multimail.core.times import SECOND
from multimail.operations.context import Services
from multimail.storage.database import StorageFull
from multimail.workers import runner as module
from multimail.workers.runner import LEASE, LONGEST_PAUSE, Job, Room, Runner
from tests.support import mailroom
from tests.support.world import World


async def add(world: World, *names: str, kind: str = "k") -> None:
    def unit(ctx: Any) -> None:
        for name in names:
            ctx.sql.add_job(account_id=world.account_id, kind=kind, subject_id=name, run_at=ctx.now)
        ctx.tx.notify("jobs", kind)

    await world.run(unit)


async def rows(world: World) -> dict[str, Any]:
    return {row["subject_id"]: row for row in await mailroom.execute(world, "SELECT * FROM jobs")}


async def until(holds: Callable[[], Awaitable[bool]]) -> None:
    """The test's own timeout ends what never comes."""
    while not await holds():
        await asyncio.sleep(0.005)


def finishing(services: Services, done: Counter[str]) -> module.Handler:
    async def handle(job: Job) -> None:
        done[job.lease.subject_id] += 1
        await services.db.write(lambda tx: tx.sql.finish_job(**job.lease.name))

    return handle


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "POLL", 0.02)


async def test_jobs_are_done_and_gone(world: World) -> None:
    done: Counter[str] = Counter()
    runner = Runner(world.services, {"k": Room(finishing(world.services, done), 2)})
    await add(world, "before")
    await runner.start()
    await add(world, *(str(number) for number in range(20)))
    await add(world, "elsewhere", kind="other")

    async def all_done() -> bool:
        return set(await rows(world)) == {"elsewhere"}

    await until(all_done)
    await runner.stop(1)
    assert done == Counter({"before": 1} | {str(number): 1 for number in range(20)})


async def test_what_raises_is_tried_again_later_and_later_and_stops_nothing(world: World) -> None:
    done: Counter[str] = Counter()
    finish = finishing(world.services, done)
    tries: list[int] = []

    async def handle(job: Job) -> None:
        if job.lease.subject_id == "bad":
            tries.append(job.attempts)
            raise ValueError("a bug")
        await finish(job)

    runner = Runner(world.services, {"k": Room(handle, 2)})
    pauses = []
    with capture_logs() as logs:
        await runner.start()
        await add(world, "bad")
        for attempt in range(1, 11):

            async def tried(attempt: int = attempt) -> bool:
                bad = (await rows(world))["bad"]
                return bool(bad["attempts"] == attempt and not bad["lease_owner"])

            await until(tried)
            run_at = (await rows(world))["bad"]["run_at"]
            pauses.append(round((run_at - world.clock.now) / SECOND))
            await add(world, f"good {attempt}")

            async def good(attempt: int = attempt) -> bool:
                return done[f"good {attempt}"] == 1

            await until(good)
            world.clock.now = max(world.clock.now, run_at)
        await runner.stop(1)
    assert tries[:10] == list(range(10))
    assert all(abs(pause - min(2**number, LONGEST_PAUSE)) <= 1 for number, pause in enumerate(pauses)), pauses
    failed = [entry for entry in logs if entry["log_level"] == "error"]
    assert len(failed) >= 10 and failed[0]["subject"] == "bad"


async def test_stop_waits_for_what_runs_and_gives_the_rest_back(world: World) -> None:
    release, started, ended = asyncio.Event(), asyncio.Event(), []

    async def handle(job: Job) -> None:
        if job.lease.subject_id == "brief":
            await release.wait()
            ended.append(job.lease.subject_id)
            await world.services.db.write(lambda tx: tx.sql.finish_job(**job.lease.name))
        else:
            started.set()
            await asyncio.Event().wait()

    runner = Runner(world.services, {"k": Room(handle, 2)})
    await add(world, "brief", "endless", "waiting")
    await runner.start()
    await started.wait()

    async def two_leased() -> bool:
        return sum(bool(row["lease_owner"]) for row in (await rows(world)).values()) == 2

    await until(two_leased)
    stopping = asyncio.create_task(runner.stop(0.2))
    await asyncio.sleep(0)
    release.set()
    await stopping
    left = await rows(world)
    assert ended == ["brief"] and set(left) == {"endless", "waiting"}
    assert {(row["lease_owner"], row["lease_until"], row["attempts"]) for row in left.values()} == {
        ("", 0, 0)
    }


async def test_a_lease_is_renewed_while_the_work_lasts(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "RENEW", 0.01)
    release = asyncio.Event()
    done: Counter[str] = Counter()
    finish = finishing(world.services, done)

    async def handle(job: Job) -> None:
        await release.wait()
        await finish(job)

    runner = Runner(world.services, {"k": Room(handle, 1)})
    await add(world, "long")
    await runner.start()

    async def renewed() -> bool:
        return bool((await rows(world))["long"]["lease_until"] > world.clock.now + LEASE - SECOND)

    await until(renewed)
    for _ in range(3):
        world.clock.pass_(LEASE - SECOND)
        await until(renewed)
    release.set()

    async def gone() -> bool:
        return not await rows(world)

    await until(gone)
    await runner.stop(1)
    assert done == {"long": 1}


async def test_the_leases_of_a_dead_worker_run_out(world: World) -> None:
    await add(world, "orphan")
    sql = "UPDATE jobs SET lease_owner = 'dead', lease_until = :until"
    await mailroom.execute(world, sql, until=world.clock.now + LEASE)
    done: Counter[str] = Counter()
    runner = Runner(world.services, {"k": Room(finishing(world.services, done), 1)})
    await runner.start()
    if world.services.db.dialect == "postgres":  # other processes may be alive there: only time tells
        assert (await rows(world))["orphan"]["lease_owner"] == "dead"
        world.clock.pass_(LEASE + SECOND)

    async def gone() -> bool:
        return not await rows(world)

    await until(gone)
    await runner.stop(1)
    assert done == {"orphan": 1}


@pytest.mark.parametrize("error", [StorageFull("full"), OSError("the database restarts")])
async def test_a_database_in_trouble_stops_no_loop(
    world: World, error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: Counter[str] = Counter()
    db = world.services.db
    read, failures = db.read, []

    async def fails_at_first(unit: Any) -> Any:
        if len(failures) < 3:
            failures.append(1)
            raise error
        return await read(unit)

    monkeypatch.setattr(db, "read", fails_at_first)
    runner = Runner(world.services, {"k": Room(finishing(world.services, done), 1)})
    await add(world, "one")
    with capture_logs() as logs:
        await runner.start()

        async def gone() -> bool:
            return not await rows(world)

        await until(gone)
        await runner.stop(1)
    assert done == {"one": 1} and len(failures) == 3
    assert len([entry for entry in logs if entry["log_level"] == "error"]) == 3


async def test_two_runners_never_do_one_job_twice_at_once(world: World) -> None:
    """On PostgreSQL as two processes would; on SQLite one process owns the file, and its runners share it too."""
    at_once: Counter[str] = Counter()
    done: Counter[str] = Counter()

    async def handle(job: Job) -> None:
        name = job.lease.subject_id
        at_once[name] += 1
        assert at_once[name] == 1
        await asyncio.sleep(0)
        done[name] += 1
        await world.services.db.write(lambda tx: tx.sql.finish_job(**job.lease.name))
        at_once[name] -= 1

    runners = [Runner(world.services, {"k": Room(handle, 8)}) for _ in range(2)]
    for runner in runners:
        await runner.start()
    for batch in range(5):
        await add(world, *(f"{batch} {number}" for number in range(20)))

    async def gone() -> bool:
        return not await rows(world)

    await until(gone)
    for runner in runners:
        await runner.stop(1)
    assert set(done.values()) == {1} and len(done) == 100
