"""Work that gathers while transactions write, and is done in rounds: sealing the audit log, indexing for search."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from itertools import count
from typing import Final

import structlog

from multimail.operations.context import Services
from multimail.storage.database import StorageFull

log = structlog.get_logger()

PAUSE: Final = 0.3  # seconds between rounds: work gathers, so that a round is worth its commit
ALL_EVERY: Final = 200  # rounds


class Rounds:
    """Does `some(accounts)` for those that `channel` told of; `every()` account at the start, at the end and each
    minute, for what another process wrote and could not tell. `task` names it in the log; one that is not
    `pressing` leaves what is left at a stop to the next start."""

    def __init__(
        self,
        services: Services,
        task: str,
        channel: str,
        some: Callable[[Iterable[str]], Awaitable[None]],
        every: Callable[[], Awaitable[None]],
        *,
        pressing: bool = True,
    ) -> None:
        self._services = services
        self._what = task
        self._pressing = pressing
        self._channel = channel
        self._some = some
        self._every = every
        self._written: set[str] = set()

    async def start(self) -> None:
        self._unsubscribe = self._services.db.subscribe(self._channel, self._written.add)
        self._task = asyncio.create_task(self._run())

    async def _run(self) -> None:
        for turn in count():
            accounts = sorted(self._written)
            self._written.clear()
            try:
                if turn % ALL_EVERY == 0:
                    await self._every()
                else:
                    await self._some(accounts)
            except Exception:  # a full disk, a database that restarts: it goes on after it
                log.exception("a round failed", task=self._what)
                self._written.update(accounts)
            await asyncio.sleep(PAUSE)

    async def stop(self) -> None:
        self._unsubscribe()
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        try:
            if self._pressing:
                await self._every()
        except StorageFull:
            log.error("no room for the last round: the storage is full", task=self._what)
