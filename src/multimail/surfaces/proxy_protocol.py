"""Who the client is, as a trusted proxy says before the connection's first octet (the PROXY protocol, 1 and 2).

haproxy.org/download/3.0/doc/proxy-protocol.txt. `Doorway` stands before a protocol of asyncio: it reads the header
and not one octet more, so that whatever follows, TLS too, finds the stream untouched.
"""

import asyncio
import ipaddress
import re
from collections.abc import Callable, Sequence
from typing import Final, cast

from multimail.surfaces.smtp_envelope import peer_of

SIGNATURE: Final = b"\r\n\r\n\0\r\nQUIT\n"  # of version 2 (2.2)
MAX_V1: Final = 107  # octets with CRLF (2.1)
MAX_V2: Final = 16 + 4096  # room for every extension in use; a client has no business in any
HEADER_SECONDS: Final = 10.0

_V1: Final = re.compile(
    rb"PROXY (?:UNKNOWN(?: [ -~]*)?|(TCP4|TCP6) ([0-9A-Fa-f:.]+) ([0-9A-Fa-f:.]+) "
    rb"(0|[1-9][0-9]{0,4}) (0|[1-9][0-9]{0,4}))\r\n"
)
_LOCAL, _PROXY = 0x20, 0x21  # version and command
_UNSPECIFIED, _TCP4, _TCP6 = 0x00, 0x11, 0x21  # address family and transport
_ADDRESS_OCTETS: Final = {_TCP4: 4, _TCP6: 16}

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class BadHeader(ValueError):
    """It is no PROXY header, or one of something that SMTP is not spoken over."""


def missing(head: bytes | bytearray) -> int:
    """How many octets at least are still to come until `read_header` can read it; 0 once it can.

    Never more than belong to the header. Raises BadHeader as soon as it can't become one.
    """
    if len(head) < len(SIGNATURE):
        if not (SIGNATURE.startswith(head) or b"PROXY "[: len(head)] == head[:6]):
            raise BadHeader("no PROXY header")
        return len(SIGNATURE) - len(head)
    if head.startswith(SIGNATURE):
        if len(head) < 16:
            return 16 - len(head)
        size = 16 + int.from_bytes(head[14:16])
        if size > MAX_V2:
            raise BadHeader("the header is too long")
        return size - len(head)
    if head.endswith(b"\r\n"):
        return 0
    if not head.startswith(b"PROXY ") or len(head) >= MAX_V1 or b"\n" in head:
        raise BadHeader("no PROXY header")
    return max(len(b"PROXY UNKNOWN\r\n") - len(head), 1)


def read_header(head: bytes) -> str | None:
    """The client's address of a whole header; None where the proxy speaks for itself (a check of health) or does not
    know. Raises BadHeader."""
    return _read_v2(head) if head.startswith(SIGNATURE) else _read_v1(head)


def _read_v1(head: bytes) -> str | None:
    match = _V1.fullmatch(head)
    if match is None:
        raise BadHeader("a malformed header of version 1")
    family, *addresses, source_port, own_port = match.groups()
    if family is None:
        return None
    try:
        source, own = (ipaddress.ip_address(address.decode()) for address in addresses)
    except ValueError as error:
        raise BadHeader(str(error)) from None
    if not source.version == own.version == int(family[3:]) or max(int(source_port), int(own_port)) > 65535:
        raise BadHeader("addresses or ports that are none")
    return _plain(source)


def _read_v2(head: bytes) -> str | None:
    command, family, rest = head[12], head[13], head[16:]
    if command == _LOCAL or (command == _PROXY and family == _UNSPECIFIED):
        return None
    size = _ADDRESS_OCTETS.get(family)
    if command != _PROXY or size is None or len(rest) < 2 * size + 4:
        raise BadHeader("a header of version 2 that is not about TCP")
    return _plain(ipaddress.ip_address(rest[:size]))


def _plain(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> str:
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return str(mapped or address)


class Doorway(asyncio.BufferedProtocol):
    """Where a connection from one of `trusted` says whose it is; any other is its peer's, and may not say.

    `enter(address)` makes the protocol that goes on, for the client's address or, where None, for the peer's own.
    A header that is late or malformed ends the connection without a word.
    """

    def __init__(
        self,
        trusted: Sequence[Network],
        enter: Callable[[str | None], asyncio.Protocol],
        waiting: "set[Doorway]",
    ) -> None:
        self._trusted, self._enter, self._waiting = trusted, enter, waiting
        self._head = bytearray()
        self._buffer = bytearray()
        self._timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's do not inherit from asyncio's
        if not self._is_trusted():
            self._go_on(None)
            return
        self._waiting.add(self)
        self._timer = asyncio.get_running_loop().call_later(HEADER_SECONDS, self._transport.abort)

    def get_buffer(self, sizehint: int) -> bytearray:
        self._buffer = bytearray(missing(self._head))
        return self._buffer

    def buffer_updated(self, nbytes: int) -> None:
        self._head += self._buffer[:nbytes]
        try:
            if missing(self._head):
                return
            client = read_header(bytes(self._head))
        except BadHeader:
            self.abort()
            return
        self._leave()
        self._go_on(client)

    def eof_received(self) -> None:
        self.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        self._leave()

    def abort(self) -> None:
        self._transport.abort()

    def _is_trusted(self) -> bool:
        try:
            peer = ipaddress.ip_address(peer_of(self._transport))
        except ValueError:
            return False
        return any(peer in network for network in self._trusted)

    def _go_on(self, client: str | None) -> None:
        session = self._enter(client)
        self._transport.pause_reading()  # uvloop looks at how a protocol reads when reading starts
        self._transport.set_protocol(session)
        self._transport.resume_reading()
        session.connection_made(self._transport)

    def _leave(self) -> None:
        self._waiting.discard(self)
        if self._timer is not None:
            self._timer.cancel()
