"""SPF: whether a host may use a domain in its MAIL FROM or HELO (RFC 7208).

`check_host` evaluates a record within the RFC's limits: ten terms that ask the DNS, two void look-ups, ten
names each for mx and ptr. Explanations (exp=) are never fetched: nobody is shown a stranger's text about a refusal.
"""

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

from multimail.mail.lookups import Dns, found
from multimail.mail.spf_record import Macros, RecordError, Term, expand, parse_record

SpfResult = Literal["pass", "fail", "softfail", "neutral", "none", "temperror", "permerror"]
IP = ipaddress.IPv4Address | ipaddress.IPv6Address

MAX_TERMS: Final = 10
MAX_VOID: Final = 2
MAX_NAMES: Final = 10
QUALIFIERS: Final[dict[str, SpfResult]] = {"+": "pass", "-": "fail", "~": "softfail", "?": "neutral"}


@dataclass(frozen=True, slots=True)
class Spf:
    """`domain` is the one that was checked; `reason` says in words what decided."""

    result: SpfResult
    domain: str
    reason: str


class _Broken(Exception):
    """The record can't be evaluated: permerror."""


async def check(dns: Dns, *, peer: str, helo: str, sender: str) -> Spf:
    """The MAIL FROM identity, or HELO's where the return path is null (RFC 7208 2.4)."""
    local, _, domain = sender.rpartition("@") if sender else ("", "", helo)
    domain = domain.rstrip(".").lower()
    try:
        address = ipaddress.ip_address(peer)
    except ValueError:
        return Spf("none", domain, f"{peer[:60]!r} is no IP address")
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    evaluation = _Evaluation(dns, mapped or address, local or "postmaster", domain, helo)
    if not _is_checkable(domain):
        return Spf("none", domain, f"{domain[:80]!r} is no domain name")
    try:
        result, reason = await evaluation.check_host(domain)
    except (_Broken, RecordError) as error:
        return Spf("permerror", domain, str(error))
    except OSError as error:
        return Spf("temperror", domain, f"the DNS did not answer: {error}")
    return Spf(result, domain, reason)


def _is_checkable(domain: str) -> bool:
    """RFC 7208 4.3: several labels, none empty or longer than 63 octets."""
    labels = domain.split(".")
    return len(labels) > 1 and len(domain) <= 253 and all(0 < len(label) <= 63 for label in labels)


class _Evaluation:
    """One check_host() with its includes and redirects, which share the limits (RFC 7208 4.6.4)."""

    def __init__(self, dns: Dns, ip: IP, local: str, sender_domain: str, helo: str) -> None:
        self._dns = dns
        self._ip = ip
        self._macros = Macros(ip, local, sender_domain, helo)
        self._terms = 0
        self._void = 0

    async def check_host(self, domain: str) -> tuple[SpfResult, str]:
        """The result and its reason. Raises _Broken, RecordError, OSError."""
        texts = [text for text in await found(self._dns.txt(domain)) if _is_spf(text)]
        if len(texts) > 1:
            raise _Broken(f"{domain} has several SPF records")
        if not texts:
            return "none", f"{domain} has no SPF record"
        record = parse_record(texts[0])
        for term in record.terms:
            if await self._matches(term, domain):
                return QUALIFIERS[term.qualifier], f"{term.text} of {domain}"
        if record.redirect:
            self._count()
            target = await self._target(record.redirect, domain)
            result, reason = await self.check_host(target)
            if result == "none":
                raise _Broken(f"redirect={target} leads to no SPF record")
            return result, reason
        return "neutral", f"nothing in the record of {domain} matches"

    async def _matches(self, term: Term, domain: str) -> bool:
        if term.name == "all":
            return True
        if term.network is not None:
            return self._ip in term.network
        self._count()
        target = await self._target(term.domain, domain) if term.domain else domain
        match term.name:
            case "include":
                return await self._included(target)
            case "a":
                return self._within(await self._addresses(target), term)
            case "mx":
                return await self._is_mail_host(target, term)
            case "exists":
                addresses = await self._addresses(target)
                return any(ipaddress.ip_address(one).version == 4 for one in addresses)
        return any(name == target or name.endswith(f".{target}") for name in await self._validated_names())

    async def _included(self, target: str) -> bool:
        result, _ = await self.check_host(target)
        if result == "none":
            raise _Broken(f"include:{target} has no SPF record")
        return result == "pass"

    async def _is_mail_host(self, target: str, term: Term) -> bool:
        hosts = self._noted(await found(self._dns.mx(target)), target)
        if len(hosts) > MAX_NAMES:
            raise _Broken(f"mx:{target} names more than {MAX_NAMES} hosts")
        for _, host in hosts:
            if host and self._within(await found(self._dns.addresses(host)), term):
                return True
        return False

    async def _validated_names(self) -> list[str]:
        """Names of the peer's address that lead back to it (RFC 7208 5.5); a DNS failure is no match."""
        try:
            claimed = self._noted(await found(self._dns.pointers(str(self._ip))), str(self._ip))
        except OSError:
            return []
        names = []
        for name in claimed[:MAX_NAMES]:
            try:
                addresses = await found(self._dns.addresses(name))
            except OSError:
                continue
            if any(ipaddress.ip_address(one) == self._ip for one in addresses):
                names.append(name.rstrip(".").lower())
        return names

    async def _addresses(self, host: str) -> Sequence[str]:
        return self._noted(await found(self._dns.addresses(host)), host)

    def _within(self, addresses: Sequence[str], term: Term) -> bool:
        length = term.prefix4 if self._ip.version == 4 else term.prefix6
        networks = (
            ipaddress.ip_network(f"{one}/{length}", strict=False) for one in addresses if _fits(one, self._ip)
        )
        return any(self._ip in network for network in networks)

    async def _target(self, spec: str, domain: str) -> str:
        """The domain that a domain-spec means here. Raises RecordError."""
        names = await self._validated_names() if "%{p" in spec.lower() else []
        return expand(spec, domain, self._macros, names).rstrip(".").lower()

    def _count(self) -> None:
        self._terms += 1
        if self._terms > MAX_TERMS:
            raise _Broken(f"more than {MAX_TERMS} terms ask the DNS")

    def _noted(self, answer: Sequence, name: str) -> Sequence:  # type: ignore[type-arg]  # of anything
        if not answer:
            self._void += 1
            if self._void > MAX_VOID:
                raise _Broken(f"more than {MAX_VOID} look-ups found nothing, the last for {name}")
        return answer


def _is_spf(text: bytes) -> bool:
    return text[:6].lower() == b"v=spf1" and text[6:7] in (b"", b" ")


def _fits(address: str, ip: IP) -> bool:
    return ipaddress.ip_address(address).version == ip.version
