"""The one HTTP client that calls addresses that users gave us (webhooks, MTA-STS policies, metadata)."""

import asyncio
from collections.abc import Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Self

from yarl import URL

from multimail.net.guarded import (
    CallFailed,
    Resolve,
    Response,
    check_url,
    is_literal,
    resolve_by_dns,
    resolve_name,
    vet,
)

if TYPE_CHECKING:
    from multimail.net.calls import Calls


class GuardedClient:
    """Use as `async with GuardedClient(...) as client`, or `await client.close()` at the end.

    `timeout` is in seconds, for a whole call. How many calls run at once is the caller's business: a slow
    address holds up no other. `check_url` and `resolve_and_check` are for the moment when a user gives a URL;
    each call checks again.
    """

    def __init__(
        self, *, allow_loopback: bool, timeout: float = 30, resolve: Resolve = resolve_by_dns
    ) -> None:
        self._allow_loopback = allow_loopback
        self._timeout = timeout
        self._resolve = resolve
        self._calls: Calls | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        if self._calls is not None:
            await self._calls.close()
            self._calls = None

    def check_url(self, url: str) -> URL:
        """As the function `check_url`, by this client's rule for loopback."""
        return check_url(url, allow_loopback=self._allow_loopback)

    async def resolve_and_check(self, url: str) -> None:
        """UrlRefused when `url` may not be called, its addresses looked up; CallFailed when it has none."""
        host = (self.check_url(url).raw_host or "").removesuffix(".")
        if is_literal(host):
            return
        try:
            async with asyncio.timeout(self._timeout):
                addresses = await resolve_name(host, self._resolve)
        except TimeoutError:
            raise CallFailed("The host name could not be resolved.") from None
        vet(addresses, allow_loopback=self._allow_loopback)

    async def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> Response:
        """The answer, whatever its status (a redirect is one, too). UrlRefused or another CallFailed."""
        return await self._call("POST", url, body, headers)

    async def get(self, url: str, headers: Mapping[str, str] | None = None) -> Response:
        return await self._call("GET", url, None, headers or {})

    async def _call(self, method: str, url: str, body: bytes | None, headers: Mapping[str, str]) -> Response:
        target = self.check_url(url)
        if self._calls is None:
            from multimail.net.calls import Calls

            self._calls = Calls(self._resolve, allow_loopback=self._allow_loopback, timeout=self._timeout)
        return await self._calls.call(method, target, body, headers)
