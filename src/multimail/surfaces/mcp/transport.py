"""The way in: streamable HTTP at /mcp, without sessions, so that any process can answer any request.

The MCP SDK costs memory and half a second, so it is brought in by the first request and by nobody else.
"""

import asyncio
from collections.abc import Sequence
from importlib import import_module
from typing import Any, Final

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from multimail.core.errors import Refused
from multimail.core.oauth import same_origin
from multimail.operations.authenticate import authenticate, require_valid
from multimail.operations.context import Caller, Services
from multimail.operations.operation import Operation
from multimail.surfaces.http_request import BODY_LIMIT, Head, read_body, read_head, require_few_values
from multimail.surfaces.oauth import challenge

START: Final = "/mcp/start"


class McpApp:
    """An ASGI application. `stopping` ends it and everything that still waits in it."""

    def __init__(self, services: Services, operations: Sequence[Operation], stopping: asyncio.Event) -> None:
        self._services = services
        self._operations = operations
        self._stopping = stopping
        self._starting: asyncio.Future[ASGIApp] | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        # The SDK compares some headers with the body, and blanks around a value are none of it (RFC 9110 section 5.5).
        scope["headers"] = [(name, value.strip(b" \t")) for name, value in scope["headers"]]
        head = read_head(scope["headers"])
        self._refuse_foreign(scope)
        await self._require_key(scope["path"], head.credential)
        scope["caller"] = Caller(head.credential, scope["request_id"], head.metadata)
        if scope["method"] == "POST":
            receive = await _bounded(receive, head)
        if self._starting is None:
            self._starting = asyncio.get_running_loop().create_future()
            self._running = asyncio.create_task(self._run(self._starting))
        handle = await asyncio.shield(self._starting)
        await handle(scope, receive, send)

    async def _require_key(self, path: str, credential: str | None) -> None:
        """401 with where to get in. At START, without a key, there are the tools that get one. Raises HTTPException."""
        if credential is None and path == START:
            return
        if credential is None:
            raise HTTPException(401, headers={"WWW-Authenticate": challenge(self._services)})
        now = self._services.clock()
        try:
            await self._services.db.read(
                lambda tx: require_valid(tx, authenticate(tx, credential), now, note_use=False)
            )
        except Refused:
            told = challenge(self._services, "invalid_token")
            raise HTTPException(401, headers={"WWW-Authenticate": told}) from None

    def _refuse_foreign(self, scope: Scope) -> None:
        """A page from elsewhere must not speak through a visitor's browser (MCP, transports: security)."""
        origin = dict(scope["headers"]).get(b"origin", b"").decode("latin-1")
        if origin and not same_origin(origin, self._services.site.public_url):
            raise Refused("insufficient_scope", "Requests from other sites' pages are not taken here.")

    async def _run(self, starting: "asyncio.Future[ASGIApp]") -> None:
        try:
            manager = await asyncio.to_thread(self._load)
            async with manager.run():
                starting.set_result(manager.handle_request)
                await self._stopping.wait()
        except Exception as error:
            if starting.done():
                raise
            self._starting = None  # the next request tries again
            starting.set_exception(error)

    def _load(self) -> Any:
        manager = import_module("mcp.server.streamable_http_manager").StreamableHTTPSessionManager
        server = import_module("multimail.surfaces.mcp.server")
        app = server.build_server(self._services, self._operations)
        return manager(app, stateless=True, max_request_body_size=BODY_LIMIT)


async def _bounded(receive: Receive, head: Head) -> Receive:
    """The request's body, which the SDK will read, once it was seen to be neither large nor of very many values: the
    SDK reads it on the event loop, and at START for strangers. Raises Refused("too_large")."""

    async def vouch() -> None:
        if head.credential is None:  # else it is known to be good
            raise Refused("too_large", "Without a key a request has at most 1 MiB.")

    body = await read_body(receive, head, vouch)
    require_few_values(body)
    waiting: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def again() -> Message:
        return waiting.pop() if waiting else await receive()

    return again
