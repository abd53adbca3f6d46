"""Waiting for mail: woken by the commit, never by what is held, and gone without a trace."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import pytest

from multimail.core.errors import Refused
from multimail.core.scopes import Scope
from multimail.operations.api_keys import REVOKE_API_KEY, UPDATE_API_KEY
from multimail.operations.spam import REPORT_SPAM
from multimail.operations.waiting import WAIT_FOR_EMAIL
from tests.support import mailroom
from tests.support.asgi import Exchange, open_exchange
from tests.support.world import World, add_account

LONG = 120
Waiting = asyncio.Task[Mapping[str, Any]]


def subscribers(world: World) -> dict[str, int]:
    """How many wait on each channel that somebody waits on for mail."""
    found: dict[str, list[Any]] = world.services.db._subscribers  # type: ignore[attr-defined]  # of both
    return {channel: len(them) for channel, them in found.items() if "/" in channel}


async def waiter(world: World, key: str = "agent", **given: Any) -> Waiting:
    """A call under way that has looked and found nothing."""
    before = sum(subscribers(world).values())
    named = {"mailbox_id": world.mailbox["mailbox_id"], "timeout_seconds": LONG} | given
    task = asyncio.create_task(world.invoke(WAIT_FOR_EMAIL, key, **named))
    while sum(subscribers(world).values()) < before + 2:
        await asyncio.sleep(0)
    await world.services.db.read(lambda tx: None)  # behind its first look
    return task


async def now(world: World, key: str = "agent", **given: Any) -> str | None:
    """What is there already, without any wait."""
    named = {"mailbox_id": world.mailbox["mailbox_id"], "timeout_seconds": 0} | given
    answer = await world.invoke(WAIT_FOR_EMAIL, key, **named)
    assert answer["timed_out"] is (answer["email"] is None)
    return answer["email"] and str(answer["email"]["id"])


async def test_an_email_wakes_its_waiter(world: World) -> None:
    await mailroom.arrive(world)  # before the call: not what is waited for
    waiting = await waiter(world)
    email_id = await mailroom.arrive(world, message_id="<2@example.test>")
    answer = await waiting
    assert (answer["email"]["id"], answer["timed_out"]) == (email_id, False)
    assert answer["email"]["status"] == "unread" and "markdown" not in answer["email"]
    assert subscribers(world) == {}


async def test_a_thousand_waiters_ask_nothing(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those of other mailboxes are not even told."""
    other = await world.add_mailbox("other")
    reads = 0
    read = world.services.db.read

    async def counted(unit: Any) -> Any:
        nonlocal reads
        reads += 1
        return await read(unit)

    waiting = [await waiter(world, mailbox_id=other["mailbox_id"]) for _ in range(50)]
    monkeypatch.setattr(world.services.db, "read", counted)
    mine = await waiter(world)
    reads = 0
    email_id = await mailroom.arrive(world)
    assert (await mine)["email"]["id"] == email_id
    assert reads < 10  # the mail's own, one look, one answer
    for task in waiting:
        task.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)
    assert subscribers(world) == {}


async def test_nothing_comes(world: World) -> None:
    assert await now(world) is None
    assert dict(await world.invoke(WAIT_FOR_EMAIL, mailbox_id=world.mailbox["address"], timeout_seconds=0.01)) == {
        "email": None,
        "timed_out": True,
    }  # fmt: skip
    assert subscribers(world) == {}


async def test_from_one_email_to_the_next(world: World) -> None:
    first = await mailroom.arrive(world)
    second = await mailroom.arrive(world, message_id="<2@example.test>")
    third = await mailroom.arrive(world, message_id="<3@example.test>")
    await mailroom.send(world)
    assert await now(world, since_id=first) == second
    assert await now(world, since_id=second) == third
    assert await now(world, since_id=third) is None
    await world.invoke(REPORT_SPAM, email_id=second)
    assert await now(world, since_id=first) == third


async def test_only_what_was_asked_for_wakes(world: World) -> None:
    first = await mailroom.arrive(world)
    thread_id = (await mailroom.row(world, first))["thread_id"]
    wanted = [
        await waiter(world, sender="DAN@example.test"),
        await waiter(world, subject_contains="CODE"),
        await waiter(world, thread_id=thread_id),
        await waiter(world, has_attachments=True),
    ]
    await mailroom.arrive(world, message_id="<2@example.test>")
    ids = [
        await mailroom.arrive(world, sender="Dan <dan@example.test>", message_id="<3@example.test>"),
        await mailroom.arrive(world, subject="Your code", message_id="<4@example.test>"),
        await mailroom.arrive(world, message_id="<5@example.test>", In_Reply_To="<q1@example.test>"),
    ]
    assert [(await task)["email"]["id"] for task in wanted[:3]] == ids
    assert not wanted[3].done()
    wanted[3].cancel()
    assert await now(world, since_id=first, subject_contains="code") == ids[1]


async def test_held_mail_comes_when_it_is_released(world: World) -> None:
    seen = await mailroom.arrive(world)
    await mailroom.set_mode(world, "gated_all")
    for_all = [await waiter(world, key) for key in ("agent", "oversight")]
    held = await mailroom.arrive(world, message_id="<2@example.test>")
    declined = await mailroom.arrive(world, message_id="<3@example.test>")
    await mailroom.set_mode(world, "gated_send")
    open_ = await mailroom.arrive(world, message_id="<4@example.test>")
    assert [(await task)["email"]["id"] for task in for_all] == [open_, open_]
    for key in ("agent", "oversight"):
        assert await now(world, key, since_id=seen) == open_
        assert await now(world, key, since_id=open_) is None
    with pytest.raises(Refused) as caught:
        await now(world, since_id=held)
    assert caught.value.code == "not_found"
    await mailroom.decide(world, declined, "reject")
    waiting = await waiter(world)
    await mailroom.decide(world, held)
    assert (await waiting)["email"]["id"] == held
    assert await now(world, since_id=open_) == held
    assert await now(world, since_id=held) is None


async def test_a_limited_key_and_a_stranger_wait_for_their_own(world: World) -> None:
    other = await world.add_mailbox("other")
    await world.add_key("limited", [Scope.READ], mailbox_ids={other["mailbox_id"]})
    stranger = await add_account(World(world.services, world.clock), "globex")
    theirs = await waiter(stranger)
    limited = await waiter(world, "limited", mailbox_id=other["mailbox_id"])
    await mailroom.arrive(world)
    own = await mailroom.arrive(world, mailbox=other, message_id="<2@example.test>")
    assert (await limited)["email"]["id"] == own
    assert not theirs.done()
    theirs.cancel()


async def test_a_revoked_key_waits_no_longer(world: World) -> None:
    waiting = await waiter(world)
    await world.invoke(REVOKE_API_KEY, "admin", key_id=world.key_ids["agent"])
    with pytest.raises(Refused) as caught:
        await waiting
    assert caught.value.code == "unauthenticated"
    assert subscribers(world) == {}


@pytest.mark.parametrize("less", ["scopes", "mailbox_ids"])
async def test_a_key_that_holds_less_by_now_sees_less(world: World, less: str) -> None:
    waiting = await waiter(world)
    other = await world.add_mailbox("other")
    given = {"scopes": ["send"]} if less == "scopes" else {"mailbox_ids": [other["mailbox_id"]]}
    await world.invoke(UPDATE_API_KEY, "admin", key_id=world.key_ids["agent"], **given)
    await mailroom.arrive(world)
    with pytest.raises(Refused) as caught:
        await waiting
    assert caught.value.code == ("insufficient_scope" if less == "scopes" else "not_found")


@asynccontextmanager
async def asking(world: World) -> AsyncIterator[Exchange]:
    """The same over HTTP."""
    target = f"/v1/mailboxes/{world.mailbox['mailbox_id']}/wait?timeout={LONG}"
    async with open_exchange(world.app, "GET", target, {"x-api-key": world.keys["agent"]}) as exchange:
        while len(subscribers(world)) < 2:
            await asyncio.sleep(0)
        await world.services.db.read(lambda tx: None)
        yield exchange


async def test_it_is_one_answer_over_http(world: World) -> None:
    async with asking(world) as exchange:
        email_id = await mailroom.arrive(world)
        reply = await exchange.reply()
    assert (reply.status, reply.json()["email"]["id"], reply.json()["timed_out"]) == (200, email_id, False)
    named = await world.http("POST", "/wait_for_email", {"mailbox": world.mailbox["address"], "timeout": 0})
    assert named.json() == {"email": None, "timed_out": True}
    second = await mailroom.arrive(world, message_id="<2@example.test>")
    named = await world.http("GET", f"/wait_for_email?mailbox={world.mailbox['address']}&since_id={email_id}")
    assert named.json()["email"]["message_id"] == second
    assert (
        await world.http("GET", f"/v1/mailboxes/{world.mailbox['mailbox_id']}/wait?timeout=121")
    ).status == 422


async def test_it_ends_with_the_server(world: World) -> None:
    async with asking(world) as exchange:
        world.stopping.set()
        reply = await exchange.reply()
    assert (reply.status, reply.json()["code"]) == (503, "unavailable")
    await left_nothing(world)


async def test_it_ends_with_the_client(world: World) -> None:
    before = asyncio.all_tasks()
    async with asking(world) as exchange:
        exchange.leave()
        await exchange.task
        assert exchange.sent.empty()
    await left_nothing(world)
    assert asyncio.all_tasks() - before == set()


async def left_nothing(world: World) -> None:
    for _ in range(3):
        await asyncio.sleep(0)  # what was cancelled gets its turn
    assert subscribers(world) == {}
