"""The DNS as the judging of mail asks it; net/dns.py answers it, tests answer it from a table."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, Protocol, TypeVar

T = TypeVar("T")


class Dns(Protocol):
    """Raises LookupError for a name that does not exist, OSError when nobody can say now."""

    async def txt(self, name: str) -> Sequence[bytes]:
        """Each record's strings joined; () when there is none."""

    async def mx(self, domain: str) -> Sequence[tuple[int, str]]:
        """(preference, host) pairs; () when there is none."""

    async def addresses(self, host: str) -> Sequence[str]:
        """IPv4 and IPv6 addresses as text, one at least."""

    async def pointers(self, address: str) -> Sequence[str]:
        """The names that an IP address claims (PTR), not yet verified."""


class Nowhere:
    """A DNS in which nothing exists: for whoever judges no mail."""

    async def txt(self, name: str) -> Sequence[bytes]:
        raise LookupError(name)

    async def mx(self, domain: str) -> Sequence[tuple[int, str]]:
        raise LookupError(domain)

    async def addresses(self, host: str) -> Sequence[str]:
        raise LookupError(host)

    async def pointers(self, address: str) -> Sequence[str]:
        raise LookupError(address)


NOWHERE: Final[Dns] = Nowhere()


class Bounded:
    """A DNS for one message: what it asks beyond `seconds` or `lookups` is answered with OSError."""

    def __init__(self, dns: Dns, *, seconds: float, lookups: int) -> None:
        self._dns = dns
        self._deadline = asyncio.get_running_loop().time() + seconds
        self._left = lookups

    async def txt(self, name: str) -> Sequence[bytes]:
        return await self._ask(self._dns.txt, name)

    async def mx(self, domain: str) -> Sequence[tuple[int, str]]:
        return await self._ask(self._dns.mx, domain)

    async def addresses(self, host: str) -> Sequence[str]:
        return await self._ask(self._dns.addresses, host)

    async def pointers(self, address: str) -> Sequence[str]:
        return await self._ask(self._dns.pointers, address)

    async def _ask(self, look_up: Callable[[str], Awaitable[Sequence[T]]], name: str) -> Sequence[T]:
        self._left -= 1
        if self._left < 0:
            raise OSError("the message asks for too many look-ups")
        try:
            async with asyncio.timeout_at(self._deadline):
                return await look_up(name)
        except TimeoutError as error:
            raise OSError(f"no answer for {name} in time") from error


async def found(answer: Awaitable[Sequence[T]]) -> Sequence[T]:
    """() for what does not exist, so that only OSError is left to handle."""
    try:
        return await answer
    except LookupError:
        return ()
