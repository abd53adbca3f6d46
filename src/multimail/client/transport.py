"""Making calls over HTTP, once and again."""

import asyncio
import os
import time
from collections.abc import Mapping
from typing import Any, Final

import httpx2

from multimail.client.calls import Call, call_of, pause, read_answer
from multimail.client.errors import ApiError, ConnectionFailed

TIMEOUT: Final = 150.0  # seconds: longer than the longest wait_for_email


class _Client:
    """What both clients know: where, with which key, from which mailbox."""

    def __init__(
        self, api_key: str | None = None, base_url: str | None = None, mailbox_id: str | None = None
    ) -> None:
        self._mailbox = mailbox_id or os.environ.get("MULTIMAIL_MAILBOX_ID")
        self.base_url = (base_url or os.environ.get("MULTIMAIL_URL", "http://127.0.0.1:8025")).rstrip("/")
        key = api_key or os.environ.get("MULTIMAIL_API_KEY", "")
        self._headers = {"Authorization": f"Bearer {key}"} if key else {}

    def _request(self, call: Call) -> dict[str, Any]:
        request: dict[str, Any] = {"method": call.method, "url": self.base_url + call.path}
        if call.query:
            request["params"] = dict(call.query)
        if call.body is not None:
            request["json"] = dict(call.body)
        return request


class SyncCalls(_Client):
    """As MULTIMAIL_API_KEY, MULTIMAIL_URL and MULTIMAIL_MAILBOX_ID say, unless told otherwise."""

    def __init__(
        self,
        api_key: str | None = None,
        base_url: str | None = None,
        mailbox_id: str | None = None,
        *,
        http: httpx2.Client | None = None,
    ) -> None:
        super().__init__(api_key, base_url, mailbox_id)
        self._http = http or httpx2.Client(timeout=TIMEOUT)

    def close(self) -> None:
        self._http.close()

    def _call(self, method: str, path: str, inputs: Mapping[str, Any], *, idempotent: bool = False) -> Any:
        given = dict(inputs)
        if "{mailbox_id}" in path and given.get("mailbox_id") is None:
            given["mailbox_id"] = self._mailbox = self._mailbox or self._only_mailbox()
        call = call_of(method, path, given, idempotent=idempotent)
        attempt = 1
        while True:
            try:
                return self._once(call)
            except (ConnectionFailed, ApiError) as error:
                seconds = pause(call, attempt, error)
                if seconds is None:
                    raise
            time.sleep(seconds)
            attempt += 1

    def _once(self, call: Call) -> Any:
        try:
            answer = self._http.request(**self._request(call), headers=self._headers)
        except httpx2.HTTPError as error:
            raise ConnectionFailed(str(error) or type(error).__name__) from error
        return read_answer(answer.status_code, answer.headers, answer.content)

    def _only_mailbox(self) -> str:
        return only_mailbox(self._call("GET", "/v1/mailboxes", {"limit": 2}))


class AsyncCalls(_Client):
    """The same, to be awaited."""

    def __init__(
        self,
        api_key: str | None = None,
        base_url: str | None = None,
        mailbox_id: str | None = None,
        *,
        http: httpx2.AsyncClient | None = None,
    ) -> None:
        super().__init__(api_key, base_url, mailbox_id)
        self._http = http or httpx2.AsyncClient(timeout=TIMEOUT)

    async def close(self) -> None:
        await self._http.aclose()

    async def _call(
        self, method: str, path: str, inputs: Mapping[str, Any], *, idempotent: bool = False
    ) -> Any:
        given = dict(inputs)
        if "{mailbox_id}" in path and given.get("mailbox_id") is None:
            given["mailbox_id"] = self._mailbox = self._mailbox or await self._only_mailbox()
        call = call_of(method, path, given, idempotent=idempotent)
        attempt = 1
        while True:
            try:
                return await self._once(call)
            except (ConnectionFailed, ApiError) as error:
                seconds = pause(call, attempt, error)
                if seconds is None:
                    raise
            await asyncio.sleep(seconds)
            attempt += 1

    async def _once(self, call: Call) -> Any:
        try:
            answer = await self._http.request(**self._request(call), headers=self._headers)
        except httpx2.HTTPError as error:
            raise ConnectionFailed(str(error) or type(error).__name__) from error
        return read_answer(answer.status_code, answer.headers, answer.content)

    async def _only_mailbox(self) -> str:
        return only_mailbox(await self._call("GET", "/v1/mailboxes", {"limit": 2}))


def only_mailbox(answer: Mapping[str, Any]) -> str:
    """Raises ValueError for a key that sees none or several, which then must name one."""
    mailboxes = answer["mailboxes"]
    if len(mailboxes) != 1:
        raise ValueError("The key sees no mailbox or several: say which with mailbox_id.")
    return str(mailboxes[0]["id"])
