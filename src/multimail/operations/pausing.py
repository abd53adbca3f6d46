"""Pausing: one call stops all sending, or that of one mailbox; only an owner starts it again (contract §4)."""

from collections.abc import Mapping
from typing import Any, Final

from pydantic import Field
from typing_extensions import TypedDict

from multimail.core.scopes import Scope
from multimail.core.times import optional_rfc3339
from multimail.operations.context import Context, require_whole_account
from multimail.operations.operation import Input, Operation, Route
from multimail.storage.database import Row


class PauseAnswer(TypedDict):
    """`mailbox_id` is null where it is about the whole account."""

    mailbox_id: str | None
    paused: bool
    paused_at: str | None


class Sending(Input):
    mailbox_id: str | None = Field(
        None, description="Only this mailbox: its id or address; by default the whole account."
    )


class ResumeSending(Sending):
    approval_code: str | None = None


def pause_sending(ctx: Context, given: Sending) -> Mapping[str, Any]:
    """Pauses sending at once, for the whole account or for one mailbox. What is queued waits, and nothing is lost.

    Sends are still accepted and can be decided; what a server is being handed at this moment is finished.
    """
    mailbox = _mailbox(ctx, given)
    if mailbox is None:
        require_whole_account(ctx.actor)
        ctx.sql.pause_account(account_id=ctx.account_id, now=ctx.now)
    else:
        ctx.sql.pause_mailbox(account_id=ctx.account_id, mailbox_id=mailbox["mailbox_id"], now=ctx.now)
    return _answer(ctx, given)


def starts_again(ctx: Context, given: ResumeSending) -> str | None:
    mailbox = _mailbox(ctx, given)
    if mailbox is None:
        require_whole_account(ctx.actor)
    if _paused_at(ctx, mailbox) is None:
        return None
    return (
        f"sending {'of the whole account' if mailbox is None else 'from ' + mailbox['address']} starts again"
    )


def resume_sending(ctx: Context, given: ResumeSending) -> Mapping[str, Any]:
    """Lets sending go on; takes an owner's approval_code. A mailbox's own pause and the account's are two things."""
    mailbox = _mailbox(ctx, given)
    if mailbox is None:
        ctx.sql.resume_account(account_id=ctx.account_id)
    else:
        ctx.sql.resume_mailbox(account_id=ctx.account_id, mailbox_id=mailbox["mailbox_id"])
    ctx.sql.hasten_deliveries(account_id=ctx.account_id, now=ctx.now)
    ctx.tx.notify("jobs", "deliver")
    return _answer(ctx, given)


def _mailbox(ctx: Context, given: Sending) -> Row | None:
    return None if given.mailbox_id is None else ctx.mailbox(given.mailbox_id)


def _paused_at(ctx: Context, mailbox: Row | None) -> int | None:
    row = ctx.sql.get_account(account_id=ctx.account_id) if mailbox is None else mailbox
    paused_at: int | None = row["paused_at"]
    return paused_at


def _answer(ctx: Context, given: Sending) -> dict[str, Any]:
    mailbox = _mailbox(ctx, given)
    if mailbox is None:
        ctx.about("account", ctx.account_id)
    else:
        ctx.about("mailbox", mailbox["mailbox_id"], mailbox["mailbox_id"])
    at = _paused_at(ctx, mailbox)
    return {
        "mailbox_id": None if mailbox is None else mailbox["mailbox_id"],
        "paused": at is not None,
        "paused_at": optional_rfc3339(at),
    }


ALIASES: Final = {"mailbox": "mailbox_id", "id": "mailbox_id"}

PAUSE_SENDING = Operation(
    name="pause_sending",
    run=pause_sending,
    input=Sending,
    output=PauseAnswer,
    scopes=(Scope.ADMIN, Scope.OVERSIGHT),
    effect="write",
    method="POST",
    path="/v1/account/pause",
    also=(Route("POST", "/v1/mailboxes/{mailbox_id}/pause"),),
    aliases=ALIASES,
    errors=("not_found", "mailbox_limited"),
)
RESUME_SENDING = Operation(
    name="resume_sending",
    run=resume_sending,
    input=ResumeSending,
    output=PauseAnswer,
    scopes=(Scope.ADMIN, Scope.OVERSIGHT),
    effect="write",
    method="POST",
    path="/v1/account/resume",
    also=(Route("POST", "/v1/mailboxes/{mailbox_id}/resume"),),
    aliases=ALIASES,
    needs_owner=starts_again,
    errors=("not_found", "mailbox_limited", "invalid_approval_code"),
)
