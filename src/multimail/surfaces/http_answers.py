"""Writing answers: JSON, errors, files, and the headers that every answer carries."""

from collections.abc import Iterable, Mapping
from typing import Any, Final
from urllib.parse import quote

from pydantic_core import to_json
from starlette.types import Receive, Scope, Send

from multimail.core.errors import Refused
from multimail.operations.attachments import File

Headers = list[tuple[bytes, bytes]]

# What an answer gets unless it says otherwise. Nothing here is made to be shown inside another page.
DEFAULT_HEADERS: Final = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-frame-options", b"DENY"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"cache-control", b"no-store"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
)
FILE_POLICY: Final = b"sandbox; default-src 'none'"

# Types that no browser runs. Everything else, and all that is markup, leaves as plain bytes.
SAFE_TYPES: Final = frozenset(
    """
    application/gzip application/json application/msword application/octet-stream application/pdf
    application/vnd.ms-excel application/vnd.ms-powerpoint application/zip
    application/vnd.openxmlformats-officedocument.presentationml.presentation
    application/vnd.openxmlformats-officedocument.spreadsheetml.sheet
    application/vnd.openxmlformats-officedocument.wordprocessingml.document
    audio/mp4 audio/mpeg audio/ogg audio/wav image/gif image/jpeg image/png image/webp
    message/rfc822 text/calendar text/csv text/plain video/mp4 video/webm
    """.split()
)
RETRY_AFTER: Final = 60  # seconds, where a refusal does not say


class Reply:
    """One whole answer, sent in two messages. A HEAD gets the headers alone (RFC 9110 9.3.2)."""

    __slots__ = ("body", "headers", "status")

    def __init__(
        self, status: int, body: bytes, content_type: bytes, headers: Iterable[tuple[bytes, bytes]] = ()
    ) -> None:
        self.status = status
        self.body = body
        self.headers: Headers = [
            (b"content-type", content_type),
            (b"content-length", str(len(body)).encode()),
            *headers,
        ]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": self.status, "headers": self.headers})
        body = b"" if scope["method"] == "HEAD" else self.body
        await send({"type": "http.response.body", "body": body})


def json_reply(status: int, body: Mapping[str, Any], headers: Iterable[tuple[bytes, bytes]] = ()) -> Reply:
    return Reply(status, to_json(body), b"application/json", headers)


def error_reply(refused: Refused, request_id: str, headers: Iterable[tuple[bytes, bytes]] = ()) -> Reply:
    """The one shape of errors (contract §2)."""
    status = refused.kind.status
    extra = list(headers)
    if status == 401 and not any(name == b"www-authenticate" for name, _ in extra):
        extra.append((b"www-authenticate", b"Bearer"))
    if status == 429:
        seconds = refused.details.get("retry_after", RETRY_AFTER)
        extra.append((b"retry-after", str(seconds).encode()))
    if "reset" in refused.details:  # a key's rate, and no other limit
        extra += rate_headers(refused.details["limit"], 0, refused.details["reset"])
    body = {"error": refused.sentence, "code": refused.code, "request_id": request_id}
    return json_reply(status, refused.details | body, extra)


def rate_headers(limit: object, remaining: object, reset: object) -> Headers:
    """The fields of draft-ietf-httpapi-ratelimit-headers-10: `limit` in 60 seconds, all of it again in `reset`."""
    return [
        (b"ratelimit-policy", f'"key";q={limit};w=60'.encode()),
        (b"ratelimit", f'"key";r={remaining};t={reset}'.encode()),
    ]


def file_reply(file: File) -> Reply:
    """Bytes that a stranger named: a download, of a type that nothing runs, in a sandbox all the same."""
    kind = file.content_type.partition(";")[0].strip().lower()
    safe = kind if kind in SAFE_TYPES else "application/octet-stream"
    headers = (
        (b"content-disposition", disposition(file.name)),
        (b"x-content-type-options", b"nosniff"),
        (b"content-security-policy", FILE_POLICY),
    )
    return Reply(200, file.content, safe.encode(), headers)


def disposition(name: str) -> bytes:
    """RFC 6266: an ASCII name for the old, the real one per RFC 8187 for everyone else."""
    plain = "".join(c if 32 <= ord(c) < 127 and c not in '"\\%/' else "_" for c in name)
    exact = quote(name.encode("utf-8", "replace"), safe="")
    return f"attachment; filename=\"{plain or 'attachment'}\"; filename*=UTF-8''{exact}".encode("ascii")
