"""How the guarded client calls: aiohttp, held to what net/guarded.py allows at each of its steps.

A file of its own, loaded with the first call: aiohttp is 8 MiB, and many installations call nobody.
"""

import ipaddress
import socket
import ssl
import time
from collections.abc import Mapping
from typing import Final

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from multidict import CIMultiDict
from yarl import URL

from multimail.net.guarded import CallFailed, Resolve, Response, may_connect, resolve_name, vet

MAX_ANSWER: Final = 64 * 1024
USER_AGENT: Final = "MultiMail"


class VettingResolver(AbstractResolver):
    """What aiohttp asks for the addresses it will connect to: all of them vetted, at this very moment."""

    def __init__(self, resolve: Resolve, *, allow_loopback: bool) -> None:
        self._resolve = resolve
        self._allow_loopback = allow_loopback

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        addresses = await resolve_name(host.removesuffix("."), self._resolve)
        vet(addresses, allow_loopback=self._allow_loopback)
        return [
            ResolveResult(
                hostname=host,
                host=str(address),
                port=port,
                family=socket.AF_INET if address.version == 4 else socket.AF_INET6,
                proto=0,
                flags=socket.AI_NUMERICHOST | socket.AI_NUMERICSERV,
            )
            for address in addresses
        ]

    async def close(self) -> None:
        """Nothing is held."""


class Calls:
    """A session of calls, each of at most `timeout` seconds. To be made inside the event loop that calls."""

    def __init__(self, resolve: Resolve, *, allow_loopback: bool, timeout: float) -> None:
        self._allow_loopback = allow_loopback
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                resolver=VettingResolver(resolve, allow_loopback=allow_loopback),
                socket_factory=self._vetted_socket,
                use_dns_cache=False,
                limit=0,
            ),
            timeout=aiohttp.ClientTimeout(total=timeout),
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            trust_env=False,
        )

    async def close(self) -> None:
        await self._session.close()

    async def call(
        self, method: str, target: URL, body: bytes | None, headers: Mapping[str, str]
    ) -> Response:
        """The answer, whatever its status. CallFailed where there is none."""
        started = time.monotonic()
        sent = CIMultiDict({"User-Agent": USER_AGENT, "Accept-Encoding": "identity"})
        sent.update(headers)
        try:
            async with self._session.request(
                method, target, data=body, headers=sent, allow_redirects=False
            ) as answer:
                content = await read_at_most(answer.content, MAX_ANSWER)
                if not answer.content.at_eof():
                    answer.close()  # the rest is not wanted, so the connection can't be used again
                return Response(answer.status, content, time.monotonic() - started, answer.content_type)
        except (TimeoutError, aiohttp.ClientError, OSError, ssl.SSLError) as error:
            raise CallFailed(reason(error)) from None

    def _vetted_socket(self, info: aiohttp.AddrInfoType) -> socket.socket:
        """The last gate: every connection passes here with the address it goes to, however that was found."""
        family, kind, protocol, _, where = info
        if not may_connect(ipaddress.ip_address(where[0]), allow_loopback=self._allow_loopback):
            raise PermissionError("refused")
        return socket.socket(family, kind, protocol)


async def read_at_most(stream: aiohttp.StreamReader, limit: int) -> bytes:
    content = bytearray()
    while len(content) < limit:
        chunk = await stream.read(limit - len(content))
        if not chunk:
            break
        content += chunk
    return bytes(content)


# The first that fits. What the library says is not passed on: it names resolved addresses and local details.
REASONS: Final[tuple[tuple[type[BaseException], str], ...]] = (
    (TimeoutError, "There was no complete answer in time."),
    (aiohttp.ClientConnectorCertificateError, "The server's TLS certificate was not accepted."),
    (aiohttp.ClientSSLError, "The TLS handshake failed."),
    (ssl.SSLError, "The TLS connection failed."),
    (aiohttp.ClientConnectorError, "The server did not accept the connection."),
    (aiohttp.ServerDisconnectedError, "The server closed the connection without an answer."),
    (aiohttp.ClientPayloadError, "The server's answer was cut short."),
    (aiohttp.ClientResponseError, "The server's answer was not valid HTTP."),
)


def reason(error: BaseException) -> str:
    return next((text for kind, text in REASONS if isinstance(error, kind)), "The connection failed.")
