"""Outbound delivery: to one relay, or to the mail hosts of each recipient's domain (RFC 5321 section 5).

Connections are kept and used again, a bounded number to each destination. Nothing that the far side does
raises: every recipient gets a Result, and what is uncertain is 'deferred'.
"""

import asyncio
import ipaddress
import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol
from urllib.parse import unquote, urlsplit

import structlog
from aiosmtplib import SMTPException

from multimail.core.address import AddressError, ascii_domain, parse_address
from multimail.mail.delivery_tls import Demands, Policies, Signed, Unwanted, demands
from multimail.mail.smtp_session import (
    ConnectionDead,
    Contexts,
    Endpoint,
    Envelope,
    HandshakeFailed,
    NotOffered,
    Outcome,
    Result,
    Session,
    Timeouts,
    Tls,
    TlsFailed,
    connect,
    deferred,
    failure,
    is_loopback,
)

__all__ = ["Deliverer", "Mx", "Relay", "Resolver", "Result", "Timeouts", "parse_relay"]

MAX_HOSTS = 8

log = structlog.get_logger()

_shuffle = secrets.SystemRandom().shuffle


class Resolver(Signed, Protocol):
    """The DNS as delivery asks it. Raises LookupError for what does not exist, OSError when it can't say."""

    async def mx(self, domain: str) -> Sequence[tuple[int, str]]:
        """(preference, host) pairs in any order, () for a domain without MX; the host is '' for a null MX."""

    async def addresses(self, host: str) -> Sequence[str]:
        """IPv4 and IPv6 addresses as text."""


@dataclass(frozen=True, slots=True)
class Relay:
    """A smarthost that takes everything. With 'starttls' and 'implicit' its certificate must be valid for
    `host`; 'opportunistic' encrypts when it can with whoever answers."""

    host: str
    port: int
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    tls: Tls = "opportunistic"


@dataclass(frozen=True, slots=True)
class Mx:
    """Straight to the recipients' mail hosts, with TLS as DANE and `policies` (MTA-STS) want it. Private, loopback and
    other special addresses are connected to only if `allow_private`: a stranger's DNS must not aim this client at
    the inside."""

    resolver: Resolver
    policies: Policies | None = None
    port: int = 25
    allow_private: bool = False


def parse_relay(url: str) -> Relay:
    """smtp://[user:password@]host[:port] or smtps://…, user and password percent-encoded. Raises ValueError.

    smtps is TLS from the start. smtp with a user demands STARTTLS, without one takes it when offered; on a
    loopback host it is not asked for. The port defaults to 25, to 587 with a user, to 465 for smtps.
    """
    parts = urlsplit(url)
    if parts.scheme not in ("smtp", "smtps") or not parts.hostname:
        raise ValueError("A relay is written smtp://host:port or smtps://host:port.")
    if parts.path not in ("", "/") or parts.query or parts.fragment:
        raise ValueError("A relay's address ends after the port.")
    username = unquote(parts.username) if parts.username else None
    password = unquote(parts.password) if parts.password is not None else None
    tls: Tls = "opportunistic"
    if parts.scheme == "smtps":
        tls = "implicit"
    elif is_loopback(parts.hostname):
        tls = "none"
    elif username is not None:
        tls = "starttls"
    port = parts.port or (465 if tls == "implicit" else 587 if username is not None else 25)
    return Relay(parts.hostname, port, username, password, tls)


@dataclass(slots=True)
class _Pool:
    slots: asyncio.Semaphore
    idle: list[tuple[Session, asyncio.TimerHandle]] = field(default_factory=list)
    users: int = 0


class Deliverer:
    """Hands messages over, many at a time. Belongs to one event loop; `close` it when done."""

    def __init__(
        self,
        route: Relay | Mx,
        *,
        helo: str,
        timeouts: Timeouts | None = None,
        per_host: int = 20,
        idle: float = 15.0,
        max_messages: int = 200,
    ) -> None:
        """`helo` is our own name in EHLO; `per_host` connections to a destination at most, each closed after
        `idle` seconds without work or `max_messages` messages."""
        self._route = route
        self._helo = helo
        self._timeouts = timeouts or Timeouts()
        self._per_host = per_host
        self._idle = idle
        self._max_messages = max_messages
        self._contexts = Contexts()
        self._pools: dict[Endpoint, _Pool] = {}
        self._farewells: set[asyncio.Task[None]] = set()
        self._closed = False

    async def deliver(
        self, sender: str, recipients: Sequence[str], raw: bytes, *, smtputf8: bool = False
    ) -> dict[str, Result]:
        """A Result for each recipient, as written. `sender` is the return path, '' for <> (RFC 5321 4.5.5);
        `raw` a whole message with CRLF line ends."""
        smtputf8 = smtputf8 or not all(one.rpartition("@")[0].isascii() for one in (sender, *recipients))
        results: dict[str, Result] = {}
        paths: dict[str, bytes] = {}
        try:
            return_path = _path(sender, smtputf8) if sender else b""
        except AddressError as error:
            return dict.fromkeys(recipients, Result("failed", None, "5.1.7", f"Return path: {error}", ""))
        for recipient in recipients:
            try:
                paths[recipient] = _path(recipient, smtputf8)
            except AddressError as error:
                results[recipient] = Result("failed", None, "5.1.3", str(error), "")
        envelope = Envelope(return_path, paths, raw, smtputf8)
        if not paths:
            return results
        if isinstance(self._route, Relay):
            return results | (await self._hand_over(_relay_endpoint(self._route), envelope)).results
        groups = [replace(envelope, recipients=group) for group in _by_domain(paths)]
        route = self._route
        for found in await asyncio.gather(*(self._to_domain(route, group) for group in groups)):
            results |= found
        return results

    async def close(self) -> None:
        """Close what is idle; deliveries under way finish on connections that are then closed."""
        self._closed = True
        for pool in self._pools.values():
            while pool.idle:
                session, timer = pool.idle.pop()
                timer.cancel()
                self._part(session)
        self._pools.clear()
        if self._farewells:
            await asyncio.wait(set(self._farewells), timeout=5.0)

    async def _to_domain(self, route: Mx, envelope: Envelope) -> dict[str, Result]:
        domain = ascii_domain(next(iter(envelope.recipients)).rpartition("@")[2])
        try:
            hosts = await _mail_hosts(route.resolver, domain)
            wanted = await demands(route.resolver, route.policies, domain)
        except LookupError:
            return dict.fromkeys(envelope.recipients, _no_such(domain, "The domain does not exist", "5.1.2"))
        except OSError as error:
            answer = deferred(f"The DNS did not answer for {domain}: {error}", domain)
            return dict.fromkeys(envelope.recipients, answer)
        if hosts == [""]:
            # RFC 7505 section 3: a null MX takes no mail at all.
            return dict.fromkeys(envelope.recipients, _no_such(domain, "The domain takes no mail", "5.1.10"))
        return await self._to_hosts(route, hosts, wanted, envelope)

    async def _to_hosts(
        self, route: Mx, hosts: Sequence[str], wanted: Demands, envelope: Envelope
    ) -> dict[str, Result]:
        """Host after host, until every recipient has a final answer (RFC 5321 section 5.1)."""
        results: dict[str, Result] = {}
        attempts = 0
        for host in hosts[:MAX_HOSTS]:
            try:
                addresses = _usable(await route.resolver.addresses(host), route.allow_private)
                endpoint = await wanted.endpoint(host, route.port)
            except LookupError:
                continue
            except (OSError, Unwanted) as error:
                results |= dict.fromkeys(_pending(envelope, results), _unreached(error, host))
                continue
            for address in addresses[: MAX_HOSTS - attempts]:
                attempts += 1
                left = replace(envelope, recipients=_pending(envelope, results))
                outcome = await self._hand_over(replace(endpoint, address=address), left)
                results |= outcome.results
                if outcome.settled or not _pending(envelope, results):
                    return results
        unreachable = _no_such(wanted.domain, "No mail host of the domain has a usable address", "5.4.4")
        return dict.fromkeys(envelope.recipients, unreachable) | results

    async def _hand_over(self, endpoint: Endpoint, envelope: Envelope) -> Outcome:
        pool = self._pools.get(endpoint)
        if pool is None:
            pool = self._pools[endpoint] = _Pool(asyncio.Semaphore(self._per_host))
        pool.users += 1
        try:
            async with pool.slots:
                return await self._with_session(endpoint, pool, envelope)
        finally:
            pool.users -= 1
            self._drop_if_unused(endpoint, pool)

    async def _with_session(self, endpoint: Endpoint, pool: _Pool, envelope: Envelope) -> Outcome:
        session = self._take(pool)
        if session is not None:
            try:
                return await self._transact(endpoint, pool, session, envelope)
            except ConnectionDead:
                pass  # it had died while idle: a new one is tried, once
        try:
            session = await self._connect(endpoint)
            return await self._transact(endpoint, pool, session, envelope)
        except (SMTPException, OSError, NotOffered, HandshakeFailed, TlsFailed, ConnectionDead) as error:
            return Outcome(dict.fromkeys(envelope.recipients, failure(error, endpoint)))

    async def _connect(self, endpoint: Endpoint) -> Session:
        try:
            return await connect(endpoint, self._helo, self._timeouts, self._contexts)
        except HandshakeFailed:
            plain = replace(endpoint, tls="none")
            return await connect(plain, self._helo, self._timeouts, self._contexts)
        except (NotOffered, TlsFailed) as error:
            if not endpoint.lenient:
                raise
            log.warning("TLS would have failed", host=endpoint.name, wanted_by=endpoint.by, reason=str(error))
            return await self._connect(replace(endpoint, tls="opportunistic", lenient=False))

    async def _transact(
        self, endpoint: Endpoint, pool: _Pool, session: Session, envelope: Envelope
    ) -> Outcome:
        outcome = await session.transact(envelope)
        if session.usable:
            if self._closed or session.transactions >= self._max_messages:
                self._part(session)
            else:
                loop = asyncio.get_running_loop()
                timer = loop.call_later(self._idle, self._expire, endpoint, pool, session)
                pool.idle.append((session, timer))
        return outcome

    def _take(self, pool: _Pool) -> Session | None:
        while pool.idle:
            session, timer = pool.idle.pop()
            timer.cancel()
            if session.usable:
                return session
        return None

    def _expire(self, endpoint: Endpoint, pool: _Pool, session: Session) -> None:
        pool.idle = [entry for entry in pool.idle if entry[0] is not session]
        self._part(session)
        self._drop_if_unused(endpoint, pool)

    def _drop_if_unused(self, endpoint: Endpoint, pool: _Pool) -> None:
        if not pool.users and not pool.idle and self._pools.get(endpoint) is pool:
            del self._pools[endpoint]

    def _part(self, session: Session) -> None:
        farewell = asyncio.get_running_loop().create_task(session.quit())
        self._farewells.add(farewell)
        farewell.add_done_callback(self._farewells.discard)


def _relay_endpoint(relay: Relay) -> Endpoint:
    # Whoever gets the credentials must have shown who it is.
    exposed = relay.username is not None and relay.tls == "opportunistic" and not is_loopback(relay.host)
    tls: Tls = "starttls" if exposed else relay.tls
    return Endpoint(relay.host, relay.port, relay.host, tls, relay.username, relay.password)


def _path(address: str, smtputf8: bool) -> bytes:
    """The address as it stands between < and > in MAIL and RCPT. Raises AddressError."""
    parsed = parse_address(address)
    if parsed.name or parsed.address.rpartition("@")[0] != address.rpartition("@")[0]:
        raise AddressError(f"{address[:80]!r} is not a bare address.")
    domain = parsed.domain if smtputf8 else ascii_domain(parsed.domain)
    return f"{parsed.local}@{domain}".encode()


def _by_domain(paths: Mapping[str, bytes]) -> Iterable[dict[str, bytes]]:
    groups: dict[str, dict[str, bytes]] = {}
    for recipient, path in paths.items():
        groups.setdefault(ascii_domain(recipient.rpartition("@")[2]), {})[recipient] = path
    return groups.values()


async def _mail_hosts(resolver: Resolver, domain: str) -> list[str]:
    """By preference, equals in random order; the domain itself when it has no MX (RFC 5321 section 5.1)."""
    records = list(await resolver.mx(domain))
    _shuffle(records)
    return [host.rstrip(".") for _, host in sorted(records, key=lambda record: record[0])] or [domain]


def _usable(addresses: Iterable[str], allow_private: bool) -> list[str]:
    return [one for one in addresses if allow_private or _is_public(one)]


def _is_public(address: str) -> bool:
    ip = ipaddress.ip_address(address)
    mapped = ip.ipv4_mapped if isinstance(ip, ipaddress.IPv6Address) else None
    return (mapped or ip).is_global and not ip.is_multicast


def _pending(envelope: Envelope, results: Mapping[str, Result]) -> dict[str, bytes]:
    """Who has no final answer yet."""
    asked = envelope.recipients.items()
    return {one: path for one, path in asked if one not in results or results[one].outcome == "deferred"}


def _unreached(error: Exception, host: str) -> Result:
    """The deferral by a host that was not even asked."""
    if isinstance(error, Unwanted):
        return Result("deferred", None, "4.7.0", f"{error}.", host)
    return deferred(f"The DNS did not answer for {host}: {error}", host)


def _no_such(domain: str, what: str, enhanced: str) -> Result:
    return Result("failed", None, enhanced, f"{what}: {domain}.", domain)
