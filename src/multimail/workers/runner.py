"""Runs jobs: claims rows by lease, renews the leases while it works, and gives back what it can't finish.

Each kind of job has its own room, so that slow webhooks never take a place from deliveries. A worker that dies
loses its leases twenty seconds later; a job that raises is tried again, later each time.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from statistics import median
from time import perf_counter
from typing import Final

import structlog

from multimail.core.times import SECOND
from multimail.operations.context import Services
from multimail.operations.jobs import Lease
from multimail.storage.database import Tx

log = structlog.get_logger()

LEASE: Final = 20 * SECOND  # how long the jobs of a process that died wait for another
RENEW: Final = 5.0  # seconds
POLL: Final = 1.0  # seconds between looks when nobody wakes us: other processes' jobs, lost leases
LONGEST_PAUSE: Final = 300
GIVE_WAY: Final = 500  # turns of the event loop: of an idle one that is some 15 ms, of a busy one a second
LOOKS: Final = 3  # one turn of an idle loop may be long by chance
LONGEST_REST: Final = 1.0  # seconds


@dataclass(frozen=True, slots=True)
class Job:
    """A claimed job. `attempts` counts the earlier ones that were recorded as failed."""

    lease: Lease
    attempts: int


Handler = Callable[[Job], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Room:
    """`places` jobs run at once. One that `gives_way` rests after each job for as long as others are waiting."""

    handler: Handler
    places: int
    gives_way: bool = False


class Runner:
    """`rooms` has one for each kind of job that this process does."""

    def __init__(self, services: Services, rooms: Mapping[str, Room]) -> None:
        self._services = services
        self._rooms = rooms
        self._owner = services.new_id("job")
        self._running: set[asyncio.Task[None]] = set()
        self._loops: list[asyncio.Task[None]] = []
        self._wake = {kind: asyncio.Event() for kind in rooms}
        self._stopping = False

    async def start(self) -> None:
        if self._services.db.dialect == "sqlite":
            # One process owns the file: every lease in it is of a process that is no more.
            await self._services.db.write(lambda tx: tx.sql.release_all_leases())
        self._unsubscribe = self._services.db.subscribe("jobs", self._wake_up)
        self._loops = [asyncio.create_task(self._room(kind)) for kind in self._rooms]
        self._loops.append(asyncio.create_task(self._renew()))

    async def stop(self, grace: float) -> None:
        """Claims no more, lets what runs finish for `grace` seconds, then gives the rest back."""
        self._stopping = True
        self._unsubscribe()
        for loop in self._loops:
            loop.cancel()
        if self._running:
            await asyncio.wait(self._running, timeout=grace)
        for task in self._running:
            task.cancel()
        await asyncio.gather(*self._running, *self._loops, return_exceptions=True)
        await self._services.db.write(lambda tx: tx.sql.release_leases(lease_owner=self._owner))

    def _wake_up(self, kind: str) -> None:
        if kind in self._wake:
            self._wake[kind].set()

    async def _room(self, kind: str) -> None:
        room, wake = self._rooms[kind], self._wake[kind]
        busy: set[asyncio.Task[None]] = set()
        refill = room.places * 3 // 4  # claim a few at once: each claim is a commit

        def done(task: asyncio.Task[None]) -> None:
            busy.discard(task)
            self._running.discard(task)
            if len(busy) <= refill:
                wake.set()

        while not self._stopping:
            wake.clear()
            jobs = await self._claim(kind, room.places - len(busy)) if len(busy) <= refill else []
            for job in jobs:
                task = asyncio.create_task(self._do(room, job))
                busy.add(task)
                self._running.add(task)
                task.add_done_callback(done)
            if not jobs:
                with suppress(TimeoutError):
                    await asyncio.wait_for(wake.wait(), POLL)

    async def _claim(self, kind: str, limit: int) -> list[Job]:
        now = self._services.clock()

        def unit(tx: Tx) -> list[Job]:
            rows = tx.sql.claim_jobs(
                kind=kind, now=now, lease_until=now + LEASE, lease_owner=self._owner, limit=limit
            )
            return [
                Job(Lease(row["account_id"], row["kind"], row["subject_id"], self._owner), row["attempts"])
                for row in rows
            ]

        try:
            # Looking costs no write: most looks find nothing.
            due = await self._services.db.read(lambda tx: tx.sql.next_job_time(kind=kind, now=now))
            return await self._services.db.write(unit) if due is not None and due <= now else []
        except Exception:  # a full disk, a database that restarts: this loop outlives it
            log.exception("jobs could not be leased")
            await asyncio.sleep(POLL)
            return []

    async def _do(self, room: Room, job: Job) -> None:
        lease = job.lease
        try:
            await room.handler(job)
            if room.gives_way:
                await rest()
        except Exception:  # whatever it is, the job stays and the others go on
            log.exception("a job failed and will be tried again", kind=lease.kind, subject=lease.subject_id)
            pause = min(2**job.attempts, LONGEST_PAUSE) * SECOND
            run_at = self._services.clock() + pause
            await self._give_back(lease, run_at)

    async def _give_back(self, lease: Lease, run_at: int) -> None:
        """Until it succeeds: its lease is renewed with the others, so nobody else would ever take it."""
        while True:
            try:
                return await self._services.db.write(lambda tx: _again(tx, lease, run_at))
            except Exception:
                log.exception("a job could not be given back yet", kind=lease.kind, subject=lease.subject_id)
                await asyncio.sleep(POLL)

    def _renewed(self, tx: Tx) -> None:
        tx.sql.renew_leases(lease_owner=self._owner, lease_until=self._services.clock() + LEASE)

    async def _renew(self) -> None:
        while True:
            await asyncio.sleep(RENEW)
            try:
                await self._services.db.write(self._renewed)
            except Exception:
                log.exception("leases could not be renewed")


def _again(tx: Tx, lease: Lease, run_at: int) -> None:
    tx.sql.retry_job(**lease.name, run_at=run_at)


async def rest(turns: int = GIVE_WAY) -> None:
    """As long as so many turns of the event loop take, at most LONGEST_REST."""
    turn = median([await _turn() for _ in range(LOOKS)])
    await asyncio.sleep(min(LONGEST_REST, turns * turn))


async def _turn() -> float:
    """Seconds. The loop's own clock has a thousandth of one for its finest."""
    before = perf_counter()
    await asyncio.sleep(0)
    return perf_counter() - before
