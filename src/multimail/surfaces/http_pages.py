"""What describes and watches the surface itself: health, metrics, the API description and its page."""

import hmac
import html
from base64 import b64encode
from collections.abc import Callable, Sequence
from functools import cache
from hashlib import sha256
from ipaddress import ip_address, ip_network
from typing import Any, Final

from prometheus_client import CONTENT_TYPE_LATEST, Counter, Histogram, generate_latest
from pydantic_core import to_json
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from multimail.core.errors import ERRORS, not_found
from multimail.operations.operation import Operation
from multimail.surfaces.llms import llms_text
from multimail.surfaces.openapi import describe
from multimail.surfaces.site import site

REQUESTS: Final = Counter("multimail_http_requests", "HTTP requests answered.", ["operation", "status"])
DURATIONS: Final = Histogram(
    "multimail_http_request_seconds",
    "Seconds from a request's head to the end of its answer.",
    ["operation"],
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10),
)
_requests: Final = cache(REQUESTS.labels)
_durations: Final = cache(DURATIONS.labels)

STYLE: Final = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}"
    "code{background:#8882;padding:.1em .3em;border-radius:.2em}pre{white-space:pre-wrap;font:inherit}"
    "h2{margin:2rem 0 0;border-top:1px solid #8884;padding-top:1rem}"
)


def count(operation: str, status: int, seconds: float) -> None:
    """`operation` is a name of the registry or one of a few words of ours, so the labels stay few."""
    _requests(operation, str(status)).inc()
    _durations(operation).observe(seconds)


def pages(
    operations: Sequence[Operation],
    ready: Callable[[], bool],
    trusted_proxies: Sequence[str],
    metrics_token: str,
    url: str,
) -> list[Route]:
    description = cache(lambda: to_json(describe(operations)))
    page = cache(lambda: render(operations))
    style = b64encode(sha256(STYLE.encode()).digest()).decode()

    async def health(request: Request) -> Response:
        if ready():
            return _json(200, {"status": "ok"})
        sentence = ERRORS["unavailable"].sentence
        error = {"error": sentence, "code": "unavailable", "request_id": request.scope["request_id"]}
        return _json(503, {"status": "starting"} | error)

    async def metrics(request: Request) -> Response:
        if not (has_token(request, metrics_token) or from_loopback(request, trusted_proxies)):
            raise not_found("page")
        return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)

    async def openapi(request: Request) -> Response:
        return Response(description(), media_type="application/json")

    async def docs(request: Request) -> Response:
        policy = f"default-src 'none'; style-src 'sha256-{style}'; frame-ancestors 'none'; base-uri 'none'"
        return Response(page(), media_type="text/html", headers={"Content-Security-Policy": policy})

    async def llms(request: Request) -> Response:
        return Response(llms_text(operations, url), media_type="text/markdown")

    async def front(request: Request) -> Response:
        return Response(status_code=307, headers={"Location": "/docs"})

    return [
        Route("/", front),
        Route("/health", health),
        Route("/metrics", metrics),
        Route("/v1/openapi.json", openapi),
        *site(Route("/docs/operations", docs)),
        Route("/llms.txt", llms),
    ]


def _json(status: int, body: dict[str, Any]) -> Response:
    return Response(to_json(body), status, media_type="application/json")


def has_token(request: Request, token: str) -> bool:
    """Whether the request has the bearer token (RFC 6750 2.1), compared in constant time. No token opens nothing."""
    scheme, _, given = request.headers.get("authorization", "").partition(" ")
    same = hmac.compare_digest(given.strip().encode(), token.encode())
    return bool(token) and scheme.lower() == "bearer" and same


def from_loopback(request: Request, trusted_proxies: Sequence[str]) -> bool:
    """Whether the request began on this machine. A proxy's word counts only when the proxy is trusted."""
    peer = request.client.host if request.client else ""
    forwarded = request.headers.getlist("x-forwarded-for")
    if forwarded or "forwarded" in request.headers:
        if not _within(peer, trusted_proxies):
            return False
        hops = [hop.strip() for line in forwarded for hop in line.split(",")]
        peer = next((hop for hop in reversed(hops) if not _within(hop, trusted_proxies)), "")
    try:
        return ip_address(peer).is_loopback
    except ValueError:
        return False


def _within(peer: str, networks: Sequence[str]) -> bool:
    try:
        address = ip_address(peer)
    except ValueError:
        return False
    return any(address in ip_network(network, strict=False) for network in networks)


def render(operations: Sequence[Operation]) -> str:
    """The registry as one page, with nothing from elsewhere and no script."""
    items = "".join(_item(operation) for operation in operations)
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8">'
        f"<title>MultiMail: operations</title><style>{STYLE}</style><h1>MultiMail</h1>"
        '<p>Every operation, also as <a href="/v1/openapi.json">OpenAPI</a>. Send an API key as '
        f"<code>Authorization: Bearer mm_live_…</code>.</p>{items}</html>"
    )


def _item(operation: Operation) -> str:
    routes = [(operation.method, operation.path), *((route.method, route.path) for route in operation.also)]
    routes.append(("POST", f"/{operation.name}"))
    shown = "<br>".join(f"<code>{method} {html.escape(path)}</code>" for method, path in routes)
    needs = html.escape(" or ".join(operation.scopes))
    return (
        f"<h2>{html.escape(operation.name)}</h2><p>{shown}</p><p>Scope: {needs}</p>"
        f"<pre>{html.escape(operation.summary)}</pre>"
    )
