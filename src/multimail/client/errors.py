"""What can go wrong, as exceptions: one for each class of answer (contract §2)."""

from collections.abc import Mapping
from typing import Any


class MultiMailError(Exception):
    """Everything that this client raises of itself."""


class ConnectionFailed(MultiMailError):
    """No answer came, or none that could be read. What was asked may have happened."""


class ApiError(MultiMailError):
    """The server said no. `code` is stable, `details` has what came beside it (hint, fields, status …)."""

    def __init__(self, status: int, body: Mapping[str, Any]) -> None:
        self.status = status
        self.code = str(body.get("code", "unknown"))
        self.sentence = str(body.get("error", f"HTTP {status}"))
        self.request_id = str(body.get("request_id", ""))
        known = ("error", "code", "request_id")
        self.details = {name: value for name, value in body.items() if name not in known}
        super().__init__(f"{self.sentence} ({self.code})")


class Unauthenticated(ApiError):
    """401: no key, or one that is unknown or revoked."""


class Forbidden(ApiError):
    """403: the key's scopes, the mailbox's mode or a rule does not allow it."""


class NotFound(ApiError):
    """404: absent, or another account's."""


class Conflict(ApiError):
    """409: the current state does not allow it; `details["status"]` names it."""


class InvalidFields(ApiError):
    """422: `details["fields"]` has a path and a message for each field at fault."""


class RateLimited(ApiError):
    """429: `details["retry_after"]`, where it came, is in seconds."""


class ServerFailed(ApiError):
    """5xx: nothing was lost; the same call may work later."""


BY_STATUS: Mapping[int, type[ApiError]] = {
    401: Unauthenticated,
    403: Forbidden,
    404: NotFound,
    409: Conflict,
    422: InvalidFields,
    429: RateLimited,
}


def error_of(status: int, body: Mapping[str, Any]) -> ApiError:
    return BY_STATUS.get(status, ServerFailed if status >= 500 else ApiError)(status, body)
