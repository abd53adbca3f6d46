"""What may be called of the addresses that users gave us (webhooks, MTA-STS policies, metadata).

An address that a user gave may point into our own network. So: only http and https to public addresses; the
very address that was checked is the one connected to (a name that resolves differently a moment later gains
nothing); no redirects, no proxies, no cookies, no decompression; answers and time are bounded. With
`allow_loopback`, for a server that only its own machine can reach, loopback is allowed too; private and
link-local addresses never are.
"""

import ipaddress
import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final

import dns.asyncresolver
import dns.exception
from yarl import URL

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Resolve = Callable[[str], Awaitable[Sequence[str]]]
"""Host name → its IPv4 and IPv6 addresses; raises OSError when there are none."""

MAX_URL: Final = 2048
DNS_SECONDS: Final = 10.0

# IANA's special-purpose registries (RFC 6890), multicast, and every IPv6 range that carries an IPv4 address.
REFUSED_V4: Final = tuple(
    ipaddress.IPv4Network(network)
    for network in (
        *("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12"),
        *("192.0.0.0/24", "192.0.2.0/24", "192.31.196.0/24", "192.52.193.0/24", "192.88.99.0/24"),
        *("192.168.0.0/16", "192.175.48.0/24", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24"),
        *("224.0.0.0/4", "240.0.0.0/4"),
    )
)
GLOBAL_V6: Final = ipaddress.IPv6Network(
    "2000::/3"
)  # outside it: loopback, mapped, NAT64, ULA, link-local, …
REFUSED_V6: Final = tuple(
    ipaddress.IPv6Network(network)
    for network in ("2001::/23", "2001:db8::/32", "2002::/16", "2620:4f:8000::/48", "3fff::/20")
)
LOOPBACK: Final = (ipaddress.IPv4Network("127.0.0.0/8"), ipaddress.IPv6Network("::1/128"))

# Ports of protocols that could take a request for their own language: the "bad ports" of the Fetch standard,
# https://fetch.spec.whatwg.org/#port-blocking, and 0.
REFUSED_PORTS: Final = frozenset(
    int(port)
    for port in (
        "0 1 7 9 11 13 15 17 19 20 21 22 23 25 37 42 43 53 69 77 79 87 95 101 102 103 104 109 110 111 "
        "113 115 117 119 123 135 137 139 143 161 179 389 427 465 512 513 514 515 526 530 531 532 540 548 "
        "554 556 563 587 601 636 989 990 993 995 1719 1720 1723 2049 3659 4045 4190 5060 5061 6000 6566 "
        "6665 6666 6667 6668 6669 6679 6697 10080"
    ).split()
)

HOST_NAME: Final = re.compile(
    r"(?=.{1,253}\Z)[a-z0-9_](?:[a-z0-9_-]{0,62})(?:\.[a-z0-9_](?:[a-z0-9_-]{0,62}))*"
)
NUMBER_AT_END: Final = re.compile(r"(?:.*\.)?(?:[0-9]+|0x[0-9a-f]*)")  # 2130706433, 127.1, 0x7f.1, 0177.0.0.1


class CallFailed(Exception):
    """A call that got no answer. Its text is one sentence that tells the URL's owner what to look at."""


class UrlRefused(CallFailed):
    """A URL that is never called. Its text says why, and is meant for whoever gave it."""


@dataclass(frozen=True, slots=True)
class Response:
    """`body` is cut at 64 KiB; `elapsed` is in seconds, from the call to the end of the body; `media_type` is in lower
    case and without parameters."""

    status: int
    body: bytes
    elapsed: float
    media_type: str = ""


def may_connect(address: Address, *, allow_loopback: bool) -> bool:
    """Whether `address` is one on the public internet, or an allowed loopback one."""
    if any(address in network for network in LOOPBACK):
        return allow_loopback
    if isinstance(address, ipaddress.IPv4Address):
        return not any(address in network for network in REFUSED_V4)
    return address in GLOBAL_V6 and not any(address in network for network in REFUSED_V6)


async def resolve_by_dns(host: str) -> list[str]:
    """All A and AAAA records of `host`; OSError when there are none or the name servers do not answer."""
    try:
        answers = await dns.asyncresolver.resolve_name(host, lifetime=DNS_SECONDS)
    except (dns.exception.DNSException, OSError, ValueError):
        raise OSError("no address") from None
    return list(answers.addresses())


async def resolve_name(host: str, resolve: Resolve) -> list[Address]:
    """`host`'s addresses, each once; CallFailed when there are none. Localhost asks no DNS: RFC 6761 §6.3."""
    if host == "localhost" or host.endswith(".localhost"):
        return [ipaddress.IPv4Address("127.0.0.1"), ipaddress.IPv6Address("::1")]
    try:
        addresses = [ipaddress.ip_address(text) for text in dict.fromkeys(await resolve(host))]
    except (OSError, ValueError):
        addresses = []
    if not addresses:
        raise CallFailed("The host name could not be resolved.")
    return addresses


def check_url(url: str, *, allow_loopback: bool) -> URL:
    """The parsed URL, if it may be called as far as its text tells; UrlRefused otherwise. Does no look-up."""
    if not (url.isascii() and url.isprintable()) or " " in url or "\\" in url:
        raise UrlRefused("The URL may hold only ASCII characters, without spaces and backslashes.")
    if len(url) > MAX_URL:
        raise UrlRefused(f"The URL may have at most {MAX_URL} characters.")
    try:
        parsed = URL(url)
        port = parsed.port
    except ValueError:
        raise UrlRefused("This is not a valid URL.") from None
    if parsed.scheme not in ("http", "https"):
        raise UrlRefused("The URL must start with https:// or http://.")
    if "@" in re.split("[/?#]", url.partition("://")[2], maxsplit=1)[0]:
        raise UrlRefused("The URL must not hold a user name or password.")
    if port is None or port in REFUSED_PORTS:
        raise UrlRefused("The URL's port belongs to another protocol.")
    check_host(parsed.raw_host or "", allow_loopback=allow_loopback)
    return parsed


def check_host(host: str, *, allow_loopback: bool) -> None:
    """Refuse a host that is neither a name nor a plainly spelled public address. `host` is lower-case."""
    if not host:
        raise UrlRefused("The URL must name a host.")
    if "%" in host:  # an IPv6 zone, or a host spelled in percent codes
        raise UrlRefused("The URL's host must be written without '%'.")
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        name = host.removesuffix(".")
        if not HOST_NAME.fullmatch(name) or NUMBER_AT_END.fullmatch(name):
            raise UrlRefused("The URL's host is neither a name nor a plainly written IP address.") from None
        if (name == "localhost" or name.endswith(".localhost")) and not allow_loopback:
            raise UrlRefused("The URL points to this machine.") from None
        return
    vet([address], allow_loopback=allow_loopback)


def vet(addresses: Sequence[Address], *, allow_loopback: bool) -> None:
    """Refuse all when one is refused: a name with public and private addresses is a trap or a mistake."""
    if not all(may_connect(address, allow_loopback=allow_loopback) for address in addresses):
        raise UrlRefused("The URL leads to a private or reserved network address.")


def is_literal(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
