"""Whoever reads a mailbox corrects what was taken for spam, or was not."""

from collections.abc import Mapping
from typing import Any, Final

from multimail.core.oversight import PUBLIC_STATUS, Kind, event
from multimail.core.scopes import Scope
from multimail.operations import lifecycle
from multimail.operations.context import Context
from multimail.operations.emails import EMAIL_ALIASES, ReadEmail, find_email
from multimail.operations.learning import to_learn
from multimail.operations.operation import Operation
from multimail.operations.sending import StatusAnswer

REPORTED: Final = "reported"
CLEARED: Final = "not_spam"


def report_spam(ctx: Context, given: ReadEmail) -> Mapping[str, Any]:
    """Puts an inbound email into quarantine as spam; the account's filter learns it. not_spam takes it out again."""
    return _judge(ctx, given, Kind.REPORT_SPAM, REPORTED)


def not_spam(ctx: Context, given: ReadEmail) -> Mapping[str, Any]:
    """Says that an email which was flagged or quarantined is no spam: it is unread mail again, and that is learned."""
    return _judge(ctx, given, Kind.NOT_SPAM, CLEARED)


def _judge(ctx: Context, given: ReadEmail, kind: Kind, verdict: str) -> dict[str, Any]:
    email = find_email(ctx, given)
    # What was quarantined when it came has been told to nobody; what was reported later had been.
    facts = {"announced": email["spam_verdict"] == REPORTED} if kind is Kind.NOT_SPAM else {}
    transition = lifecycle.advance(ctx, email, event(kind, **facts))
    ctx.sql.set_spam_verdict(account_id=ctx.account_id, email_id=email["email_id"], verdict=verdict)
    to_learn(ctx, email["email_id"])
    ctx.about("email", email["email_id"], email["mailbox_id"], status=transition.state)
    return {
        "id": email["email_id"],
        "message_id": email["email_id"],
        "status": PUBLIC_STATUS[transition.state],
    }


REPORT_SPAM = Operation(
    name="report_spam",
    run=report_spam,
    input=ReadEmail,
    output=StatusAnswer,
    scopes=(Scope.SEND,),
    effect="write",
    method="POST",
    path="/v1/emails/{email_id}/report-spam",
    aliases=EMAIL_ALIASES,
    errors=("not_found", "conflict"),
)
NOT_SPAM = Operation(
    name="not_spam",
    run=not_spam,
    input=ReadEmail,
    output=StatusAnswer,
    scopes=(Scope.SEND,),
    effect="write",
    method="POST",
    path="/v1/emails/{email_id}/not-spam",
    aliases=EMAIL_ALIASES,
    errors=("not_found", "conflict"),
)
