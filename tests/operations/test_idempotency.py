"""Idempotency, exactly as contract §7 has it."""

import asyncio
import threading
from dataclasses import replace
from typing import Any

import pytest

from multimail.core.errors import Refused
from multimail.core.times import DAY, SECOND
from multimail.operations import operators
from multimail.operations.context import Context
from multimail.operations.mailboxes import CREATE_MAILBOX
from multimail.operations.operation import Answer
from multimail.operations.oversight import LIST_PENDING
from multimail.operations.sending import REPLY_EMAIL, SEND_EMAIL
from tests.support import mailroom
from tests.support.world import World, add_account


def given(world: World, **more: Any) -> dict[str, Any]:
    return {"mailbox_id": world.mailbox["mailbox_id"], "to": "bob@example.test", "markdown": "Hi."} | more


async def ask(world: World, key: str = "agent", header: str | None = None, **more: Any) -> Answer:
    return await world.ask(SEND_EMAIL, key, given(world, **more), idempotency_key=header)


async def count(world: World) -> int:
    return len((await world.invoke(LIST_PENDING, limit=100))["pending"])


async def test_the_first_answer_comes_again(world: World) -> None:
    first = await ask(world, idempotency_key="order 7")
    again = await ask(world, idempotency_key="order 7")
    by_header = await ask(world, header="order 7")
    assert (first.status, again.status, by_header.status) == (202, 200, 200)
    assert "idempotent" not in first.body
    assert again.body == by_header.body == dict(first.body) | {"idempotent": True}
    assert await count(world) == 1
    await mailroom.decide(world, first.body["id"])
    assert (await ask(world, header="order 7")).body["status"] == "pending_approval"  # as it was told then


async def test_other_content_is_a_mismatch(world: World) -> None:
    await ask(world, header="k")
    for more in ({"markdown": "Hi!"}, {"to": "carol@example.test"}, {"metadata": {"a": "b"}}):
        with pytest.raises(Refused) as caught:
            await ask(world, header="k", **more)
        assert (caught.value.code, caught.value.kind.status) == ("idempotency_mismatch", 409)
    assert await count(world) == 1


async def test_operations_accounts_and_test_keys_do_not_collide(world: World) -> None:
    live = await ask(world, header="k")
    test = await ask(world, key="test", header="k")
    email_id = await mailroom.arrive(world)
    reply = {"email_id": email_id, "markdown": "Hi."}
    replied = await world.ask(REPLY_EMAIL, "agent", reply, idempotency_key="k")
    box = await world.ask(CREATE_MAILBOX, "admin", {"address": "new"}, idempotency_key="k")
    other = await add_account(World(world.services, world.clock), "other")
    elsewhere = await ask(other, header="k")
    answers = [live, test, replied, box, elsewhere]
    assert len({answer.body["id"] for answer in answers}) == 5
    assert not any("idempotent" in answer.body for answer in answers)


async def test_a_refused_request_claims_no_key(world: World) -> None:
    await mailroom.set_mode(world, "read_only")
    with pytest.raises(Refused):
        await ask(world, header="k")
    await mailroom.set_mode(world, "gated_send")
    assert (await ask(world, header="k")).status == 202


async def test_a_key_lives_a_day(world: World) -> None:
    first = await ask(world, header="k")
    world.clock.pass_(DAY - 60 * SECOND)
    assert (await ask(world, header="k")).body["id"] == first.body["id"]
    world.clock.pass_(60 * SECOND)
    later = await ask(world, header="k", markdown="Other words.")
    assert later.status == 202 and later.body["id"] != first.body["id"]


async def test_requests_in_flight_together_make_one_email(world: World) -> None:
    answers = await asyncio.gather(*(ask(world, header="k") for _ in range(12)))
    assert sorted(answer.status for answer in answers) == [200] * 11 + [202]
    assert len({answer.body["id"] for answer in answers}) == 1
    assert await count(world) == 1


async def test_a_first_request_that_fails_leaves_the_key_to_the_next(world: World) -> None:
    """The second waits for the first; when that is undone, it takes its place."""
    claimed, fail = threading.Event(), threading.Event()

    def fails(ctx: Context, *more: Any) -> Any:
        SEND_EMAIL.run(ctx, *more)
        claimed.set()
        if ctx.tx.dialect == "postgres":  # on a thread of its own; on SQLite units follow one another anyhow
            assert fail.wait(30)
        raise RuntimeError("a bug")

    broken = replace(SEND_EMAIL, run=fails)
    first = asyncio.create_task(world.ask(broken, "agent", given(world), idempotency_key="k"))
    while not claimed.is_set():
        await asyncio.sleep(0.001)
    second = asyncio.create_task(ask(world, header="k"))
    await asyncio.sleep(0)
    fail.set()
    with pytest.raises(RuntimeError, match="a bug"):
        await first
    assert (await second).status == 202
    assert await count(world) == 1


async def test_an_empty_header_is_no_key(world: World) -> None:
    answers = [await ask(world, header="") for _ in range(2)]
    assert [answer.status for answer in answers] == [202, 202]


async def test_keys_have_a_length(world: World) -> None:
    with pytest.raises(Refused) as caught:
        await ask(world, header="k" * 256)
    assert caught.value.code == "invalid_fields"
    assert caught.value.details["fields"][0]["path"] == "idempotency_key"


async def test_an_owner_is_asked_under_the_same_key(world: World) -> None:
    wanted = {"address": "people", "human_written": True, "idempotency_key": "box 1"}
    assert (await world.ask(CREATE_MAILBOX, "admin", wanted)).status == 202
    assert (await world.ask(CREATE_MAILBOX, "admin", wanted)).status == 202
    (shown,) = await world.run(operators.pending_codes)
    made = await world.ask(CREATE_MAILBOX, "admin", wanted | {"approval_code": shown["code"]})
    again = await world.ask(CREATE_MAILBOX, "admin", wanted)
    assert (made.status, again.status) == (201, 200)
    assert again.body == dict(made.body) | {"idempotent": True}
