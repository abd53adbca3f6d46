"""The sweeper: takes away what has had its time: rows that nobody may use any more, old mail where that is wished."""

import asyncio
from itertools import count
from typing import Final

import structlog

from multimail.core.times import DAY
from multimail.operations import idempotency
from multimail.operations.context import Services
from multimail.operations.erasing import erase_old
from multimail.operations.loose import note_strays, remove_loose
from multimail.storage.database import StorageFull, Tx

log = structlog.get_logger()

EVERY: Final = 300.0  # seconds
HOURLY: Final = 12  # turns
DAILY: Final = 24 * HOURLY
OPERATOR_MAIL_LIFE: Final = 30 * DAY


def sweep(services: Services, tx: Tx) -> None:
    """A unit of work. What has expired is refused by its own queries already; a day later it goes."""
    now = services.clock()
    tx.sql.sweep_idempotency(before=now - idempotency.LIFE)
    tx.sql.sweep_operator_tokens(before=now - DAY)
    tx.sql.sweep_approval_requests(before=now - DAY)
    tx.sql.sweep_challenges(before=now - DAY)
    tx.sql.sweep_authorization_codes(before=now - DAY)
    tx.sql.sweep_refresh_tokens(before=now - DAY)
    tx.sql.sweep_key_hashes(before=now - DAY)
    tx.sql.sweep_sign_ups(before=now - DAY)
    tx.sql.sweep_watches()
    tx.sql.sweep_mta_sts_policies(before=now)
    tx.sql.sweep_operator_mail(before=now - OPERATOR_MAIL_LIFE)


class Sweeper:
    """Sweeps at its start, and loose bytes every five minutes, what has expired and mail that was kept long enough
    every hour, files that nothing ever named every day."""

    def __init__(self, services: Services) -> None:
        self._services = services

    async def start(self) -> None:
        self._task = asyncio.create_task(self._run())

    async def _run(self) -> None:
        services = self._services
        for turn in count():
            try:
                if turn % HOURLY == 0:
                    await services.db.write(lambda tx: sweep(services, tx))
                    await erase_old(services)
                if turn % DAILY == 0:
                    await note_strays(services)
                await remove_loose(services)
            except StorageFull:
                log.error("no room to sweep: the storage is full")
            except Exception:  # a database that restarts, a bucket that is not to be had: it goes on after it
                log.exception("a sweep failed; the next one goes on")
            await asyncio.sleep(EVERY)

    async def stop(self) -> None:
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
