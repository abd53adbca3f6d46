"""Bounces and complaints that come in: what counts, what it changes, and what a forged one does not."""

from typing import Any

import pytest

from multimail.core.errors import Refused
from multimail.core.times import HOUR, MINUTE
from multimail.operations.emails import READ_EMAIL
from multimail.operations.inbox import CHECK_INBOX
from multimail.operations.intake import Arrival, accept
from multimail.operations.suppression import CHECK_SUPPRESSION
from tests.support import mailroom
from tests.support.world import World, add_account

BOB, CAROL = "bob@example.test", "carol@example.test"
DSN = """\
From: MAILER-DAEMON@mx.example.test
To: {to}
Subject: Undelivered Mail Returned to Sender
Message-ID: <dsn@mx.example.test>
Auto-Submitted: auto-replied
MIME-Version: 1.0
Content-Type: multipart/report; report-type={report}; boundary="b"

--b
Content-Type: text/plain

I am sorry.
--b
Content-Type: message/{report}

{fields}
--b
Content-Type: text/rfc822-headers

Return-Path: <{path}>
From: support@acme.multimail.test
To: bob@example.test
Subject: An offer

--b--
"""
FAILED = """\
Reporting-MTA: dns; mx.example.test

Final-Recipient: rfc822; {recipient}
Action: {action}
Status: {status}
Diagnostic-Code: smtp; 550 {status} No such user here
"""
COMPLAINT = """\
Feedback-Type: abuse
User-Agent: test/1
Version: 1
Original-Mail-From: <{path}>
Original-Rcpt-To: <bob@example.test>
"""


def bounce(
    to: str, *, path: str = "", recipient: str = BOB, status: str = "5.1.1", action: str = "failed"
) -> bytes:
    fields = FAILED.format(recipient=recipient, action=action, status=status)
    return (
        DSN.format(to=to, report="delivery-status", fields=fields, path=path).replace("\n", "\r\n").encode()
    )


def complaint(to: str, path: str) -> bytes:
    fields = COMPLAINT.format(path=path)
    return (
        DSN.format(to=to, report="feedback-report", fields=fields, path=path).replace("\n", "\r\n").encode()
    )


async def sent(world: World, to: str = BOB) -> tuple[World, str, dict[str, str]]:
    """An email that has left: the world whose mail leaves, its id, each recipient's return path."""
    out = mailroom.leaving(world)
    far = mailroom.FarSide()
    email = await mailroom.send(out, to=to)
    await mailroom.decide(out, email["id"])
    await mailroom.hand_over(out, far)
    return out, email["id"], {taken[0]: sender for sender, taken, _ in far.taken}


async def comes(world: World, to: str, raw: bytes, sender: str = "") -> bool:
    taken = await accept(world.services, Arrival(sender, "mx.example.test", "192.0.2.1"), [to], raw)
    await mailroom.understand(world)
    return taken


async def look(world: World, email_id: str) -> dict[str, Any]:
    return dict(await world.invoke(READ_EMAIL, email_id=email_id))


async def told(world: World, kind: str) -> list[dict[str, Any]]:
    await mailroom.arrive(
        world, message_id="<last@x.test>"
    )  # events are told in order: what was before it is there
    found = await mailroom.events(world)
    while not any(one["type"] == "email.received" for one in found):
        found = await mailroom.events(world, len(found) + 1)
    return [one for one in found if one["type"] == kind]


async def inbox(world: World) -> list[dict[str, Any]]:
    given = {"mailbox_id": world.mailbox["mailbox_id"], "direction": "inbound"}
    return list((await world.invoke(CHECK_INBOX, **given))["emails"])


async def test_every_copy_has_a_return_path_of_its_own(world: World) -> None:
    _, _, paths = await sent(world, f"{BOB}, {CAROL}")
    assert set(paths) == {BOB, CAROL} and len(set(paths.values())) == 2
    assert all(
        path.startswith("bounce+") and path.endswith("@acme.multimail.test") for path in paths.values()
    )


@pytest.mark.parametrize(
    ("status", "bounce_type"), [("5.1.1", "hard"), ("5.2.2", "soft"), ("4.4.7", "soft"), ("5.7.1", "soft")]
)
async def test_a_bounce_to_the_signed_return_path_bounces_the_email(
    world: World, status: str, bounce_type: str
) -> None:
    out, email_id, paths = await sent(world)
    assert await comes(out, paths[BOB].upper(), bounce(paths[BOB], status=status))
    email = await look(out, email_id)
    assert (email["status"], email["bounce_type"]) == ("bounced", bounce_type) and email["bounced_at"]
    (recipient,) = email["recipients"]
    assert recipient["status"] == "bounced" and "No such user" in recipient["message"]
    assert await inbox(out) == []
    (event,) = await told(out, "email.bounced")
    assert event["id"] == email_id
    assert (event["data"]["recipient"], event["data"]["bounce_type"]) == (BOB, bounce_type)


async def test_said_twice_it_counts_once_and_each_recipient_counts(world: World) -> None:
    out, email_id, paths = await sent(world, f"{BOB}, {CAROL}")
    for raw in (bounce("x", status="5.1.1"), bounce("x", status="5.1.1") + b"\r\n"):
        await comes(out, paths[BOB], raw)
    await comes(out, paths[CAROL], bounce("x", recipient="elsewhere@forwarded.test", status="4.2.2"))
    email = await look(out, email_id)
    assert email["bounce_type"] == "hard"
    assert [one["status"] for one in email["recipients"]] == ["bounced", "bounced"]
    events = await told(out, "email.bounced")
    assert [one["data"]["recipient"] for one in events] == [BOB, CAROL]


async def test_a_delay_is_only_a_notice(world: World) -> None:
    out, email_id, paths = await sent(world)
    await comes(out, paths[BOB], bounce("x", action="delayed", status="4.4.1"))
    assert (await look(out, email_id))["status"] == "sent"


async def test_a_complaint_that_carries_the_return_path_counts_wherever_it_comes(world: World) -> None:
    out, email_id, paths = await sent(world)
    for _ in range(2):
        await comes(out, out.mailbox["address"], complaint("abuse@x", paths[BOB]), sender="fbl@provider.test")
    email = await look(out, email_id)
    assert (email["status"], email["recipients"][0]["status"]) == ("sent", "complained")
    assert await inbox(out) == []
    (event,) = await told(out, "email.complained")
    assert event["data"]["recipient"] == BOB


async def test_a_forged_report_changes_nothing_and_starts_nobody(world: World) -> None:
    out, email_id, paths = await sent(world, f"{BOB}, {CAROL}")
    guessed = paths[BOB].replace(paths[BOB][40:44], "0000")
    assert not await comes(out, guessed, bounce(guessed))
    await comes(out, out.mailbox["address"], bounce(out.mailbox["address"], path=guessed))
    await comes(out, out.mailbox["address"], complaint("x", guessed), sender="eve@evil.test")
    assert (await look(out, email_id))["status"] == "sent"
    assert {one["status"] for one in await inbox(out)} == {"archived"}
    assert len(await told(out, "email.received")) == 1  # of the helper's own
    assert not [
        one for one in await mailroom.events(out) if one["type"] in ("email.bounced", "email.complained")
    ]


async def test_one_recipient_can_not_bounce_another(world: World) -> None:
    out, email_id, paths = await sent(world, f"{BOB}, {CAROL}")
    await comes(out, paths[BOB], bounce("x", recipient=CAROL))
    statuses = {one["address"]: one["status"] for one in (await look(out, email_id))["recipients"]}
    assert statuses == {BOB: "bounced", CAROL: "delivered"}


async def test_another_accounts_mail_is_beyond_reach(world: World) -> None:
    out, email_id, paths = await sent(world)
    other = await add_account(World(out.services, out.clock), "globex")
    await comes(other, other.mailbox["address"], complaint("x", paths[BOB]))
    assert (await look(out, email_id))["recipients"][0]["status"] == "delivered"


async def test_a_bounce_faster_than_the_delivery_waits_for_it(world: World) -> None:
    out = mailroom.leaving(world)
    far = mailroom.FarSide({CAROL: ["deferred", "delivered"]})
    email = await mailroom.send(out, to=f"{BOB}, {CAROL}")
    await mailroom.decide(out, email["id"])
    await mailroom.hand_over(out, far)
    path = next(sender for sender, to, _ in far.taken if to == (BOB,))
    await comes(out, path, bounce("x"))
    assert (await look(out, email["id"]))["status"] == "queued"
    out.clock.pass_(3_600_000_000)
    await mailroom.hand_over(out, far)
    await mailroom.understand(out)
    assert (await look(out, email["id"]))["status"] == "bounced"


async def test_what_waits_for_a_delivery_is_read_less_and_less_often(world: World) -> None:
    """Whoever gets one copy and puts the other one off could have large mail read every minute for days."""
    out = mailroom.leaving(world)
    far = mailroom.FarSide({CAROL: ["deferred"] * 2})
    email = await mailroom.send(out, to=f"{BOB}, {CAROL}")
    await mailroom.decide(out, email["id"])
    await mailroom.hand_over(out, far)
    path = next(sender for sender, to, _ in far.taken if to == (BOB,))
    await comes(out, path, bounce("x"))
    out.clock.pass_(HOUR)
    await mailroom.understand(out)
    (job,) = await mailroom.execute(out, "SELECT run_at FROM jobs WHERE kind = 'receive'")
    assert job["run_at"] - out.clock.now > 59 * MINUTE


async def test_other_mail_to_a_return_path_is_dropped(world: World) -> None:
    out, email_id, paths = await sent(world)
    await comes(out, paths[BOB], mailroom.mail(to=paths[BOB]), sender="ann@example.test")
    assert (await look(out, email_id))["status"] == "sent" and await inbox(out) == []


async def test_prose_from_a_null_sender_is_archived_and_from_a_person_it_is_mail(world: World) -> None:
    prose = mailroom.mail(
        sender="Mail Delivery System <mailer-daemon@example.test>",
        subject="Mail delivery failed",
        body="Your message to bob@example.net could not be delivered.",
        message_id="<p1@x>",
    )
    await comes(world, world.mailbox["address"], prose)
    await comes(
        world, world.mailbox["address"], prose.replace(b"<p1@x>", b"<p2@x>"), sender="ann@example.test"
    )
    assert sorted(one["status"] for one in await inbox(world)) == ["archived", "unread"]


async def test_reports_do_not_exist_for_agents_of_gated_mailboxes(world: World) -> None:
    await mailroom.set_mode(world, "gated_all")
    await comes(world, world.mailbox["address"], bounce("x"))
    assert await inbox(world) == []
    with pytest.raises(Refused):
        await mailroom.decide(world, "eml_00000000000000000000000000")


@pytest.mark.parametrize(("status", "listed"), [("5.1.1", ["hard_bounce"]), ("4.4.7", [])])
async def test_a_hard_bounce_feeds_the_suppression_list(world: World, status: str, listed: list[str]) -> None:
    out, _, paths = await sent(world)
    await comes(out, paths[BOB], bounce("x", status=status))
    found = (await out.invoke(CHECK_SUPPRESSION))["suppressions"]
    assert [one["reason"] for one in found] == listed


async def test_a_complaint_feeds_the_suppression_list(world: World) -> None:
    out, _, paths = await sent(world)
    await comes(out, paths[BOB], complaint("x", paths[BOB]))
    (found,) = (await out.invoke(CHECK_SUPPRESSION))["suppressions"]
    assert (found["address"], found["reason"]) == (BOB, "complaint")
