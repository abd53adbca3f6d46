"""The DNS records that a sending domain publishes, and whether it does.

Ownership is a token of the account's own; DKIM keys RFC 6376 section 3.6.1 and RFC 8463 section 4; MX RFC 5321
section 5; SPF RFC 7208; DMARC RFC 7489. Bounces need no record here: they come to the platform's own domain.
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from multimail.core.domains import Seen
from multimail.mail.dmarc import organisational
from multimail.mail.lookups import Bounded, Dns
from multimail.mail.signed_fields import BadSignature, read_tags

Purpose = Literal["ownership", "dkim", "mx", "spf", "dmarc"]

TIMEOUT: Final = 10.0  # seconds for all records together
LOOKUPS: Final = 24
SHOWN: Final = 10  # records found under a name, and characters of each: they are a stranger's words
LONGEST: Final = 512


@dataclass(frozen=True, slots=True)
class Record:
    """One record to publish: `name` without the last dot, `priority` of an MX. Without a required one nothing
    counts; `about` says what it is for."""

    purpose: Purpose
    type: Literal["TXT", "MX"]
    name: str
    value: str
    about: str
    required: bool = False
    priority: int | None = None

    @property
    def key(self) -> str:
        return f"{self.purpose} {self.name}"


@dataclass(frozen=True, slots=True)
class Finding:
    """What is there instead, where it is something else: `found` are values as the DNS gave them."""

    state: Seen
    found: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PublicKey:
    """`state` is waiting (to be seen), signing or retired."""

    selector: str
    algorithm: Literal["rsa", "ed25519"]
    value: str
    state: Literal["waiting", "signing", "retired"]


KEY_STATES: Final = {
    "waiting": "It signs mail once it is seen here.",
    "signing": "It signs this domain's mail.",
    "retired": "It signed mail until lately: leave it published while it is listed.",
}


def records_of(domain: str, token: str, keys: Sequence[PublicKey], mail_host: str) -> tuple[Record, ...]:
    """All records of an account's own domain, the required ones first."""
    return (
        ownership_record(domain, token),
        *dkim_records(domain, keys),
        Record("mx", "MX", domain, mail_host, "Mail to this domain comes in here. Others may stand beside it.",
               priority=10),
        Record("spf", "TXT", domain, f"v=spf1 a:{mail_host} ~all",
               "Who sends for this domain. Where there is an SPF record already, add the a: part to it."),
        Record("dmarc", "TXT", f"_dmarc.{domain}", "v=DMARC1; p=none",
               "What others do with mail that only pretends to be from this domain. Any policy will do."),
    )  # fmt: skip


def ownership_record(domain: str, token: str) -> Record:
    about = "Proves that the domain is this account's. It stays: the domain counts while it is there."
    return Record("ownership", "TXT", f"_multimail.{domain}", f"multimail-verification={token}", about, True)


def dkim_records(domain: str, keys: Sequence[PublicKey]) -> tuple[Record, ...]:
    """Every receiver verifies RSA, so that key is required: the one that signs, or else the first one that will."""
    signing = {key.algorithm for key in keys if key.state == "signing"}
    return tuple(
        Record(
            "dkim", "TXT", f"{key.selector}._domainkey.{domain}", key.value, KEY_STATES[key.state],
            required=key.algorithm == "rsa" and key.state == ("signing" if "rsa" in signing else "waiting"),
        )
        for key in keys
    )  # fmt: skip


async def look_up(dns: Dns, records: Iterable[Record]) -> dict[str, Finding]:
    """Every record's finding by its key, all asked at once and within TIMEOUT. Never raises."""
    asked = tuple(records)
    bounded = Bounded(dns, seconds=TIMEOUT, lookups=LOOKUPS)
    findings = await asyncio.gather(*(_find(bounded, record) for record in asked))
    return {record.key: finding for record, finding in zip(asked, findings, strict=True)}


async def _find(dns: Dns, record: Record) -> Finding:
    try:
        if record.type == "MX":
            values = [f"{preference} {host}" for preference, host in await dns.mx(record.name)]
        else:
            values = await _texts(dns, record.name)
            above = (
                f"_dmarc.{organisational(record.name)}"  # covers what is below it (RFC 7489 section 6.6.3)
            )
            if record.purpose == "dmarc" and above != record.name and not any(map(_is_dmarc, values)):
                values += await _texts(dns, above)
            if record.purpose == "spf":  # what else a domain says of itself is not asked for, and not shown
                values = [value for value in values if value.lower().split()[:1] == ["v=spf1"]]
    except LookupError:
        return Finding(Seen.MISSING)
    except OSError:
        return Finding(Seen.UNANSWERED)
    shown = tuple(value[:LONGEST] for value in values[:SHOWN])
    if _FITS[record.purpose](record, values):
        return Finding(Seen.FOUND, shown)
    return Finding(Seen.DIFFERENT if values else Seen.MISSING, shown)


async def _texts(dns: Dns, name: str) -> list[str]:
    try:
        return [text.decode("ascii", "replace") for text in await dns.txt(name)]
    except LookupError:
        return []


def _is_listed(record: Record, values: Sequence[str]) -> bool:
    return record.value in (value.strip() for value in values)


def _is_key(record: Record, values: Sequence[str]) -> bool:
    """The one key there: with several a verifier takes any of them (RFC 6376 section 3.6.2.2)."""
    if len(values) != 1:
        return False
    try:
        there, wanted = read_tags(values[0].encode()), read_tags(record.value.encode())
    except BadSignature:
        return False
    key = "".join(there.get("p", "").split())
    return key == wanted["p"] and there.get("k", "rsa") == wanted["k"]


def _is_mx(record: Record, values: Sequence[str]) -> bool:
    return any(value.split()[-1].rstrip(".").lower() == record.value for value in values)


def _is_spf(record: Record, values: Sequence[str]) -> bool:
    """One SPF record (RFC 7208 section 4.5) that names this server."""
    return len(values) == 1 and record.value.split()[1] in (
        term.lstrip("+") for term in values[0].lower().split()
    )


def _is_dmarc(value: str) -> bool:
    return value.partition(";")[0].replace(" ", "") == "v=DMARC1"


_FITS: Final[Mapping[Purpose, Callable[[Record, Sequence[str]], bool]]] = {
    "ownership": _is_listed,
    "dkim": _is_key,
    "mx": _is_mx,
    "spf": _is_spf,
    "dmarc": lambda record, values: any(map(_is_dmarc, values)),
}
