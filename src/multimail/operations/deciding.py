"""Several decisions at once: on what this person has opened, and on what is nearly the same."""

from collections.abc import Mapping
from typing import Any

from pydantic import Field
from typing_extensions import TypedDict

from multimail.core.duplicates import alike
from multimail.core.errors import Refused
from multimail.core.scopes import Scope
from multimail.operations.context import Context
from multimail.operations.operation import Input, Operation, write_audit
from multimail.operations.oversight import DecideEmail, Decision, Verdict, decide_email
from multimail.operations.views import email_summary


class Choice(Input):
    email_id: str
    revision: str = Field(description="The revision that was looked at.")


class DecideEmails(Input):
    emails: list[Choice] = Field(min_length=1, max_length=100)
    action: Verdict
    reason: str | None = Field(None, max_length=2000, description="Told to the agents.")


class Decisions(TypedDict):
    decisions: list[Decision]


def decide_emails(ctx: Context, given: DecideEmails) -> Mapping[str, Any]:
    """Approves or rejects several emails at once, all of them or, where one is refused, none. For people alone.

    Each was opened by this person, in the revision named, or is nearly the same as one of them that was.
    """
    if Scope.OVERSIGHT not in ctx.actor.grants:
        raise Refused("insufficient_scope", hint="a viewer decides nothing", needs=[Scope.OVERSIGHT])
    _require_seen(ctx, given.emails)
    decisions = []
    for choice in sorted(
        given.emails, key=lambda one: one.email_id
    ):  # in one order, so that two can't deadlock
        one = DecideEmail(
            email_id=choice.email_id, action=given.action, reason=given.reason, revision=choice.revision
        )
        try:
            decisions.append(decide_email(ctx, one))
        except Refused as refused:
            named = {"email_id": choice.email_id} | refused.details
            raise Refused(refused.code, refused.sentence, **named) from None
        write_audit(ctx, "decide_email")
    ctx.subject = None
    return {"decisions": decisions}


def _require_seen(ctx: Context, choices: list[Choice]) -> None:
    """Raises Refused("not_opened")."""
    seen: list[str] = []
    unseen: list[str] = []
    for choice in choices:
        ctx.email(choice.email_id)
        look = {"email_id": choice.email_id, "operator_id": ctx.actor.id, "revision": choice.revision}
        mine = ctx.sql.has_looked(account_id=ctx.account_id, **look)
        (seen if mine else unseen).append(choice.email_id)
    known = [_sketch(ctx, email_id) for email_id in seen]
    strange = [one for one in unseen if not any(alike(_sketch(ctx, one), other) for other in known)]
    if strange:
        status = email_summary(ctx.email(strange[0]))["status"]
        raise Refused("not_opened", status=status, emails=strange)


def _sketch(ctx: Context, email_id: str) -> str:
    return str(ctx.sql.get_sketch(account_id=ctx.account_id, email_id=email_id) or "")


DECIDE_EMAILS = Operation(
    name="decide_emails",
    run=decide_emails,
    input=DecideEmails,
    output=Decisions,
    scopes=(Scope.OPERATOR,),
    effect="write",
    method="POST",
    path="/v1/oversight/decide-many",
    aliases={"decision": "action"},
    errors=(
        "not_found",
        "conflict",
        "stale_revision",
        "not_opened",
        "self_approval",
        "four_eyes",
        "read_only",
    ),
)
