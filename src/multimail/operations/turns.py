"""What an agent had read before it wrote: a pending email beside the reads of the same turn in the audit log.

A turn is what the agent names: metadata `run_id`, or where a read names none its `thread_id`. Nothing is written for
it: the log has every read of a body already. Where the agent leaves reads without a turn, nobody can say what belonged
to it, and that is the answer.
"""

import json
from typing import Final

from typing_extensions import TypedDict

from multimail.core.times import DAY
from multimail.operations.context import Context
from multimail.storage.database import Row

WINDOW: Final = DAY  # before the email was written
LOOKED_AT: Final = 200  # reads; where there are more, not all are known
SHOWN: Final = 20

# `from` is a keyword of Python, so this shape is spelled as a call.
ReadBefore = TypedDict("ReadBefore", {"id": str, "from": str})


class UntrustedReads(TypedDict):
    """`emails` came in and were read in the turn in which this one was written. Unless `known`, there may be more:
    the agent names no turn, or not with every read, or it read events, which have many emails' words. `elsewhere`:
    one of them is of somebody to whom this one is not written."""

    known: bool
    elsewhere: bool
    emails: list[ReadBefore]


NOTHING_READ: Final[UntrustedReads] = {"known": True, "elsewhere": False, "emails": []}
NOT_KNOWN: Final[UntrustedReads] = NOTHING_READ | {"known": False}


def untrusted_reads(ctx: Context, email: Row) -> UntrustedReads:
    """Of a pending outbound email that a key wrote; nothing to tell of any other."""
    if email["author_kind"] != "key":
        return NOTHING_READ
    metadata = json.loads(email["metadata_json"])
    run, conversation = metadata.get("run_id", ""), metadata.get("thread_id", "")
    if not run and not conversation:
        return NOT_KNOWN
    edited = email["editor_kind"] == "key"
    if edited and email["editor_id"] != email["author_id"]:
        return NOT_KNOWN
    written_at = email["edited_at"] if edited else email["created_at"]
    rows = ctx.sql.list_reads(
        account_id=ctx.account_id,
        actor_id=email["author_id"],
        run=run,
        conversation=conversation,
        after=written_at - WINDOW,
        before=written_at,
        limit=LOOKED_AT,
    )
    known = len(rows) < LOOKED_AT and not any(
        row["turn"] == "" or row["action"] == "list_events" for row in rows
    )
    newest = sorted((row for row in rows if row["turn"]), key=lambda row: int(row["at"]), reverse=True)
    read = dict.fromkeys(one for row in newest for one in _emails(row))
    found = [one for one in (_inbound(ctx, email_id) for email_id in read) if one is not None]
    to = {one["address"].lower() for one in json.loads(email["recipients_json"])}
    elsewhere = any(one["from"].lower() not in to for one in found)
    return {"known": known, "elsewhere": elsewhere, "emails": found[:SHOWN]}


def _emails(row: Row) -> list[str]:
    if row["action"] == "get_thread":
        return list(json.loads(row["metadata_json"]).get("emails", []))
    return [row["resource_id"]]


def _inbound(ctx: Context, email_id: str) -> ReadBefore | None:
    row = ctx.sql.get_email(account_id=ctx.account_id, email_id=email_id)
    if row is None or row["direction"] != "inbound" or not ctx.actor.reaches(row["mailbox_id"]):
        return None
    return {"id": email_id, "from": row["from_address"]}
