"""What is sent while it is made: list_events as server-sent events (WHATWG HTML 9.2), batch by batch through invoke(),
and archives."""

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from pydantic_core import to_json
from starlette.types import Receive, Send

from multimail.core.errors import Refused
from multimail.operations.archive import Archive
from multimail.operations.authenticate import authenticate
from multimail.operations.context import Caller, Services
from multimail.operations.operation import Operation, invoke, read_input
from multimail.surfaces.http_answers import disposition

BATCH: Final = 100
KEEP_ALIVE: Final = 15.0  # seconds between looks when nobody wakes us; each is an authentication too
SOON: Final = 0.25  # PostgreSQL shows an event only once older transactions have ended: look again
PATIENCE: Final = 30.0  # seconds for a reader that does not read

HEADERS: Final = [(b"content-type", b"text/event-stream"), (b"x-accel-buffering", b"no")]


async def stream_events(
    services: Services,
    operation: Operation,
    raw: Mapping[str, Any],
    caller: Caller,
    receive: Receive,
    send: Send,
    stopping: asyncio.Event,
) -> None:
    """Stays open until the reader goes, the server stops, or the key is revoked.

    Raises Refused only before the first byte, so that it can be answered as any other request is.
    """
    read_input(
        operation.input, raw
    )  # a limit that is no limit is refused here too, though batches have their own
    actor = await services.db.read(lambda tx: authenticate(tx, caller.credential))
    woken = asyncio.Event()

    def wake(account_id: str) -> None:
        if account_id == actor.account_id:
            woken.set()

    unsubscribe = services.db.subscribe("events", wake)
    ends = [asyncio.create_task(gone(receive)), asyncio.create_task(stopping.wait())]
    position = dict(raw) | {"limit": BATCH}
    try:
        answer = await invoke(services, operation, position, caller)
        await send({"type": "http.response.start", "status": 200, "headers": HEADERS})
        patience = KEEP_ALIVE
        while not any(end.done() for end in ends):
            events = answer.body["events"]
            async with asyncio.timeout(PATIENCE):
                await send(_part(b"".join(map(frame, events)) or b": keep-alive\n\n"))
            if events:
                position["after"] = events[-1]["event_id"]
            if len(events) < BATCH:
                patience = await _pause(services, woken, ends, patience)
            try:
                answer = await invoke(services, operation, position, replace(caller, counted=False))
            except Refused:
                break  # the key was revoked, or the mailbox that was asked for is gone
        await send({"type": "http.response.body", "body": b""})
    except TimeoutError:
        return  # a reader that does not read is cut off
    finally:
        unsubscribe()
        for end in ends:
            end.cancel()


async def stream_archive(archive: Archive, method: str, receive: Receive, send: Send) -> None:
    """Sends an archive piece by piece, no faster than it is read. One that must end early is broken off: the
    reader sees that by its missing end."""
    headers = [
        (b"content-type", archive.content_type.encode()),
        (b"content-disposition", disposition(archive.name)),
    ]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    if method == "HEAD":
        await send({"type": "http.response.body", "body": b""})
        return
    left = asyncio.create_task(gone(receive))
    try:
        async for chunk in archive.chunks():
            if left.done():
                return
            async with asyncio.timeout(PATIENCE):
                await send(_part(chunk))
        await send({"type": "http.response.body", "body": b""})
    except (Refused, TimeoutError):
        return
    finally:
        left.cancel()


async def _pause(
    services: Services, woken: asyncio.Event, ends: list[asyncio.Task[Any]], patience: float
) -> float:
    """Waits for news, an end, or `patience` seconds; answers how long to wait the next time."""
    waiting = asyncio.create_task(woken.wait())
    await asyncio.wait([waiting, *ends], timeout=patience, return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()
    if not woken.is_set():
        return min(patience * 2, KEEP_ALIVE)
    woken.clear()
    return SOON if services.db.dialect == "postgres" else KEEP_ALIVE


async def gone(receive: Receive) -> None:
    """Returns once the client has hung up."""
    while (await receive())["type"] != "http.disconnect":
        pass


def frame(event: Mapping[str, Any]) -> bytes:
    """JSON has no line ends of its own, so one data line holds it."""
    data = to_json(event)
    return f"id: {event['event_id']}\nevent: {event['type']}\ndata: ".encode() + data + b"\n\n"


def _part(body: bytes) -> dict[str, Any]:
    return {"type": "http.response.body", "body": body, "more_body": True}
