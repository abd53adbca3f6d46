"""The DNS (RFC 1035): answers with a time limit and a cache that keeps to their TTL."""

import asyncio
import ipaddress
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

import dns.asyncresolver
import dns.exception
import dns.flags
import dns.name
import dns.rdatatype
import dns.resolver
import dns.reversename
from dns.rdtypes.ANY.MX import MX
from dns.rdtypes.ANY.PTR import PTR
from dns.rdtypes.ANY.TLSA import TLSA
from dns.rdtypes.ANY.TXT import TXT

from multimail.core.address import AddressError, ascii_domain

MAX_ENTRIES = 10_000
MAX_TTL = 3600.0
NEGATIVE_TTL = 60.0
RESERVED = frozenset((b"test", b"example", b"invalid", b"localhost"))  # RFC 6761: nobody can register them
FORWARDER: Final = "127.0.0.11"  # Docker's, which repeats what a server elsewhere said
RESOLV_CONF: Final = Path("/etc/resolv.conf")

Dnssec = Literal["auto", "on", "off"]


class NotFound(LookupError):
    """The name does not exist, or has nothing of the kind asked for."""


class Temporary(OSError):
    """No server gave a usable answer: it may next time."""


@dataclass(frozen=True, slots=True)
class _Answer:
    """`records` is None for a name that does not exist (RFC 8020), () for one without such records. `end` is the
    name behind its aliases, where DNSSEC vouches for all of the answer; else ''."""

    records: tuple[object, ...] | None
    expires: float
    end: str = ""


class Resolver:
    """MX, address, TXT, PTR and TLSA look-ups. Belongs to one event loop."""

    def __init__(
        self,
        *,
        timeout: float = 10.0,
        nameservers: tuple[str, ...] | None = None,
        port: int = 53,
        clock: Callable[[], float] = time.monotonic,
        dnssec: Dnssec = "off",
    ) -> None:
        """`timeout` in seconds bounds a look-up with its retries; `nameservers` replace the system's, which are
        not asked for reserved names: those do not exist, and a machine without a network should not wait.

        We validate no DNSSEC: with `dnssec` on, the name servers are believed that they did (the AD bit, RFC 6840
        section 5.8); with auto only where nobody stands between (see `believed`).
        """
        self._reserved = RESERVED if nameservers is None else frozenset()
        try:
            self._resolver = dns.asyncresolver.Resolver(configure=nameservers is None)
        except dns.resolver.NoResolverConfiguration:
            self._resolver = dns.asyncresolver.Resolver(configure=False)  # every look-up is Temporary
        if nameservers is not None:
            self._resolver.nameservers = list(nameservers)
            self._resolver.port = port
        self._resolver.lifetime = timeout
        servers = [str(one) for one in self._resolver.nameservers]
        self.believed = dnssec == "on" or (dnssec == "auto" and believed(servers))
        """Whether what the name servers say of DNSSEC counts."""
        if self.believed:
            self._resolver.set_flags(dns.flags.RD | dns.flags.AD)
        self._clock = clock
        self._cache: dict[tuple[dns.name.Name, dns.rdatatype.RdataType], _Answer] = {}

    async def mx(self, domain: str) -> tuple[tuple[int, str], ...]:
        """(preference, host) by preference, () for a domain without MX, (0, '') for a null MX (RFC 7505).

        Raises NotFound for a domain that does not exist, Temporary.
        """
        records = await self._records(domain, dns.rdatatype.MX)
        found = [record for record in records if isinstance(record, MX)]
        return tuple(sorted((one.preference, one.exchange.to_text().rstrip(".").lower()) for one in found))

    async def addresses(self, host: str) -> tuple[str, ...]:
        """IPv6 and IPv4 addresses as text, one at least. Raises NotFound, Temporary."""
        asked = (self._records(host, kind) for kind in (dns.rdatatype.AAAA, dns.rdatatype.A))
        answers = await asyncio.gather(*asked, return_exceptions=True)
        found: list[str] = []
        problems = []
        for answer in answers:
            if isinstance(answer, (NotFound, Temporary)):
                problems.append(answer)
            elif isinstance(answer, BaseException):
                raise answer
            else:
                found += [str(record) for record in answer]
        if found:
            return tuple(found)
        for problem in problems:
            if isinstance(problem, Temporary):
                raise problem
        raise NotFound(f"{host} has no address")

    async def txt(self, name: str) -> tuple[bytes, ...]:
        """Each record's strings joined (RFC 7208 3.3), () when there is none. Raises NotFound, Temporary."""
        records = await self._records(name, dns.rdatatype.TXT)
        return tuple(b"".join(record.strings) for record in records if isinstance(record, TXT))

    async def pointers(self, address: str) -> tuple[str, ...]:
        """The names that an IP address claims, () when there is none. Raises NotFound, Temporary."""
        name = dns.reversename.from_address(str(ipaddress.ip_address(address))).to_text()
        records = await self._records(name, dns.rdatatype.PTR)
        return tuple(one.target.to_text(omit_final_dot=True) for one in records if isinstance(one, PTR))

    async def tlsa(self, name: str) -> tuple[tuple[int, int, int, bytes], ...]:
        """(usage, selector, matching type, data) of each record that DNSSEC vouches for (RFC 6698), () when there is
        none. Raises NotFound, Temporary."""
        answer = await self._answer(name, dns.rdatatype.TLSA)
        found = (one for one in answer.records or () if answer.end and isinstance(one, TLSA))
        return tuple((one.usage, one.selector, one.mtype, one.cert) for one in found)

    async def secure(self, name: str, kind: str) -> str | None:
        """The name behind the aliases of `name`, where DNSSEC vouches for the answer about its records of `kind`, that
        there are none included; else None. Raises NotFound, Temporary."""
        return (await self._answer(name, dns.rdatatype.from_text(kind))).end or None

    async def _records(self, name: str, kind: dns.rdatatype.RdataType) -> tuple[object, ...]:
        return (await self._answer(name, kind)).records or ()

    async def _answer(self, name: str, kind: dns.rdatatype.RdataType) -> _Answer:
        try:
            key = (dns.name.from_text(name if name.isascii() else ascii_domain(name)), kind)
        except (dns.exception.DNSException, AddressError) as error:
            raise NotFound(f"{name[:80]!r} is not a domain name") from error
        if self._reserved.intersection(key[0].canonicalize().labels[-2:-1]):
            raise NotFound(f"{name} is in a reserved top-level domain")
        answer = self._cache.get(key)
        if answer is None or answer.expires <= self._clock():
            answer = await self._ask(*key)
            self._remember(key, answer)
        if answer.records is None:
            raise NotFound(f"{name} does not exist")
        return answer

    async def _ask(self, name: dns.name.Name, kind: dns.rdatatype.RdataType) -> _Answer:
        try:
            found = await self._resolver.resolve(name, kind, search=False, raise_on_no_answer=False)
        except dns.resolver.NXDOMAIN:
            return _Answer(None, self._clock() + NEGATIVE_TTL)
        except (dns.exception.DNSException, OSError) as error:
            raise Temporary(f"{name.to_text(omit_final_dot=True)}: {type(error).__name__}") from error
        vouched = self.believed and found.response.flags & dns.flags.AD
        end = found.canonical_name.to_text(omit_final_dot=True).lower() if vouched else ""
        if found.rrset is None:
            return _Answer((), self._clock() + NEGATIVE_TTL, end)
        return _Answer(tuple(found.rrset), self._clock() + min(float(found.rrset.ttl), MAX_TTL), end)

    def _remember(self, key: tuple[dns.name.Name, dns.rdatatype.RdataType], answer: _Answer) -> None:
        self._cache.pop(key, None)
        while len(self._cache) >= MAX_ENTRIES:
            self._cache.pop(next(iter(self._cache)))  # the oldest: a dict keeps its order
        self._cache[key] = answer


def believed(servers: Sequence[str], resolv_conf: Path = RESOLV_CONF) -> bool:
    """Whether what these say of DNSSEC can be taken for their own word: all of them are on this machine and no mere
    forwarders, or whoever runs the machine said so (`options trust-ad`, resolv.conf(5))."""
    try:
        lines = resolv_conf.read_text("utf-8", "replace").splitlines()
    except OSError:
        lines = []
    if any(line.split()[:1] == ["options"] and "trust-ad" in line.split() for line in lines):
        return True
    return bool(servers) and all(
        one != FORWARDER and ipaddress.ip_address(one).is_loopback for one in servers
    )
