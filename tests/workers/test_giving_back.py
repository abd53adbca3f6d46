"""A job that failed while the database was in trouble too is given back once that is over."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from multimail.storage.database import Database, StorageFull
from multimail.workers import runner as module
from multimail.workers.runner import Job, Room, Runner
from tests.support.world import World


@dataclass
class Trouble:
    """A database whose writes raise what is in `errors`, one by one."""

    database: Database
    errors: list[Exception] = field(default_factory=list)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.database, name)

    async def write(self, unit: Callable[[Any], Any]) -> Any:
        if self.errors:
            raise self.errors.pop()
        return await self.database.write(unit)


async def test_a_job_that_could_not_be_given_back_at_once_is_not_kept_for_ever(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "POLL", 0.01)
    trouble = Trouble(world.services.db)
    services = replace(world.services, db=trouble)
    seen: list[int] = []

    async def handle(job: Job) -> None:
        seen.append(job.attempts)
        if len(seen) == 1:
            trouble.errors = [StorageFull("full"), ConnectionError("gone"), StorageFull("full")]
            raise ValueError("it failed")
        await services.db.write(lambda tx: tx.sql.finish_job(**job.lease.name))

    await world.run(
        lambda ctx: ctx.sql.add_job(account_id=world.account_id, kind="k", subject_id="s", run_at=ctx.now)
    )
    runner = Runner(services, {"k": Room(handle, 1)})
    await runner.start()

    async def wait_for(holds: Callable[[], Awaitable[bool]]) -> None:
        while not await holds():
            world.clock.pass_(1_000_000)
            await asyncio.sleep(0.005)

    async def gone() -> bool:
        return not await world.run(lambda ctx: ctx.sql.count_jobs())

    await wait_for(gone)
    await runner.stop(1.0)
    assert seen == [0, 1]
