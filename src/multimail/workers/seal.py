"""The sealer: chains new audit entries within a second of their transaction."""

import asyncio
from typing import Final

import structlog

from multimail.operations.context import Services
from multimail.operations.sealing import Sign, seal_all
from multimail.storage.database import StorageFull

log = structlog.get_logger()

PAUSE: Final = 0.3  # seconds between rounds: entries gather, so that a round is worth its commit


class Sealer:
    """Runs `seal_all` whenever entries were written, and once at its end."""

    def __init__(self, services: Services, sign: Sign) -> None:
        self._services = services
        self._sign = sign
        self._written = asyncio.Event()

    async def start(self) -> None:
        self._written.set()  # what an earlier process left unsealed
        self._unsubscribe = self._services.db.subscribe("audit", lambda _: self._written.set())
        self._task = asyncio.create_task(self._run())

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(PAUSE)
            await self._written.wait()
            self._written.clear()
            try:
                await seal_all(self._services, self._sign)
            except StorageFull:
                log.error("no room to seal the audit log: the storage is full")
                self._written.set()

    async def stop(self) -> None:
        self._unsubscribe()
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        try:
            await seal_all(self._services, self._sign)
        except StorageFull:
            log.error("no room to seal the audit log: the storage is full")
