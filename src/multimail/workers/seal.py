"""The sealer: chains new audit entries within a second of their transaction."""

import asyncio
from itertools import count
from typing import Final

import structlog

from multimail.operations.context import Services
from multimail.operations.sealing import Sign, seal_accounts, seal_all
from multimail.storage.database import StorageFull

log = structlog.get_logger()

PAUSE: Final = 0.3  # seconds between rounds: entries gather, so that a round is worth its commit
ALL_EVERY: Final = 200  # rounds


class Sealer:
    """Seals the accounts in which entries were written; all of them at its start, at its end and each minute,
    for what another process wrote and could not tell."""

    def __init__(self, services: Services, sign: Sign) -> None:
        self._services = services
        self._sign = sign
        self._written: set[str] = set()

    async def start(self) -> None:
        self._unsubscribe = self._services.db.subscribe("audit", self._written.add)
        self._task = asyncio.create_task(self._run())

    async def _run(self) -> None:
        for turn in count():
            accounts = sorted(self._written)
            self._written.clear()
            try:
                if turn % ALL_EVERY == 0:
                    await seal_all(self._services, self._sign)
                else:
                    await seal_accounts(self._services, self._sign, accounts)
            except Exception:  # a full disk, a database that restarts: sealing goes on after it
                log.exception("the audit log could not be sealed")
                self._written.update(accounts)
            await asyncio.sleep(PAUSE)

    async def stop(self) -> None:
        self._unsubscribe()
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        try:
            await seal_all(self._services, self._sign)
        except StorageFull:
            log.error("no room to seal the audit log: the storage is full")
