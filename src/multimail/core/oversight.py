"""The trust ladder: everything that decides what may happen to an email next lives in this file.

`step(mode, state, event)` is a total function over three finite sets. It answers the next state with its
effects, or a refusal that names an error code. It knows no time, no database and no identity: the shell
turns those into the event's facts (`approver_is_author`, `every_recipient_allowed`, …), applies the answer by
compare-and-swap on the row, and writes the effects in the same transaction.

`mode` is always the effective one: the stricter of the mailbox's mode now, its mode when the email was
accepted, and what the request asked for. A mailbox that is loosened releases nothing that was held before.
Contract §4 and §5.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from itertools import product
from typing import Final

from multimail.core.event_types import EventType


class Mode(StrEnum):
    """From strict to loose."""

    READ_ONLY = "read_only"
    GATED_ALL = "gated_all"
    GATED_SEND = "gated_send"
    MONITORED = "monitored"
    AUTONOMOUS = "autonomous"


STRICTNESS: Final = tuple(Mode)


def stricter(one: Mode, other: Mode | None) -> Mode:
    """A request may tighten its mailbox's mode and never loosen it."""
    return one if other is None else min(one, other, key=STRICTNESS.index)


class State(StrEnum):
    """Where an email is. The first of each direction is before the first row is written."""

    COMPOSED = "composed"
    PENDING_APPROVAL = "pending_approval"
    SCHEDULED = "scheduled"
    QUEUED = "queued"
    DELIVERING = "delivering"
    SENT = "sent"
    BOUNCED = "bounced"
    REJECTED = "rejected"
    CANCELLED = "cancelled"
    FAILED = "failed"
    BLOCKED = "blocked"

    ARRIVED = "arrived"
    HELD = "held"
    UNREAD = "unread"
    READ = "read"
    ARCHIVED = "archived"
    DELETED = "deleted"
    SPAM_FLAGGED = "spam_flagged"
    SPAM_QUARANTINED = "spam_quarantined"
    DECLINED = "declined"


FINAL: Final = frozenset(
    {
        State.REJECTED,
        State.CANCELLED,
        State.FAILED,
        State.BLOCKED,
        State.BOUNCED,
        State.DECLINED,
        State.DELETED,
    }
)

# For a key without `oversight` these do not exist: no list, count, search, event or file knows them.
HIDDEN: Final = frozenset({State.ARRIVED, State.HELD, State.DECLINED})

PUBLIC_STATUS: Final = {state: state.value for state in State} | {
    State.DELIVERING: "queued",
    State.HELD: "pending_approval",
    State.DECLINED: "rejected",
}


class Kind(StrEnum):
    """What can happen to an email."""

    ACCEPT = "accept"
    EDIT = "edit"
    APPROVE = "approve"
    REJECT = "reject"
    UNDO = "undo"
    CANCEL = "cancel"
    DUE = "due"
    REVOKE_KEY = "revoke_key"
    HAND_OFF = "hand_off"
    RESULT = "result"
    BOUNCE = "bounce"
    RECEIVE = "receive"
    OPEN = "open"
    ARCHIVE = "archive"
    DELETE = "delete"
    REPORT_SPAM = "report_spam"
    NOT_SPAM = "not_spam"


# Each kind of event with the facts that its rules read; every other fact is False for it.
FACTS: Final[dict[Kind, tuple[str, ...]]] = {
    Kind.ACCEPT: ("every_recipient_allowed", "recipient_denied", "scheduled", "schedule_first"),
    Kind.EDIT: ("every_recipient_allowed", "recipient_denied", "scheduled", "schedule_first"),
    Kind.APPROVE: ("approver_is_author", "approver_is_editor", "four_eyes", "revision_matches", "scheduled"),
    Kind.REJECT: ("approver_is_author", "revision_matches"),
    Kind.UNDO: ("within_undo_window",),
    Kind.CANCEL: ("partly_delivered",),
    Kind.DUE: ("approved", "every_recipient_allowed"),
    Kind.REVOKE_KEY: ("approved",),
    Kind.HAND_OFF: (
        "approved",
        "every_recipient_allowed",
        "recipient_denied",
        "paused",
        "author_valid",
        "test",
    ),
    Kind.RESULT: ("every_recipient_final", "any_recipient_accepted"),
    Kind.BOUNCE: (),
    Kind.RECEIVE: ("spam_flagged", "spam_quarantined", "machine_report"),
    Kind.OPEN: (),
    Kind.ARCHIVE: (),
    Kind.DELETE: (),
    Kind.REPORT_SPAM: (),
    Kind.NOT_SPAM: ("announced",),
}


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happens, with the facts the shell established. `approved` means: this very revision."""

    kind: Kind
    facts: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        if not self.facts <= set(FACTS[self.kind]):
            raise ValueError(f"{self.kind} has no such fact: {sorted(self.facts - set(FACTS[self.kind]))}")


def event(kind: Kind, **facts: bool) -> Event:
    """`event(Kind.APPROVE, revision_matches=True)`; a fact left out is False, one out of place raises."""
    unknown = set(facts) - set(FACTS[kind])
    if unknown:
        raise ValueError(f"{kind} has no such fact: {sorted(unknown)}")
    return Event(kind, frozenset(name for name, holds in facts.items() if holds))


class Effect(StrEnum):
    """What the shell must write in the same transaction as the new state."""

    DELIVER = "deliver"  # a delivery job, due now
    SCHEDULE = "schedule"  # a job that raises DUE at the email's time
    RETRY = "retry"  # the delivery job stays, due later
    TRANSMIT = "transmit"  # these bytes may leave the machine
    CAPTURE = "capture"  # a test email: to the sandbox and to test mailboxes of the account, nowhere else
    COPY_TO_OPERATOR = "copy_to_operator"
    RECORD_APPROVAL = "record_approval"
    RECORD_REJECTION = "record_rejection"
    VOID_APPROVAL = "void_approval"


@dataclass(frozen=True, slots=True)
class Transition:
    state: State
    effects: frozenset[Effect] = frozenset()
    events: tuple[EventType, ...] = ()


@dataclass(frozen=True, slots=True)
class Refusal:
    """`code` is a key of core.errors.ERRORS. Nothing changes."""

    code: str


Outcome = Transition | Refusal
Rule = Callable[[Mode, frozenset[str]], Outcome]

GATED: Final = frozenset({Mode.GATED_ALL, Mode.GATED_SEND})
CONFLICT: Final = Refusal("conflict")


def _to(state: State, *effects: Effect, events: tuple[EventType, ...] = ()) -> Transition:
    return Transition(state, frozenset(effects), events)


PENDING: Final = _to(State.PENDING_APPROVAL, events=(EventType.OVERSIGHT_PENDING,))
BLOCKED: Final = _to(State.BLOCKED, events=(EventType.EMAIL_FAILED,))
QUEUED: Final = _to(State.QUEUED, Effect.DELIVER)
WAITING: Final = _to(State.SCHEDULED, Effect.SCHEDULE)


def _with(transition: Transition, *effects: Effect, events: tuple[EventType, ...] = ()) -> Transition:
    return Transition(transition.state, transition.effects | set(effects), events + transition.events)


def _must_wait(mode: Mode, facts: frozenset[str]) -> bool:
    """Allow rules open the gate of `gated_send`, never that of `gated_all`."""
    return mode is Mode.GATED_ALL or (mode is Mode.GATED_SEND and "every_recipient_allowed" not in facts)


def _accept(mode: Mode, facts: frozenset[str]) -> Outcome:
    if mode is Mode.READ_ONLY:
        return Refusal("read_only")
    if "recipient_denied" in facts:
        return Refusal("recipient_denied")
    if _must_wait(mode, facts) and not {"scheduled", "schedule_first"} <= facts:
        return PENDING
    return WAITING if "scheduled" in facts else QUEUED


def _edit(mode: Mode, facts: frozenset[str]) -> Outcome:
    """New content is judged as if it were accepted now; an approval of the old content is void."""
    outcome = _accept(mode, facts)
    return outcome if isinstance(outcome, Refusal) else _with(outcome, Effect.VOID_APPROVAL)


def _edit_held(mode: Mode, facts: frozenset[str]) -> Outcome:
    """What waits for a human goes on waiting, whatever the mode has become since."""
    outcome = _edit(mode, facts)
    return outcome if isinstance(outcome, Refusal) else _with(PENDING, Effect.VOID_APPROVAL)


def _self_decided(facts: frozenset[str]) -> Refusal | None:
    if "approver_is_author" in facts:
        return Refusal("self_approval")
    if {"approver_is_editor", "four_eyes"} <= facts:
        return Refusal("four_eyes")
    return None if "revision_matches" in facts else Refusal("stale_revision")


def _approve(mode: Mode, facts: frozenset[str]) -> Outcome:
    if refusal := _self_decided(facts):
        return refusal
    if mode is Mode.READ_ONLY:
        return Refusal("read_only")
    onward = WAITING if "scheduled" in facts else QUEUED
    return _with(onward, Effect.RECORD_APPROVAL, events=(EventType.OVERSIGHT_APPROVED,))


def _reject(mode: Mode, facts: frozenset[str]) -> Outcome:
    rejected = _to(State.REJECTED, Effect.RECORD_REJECTION, events=(EventType.OVERSIGHT_REJECTED,))
    return _self_decided(facts) or rejected


def _undo(mode: Mode, facts: frozenset[str]) -> Outcome:
    return _with(PENDING, Effect.VOID_APPROVAL) if "within_undo_window" in facts else CONFLICT


def _cancel(mode: Mode, facts: frozenset[str]) -> Outcome:
    cancelled = _to(State.CANCELLED, events=(EventType.EMAIL_CANCELLED,))
    return CONFLICT if "partly_delivered" in facts else cancelled


def _due(mode: Mode, facts: frozenset[str]) -> Outcome:
    if mode is Mode.READ_ONLY:
        return BLOCKED
    return PENDING if _must_wait(mode, facts) and "approved" not in facts else QUEUED


def _revoke_key(mode: Mode, facts: frozenset[str]) -> Outcome:
    return CONFLICT if "approved" in facts else PENDING


def _hand_off(mode: Mode, facts: frozenset[str]) -> Outcome:
    """The last look before bytes leave: all that held at acceptance must hold now; the stricter wins."""
    if mode is Mode.READ_ONLY or "recipient_denied" in facts:
        return BLOCKED
    if "approved" not in facts and (_must_wait(mode, facts) or "author_valid" not in facts):
        return PENDING
    if "paused" in facts:
        return _to(State.QUEUED, Effect.RETRY)
    copies = {Effect.COPY_TO_OPERATOR} if mode is Mode.MONITORED else set()
    return _to(State.DELIVERING, Effect.CAPTURE if "test" in facts else Effect.TRANSMIT, *copies)


def _result(mode: Mode, facts: frozenset[str]) -> Outcome:
    if "every_recipient_final" not in facts:
        return _to(State.QUEUED, Effect.RETRY)
    if "any_recipient_accepted" in facts:
        return _to(State.SENT, events=(EventType.EMAIL_SENT, EventType.EMAIL_DELIVERED))
    return _to(State.FAILED, events=(EventType.EMAIL_FAILED,))


def _receive(mode: Mode, facts: frozenset[str]) -> Outcome:
    if mode is Mode.GATED_ALL:
        return _to(State.HELD, events=(EventType.OVERSIGHT_PENDING,))
    if "spam_quarantined" in facts:
        return _to(State.SPAM_QUARANTINED)
    if "machine_report" in facts:
        return _to(State.ARCHIVED)  # a bounce that proves nothing: kept, and no conversation starts with it
    arrived = State.SPAM_FLAGGED if "spam_flagged" in facts else State.UNREAD
    return _to(arrived, events=(EventType.EMAIL_RECEIVED,))


def _release(mode: Mode, facts: frozenset[str]) -> Outcome:
    released = (EventType.OVERSIGHT_APPROVED, EventType.EMAIL_RECEIVED)
    return _self_decided(facts) or _to(State.UNREAD, Effect.RECORD_APPROVAL, events=released)


def _decline(mode: Mode, facts: frozenset[str]) -> Outcome:
    declined = _to(State.DECLINED, Effect.RECORD_REJECTION, events=(EventType.OVERSIGHT_REJECTED,))
    return _self_decided(facts) or declined


def _cleared(mode: Mode, facts: frozenset[str]) -> Outcome:
    """What was quarantined when it came is told of now that it is no spam."""
    told = () if "announced" in facts else (EventType.EMAIL_RECEIVED,)
    return _to(State.UNREAD, events=told)


def _always(state: State, *, events: tuple[EventType, ...] = ()) -> Rule:
    return lambda mode, facts: _to(state, events=events)


S, K = State, Kind

RULES: Final[dict[tuple[State, Kind], Rule]] = {
    (S.COMPOSED, K.ACCEPT): _accept,
    (S.PENDING_APPROVAL, K.EDIT): _edit_held,
    (S.PENDING_APPROVAL, K.APPROVE): _approve,
    (S.PENDING_APPROVAL, K.REJECT): _reject,
    (S.PENDING_APPROVAL, K.CANCEL): _cancel,
    (S.SCHEDULED, K.EDIT): _edit,
    (S.SCHEDULED, K.UNDO): _undo,
    (S.SCHEDULED, K.CANCEL): _cancel,
    (S.SCHEDULED, K.DUE): _due,
    (S.SCHEDULED, K.REVOKE_KEY): _revoke_key,
    (S.QUEUED, K.CANCEL): _cancel,
    (S.QUEUED, K.REVOKE_KEY): _revoke_key,
    (S.QUEUED, K.HAND_OFF): _hand_off,
    # A worker that died leaves `delivering` behind; the one that takes its lease over asks again.
    (S.DELIVERING, K.HAND_OFF): _hand_off,
    (S.DELIVERING, K.RESULT): _result,
    (S.SENT, K.BOUNCE): _always(S.BOUNCED, events=(EventType.EMAIL_BOUNCED,)),
    (S.ARRIVED, K.RECEIVE): _receive,
    (S.HELD, K.APPROVE): _release,
    (S.HELD, K.REJECT): _decline,
    (S.UNREAD, K.OPEN): _always(S.READ),
    (S.READ, K.OPEN): _always(S.READ),
    (S.ARCHIVED, K.OPEN): _always(S.ARCHIVED),
    (S.SPAM_FLAGGED, K.OPEN): _always(S.SPAM_FLAGGED),
    (S.SPAM_QUARANTINED, K.OPEN): _always(S.SPAM_QUARANTINED),
    **{(s, K.ARCHIVE): _always(S.ARCHIVED) for s in (S.UNREAD, S.READ, S.SPAM_FLAGGED)},
    **{
        (s, K.DELETE): _always(S.DELETED)
        for s in (S.UNREAD, S.READ, S.ARCHIVED, S.SPAM_FLAGGED, S.SPAM_QUARANTINED)
    },
    **{
        (s, K.REPORT_SPAM): _always(S.SPAM_QUARANTINED)
        for s in (S.UNREAD, S.READ, S.ARCHIVED, S.SPAM_FLAGGED)
    },
    (S.SPAM_FLAGGED, K.NOT_SPAM): _always(S.UNREAD),
    (S.SPAM_QUARANTINED, K.NOT_SPAM): _cleared,
}


def step(mode: Mode, state: State, what: Event) -> Outcome:
    """What `what` does to an email in `state` under `mode`. Total: what has no rule is a conflict."""
    rule = RULES.get((state, what.kind))
    return CONFLICT if rule is None else rule(mode, what.facts)


def every_event() -> Iterator[Event]:
    """The whole finite set of events, for tests, proofs and diagrams."""
    for kind, names in FACTS.items():
        for holds in product((False, True), repeat=len(names)):
            yield Event(kind, frozenset(name for name, yes in zip(names, holds, strict=True) if yes))
