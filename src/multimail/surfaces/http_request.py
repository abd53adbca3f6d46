"""Reading a request: credentials, headers, query and body, each within bounds (contract §2, §7)."""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import parse_qsl

from pydantic import TypeAdapter, ValidationError
from pydantic_core import from_json
from starlette.requests import ClientDisconnect
from starlette.types import Receive

from multimail.core.errors import Refused, invalid
from multimail.operations.composing import Metadata
from multimail.operations.operation import VALUES

BODY_LIMIT: Final = 40 * 1024 * 1024
STRANGERS_LIMIT: Final = 1024 * 1024  # what is read before the credential has been looked up
MARKS_LIMIT: Final = (
    2_000_000  # in one body, in its strings too: two bodies full of them, and 25 MiB of base64 from PHP
)
QUERY_LIMIT: Final = 200
METADATA_LIMIT: Final = 16

METADATA_HEADERS: Final = {
    b"x-multimail-thread-id": "thread_id",
    b"x-multimail-run-id": "run_id",
    b"x-multimail-assistant-id": "assistant_id",
}
OTHER_HEADERS: Final = frozenset(
    {b"content-type", b"content-length", b"idempotency-key", b"accept", b"last-event-id"}
)
_METADATA: Final[TypeAdapter[dict[str, str]]] = TypeAdapter(Metadata)


@dataclass(frozen=True, slots=True)
class Head:
    """What matters of the headers. `others` has those of OTHER_HEADERS that came, by name."""

    credential: str | None
    metadata: Mapping[str, str]
    others: Mapping[bytes, str]

    @property
    def idempotency_key(self) -> str | None:
        return self.others.get(b"idempotency-key")

    @property
    def wants_stream(self) -> bool:
        return "text/event-stream" in self.others.get(b"accept", "").lower()


def read_head(headers: Iterable[tuple[bytes, bytes]]) -> Head:
    """Raises Refused: unauthenticated for an unusable credential or two different ones, invalid_fields."""
    credentials: set[str] = set()
    metadata: dict[str, str] = {}
    others: dict[bytes, str] = {}
    for name, value in headers:
        if name == b"authorization":
            credentials.add(_bearer(value.decode("latin-1")))
        elif name == b"x-api-key":
            credentials.add(value.decode("latin-1").strip())
        elif name in METADATA_HEADERS:
            metadata[METADATA_HEADERS[name]] = _header(name, value, 512)
        elif name in OTHER_HEADERS:
            others.setdefault(name, _header(name, value, 8192))
    if len(credentials) > 1:
        raise Refused("unauthenticated", "Two different credentials were sent: send one.")
    return Head(credentials.pop() if credentials else None, metadata, others)


def _bearer(header: str) -> str:
    scheme, _, token = header.strip().partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise Refused("unauthenticated", "Send the API key as: Authorization: Bearer mm_live_…")
    return token.strip()


def _header(name: bytes, value: bytes, limit: int) -> str:
    """Text of a header, UTF-8 or else Latin-1 (RFC 9110 5.5)."""
    try:
        text = value.decode("utf-8")
    except UnicodeDecodeError:
        text = value.decode("latin-1")
    if len(text) > limit or "\0" in text:
        raise invalid(name.decode("latin-1"), f"a header of at most {limit} characters, without NUL")
    return text


def read_query(raw: bytes) -> dict[str, list[str]]:
    """Each name with its values in order. Raises Refused for what is not UTF-8, has NUL, or is too much."""
    found: dict[str, list[str]] = {}
    if not raw:
        return found
    try:
        pairs = parse_qsl(
            raw.decode("utf-8"), keep_blank_values=True, errors="strict", max_num_fields=QUERY_LIMIT
        )
    except ValueError:
        raise Refused("malformed_request", "The query string could not be read.") from None
    for name, value in pairs:
        if "\0" in value:
            raise invalid(name.replace("\0", "")[:64], "NUL characters are not allowed")
        found.setdefault(name, []).append(value)
    return found


async def read_body(receive: Receive, head: Head, vouch: Callable[[], Awaitable[object]]) -> bytes:
    """At most BODY_LIMIT bytes; beyond STRANGERS_LIMIT only once `vouch()` has accepted the credential."""
    length = head.others.get(b"content-length", "0")
    if length.isdecimal() and int(length[:16]) > BODY_LIMIT:
        raise Refused("too_large", "A request has at most 40 MiB.")
    chunks: list[bytes] = []
    size, known = 0, False
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        chunk: bytes = message.get("body", b"")
        size += len(chunk)
        if size > BODY_LIMIT:
            raise Refused("too_large", "A request has at most 40 MiB.")
        if size > STRANGERS_LIMIT and not known:
            await vouch()
            known = True
        chunks.append(chunk)
        if not message.get("more_body", False):
            return chunks[0] if len(chunks) == 1 else b"".join(chunks)


def parse_body(body: bytes, content_type: str | None) -> dict[str, Any]:
    """The JSON object of a body, {} for none. Raises Refused: malformed_request, unsupported_media_type …

    The parser refuses lone surrogates, NaN, and nesting of more than 200.
    """
    if not body:
        return {}
    if content_type is not None:
        _check_type(content_type.partition(";")[0].strip().lower())
    require_few_values(body)
    try:
        parsed = from_json(body, allow_inf_nan=False, cache_strings="keys")
    except ValueError as error:
        raise Refused("malformed_request", f"The body is not JSON: {error}") from None
    if not isinstance(parsed, dict):
        raise Refused("malformed_request", "The body must be a JSON object.")
    if b"\\u0000" in body:
        _refuse_nul(parsed, "")
    return parsed


def _marks(text: bytes) -> int:
    return sum(map(text.count, (b",", b"[", b"{")))


def require_few_values(body: bytes) -> None:
    """Raises Refused("too_large"), before anybody reads the JSON."""
    if _too_many(body):
        raise Refused("too_large", f"A body has at most {VALUES} values.")


def _too_many(body: bytes) -> bool:
    """Whether a JSON text has more than VALUES values, found before they take up memory and at the speed of memchr.

    Each but the first of a list or object has a comma before it, each list or object its bracket; what of these stands
    in strings counts for nothing.
    """
    # Nearly all are that short: no more marks than bytes, and to count them is what takes the longest here.
    if len(body) <= VALUES:
        return False
    marks = _marks(body)
    if marks <= VALUES:
        return False
    if max(marks, body.count(b'"'), body.count(b"\\")) > MARKS_LIMIT:
        return True
    plain = body.replace(rb"\\", b"").replace(rb"\"", b"")
    pieces = plain.split(
        b'"', 4 * VALUES
    )  # outside, string, outside …; a value is two strings at most, with its name
    return _marks(b"".join(pieces[::2])) > VALUES


def _check_type(kind: str) -> None:
    if kind == "application/json" or (kind.startswith("application/") and kind.endswith("+json")):
        return
    hint = (
        "with curl, add: -H 'Content-Type: application/json'"
        if kind == "application/x-www-form-urlencoded"
        else "send the input as a JSON object"
    )
    raise Refused("unsupported_media_type", hint=hint)


def _refuse_nul(value: Any, path: str) -> None:
    """PostgreSQL keeps no NUL in text, and no mail may carry one (RFC 5322 2.2): it is refused."""
    if isinstance(value, str) and "\0" in value:
        raise invalid(path, "NUL characters are not allowed")
    pairs = enumerate(value) if isinstance(value, list) else value.items() if isinstance(value, dict) else ()
    for name, item in pairs:
        here = f"{path}.{name}" if path else str(name)
        if "\0" in here:
            raise invalid(path or "body", "NUL characters are not allowed")
        _refuse_nul(item, here)


def read_metadata(headers: Mapping[str, str], given: Any, *, own: bool) -> dict[str, str]:
    """Of the headers, and of the body where the operation has no such input of its `own` (contract §6)."""
    in_body = set(given) if isinstance(given, dict) else set()
    if len(in_body | set(headers)) > METADATA_LIMIT:
        raise invalid("metadata", f"at most {METADATA_LIMIT} keys, with those of the headers")
    if own or given is None:
        return dict(headers)
    try:
        return dict(headers) | _METADATA.validate_python(given)
    except ValidationError as error:
        raise invalid("metadata", error.errors()[0]["msg"]) from None
