"""Handing an approved email over, and writing down what became of it.

`hand_off` looks at everything once more and moves the email to `delivering`; the worker signs and sends; then
`settle` records each recipient's result. A crash between the last two sends again: that window is inherent in
SMTP (RFC 5321 4.5.3.2, RFC 1047), and the stable Message-ID lets the receiver notice.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from multimail.core.address import normalise
from multimail.core.jsontext import to_json
from multimail.core.oversight import Effect, Kind, Mode, State, event
from multimail.core.times import MINUTE
from multimail.operations import lifecycle, thresholds, warming
from multimail.operations.context import Context, Services, system
from multimail.operations.copies import file_copy
from multimail.operations.facts import note_correspondents
from multimail.operations.filtering import LOCAL
from multimail.operations.intake import Arrival, Recipient, file_arrival, find_recipient
from multimail.operations.jobs import Lease
from multimail.operations.operation import write_audit
from multimail.operations.reports import play_on, signed_return_path
from multimail.operations.served import Result, is_simulated
from multimail.operations.suppression import suppress, suppressed_among
from multimail.storage.blobs import Blob, keep
from multimail.storage.database import Row, Tx

PAUSED_RETRY: Final = MINUTE
LAPSED: Final = "The mailbox's domain is not verified any more: it waits until the domain is."
# There is no such mailbox, and none by trying again (RFC 3463 section 3.2, RFC 7505): bad mailbox, bad domain, bad
# syntax, moved without a new address, a domain that takes no mail.
NO_SUCH_MAILBOX: Final = frozenset({"5.1.1", "5.1.2", "5.1.3", "5.1.6", "5.1.10"})


@dataclass(frozen=True, slots=True)
class Parcel:
    """An email on its way: whom it still has to reach, and how. `external` may leave the machine."""

    email: Row
    mailbox: Row
    account: Row
    mode: Mode
    raw: Row  # sha256, and content unless it is a large blob
    local: tuple[Recipient, ...]
    simulated: tuple[str, ...]
    suppressed: tuple[str, ...]
    external: Mapping[str, str]  # recipient → the return path of its copy
    captured: bool


def hand_off(services: Services, tx: Tx, lease: Lease) -> Parcel | None:
    """A unit of work: None if there is nothing to send now, and then the job is settled too."""
    ctx = Context(services, tx, system(lease.account_id, "deliver"), services.clock())
    email = ctx.sql.get_email(account_id=lease.account_id, email_id=lease.subject_id)
    if not ctx.sql.holds_lease(**lease.name):
        return None
    if email is None or email["state"] not in (State.QUEUED, State.DELIVERING):
        ctx.sql.finish_job(**lease.name)
        return None
    account = ctx.sql.get_account(account_id=lease.account_id)
    waits = email["state"] == State.QUEUED and warming.must_wait(ctx, email)
    transition = lifecycle.advance(ctx, email, lifecycle.hand_off_event(ctx, email, account, waits=waits))
    if transition.state is not State.DELIVERING:
        if Effect.RETRY in transition.effects:
            ctx.sql.release_job(**lease.name, run_at=ctx.now + PAUSED_RETRY)
            ctx.sql.note_lapsed(account_id=lease.account_id, email_id=lease.subject_id, last_error=LAPSED)
        else:
            ctx.sql.finish_job(**lease.name)
            _audit(ctx, email, "hold_email", status=transition.state)
        return None
    parcel = _parcel(ctx, email, account, Effect.CAPTURE in transition.effects)
    if Effect.COPY_TO_OPERATOR in transition.effects:
        file_copy(ctx, parcel.email, account["oversight_email"])
    return parcel


def _parcel(ctx: Context, email: Row, account: Row, captured: bool) -> Parcel:
    name = {"account_id": email["account_id"], "email_id": email["email_id"]}
    mailbox = ctx.sql.get_mailbox_even_deleted(account_id=email["account_id"], mailbox_id=email["mailbox_id"])
    everyone = [
        r["address"] for r in json.loads(email["recipients_json"]) if r["status"] in ("pending", "deferred")
    ]
    suppressed = suppressed_among(ctx, everyone)
    waiting = [address for address in everyone if address not in suppressed]
    hosted = {address: find_recipient(ctx.tx, address) for address in waiting}
    local = tuple(
        found
        for found in hosted.values()
        # A test email reaches test mailboxes of its own account, and nobody else.
        if found and (not captured or (found.test and found.account_id == email["account_id"]))
    )
    simulated = tuple(address for address in waiting if is_simulated(address, ctx.services.site.domain))
    served = {*simulated, *(recipient.address for recipient in local)}
    return Parcel(
        email=email,
        mailbox=mailbox,
        account=account,
        mode=lifecycle.mode_now(ctx, mailbox, email["floor_mode"]),
        raw=ctx.sql.get_raw(**name),
        local=local,
        simulated=simulated,
        suppressed=tuple(suppressed),
        external={
            address: signed_return_path(ctx.services, account, email["email_id"], address)
            for address in waiting
            if address not in served
        },
        captured=captured or ctx.services.site.delivery == "sandbox",
    )


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one attempt came to. `retry_at` is when to try again those that were deferred, None to give up."""

    results: Mapping[str, Result]
    blobs: Mapping[str, Blob]  # what was sent, per account that keeps a copy
    retry_at: int | None


def settle(services: Services, tx: Tx, lease: Lease, parcel: Parcel, outcome: Outcome) -> None:
    """A unit of work: each recipient's result, local copies, the sandbox, the email's new state, in one."""
    ctx = Context(services, tx, system(lease.account_id, "deliver"), services.clock())
    email = ctx.sql.get_email(account_id=lease.account_id, email_id=lease.subject_id)
    if email is None or email["state"] != State.DELIVERING or not ctx.sql.holds_lease(**lease.name):
        return
    _keep_copies(ctx, parcel, outcome)
    recipients = _updated(ctx, json.loads(email["recipients_json"]), outcome)
    accepted = any(one["status"] == "delivered" for one in recipients)
    final = all(one["status"] in ("delivered", "failed") for one in recipients)
    trouble = [
        f"{one['address']}: {one['message']}" for one in recipients if one["status"] in ("deferred", "failed")
    ]
    written_to = [normalise(one["address"]) for one in recipients if one["status"] == "delivered"]
    note_correspondents(ctx, email, written_to, written=True)
    done_at = ctx.now if final and accepted else None
    ctx.sql.record_results(
        account_id=lease.account_id,
        email_id=lease.subject_id,
        recipients_json=to_json(recipients),
        last_error="; ".join(trouble)[:2000] or None,
        sent_at=done_at,
        delivered_at=done_at,
    )
    what = event(Kind.RESULT, every_recipient_final=final, any_recipient_accepted=accepted)
    transition = lifecycle.advance(ctx, email, what)
    if Effect.RETRY in transition.effects and outcome.retry_at is not None:
        ctx.sql.retry_job(**lease.name, run_at=outcome.retry_at)
    else:
        ctx.sql.finish_job(**lease.name)
    if transition.state in (State.SENT, State.FAILED) and not parcel.captured:
        thresholds.count_left(ctx, email, parcel.external, recipients)
    for address in parcel.external:
        result = outcome.results.get(address)
        if result is not None and result.outcome == "failed" and result.enhanced in NO_SUCH_MAILBOX:
            suppress(ctx, address, "hard_bounce", lease.subject_id)
    if transition.state is State.SENT:
        play_on(ctx, lease.subject_id, parcel.simulated)
    _audit(
        ctx,
        email,
        "deliver_email",
        status=transition.state,
        recipients={r["address"]: r["status"] for r in recipients},
    )


def _keep_copies(ctx: Context, parcel: Parcel, outcome: Outcome) -> None:
    arrival = Arrival(
        parcel.email["from_address"], ctx.services.site.domain, LOCAL, bool(parcel.email["test"])
    )
    for recipient in parcel.local:
        file_arrival(ctx.services, ctx.tx, arrival, recipient, outcome.blobs[recipient.account_id])
    if parcel.captured and parcel.external:
        blob = outcome.blobs[parcel.email["account_id"]]
        keep(ctx.tx, parcel.email["account_id"], blob)
        ctx.sql.capture(
            account_id=parcel.email["account_id"],
            email_id=parcel.email["email_id"],
            mailbox_id=parcel.email["mailbox_id"],
            recipients_json=to_json(list(parcel.external)),
            raw_sha256=blob.address,
            captured_at=ctx.now,
        )


def _updated(ctx: Context, recipients: list[dict[str, Any]], outcome: Outcome) -> list[dict[str, Any]]:
    """A recipient deferred for the last time has failed: nobody waits for ever."""
    for one in recipients:
        result = outcome.results.get(one["address"])
        if result is None:
            continue
        given_up = result.outcome == "deferred" and outcome.retry_at is None
        one |= {"code": result.code, "message": result.message, "at": ctx.now}
        one["status"] = "failed" if given_up else result.outcome
    return recipients


def due(services: Services, tx: Tx, lease: Lease) -> None:
    """A unit of work: the time that a scheduled email waited for has come, unless it was moved meanwhile."""
    ctx = Context(services, tx, system(lease.account_id, "schedule"), services.clock())
    job = {"account_id": lease.account_id, "kind": lease.kind, "subject_id": lease.subject_id}
    run_at = ctx.sql.get_job_time(**job)
    if run_at is not None and run_at > ctx.now:
        ctx.sql.release_job(**lease.name, run_at=run_at)
        return
    email = ctx.sql.get_email(account_id=lease.account_id, email_id=lease.subject_id)
    ctx.sql.finish_job(**lease.name)
    if email is not None and email["state"] == State.SCHEDULED:
        transition = lifecycle.advance(ctx, email, lifecycle.due_event(ctx, email))
        _audit(ctx, email, "release_scheduled", status=transition.state)


def _audit(ctx: Context, email: Row, action: str, **facts: Any) -> None:
    ctx.about("email", email["email_id"], email["mailbox_id"], **facts)
    write_audit(ctx, action)
