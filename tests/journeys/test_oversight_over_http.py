"""The real server, over HTTP and SMTP, against the pure table: the same random sequences must come to the same.

A model keeps each email's mode, state and approval, and asks `core.oversight.step()` what happens next; the
server is asked the same. After each step they must agree, and the invariants of contract §4 hold for what the
sink has. The sequences are seeded, so that a failure is the same again.
"""

import asyncio
import random
import time
from dataclasses import dataclass, field

import pytest

from multimail.core.oversight import (
    FINAL,
    PUBLIC_STATUS,
    Effect,
    Kind,
    Mode,
    Refusal,
    State,
    event,
    step,
    stricter,
)
from tests.journeys.journey import Product, letter, serving, set_mode, smtp_send, until
from tests.support.sink import Sink

MODES = [Mode.READ_ONLY, Mode.GATED_ALL, Mode.GATED_SEND, *[Mode.AUTONOMOUS] * 4]
STEPS = 120


@dataclass
class Modelled:
    """What the table says of one email. `floor` is the mode that held when it was accepted."""

    id: str
    floor: Mode
    state: State
    test: bool = False
    approved: bool = False
    author: str = ""
    inbound: bool = False


@dataclass
class Machine:
    product: Product
    sink: Sink
    chance: random.Random
    mode: Mode = Mode.GATED_SEND
    emails: list[Modelled] = field(default_factory=list)
    live: dict[str, str] = field(default_factory=dict)  # keys that may send: name → key id
    serial: int = 0
    gated: set[str] = field(default_factory=set)  # emails that were gated when they were accepted
    refused: int = 0
    held_again: int = 0  # unapproved mail that was in the queue, and was stopped there

    def effective(self, email):
        return self.mode if email.inbound else stricter(self.mode, email.floor)

    def number(self):
        self.serial += 1
        return self.serial

    def pick(self, *, inbound=None):
        found = [one for one in self.emails if inbound in (None, one.inbound)]
        return self.chance.choice(found) if found else None

    def follow(self, email, outcome):
        """Applies an outcome, and what the workers make of it until the email rests."""
        if Effect.RECORD_APPROVAL in outcome.effects:
            email.approved = True
        email.state = outcome.state
        if Effect.DELIVER in outcome.effects:
            self.hand_off(email)

    def hand_off(self, email):
        valid = email.author in {*self.live, "test"}
        facts = {"approved": email.approved, "author_valid": valid, "test": email.test}
        email.state = step(self.effective(email), email.state, event(Kind.HAND_OFF, **facts)).state
        self.held_again += email.state in (State.PENDING_APPROVAL, State.BLOCKED)
        if email.state is State.DELIVERING:
            final = email.test or not self.sink.replies
            result = event(Kind.RESULT, every_recipient_final=final, any_recipient_accepted=final)
            email.state = step(self.effective(email), email.state, result).state

    async def send(self):
        key = "test" if self.chance.random() < 0.15 else self.chance.choice([*self.live])
        wanted = self.chance.choice([*[None] * 9, *Mode])
        mode = stricter(self.mode, wanted)
        body = {"to": f"r{self.number()}@far.test", "subject": "x", "markdown": "x"}
        body |= {"oversight_mode": wanted} if wanted else {}
        answer = await self.product.call("POST", f"/v1/mailboxes/{self.product.mailbox}/send", body, key=key)
        outcome = step(mode, State.COMPOSED, event(Kind.ACCEPT))
        if isinstance(outcome, Refusal):
            self.check_refusal(answer, outcome)
            return
        assert answer.status == 202, answer.body
        assert answer.body["status"] == PUBLIC_STATUS[outcome.state]
        assert answer.body["effective_mode"] == mode and answer.body["test"] == (key == "test")
        email = Modelled(answer.body["id"], mode, outcome.state, key == "test", author=key)
        self.emails.append(email)
        if outcome.state is State.PENDING_APPROVAL:
            self.gated.add(email.id)
        self.follow(email, outcome)

    def check_refusal(self, answer, refusal):
        statuses = {"read_only": 403, "self_approval": 403}
        assert (answer.status, answer.body["code"]) == (statuses.get(refusal.code, 409), refusal.code)
        self.refused += 1

    async def decide(self):
        email = self.pick()
        if email is None:
            return
        action = self.chance.choice(["approve", "approve", "reject"])
        right = self.chance.random() < 0.8
        body = {"email_id": email.id, "action": action} | ({} if right else {"revision": "0" * 64})
        answer = await self.product.call("POST", "/v1/oversight/decide", body, key="oversight")
        kind = Kind.APPROVE if action == "approve" else Kind.REJECT
        outcome = step(self.effective(email), email.state, event(kind, revision_matches=right))
        if isinstance(outcome, Refusal):
            self.check_refusal(answer, outcome)
            return
        assert answer.status == 200, answer.body
        self.follow(email, outcome)

    async def cancel(self):
        email = self.pick(inbound=False)
        if email is None:
            return
        path = f"/v1/mailboxes/{self.product.mailbox}/emails/{email.id}/cancel"
        answer = await self.product.call("POST", path)
        outcome = step(self.effective(email), email.state, event(Kind.CANCEL))
        if isinstance(outcome, Refusal):
            self.check_refusal(answer, outcome)
            return
        assert answer.status == 200 and answer.body["status"] == "cancelled"
        self.follow(email, outcome)

    async def change_mode(self):
        self.mode = self.chance.choice(MODES)
        async with self.product.behind() as services:
            await set_mode(services, self.product.mailbox, self.mode)

    async def change_keys(self):
        """A key is made, or one is revoked, and then what it sent unapproved and has not left is held again."""
        if len(self.live) > 2:
            name = self.chance.choice([name for name in self.live if name != "agent"])
            await self.product.ok("DELETE", f"/v1/api-keys/{self.live.pop(name)}", key="admin")
            for email in self.emails:
                if (email.author, email.state, email.approved) == (name, State.QUEUED, False):
                    self.follow(email, step(self.effective(email), email.state, event(Kind.REVOKE_KEY)))
                    self.held_again += 1
            answer = await self.product.call("POST", "/v1/send", {"mailbox": "x"}, key=name)
            assert (answer.status, answer.body["code"]) == (401, "unauthenticated")
            return
        name = f"key{self.number()}"
        made = await self.product.ok("POST", "/v1/api-keys", {"scopes": ["read", "send"]}, key="admin")
        self.product.keys[name], self.live[name] = made["api_key"], made["id"]

    async def turn_the_relay(self):
        """It defers everything, or takes everything again."""
        if self.sink.replies:
            self.sink.replies.clear()
        else:
            self.sink.replies["MAIL"] = "451 4.3.2 Later"

    async def look_again(self):
        """The time that deferred mail waits for has passed."""
        self.product.query("UPDATE jobs SET run_at = 0")
        for email in self.emails:
            if email.state is State.QUEUED:
                self.hand_off(email)

    def next_step(self):
        """Where unapproved mail waits in the queue, what may stop it there comes more often."""
        often = [self.send] * 4 + [self.decide] * 2 + [self.cancel, self.receive, self.read] * 2
        rare = [self.change_mode, self.change_keys, self.look_again, self.turn_the_relay]
        at_risk = any(one.state is State.QUEUED and not one.approved for one in self.emails)
        return self.chance.choice(often + rare * (4 if at_risk else 2))

    async def receive(self):
        name = f"in-{self.number()}@far.test"
        raw = letter("In", Message_ID=f"<{name}>")
        reply = await smtp_send(self.product.smtp_port, "ann@far.test", [self.product.address], raw)
        assert reply.startswith("250")

        async def read():
            return self.product.query(f"SELECT email_id FROM emails WHERE message_id = '{name}'")

        [row] = await until(read, "the message is read")
        email = Modelled(row["email_id"], self.mode, State.ARRIVED, inbound=True)
        self.emails.append(email)
        self.follow(email, step(self.mode, State.ARRIVED, event(Kind.RECEIVE)))

    async def read(self):
        email = self.pick(inbound=True)
        if email is None:
            return
        path = f"/v1/mailboxes/{self.product.mailbox}/emails/{email.id}"
        answer = await self.product.call("GET", path)
        if email.state in (State.HELD, State.DECLINED):
            assert (answer.status, answer.body["code"]) == (404, "not_found")
            return
        outcome = step(self.effective(email), email.state, event(Kind.OPEN))
        assert answer.body["status"] == PUBLIC_STATUS[outcome.state]
        self.follow(email, outcome)

    async def agree(self, before):
        """The server has what the table says, and the invariants hold."""

        async def rests():
            soon = int((time.time() + 60) * 1e6)  # a deferral waits for two minutes
            return not self.product.query(
                f"SELECT 1 AS one FROM jobs WHERE run_at < {soon} OR lease_owner <> ''"
            )

        await until(rests, "everything rests")
        rows = {
            row["email_id"]: row
            for row in self.product.query("SELECT email_id, state, message_id FROM emails")
        }
        assert {key: row["state"] for key, row in rows.items()} == {one.id: one.state for one in self.emails}
        for one in self.emails:
            assert before.get(one.id) not in FINAL or one.state is before[one.id], (
                "something left a final state"
            )
        by_message = {row["message_id"]: key for key, row in rows.items()}
        left = [by_message[taken.message_id] for taken in self.sink.taken]
        assert len(left) == len(set(left)), "something was sent twice"
        model = {one.id: one for one in self.emails}
        for email_id in left:
            email = model[email_id]
            assert not email.test and email.state is State.SENT
            assert email.approved or email_id not in self.gated, "it left a gate that nobody opened"
            assert email.floor is not Mode.READ_ONLY
        visible = await self.product.ok("GET", f"/v1/mailboxes/{self.product.mailbox}/emails?limit=100")
        hidden = {one.id for one in self.emails if one.state in (State.HELD, State.DECLINED)}
        assert not hidden & {email["id"] for email in visible["emails"]}
        waits = {one.id for one in self.emails if one.state in (State.PENDING_APPROVAL, State.HELD)}
        for key, unseen in (("oversight", set()), ("agent", hidden)):
            found = await self.product.ok("GET", "/v1/oversight/pending?limit=100", key=key)
            assert {email["id"] for email in found["pending"]} == waits - unseen


@pytest.mark.parametrize("seed", [1, 2])
async def test_the_server_agrees_with_the_table(seed, database_url, tmp_path):
    async with Sink() as sink, serving(tmp_path / "data", deliver=sink.url, database=database_url) as product:
        machine = Machine(product, sink, random.Random(seed))
        machine.live["agent"] = ""
        async with asyncio.timeout(100):
            for _ in range(STEPS):
                before = {one.id: one.state for one in machine.emails}
                await machine.next_step()()
                await machine.agree(before)
        # The sequence went where the dangers are.
        states = {one.state for one in machine.emails}
        assert {State.SENT, State.PENDING_APPROVAL} <= states and len(sink.taken) >= 2
        assert machine.refused >= 5 and machine.held_again >= 1
