"""DMARC: whether what SPF or DKIM vouches for is the domain that readers see in From (RFC 7489, RFC 9091)."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Final, Literal

from publicsuffixlist import PublicSuffixList

from multimail.mail.lookups import Dns, found

DmarcResult = Literal["pass", "fail", "none", "temperror", "permerror"]
POLICIES: Final = ("none", "quarantine", "reject")

_TAG = re.compile(r"\s*([a-z]+)\s*=\s*([^;]*?)\s*")


@dataclass(frozen=True, slots=True)
class Policy:
    """What a domain asks for. `domain` is where the record was found."""

    domain: str
    wanted: str  # none, quarantine or reject, for the domain that was asked about
    strict_dkim: bool
    strict_spf: bool


async def find_policy(dns: Dns, domain: str) -> Policy | None:
    """The record of the From domain, of its organisational domain, or of the suffix above (RFC 7489 6.6.3,
    RFC 9091 3.5), whichever is first. Raises OSError."""
    above = organisational(domain)
    suffix = above.partition(".")[2]
    for place in dict.fromkeys((domain, above, suffix)):
        records = (
            [tags for text in await found(dns.txt(f"_dmarc.{place}")) if (tags := _read(text))]
            if place
            else []
        )
        if len(records) == 1:  # several are as good as none (RFC 7489 6.6.3)
            return _policy(place, records[0], own=place == domain)
    return None


def aligned(authenticated: str, author: str, *, strict: bool = False) -> bool:
    """Whether a domain that was authenticated speaks for the one in From (RFC 7489 3.1)."""
    if authenticated == author:
        return True
    return not strict and organisational(authenticated) == organisational(author)


def aligned_one(authenticated: Sequence[str], author: str, *, strict: bool) -> str | None:
    return next((domain for domain in authenticated if aligned(domain, author, strict=strict)), None)


def organisational(domain: str) -> str:
    """One label below the public suffix (RFC 7489 3.2); a public suffix is its own."""
    domain = domain.rstrip(".").lower()
    return _suffixes().privatesuffix(domain) or domain


def is_public_suffix(domain: str) -> bool:
    """Whether others register names right below it: nobody's own, such as `co.uk` and `github.io`."""
    return bool(_suffixes().publicsuffix(domain.rstrip(".").lower()) == domain.rstrip(".").lower())


@cache
def _suffixes() -> PublicSuffixList:
    return PublicSuffixList()


def _read(text: bytes) -> dict[str, str] | None:
    """The tags of a record (RFC 7489 6.4); None for what is no DMARC record."""
    parts = text.decode("ascii", "replace").split(";")
    if not re.fullmatch(r"\s*v\s*=\s*DMARC1\s*", parts[0]):
        return None
    tags: dict[str, str] = {}
    for part in parts[1:]:
        if match := _TAG.fullmatch(part):
            tags.setdefault(match[1], match[2].lower())
    return tags


def _policy(place: str, tags: Mapping[str, str], *, own: bool) -> Policy:
    wanted = tags.get("p", "") if own else tags.get("sp", tags.get("p", ""))
    return Policy(
        domain=place,
        wanted=wanted if wanted in POLICIES else "none",
        strict_dkim=tags.get("adkim") == "s",
        strict_spf=tags.get("aspf") == "s",
    )
