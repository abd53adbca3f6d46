"""Monitored mailboxes: a copy in an envelope of its own, to an address that somebody proved to read."""

import email
from email import policy

from multimail.core.times import DAY
from multimail.operations.account import LIST_SANDBOX
from multimail.operations.account_update import UPDATE_ACCOUNT
from multimail.operations.mailboxes import GET_MAILBOX
from tests.support import mailroom
from tests.support.mailroom import FarSide
from tests.support.overseer import BOSS, mails, oversee
from tests.support.world import World


async def monitored(world: World) -> World:
    await oversee(world)
    await mailroom.set_mode(world, "monitored")
    return mailroom.leaving(world)


async def mode(world: World) -> str:
    box = await world.invoke(GET_MAILBOX, mailbox_id=world.mailbox["mailbox_id"])
    return str(box["oversight_mode"])


async def test_the_copy_goes_apart_from_the_rest(world: World) -> None:
    leaving, far = await monitored(world), FarSide()
    sent = await mailroom.send(world, bcc="hidden@example.test")
    assert sent["status"] == "queued"
    await mailroom.hand_over(leaving, far)
    await mailroom.copy(leaving, far)
    await mailroom.copy(leaving, far)
    *others, (sender, to_boss, copy) = far.taken
    assert [to for _, to, _ in others] == [("bob@example.test",), ("hidden@example.test",)]
    message = others[0][2]
    assert (sender, to_boss) == ("", (BOSS,))
    assert BOSS.encode() not in message
    shown = email.message_from_bytes(copy, policy=policy.default)
    assert shown["X-MultiMail-Copy-Of"] == sent["id"]
    assert shown["X-MultiMail-Recipients"] == "bob@example.test, hidden@example.test"
    assert shown["Message-ID"] == email.message_from_bytes(message)["Message-ID"]
    assert shown["DKIM-Signature"] and "Five" in shown.get_body(("plain",)).get_content()
    assert b"hidden@example.test" not in message


async def test_one_copy_however_often_the_delivery_is_tried(world: World) -> None:
    leaving, far = await monitored(world), FarSide({"bob@example.test": ["deferred", "delivered"]})
    await mailroom.send(world)
    await mailroom.hand_over(leaving, far)
    await mailroom.copy(leaving, far)
    world.clock.pass_(DAY)
    await mailroom.hand_over(leaving, far)
    await mailroom.copy(leaving, far)
    assert [recipients for _, recipients, _ in far.taken] == [
        ("bob@example.test",),
        (BOSS,),
        ("bob@example.test",),
    ]


async def test_in_the_sandbox_and_of_test_mail_it_is_kept(world: World) -> None:
    leaving, far = await monitored(world), FarSide()
    sent = await mailroom.send(world, "test")
    await mailroom.hand_over(leaving, far)
    await mailroom.copy(leaving, far)
    assert far.taken == []
    kept = next(mail for mail in await mails(world) if mail["kind"] == "copy")
    assert sent["id"] in kept["text"] and kept["test"] is True
    assert "operator_mail" not in await world.invoke(LIST_SANDBOX, "agent")


async def test_copies_that_bounce_end_it(world: World) -> None:
    leaving, far = await monitored(world), FarSide({BOSS: ["failed"]})
    await mailroom.send(world)
    await mailroom.hand_over(leaving, far)
    await mailroom.copy(leaving, far)
    assert await mode(world) == "gated_send"
    assert (await mailroom.send(world))["status"] == "pending_approval"


async def test_while_the_address_is_not_verified_a_human_is_asked(world: World) -> None:
    leaving, far = await monitored(world), FarSide()
    sent = await mailroom.send(world)
    await world.invoke(UPDATE_ACCOUNT, "owner", oversight_email="new@example.test")
    await mailroom.hand_over(leaving, far)
    assert far.taken == []
    assert (await mailroom.row(world, sent["id"]))["state"] == "pending_approval"
    held = await mailroom.send(world)
    assert (held["status"], held["effective_mode"]) == ("pending_approval", "gated_send")


async def test_other_modes_have_no_copies(world: World) -> None:
    leaving, far = await monitored(world), FarSide()
    await mailroom.set_mode(world, "autonomous")
    await mailroom.send(world)
    await mailroom.hand_over(leaving, far)
    assert await mailroom.copy(leaving, far) == []
