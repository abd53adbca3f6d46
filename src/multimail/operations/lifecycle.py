"""Every change of an email's state: the facts, the step, the compare-and-swap, and what follows from it.

core/oversight.py says what is allowed; this turns rows into its facts and its effects into rows, all in the
transaction of whoever asks.
"""

import json
from typing import Any

from multimail.core.errors import Refused
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
from multimail.operations.context import Context
from multimail.operations.events import emit_about
from multimail.storage.database import Row

LEAVING_QUEUE = frozenset({State.CANCELLED, State.BLOCKED, State.PENDING_APPROVAL, State.FAILED})


def effective_mode(mailbox: Row, floor: str | None) -> Mode:
    """The stricter of the mailbox's mode and `floor`: what the request asked for, or what held at acceptance.

    A deleted mailbox never sends.
    """
    if mailbox["deleted_at"] is not None:
        return Mode.READ_ONLY
    return stricter(Mode(mailbox["oversight_mode"]), Mode(floor) if floor else None)


def current_mode(ctx: Context, email: Row) -> Mode:
    name = {"account_id": email["account_id"], "mailbox_id": email["mailbox_id"]}
    return effective_mode(ctx.sql.get_mailbox_even_deleted(**name), email["floor_mode"])


def decide(mode: Mode, state: State, what: Event) -> Transition:
    """The table's answer, with a refusal raised in the words of core/errors.py."""
    outcome = step(mode, state, what)
    if isinstance(outcome, Refusal):
        raise refused(outcome, state, mode)
    return outcome


def refused(refusal: Refusal, state: State, mode: Mode) -> Refused:
    status = PUBLIC_STATUS[state]
    if refusal.code == "conflict":
        return Refused("conflict", f"The email is {status}: that can't be done to it now.", status=status)
    if refusal.code == "read_only":
        return Refused(
            "read_only", hint="an operator must change the mailbox's oversight_mode", status=status
        )
    return Refused(refusal.code, status=status)


def advance(ctx: Context, email: Row, what: Event, *, reason: str | None = None) -> Transition:
    """Moves an email by one event. Raises Refused; whoever lost the compare-and-swap gets 409 conflict."""
    state = State(email["state"])
    transition = decide(current_mode(ctx, email), state, what)
    name = {"account_id": email["account_id"], "email_id": email["email_id"]}
    if not ctx.sql.move_email(**name, state=transition.state, version=email["version"]):
        raise Refused(
            "conflict", "Somebody else changed the email at the same moment.", status=PUBLIC_STATUS[state]
        )
    follow(ctx, email, transition, reason=reason)
    return transition


def follow(ctx: Context, email: Row, transition: Transition, *, reason: str | None = None) -> None:
    """Writes a transition's effects and events beside the row that already has its state."""
    name = {"account_id": email["account_id"], "email_id": email["email_id"]}
    effects = transition.effects
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
        ctx.sql.add_job(**job, kind="due", run_at=email["send_at"])
        ctx.tx.notify("jobs", "due")
    if transition.state in LEAVING_QUEUE and email["state"] in (State.QUEUED, State.SCHEDULED):
        ctx.sql.drop_job(**job, kind="deliver")
        ctx.sql.drop_job(**job, kind="due")
    data: dict[str, Any] = {}
    if verdict is not None:
        data["decision"] = {"decision": verdict, "decided_by": ctx.actor.id, "reason": reason}
    for event_type in transition.events:
        told = data if event_type.startswith("oversight.") else {}
        emit_about(ctx, event_type, email, transition.state, **told)


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
        facts["scheduled"] = (email["send_at"] or 0) > ctx.now
    return event(kind, **facts)


def hand_off_event(ctx: Context, email: Row, account: Row) -> Event:
    """Everything that held when the email was accepted, looked at again."""
    author_valid = email["author_kind"] != "key" or ctx.sql.key_is_live(
        account_id=email["account_id"], key_id=email["author_id"]
    )
    return event(
        Kind.HAND_OFF,
        approved=approved(email),
        author_valid=bool(author_valid),
        paused=account["paused_at"] is not None,
        test=bool(email["test"]),
    )


def partly_delivered(email: Row) -> bool:
    return any(result["status"] == "delivered" for result in json.loads(email["recipients_json"]))
