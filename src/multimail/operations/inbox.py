"""Lists of emails: of one mailbox, of all of them, of spam; and the filters that they share (contract §2)."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final, Literal

from pydantic import Field

from multimail.core.errors import invalid
from multimail.core.oversight import State
from multimail.core.scopes import Scope
from multimail.core.times import moment
from multimail.operations.context import Context
from multimail.operations.operation import Input, Operation, Route
from multimail.operations.turns import glimpse
from multimail.operations.views import EmailPage, decode_cursor, email_summary, page
from multimail.storage.database import Row

LAST: Final = "~"
FOREVER: Final = 1 << 62
PATTERN: Final = 50_000  # octets: SQLite takes no longer LIKE pattern (SQLITE_MAX_LIKE_PATTERN_LENGTH)

# What may be asked for as a status: up to two states each, one of them perhaps of the other direction.
INTERNAL: Final = (State.COMPOSED, State.ARRIVED, State.DELIVERING, State.HELD, State.DECLINED)
STATUS_FILTERS: Final[Mapping[str, tuple[State, State]]] = {
    **{state.value: (state, state) for state in State if state not in INTERNAL},
    "queued": (State.QUEUED, State.DELIVERING),
    "pending_approval": (State.PENDING_APPROVAL, State.HELD),
    "rejected": (State.REJECTED, State.DECLINED),
    "pending_send_approval": (State.PENDING_APPROVAL, State.PENDING_APPROVAL),
    "pending_inbound_approval": (State.HELD, State.HELD),
    "send_failed": (State.FAILED, State.FAILED),
    "spam": (State.SPAM_FLAGGED, State.SPAM_QUARANTINED),
}


class EmailFilters(Input):
    """What every list of emails can be narrowed by; all of it must hold."""

    status: str | None = Field(None, description="Only emails with this status.")
    direction: Literal["inbound", "outbound"] | None = None
    sender: str | None = Field(None, description="Only emails from this address.")
    participant: str | None = Field(None, description="Only emails from, to or copied to this address.")
    subject_contains: str | None = None
    tag: str | None = None
    thread_id: str | None = Field(None, description="Only emails of this conversation.")
    date_after: datetime | None = None
    date_before: datetime | None = None
    has_attachments: bool | None = None
    since_id: str | None = Field(None, description="Only emails newer than this one.")


class ListEmails(EmailFilters):
    mailbox_id: str | None = Field(None, description="Only emails of this mailbox: its id or address.")
    limit: int = Field(20, ge=1, le=100)
    cursor: str | None = None


class CheckInbox(EmailFilters):
    mailbox_id: str = Field(description="The mailbox's id or address.")
    limit: int = Field(20, ge=1, le=100)
    cursor: str | None = None


class ListSpam(Input):
    mailbox_id: str | None = Field(None, description="Only spam of this mailbox: its id or address.")
    limit: int = Field(20, ge=1, le=100)
    cursor: str | None = None


def check_inbox(ctx: Context, given: CheckInbox) -> Mapping[str, Any]:
    """Lists the emails of a mailbox, newest first, without their bodies. Read one with read_email."""
    return _of_mailbox(ctx, given.mailbox_id, given, given.limit, given.cursor)


def list_emails(ctx: Context, given: ListEmails) -> Mapping[str, Any]:
    """Lists emails of every mailbox, or of one, newest first, without their bodies."""
    if given.mailbox_id is not None:
        return _of_mailbox(ctx, given.mailbox_id, given, given.limit, given.cursor)
    rows = ctx.sql.list_account_emails(
        account_id=ctx.account_id,
        before=decode_cursor(given.cursor, LAST),
        since=given.since_id or "",
        limit=given.limit + 1,
        **conditions(ctx, given),
        **ctx.actor.filter,
    )
    return email_page(ctx, rows, given.limit)


def list_spam(ctx: Context, given: ListSpam) -> Mapping[str, Any]:
    """Lists what was flagged or quarantined as spam, newest first: for a look whether some of it is none."""
    return list_emails(ctx, ListEmails(status="spam", **given.model_dump()))


def _of_mailbox(
    ctx: Context, mailbox_id: str, given: EmailFilters, limit: int, cursor: str | None
) -> dict[str, Any]:
    rows = ctx.sql.list_emails(
        account_id=ctx.account_id,
        mailbox_id=ctx.mailbox(mailbox_id)["mailbox_id"],
        before=decode_cursor(cursor, LAST),
        since=given.since_id or "",
        limit=limit + 1,
        **conditions(ctx, given),
    )
    return email_page(ctx, rows, limit)


def email_page(ctx: Context, rows: list[Row], limit: int) -> dict[str, Any]:
    """The shape of EmailPage, of rows that were asked for with `limit + 1`."""
    shown, cursor = page(rows, limit, lambda row: str(row["email_id"]))
    glimpse(ctx, shown)
    return {"emails": [email_summary(row) for row in shown], "cursor": cursor}


def conditions(ctx: Context, given: EmailFilters) -> dict[str, Any]:
    """The parameters of storage/parts/email_filters.sql. Raises Refused for what can be no filter."""
    if given.status is not None and given.status not in STATUS_FILTERS:
        raise invalid("status", "one of " + ", ".join(sorted(STATUS_FILTERS)))
    states = STATUS_FILTERS[given.status or "unread"]
    return {
        "see_held": ctx.actor.sees_held,
        "any_direction": given.direction is None,
        "direction": given.direction or "",
        "any_state": given.status is None,
        "state_1": states[0],
        "state_2": states[1],
        "any_sender": given.sender is None,
        "sender": (given.sender or "").strip().lower(),
        "any_participant": given.participant is None,
        "participant": with_participant(given.participant),
        "any_subject": given.subject_contains is None,
        "subject": containing("subject_contains", (given.subject_contains or "").lower()),
        "any_thread": given.thread_id is None,
        "thread_id": given.thread_id or "",
        "any_tag": given.tag is None,
        "tag": given.tag or "",
        "any_attachments": given.has_attachments is None,
        "has_attachments": bool(given.has_attachments),
        "after_us": moment(given.date_after, 0),
        "before_us": moment(given.date_before, FOREVER),
    }


def with_participant(address: str | None) -> str:
    """A LIKE pattern for the column `participants`, where each address stands between spaces."""
    return containing("participant", f" {(address or '').strip().lower()} ")


def containing(name: str, text: str) -> str:
    """A LIKE pattern that matches `text` literally, with ! as its escape. Raises Refused for a longer one."""
    pattern = "%" + text.replace("!", "!!").replace("%", "!%").replace("_", "!_") + "%"
    if len(pattern.encode()) > PATTERN:
        raise invalid(name, f"a filter has at most {PATTERN} octets")
    return pattern


MAILBOX_ALIASES: Final = {"mailbox": "mailbox_id"}

CHECK_INBOX = Operation(
    name="check_inbox",
    run=check_inbox,
    input=CheckInbox,
    output=EmailPage,
    scopes=(Scope.READ,),
    effect="read",
    audited=False,
    glimpse=True,
    method="GET",
    path="/v1/mailboxes/{mailbox_id}/emails",
    also=(
        Route("GET", "/v1/mailboxes/{mailbox_id}/inbox", {"direction": "inbound"}),
        Route("POST", "/v1/inbox"),
        Route("GET", "/v1/inbox"),
    ),
    aliases=MAILBOX_ALIASES,
    errors=("not_found",),
)
LIST_EMAILS = Operation(
    name="list_emails",
    run=list_emails,
    input=ListEmails,
    output=EmailPage,
    scopes=(Scope.READ,),
    effect="read",
    audited=False,
    glimpse=True,
    method="GET",
    path="/v1/emails",
    aliases=MAILBOX_ALIASES,
    errors=("not_found",),
)
LIST_SPAM = Operation(
    name="list_spam",
    run=list_spam,
    input=ListSpam,
    output=EmailPage,
    scopes=(Scope.READ,),
    effect="read",
    audited=False,
    glimpse=True,
    method="GET",
    path="/v1/spam",
    aliases=MAILBOX_ALIASES,
    errors=("not_found",),
)
