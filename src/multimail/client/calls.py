"""A call, as the wire has it, and when to make it again: pure, and shared by both clients."""

import base64
import json
import mimetypes
import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from os import PathLike
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from multimail.client.errors import ApiError, ConnectionFailed, RateLimited, ServerFailed, error_of

ATTEMPTS: Final = 4
LONGEST_PAUSE: Final = 30.0
_INPUT: Final = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True, slots=True)
class Call:
    """`repeatable` may be made twice with the effect of once: a read, or a call with an idempotency key."""

    method: str
    path: str
    query: Mapping[str, Any] = field(default_factory=dict)
    body: Mapping[str, Any] | None = None
    repeatable: bool = False


def call_of(method: str, template: str, inputs: Mapping[str, Any], *, idempotent: bool = False) -> Call:
    """None is what was not given. An operation that can be idempotent gets a key of its own where none was given.

    Raises NotFound for an input that would be another path, so another operation.
    """
    given = {name: value for name, value in inputs.items() if value is not None}
    if idempotent:
        given.setdefault("idempotency_key", uuid.uuid4().hex)
    in_path = _INPUT.findall(template)
    path = _INPUT.sub(lambda match: _segment(str(given[match[1]])), template)
    rest = {name: value for name, value in given.items() if name not in in_path}
    if method in ("GET", "DELETE"):
        return Call(method, path, {name: _in_query(value) for name, value in rest.items()}, None, True)
    return Call(method, path, {}, rest, idempotent)


def _segment(value: str) -> str:
    """One segment of a path. What is none of its own is resolved before it is sent (RFC 3986 section 5.2.4), even if it
    is written with percent signs (URL Standard, "double-dot URL path segment")."""
    if value in ("", ".", ".."):
        raise error_of(404, {"error": f"Nothing is named {value!r}.", "code": "not_found"})
    return quote(value, safe="")


def _in_query(value: Any) -> Any:
    return str(value).lower() if isinstance(value, bool) else value


def read_answer(status: int, headers: Mapping[str, str], content: bytes) -> Any:
    """JSON, or the bytes of a file, which may be JSON too. Raises ApiError, ConnectionFailed."""
    if status < 400 and "content-disposition" in headers:
        return content
    try:
        body = json.loads(content)
    except ValueError:
        if status < 400:
            raise ConnectionFailed("The answer is not JSON.") from None
        body = {}
    if status >= 400:
        raise error_of(status, body if isinstance(body, dict) else {})
    return body


def pause(call: Call, attempt: int, error: ConnectionFailed | ApiError) -> float | None:
    """Seconds to wait before the next attempt (the first is 1); None where it would be wrong or no use."""
    if attempt >= ATTEMPTS:
        return None
    if isinstance(error, RateLimited):  # it did nothing, so it may be asked again whatever it was
        wanted = error.details.get("retry_after", 2**attempt)
        seconds = float(wanted) if isinstance(wanted, int | float) else LONGEST_PAUSE
        return seconds if seconds <= LONGEST_PAUSE else None
    if call.repeatable and isinstance(error, ConnectionFailed | ServerFailed):
        return 0.25 * (1 << attempt - 1)
    return None


def attachment(path: str | PathLike[str]) -> dict[str, str]:
    """A file as send_email and reply_email take it."""
    file = Path(path)
    kind = mimetypes.guess_type(file.name)[0] or "application/octet-stream"
    content = base64.b64encode(file.read_bytes()).decode()
    return {"name": file.name, "content_base64": content, "content_type": kind}
