"""A client that calls an ASGI application in this process: no sockets, no threads."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote, urlencode


@dataclass(frozen=True)
class Reply:
    status: int
    headers: Mapping[str, str]
    content: bytes

    def json(self) -> Any:
        return json.loads(self.content)


def build_scope(
    method: str,
    target: str,
    headers: Mapping[str, str] | list[tuple[str, str]],
    query: Any = None,
    client: str = "127.0.0.1",
) -> dict[str, Any]:
    """`target` is a path as a client would write it, perhaps with its own ?query."""
    path, _, inline = target.partition("?")
    pairs = list(headers.items()) if isinstance(headers, Mapping) else headers
    return {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": unquote(path),
        "raw_path": path.encode(),
        "root_path": "",
        "query_string": (inline or urlencode(query or {}, doseq=True)).encode(),
        "headers": [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in pairs],
        "client": (client, 50000),
        "server": ("testserver", 80),
        "state": {},
    }


class Exchange:
    """One request under way: what the application sends arrives in `sent`; `leave()` hangs up.

    While `reading` is cleared, whoever sends waits, as on a connection whose buffers are full.
    """

    def __init__(self, app: Any, scope: dict[str, Any], chunks: list[bytes]) -> None:
        self.sent: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._chunks = [
            {"type": "http.request", "body": chunk, "more_body": index + 1 < len(chunks)}
            for index, chunk in enumerate(chunks)
        ]
        self._left = asyncio.Event()
        self.reading = asyncio.Event()
        self.reading.set()
        self.task = asyncio.create_task(app(scope, self._receive, self._send))

    @property
    def unread(self) -> int:
        """Chunks of the body that the application did not ask for."""
        return len(self._chunks)

    async def _receive(self) -> dict[str, Any]:
        if self._chunks:
            return self._chunks.pop(0)
        await self._left.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message: dict[str, Any]) -> None:
        await self.reading.wait()
        await self.sent.put(message)

    def leave(self) -> None:
        self._left.set()

    async def next(self) -> dict[str, Any]:
        """The next message; raises what the application raised if it ended without one."""
        waiting = asyncio.create_task(self.sent.get())
        await asyncio.wait([waiting, self.task], return_when=asyncio.FIRST_COMPLETED)
        if waiting.done():
            return waiting.result()
        waiting.cancel()
        self.task.result()
        raise EOFError("the application ended without another message")

    async def reply(self) -> Reply:
        start = await self.next()
        assert start["type"] == "http.response.start"
        content, more = b"", True
        while more:
            part = await self.next()
            content += part.get("body", b"")
            more = part.get("more_body", False)
        await self.task
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in start["headers"]}
        return Reply(start["status"], headers, content)


async def fetch(
    app: Any,
    method: str,
    target: str,
    *,
    json_body: Any = None,
    content: bytes | list[bytes] | None = None,
    headers: Mapping[str, str] | list[tuple[str, str]] | None = None,
    query: Any = None,
    client: str = "127.0.0.1",
) -> Reply:
    """One request and its whole answer. `json_body` sets the content type too; `content` is bytes."""
    pairs = list(headers.items()) if isinstance(headers, Mapping) else list(headers or [])
    if json_body is not None:
        content = json.dumps(json_body).encode()
        pairs.append(("content-type", "application/json"))
    chunks = content if isinstance(content, list) else [content or b""]
    return await Exchange(app, build_scope(method, target, pairs, query, client), chunks).reply()


@asynccontextmanager
async def open_exchange(
    app: Any, method: str, target: str, headers: Mapping[str, str], query: Any = None
) -> AsyncIterator[Exchange]:
    """For answers that stay open: hangs up and waits for the application at the end."""
    exchange = Exchange(app, build_scope(method, target, headers, query), [b""])
    try:
        yield exchange
    finally:
        exchange.leave()
        await exchange.task
