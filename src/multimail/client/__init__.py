"""The Python SDK: every operation as a method, sync and async.

    from multimail.client import MultiMail

    mail = MultiMail()  # MULTIMAIL_API_KEY, MULTIMAIL_URL, MULTIMAIL_MAILBOX_ID
    sent = mail.send_email(to="bob@example.org", subject="Hi", markdown="Hello **Bob**")
    reply = mail.wait_for_reply(sent["thread_id"], seconds=600)

Calls that may be made twice are retried; sends get an idempotency key of their own, so they may be, too.
"""

import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from types import TracebackType
from typing import Any, Final

from multimail.client.aio import AsyncOperations
from multimail.client.calls import attachment
from multimail.client.errors import (
    ApiError,
    Conflict,
    ConnectionFailed,
    Forbidden,
    InvalidFields,
    MultiMailError,
    NotFound,
    RateLimited,
    ServerFailed,
    Unauthenticated,
)
from multimail.client.sync import Operations
from multimail.core.webhook_signature import verify

__all__ = [
    "ApiError", "AsyncMultiMail", "Conflict", "ConnectionFailed", "Forbidden", "InvalidFields", "MultiMail",
    "MultiMailError", "NotFound", "RateLimited", "ServerFailed", "Unauthenticated", "attachment", "read_webhook",
]  # fmt: skip

WAIT: Final = 100  # seconds of one long poll


class MultiMail(Operations):
    """Use it as a context manager, or close() it."""

    def __enter__(self) -> "MultiMail":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def each(self, lists: Callable[..., Any], **inputs: Any) -> Iterator[dict[str, Any]]:
        """Everything that a listing method has, page after page: `mail.each(mail.check_inbox, status="unread")`."""
        cursor: str | None = None
        while True:
            page = lists(**inputs, **({"cursor": cursor} if cursor else {}))
            yield from _items(page)
            cursor = page.get("cursor")
            if cursor is None:
                return

    def wait_for_reply(
        self, thread_id: str, *, seconds: float = 600, since_id: str | None = None
    ) -> dict[str, Any] | None:
        """The first email that came into a thread after our last one, read whole; None where none comes in time.

        `since_id` names another email to begin after.
        """
        end = time.monotonic() + seconds
        since_id = since_id or _newest_sent(self._call(*_THREAD, {"thread_id": thread_id, "bodies": False}))
        while (left := end - time.monotonic()) > 0:
            answer: Any = self._call(*_WAIT, _waiting(thread_id, since_id, left))
            if answer["email"] is not None:
                email: dict[str, Any] = self._call(*_READ, _reading(answer["email"]))
                return email
        return None

    def dispatch(self, name: str, arguments: str | Mapping[str, Any]) -> str:
        """A model's tool call, made: JSON for the model, whatever happens. It never raises into the loop."""
        try:
            return json.dumps(_method(self, name)(**_arguments(arguments)))
        except Exception as error:  # noqa: BLE001  # a model is told what went wrong, and tries something else
            return _told(error)


class AsyncMultiMail(AsyncOperations):
    """Use it as an async context manager, or await close()."""

    async def __aenter__(self) -> "AsyncMultiMail":
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def each(
        self, lists: Callable[..., Awaitable[Any]], **inputs: Any
    ) -> AsyncIterator[dict[str, Any]]:
        """Everything that a listing method has, page after page."""
        cursor: str | None = None
        while True:
            page = await lists(**inputs, **({"cursor": cursor} if cursor else {}))
            for item in _items(page):
                yield item
            cursor = page.get("cursor")
            if cursor is None:
                return

    async def wait_for_reply(
        self, thread_id: str, *, seconds: float = 600, since_id: str | None = None
    ) -> dict[str, Any] | None:
        """The first email that came into a thread after our last one, read whole; None where none comes in time.

        `since_id` names another email to begin after.
        """
        end = time.monotonic() + seconds
        thread = await self._call(*_THREAD, {"thread_id": thread_id, "bodies": False})
        since_id = since_id or _newest_sent(thread)
        while (left := end - time.monotonic()) > 0:
            answer: Any = await self._call(*_WAIT, _waiting(thread_id, since_id, left))
            if answer["email"] is not None:
                email: dict[str, Any] = await self._call(*_READ, _reading(answer["email"]))
                return email
        return None

    async def dispatch(self, name: str, arguments: str | Mapping[str, Any]) -> str:
        """A model's tool call, made: JSON for the model, whatever happens. It never raises into the loop."""
        try:
            return json.dumps(await _method(self, name)(**_arguments(arguments)))
        except Exception as error:  # noqa: BLE001  # a model is told, as in MultiMail
            return _told(error)


def read_webhook(
    body: bytes, headers: Mapping[str, str], secret: str, *, now: float | None = None
) -> dict[str, Any]:
    """The event of a webhook call: `body` is the raw request body. Raises ValueError unless it is signed with
    `secret` (`whsec_…`) and no more than five minutes old."""
    if not verify(secret, headers, body, now=int(time.time() if now is None else now)):
        raise ValueError("The webhook call is not signed with this secret, or is too old.")
    event: dict[str, Any] = json.loads(body)
    return event


_WAIT: Final = ("GET", "/v1/mailboxes/{mailbox_id}/wait")
_READ: Final = ("GET", "/v1/mailboxes/{mailbox_id}/emails/{email_id}")


_THREAD: Final = ("GET", "/v1/mailboxes/{mailbox_id}/threads/{thread_id}")


def _waiting(thread_id: str, since_id: str | None, left: float) -> dict[str, Any]:
    return {"thread_id": thread_id, "since_id": since_id, "timeout_seconds": min(WAIT, left)}


def _newest_sent(thread: Mapping[str, Any]) -> str | None:
    """Ids sort by the time of their making."""
    return max((email["id"] for email in thread["emails"] if email["direction"] == "outbound"), default=None)


def _reading(email: Mapping[str, Any]) -> dict[str, Any]:
    return {"mailbox_id": email["mailbox_id"], "email_id": email["id"]}


def _items(page: Mapping[str, Any]) -> list[dict[str, Any]]:
    """A page has one list beside its cursor."""
    return next((value for value in page.values() if isinstance(value, list)), [])


def _method(client: object, name: str) -> Callable[..., Any]:
    """Only an operation can be named: nothing else of the client is a tool."""
    if name not in Operations.NAMES:
        raise ValueError(f"there is no tool {name}")
    method: Callable[..., Any] = getattr(client, name)
    return method


def _arguments(arguments: str | Mapping[str, Any]) -> dict[str, Any]:
    given = json.loads(arguments or "{}") if isinstance(arguments, str) else arguments
    return {name: value for name, value in given.items() if value is not None}


def _told(error: Exception) -> str:
    if isinstance(error, ApiError):
        return json.dumps({"error": error.sentence, "code": error.code} | error.details)
    return json.dumps({"error": str(error) or type(error).__name__, "code": "not_called"})
