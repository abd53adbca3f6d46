"""MTA-STS policies (RFC 8461): found by the DNS, fetched over HTTPS, kept in the database as long as they say.

What is kept counts until it expires, though the record has gone or the policy can't be fetched: that is what stops
somebody on the way from undoing it (section 5). Whoever is first written to while both are blocked has none.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final, cast

import structlog

from multimail.core.jsontext import to_json
from multimail.core.times import DAY, MINUTE, SECOND
from multimail.mail.mta_sts import Mode, Policy, PolicyError, policy_url, read_policy, read_record
from multimail.net.guarded import CallFailed, Response
from multimail.operations.context import Services
from multimail.storage.database import StorageFull

log = structlog.get_logger()

AGAIN: Final = (
    5 * MINUTE
)  # after a fetch that failed (section 3.3), and until another process's is looked for
REFRESH: Final = DAY  # a policy in use is fetched again, long before it expires
MAX_KNOWN: Final = 10_000  # domains remembered by this process; the rest is looked up in the database

Get = Callable[[str], Awaitable[Response]]


@dataclass(slots=True)
class _Known:
    """Of one domain, times in microseconds; `tried` is the id whose policy could not be fetched, and when."""

    policy: Policy | None = None
    id: str = ""
    fetched_at: int = 0
    expires_at: int = 0
    tried: tuple[str, int] = ("", 0)
    looked_at: int = 0


class Policies:
    """`get` calls an https URL (the guarded client's) and may raise CallFailed. Belongs to one event loop."""

    def __init__(self, services: Services, get: Get) -> None:
        self._services = services
        self._get = get
        self._known: dict[str, _Known] = {}
        self._asked: dict[str, asyncio.Task[Policy | None]] = {}

    async def of(self, domain: str) -> Policy | None:
        """The policy that holds now; those who ask at once wait for one fetch."""
        under_way = self._asked.get(domain)
        if under_way is None:
            under_way = self._asked[domain] = asyncio.create_task(self._find(domain))
            under_way.add_done_callback(lambda _: self._asked.pop(domain, None))
        return await asyncio.shield(under_way)

    async def _find(self, domain: str) -> Policy | None:
        known = self._known.pop(domain, None) or _Known()
        self._known[domain] = known  # at the end: the one longest unasked is the first to be forgotten
        while len(self._known) > MAX_KNOWN:
            del self._known[next(iter(self._known))]
        now = self._services.clock()
        if known.expires_at <= now and now - known.looked_at >= AGAIN:
            await self._look_up(domain, known, now)
        announced = await self._announced(domain)
        current = known.policy if now < known.expires_at else None
        fresh = current and announced == known.id and now - known.fetched_at < REFRESH
        if announced is None or fresh or (known.tried[0] == announced and now - known.tried[1] < AGAIN):
            return current
        known.tried = (announced, now)
        policy = await self._fetch(domain)
        if policy is None:
            return current
        known.policy, known.id, known.fetched_at = policy, announced, now
        known.expires_at, known.tried = now + policy.max_age * SECOND, ("", 0)
        await self._keep(domain, known, policy)
        return policy

    async def _announced(self, domain: str) -> str | None:
        try:
            return read_record(await self._services.dns.txt(f"_mta-sts.{domain}"))
        except (LookupError, OSError):
            return None

    async def _fetch(self, domain: str) -> Policy | None:
        """Only a 200 of plain text says something; redirects were not followed (section 3.3)."""
        try:
            answer = await self._get(policy_url(domain))
            if answer.status != 200 or answer.media_type != "text/plain":
                raise PolicyError(f"HTTP status {answer.status}, media type {answer.media_type[:80]!r}.")
            return read_policy(answer.body)
        except (CallFailed, PolicyError) as error:
            log.warning("an MTA-STS policy could not be had", domain=domain, reason=str(error))
            return None

    async def _look_up(self, domain: str, known: _Known, now: int) -> None:
        """What this or another process kept; most domains have nothing, and are not asked about for each email."""
        known.looked_at = now
        row = await self._services.db.read(lambda tx: tx.sql.get_mta_sts_policy(domain=domain))
        if row is not None:
            known.policy = Policy(
                cast("Mode", row["mode"]), tuple(json.loads(row["mx_json"])), row["max_age"]
            )
            known.id, known.fetched_at = row["policy_id"], row["fetched_at"]
            known.expires_at = row["expires_at"]

    async def _keep(self, domain: str, known: _Known, policy: Policy) -> None:
        row = {"domain": domain, "policy_id": known.id, "mode": policy.mode, "max_age": policy.max_age}
        row |= {
            "mx_json": to_json(list(policy.mx)),
            "fetched_at": known.fetched_at,
            "expires_at": known.expires_at,
        }
        try:
            await self._services.db.write(lambda tx: tx.sql.keep_mta_sts_policy(**row))
        except StorageFull:  # it holds while this process lives
            log.error("no room to keep an MTA-STS policy: the storage is full", domain=domain)
