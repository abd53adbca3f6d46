"""HTTP: three spellings of every operation in the registry (contract §6), translated and nothing more.

`build_app` makes one ASGI application. A request is read, its inputs get their canonical names, invoke()
decides and does, and what it answers or refuses is written down: no policy lives here.
"""

import asyncio
import time
from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import Any, Final

import structlog
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.routing import BaseRoute, Route, Router
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from multimail.core.errors import Refused, invalid, not_found
from multimail.operations.archive import Archive
from multimail.operations.attachments import File
from multimail.operations.authenticate import authenticate
from multimail.operations.context import PUBLIC, Caller, Services
from multimail.operations.operation import Answer, Operation, check_scope, invoke
from multimail.operations.registry import OPERATIONS
from multimail.storage.database import StorageFull
from multimail.surfaces import link_pages, oauth
from multimail.surfaces.http_answers import (
    DEFAULT_HEADERS,
    Reply,
    error_reply,
    file_reply,
    json_reply,
    rate_headers,
)
from multimail.surfaces.http_pages import count, pages
from multimail.surfaces.http_request import (
    Head,
    parse_body,
    read_body,
    read_head,
    read_metadata,
    read_query,
)
from multimail.surfaces.http_stream import gone, stream_archive, stream_events
from multimail.surfaces.link_pages import wants_page
from multimail.surfaces.mcp.transport import McpApp
from multimail.surfaces.routes import Target, build_tree, split_path, targets
from multimail.surfaces.spellings import Given, by_name, normalise

log: Final = structlog.get_logger("multimail.http")


class Operations:
    """All routes of all operations, looked up segment by segment; `others` gets every other request."""

    def __init__(
        self, services: Services, operations: Sequence[Operation], stopping: asyncio.Event, others: ASGIApp
    ) -> None:
        self.services = services
        self.stopping = stopping
        self.others = others
        self.tree = build_tree(targets(operations))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        segments = split_path(scope.get("raw_path") or scope["path"].encode())
        found = None if segments is None else self.tree.find(segments)
        if found is None:
            scope["app"] = self.others  # so that starlette raises its 404 and 405 instead of answering them
            await self.others(scope, receive, send)
            return
        node, values = found
        target = node.methods.get(scope["method"])
        if target is not None and target.operation.page and values and wants_page(scope):
            scope["app"] = self.others
            await self.others(scope, receive, send)
            return
        reply: Reply | None
        if target is None:
            allow = ", ".join(sorted(node.methods)).encode()
            reply = error_reply(Refused("method_not_allowed"), scope["request_id"], [(b"allow", allow)])
        else:
            scope["operation"] = target.operation.name
            inputs = dict(zip(target.inputs, values, strict=True))
            reply = await self.answer(target, inputs, scope, receive, send)
        if reply is not None:
            await reply(scope, receive, send)

    async def answer(
        self, target: Target, inputs: Mapping[str, str], scope: Scope, receive: Receive, send: Send
    ) -> Reply | None:
        """None once a stream has run. Raises what invoke() raises."""
        operation = target.operation
        head = read_head(scope["headers"])
        if head.credential is None:
            check_scope(operation, PUBLIC)
        given = await self._given(target, inputs, head, scope, receive)
        raw, own = given.raw, "metadata" in operation.input.model_fields
        metadata = read_metadata(head.metadata, raw.get("metadata"), own=own)
        caller = Caller(head.credential, scope["request_id"], metadata, _idempotency_key(head, raw))
        if operation.streams and head.wants_stream and scope["method"] != "HEAD":
            if b"last-event-id" in head.others:  # it beats ?after=, which a reader that reconnects repeats
                raw["after"] = head.others[b"last-event-id"]
            await stream_events(self.services, operation, raw, caller, receive, send, self.stopping)
            return None
        answering = invoke(self.services, operation, raw, caller)
        answer = await (self._while_wanted(answering, receive) if operation.waits else answering)
        archive = answer.body.get("archive")
        if isinstance(archive, Archive):
            await stream_archive(archive, scope["method"], receive, send)
            return None
        file = answer.body.get("file")
        if isinstance(file, File):
            reply = file_reply(file)
        else:
            body = by_name(answer.body) if target.named else answer.body
            if given.warnings:
                body = {**body, "warnings": given.warnings}
            reply = json_reply(answer.status, body)
        if answer.allowance is not None:
            left = answer.allowance
            reply.headers += rate_headers(left.limit, left.remaining, left.reset)
        return reply

    async def _while_wanted(self, answering: Coroutine[Any, Any, Answer], receive: Receive) -> Answer:
        """As long as the client is there and the server runs. Raises ClientDisconnect, Refused("unavailable")."""
        work = asyncio.create_task(answering)
        left, stopped = asyncio.create_task(gone(receive)), asyncio.create_task(self.stopping.wait())
        try:
            await asyncio.wait([work, left, stopped], return_when=asyncio.FIRST_COMPLETED)
            if work.done():
                return work.result()
            raise ClientDisconnect if left.done() else Refused("unavailable")
        finally:
            for task in (work, left, stopped):
                task.cancel()

    async def _given(
        self, target: Target, inputs: Mapping[str, str], head: Head, scope: Scope, receive: Receive
    ) -> Given:
        body: dict[str, Any] = {}
        if scope["method"] not in ("GET", "HEAD"):

            async def vouch() -> None:
                actor = await self.services.db.read(lambda tx: authenticate(tx, head.credential))
                check_scope(target.operation, actor)

            content = await read_body(receive, head, vouch)
            body = parse_body(content, head.others.get(b"content-type"))
        query = read_query(scope["query_string"])
        return normalise(target.spelling, inputs, query, body, target.pinned)


def _idempotency_key(head: Head, raw: Mapping[str, Any]) -> str | None:
    in_header, in_body = head.idempotency_key, raw.get("idempotency_key")
    if in_header is not None and not 0 < len(in_header) <= 255:
        raise invalid("idempotency-key", "1 to 255 characters")
    if in_header is not None and in_body is not None and in_header != in_body:
        message = "different values in the body and as Idempotency-Key"
        raise Refused("conflicting_fields", fields=[{"path": "idempotency_key", "message": message}])
    return in_header


class Envelope:
    """Around every request: an id, the headers that all answers carry, errors put into words, a count."""

    def __init__(self, app: ASGIApp, services: Services) -> None:
        self.app = app
        self.services = services

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":  # ASGI's way to say so of lifespan events and web sockets
            raise NotImplementedError(scope["type"])
        request_id = scope["request_id"] = self.services.new_id("req")
        started, status = time.perf_counter(), 0

        async def sender(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = message["headers"] = list(message["headers"])
                present = {name for name, _ in headers}
                headers += [pair for pair in DEFAULT_HEADERS if pair[0] not in present]
                headers.append((b"x-request-id", request_id.encode()))
            await send(message)

        try:
            try:
                await self.app(scope, receive, sender)
            except ClientDisconnect:
                status = status or 499
            except HTTPException as error:
                await http_error(error, request_id)(scope, receive, sender)
            except Exception as error:  # it is answered and logged, never shown
                if status:
                    log.exception("answer_broken_off", request_id=request_id)
                    return
                await error_reply(worded(error, request_id), request_id)(scope, receive, sender)
        finally:
            count(scope.get("operation", "other"), status, time.perf_counter() - started)


def worded(error: Exception, request_id: str) -> Refused:
    """What to tell the caller. What nobody foresaw is logged whole and told as nothing."""
    if isinstance(error, Refused):
        return error
    if isinstance(error, StorageFull):
        return Refused("storage_full")
    log.error("internal_error", request_id=request_id, exc_info=error)
    return Refused("internal_error")


HTTP_CODES: Final = {401: "unauthenticated", 403: "insufficient_scope", 405: "method_not_allowed",
                     413: "too_large", 415: "unsupported_media_type", 503: "unavailable"}  # fmt: skip


def http_error(error: HTTPException, request_id: str) -> Reply:
    """Errors of routes that are not ours (starlette's own 404 and 405), in our shape."""
    code = HTTP_CODES.get(error.status_code, "malformed_request")
    refused = not_found("page") if error.status_code == 404 else Refused(code)
    headers = [(name.lower().encode(), value.encode()) for name, value in (error.headers or {}).items()]
    return error_reply(refused, request_id, headers)


def build_app(
    services: Services,
    *,
    operations: Sequence[Operation] = OPERATIONS,
    ready: Callable[[], bool],
    extra_routes: Sequence[BaseRoute] = (),
    trusted_proxies: Sequence[str] = (),
    metrics_token: str = "",
    stopping: asyncio.Event | None = None,
) -> ASGIApp:
    """The whole HTTP surface. `ready` is asked by /health; `trusted_proxies` are addresses or networks whose
    X-Forwarded-For is believed; `metrics_token` opens /metrics to other machines; set `stopping` to end the streams
    before a stop.
    """
    stop = stopping or asyncio.Event()
    mcp = McpApp(services, operations, stop)
    own = [
        Route("/mcp", mcp),
        Route("/mcp/start", mcp),
        *oauth.routes(services),
        *link_pages.routes(services),
    ]
    told = pages(operations, ready, trusted_proxies, metrics_token, services.site.public_url)
    others = Router([*own, *extra_routes, *told], redirect_slashes=False)
    return Envelope(Operations(services, operations, stop, others), services)
