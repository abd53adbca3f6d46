"""Rules about recipients: one address, or everybody at a domain (contract §4)."""

from collections.abc import Collection, Iterable
from enum import StrEnum
from typing import Final

from multimail.core.address import ascii_domain, normalise, parse_address

ANYONE: Final = "*@"


class RuleKind(StrEnum):
    ALLOW = "allow"  # mail of a gated_send mailbox skips the gate if every recipient is allowed
    DENY = "deny"  # mail with such a recipient is refused, and blocked before it leaves
    CAP = "cap"  # so many emails an hour or a day from each mailbox


def read_pattern(text: str) -> str:
    """An address or `*@domain` in the form that is compared; no subdomains. Raises AddressError."""
    if text.strip().startswith(ANYONE):
        return ANYONE + ascii_domain(text.strip().removeprefix(ANYONE))
    return normalise(parse_address(text).address)


def patterns_of(address: str) -> tuple[str, str]:
    """The two patterns that match an address."""
    exact = normalise(address)
    return exact, ANYONE + exact.rpartition("@")[2]


def matching(addresses: Iterable[str], patterns: Collection[str]) -> list[str]:
    """Those of `addresses` that some pattern matches."""
    return [address for address in addresses if any(one in patterns for one in patterns_of(address))]
