"""The sweeper: takes away rows whose time is over and that nobody may use any more."""

import asyncio
from typing import Final

import structlog

from multimail.core.times import DAY
from multimail.operations import idempotency
from multimail.operations.context import Services
from multimail.storage.database import StorageFull, Tx

log = structlog.get_logger()

EVERY: Final = 3600.0  # seconds
OPERATOR_MAIL_LIFE: Final = 30 * DAY


def sweep(services: Services, tx: Tx) -> None:
    """A unit of work. What has expired is refused by its own queries already; a day later it goes."""
    now = services.clock()
    tx.sql.sweep_idempotency(before=now - idempotency.LIFE)
    tx.sql.sweep_operator_tokens(before=now - DAY)
    tx.sql.sweep_approval_requests(before=now - DAY)
    tx.sql.sweep_challenges(before=now - DAY)
    tx.sql.sweep_sign_ups(before=now - DAY)
    tx.sql.sweep_operator_mail(before=now - OPERATOR_MAIL_LIFE)


class Sweeper:
    """Sweeps at its start and every hour."""

    def __init__(self, services: Services) -> None:
        self._services = services

    async def start(self) -> None:
        self._task = asyncio.create_task(self._run())

    async def _run(self) -> None:
        while True:
            try:
                await self._services.db.write(lambda tx: sweep(self._services, tx))
            except StorageFull:
                log.error("no room to sweep: the storage is full")
            await asyncio.sleep(EVERY)

    async def stop(self) -> None:
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
