"""ARC: what the hops that forwarded a message say of how it reached them (RFC 8617 section 5.2).

The chain is shown as a fact. It lends no trust by itself: only a sealer that somebody decided to believe could,
and there is no such list here.
"""

import asyncio
import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from multimail.mail.lookups import Dns
from multimail.mail.signed_fields import (
    BadSignature,
    Claim,
    Source,
    WrongSignature,
    canonical_field,
    hold_against_key,
    message_digest,
    read_claim,
    read_tags,
    without_signature,
)

ArcResult = Literal["pass", "fail", "none", "temperror"]
MAX_SETS: Final = 50

KINDS: Final = ("arc-authentication-results", "arc-message-signature", "arc-seal")
_INSTANCE = re.compile(rb"(?:^|;)[ \t\r\n]*i[ \t\r\n]*=[ \t\r\n]*(\d{1,3})[ \t\r\n]*(?=;|$)")


@dataclass(frozen=True, slots=True)
class Arc:
    """`sealer` is the domain that sealed last, '' without a chain."""

    result: ArcResult
    sealer: str
    reason: str


@dataclass(frozen=True, slots=True)
class Chain:
    """The newest message signature, then every seal: all must hold."""

    claims: tuple[Claim, ...]
    sealer: str


def read_chain(source: Source) -> Chain | Arc:
    """The chain with what it signs computed, or its fate where that is known already."""
    fields = {kind: source.fields.get(kind, ()) for kind in KINDS}
    if not any(fields.values()):
        return Arc("none", "", "")
    try:
        return _read(source, fields)
    except (BadSignature, WrongSignature) as error:
        return Arc("fail", "", str(error))


async def verify(dns: Dns, chain: Chain | Arc) -> Arc:
    if isinstance(chain, Arc):
        return chain
    results = await asyncio.gather(*(hold_against_key(dns, claim) for claim in chain.claims))
    for result, reason in results:
        if result == "temperror":
            return Arc("temperror", chain.sealer, reason)
    bad = next((reason for result, reason in results if result != "pass"), None)
    return Arc("pass" if bad is None else "fail", chain.sealer, bad or "")


def _read(source: Source, fields: Mapping[str, Sequence[bytes]]) -> Chain:
    sets = {kind: _by_instance(kind, present) for kind, present in fields.items()}
    newest = max(len(found) for found in sets.values())
    if newest > MAX_SETS or any(sorted(found) != [*range(1, newest + 1)] for found in sets.values()):
        raise BadSignature("the chain has gaps, or is too long")
    seals = [_tags(sets["arc-seal"][number]) for number in range(1, newest + 1)]
    if [tags.get("cv", "").lower() for tags in seals] != ["none", *["pass"] * (newest - 1)]:
        raise BadSignature("a hop found the chain broken (cv=)")
    if any("h" in tags for tags in seals):
        raise BadSignature("a seal names fields (h=)")
    signed = sets["arc-message-signature"][newest]
    value = signed.partition(b":")[2]
    tags = _tags(signed)
    claims = [read_claim(tags, message_digest(source, (signed, value), tags))]
    covered = hashlib.sha256()
    for number, seal_tags in enumerate(seals, start=1):
        seal = sets["arc-seal"][number]
        for kind in KINDS[:2]:
            covered.update(canonical_field(sets[kind][number], True) + b"\r\n")
        own = covered.copy()  # this seal's own b= is empty and its end of line left out (RFC 8617 5.1.1)
        own.update(canonical_field(without_signature(seal, seal.partition(b":")[2]), True))
        claims.append(read_claim(seal_tags, own.digest()))
        covered.update(canonical_field(seal, True) + b"\r\n")
    return Chain(tuple(claims), claims[-1].domain)


def _tags(raw_field: bytes) -> dict[str, str]:
    return read_tags(raw_field.partition(b":")[2])


def _by_instance(kind: str, present: Sequence[bytes]) -> dict[int, bytes]:
    found: dict[int, bytes] = {}
    for one in present[: MAX_SETS + 1]:
        match = _INSTANCE.search(one.partition(b":")[2])
        number = int(match[1]) if match else 0
        if not number or number in found:
            raise BadSignature(f"{kind} has no instance of its own (i=)")
        found[number] = one
    return found
