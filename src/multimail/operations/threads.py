"""Conversations: one with its emails, and those of a mailbox."""

from collections.abc import Mapping
from typing import Any

from pydantic import Field
from typing_extensions import TypedDict

from multimail.core.errors import not_found
from multimail.core.oversight import HIDDEN
from multimail.core.scopes import Scope
from multimail.core.threads import bare_subject
from multimail.core.times import to_rfc3339
from multimail.operations.context import Context
from multimail.operations.emails import MAX_TOKENS
from multimail.operations.inbox import LAST, MAILBOX_ALIASES, with_participant
from multimail.operations.operation import Input, Operation, audit_held
from multimail.operations.turns import glimpse
from multimail.operations.views import (
    Email,
    EmailSummary,
    decode_cursor,
    email_summary,
    email_whole,
    encode_cursor,
    page,
    within,
)


class ThreadSummary(TypedDict):
    """`last_activity` is the time of its newest email; unanswered is one whose newest email came in."""

    thread_id: str
    mailbox_id: str
    subject: str
    participants: list[str]
    message_count: int
    last_activity: str
    has_unanswered_inbound: bool


class Thread(ThreadSummary):
    emails: list[Email | EmailSummary]  # the latter with bodies=false
    cursor: str | None


class ThreadPage(TypedDict):
    threads: list[ThreadSummary]
    cursor: str | None


class GetThread(Input):
    thread_id: str
    mailbox_id: str | None = None
    bodies: bool = Field(True, description="False leaves the bodies out.")
    max_tokens: int | None = MAX_TOKENS
    limit: int = Field(100, ge=1, le=100)
    cursor: str | None = None


def get_thread(ctx: Context, given: GetThread) -> Mapping[str, Any]:
    """Reads a conversation, oldest email first, with the bodies in it. What strangers wrote is untrusted."""
    name = {"account_id": ctx.account_id, "thread_id": given.thread_id}
    thread = ctx.sql.get_thread(**name)
    if thread is None or not ctx.actor.reaches(thread["mailbox_id"]):
        raise not_found("thread")
    if given.mailbox_id is not None and ctx.mailbox(given.mailbox_id)["mailbox_id"] != thread["mailbox_id"]:
        raise not_found("thread")
    summary = _summary(ctx, given.thread_id, thread["mailbox_id"])
    rows = ctx.sql.list_thread_emails(
        **name,
        see_held=ctx.actor.sees_held,
        after=decode_cursor(given.cursor, ""),
        limit=given.limit + 1,
    )
    shown, cursor = page(rows, given.limit, lambda row: str(row["email_id"]))
    audit_held(ctx, "get_thread", shown)
    plain = [row["email_id"] for row in shown if row["state"] not in HIDDEN]
    if plain:
        ctx.about("thread", given.thread_id, thread["mailbox_id"], emails=plain)
    emails = [email_whole(ctx.tx, row) if given.bodies else email_summary(row) for row in shown]
    if given.bodies and given.max_tokens is not None:
        emails = _within(emails, given.max_tokens)
    return summary | {"emails": emails, "cursor": cursor}


def _within(emails: list[dict[str, Any]], max_tokens: int) -> list[dict[str, Any]]:
    """The newest say most: they are given their words first."""
    kept = []
    for email in reversed(emails):
        kept.append(within(email, max_tokens))
        max_tokens -= min(max_tokens, email["token_estimate"])
    return kept[::-1]


def _summary(ctx: Context, thread_id: str, mailbox_id: str) -> dict[str, Any]:
    """The shape of ThreadSummary. A thread of which all is held does not exist."""
    seen = _seen(ctx, thread_id)
    counted = ctx.sql.count_thread(**seen)
    if not counted["message_count"]:
        raise not_found("thread")
    latest = ctx.sql.latest_in_thread(**seen)
    people = " ".join(row["participants"] for row in ctx.sql.list_thread_participants(**seen))
    return {
        "thread_id": thread_id,
        "mailbox_id": mailbox_id,
        "subject": bare_subject(ctx.sql.first_in_thread(**seen)["subject"]),
        "participants": sorted(set(people.split())),
        "message_count": counted["message_count"],
        "last_activity": to_rfc3339(counted["last_activity"]),
        "has_unanswered_inbound": latest is not None and latest["direction"] == "inbound",
    }


def _seen(ctx: Context, thread_id: str) -> dict[str, Any]:
    return {"account_id": ctx.account_id, "thread_id": thread_id, "see_held": ctx.actor.sees_held}


class ListThreads(Input):
    mailbox_id: str = Field(description="The mailbox's id or address.")
    participant: str | None = Field(
        None, description="Only threads with an email from, to or copied to this address."
    )
    limit: int = Field(20, ge=1, le=100)
    cursor: str | None = None


def list_threads(ctx: Context, given: ListThreads) -> Mapping[str, Any]:
    """Lists the conversations of a mailbox, the one with the newest email first, without their emails.

    Pages show the order as it was when the first one was asked for: new mail moves nothing between them.
    """
    mailbox_id = ctx.mailbox(given.mailbox_id)["mailbox_id"]
    newest, _, before = decode_cursor(given.cursor, "").partition(".")
    rows = ctx.sql.list_threads(
        account_id=ctx.account_id,
        mailbox_id=mailbox_id,
        see_held=ctx.actor.sees_held,
        newest=newest or LAST,
        before=before or LAST,
        any_participant=given.participant is None,
        participant=with_participant(given.participant),
        limit=given.limit + 1,
    )
    shown = rows[: given.limit]
    more = len(rows) > given.limit
    cursor = encode_cursor(f"{newest or shown[0]['email_id']}.{shown[-1]['email_id']}") if more else None
    glimpse(
        ctx, [ctx.sql.first_in_thread(**_seen(ctx, row["thread_id"])) for row in shown]
    )  # whose subjects are shown
    return {"threads": [_summary(ctx, row["thread_id"], mailbox_id) for row in shown], "cursor": cursor}


GET_THREAD = Operation(
    name="get_thread",
    run=get_thread,
    input=GetThread,
    output=Thread,
    scopes=(Scope.READ,),
    effect="read",
    method="GET",
    path="/v1/mailboxes/{mailbox_id}/threads/{thread_id}",
    aliases=MAILBOX_ALIASES,
    errors=("not_found",),
)
LIST_THREADS = Operation(
    name="list_threads",
    run=list_threads,
    input=ListThreads,
    output=ThreadPage,
    scopes=(Scope.READ,),
    effect="read",
    audited=False,
    glimpse=True,
    method="GET",
    path="/v1/mailboxes/{mailbox_id}/threads",
    aliases=MAILBOX_ALIASES,
    errors=("not_found",),
)
