"""Events: a cursor that neither skips nor repeats, and webhooks' views."""

import asyncio
import json
import threading
from typing import Any

import pytest

from multimail.core.errors import Refused
from multimail.core.event_types import EventType
from multimail.core.scopes import Scope
from multimail.operations.context import Context
from multimail.operations.events import LIST_EVENTS, emit
from multimail.operations.webhooks import (
    CREATE_WEBHOOK,
    DELETE_WEBHOOK,
    GET_WEBHOOK,
    LIST_WEBHOOK_DELIVERIES,
    LIST_WEBHOOKS,
)
from tests.support import mailroom
from tests.support.world import World


async def read_on(world: World, after: str | None, **given: Any) -> tuple[list[str], str | None]:
    page = await world.invoke(LIST_EVENTS, **{"after": after, "limit": 3} | given)
    return [event["event_id"] for event in page["events"]], page["cursor"]


async def test_the_cursor_reads_each_event_once(world: World) -> None:
    made = [(await mailroom.send(world))["id"] for _ in range(5)]
    await mailroom.events(world, 5)
    seen: list[str] = []
    cursor: str | None = None
    while True:
        found, after = await read_on(world, cursor)
        if after is None:
            break
        seen, cursor = seen + found, after
    assert len(seen) == len(set(seen)) == 5
    assert await read_on(world, cursor) == ([], None)
    page = (
        await world.http("GET", f"/v1/events?limit=3&cursor={seen[1]}")
    ).json()  # as all other lists name it
    assert [event["event_id"] for event in page["events"]] == seen[2:]
    made.append((await mailroom.send(world))["id"])
    (new,) = await mailroom.events(world, 1, after=cursor)
    assert new["id"] == made[-1]
    assert [event["id"] for event in await mailroom.events(world, 6)] == made


async def test_filters(world: World) -> None:
    box = await world.add_mailbox("sales")
    await mailroom.send(world)
    await mailroom.arrive(world, mailbox=box)
    (received,) = await mailroom.events(world, 1, type="email.received")
    assert received["mailbox_id"] == box["mailbox_id"]
    assert await mailroom.events(world, 1, mailbox_id=box["address"]) == [received]
    await world.add_key("sales", [Scope.READ], mailbox_ids={box["mailbox_id"]})
    assert await mailroom.events(world, 1, "sales") == [received]
    (other,) = await mailroom.events(world, 1, type="oversight.pending")
    with pytest.raises(Refused) as caught:
        await world.invoke(LIST_EVENTS, "sales", after=other["event_id"])
    assert caught.value.code == "not_found"


async def test_no_reader_skips_an_event_that_commits_late(world: World) -> None:
    """PostgreSQL: the first transaction to write commits last. On SQLite writers queue, so order is given."""
    if world.services.db.dialect == "sqlite":
        await asyncio.gather(*(mailroom.send(world) for _ in range(4)))
        assert len(await mailroom.events(world, 4)) == 4
        return
    written, commit = threading.Event(), threading.Event()

    def late(ctx: Context) -> None:
        emit(ctx, EventType.DOMAIN_VERIFIED, name="late")
        written.set()
        assert commit.wait(30)

    slow = asyncio.create_task(world.run(late))
    while not written.is_set():
        await asyncio.sleep(0.001)
    await world.run(lambda ctx: emit(ctx, EventType.DOMAIN_VERIFIED, name="early"))
    assert (await world.invoke(LIST_EVENTS))["events"] == []  # not before the one that comes first
    commit.set()
    await slow
    found = await mailroom.events(world, 2)
    assert [event["data"]["name"] for event in found] == ["late", "early"]


async def test_a_secret_is_told_once(world: World) -> None:
    made = await world.ask(CREATE_WEBHOOK, "admin", {"url": "https://example.test/"})
    secret = made.body["secret"]
    assert made.status == 201 and secret.startswith("whsec_") and made.body["events"] == ["*"]
    await mailroom.send(world)
    for operation, given in (
        (GET_WEBHOOK, {"webhook_id": made.body["id"]}),
        (LIST_WEBHOOKS, {}),
        (LIST_WEBHOOK_DELIVERIES, {}),
        (DELETE_WEBHOOK, {"webhook_id": made.body["id"]}),
        (LIST_WEBHOOKS, {}),
    ):
        assert "secret" not in json.dumps((await world.ask(operation, "admin", given)).body)
    assert (await world.invoke(LIST_WEBHOOKS, "admin"))["webhooks"] == []
    kept = await mailroom.execute(world, "SELECT metadata_json FROM audit")
    assert secret not in json.dumps([row["metadata_json"] for row in kept])


async def test_a_limited_keys_webhook_hears_its_mailboxes_and_is_seen_by_it(world: World) -> None:
    box = await world.add_mailbox("sales")
    await world.add_key("sales", [Scope.ADMIN], mailbox_ids={box["mailbox_id"]})
    mine = await world.invoke(CREATE_WEBHOOK, "sales", url="https://example.test/mine")
    await world.invoke(CREATE_WEBHOOK, "admin", url="https://example.test/all")
    await mailroom.send(world)
    sent = await mailroom.send(world, mailbox_id=box["mailbox_id"])
    listed = (await world.invoke(LIST_WEBHOOKS, "sales"))["webhooks"]
    assert [one["id"] for one in listed] == [mine["id"]]
    (delivery,) = (await world.invoke(LIST_WEBHOOK_DELIVERIES, "sales"))["deliveries"]
    assert (delivery["webhook_id"], delivery["email_id"]) == (mine["id"], sent["id"])
    assert len((await world.invoke(LIST_WEBHOOK_DELIVERIES, "admin"))["deliveries"]) == 3


@pytest.mark.parametrize(
    "events", [[], ["email"], ["email.*"], ["*", "oversight.gone"], ["message"], ["x"] * 51]
)
async def test_events_that_nobody_can_subscribe_to(world: World, events: list[str]) -> None:
    with pytest.raises(Refused) as caught:
        await world.invoke(CREATE_WEBHOOK, "admin", url="https://example.test/", events=events)
    assert caught.value.code == "invalid_fields"


async def test_an_agent_may_call_its_metadata_origin(world: World) -> None:
    sent = await mailroom.send(world, metadata={"origin": "nightly run", "tool_call_id": "call 7"})
    (told,) = await mailroom.events(world, 1)
    assert told["id"] == sent["id"]
    assert (told["metadata"]["origin"], told["tool_call_id"]) == ("nightly run", "call 7")
    await mailroom.arrive(world, In_Reply_To=f"<{sent['id']}@multimail.test>")
    *_, answer = await mailroom.events(world, 2)
    assert answer["tool_call_id"] == "call 7"
