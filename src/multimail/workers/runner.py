"""Runs jobs: claims rows by lease, renews the leases while it works, and gives back what it can't finish.

Each kind of job has its own room, so that slow webhooks never take a place from deliveries. A worker that dies
loses its leases twenty seconds later; a job that raises is tried again, later each time.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
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


@dataclass(frozen=True, slots=True)
class Job:
    """A claimed job. `attempts` counts the earlier ones that were recorded as failed."""

    lease: Lease
    attempts: int


Handler = Callable[[Job], Awaitable[None]]


class Runner:
    """`rooms` gives each kind of job its handler and how many run at once."""

    def __init__(self, services: Services, rooms: Mapping[str, tuple[Handler, int]]) -> None:
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
        self._unsubscribe = self._services.db.subscribe("jobs", lambda _: self._wake_all())
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

    def _wake_all(self) -> None:
        for event in self._wake.values():
            event.set()

    async def _room(self, kind: str) -> None:
        handler, places = self._rooms[kind]
        free = asyncio.Semaphore(places)
        busy: set[asyncio.Task[None]] = set()
        while not self._stopping:
            await free.acquire()
            free.release()
            wake = self._wake[kind]
            wake.clear()
            jobs = await self._claim(kind, places - len(busy))
            for job in jobs:
                await free.acquire()
                task = asyncio.create_task(self._do(handler, job))
                for group in (busy, self._running):
                    group.add(task)
                    task.add_done_callback(group.discard)
                task.add_done_callback(lambda _: free.release())
            if not jobs:
                try:
                    await asyncio.wait_for(wake.wait(), POLL)
                except TimeoutError:
                    continue

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

    async def _do(self, handler: Handler, job: Job) -> None:
        lease = job.lease
        try:
            await handler(job)
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
