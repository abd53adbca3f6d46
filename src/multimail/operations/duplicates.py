"""Which emails that wait for a decision say nearly the same to one of the same recipients.

The index follows from emails and is written with that of search (operations/indexing.py), after the transaction that
wrote them: marks are those of what waits, and of nothing else. Texts that are alike share one.
"""

import json
from itertools import islice
from typing import Final

from multimail.core.address import normalise
from multimail.core.duplicates import alike, bands
from multimail.core.jsontext import to_json
from multimail.core.oversight import State
from multimail.operations.context import Context
from multimail.storage.database import Row, Tx

CANDIDATES: Final = 100  # marks that are looked at for one email, however many wait
SHOWN: Final = 20


def recipients_of(email: Row) -> dict[str, str]:
    """Everybody on the envelope: as compared, and as written."""
    return {normalise(one["address"]): one["address"] for one in json.loads(email["recipients_json"])}


def note_marks(tx: Tx, email: Row, sketch: str, *, fresh: bool) -> None:
    """In place of those of an earlier text, unless the email is `fresh`. None for what does not wait."""
    name = {"account_id": email["account_id"], "email_id": email["email_id"]}
    if not fresh:
        tx.sql.remove_marks(**name)
    if email["state"] != State.PENDING_APPROVAL:
        return
    if tx.sql.lock_email(**name)["state"] != State.PENDING_APPROVAL:  # decided at this very moment
        return
    rest = name | {"mailbox_id": email["mailbox_id"], "sketch": sketch}
    tx.sql.add_marks([rest | {"mark": mark} for mark in _marks(email, sketch)])


def near_duplicates(ctx: Context, email: Row) -> list[str]:
    """Ids of other emails. One that was written within the last second may not be found yet."""
    name = {"account_id": ctx.account_id, "email_id": email["email_id"]}
    own = ctx.sql.get_sketch(**name)
    if not own:
        return []
    marks = to_json(dict.fromkeys(_marks(email, own), 0))
    rows = ctx.sql.list_sharing_marks(**name, marks=marks, limit=CANDIDATES, **ctx.actor.filter)
    others = {row["email_id"]: row["sketch"] for row in rows}  # alike texts share several marks
    found = (other for other, sketch in others.items() if alike(own, sketch))
    return sorted(islice(found, SHOWN))


def _marks(email: Row, sketch: str) -> list[str]:
    kind = "test" if email["test"] else "live"
    return [f"{kind} {band} {address}" for address in recipients_of(email) for band in bands(sketch)]
