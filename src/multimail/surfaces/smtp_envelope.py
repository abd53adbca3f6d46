"""What the SMTP server and its owner say to each other: envelopes, replies, limits."""

import asyncio
import ipaddress
from dataclasses import dataclass, field
from typing import Protocol

MAX_SIZE = 35 * 2**20
"""Octets of one message by default: 25 MiB of content and what base64 adds to it."""


@dataclass(frozen=True, slots=True)
class Envelope:
    """Who a message came from and goes to, as the SMTP client said it.

    `sender` is "" for the null reverse-path. Addresses are "local@domain" in their simplest quoting, or
    "postmaster" alone. `protocol` is the RFC 3848 / RFC 6531 4.3 keyword for Received's "with".
    """

    sender: str
    recipients: tuple[str, ...]
    helo: str
    peer: str
    protocol: str
    smtputf8: bool
    body_8bit: bool
    tls: str = ""
    """Its version and cipher, for the trace; "" without."""
    key: str = field(default="", repr=False)
    """What the client authenticated with; "" for mail from outside."""


@dataclass(frozen=True, slots=True)
class Reply:
    """An SMTP reply: code (RFC 5321 4.2), enhanced status (RFC 3463, "" for none), one line of text."""

    code: int
    enhanced: str
    text: str


class Intake(Protocol):
    """What decides about mail and keeps it. Raising from either method answers 451 4.3.0."""

    async def recipient(self, sender: str, address: str) -> Reply | None:
        """None to take mail for `address`, else the 4yz or 5yz refusal."""

    async def message(self, envelope: Envelope, raw: bytes) -> Reply:
        """Return only after `raw` is durable: a 2yz reply makes the mail ours (RFC 5321 6.1)."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds on what clients may cost; times in seconds, sizes in octets.

    Text lines have no limit of their own: RFC 5321 4.5.3.1.6 asks for 1,000 octets at least, longer ones
    are common in practice, and nothing here works line by line. `command_line` is RFC 5321 4.5.3.1.4's 512
    with room for the parameters of SIZE, 8BITMIME and SMTPUTF8. Timeouts follow RFC 5321 4.5.3.2.
    """

    connections: int = 1000
    connections_per_peer: int = 100
    recipients: int = 100
    refused_recipients: int = 100
    """Over one connection, so that guessing addresses stays slow."""
    command_line: int = 1024
    bad_commands: int = 20
    idle_seconds: float = 300.0
    """For the next whole command."""
    data_seconds: float = 180.0
    """For the next block of data."""
    message_seconds: float = 1800.0
    """From 354 to the end of data."""
    close_seconds: float = 10.0
    """For a client to read the last reply; and for a TLS handshake."""
    buffered: int = 128 * 2**20
    """What all connections together may hold in memory."""


def network(peer: str) -> str:
    """What counts as one peer: an IPv4 address, an IPv6 /64."""
    return str(ipaddress.IPv6Network((peer, 64), strict=False)) if ":" in peer else peer


def peer_of(transport: asyncio.BaseTransport) -> str:
    """The address at the other end, an IPv4 one as such; "unknown" once it is gone."""
    name = transport.get_extra_info("peername")
    return str(name[0]).removeprefix("::ffff:").partition("%")[0] if name else "unknown"
