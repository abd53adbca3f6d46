"""What a stranger who got mail can learn of its sender: what the mail itself says, and nothing of anyone else."""

import base64
import email
import hashlib
import json
from urllib.parse import quote

import pytest

from multimail.operations.identity import WINDOW, standing
from tests.support.mailroom import FarSide, decide, hand_over, leaving, send, set_mode


async def ask(world, path):
    return await world.http("GET", f"/.well-known/{path}", key=None)


async def sent_once(world, **more):
    """One email leaves; the far side's bytes of it."""
    far = FarSide()
    message = await send(world, **more)
    await decide(world, message["id"])
    await hand_over(leaving(world), far)
    return far.taken


async def test_the_identity_is_what_the_header_says(world):
    (_, _, raw), *_ = await sent_once(world)
    header = email.message_from_bytes(raw)["X-MultiMail-Identity"]
    claims = json.loads(base64.urlsafe_b64decode("".join(header.split()).partition(".")[0] + "=="))
    answer = await ask(world, f"agent/{quote(world.mailbox['address'])}")
    assert answer.status == 200
    shown = answer.json()
    standing = (
        "address",
        "ai_generated",
        "capabilities",
        "operator",
        "verified_operator",
        "oversight_mode",
        "service",
    )
    assert {name: shown[name] for name in standing} == {name: claims[name] for name in standing}
    assert set(shown) - set(standing) == {"reputation_sha256", "signing_key"}
    assert shown["signing_key"].endswith("/.well-known/multimail-signing-key")


async def test_the_reputation_is_found_by_the_header(world):
    (_, _, raw), *_ = await sent_once(world)
    sha256 = email.message_from_bytes(raw)["X-MultiMail-Reputation"]
    shown = (await ask(world, f"reputation/{sha256}")).json()
    assert shown == {
        "sha256": sha256,
        "service": "multimail.test",
        "since": "2026-09",
        "volume": "under 100",
        "bounces": "too few to tell",
    }
    assert (await ask(world, f"reputation/{sha256.upper()}")).json() == shown


@pytest.mark.parametrize(
    ("emails", "bounced", "volume", "bounces"),
    [
        (0, 0, "under 100", "too few to tell"),
        (99, 99, "under 100", "too few to tell"),
        (100, 5, "100 to 1,000", "low"),
        (100, 6, "100 to 1,000", "high"),
        (1_000, 0, "1,000 to 10,000", "low"),
        (9_999, 0, "1,000 to 10,000", "low"),
        (10_000, 501, "over 10,000", "high"),
    ],
)
def test_counts_are_coarse(emails, bounced, volume, bounces):
    assert standing(emails, bounced) == (volume, bounces)


async def test_what_is_counted(world):
    """Live mail of the last thirty days, and what of it bounced."""
    await sent_once(world)
    await sent_once(world, key="test")
    await sent_once(world, to="bounce@simulator.multimail.test")
    name = {"account_id": world.account_id, "mailbox_id": world.mailbox["mailbox_id"]}

    async def counted(limit=100):
        sent = await world.run(
            lambda ctx: ctx.sql.count_live_sent(**name, after=ctx.now - WINDOW, limit=limit)
        )
        return sent["emails"], sent["bounced"]

    assert await counted() == (2, 1)
    assert await counted(limit=1) == (1, 1)  # the newest first
    world.clock.pass_(WINDOW)
    assert await counted() == (0, 0)


def hashed(text):
    return hashlib.sha256(text.encode()).hexdigest()


async def test_what_no_mail_has_told_is_like_nothing(world):
    """One that never wrote, one that only waits, a test mailbox, a deleted one, no address at all."""
    silent = await world.add_mailbox("silent")
    waiting = await world.add_mailbox("waiting")
    await send(world, mailbox_id=waiting["mailbox_id"])
    trying = await world.add_mailbox("trying", test=True)
    await sent_once(world, key="test", mailbox_id=trying["mailbox_id"])
    tested = await world.add_mailbox("tested")
    await sent_once(world, key="test", mailbox_id=tested["mailbox_id"])
    gone = await world.add_mailbox("gone")
    await sent_once(world, mailbox_id=gone["mailbox_id"])
    assert (await ask(world, f"agent/{gone['address']}")).status == 200
    await world.run(
        lambda ctx: ctx.sql.delete_mailbox(
            account_id=world.account_id, mailbox_id=gone["mailbox_id"], now=ctx.now
        )
    )
    found = set()
    for address in (
        *(box["address"] for box in (silent, waiting, trying, tested, gone)),
        "nobody@acme.multimail.test",
        "no address",
    ):
        for path in (f"agent/{quote(address)}", f"reputation/{hashed(address)}"):
            answer = await ask(world, path)
            found.add((answer.status, answer.json()["error"], answer.json()["code"]))
    assert found == {(404, "There is no such agent here.", "not_found")}


async def test_it_follows_the_mode(world):
    await sent_once(world)
    await set_mode(world, "autonomous")
    shown = (await ask(world, f"agent/{world.mailbox['address'].upper()}")).json()
    assert shown["oversight_mode"] == "autonomous" and shown["capabilities"] == ["read", "send"]
    assert shown["address"] == world.mailbox["address"]
