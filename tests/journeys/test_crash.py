"""SIGKILL at many instants, during sends, decisions, deliveries and SMTP intake; then what was promised is there.

Only our process dies: the machine and PostgreSQL live on, so this tests recovery, not the disk. Between the far
side's 250 and our commit lies the one window in which a crash must send again (RFC 5321 4.5.3.2, RFC 1047). The
first test keeps it closed, so that there each double delivery is a bug; the second one names it.
"""

import asyncio
import os
import random
import signal
from dataclasses import dataclass, field

import aiohttp
import pytest

from multimail.core.audit_chain import verify as verify_chain
from tests.journeys.journey import Product, letter, serving, smtp_send, until
from tests.support.sink import Sink

FAILURES = (
    aiohttp.ClientError,
    OSError,
    asyncio.IncompleteReadError,
)  # what a client sees of a server that dies


@pytest.fixture(params=["sqlite", "postgresql"])
def durable_url(request):
    """ "" for the default, SQLite in the data folder with synchronous=FULL; or PostgreSQL with fsync on."""
    return "" if request.param == "sqlite" else request.getfixturevalue("durable_postgres_url")


@dataclass
class Gate:
    """A sink that takes nothing while the gate is shut; what waited in front of it when we died never came."""

    life: int = 0
    is_open: asyncio.Event = field(default_factory=asyncio.Event)

    async def __call__(self, taken):
        born = self.life
        await self.is_open.wait()
        if born != self.life:
            raise ConnectionResetError("whoever sent this was killed")


@dataclass
class Traffic:
    """Everything that was asked of the server, again and again until it was answered, and what it answered."""

    product: Product
    chance: random.Random
    sent: dict[str, str] = field(default_factory=dict)  # recipient → email id, of each 202
    decided: dict[str, str] = field(default_factory=dict)  # email id → the decision that we asked for
    received: set[str] = field(default_factory=set)  # Message-IDs, of each 250
    asked: int = 0
    answered: int = 0

    async def keep_on(self, act):
        while True:
            await act()
            await asyncio.sleep(self.chance.random() * 0.01)

    async def insist(self, ask):
        """Asks until there is an answer, over as many lives of the server as it takes."""
        while True:
            try:
                answer = await ask()
            except FAILURES:
                await asyncio.sleep(0.02)
            else:
                self.answered += 1
                return answer

    async def answers(self, more):
        """Until so many more were heard: a life is measured in what happens in it, however slow the machine."""
        enough = self.answered + more

        async def heard():
            return self.answered >= enough

        await until(heard, "the server answers")

    async def send(self):
        self.asked += 1
        number = self.asked
        size = 200_000 if self.chance.random() < 0.1 else 100  # a large one is a file, or two, of its own
        body = {"to": f"s{number}@far.test", "subject": f"S{number}", "markdown": "x" * size}
        body["idempotency_key"] = f"key-{number}"
        path = f"/v1/mailboxes/{self.product.mailbox}/send"
        answer = await self.insist(lambda: self.product.call("POST", path, body))
        assert answer.status in (202, 200), answer.body
        self.sent[body["to"]] = answer.body["id"]

    async def decide(self):
        waiting = [email_id for email_id in self.sent.values() if email_id not in self.decided]
        if waiting:
            email_id = self.chance.choice(waiting)
            action = self.decided[email_id] = "reject" if self.chance.random() < 0.2 else "approve"
            body = {"email_id": email_id, "action": action}
            answer = await self.insist(
                lambda: self.product.call("POST", "/v1/oversight/decide", body, key="oversight")
            )
            # 409: it was decided, and the answer was lost with the server.
            assert answer.status == 200 or answer.body["code"] == "conflict", answer.body

    async def receive(self):
        self.asked += 1
        name = f"in-{self.asked}@far.test"
        raw = letter("In", "x" * self.chance.choice([50, 90_000]), Message_ID=f"<{name}>")
        reply = await self.insist(
            lambda: smtp_send(self.product.smtp_port, "ann@far.test", [self.product.address], raw)
        )
        assert reply.startswith("250"), reply
        self.received.add(name)


async def settled(product, sink):
    """Every message that the sink took is committed as sent: nothing is in the window."""
    rows = product.query("SELECT message_id FROM emails WHERE state = 'sent'")
    return set(sink.counts()) <= {row["message_id"] for row in rows}


async def die_at_the_start(product, chance):
    starting = asyncio.create_task(product.start())
    await asyncio.sleep(0.1 + chance.random() * 0.6)
    if product.server.process is not None:
        product.server.process.kill()
    await asyncio.gather(starting, return_exceptions=True)
    await product.kill()


@pytest.mark.timeout(600)  # it starts the product some twenty times
async def test_nothing_that_was_acknowledged_is_lost_and_nothing_is_done_twice(durable_url, tmp_path):
    chance = random.Random(20260731)
    gate = Gate()
    async with Sink(at_dot=gate) as sink:
        async with serving(tmp_path / "data", deliver=sink.url, database=durable_url) as product:
            traffic = Traffic(product, chance)
            acts = [traffic.send, traffic.send, traffic.decide, traffic.decide, traffic.receive]
            drivers = [asyncio.create_task(traffic.keep_on(act)) for act in acts]
            for _ in range(14):
                gate.is_open.set()
                await traffic.answers(chance.randrange(16))
                await asyncio.sleep(chance.random() * 0.1)
                gate.is_open.clear()
                await until(lambda: settled(product, sink), "the window is closed")
                await asyncio.sleep(chance.random() * 0.1)
                await product.kill()
                gate.life += 1
                for driver in drivers:
                    assert not driver.done() or driver.result()
                if chance.random() < 0.2:
                    await die_at_the_start(product, chance)
                    gate.life += 1
                product.end_leases()
                await product.start()
            gate.is_open.set()
            await finish(traffic, drivers)
            await check(product, sink, traffic)


async def finish(traffic, drivers):
    """Lets what was asked be answered, and what was not decided be approved."""
    for driver in drivers:
        driver.cancel()
    await asyncio.gather(*drivers, return_exceptions=True)
    for email_id in set(traffic.sent.values()) - set(traffic.decided):
        traffic.decided[email_id] = "approve"
    for email_id, action in traffic.decided.items():  # a cancelled driver's may not have been asked
        body = {"email_id": email_id, "action": action}
        await traffic.product.call("POST", "/v1/oversight/decide", body, key="oversight")

    async def idle():
        return not traffic.product.query("SELECT 1 AS one FROM jobs LIMIT 1")

    await until(idle, "every job is done")


def plenty(traffic, sink):
    return len(traffic.sent) > 25 and len(traffic.received) > 10 and len(sink.taken) > 12


async def check(product, sink, traffic):
    assert plenty(traffic, sink), "too little happened"
    emails = {row["email_id"]: row for row in product.query("SELECT * FROM emails")}
    outbound = {key: row for key, row in emails.items() if row["direction"] == "outbound"}
    # Each 202 is there, and however often it was asked, each is there once.
    assert set(traffic.sent.values()) <= set(outbound)
    assert len(outbound) == len({row["subject"] for row in outbound.values()})
    unheard = set(outbound) - set(traffic.sent.values())  # accepted, but the answer was never heard
    assert {outbound[email_id]["state"] for email_id in unheard} <= {"pending_approval"}
    ends = {"approve": "sent", "reject": "rejected"}
    assert {key: outbound[key]["state"] for key in traffic.decided} == {
        key: ends[action] for key, action in traffic.decided.items()
    }
    # What the world has: each approved one, once, and nothing else.
    approved = {outbound[key]["message_id"] for key, action in traffic.decided.items() if action == "approve"}
    assert sink.counts() == dict.fromkeys(approved, 1)
    for email_id in list(outbound)[:20]:
        whole = await product.ok("GET", f"/v1/mailboxes/{product.mailbox}/emails/{email_id}")
        assert set(whole["markdown"]) == {"x"}
    # Each 250 is in the mailbox, and however often it was sent, it is there once.
    inbound = [row["message_id"] for row in emails.values() if row["direction"] == "inbound"]
    assert len(inbound) == len(set(inbound)) and traffic.received <= set(inbound)
    assert product.query("SELECT 1 AS one FROM intake") == []
    assert {row["state"] for row in emails.values()} <= {
        "sent",
        "rejected",
        "unread",
        "read",
        "pending_approval",
    }

    async def sealed():
        return not product.query("SELECT 1 AS one FROM audit WHERE seq IS NULL LIMIT 1")

    await until(sealed, "the log is sealed")
    entries = await product.audit_entries()
    assert verify_chain(entries).broken is None
    told = [(entry["action"], entry["resource_id"]) for entry in entries]
    assert len([one for one in told if one[0] == "send_email"]) == len(outbound)
    for email_id, action in traffic.decided.items():
        delivered = told.count(("deliver_email", email_id))
        assert (told.count(("decide_email", email_id)), delivered) == (1, int(action == "approve"))
    if not product.flags.get("database"):
        assert product.query("PRAGMA integrity_check") == [{"integrity_check": "ok"}]


@pytest.mark.parametrize("answered", [True, False])
async def test_the_one_window(durable_url, tmp_path, answered):
    """Killed when the whole message is over. If the far side took it (it says 250, we never hear it), it comes
    again, the same in all that identifies it; if it did not, it comes once."""
    lives = []

    async def kill_once(taken):
        lives.append(taken)
        if len(lives) == 1:
            os.kill(product.pid, signal.SIGKILL)
            if not answered:
                raise ConnectionResetError

    async with Sink(at_dot=kill_once) as sink:
        async with serving(tmp_path / "data", deliver=sink.url, database=durable_url) as product:
            sent = await product.send()
            await product.decide(sent["id"])

            async def dead():
                return product.server.process.poll() is not None

            await until(dead, "the kill")
            await product.kill()
            assert product.query("SELECT state FROM emails") == [{"state": "delivering"}]
            product.end_leases()
            await product.start()
            gone = await product.becomes(sent["id"], "sent")
            assert [one["status"] for one in gone["recipients"]] == ["delivered"]
            assert len(sink.taken) == (2 if answered else 1)
            first, again = (one.message for one in lives)
            for name in ("Message-ID", "Date", "From", "To", "Subject"):
                assert first[name] == again[name]
            assert first.get_payload()[0].get_payload() == again.get_payload()[0].get_payload()
