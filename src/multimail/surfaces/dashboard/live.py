"""News while a page is open: how many wait, as server-sent events (WHATWG HTML 9.2). No mail is in them."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Final

from starlette.responses import Response, StreamingResponse

from multimail.core.errors import Refused
from multimail.operations import operators
from multimail.operations.reviewing import LIST_QUEUE
from multimail.surfaces.dashboard.desk import Desk, View

KEEP_ALIVE: Final = 20.0  # seconds between looks when nobody wakes us; each asks whether the session lasts
CALM: Final = 0.3  # seconds: what happens at once is told at once, as one


def stream(stopping: asyncio.Event) -> View:
    """The view, for a server that ends its streams once `stopping` is set."""

    async def live(desk: Desk) -> Response:
        headers = {"X-Accel-Buffering": "no"}
        return StreamingResponse(news(desk, stopping), 200, headers, "text/event-stream")

    return live


async def news(desk: Desk, stopping: asyncio.Event) -> AsyncIterator[bytes]:
    """`queue` with the number that waits, at first and whenever something happened; ends with the session."""
    woken, session = asyncio.Event(), desk.session
    assert session is not None

    def wake(account_id: str) -> None:
        if account_id == session.actor.account_id:
            woken.set()

    unsubscribe = desk.services.db.subscribe("events", wake)
    try:
        yield b"retry: 3000\n\n"
        while not stopping.is_set():
            actor = await desk.services.db.read(
                lambda tx: operators.session_actor(desk.services, tx, session.token)
            )
            if actor is None or actor != session.actor:
                break  # signed out, removed, or in another role now: the page is to be asked for again
            try:
                waiting = (await desk.ask(LIST_QUEUE, limit=1))["waiting"]
            except Refused:
                break
            yield f"event: queue\ndata: {waiting}\n\n".encode()
            await pause(woken, stopping)
        yield b"event: over\ndata: over\n\n"
    finally:
        unsubscribe()


async def pause(woken: asyncio.Event, stopping: asyncio.Event) -> None:
    """Until something happens, the server stops, or KEEP_ALIVE has passed."""
    ends = [asyncio.create_task(woken.wait()), asyncio.create_task(stopping.wait())]
    try:
        await asyncio.wait(ends, timeout=KEEP_ALIVE, return_when=asyncio.FIRST_COMPLETED)
        if woken.is_set():
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stopping.wait(), CALM)
    finally:
        for end in ends:
            end.cancel()
    woken.clear()
