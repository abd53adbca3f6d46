"""Bytes that nothing names any more go, and never bytes that something does.

Who stops naming bytes notes them in the same transaction. What is in a row goes after GRACE, under a lock that whoever
names the same bytes waits for (`add_blob`). A file outside of the database takes steps, each committed before the next:

    noted     GRACE later the row goes, if nothing names the bytes; whoever reads them can finish meanwhile
    removing  SETTLE later everybody who wrote before that has ended; who names them now just keeps them (blobs.keep)
    going     the file is removed; who names the bytes now is told to try again
    removed   SETTLE later nobody relies any more on a file that was seen before it went: the note goes

A crash at any point leaves the note, and the next round goes on from there. Files that never had a row, because a
process ended between the two, are found by looking through the store.
"""

from collections.abc import Iterable
from functools import partial
from typing import Final

from multimail.core.times import DAY, HOUR, MINUTE, SECOND
from multimail.operations.context import Context, Services
from multimail.storage.database import Row, Tx

GRACE: Final = HOUR
SETTLE: Final = 10 * MINUTE
STRAY: Final = DAY  # no file waits so long for its row
BATCH: Final = 50


def note_loose(ctx: Context, addresses: Iterable[str]) -> None:
    """SHA-256 addresses that something stops naming in this transaction."""
    ctx.sql.note_loose(
        [{"account_id": ctx.account_id, "sha256": sha256, "noted_at": ctx.now} for sha256 in addresses]
    )


async def note_strays(services: Services) -> None:
    """Notes files that are older than STRAY and have no row."""
    async for found in services.blobs.strays(STRAY // SECOND):
        await services.db.write(partial(_note_strays, services, found))


def _note_strays(services: Services, found: list[tuple[str, str]], tx: Tx) -> None:
    for account_id, sha256 in found:
        tx.sql.note_stray(account_id=account_id, sha256=sha256, now=services.clock())


async def remove_loose(services: Services) -> None:
    """Takes every step that is due."""
    now = services.clock()
    due = {"before": now - GRACE, "settled": now - SETTLE, "limit": BATCH}
    while rows := await services.db.read(lambda tx: tx.sql.list_loose(**due)):
        for row in rows:
            if await services.db.write(partial(_step, services, row)):
                name = {"account_id": row["account_id"], "sha256": row["sha256"]}
                await services.blobs.remove(**name)
                await services.db.write(partial(_removed, services, name))


def _step(services: Services, row: Row, tx: Tx) -> bool:
    """A unit of work: the next step of one; whether its file is to be removed now."""
    name, now = {"account_id": row["account_id"], "sha256": row["sha256"]}, services.clock()
    if row["removed_at"] is not None:
        tx.sql.forget_loose(**name)
        return False
    if row["going_at"] is not None:
        return True  # a crash came between
    blob = tx.sql.lock_blob(**name)
    if row["removing_at"] is None:
        return _begin(tx, name, blob, now)
    if blob is not None:
        tx.sql.forget_loose(**name)
        return False
    return bool(tx.sql.set_going(**name, now=now))


def _begin(tx: Tx, name: dict[str, str], blob: Row | None, now: int) -> bool:
    """Takes the row away that nothing names; never yet the file."""
    if blob is not None and tx.sql.is_named(**name, listed=f"%{name['sha256']}%") is None:
        tx.sql.remove_blob(**name)
        if blob["outside"]:
            blob = None
    if blob is None:
        tx.sql.set_removing(**name, now=now)
    else:
        tx.sql.forget_loose(**name)
    return False


def _removed(services: Services, name: dict[str, str], tx: Tx) -> None:
    tx.sql.set_removed(**name, now=services.clock())
