"""What TLS with a mail host must be like: as DANE says (RFC 7672), else as MTA-STS (RFC 8461), else what is offered.

DANE comes first where both are there: MTA-STS must not override it (RFC 8461 section 2).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import structlog

from multimail.mail.dane import Fields, usable
from multimail.mail.mta_sts import Policy
from multimail.mail.smtp_session import Dane, Endpoint

log = structlog.get_logger()


class Policies(Protocol):
    """Where a domain's MTA-STS policy is known."""

    async def of(self, domain: str) -> Policy | None:
        """The policy to hold the hosts of `domain` (ASCII) to; None where there is none. Does not raise."""


class Signed(Protocol):
    """The DNS as far as DNSSEC vouches for it. Raises LookupError for a name that does not exist, OSError when
    nobody can say, which is what a forged answer looks like behind a resolver that validates."""

    async def secure(self, name: str, kind: str) -> str | None:
        """The name at the end of the aliases of `name`, where all of the answer about its records of `kind`
        (A, MX), that there are none included, is vouched for; else None."""

    async def tlsa(self, name: str) -> Sequence[Fields]:
        """The records that are vouched for; () for none."""


class Unwanted(Exception):
    """A host that mail for the domain must not go to; says by whose word."""


@dataclass(frozen=True, slots=True)
class Demands:
    """What the mail hosts of `domain` are held to. `signed` is None unless its MX records are vouched for."""

    domain: str
    policy: Policy | None
    signed: Signed | None

    async def endpoint(self, host: str, port: int) -> Endpoint:
        """Without its address. Raises Unwanted, and OSError when the DNS can't say."""
        dane = await _dane(self.signed, self.domain, host, port) if self.signed else None
        if dane is not None:
            return Endpoint("", port, host, "dane", by=f"DANE for {host}", dane=dane)
        policy = self.policy
        if policy is None or policy.mode == "none":
            return Endpoint("", port, host, "opportunistic")
        by = f"the MTA-STS policy of {self.domain}"
        lenient = policy.mode == "testing"
        if not policy.allows(host):
            if not lenient:
                raise Unwanted(f"{by} does not name {host} as a mail host")
            log.warning("the host would not be asked", host=host, wanted_by=by)
        return Endpoint("", port, host, "starttls", by=by, lenient=lenient)


async def demands(signed: Signed, policies: Policies | None, domain: str) -> Demands:
    """Asked once the MX records of `domain` are known. Raises OSError when the DNS can't say."""
    try:
        vouched = await signed.secure(domain, "MX") is not None
    except LookupError:
        vouched = False
    policy = await policies.of(domain) if policies else None
    return Demands(domain, policy, signed if vouched else None)


async def _dane(signed: Signed, domain: str, host: str, port: int) -> Dane | None:
    """None where no record is published. TLSA records are asked for only where the host's addresses are vouched for:
    name servers that know of no DNSSEC fail on such questions (RFC 7672 section 2.2.2)."""
    try:
        end = await signed.secure(host, "A")
    except LookupError:
        return None
    if end is None:
        return None
    for base in dict.fromkeys((end, host)):  # behind its aliases first (section 2.2.3)
        try:
            records = await signed.tlsa(f"_{port}._tcp.{base}")
        except LookupError:
            continue
        if records:
            names = tuple(dict.fromkeys((base, host, domain)))  # section 3.2.2
            return Dane(usable(records), names)
    return None
