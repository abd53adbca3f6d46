"""The approval desk's operations: what waits, exactly as it would leave, and a person's decision on it."""

import json
from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal

from pydantic import BeforeValidator, Field, field_validator
from typing_extensions import TypedDict

from multimail.core.address import normalise
from multimail.core.errors import Refused
from multimail.core.findings import Finding
from multimail.core.oversight import HIDDEN, PUBLIC_STATUS, Kind, State
from multimail.core.scopes import Scope
from multimail.core.times import optional_rfc3339, to_rfc3339
from multimail.operations import lifecycle
from multimail.operations.approvers import require_may_decide
from multimail.operations.context import Context
from multimail.operations.facts import Facts, pending_facts
from multimail.operations.operation import Input, Operation, Route, audit_held
from multimail.operations.views import Email, decode_cursor, edited_by, email_whole, page
from multimail.storage.database import Row


class Revision(TypedDict):
    """What an email was before an edit."""

    revision: str
    written_by: str
    written_at: str
    subject: str
    recipients: list[str]
    markdown: str


class PendingEmail(Email):
    """An email that waits, with its true envelope: Bcc is in `envelope_recipients` and in no header.

    `earlier` is what it was before each edit, oldest first.
    """

    envelope_sender: str
    envelope_recipients: list[str]
    earlier: list[Revision]
    facts: Facts


class PendingPage(TypedDict):
    pending: list[PendingEmail]
    cursor: str | None


class ListPending(Input):
    mailbox_id: str | None = Field(None, description="Only what waits in this mailbox: its id or address.")
    limit: int = Field(20, ge=1, le=100)
    cursor: str | None = None


def list_pending(ctx: Context, given: ListPending) -> Mapping[str, Any]:
    """Lists what waits for a human, oldest first: envelope, headers, body, attachments and the revision.

    A key with `read` sees the outbound emails; one with `oversight` the held inbound ones too.
    """
    mailbox_id = ctx.mailbox(given.mailbox_id)["mailbox_id"] if given.mailbox_id else ""
    rows = ctx.sql.list_pending(
        account_id=ctx.account_id,
        after=decode_cursor(given.cursor, ""),
        see_held=ctx.actor.sees_held,
        any_mailbox=given.mailbox_id is None,
        mailbox_id=mailbox_id,
        limit=given.limit + 1,
        **ctx.actor.filter,
    )
    shown, cursor = page(rows, given.limit, lambda row: str(row["email_id"]))
    audit_held(ctx, "list_pending", shown)
    outbound = [row["email_id"] for row in shown if row["state"] not in HIDDEN]
    if outbound:
        ctx.about("account", ctx.account_id, mailbox_id or None, emails=outbound)
    return {"pending": [pending_view(ctx, row) for row in shown], "cursor": cursor}


def pending_view(ctx: Context, row: Row) -> dict[str, Any]:
    """The shape of PendingEmail."""
    recipients = [result["address"] for result in json.loads(row["recipients_json"])]
    whole = email_whole(ctx.tx, row)
    return whole | {
        "effective_mode": lifecycle.current_mode(ctx, row),
        "envelope_sender": row["from_address"],
        "envelope_recipients": recipients,
        "findings": [*whole["findings"], *email_findings(ctx, row)],
        "earlier": _earlier(ctx, row) if row["revision_count"] > 1 else [],
        "facts": pending_facts(ctx, row),
    }


def _earlier(ctx: Context, row: Row) -> list[dict[str, Any]]:
    same = ("revision", "written_by", "subject", "markdown")
    return [
        {name: one[name] for name in same}
        | {
            "written_at": to_rfc3339(one["written_at"]),
            "recipients": [recipient["address"] for recipient in json.loads(one["recipients_json"])],
        }
        for one in ctx.sql.list_revisions(account_id=ctx.account_id, email_id=row["email_id"])
    ]


def email_findings(ctx: Context, row: Row) -> list[dict[str, Any]]:
    """What is found in the moment, beside what was found when it was accepted."""
    found: list[dict[str, Any]] = []
    if row["direction"] == "outbound":
        answered = ctx.sql.list_answered(
            account_id=ctx.account_id,
            thread_id=row["thread_id"],
            message_id=row["in_reply_to"],
            before=row["email_id"],
        )
        to = {normalise(address) for address in json.loads(row["to_json"])}
        strange = [(to - {sender}, sender) for sender in (one["from_address"] for one in answered)]
        others, sender = next((one for one in strange if one[0]), (set(), ""))
        if others:
            detail = f"the answer goes to {', '.join(sorted(others))}, the email came from {sender}"
            found.append(Finding("reply_to_differs", detail).told())
        if ctx.sql.get_contents(account_id=ctx.account_id, email_id=row["email_id"])["html"] is not None:
            detail = "the HTML was given and is not made from the text: look at both, and at its links"
            found.append(Finding("html_given", detail).told())
    if json.loads(row["bcc_json"]):
        found.append(Finding("bcc", f"{len(json.loads(row['bcc_json']))} blind copies: see bcc").told())
    return found


def _word(given: Any) -> Any:
    """`approved` and `rejected` are taken for `approve` and `reject` (contract §6)."""
    return WORDS.get(given, given) if isinstance(given, str) else given


WORDS: Final = {"approved": "approve", "rejected": "reject"}
Verdict = Annotated[Literal["approve", "reject"], BeforeValidator(_word)]


class DecideEmail(Input):
    email_id: str
    action: Verdict
    reason: str | None = Field(None, max_length=2000, description="Told to the agent.")
    revision: str | None = Field(
        None, description="The revision that was looked at; needed once there were several."
    )

    @field_validator("revision")
    @classmethod
    def _lower(cls, revision: str | None) -> str | None:
        return revision.lower() if revision else None


class Decision(TypedDict):
    """`decision` is approved, rejected or pending."""

    id: str
    message_id: str
    status: str
    decision: str
    decided_at: str | None
    decided_by: str | None
    edited_by: str | None
    reason: str | None


def decide_email(ctx: Context, given: DecideEmail) -> Mapping[str, Any]:
    """Approves or rejects one exact revision of an email that waits.

    Nobody decides what they composed. A second decision, and one on a revision that has changed since, is 409.
    What a person approves waits five seconds in `scheduled`, so that undo_decision can take it back.
    """
    email = ctx.email(given.email_id)
    require_may_decide(ctx, email["mailbox_id"])
    kind = Kind.APPROVE if given.action == "approve" else Kind.REJECT
    lifecycle.require_own_kind(ctx, email)
    what = lifecycle.decision_event(ctx, kind, email, given.revision)
    lifecycle.advance(ctx, email, what, reason=given.reason)
    facts = {"decision": given.action, "revision": email["revision"], "reason": given.reason}
    ctx.about("email", given.email_id, email["mailbox_id"], **facts)
    return _decision(ctx.email(given.email_id))


class UndoDecision(Input):
    email_id: str


def undo_decision(ctx: Context, given: UndoDecision) -> Mapping[str, Any]:
    """Takes back an approval that a person gave within the last five seconds: the email waits again."""
    email = ctx.email(given.email_id)
    require_may_decide(ctx, email["mailbox_id"])
    lifecycle.advance(ctx, email, lifecycle.undo_event(ctx, email))
    ctx.about(
        "email", given.email_id, email["mailbox_id"], revision=email["revision"], was=email["decided_by"]
    )
    return _decision(ctx.email(given.email_id))


class LookUpDecision(Input):
    email_id: str


def get_decision(ctx: Context, given: LookUpDecision) -> Mapping[str, Any]:
    """Reports the decision on an email without making one."""
    return _decision(ctx.email(given.email_id))


def _decision(email: Row) -> dict[str, Any]:
    state = State(email["state"])
    if email["decision"] is None and state not in (State.PENDING_APPROVAL, State.HELD):
        raise Refused("conflict", "No decision was asked for on this email.", status=PUBLIC_STATUS[state])
    return {
        "id": email["email_id"],
        "message_id": email["email_id"],
        "status": PUBLIC_STATUS[state],
        "decision": email["decision"] or "pending",
        "decided_at": optional_rfc3339(email["decided_at"]),
        "decided_by": email["decided_by"],
        "edited_by": edited_by(email),
        "reason": email["decision_reason"],
    }


ALIASES: Final = {"message_id": "email_id", "id": "email_id"}

LIST_PENDING = Operation(
    name="list_pending",
    run=list_pending,
    input=ListPending,
    output=PendingPage,
    scopes=(Scope.READ, Scope.OVERSIGHT),
    effect="read",
    method="GET",
    path="/v1/oversight/pending",
    aliases={"mailbox": "mailbox_id"},
    errors=("not_found",),
)
DECIDE_EMAIL = Operation(
    name="decide_email",
    run=decide_email,
    input=DecideEmail,
    output=Decision,
    scopes=(Scope.OVERSIGHT,),
    effect="write",
    method="POST",
    path="/v1/oversight/decide",
    aliases=ALIASES | {"decision": "action"},
    errors=(
        "not_found",
        "conflict",
        "stale_revision",
        "revision_required",
        "self_approval",
        "four_eyes",
        "read_only",
    ),
)
UNDO_DECISION = Operation(
    name="undo_decision",
    run=undo_decision,
    input=UndoDecision,
    output=Decision,
    scopes=(Scope.OPERATOR,),
    effect="write",
    method="POST",
    path="/v1/oversight/emails/{email_id}/undo",
    aliases=ALIASES,
    errors=("not_found", "conflict"),
)
GET_DECISION = Operation(
    name="get_decision",
    run=get_decision,
    input=LookUpDecision,
    output=Decision,
    scopes=(Scope.READ, Scope.OVERSIGHT),
    effect="read",
    audited=False,
    method="GET",
    path="/v1/oversight/decisions/{email_id}",
    also=(Route("GET", "/decide_email"),),
    aliases=ALIASES,
    errors=("not_found", "conflict"),
)
