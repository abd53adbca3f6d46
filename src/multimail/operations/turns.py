"""What an agent had read before it wrote: a pending email beside the reads of the same turn in the audit log.

A turn is what the agent names: metadata `run_id`, or where a read names none its `thread_id`. The log has every read of
a body already. What a list shows of strangers is their words too, sender and subject: `glimpse` has it written down,
one entry for a call and none for one that shows what the last one did. Where the agent leaves reads without a turn,
nobody can say what belonged to it, and that is the answer; nor can they where a webhook carries what comes in.
"""

import json
from collections.abc import Iterable
from typing import Final

from typing_extensions import TypedDict

from multimail.core.event_types import EventType, heard_as
from multimail.core.scopes import Scope
from multimail.core.times import DAY, HOUR
from multimail.operations.context import Context
from multimail.storage.database import Row

WINDOW: Final = DAY  # before the email was written
LOOKED_AT: Final = 200  # reads; where there are more, not all are known
SHOWN: Final = 20
UNNAMED: Final = HOUR  # in which reads of a key without a turn are one: another says no more
LISTS: Final = frozenset({"check_inbox", "list_emails", "list_spam", "list_threads", "search_emails", "wait_for_email",
                          "get_message"})  # fmt: skip
OF_SEVERAL: Final = LISTS | {"get_thread", "review_email"}  # whose entries name the emails that they showed
UNTOLD: Final = frozenset({"list_events", "get_webhook_delivery", "export_account"})  # whose entries do not

# `from` is a keyword of Python, so this shape is spelled as a call.
ReadBefore = TypedDict("ReadBefore", {"id": str, "from": str})


class UntrustedReads(TypedDict):
    """`emails` came in and were read in the turn in which this one was written; of those `listed` it saw the sender and
    the subject alone. Unless `known`, there may be more: the agent names no turn, or not with every read, or it read
    what has many emails' words, or a webhook carries them to a program. `elsewhere`: one of `emails` is of somebody to
    whom this one is not written."""

    known: bool
    elsewhere: bool
    emails: list[ReadBefore]
    listed: list[ReadBefore]


NOTHING_READ: Final[UntrustedReads] = {"known": True, "elsewhere": False, "emails": [], "listed": []}
NOT_KNOWN: Final[UntrustedReads] = NOTHING_READ | {"known": False}


def glimpse(ctx: Context, rows: Iterable[Row]) -> None:
    """The caller, an operation with `glimpse`, shows senders and subjects of these. Of a key that can't write it
    matters to nobody."""
    if ctx.actor.kind != "key" or Scope.SEND not in ctx.actor.grants:
        return
    came = [row["email_id"] for row in rows if row["direction"] == "inbound"]
    if came and not _told_already(ctx, came):
        ctx.about("account", ctx.account_id, None, emails=came)


def _told_already(ctx: Context, emails: list[str]) -> bool:
    """Agents poll: what the turn's last entry says already is not written down again."""
    turn = ctx.metadata.get("run_id", ctx.metadata.get("thread_id", ""))
    after = ctx.now - (WINDOW if turn else UNNAMED)
    name = {"account_id": ctx.account_id, "actor_id": ctx.actor.id}
    last = ctx.sql.newest_read(**name, turn=turn, after=after, before=ctx.now)
    return last is not None and (not turn or set(emails) <= set(_emails(last)))


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
    known = len(rows) < LOOKED_AT and not any(row["turn"] == "" or row["action"] in UNTOLD for row in rows)
    newest = sorted((row for row in rows if row["turn"]), key=lambda row: int(row["at"]), reverse=True)
    read = dict.fromkeys(one for row in newest if row["action"] not in LISTS for one in _emails(row))
    listed = dict.fromkeys(one for row in newest if row["action"] in LISTS for one in _emails(row))
    found = _inbound(ctx, read)
    to = {one["address"].lower() for one in json.loads(email["recipients_json"])}
    elsewhere = any(one["from"].lower() not in to for one in found)
    glimpsed = _inbound(ctx, list(dict.fromkeys(one for one in listed if one not in read))[:SHOWN])
    known = known and not _carried(ctx, email["mailbox_id"])
    return {"known": known, "elsewhere": elsewhere, "emails": found[:SHOWN], "listed": glimpsed}


def _carried(ctx: Context, mailbox_id: str) -> bool:
    """Whether a webhook tells a program of what comes into the mailbox, words and all."""
    hooks = ctx.sql.list_webhooks_for(account_id=ctx.account_id, mailbox_id=mailbox_id)
    return any(heard_as(EventType.EMAIL_RECEIVED, json.loads(hook["events_json"])) for hook in hooks)


def _emails(row: Row) -> list[str]:
    """What the entry of a read names. An agent's own metadata is beside it, under names of its choice."""
    if row["action"] in OF_SEVERAL:
        return list(json.loads(row["metadata_json"]).get("emails", []))
    return [row["resource_id"]]


def _inbound(ctx: Context, email_ids: Iterable[str]) -> list[ReadBefore]:
    rows = (ctx.sql.get_email(account_id=ctx.account_id, email_id=email_id) for email_id in email_ids)
    return [
        {"id": row["email_id"], "from": row["from_address"]}
        for row in rows
        if row is not None and row["direction"] == "inbound" and ctx.actor.reaches(row["mailbox_id"])
    ]
