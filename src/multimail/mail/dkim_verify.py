"""DKIM signatures of mail that comes in (RFC 6376 section 6): read without the DNS, then held against the keys."""

import asyncio
import re
from dataclasses import dataclass
from typing import Final

from multimail.mail.lookups import Dns
from multimail.mail.signed_fields import (
    BadSignature,
    Claim,
    Result,
    Source,
    WrongSignature,
    hold_against_key,
    message_digest,
    read_claim,
    read_tags,
)

MAX_SIGNATURES: Final = 10  # the topmost ones: a message needs one that holds

_SECONDS = re.compile(r"\d{1,12}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Signature:
    """One signature's fate; `domain` is '' where it names none that could be read."""

    domain: str
    selector: str
    result: Result
    reason: str


def read_signatures(source: Source, now: int) -> tuple[Claim | Signature, ...]:
    """The signatures, with what they sign computed; those that can't hold are already judged. `now` in seconds."""
    fields = source.fields.get("dkim-signature", ())[:MAX_SIGNATURES]
    return tuple(_read(source, one, now) for one in fields)


async def verify(dns: Dns, claims: tuple[Claim | Signature, ...]) -> tuple[Signature, ...]:
    return tuple(await asyncio.gather(*(_judged(dns, claim) for claim in claims)))


async def _judged(dns: Dns, claim: Claim | Signature) -> Signature:
    if isinstance(claim, Signature):
        return claim
    return Signature(claim.domain, claim.selector, *await hold_against_key(dns, claim))


def _read(source: Source, raw_field: bytes, now: int) -> Claim | Signature:
    value = raw_field.partition(b":")[2]
    tags: dict[str, str] = {}
    try:
        tags = read_tags(value)
        agent = _checked(tags, now)
        digest = message_digest(source, (raw_field, value), tags)
        claim = read_claim(tags, digest)
    except BadSignature as error:
        return Signature(tags.get("d", "")[:253], tags.get("s", "")[:63], "permerror", str(error))
    except WrongSignature as error:
        return Signature(tags.get("d", "")[:253], tags.get("s", "")[:63], "fail", str(error))
    return Claim(claim.domain, claim.selector, claim.algorithm, digest, claim.signature, agent)


def _checked(tags: dict[str, str], now: int) -> str:
    """What needs no computing; the domain of i= where it is not d= itself. Raises BadSignature, WrongSignature."""
    missing = [tag for tag in ("v", "a", "b", "bh", "d", "h", "s") if not tags.get(tag)]
    if missing or tags["v"] != "1":
        raise BadSignature(f"tags are missing: {', '.join(missing) or 'v=1'}")
    if "q" in tags and "dns/txt" not in tags["q"].lower().replace(" ", "").split(":"):
        raise BadSignature("q= offers no key in the DNS")
    expires, signed = tags.get("x"), tags.get("t")
    if any(time is not None and not _SECONDS.fullmatch(time) for time in (expires, signed)):
        raise BadSignature("t= or x= is no time")
    if expires is not None and int(expires) <= now:
        raise WrongSignature("the signature has expired")
    domain = tags["d"].lower()
    agent = tags.get("i", "").rpartition("@")[2].lower() or domain
    if agent != domain and not agent.endswith(f".{domain}"):
        raise BadSignature("i= is no part of d=")
    return "" if agent == domain else agent
