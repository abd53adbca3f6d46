"""The suppression list: refused before queueing, left out at hand-off, and only an owner takes anybody off it."""

from typing import Any

import pytest

from multimail.core.errors import Refused
from multimail.core.scopes import Scope
from multimail.operations import operators
from multimail.operations.suppression import CHECK_SUPPRESSION, REMOVE_SUPPRESSION, Reason, suppress
from tests.support import mailroom
from tests.support.world import World


async def put(world: World, address: str, email_id: str, reason: Reason = "hard_bounce") -> bool:
    return await world.run(lambda ctx: suppress(ctx, address, reason, email_id))


async def listed(world: World, key: str = "agent", **given: Any) -> list[str]:
    return [one["address"] for one in (await world.invoke(CHECK_SUPPRESSION, key, **given))["suppressions"]]


async def test_what_is_on_the_list_is_told(world: World) -> None:
    email_id = (await mailroom.send(world))["id"]
    assert await put(world, "Bob@Example.test", email_id)
    assert not await put(world, "bob@example.test", email_id, "complaint")
    assert await put(world, "eve@example.test", email_id, "complaint")
    first = await world.invoke(CHECK_SUPPRESSION, limit=1)
    assert [one["reason"] for one in first["suppressions"]] == ["complaint"]
    (rest,) = (await world.invoke(CHECK_SUPPRESSION, cursor=first["cursor"]))["suppressions"]
    assert (rest["address"], rest["reason"], rest["email_id"]) == (
        "bob@example.test",
        "hard_bounce",
        email_id,
    )
    assert await listed(world, address="BOB@example.test") == ["bob@example.test"]
    assert await listed(world, address="ann@example.test") == []


async def test_a_suppressed_recipient_is_refused_by_name(world: World) -> None:
    email_id = (await mailroom.send(world))["id"]
    await put(world, "bob@example.test", email_id)
    reply = await world.http(
        "POST",
        f"/v1/mailboxes/{world.mailbox['mailbox_id']}/send",
        {"to": "ann@example.test", "bcc": "BOB@example.test", "markdown": "Hi."},
    )
    assert (reply.status, reply.json()["code"]) == (422, "suppressed")
    assert reply.json()["addresses"] == ["BOB@example.test"]
    assert (await mailroom.send(world, to="ann@example.test"))["status"] == "pending_approval"


async def test_at_hand_off_the_suppressed_fail_and_the_others_go(world: World) -> None:
    await mailroom.set_mode(world, "autonomous")
    both = (await mailroom.send(world, to="bob@example.test, ann@example.test"))["id"]
    alone = (await mailroom.send(world))["id"]
    await put(world, "bob@example.test", both)
    far = mailroom.FarSide()
    await mailroom.hand_over(mailroom.leaving(world), far)
    assert [recipients for _, recipients, _ in far.taken] == [("ann@example.test",)]
    row = await mailroom.row(world, both)
    assert row["state"] == "sent" and "suppression list" in row["last_error"]
    assert (await mailroom.row(world, alone))["state"] == "failed"


async def test_the_simulator_and_test_mail_suppress_nobody(world: World) -> None:
    live = (await mailroom.send(world))["id"]
    rehearsed = (await mailroom.send(world, "test"))["id"]
    assert not await put(world, "bounce@simulator.multimail.test", live)
    assert not await put(world, "bob@example.test", rehearsed)
    assert not await put(world, "bob@example.test", mailroom.absent("eml"))
    assert await listed(world) == []


async def test_only_an_owner_takes_an_address_off(world: World) -> None:
    await put(world, "bob@example.test", (await mailroom.send(world))["id"])
    asked = await world.ask(REMOVE_SUPPRESSION, "admin", {"address": "Bob@example.test"})
    assert (asked.status, asked.body["status"]) == (202, "pending_approval")
    assert "bob@example.test" in asked.body["asks"] and await listed(world) == ["bob@example.test"]
    (code,) = await world.run(operators.pending_codes)
    path = f"/v1/suppression/bob@example.test?approval_code={code['code']}"
    done = await world.http("DELETE", path, key="admin")
    assert (done.status, done.json()["deleted"]) == (200, True)
    assert await listed(world) == []
    assert (await mailroom.send(world))["status"] == "pending_approval"


async def test_a_limited_key_sees_and_removes_what_its_mailboxes_met(world: World) -> None:
    box = await world.add_mailbox("sales")
    await world.add_key("limited", [Scope.ADMIN], mailbox_ids={box["mailbox_id"]})
    theirs = (await mailroom.send(world))["id"]
    own = (await mailroom.send(world, mailbox_id=box["mailbox_id"]))["id"]
    await put(world, "bob@example.test", theirs)
    await put(world, "eve@example.test", own)
    assert await listed(world, "limited") == ["eve@example.test"]
    assert await listed(world, "limited", address="bob@example.test") == []
    with pytest.raises(Refused) as caught:
        await world.invoke(REMOVE_SUPPRESSION, "limited", address="bob@example.test")
    assert caught.value.code == "not_found"
