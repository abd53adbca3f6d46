"""Sending: an email is accepted in one transaction, on disk before the answer."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from typing_extensions import TypedDict

from multimail.core.errors import Refused
from multimail.core.jsontext import to_json
from multimail.core.oversight import PUBLIC_STATUS, Kind, Mode, State, event
from multimail.core.scopes import Scope
from multimail.core.times import moment
from multimail.operations import lifecycle, quotas, thresholds, warming
from multimail.operations.composing import (
    Composed,
    ComposeInput,
    ReplyEmail,
    SendEmail,
    find_answered,
    find_sender,
    prepare_reply,
    prepare_send,
)
from multimail.operations.context import Context
from multimail.operations.indexing import to_index
from multimail.operations.machines import talks_to_machine
from multimail.operations.operation import Input, Operation, Route
from multimail.operations.recipients import count_against_caps, judge
from multimail.operations.suppression import refuse_suppressed
from multimail.storage.blobs import Blob, keep
from multimail.storage.database import Tx


class SendAnswer(TypedDict):
    """`id` and `message_id` are the same email id."""

    id: str
    message_id: str
    mailbox_id: str
    thread_id: str
    status: str
    effective_mode: str
    test: bool


def send_email(ctx: Context, given: SendEmail, composed: Composed) -> Mapping[str, Any]:
    """Sends an email from a mailbox, or holds it for a human where the mailbox's oversight mode says so.

    The answer's `status` tells which: `pending_approval` means that an operator decides first; `queued` or
    `scheduled` that it will leave by itself. Poll get_message, or subscribe to events, for what becomes of it.
    """
    return accept(ctx, given, composed)


def reply_email(ctx: Context, given: ReplyEmail, composed: Composed) -> Mapping[str, Any]:
    """Answers an email, or the newest inbound email of a thread that is safe to answer.

    Recipients, subject and threading headers are set by the server. The same gate holds as for send_email.
    """
    return accept(ctx, given, composed)


def accept(ctx: Context, given: ComposeInput, composed: Composed) -> dict[str, Any]:
    """What every way to send comes to: rules, gate, quotas, and an email in the state that they lead to."""
    mailbox = ctx.mailbox(composed.mailbox_id)
    lifecycle.require_domain(mailbox)
    mode = lifecycle.mode_now(ctx, mailbox, given.oversight_mode)
    send_at = waits_until(ctx, given.send_at)
    later = given.gate_timing == "schedule_first"
    addresses = [address for address, _ in composed.recipients]
    judgement = judge(ctx, composed.mailbox_id, addresses, composed.written.patterns)
    machine = talks_to_machine(ctx, composed, mode, allowed=judgement.every_recipient_allowed)
    if machine is not None:
        mode = Mode.GATED_ALL
    refuse_leaks(ctx, composed)
    findings = (*composed.written.findings, *((machine,) if machine else ()))
    what = event(Kind.ACCEPT, scheduled=send_at is not None, schedule_first=later, **judgement.facts)
    transition = lifecycle.decide(mode, State.COMPOSED, what, judgement.denied)
    refuse_suppressed(ctx, addresses, composed.written.patterns)
    count_against_caps(ctx, composed.mailbox_id, judgement.caps)
    thresholds.require_not_suspended(ctx)
    quotas.take_email(ctx)
    warming.take_acceptance(ctx, mailbox["address"], addresses)
    thread_id = composed.target.thread_id if composed.target else _new_thread(ctx, composed)
    row = {
        **_email_row(ctx, given, composed, thread_id),
        "state": transition.state,
        "send_at": send_at,
        "floor_mode": mode,
        "findings_json": to_json([finding.told() for finding in findings]) if findings else "[]",
    }
    ctx.sql.add_email(**row)
    keep_contents(ctx, composed)
    to_index(ctx, composed.email_id, fresh=True)
    lifecycle.follow(ctx, row | {"state": State.COMPOSED}, transition)
    ctx.about(
        "email",
        composed.email_id,
        composed.mailbox_id,
        status=transition.state,
        revision=composed.written.revision,
    )
    return {
        "id": composed.email_id,
        "message_id": composed.email_id,
        "mailbox_id": composed.mailbox_id,
        "thread_id": thread_id,
        "status": PUBLIC_STATUS[transition.state],
        "effective_mode": mode,
        "test": ctx.actor.test,
    }


def refuse_leaks(ctx: Context, composed: Composed) -> None:
    """Raises Refused("leak_blocked") for findings of a kind that the account blocks. Nothing found asks nothing."""
    if not composed.written.findings:
        return
    account = ctx.sql.get_account(account_id=ctx.account_id)
    blocked = account["blocked_leaks"].split()
    findings = [finding.told() for finding in composed.written.findings if finding.kind in blocked]
    if findings:
        raise Refused(
            "leak_blocked", findings=findings, hint="an owner may change the account's blocked_leaks"
        )


def waits_until(ctx: Context, wanted: datetime | None) -> int | None:
    """The time in microseconds, None for one that is not given or has passed."""
    at = moment(wanted, 0)
    return at if at > ctx.now else None


def _new_thread(ctx: Context, composed: Composed) -> str:
    thread_id = ctx.new_id("thr")
    ctx.sql.add_thread(
        account_id=ctx.account_id,
        thread_id=thread_id,
        mailbox_id=composed.mailbox_id,
        subject=composed.draft.subject,
        created_at=ctx.now,
    )
    return thread_id


def _email_row(ctx: Context, given: ComposeInput, composed: Composed, thread_id: str) -> dict[str, Any]:
    return {
        **composed.written.columns,
        "account_id": ctx.account_id,
        "email_id": composed.email_id,
        "mailbox_id": composed.mailbox_id,
        "thread_id": thread_id,
        "direction": "outbound",
        "test": ctx.actor.test,
        "in_reply_to": composed.draft.in_reply_to or "",
        "metadata_json": to_json(dict(ctx.metadata)),
        "schedule_first": given.gate_timing == "schedule_first",
        "author_kind": ctx.actor.kind,
        "author_id": ctx.actor.id,
        "auth_json": None,
        "automatic": None,
        "spam_verdict": None,
        "spam_score": None,
        "spam_reasons_json": "[]",
        "created_at": ctx.now,
        "received_at": None,
    }


def keep_contents(ctx: Context, composed: Composed) -> None:
    """The heavy half of an email, in place of what it was before an edit."""
    keep(ctx.tx, ctx.account_id, composed.raw)
    name = {"account_id": ctx.account_id, "email_id": composed.email_id}
    ctx.sql.set_contents(
        **name,
        raw_sha256=composed.raw.address,
        markdown=composed.draft.markdown,
        html=composed.draft.html,
        **composed.written.contents,
    )
    for part, blob in composed.attachments:
        keep_attachment(ctx.tx, ctx.account_id, composed.email_id, ctx.new_id("att"), part, blob)


def keep_attachment(
    tx: Tx, account_id: str, email_id: str, attachment_id: str, part: Any, blob: Blob
) -> None:
    """`part` has a name and a content_type: an outbound Attachment or an inbound Part."""
    keep(tx, account_id, blob)
    tx.sql.add_attachment(
        account_id=account_id,
        email_id=email_id,
        attachment_id=attachment_id,
        name=part.name,
        content_type=part.content_type,
        size=blob.size,
        sha256=blob.address,
    )


class CancelMessage(Input):
    email_id: str
    mailbox_id: str | None = None


class StatusAnswer(TypedDict):
    id: str
    message_id: str
    status: str


def cancel_message(ctx: Context, given: CancelMessage) -> Mapping[str, Any]:
    """Cancels an email that has not left yet: one that waits for approval, for its time, or in the queue."""
    email = ctx.email(given.email_id)
    if given.mailbox_id is not None and ctx.mailbox(given.mailbox_id)["mailbox_id"] != email["mailbox_id"]:
        raise Refused("not_found", "There is no such email here.")
    lifecycle.require_own_kind(ctx, email)
    what = event(Kind.CANCEL, partly_delivered=lifecycle.partly_delivered(email))
    transition = lifecycle.advance(ctx, email, what)
    ctx.about("email", email["email_id"], email["mailbox_id"], status=transition.state)
    return {
        "id": email["email_id"],
        "message_id": email["email_id"],
        "status": PUBLIC_STATUS[transition.state],
    }


BODY_ALIASES: Final = {"body": "markdown", "text": "markdown", "mailbox": "mailbox_id", "from": "mailbox_id"}
SENDING_ERRORS: Final = (
    "not_found",
    "read_only",
    "recipient_denied",
    "suppressed",
    "leak_blocked",
    "quota_exceeded",
    "warmup_limit",
    "sending_suspended",
    "domain_not_verified",
    "idempotency_mismatch",
    "storage_full",
)

SEND_EMAIL = Operation(
    name="send_email",
    run=send_email,
    find=find_sender,
    prepare=prepare_send,
    input=SendEmail,
    output=SendAnswer,
    scopes=(Scope.SEND,),
    effect="write",
    method="POST",
    path="/v1/mailboxes/{mailbox_id}/send",
    status=202,
    also=(Route("POST", "/v1/send"),),
    aliases=BODY_ALIASES,
    errors=SENDING_ERRORS,
    idempotent=True,
)

REPLY_EMAIL = Operation(
    name="reply_email",
    run=reply_email,
    find=find_answered,
    prepare=prepare_reply,
    input=ReplyEmail,
    output=SendAnswer,
    scopes=(Scope.SEND,),
    effect="write",
    method="POST",
    path="/v1/mailboxes/{mailbox_id}/reply/{email_id}",
    status=202,
    also=(Route("POST", "/v1/reply"),),
    aliases=BODY_ALIASES | {"message_id": "email_id", "id": "email_id"},
    errors=(*SENDING_ERRORS, "ambiguous_reply"),
    idempotent=True,
)

CANCEL_MESSAGE = Operation(
    name="cancel_message",
    run=cancel_message,
    input=CancelMessage,
    output=StatusAnswer,
    scopes=(Scope.SEND,),
    effect="destructive",
    method="POST",
    path="/v1/mailboxes/{mailbox_id}/emails/{email_id}/cancel",
    aliases={"message_id": "email_id", "id": "email_id", "mailbox": "mailbox_id"},
    errors=("not_found", "conflict"),
)
