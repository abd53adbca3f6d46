"""Bytes that nothing names any more go, and never bytes that something does.

Who stops naming bytes notes them in the same transaction; after GRACE, in which whoever still reads them can finish,
they are looked at: named again or still by something else, they stay. The row goes first; a file outside of the
database is marked as going, and whoever would name it at that very moment is told to try again (storage/blobs.py).
A crash at any point leaves the note, and the next round goes on from there.
"""

from collections.abc import Iterable
from functools import partial
from typing import Final

from multimail.core.times import HOUR
from multimail.operations.context import Context, Services
from multimail.storage.database import Row, Tx

GRACE: Final = HOUR
BATCH: Final = 50


def note_loose(ctx: Context, addresses: Iterable[str]) -> None:
    """SHA-256 addresses that something stops naming in this transaction."""
    ctx.sql.note_loose(
        [{"account_id": ctx.account_id, "sha256": sha256, "noted_at": ctx.now} for sha256 in addresses]
    )


async def remove_loose(services: Services) -> None:
    """Removes what has been loose for GRACE."""
    before = services.clock() - GRACE
    while rows := await services.db.read(lambda tx: tx.sql.list_loose(before=before, limit=BATCH)):
        for row in rows:
            name = {"account_id": row["account_id"], "sha256": row["sha256"]}
            if await services.db.write(partial(_let_go, services, row)):
                await services.blobs.remove(**name)
                await services.db.write(partial(_forget, name))


def _let_go(services: Services, row: Row, tx: Tx) -> bool:
    """A unit of work: whether there is a file to be removed; else the note is gone."""
    name = {"account_id": row["account_id"], "sha256": row["sha256"]}
    blob = tx.sql.lock_blob(**name)
    if blob is not None and tx.sql.is_named(**name, listed=f"%{row['sha256']}%") is None:
        tx.sql.remove_blob(**name)
        if blob["outside"]:
            tx.sql.let_file_go(**name, now=services.clock())
            return True
    elif blob is None and row["removing_at"] is not None:
        return True
    _forget(name, tx)
    return False


def _forget(name: dict[str, str], tx: Tx) -> None:
    tx.sql.forget_loose(**name)
