"""The trust ladder against contract §4 and §5: line by line, exhaustively, and with planted bugs."""

import re
from collections import deque
from itertools import pairwise, product
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from multimail.core import oversight
from multimail.core.errors import ERRORS
from multimail.core.event_types import EventType
from multimail.core.oversight import Effect, Event, Kind, Mode, Refusal, State, Transition, event

EVENTS = list(oversight.every_event())
LADDER = ["read_only", "gated_all", "gated_send", "monitored", "autonomous"]
OUTBOUND = {*"composed pending_approval scheduled queued delivering sent bounced".split()}
OUTBOUND |= {*"rejected cancelled failed blocked".split()}
INBOUND = {*"arrived held unread read archived deleted spam_flagged spam_quarantined declined".split()}


# The contract as a second description, in its own words. `states kinds conditions -> outcome`: a condition is
# a mode, `+fact` (it holds) or `-fact` (it does not); an outcome is the next status, each `!effect` and the
# events, or `refuse:` and an error code. The first line that matches rules; no line means `conflict`.
CONTRACT = """
§4 `read_only` never sends (403); operators can deny recipients; approval first, but for allow rules
    composed accept read_only                               -> refuse:read_only
    composed accept +recipient_denied                       -> refuse:recipient_denied
    composed accept +scheduled +schedule_first              -> scheduled !schedule
    composed accept gated_all                               -> pending_approval oversight.pending
    composed accept gated_send -every_recipient_allowed     -> pending_approval oversight.pending
    composed accept +scheduled                              -> scheduled !schedule
    composed accept                                         -> queued !deliver
§4 what is edited is judged as what is sent now, an approval of what it was is void; what is held stays held
    pending_approval,scheduled edit read_only               -> refuse:read_only
    pending_approval,scheduled edit +recipient_denied       -> refuse:recipient_denied
    pending_approval edit -> pending_approval !void_approval oversight.pending
    scheduled edit +scheduled +schedule_first -> scheduled !schedule !void_approval
    scheduled edit gated_all -> pending_approval !void_approval oversight.pending
    scheduled edit gated_send -every_recipient_allowed -> pending_approval !void_approval oversight.pending
    scheduled edit +scheduled -> scheduled !schedule !void_approval
    scheduled edit -> queued !deliver !void_approval
§4 no key decides what it composed; four-eyes; a decision names the revision it was shown
    pending_approval,held approve,reject +approver_is_author -> refuse:self_approval
    pending_approval,held approve +approver_is_editor +four_eyes -> refuse:four_eyes
    pending_approval,held approve,reject -revision_matches  -> refuse:stale_revision
    pending_approval approve read_only                      -> refuse:read_only
    pending_approval approve +scheduled          -> scheduled !schedule !record_approval oversight.approved
    pending_approval approve                     -> queued !deliver !record_approval oversight.approved
    pending_approval reject                      -> rejected !record_rejection oversight.rejected
§5 `cancelled`; an approval waits in `scheduled` so that it can be taken back
    pending_approval,scheduled,queued cancel +partly_delivered -> refuse:conflict
    pending_approval,scheduled,queued cancel     -> cancelled email.cancelled
    scheduled undo +within_undo_window           -> pending_approval !void_approval oversight.pending
§5 `scheduled` -> `pending_approval` -> `queued`; §4 under `read_only` it becomes `blocked`
    scheduled due read_only                      -> blocked email.failed
    scheduled due gated_all -approved            -> pending_approval oversight.pending
    scheduled due gated_send -approved -every_recipient_allowed -> pending_approval oversight.pending
    scheduled due                                -> queued !deliver
§4 revoking a key holds again what it has sent unapproved
    scheduled,queued revoke_key -approved        -> pending_approval oversight.pending
§4 evaluated again when it is handed to delivery: mode, deny rules, gate, allow rules, key, pause
    queued,delivering hand_off read_only         -> blocked email.failed
    queued,delivering hand_off +recipient_denied -> blocked email.failed
    queued,delivering hand_off gated_all -approved -> pending_approval oversight.pending
    queued,delivering hand_off gated_send -approved -every_recipient_allowed
        -> pending_approval oversight.pending
    queued,delivering hand_off -approved -author_valid -> pending_approval oversight.pending
    queued,delivering hand_off +paused           -> queued !retry
§4 `monitored`: the oversight address gets a copy; §3 no test mail ever leaves the machine
    queued,delivering hand_off monitored +test   -> delivering !capture !copy_to_operator
    queued,delivering hand_off monitored         -> delivering !transmit !copy_to_operator
    queued,delivering hand_off +test             -> delivering !capture
    queued,delivering hand_off                   -> delivering !transmit
§5 `sent` comes once every recipient is final and one accepted, else `failed`; a later bounce report
    delivering result -every_recipient_final     -> queued !retry
    delivering result +any_recipient_accepted    -> sent email.sent email.delivered
    delivering result                            -> failed email.failed
    sent bounce                                  -> bounced email.bounced
§4 the agent reads inbound: `gated_all` after an operator approves, else at once
    arrived receive gated_all                    -> held oversight.pending
    arrived receive +spam_quarantined            -> spam_quarantined
    arrived receive +machine_report              -> archived
    arrived receive +spam_flagged                -> spam_flagged email.received
    arrived receive                              -> unread email.received
    held approve                                 -> unread !record_approval oversight.approved email.received
    held reject                                  -> declined !record_rejection oversight.rejected
§5 inbound: `unread`, `read`, `archived`, `deleted`, `spam_flagged`, `spam_quarantined`
    unread,read open                             -> read
    archived open                                -> archived
    spam_flagged open                            -> spam_flagged
    spam_quarantined open                        -> spam_quarantined
    unread,read,spam_flagged archive             -> archived
    unread,read,archived,spam_flagged,spam_quarantined delete -> deleted
    unread,read,archived,spam_flagged report_spam -> spam_quarantined
    spam_flagged not_spam                        -> unread
    spam_quarantined not_spam +announced         -> unread
    spam_quarantined not_spam                    -> unread email.received
"""


class Line(NamedTuple):
    text: str
    states: list[str]
    kinds: list[str]
    modes: list[str]
    holds: list[str]
    lacks: list[str]
    outcome: oversight.Outcome

    def matches(self, mode, state, what):
        return (
            state in self.states
            and what.kind in self.kinds
            and mode in self.modes
            and what.facts.issuperset(self.holds)
            and what.facts.isdisjoint(self.lacks)
        )


def parse_outcome(target, *rest):
    if target.startswith("refuse:"):
        return Refusal(target.removeprefix("refuse:"))
    effects = frozenset(Effect(word[1:]) for word in rest if word.startswith("!"))
    return Transition(State(target), effects, tuple(EventType(word) for word in rest if "." in word))


def parse_line(text):
    when, then = (side.split() for side in text.split("->"))
    states, kinds, *conditions = when
    named = [word for word in conditions if word in LADDER]
    holds = [word[1:] for word in conditions if word.startswith("+")]
    lacks = [word[1:] for word in conditions if word.startswith("-")]
    return Line(
        text, states.split(","), kinds.split(","), named or LADDER, holds, lacks, parse_outcome(*then)
    )


LINES = [parse_line(line) for line in re.sub(r"\n +->", " ->", CONTRACT).splitlines() if "    " in line]


def matching(mode, state, what):
    return next((line for line in LINES if line.matches(mode, state, what)), None)


# --- Invariants over the whole table: 5 modes x 20 states x 157 events.


def world():
    for mode, state, what in product(Mode, State, EVENTS):
        yield mode, state, what, oversight.step(mode, state, what)


def moves():
    for mode, state, what, outcome in world():
        if isinstance(outcome, Transition):
            yield mode, state, what, outcome


def check_total():
    outcomes = [outcome for *_, outcome in world()]
    assert len(outcomes) == 16_100
    assert all(isinstance(outcome, Transition | Refusal) for outcome in outcomes)


def check_refusals_are_known_errors():
    codes = {outcome.code for *_, outcome in world() if isinstance(outcome, Refusal)}
    assert codes <= set(ERRORS)


def check_contract_line_by_line():
    for mode, state, what, outcome in world():
        line = matching(mode, state, what)
        expected = Refusal("conflict") if line is None else line.outcome
        assert outcome == expected, (line and line.text, mode, state, what)


def check_nothing_leaves_a_final_state():
    final = {"cancelled", "rejected", "failed", "blocked"}
    assert final <= oversight.FINAL
    assert not [move for move in moves() if move[1] in oversight.FINAL | final]


def check_directions_never_mix():
    for _, state, _, outcome in moves():
        assert (state in OUTBOUND) == (outcome.state in OUTBOUND)


def check_hidden_mail_appears_only_by_decision():
    for mode, state, what, outcome in moves():
        if state in ("arrived", "held", "declined") and outcome.state not in ("arrived", "held", "declined"):
            assert what.kind in ("approve", "receive")
            assert what.kind == "approve" or mode != "gated_all"
        if state in ("held", "declined"):
            assert what.kind in ("approve", "reject")
        if outcome.state in ("held", "declined"):
            assert not [name for name in outcome.events if name.startswith("email.")]


def check_read_only_never_sends():
    for mode, state, what, outcome in moves():
        if mode == "read_only":
            assert outcome.state not in ("delivering", "scheduled")
            assert not outcome.effects & {"transmit", "capture", "deliver", "copy_to_operator"}
            # An attempt already on the wire may report back; the hand-off that follows blocks the rest.
            assert outcome.state != "queued" or (state == "delivering" and what.kind == "result")


def check_gate_needs_an_approval():
    for mode, _, what, outcome in moves():
        sends = outcome.state == "delivering" or outcome.effects & {"deliver", "transmit", "capture"}
        if sends and mode in ("gated_all", "gated_send"):
            by_rule = mode == "gated_send" and "every_recipient_allowed" in what.facts
            assert what.kind == "approve" or "approved" in what.facts or by_rule, (mode, what)


def check_decisions_are_by_another_on_this_revision():
    for _, _, what, outcome in moves():
        if outcome.effects & {"record_approval", "record_rejection"}:
            assert "approver_is_author" not in what.facts
            assert "revision_matches" in what.facts
            assert not {"approver_is_editor", "four_eyes"} <= what.facts


def check_test_mail_never_leaves():
    for *_, what, outcome in moves():
        assert not ("test" in what.facts and "transmit" in outcome.effects)


def check_paused_denied_or_orphaned_mail_is_not_delivered():
    for _, _, what, outcome in moves():
        if outcome.state == "delivering":
            assert what.kind == "hand_off" and not what.facts & {"paused", "recipient_denied"}
            assert what.facts & {"approved", "author_valid"}


def check_copy_exactly_when_monitored_delivers():
    for mode, _, _, outcome in moves():
        assert ("copy_to_operator" in outcome.effects) == (
            mode == "monitored" and outcome.state == "delivering"
        )


HOW_FAR = {"blocked": 0, "pending_approval": 1, "scheduled": 2, "queued": 3, "delivering": 4}


def how_far(outcome):
    return 0 if isinstance(outcome, Refusal) else HOW_FAR.get(outcome.state, 0)


def check_stricter_mode_holds_what_looser_holds():
    """Outbound only: for inbound the ladder's table has one gate, `gated_all` (`read_only` reads at once)."""
    for state, what in product(OUTBOUND, EVENTS):
        reach = [how_far(oversight.step(Mode(mode), State(state), what)) for mode in LADDER]
        assert all(strict <= loose for strict, loose in pairwise(reach)), (state, what, reach)


def check_a_request_only_tightens():
    for mailbox in Mode:
        assert oversight.stricter(mailbox, None) is mailbox
        for wanted in Mode:
            expected = LADDER[min(LADDER.index(mailbox), LADDER.index(wanted))]
            assert oversight.stricter(mailbox, wanted) == expected


def check_every_state_is_reachable():
    seen, todo = {State.COMPOSED, State.ARRIVED}, deque([State.COMPOSED, State.ARRIVED])
    while todo:
        here = todo.popleft()
        for mode, what in product(Mode, EVENTS):
            outcome = oversight.step(mode, here, what)
            if isinstance(outcome, Transition) and outcome.state not in seen:
                seen.add(outcome.state)
                todo.append(outcome.state)
    assert seen == set(State)


CHECKS = {
    name.removeprefix("check_"): check for name, check in list(globals().items()) if name.startswith("check_")
}


@pytest.mark.parametrize("name", CHECKS)
def test_every_mode_state_and_event(name):
    CHECKS[name]()


def test_states_and_modes_are_those_of_the_contract():
    assert [mode.value for mode in oversight.STRICTNESS] == LADDER
    assert set(State) == OUTBOUND | INBOUND and not OUTBOUND & INBOUND
    private = {"composed", "arrived"}
    statuses = {oversight.PUBLIC_STATUS[state] for state in State if state not in private}
    inbound = INBOUND - {"arrived", "held", "declined"}
    assert statuses == (OUTBOUND - {"composed", "delivering"}) | inbound
    assert oversight.PUBLIC_STATUS[State.HELD] == "pending_approval"
    assert oversight.PUBLIC_STATUS[State.DECLINED] == "rejected"
    assert {"arrived", "held", "declined"} == oversight.HIDDEN


def test_every_rule_and_every_line_of_the_contract_is_exercised():
    used, ruled = set(), set()
    for mode, state, what, outcome in world():
        line = matching(mode, state, what)
        used.add(line and line.text)
        if isinstance(outcome, Transition):
            ruled.add((state, what.kind))
    assert [line.text for line in LINES if line.text not in used] == []
    assert ruled == set(oversight.RULES)


def test_every_effect_and_only_reachable_events_are_produced():
    outcomes = [outcome for *_, outcome in moves()]
    assert {effect for outcome in outcomes for effect in outcome.effects} == set(Effect)
    elsewhere = {"email.complained", "email.unsubscribed", "mailbox.upgraded", "domain.verified", "audit.head",
                 "webhook.test", "account.suspended"}  # fmt: skip
    assert {name for outcome in outcomes for name in outcome.events} == set(EventType) - elsewhere


@given(
    st.sampled_from(Kind),
    st.sets(st.sampled_from(sorted({f for names in oversight.FACTS.values() for f in names}))),
)
def test_an_event_takes_its_own_facts_and_no_others(kind, names):
    if names <= set(oversight.FACTS[kind]):
        assert event(kind, **dict.fromkeys(names, True)) == Event(kind, frozenset(names))
        assert event(kind, **dict.fromkeys(names, False)) == Event(kind)
        return
    for value in (True, False):
        with pytest.raises(ValueError, match=kind):
            event(kind, **dict.fromkeys(names, value))
    with pytest.raises(ValueError, match=kind):
        Event(kind, frozenset(names))


# --- Planted bugs: each must be found by the checks named beside it.


def always(state, *effects):
    return lambda mode, facts: Transition(State(state), frozenset(effects))


def crash(mode, facts):
    raise KeyError(mode)


def rule_of(state, kind, planted):
    return lambda patch: patch.setitem(oversight.RULES, (State(state), Kind(kind)), planted)


def function(name, planted):
    return lambda patch: patch.setattr(oversight, name, planted)


HASTY = always("delivering", Effect.TRANSMIT)
BUGS = {
    "a rule crashes": (rule_of("composed", "accept", crash), ["total"]),
    "an unknown code": (
        rule_of("composed", "accept", lambda m, f: Refusal("nope")),
        ["refusals_are_known_errors"],
    ),
    "a cancelled email lives": (
        rule_of("cancelled", "approve", always("queued")),
        ["nothing_leaves_a_final_state", "contract_line_by_line"],
    ),
    "a read email is sent": (rule_of("read", "archive", always("sent")), ["directions_never_mix"]),
    "held mail can be opened": (
        rule_of("held", "open", always("read")),
        ["hidden_mail_appears_only_by_decision"],
    ),
    "gated_all holds no inbound": (
        rule_of("arrived", "receive", always("unread")),
        ["hidden_mail_appears_only_by_decision"],
    ),
    "the gate is open": (function("_must_wait", lambda mode, facts: False), ["gate_needs_an_approval"]),
    "allow rules open gated_all": (
        function("_must_wait", lambda mode, facts: "every_recipient_allowed" not in facts),
        ["gate_needs_an_approval", "contract_line_by_line"],
    ),
    "the gate is upside down": (
        function("_must_wait", lambda mode, facts: mode is Mode.AUTONOMOUS),
        ["stricter_mode_holds_what_looser_holds", "gate_needs_an_approval"],
    ),
    "no second look at hand-off": (
        rule_of("queued", "hand_off", HASTY),
        [
            "read_only_never_sends",
            "gate_needs_an_approval",
            "test_mail_never_leaves",
            "paused_denied_or_orphaned_mail_is_not_delivered",
            "copy_exactly_when_monitored_delivers",
        ],
    ),
    "anyone decides anything": (
        function("_self_decided", lambda facts: None),
        ["decisions_are_by_another_on_this_revision", "contract_line_by_line"],
    ),
    "a request loosens": (function("stricter", lambda one, other: other or one), ["a_request_only_tightens"]),
    "a state nobody reaches": (rule_of("sent", "bounce", always("sent")), ["every_state_is_reachable"]),
}


@pytest.mark.parametrize(
    ("bug", "check"),
    [(bug, check) for bug, (_, checks) in BUGS.items() for check in checks],
    ids=lambda name: name,
)
def test_a_planted_bug_is_found_by_its_check(monkeypatch, bug, check):
    BUGS[bug][0](monkeypatch)
    with pytest.raises((AssertionError, KeyError)):
        CHECKS[check]()
