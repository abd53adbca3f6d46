"""The trust ladder over sequences: one email while everything around it changes (contract §4, §5)."""

from itertools import compress, product
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from multimail.core import oversight
from multimail.core.event_types import EventType
from multimail.core.oversight import Effect, Kind, Mode, Refusal, State, Transition, event
from multimail.core.scopes import KEY_SCOPES, Scope, forbidden_combination, key_grants

# A small shell that keeps its own ledger and never asks the table what was allowed.

AUTHOR, OTHER_KEY, ANN, BOB = "agent's key", "oversight key", "Ann", "Bob"
FINAL_BY_CONTRACT = ("cancelled", "rejected", "failed", "blocked")
yes_no = st.booleans()
modes = st.sampled_from(Mode)
# What would end or stop most sequences at once is drawn less often.
rarely = st.sampled_from([False, False, False, False, False, True])
deciders = st.sampled_from([AUTHOR, OTHER_KEY, ANN, BOB])


def possible(*kinds):
    """Only what has a rule here, or comes too late; every other pair is tested exhaustively."""
    late = (*FINAL_BY_CONTRACT, State.DELETED, State.DECLINED)
    return precondition(
        lambda self: self.state in late or any((self.state, kind) in oversight.RULES for kind in kinds)
    )


class Outbound(RuleBasedStateMachine):
    """One email on its way out, while everybody changes everything around it.

    As every shell must, this one keeps with the email how strictly it has been judged (`floor`, and what the
    rules said then), and hands the table the stricter of that and of now.
    """

    @initialize(
        mailbox=st.sampled_from([*Mode, Mode.GATED_SEND, Mode.MONITORED, Mode.AUTONOMOUS]),
        wanted=rarely.flatmap(lambda tightens: modes if tightens else st.none()),
        test=yes_no,
        four_eyes=yes_no,
        allowed=yes_no,
        denied=rarely,
        scheduled=rarely,
        schedule_first=yes_no,
    )
    def compose(self, mailbox, wanted, test, four_eyes, allowed, denied, scheduled, schedule_first):
        self.mailbox, self.wanted, self.test, self.four_eyes = mailbox, wanted, test, four_eyes
        self.allowed, self.denied, self.paused, self.key_valid = allowed, denied, False, True
        self.state, self.revision, self.writer = State.COMPOSED, 1, AUTHOR
        self.ledger = []  # (who, the revision they were shown), as long as it is not taken back
        self.held, self.floor, self.modes_judged, self.allowed_when_judged = False, None, [], False
        self.scheduled, self.schedule_first = scheduled, schedule_first
        if self.apply(self.content_event(Kind.ACCEPT)) is not None:
            self.remember_judgement()

    def content_event(self, kind):
        return event(
            kind,
            every_recipient_allowed=self.allowed,
            recipient_denied=self.denied,
            scheduled=self.scheduled,
            schedule_first=self.schedule_first,
        )

    def remember_judgement(self):
        self.floor = Mode.GATED_ALL if self.held else self.effective()
        self.modes_judged += [self.mailbox, self.wanted]
        self.allowed_when_judged = self.allowed

    def effective(self):
        return oversight.stricter(oversight.stricter(self.mailbox, self.wanted), self.floor)

    def still_allowed(self):
        return self.allowed and self.allowed_when_judged

    def approved(self):
        return any(revision == self.revision for _, revision in self.ledger)

    def apply(self, what):
        before = self.state
        outcome = oversight.step(self.effective(), before, what)
        if before in FINAL_BY_CONTRACT:
            assert isinstance(outcome, Refusal), f"{what} led out of {before}"
        if isinstance(outcome, Refusal):
            return None
        self.state = outcome.state
        if outcome.effects & {Effect.TRANSMIT, Effect.CAPTURE} or outcome.state is State.DELIVERING:
            self.assert_may_be_delivered(outcome)
        if self.state is State.PENDING_APPROVAL:
            # Neither a looser mode nor a new allow rule releases what is held.
            self.held, self.floor = True, Mode.GATED_ALL
        return outcome

    def assert_may_be_delivered(self, outcome):
        """The invariants of the main story, from the ledger and the facts of this very moment."""
        assert Mode.READ_ONLY not in (self.mailbox, self.wanted), "read_only sent"
        assert not self.denied and not self.paused, "denied or paused mail was handed off"
        assert not (self.test and Effect.TRANSMIT in outcome.effects), "a test email left"
        in_force = [self.mailbox, self.wanted, *self.modes_judged]
        by_rule = self.allowed and self.allowed_when_judged
        gated = Mode.GATED_ALL in in_force or (Mode.GATED_SEND in in_force and not by_rule)
        if gated or not self.key_valid or self.held:
            assert any(self.counts(who, revision) for who, revision in self.ledger), (
                "delivered without approval"
            )

    def counts(self, who, revision):
        edited_it_alone = who == self.writer and self.four_eyes
        return revision == self.revision and who != AUTHOR and not edited_it_alone

    @rule(mode=modes)
    def operator_sets_mode(self, mode):
        self.mailbox = mode

    @rule(allowed=yes_no, denied=rarely, paused=yes_no)
    def operator_changes_rules(self, allowed, denied, paused):
        self.allowed, self.denied, self.paused = allowed, denied, paused

    @rule(who=st.sampled_from([AUTHOR, AUTHOR, ANN, BOB]), scheduled=rarely)
    @possible(Kind.EDIT)
    def edit(self, who, scheduled):
        self.scheduled = scheduled
        outcome = self.apply(self.content_event(Kind.EDIT))
        if outcome is None:
            return
        self.revision, self.writer = self.revision + 1, who
        self.remember_judgement()
        assert Effect.VOID_APPROVAL in outcome.effects

    @rule(who=deciders, shown=rarely, wait=yes_no)
    @possible(Kind.APPROVE)
    def approve(self, who, shown, wait):
        revision = self.revision - shown
        facts = {
            "approver_is_author": who == AUTHOR,
            "approver_is_editor": who == self.writer,
            "four_eyes": self.four_eyes,
            "revision_matches": revision == self.revision,
        }
        outcome = self.apply(event(Kind.APPROVE, **facts, scheduled=wait or self.scheduled))
        if outcome is not None:
            assert self.counts(who, revision), "an approval that does not count was taken"
            assert Effect.RECORD_APPROVAL in outcome.effects
            self.ledger.append((who, revision))

    @rule(who=deciders, shown=rarely, sure=rarely)
    @possible(Kind.REJECT)
    def reject(self, who, shown, sure):
        facts = {"approver_is_author": who == AUTHOR, "revision_matches": not shown}
        if sure and self.apply(event(Kind.REJECT, **facts)) is not None:
            assert who != AUTHOR and not shown and self.state is State.REJECTED

    @rule(in_time=yes_no)
    @possible(Kind.UNDO)
    def undo(self, in_time):
        if self.apply(event(Kind.UNDO, within_undo_window=in_time)) is not None:
            assert in_time
            self.ledger.clear()

    @rule(partly=yes_no, sure=rarely)
    @possible(Kind.CANCEL)
    def cancel(self, partly, sure):
        if sure and self.apply(event(Kind.CANCEL, partly_delivered=partly)) is not None:
            assert self.state is State.CANCELLED and not partly

    @rule()
    def revoke_key(self):
        self.key_valid = False
        before = self.state
        self.apply(event(Kind.REVOKE_KEY, approved=self.approved()))
        if before in (State.QUEUED, State.SCHEDULED) and not self.approved():
            assert self.state is State.PENDING_APPROVAL

    @rule()
    @possible(Kind.DUE)
    def due(self):
        self.scheduled = False
        self.apply(event(Kind.DUE, approved=self.approved(), every_recipient_allowed=self.still_allowed()))

    @rule()
    @possible(Kind.HAND_OFF)
    def hand_off(self):
        facts = {
            "approved": self.approved(),
            "every_recipient_allowed": self.still_allowed(),
            "recipient_denied": self.denied,
            "paused": self.paused,
            "author_valid": self.key_valid,
            "test": self.test,
        }
        self.apply(event(Kind.HAND_OFF, **facts))

    @rule(final=yes_no, accepted=yes_no)
    @possible(Kind.RESULT)
    def result(self, final, accepted):
        self.apply(event(Kind.RESULT, every_recipient_final=final, any_recipient_accepted=accepted))

    @rule(
        kind=st.sampled_from([Kind.BOUNCE, Kind.RECEIVE, Kind.OPEN, Kind.ARCHIVE, Kind.DELETE, Kind.NOT_SPAM])
    )
    def anything_else(self, kind):
        self.apply(event(kind))


KEYS = [
    scopes
    for chosen in product((False, True), repeat=len(KEY_SCOPES))
    if forbidden_combination(scopes := frozenset(compress(KEY_SCOPES, chosen))) is None
]


class Inbound(RuleBasedStateMachine):
    """One email coming in. `cleared` is the test's own word for "the agent may know of it"."""

    @initialize(mode=modes, spam=yes_no, quarantined=yes_no, report=yes_no)
    def arrive(self, mode, spam, quarantined, report=False):
        self.mode, self.state, self.told = mode, State.ARRIVED, []
        self.cleared = mode is not Mode.GATED_ALL
        self.decided = False
        self.apply(
            event(Kind.RECEIVE, spam_flagged=spam, spam_quarantined=quarantined, machine_report=report)
        )

    def apply(self, what):
        outcome = oversight.step(self.mode, self.state, what)
        if isinstance(outcome, Refusal):
            return None
        assert self.state is not State.DELETED and not (self.decided and not self.cleared), (
            "left a final state"
        )
        self.state = outcome.state
        self.told += outcome.events
        return outcome

    @rule(mode=modes)
    def operator_sets_mode(self, mode):
        self.mode = mode

    @rule(who=deciders, matches=yes_no, approve=yes_no)
    def decide(self, who, matches, approve):
        facts = {"approver_is_author": who == AUTHOR, "revision_matches": matches}
        was_held = not self.cleared and not self.decided
        outcome = self.apply(event(Kind.APPROVE if approve else Kind.REJECT, **facts))
        assert (outcome is not None) == (was_held and matches and who != AUTHOR)
        if outcome is not None:
            self.cleared, self.decided = approve, True

    @rule(kind=st.sampled_from(sorted(set(Kind) - {Kind.APPROVE, Kind.REJECT})))
    def anything_else(self, kind):
        self.apply(event(kind, **dict.fromkeys(oversight.FACTS[kind], True)))

    @invariant()
    def exists_only_once_cleared(self):
        for scopes in KEYS:
            grants = key_grants(scopes)
            exists = self.state not in oversight.HIDDEN or Scope.OVERSIGHT in grants
            assert exists == (self.cleared or Scope.OVERSIGHT in grants)

    @invariant()
    def events_tell_nothing_before(self):
        assert self.told.count(EventType.EMAIL_RECEIVED) <= 1
        assert self.cleared or not [name for name in self.told if name.startswith("email.")]


QUIET: dict[str, Any] = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow]}
TestOutboundSequences = Outbound.TestCase
TestOutboundSequences.settings = settings(max_examples=150, stateful_step_count=30, **QUIET)
TestInboundSequences = Inbound.TestCase
TestInboundSequences.settings = settings(max_examples=60, stateful_step_count=15, **QUIET)


# --- Planted bugs: the sequences must find each.


def always(state, *effects):
    return lambda mode, facts: Transition(State(state), frozenset(effects))


def rule_of(state, kind, planted):
    return lambda patch: patch.setitem(oversight.RULES, (State(state), Kind(kind)), planted)


def function(name, planted):
    return lambda patch: patch.setattr(oversight, name, planted)


HASTY = always("delivering", Effect.TRANSMIT)


def method(name, planted):
    """A bug of the shell, not of the table."""
    return lambda patch: patch.setattr(Outbound, name, planted)


def hand_off_blind_to(*facts_unseen, **facts_assumed):
    """The real last look, with some facts hidden from it or taken for granted."""
    real = oversight.RULES[State.QUEUED, Kind.HAND_OFF]
    return lambda mode, facts: real(mode, frozenset(facts - set(facts_unseen) | set(facts_assumed)))


def outbound(**differs):
    usual = dict.fromkeys("test four_eyes allowed denied scheduled schedule_first".split(), False)
    email = Outbound()
    email.compose(**{"mailbox": Mode.GATED_SEND, "wanted": None, **usual, **differs})
    return email


def inbound():
    email = Inbound()
    email.arrive(mode=Mode.GATED_ALL, spam=False, quarantined=False)
    return email


def play(email, *acts):
    for name, *arguments in acts:
        getattr(email, name)(*arguments)
        if isinstance(email, Inbound):
            email.exists_only_once_cleared()
            email.events_tell_nothing_before()


AT_ONCE = {"mailbox": Mode.AUTONOMOUS}
SCHEDULE_FIRST = {"scheduled": True, "schedule_first": True}
SEQUENCE_BUGS = {
    "the gate is open": (
        function("_must_wait", lambda mode, facts: False),
        lambda: play(outbound(), ("hand_off",)),
    ),
    "a request loosens": (
        function("stricter", lambda one, other: other or one),
        lambda: play(outbound(wanted=Mode.AUTONOMOUS), ("hand_off",)),
    ),
    "anyone decides anything": (
        function("_self_decided", lambda facts: None),
        lambda: play(outbound(), ("approve", AUTHOR, False, False)),
    ),
    "an old revision is approved": (
        function("_self_decided", lambda facts: None),
        lambda: play(outbound(), ("edit", AUTHOR, False), ("approve", ANN, True, False)),
    ),
    "four eyes are two": (
        function("_self_decided", lambda facts: None),
        lambda: play(outbound(four_eyes=True), ("edit", ANN, False), ("approve", ANN, False, False)),
    ),
    "no second look": (
        rule_of("queued", "hand_off", HASTY),
        lambda: play(outbound(**AT_ONCE), ("operator_sets_mode", Mode.READ_ONLY), ("hand_off",)),
    ),
    "pause is not seen": (
        rule_of("queued", "hand_off", hand_off_blind_to("paused")),
        lambda: play(outbound(**AT_ONCE), ("operator_changes_rules", False, False, True), ("hand_off",)),
    ),
    "a denied recipient is not seen": (
        rule_of("queued", "hand_off", hand_off_blind_to("recipient_denied")),
        lambda: play(outbound(**AT_ONCE), ("operator_changes_rules", False, True, False), ("hand_off",)),
    ),
    "test is not seen": (
        rule_of("queued", "hand_off", hand_off_blind_to("test")),
        lambda: play(outbound(**AT_ONCE, test=True), ("hand_off",)),
    ),
    "a dead key sends": (
        rule_of("queued", "hand_off", hand_off_blind_to(author_valid=True)),
        lambda: play(
            outbound(**AT_ONCE), ("hand_off",), ("revoke_key",), ("result", False, False), ("hand_off",)
        ),
    ),
    "the gate is not seen at hand-off": (
        rule_of("queued", "hand_off", hand_off_blind_to(approved=True)),
        lambda: play(outbound(**AT_ONCE), ("operator_sets_mode", Mode.GATED_SEND), ("hand_off",)),
    ),
    "only the mode of now counts": (
        method("effective", lambda self: oversight.stricter(self.mailbox, self.wanted)),
        lambda: play(
            outbound(**SCHEDULE_FIRST), ("operator_sets_mode", Mode.AUTONOMOUS), ("due",), ("hand_off",)
        ),
    ),
    "only the rules of now count": (
        method("still_allowed", lambda self: self.allowed),
        lambda: play(
            outbound(**SCHEDULE_FIRST),
            ("operator_changes_rules", True, False, False),
            ("due",),
            ("hand_off",),
        ),
    ),
    "a rejected email lives": (
        rule_of("rejected", "approve", always("queued", Effect.RECORD_APPROVAL)),
        lambda: play(outbound(), ("reject", ANN, False, True), ("approve", ANN, False, False)),
    ),
    "an edit keeps the approval": (
        rule_of("scheduled", "edit", always("scheduled")),
        lambda: play(outbound(), ("approve", ANN, False, True), ("edit", AUTHOR, True)),
    ),
    "held mail can be opened": (
        rule_of("held", "open", always("read")),
        lambda: play(inbound(), ("anything_else", Kind.OPEN)),
    ),
    "received is told while held": (
        rule_of("held", "open", lambda m, f: Transition(State.HELD, events=(EventType.EMAIL_RECEIVED,))),
        lambda: play(inbound(), ("anything_else", Kind.OPEN)),
    ),
    "a declined email returns": (
        rule_of("declined", "approve", always("unread")),
        lambda: play(inbound(), ("decide", ANN, True, False), ("decide", ANN, True, True)),
    ),
}


@pytest.mark.parametrize("bug", SEQUENCE_BUGS)
def test_a_planted_bug_breaks_the_invariants_of_its_sequence(monkeypatch, bug):
    plant, sequence = SEQUENCE_BUGS[bug]
    sequence()
    plant(monkeypatch)
    with pytest.raises(AssertionError):
        sequence()


@pytest.mark.parametrize(
    ("machine", "bug"),
    [
        (Outbound, "the gate is open"),
        (Outbound, "anyone decides anything"),
        (Outbound, "test is not seen"),
        (Outbound, "an edit keeps the approval"),
        (Inbound, "held mail can be opened"),
        (Inbound, "a declined email returns"),
    ],
)
def test_the_search_finds_a_planted_bug_by_itself(monkeypatch, machine, bug):
    SEQUENCE_BUGS[bug][0](monkeypatch)
    search = settings(
        max_examples=2000,
        stateful_step_count=30,
        derandomize=True,
        database=None,
        phases=[Phase.generate],
        report_multiple_bugs=False,
        **QUIET,
    )
    with pytest.raises(AssertionError):
        run_state_machine_as_test(machine, settings=search)


def test_an_approved_email_goes_all_the_way_and_its_story_ends():
    email = outbound()
    play(email, ("hand_off",), ("approve", ANN, False, False), ("hand_off",), ("result", True, True))
    sent = email.state
    assert sent is State.SENT
    play(email, ("anything_else", Kind.BOUNCE), ("approve", BOB, False, False), ("hand_off",))
    assert email.state is State.BOUNCED


def test_an_operator_who_edits_may_approve_outside_four_eyes_and_needs_another_within():
    for four_eyes, after_ann in ((False, State.QUEUED), (True, State.PENDING_APPROVAL)):
        email = outbound(four_eyes=four_eyes)
        play(email, ("edit", ANN, False), ("approve", ANN, False, False))
        assert email.state is after_ann
        play(email, ("approve", BOB, False, False), ("hand_off",))
        assert email.state is State.DELIVERING
