"""Pausing and resuming: what is queued waits, and only an owner lets it go on."""

from typing import Any

import pytest

from multimail.core.errors import Refused
from multimail.core.scopes import Scope
from multimail.operations import operators
from multimail.operations.account import GET_ACCOUNT
from multimail.operations.mailboxes import GET_MAILBOX
from multimail.operations.pausing import PAUSE_SENDING, RESUME_SENDING
from tests.support import mailroom
from tests.support.world import World


async def state(world: World, email_id: str) -> str:
    return str((await mailroom.row(world, email_id))["state"])


async def resume(world: World, key: str = "admin", **given: Any) -> Any:
    asked = await world.ask(RESUME_SENDING, key, given)
    assert (asked.status, asked.body["status"]) == (202, "pending_approval")
    (code,) = await world.run(operators.pending_codes)
    return await world.invoke(RESUME_SENDING, key, **given, approval_code=code["code"])


@pytest.mark.parametrize("key", ["admin", "oversight"])
async def test_a_paused_account_sends_nothing_until_an_owner_says_so(world: World, key: str) -> None:
    await mailroom.set_mode(world, "autonomous")
    waiting = (await mailroom.send(world))["id"]
    paused = await world.invoke(PAUSE_SENDING, key)
    assert (paused["paused"], paused["mailbox_id"]) == (True, None)
    assert await world.invoke(PAUSE_SENDING, key) == paused
    assert (await world.invoke(GET_ACCOUNT))["paused_at"] == paused["paused_at"]
    far, leaving = mailroom.FarSide(), mailroom.leaving(world)
    later = (await mailroom.send(world))["id"]
    await mailroom.hand_over(leaving, far)
    assert [await state(world, one) for one in (waiting, later)] == ["queued", "queued"]
    assert far.taken == []
    done = await resume(world, key)
    assert (done["paused"], done["paused_at"]) == (False, None)
    assert (await world.invoke(GET_ACCOUNT))["paused_at"] is None
    await mailroom.hand_over(leaving, far)
    assert [await state(world, one) for one in (waiting, later)] == ["sent", "sent"]


async def test_a_paused_mailbox_waits_alone(world: World) -> None:
    await mailroom.set_mode(world, "autonomous")
    box = await world.add_mailbox("sales")
    await mailroom.set_mode(world, "autonomous", box)
    paused = await world.http("POST", f"/v1/mailboxes/{box['mailbox_id']}/pause", key="admin")
    assert (paused.status, paused.json()["mailbox_id"]) == (200, box["mailbox_id"])
    assert (await world.invoke(GET_MAILBOX, mailbox_id=box["address"]))["paused_at"]
    assert (await world.invoke(GET_ACCOUNT))["paused_at"] is None
    waiting = (await mailroom.send(world, mailbox_id=box["mailbox_id"]))["id"]
    other = (await mailroom.send(world))["id"]
    await mailroom.hand_over(world)
    assert [await state(world, one) for one in (waiting, other)] == ["queued", "sent"]
    await resume(world, mailbox_id=box["mailbox_id"])
    await mailroom.hand_over(world)
    assert await state(world, waiting) == "sent"


async def test_what_is_not_paused_needs_nobody(world: World) -> None:
    answer = await world.ask(RESUME_SENDING, "admin", {})
    assert (answer.status, answer.body["paused"]) == (200, False)


async def test_what_the_far_side_deferred_keeps_its_time(world: World) -> None:
    await mailroom.set_mode(world, "autonomous")
    email_id = (await mailroom.send(world))["id"]
    far, leaving = mailroom.FarSide({"bob@example.test": ["deferred"]}), mailroom.leaving(world)
    await mailroom.hand_over(leaving, far)
    await world.invoke(PAUSE_SENDING, "admin")
    await resume(world)
    await mailroom.hand_over(leaving, far)
    assert len(far.taken) == 1 and await state(world, email_id) == "queued"


async def test_a_limited_key_pauses_its_own_mailboxes(world: World) -> None:
    box = await world.add_mailbox("sales")
    await world.add_key("limited", [Scope.ADMIN], mailbox_ids={box["mailbox_id"]})
    assert (await world.invoke(PAUSE_SENDING, "limited", mailbox_id=box["mailbox_id"]))["paused"]
    for operation in (PAUSE_SENDING, RESUME_SENDING):
        with pytest.raises(Refused) as caught:
            await world.invoke(operation, "limited")
        assert caught.value.code == "mailbox_limited"
