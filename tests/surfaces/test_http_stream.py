"""list_events as a stream: what was, then what happens, until somebody leaves."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from itertools import chain
from typing import Any

import pytest

from multimail.core.oversight import Mode
from multimail.core.scopes import Scope
from multimail.operations.archive import Archive
from multimail.operations.registry import BY_NAME
from multimail.surfaces import http_stream
from multimail.surfaces.http_stream import stream_archive
from tests.support.asgi import Exchange, build_scope, fetch, open_exchange
from tests.support.mailroom import events
from tests.support.world import World, add_account

Event = dict[str, Any]


async def send(world: World, mailbox_id: str | None = None, key: str = "agent") -> str:
    given = {"mailbox_id": mailbox_id or world.mailbox["mailbox_id"], "to": "ann@example.test"}
    return str((await world.invoke(BY_NAME["send_email"], key, **given))["id"])


@asynccontextmanager
async def listening(
    world: World, target: str = "/v1/events", key: str = "agent", headers: dict[str, str] | None = None
) -> AsyncIterator[Exchange]:
    sent = {"accept": "text/event-stream", "x-api-key": world.keys[key]} | (headers or {})
    async with open_exchange(world.app, "GET", target, sent) as exchange:
        start = await exchange.next()
        assert start["status"] == 200
        assert (b"content-type", b"text/event-stream") in start["headers"]
        yield exchange


async def read(exchange: Exchange) -> list[Event]:
    """The events of the next part that has any."""
    while True:
        part = await exchange.next()
        assert part["more_body"], "the stream ended"
        frames = [frame for frame in part["body"].decode().split("\n\n") if frame]
        events = [parse(frame) for frame in frames if not frame.startswith(":")]
        if events:
            return events


def parse(frame: str) -> Event:
    fields = dict(line.split(": ", 1) for line in frame.split("\n"))
    event: Event = json.loads(fields["data"])
    assert (fields["id"], fields["event"]) == (event["event_id"], event["type"])
    return event


async def ended(exchange: Exchange) -> bool:
    while (part := await exchange.next()).get("more_body"):
        pass
    return part["body"] == b""


async def test_what_was_and_then_what_happens(world: World) -> None:
    first = await send(world)
    async with listening(world) as exchange:
        assert [(event["type"], event["id"]) for event in await read(exchange)] == [
            ("oversight.pending", first)
        ]
        second = await send(world)
        assert [event["id"] for event in await read(exchange)] == [second]


async def test_it_reads_on_where_the_reader_was(world: World) -> None:
    emails = [await send(world) for _ in range(3)]
    listed = await events(world, 3)
    after = f"/v1/events?after={listed[0]['event_id']}"
    async with listening(world, after) as exchange:
        assert [event["id"] for event in await read(exchange)] == emails[1:]
    async with listening(world, after, headers={"last-event-id": listed[1]["event_id"]}) as exchange:
        assert [event["id"] for event in await read(exchange)] == emails[2:]


async def test_more_than_one_batch(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_stream, "BATCH", 2)
    emails = [await send(world) for _ in range(5)]
    async with listening(world) as exchange:
        batches: list[list[str]] = []
        while sum(map(len, batches)) < len(emails):
            batches.append([event["id"] for event in await read(exchange)])
    # On PostgreSQL an event may show a moment later, so a batch may be smaller; never larger, never out of order.
    assert max(map(len, batches)) == 2 and [*chain.from_iterable(batches)] == emails


async def test_a_limited_key_and_a_filter_hear_their_own(world: World) -> None:
    other = await world.add_mailbox("sales", Mode.GATED_SEND)
    await world.add_key("limited", [Scope.READ], mailbox_ids={other["mailbox_id"]})
    await send(world)
    mine = await send(world, other["mailbox_id"])
    async with listening(world, key="limited") as exchange:
        assert [event["id"] for event in await read(exchange)] == [mine]
    async with listening(world, f"/v1/events?mailbox={other['address']}") as exchange:
        assert [event["id"] for event in await read(exchange)] == [mine]


async def test_another_account_hears_nothing(world: World) -> None:
    stranger = await add_account(World(world.services, world.clock), "globex")
    async with listening(stranger) as exchange:
        await send(world)
        own = await send(stranger)
        assert [event["id"] for event in await read(exchange)] == [own]


async def test_a_quiet_stream_is_kept_alive(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_stream, "KEEP_ALIVE", 0.01)
    async with listening(world) as exchange:
        assert [(await exchange.next())["body"] for _ in range(2)] == [b": keep-alive\n\n"] * 2


async def test_a_revoked_key_hears_no_more(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_stream, "KEEP_ALIVE", 0.01)
    async with listening(world) as exchange:
        await world.invoke(BY_NAME["revoke_api_key"], "admin", key_id=world.key_ids["agent"])
        assert await ended(exchange)


async def test_it_ends_with_the_server(world: World) -> None:
    async with listening(world) as exchange:
        world.stopping.set()
        assert await ended(exchange)


async def test_it_ends_with_the_reader(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    waiting: list[str] = []
    subscribe = world.services.db.subscribe

    def watched(channel: str, callback: Callable[[str], None]) -> Callable[[], None]:
        unsubscribe = subscribe(channel, callback)
        waiting.append(channel)

        def leave() -> None:
            waiting.remove(channel)
            unsubscribe()

        return leave

    monkeypatch.setattr(world.services.db, "subscribe", watched)
    before = asyncio.all_tasks()
    async with listening(world):
        assert waiting == ["events"]
    assert waiting == []
    await asyncio.sleep(0)  # what was cancelled gets its turn
    assert {task.get_coro().__name__ for task in asyncio.all_tasks() - before} == set()


async def test_a_reader_who_does_not_read_is_cut_off(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_stream, "PATIENCE", 0.01)
    monkeypatch.setattr(http_stream, "KEEP_ALIVE", 0.01)
    async with listening(world) as exchange:
        exchange.reading.clear()
        await exchange.task  # without anybody having left


@pytest.mark.parametrize(
    ("target", "key", "status"),
    [
        ("/v1/events?after=evt_none", "agent", 404),
        ("/v1/events?limit=0", "agent", 422),
        ("/v1/events", None, 401),
    ],
)
async def test_what_is_refused_is_answered_as_ever(
    world: World, target: str, key: str | None, status: int
) -> None:
    reply = await world.http("GET", target, key=key, headers={"accept": "text/event-stream"})
    assert reply.status == status
    assert reply.json()["request_id"] == reply.headers["x-request-id"]


async def test_other_operations_do_not_stream(world: World) -> None:
    reply = await world.http("GET", "/v1/account", headers={"accept": "text/event-stream"})
    assert reply.headers["content-type"] == "application/json"
    head = await world.http("HEAD", "/v1/events", headers={"accept": "text/event-stream"})
    assert (head.status, head.content, head.headers["content-type"]) == (200, b"", "application/json")


async def test_an_archive_is_made_for_nobody_who_has_left() -> None:
    made = 0

    async def chunks() -> AsyncIterator[bytes]:
        nonlocal made
        while True:
            made += 1
            await asyncio.sleep(0)
            yield b"more"

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await stream_archive(Archive("a.tar", "application/x-tar", chunks), scope["method"], receive, send)

    exchange = Exchange(app, build_scope("GET", "/", {}), [b""])
    while made < 3:
        await exchange.sent.get()
    exchange.leave()
    await asyncio.wait_for(exchange.task, 5)
    made = 0
    head = await fetch(app, "HEAD", "/")
    assert (head.status, head.content, made) == (200, b"", 0)
    assert head.headers["content-disposition"].startswith('attachment; filename="a.tar"')
