"""Delivering: the last look, each recipient's result, retries by the clock, and what leaves in bytes."""

import email
import email.policy
import json
from dataclasses import replace
from typing import Any

import dkim
import pytest

from multimail.core.times import DAY, HOUR, MINUTE, SECOND
from multimail.mail.deliver import Result
from multimail.mail.dkim import dns_record
from multimail.mail.identity import thumbprint, verify
from multimail.operations.account import LIST_SANDBOX
from multimail.operations.api_keys import REVOKE_API_KEY
from multimail.operations.delivery import hand_off
from multimail.operations.emails import GET_MESSAGE, READ_EMAIL
from multimail.operations.inbox import CHECK_INBOX
from multimail.operations.jobs import Lease
from multimail.operations.suppression import CHECK_SUPPRESSION
from multimail.workers import deliver
from multimail.workers.runner import Job
from tests.support import mailroom
from tests.support.mailroom import DKIM_KEY, IDENTITY_KEY, FarSide, keyring
from tests.support.world import START, World, add_account

BOB, CAROL = "bob@example.test", "carol@example.test"


@pytest.fixture
def out(world: World) -> World:
    """The world with real delivery and a mailbox that needs no approval."""
    return mailroom.leaving(world)


async def queued(world: World, **more: Any) -> str:
    await mailroom.set_mode(world, "autonomous")
    return str((await mailroom.send(world, **more))["id"])


async def state(world: World, email_id: str) -> str:
    return str((await mailroom.row(world, email_id))["state"])


async def recipients(world: World, email_id: str) -> dict[str, str]:
    shown = await world.invoke(GET_MESSAGE, email_id=email_id)
    return {one["address"]: one["status"] for one in shown["recipients"]}


async def test_what_was_approved_is_what_leaves(out: World) -> None:
    """Byte for byte below the headers that the contract names."""
    given = {"cc": CAROL, "bcc": "eve@example.test", "subject": "Ünïcode", "markdown": "Grüße **alle**."}
    email_id = (await mailroom.send(out, **given, attachments=[{"name": "a", "content_base64": "YQ=="}]))[
        "id"
    ]
    await mailroom.decide(out, email_id)
    stored = await mailroom.execute(
        out,
        "SELECT content FROM blobs WHERE sha256 = (SELECT raw_sha256 FROM contents WHERE email_id = :email_id)",
        email_id=email_id,
    )
    approved = bytes(stored[0]["content"])
    far = FarSide()
    await mailroom.hand_over(out, far)
    assert {to for _, to, _ in far.taken} == {(BOB,), (CAROL,), ("eve@example.test",)}
    assert len({sender for sender, _, _ in far.taken}) == 3  # each has its own return path
    ((sent,),) = {(sent,) for _, _, sent in far.taken}
    assert sent.endswith(approved)
    added = email.message_from_bytes(sent[: -len(approved)])
    assert {name.lower() for name in added} <= {
        "date",
        "dkim-signature",
        "x-multimail-identity",
        "x-multimail-reputation",
    }
    assert b"eve@" not in sent
    message = email.message_from_bytes(sent, policy=email.policy.default)
    assert message["Message-ID"] == f"<{email_id}@multimail.test>"
    assert message["Date"].datetime.year == 2026


async def test_dkim_and_identity_verify_on_the_bytes_that_left(out: World) -> None:
    far = FarSide()
    email_id = (await mailroom.send(out, subject="Prüfung", cc=f"Carol <{CAROL}>"))["id"]
    await mailroom.decide(out, email_id)
    await mailroom.hand_over(out, far)
    sent = far.taken[0][2]
    record = dns_record(DKIM_KEY).encode()
    assert dkim.verify(sent, dnsfunc=lambda name, timeout=5: record)
    keys = {thumbprint(IDENTITY_KEY.public_key()): IDENTITY_KEY.public_key()}
    verdict = verify(sent, keys, at=out.clock.now // SECOND)
    assert verdict.ok, verdict.reason
    claims = verdict.claims or {}
    assert claims["address"] == out.mailbox["address"]
    assert claims["approval"] == f"key:{out.key_ids['oversight']}"
    assert (claims["ai_generated"], claims["oversight_mode"]) == (True, "gated_send")
    changed = sent.replace(b"Five", b"Nine")
    assert changed != sent
    assert not verify(changed, keys, at=out.clock.now // SECOND).ok
    assert not dkim.verify(changed, dnsfunc=lambda name, timeout=5: record)


async def test_sent_once_every_recipient_is_final_and_one_accepted(out: World) -> None:
    far = FarSide({CAROL: ["deferred", "deferred", "failed"]})
    email_id = await queued(out, to=[BOB, CAROL])
    await mailroom.hand_over(out, far)
    assert await recipients(out, email_id) == {BOB: "delivered", CAROL: "deferred"}
    assert (await out.invoke(GET_MESSAGE, email_id=email_id))["status"] == "queued"
    assert await mailroom.hand_over(out, far) == []  # not before its time
    for _ in range(2):
        out.clock.pass_(HOUR)
        assert await mailroom.hand_over(out, far) == [email_id]
    assert [to for _, to, _ in far.taken] == [(BOB,), (CAROL,), (CAROL,), (CAROL,)]  # nobody gets it twice
    seen = await out.invoke(GET_MESSAGE, email_id=email_id)
    assert (seen["status"], await recipients(out, email_id)) == ("sent", {BOB: "delivered", CAROL: "failed"})
    assert seen["delivered_at"] and CAROL in seen["last_error"]
    assert {one["code"] for one in seen["recipients"]} == {250, 550}
    told = [one["type"] for one in await mailroom.events(out, 2)]
    assert told == ["email.sent", "email.delivered"]
    assert await mailroom.jobs(out, "deliver") == 0


async def test_refused_by_all_has_failed(out: World) -> None:
    email_id = await queued(out, to=[BOB, CAROL])
    await mailroom.hand_over(out, FarSide({BOB: ["failed"], CAROL: ["failed"]}))
    seen = await out.invoke(GET_MESSAGE, email_id=email_id)
    assert (seen["status"], seen["delivered_at"], seen["sent_at"]) == ("failed", None, None)
    (event,) = await mailroom.events(out, 1)
    assert (event["type"], event["data"]["status"]) == ("email.failed", "failed")
    assert await mailroom.jobs(out, "deliver") == 0


async def test_a_dead_relay_is_tried_for_days_and_then_it_has_failed(out: World) -> None:
    far = FarSide({BOB: ["deferred"]})
    email_id = await queued(out)
    started = last = out.clock.now
    for attempt in range(100):
        if await mailroom.hand_over(out, far):
            last = out.clock.now
        if await state(out, email_id) == "failed":
            break
        out.clock.pass_(MINUTE if attempt < 10 else 2 * HOUR + 30 * MINUTE)
    assert await state(out, email_id) == "failed"
    assert 4 * DAY <= last - started <= 6 * DAY
    assert 20 < len(far.taken) < 40
    assert await recipients(out, email_id) == {BOB: "failed"}
    assert [one["type"] for one in await mailroom.events(out, 1)] == ["email.failed"]
    assert await mailroom.jobs(out, "deliver") == 0
    assert len({raw[raw.index(b"\r\nMessage-ID: ") :] for _, _, raw in far.taken}) == 1


async def test_a_paused_account_sends_later(out: World) -> None:
    email_id = await queued(out)
    far = FarSide()
    await mailroom.execute(out, "UPDATE accounts SET paused_at = 1")
    await mailroom.hand_over(out, far)
    assert (await state(out, email_id), far.taken) == ("queued", [])
    assert await mailroom.jobs(out, "deliver") == 1
    await mailroom.execute(out, "UPDATE accounts SET paused_at = NULL")
    out.clock.pass_(MINUTE)
    await mailroom.hand_over(out, far)
    assert (await state(out, email_id), len(far.taken)) == ("sent", 1)


@pytest.mark.parametrize(
    ("tightened", "approved", "expected"),
    [
        ("gated_send", False, "pending_approval"),
        ("gated_all", False, "pending_approval"),
        ("read_only", False, "blocked"),
        ("gated_all", True, "sent"),
        ("read_only", True, "blocked"),
    ],
)
async def test_a_mode_tightened_on_the_way_wins(
    out: World, tightened: str, approved: bool, expected: str
) -> None:
    if approved:
        email_id = (await mailroom.send(out))["id"]
        await mailroom.decide(out, email_id)
    else:
        email_id = await queued(out)
    await mailroom.set_mode(out, tightened)
    far = FarSide()
    await mailroom.hand_over(out, far)
    assert await state(out, email_id) == expected
    assert len(far.taken) == (expected == "sent")
    assert await mailroom.jobs(out, "deliver") == 0
    if expected == "pending_approval":
        await mailroom.decide(out, email_id)
        await mailroom.hand_over(out, far)
        assert (await state(out, email_id), len(far.taken)) == ("sent", 1)


async def test_mail_of_a_key_that_is_no_more_waits_for_a_human(out: World) -> None:
    """Even where the revocation did not see it: both transactions ran at once."""
    email_id = await queued(out)
    sql = "UPDATE api_keys SET revoked_at = 1 WHERE key_id = :key_id"
    await mailroom.execute(out, sql, key_id=out.key_ids["agent"])
    far = FarSide()
    await mailroom.hand_over(out, far)
    assert (await state(out, email_id), far.taken) == ("pending_approval", [])


async def test_revoked_between_queue_and_hand_off(out: World) -> None:
    email_id = await queued(out)
    await out.invoke(REVOKE_API_KEY, "admin", key_id=out.key_ids["agent"])
    far = FarSide()
    assert await mailroom.hand_over(out, far) == []
    assert (await state(out, email_id), far.taken) == ("pending_approval", [])


async def test_a_deleted_mailbox_sends_nothing(out: World) -> None:
    email_id = await queued(out)
    await mailroom.execute(out, "UPDATE mailboxes SET deleted_at = 1")
    far = FarSide()
    await mailroom.hand_over(out, far)
    assert (await state(out, email_id), far.taken) == ("blocked", [])


async def test_test_mail_stays_on_the_machine(out: World) -> None:
    """It reaches test mailboxes of its own account; the rest of its recipients see nothing of it."""
    inside = await out.add_mailbox("practice", test=True)
    live = await out.add_mailbox("live")
    other = await add_account(World(out.services, out.clock), "other")
    theirs = await other.add_mailbox("practice", test=True)
    await mailroom.set_mode(out, "autonomous")
    to = [inside["address"], live["address"], theirs["address"], BOB]
    email_id = (await mailroom.send(out, "test", to=to))["id"]
    far = FarSide()
    await mailroom.hand_over(out, far)
    await mailroom.understand(out)
    assert (far.taken, await state(out, email_id)) == ([], "sent")
    (kept,) = (await out.invoke(CHECK_INBOX, mailbox_id=inside["mailbox_id"]))["emails"]
    assert kept["test"] is True
    assert (await out.invoke(CHECK_INBOX, mailbox_id=live["mailbox_id"]))["emails"] == []
    assert (await other.invoke(CHECK_INBOX, mailbox_id=theirs["mailbox_id"]))["emails"] == []
    (captured,) = (await out.invoke(LIST_SANDBOX))["sandbox"]
    assert set(captured["recipients"]) == {live["address"], theirs["address"], BOB}
    assert captured["test"] is True
    assert {one["test"] for one in await mailroom.events(out, 3)} == {True}


@pytest.mark.parametrize("delivery", ["sandbox", "mx"])
async def test_mailboxes_hosted_here_get_theirs_through_the_inbound_path(world: World, delivery: str) -> None:
    there = world if delivery == "sandbox" else mailroom.leaving(world)
    box = await there.add_mailbox("sales")
    other = await add_account(World(there.services, there.clock), "other")
    to = [box["address"].upper(), other.mailbox["address"], BOB]
    email_id = await queued(there, to=to, subject="To all of you")
    far = FarSide()
    await mailroom.hand_over(there, far)
    assert len(await mailroom.understand(there)) == 2
    assert [one[1] for one in far.taken] == ([] if delivery == "sandbox" else [(BOB,)])
    assert len((await there.invoke(LIST_SANDBOX))["sandbox"]) == (delivery == "sandbox")
    assert set((await recipients(there, email_id)).values()) == {"delivered"}
    for owner, mailbox in ((there, box), (other, other.mailbox)):
        (got,) = (await owner.invoke(CHECK_INBOX, mailbox_id=mailbox["mailbox_id"]))["emails"]
        whole = await owner.invoke(READ_EMAIL, email_id=got["id"])
        assert (whole["from"], whole["subject"]) == (there.mailbox["address"], "To all of you")
        assert "DKIM-Signature" in dict(whole["headers"])


async def test_a_lost_lease_writes_nothing(out: World) -> None:
    """The worker was slow, another took the job over: what the slow one has to say comes too late."""
    email_id = await queued(out)
    far = FarSide()
    slow = Lease(out.account_id, "deliver", email_id, "slow")

    class Slow(FarSide):
        async def deliver(self, sender: str, to: tuple[str, ...], raw: bytes) -> Any:
            sql = "UPDATE jobs SET lease_owner = 'other', lease_until = :until"
            await mailroom.execute(out, sql, until=out.clock.now + HOUR)
            return await super().deliver(sender, to, raw)

    await mailroom.execute(
        out, "UPDATE jobs SET lease_owner = 'slow', lease_until = :until", until=out.clock.now
    )
    await deliver.handler(out.services, await keyring(out), Slow())(Job(slow, 0))
    assert await state(out, email_id) == "delivering"
    assert await recipients(out, email_id) == {BOB: "pending"}
    assert await out.services.db.write(lambda tx: hand_off(out.services, tx, slow)) is None
    await deliver.handler(out.services, await keyring(out), far)(Job(replace(slow, owner="other"), 0))
    assert (await state(out, email_id), len(far.taken)) == ("sent", 1)


async def test_the_audit_log_tells_each_attempt(out: World) -> None:
    email_id = await queued(out, to=[BOB, CAROL])
    await mailroom.hand_over(out, FarSide({CAROL: ["failed"]}))
    rows = await mailroom.execute(out, "SELECT * FROM audit WHERE action = 'deliver_email'")
    (entry,) = rows
    facts = json.loads(entry["metadata_json"])
    assert (entry["resource_id"], entry["actor_kind"], facts["status"]) == (email_id, "system", "sent")
    assert facts["recipients"] == {BOB: "delivered", CAROL: "failed"}
    assert entry["at"] > START


@pytest.mark.parametrize(
    ("enhanced", "listed"),
    [
        ("5.1.1", True),
        ("5.1.2", True),
        ("5.1.3", True),
        ("5.1.10", True),
        ("5.7.1", False),
        ("5.2.2", False),
        (None, False),
    ],
)
async def test_a_server_that_knows_no_such_mailbox_puts_it_on_the_suppression_list(
    world: World, enhanced: str | None, listed: bool
) -> None:
    """As a hard bounce does; what is refused for what it says, or where it comes from, is not about the address."""

    class Refuses(mailroom.FarSide):
        def _answer(self, address: str) -> Result:
            return Result("failed", 550, enhanced, "no", "mx.test")

    await mailroom.set_mode(world, "autonomous")
    sent = await mailroom.send(world)
    await mailroom.hand_over(mailroom.leaving(world), Refuses())
    assert (await mailroom.row(world, sent["id"]))["state"] == "failed"
    found = (await world.invoke(CHECK_SUPPRESSION))["suppressions"]
    assert [(one["address"], one["reason"], one["email_id"]) for one in found] == (
        [("bob@example.test", "hard_bounce", sent["id"])] if listed else []
    )
