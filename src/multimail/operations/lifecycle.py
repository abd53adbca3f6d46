"""Every change of an email's state: the facts, the step, the compare-and-swap, and what follows from it.

core/oversight.py says what is allowed; this turns rows into its facts and its effects into rows, all in the
transaction of whoever asks.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from multimail.core.errors import Refused
from multimail.core.event_types import EventType
from multimail.core.oversight import (
    PUBLIC_STATUS,
    Effect,
    Event,
    Kind,
    Mode,
    Refusal,
    State,
    Transition,
    event,
    step,
    stricter,
)
from multimail.core.times import SECOND
from multimail.operations import usage
from multimail.operations.authenticate import live_key
from multimail.operations.context import Context
from multimail.operations.events import emit_about
from multimail.operations.facts import note_transition
from multimail.operations.recipients import Judgement, judge
from multimail.operations.views import edited_by
from multimail.storage.database import Row

UNDO_WINDOW: Final = 5 * SECOND  # that an approval from the desk can be taken back in (contract §5)
LEAVING_QUEUE = frozenset({State.CANCELLED, State.BLOCKED, State.PENDING_APPROVAL, State.FAILED})


def effective_mode(mailbox: Row, floor: str | None) -> Mode:
    """The stricter of the mailbox's mode and `floor`: what the request asked for, or what held at acceptance.

    A deleted mailbox never sends.
    """
    if mailbox["deleted_at"] is not None:
        return Mode.READ_ONLY
    return stricter(Mode(mailbox["oversight_mode"]), Mode(floor) if floor else None)


def mode_now(ctx: Context, mailbox: Row, floor: str | None) -> Mode:
    """The effective mode; while nobody proved to read the copies, `monitored` waits as `gated_send` does."""
    mode = effective_mode(mailbox, floor)
    return Mode.GATED_SEND if mode is Mode.MONITORED and not is_overseen(ctx) else mode


def require_domain(mailbox: Row) -> None:
    """Raises Refused("domain_not_verified") for a mailbox at a domain that lapsed."""
    if mailbox["lapsed_at"] is not None:
        domain = mailbox["address"].rpartition("@")[2]
        hint = "publish the domain's records again, then verify_domain"
        raise Refused("domain_not_verified", domain=domain, status="lapsed", hint=hint)


def is_overseen(ctx: Context) -> bool:
    account = ctx.sql.get_account(account_id=ctx.account_id)
    return account["oversight_email_verified_at"] is not None


def current_mode(ctx: Context, email: Row) -> Mode:
    name = {"account_id": email["account_id"], "mailbox_id": email["mailbox_id"]}
    return mode_now(ctx, ctx.sql.get_mailbox_even_deleted(**name), email["floor_mode"])


def decide(mode: Mode, state: State, what: Event, denied: Sequence[str] = ()) -> Transition:
    """The table's answer, with a refusal raised in the words of core/errors.py. `denied` are recipients to name."""
    outcome = step(mode, state, what)
    if isinstance(outcome, Refusal):
        raise refused(outcome, state, denied)
    return outcome


def refused(refusal: Refusal, state: State, denied: Sequence[str]) -> Refused:
    status = PUBLIC_STATUS[state]
    if refusal.code == "conflict":
        return Refused("conflict", f"The email is {status}: that can't be done to it now.", status=status)
    if refusal.code == "recipient_denied":
        return Refused("recipient_denied", status=status, addresses=list(denied))
    return Refused(refusal.code, status=status)


def advance(
    ctx: Context,
    email: Row,
    what: Event,
    *,
    reason: str | None = None,
    told: Mapping[str, Any] | None = None,
    denied: Sequence[str] = (),
) -> Transition:
    """Moves an email by one event. Raises Refused; whoever lost the compare-and-swap gets 409 conflict.

    `told` goes into the data of the oversight events and of the bounce that follow; `denied` are recipients to
    name in a refusal.
    """
    state = State(email["state"])
    transition = decide(current_mode(ctx, email), state, what, denied)
    name = {"account_id": email["account_id"], "email_id": email["email_id"]}
    if not ctx.sql.move_email(**name, state=transition.state, version=email["version"]):
        raise overtaken(email)
    follow(ctx, email, transition, reason=reason, told=told)
    return transition


def overtaken(email: Row) -> Refused:
    """For whoever read an email, thought about it, and finds another version of it."""
    status = PUBLIC_STATUS[State(email["state"])]
    return Refused("conflict", "Somebody else changed the email at the same moment.", status=status)


def follow(
    ctx: Context,
    email: Row,
    transition: Transition,
    *,
    reason: str | None = None,
    told: Mapping[str, Any] | None = None,
) -> None:
    """Writes a transition's effects and events beside the row that already has its state."""
    name = {"account_id": email["account_id"], "email_id": email["email_id"]}
    effects = transition.effects
    note_transition(ctx, email, transition)
    usage.count_transition(ctx, email, transition.state)
    decision = {Effect.RECORD_APPROVAL: "approved", Effect.RECORD_REJECTION: "rejected"}
    verdict = next((word for effect, word in decision.items() if effect in effects), None)
    if Effect.VOID_APPROVAL in effects:
        ctx.sql.void_approval(**name)
    if verdict is not None:
        by = f"{ctx.actor.kind}:{ctx.actor.id}"
        ctx.sql.record_decision(**name, decision=verdict, reason=reason, now=ctx.now, decided_by=by)
    job = {"account_id": email["account_id"], "subject_id": email["email_id"]}
    if Effect.DELIVER in effects:
        ctx.sql.add_job(**job, kind="deliver", run_at=ctx.now)
        ctx.tx.notify("jobs", "deliver")
    if Effect.SCHEDULE in effects:
        free_at = ctx.now + UNDO_WINDOW if verdict == "approved" and at_the_desk(ctx) else 0
        ctx.sql.add_job(**job, kind="due", run_at=max(email["send_at"] or 0, free_at))
        ctx.tx.notify("jobs", "due")
    if transition.state in LEAVING_QUEUE and email["state"] in (State.QUEUED, State.SCHEDULED):
        ctx.sql.drop_job(**job, kind="deliver")
        ctx.sql.drop_job(**job, kind="due")
    waits = transition.state in (State.PENDING_APPROVAL, State.HELD)
    if waits and ctx.sql.is_watched(account_id=email["account_id"]) is not None:
        ctx.sql.add_watch_job(**name, run_at=ctx.now)
        ctx.tx.notify("jobs", "watch")
    data = dict(told or {})
    if verdict is not None:
        data["decision"] = {"decision": verdict, "decided_by": ctx.actor.id, "reason": reason,
                            "edited_by": edited_by(email)}  # fmt: skip
    for event_type in transition.events:
        telling = event_type.startswith("oversight.") or event_type is EventType.EMAIL_BOUNCED
        about = data if telling else {}
        emit_about(ctx, event_type, email, transition.state, **about)


def at_the_desk(ctx: Context) -> bool:
    """A person decides with a click, and may have slipped; a program means what it says."""
    return ctx.actor.kind == "operator"


def require_own_kind(ctx: Context, email: Row) -> None:
    """A test key's word counts for test mail alone: nothing that it does may let live mail leave."""
    if ctx.actor.test and not email["test"]:
        raise Refused("insufficient_scope", hint="a test key decides and cancels test mail only")


def approved(email: Row) -> bool:
    """Whether this very revision was approved: an approval of an earlier one counts for nothing."""
    return bool(email["decision"] == "approved" and email["decided_revision"] == email["revision"])


def decision_event(ctx: Context, kind: Kind, email: Row, revision: str | None) -> Event:
    """The facts of an approval or rejection. Raises Refused("revision_required")."""
    if revision is None and email["revision_count"] > 1:
        raise Refused("revision_required", status=PUBLIC_STATUS[State(email["state"])])
    facts = {
        "approver_is_author": email["author_id"] == ctx.actor.id,
        "revision_matches": revision in (None, email["revision"]),
    }
    if kind is Kind.APPROVE:
        facts["approver_is_editor"] = email["editor_id"] == ctx.actor.id
        facts["four_eyes"] = facts["approver_is_editor"] and _four_eyes(ctx, email)
        facts["scheduled"] = (email["send_at"] or 0) > ctx.now or at_the_desk(ctx)
    return event(kind, **facts)


def _four_eyes(ctx: Context, email: Row) -> bool:
    name = {"account_id": email["account_id"], "mailbox_id": email["mailbox_id"]}
    return bool(ctx.sql.get_mailbox_even_deleted(**name)["four_eyes"])


def judged(ctx: Context, email: Row) -> Judgement:
    """What the rules say now of everybody on the envelope of an email."""
    recipients = json.loads(email["recipients_json"])
    return judge(ctx, email["mailbox_id"], [one["address"] for one in recipients])


def due_event(ctx: Context, email: Row) -> Event:
    allowed = judged(ctx, email).every_recipient_allowed
    return event(Kind.DUE, approved=approved(email), every_recipient_allowed=allowed)


def undo_event(ctx: Context, email: Row) -> Event:
    """Whether an approval from the desk can still be taken back."""
    from_desk = approved(email) and email["decided_by"].startswith("operator:")
    return event(Kind.UNDO, within_undo_window=from_desk and ctx.now < email["decided_at"] + UNDO_WINDOW)


def hand_off_event(ctx: Context, email: Row, account: Row, *, waits: bool = False) -> Event:
    """Everything that held when the email was accepted, looked at again. What `waits` is paused by itself."""
    name = {"account_id": email["account_id"], "mailbox_id": email["mailbox_id"]}
    mailbox = ctx.sql.get_mailbox_even_deleted(**name)
    keys = [email[f"{role}_id"] for role in ("author", "editor") if email[f"{role}_kind"] == "key"]
    author_valid = all(live_key(ctx.tx, email["account_id"], key_id, ctx.now) for key_id in keys)
    return event(
        Kind.HAND_OFF,
        approved=approved(email),
        author_valid=author_valid,
        paused=waits
        or (account["suspended_at"] is not None and not email["test"])
        or account["paused_at"] is not None
        or mailbox["paused_at"] is not None
        or mailbox["lapsed_at"] is not None,
        test=bool(email["test"]),
        **judged(ctx, email).facts,
    )


def partly_delivered(email: Row) -> bool:
    return any(result["status"] == "delivered" for result in json.loads(email["recipients_json"]))
