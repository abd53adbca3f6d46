"""Who sent a message, as far as the domains let us know: SPF, DKIM, DMARC and ARC, evaluated by us.

`read_evidence` is the work on the bytes, `authenticate` asks the DNS. Authentication-Results fields of the message
are a stranger's words and are not read (RFC 8601 section 1.2 lets no more trust them than we would). What can't be
found out is never a pass, and never a reason to lose mail.
"""

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from multimail.core.address import AddressError, ascii_domain
from multimail.mail import arc, dkim_verify, spf
from multimail.mail.arc import Arc, ArcResult, Chain
from multimail.mail.dkim_verify import Signature
from multimail.mail.dmarc import DmarcResult, Policy, aligned_one, find_policy
from multimail.mail.lookups import Bounded, Dns
from multimail.mail.people import Person
from multimail.mail.signed_fields import Claim, Source
from multimail.mail.spf import Spf, SpfResult

Verdict = Literal["pass", "fail", "none", "temperror", "local"]
DkimResult = Literal["pass", "fail", "none", "temperror", "permerror"]

SECONDS: Final = 8.0  # for all look-ups of one message
LOOKUPS: Final = 200
MAX_REASON: Final = 300  # characters


@dataclass(frozen=True, slots=True)
class Session:
    """What the SMTP client said of itself, and its address."""

    peer: str
    helo: str
    sender: str  # MAIL FROM, '' for the null return path


@dataclass(frozen=True, slots=True)
class Evidence:
    """What the bytes say. `author` is the domain in From as A-labels, None where From is not one author's."""

    author: str | None
    dkim: tuple[Claim | Signature, ...]
    arc: Chain | Arc


@dataclass(frozen=True, slots=True)
class Auth:
    """What we found. `verdict` is about the domain in From alone: pass, a domain aligned with it vouches for the
    message; fail, its owner says that one must and none does, or From names not exactly one author; none, nobody
    says anything; temperror, the DNS did not answer; local, the message was sent by a mailbox hosted here.

    `domain` is the one that vouches, None where none does. `reasons` are sentences that may quote strangers.
    """

    spf: SpfResult
    dkim: DkimResult
    dmarc: DmarcResult
    arc: ArcResult
    verdict: Verdict
    domain: str | None
    reasons: tuple[str, ...]


def read_evidence(raw: bytes, authors: Sequence[Person], now: int) -> Evidence:
    """`authors` is whom the parser found in From; `now` is in seconds. Linear in the size of the message."""
    ends = raw.count(b"\r\n")
    if not ends == raw.count(b"\n") == raw.count(b"\r"):
        return Evidence(_author(authors), (), Arc("none", "", ""))  # two readers would cut it differently
    source = Source(raw)
    single = len(source.fields.get("from", ())) == 1
    return Evidence(
        author=_author(authors) if single else None,
        dkim=dkim_verify.read_signatures(source, now),
        arc=arc.read_chain(source),
    )


def local(sender: str) -> Auth:
    """Mail that a mailbox hosted here sent to another: our own word, no DNS."""
    domain = sender.rpartition("@")[2]
    return Auth("none", "none", "none", "none", "local", domain, ("It was sent by a mailbox hosted here.",))


async def authenticate(dns: Dns, session: Session, evidence: Evidence) -> Auth:
    """Ends within SECONDS; raises nothing that the DNS or the message do."""
    bounded = Bounded(dns, seconds=SECONDS, lookups=LOOKUPS)
    checked, signatures, chain, policy = await asyncio.gather(
        spf.check(bounded, peer=session.peer, helo=session.helo, sender=session.sender),
        dkim_verify.verify(bounded, evidence.dkim),
        arc.verify(bounded, evidence.arc),
        _policy(bounded, evidence.author),
    )
    dmarc, verdict, domain, why = _judge(evidence.author, policy, checked, signatures)
    reasons = [
        f"spf: {checked.reason}",
        *(f"dkim: {one.result} {one.domain} {one.reason}".strip() for one in signatures),
        f"dmarc: {why}",
        *([f"arc: {chain.result} {chain.sealer} {chain.reason}".strip()] if chain.result != "none" else []),
    ]
    return Auth(
        spf=checked.result,
        dkim=_best(signatures),
        dmarc=dmarc,
        arc=chain.result,
        verdict=verdict,
        domain=domain,
        reasons=tuple(_printable(reason[:MAX_REASON]) for reason in reasons),
    )


def _author(authors: Sequence[Person]) -> str | None:
    if len(authors) != 1:
        return None
    try:
        return ascii_domain(authors[0].address.rpartition("@")[2])
    except AddressError:
        return None


async def _policy(dns: Dns, author: str | None) -> Policy | OSError | None:
    try:
        return None if author is None else await find_policy(dns, author)
    except OSError as error:
        return error


def _judge(
    author: str | None, policy: Policy | OSError | None, checked: Spf, signatures: Iterable[Signature]
) -> tuple[DmarcResult, Verdict, str | None, str]:
    """The DMARC result, the verdict, the domain that vouches, and why."""
    if author is None:
        return "permerror", "fail", None, "From does not name exactly one author with a domain"
    unknown = isinstance(policy, OSError)
    known = policy if isinstance(policy, Policy) else None
    strict_dkim = unknown or (known is not None and known.strict_dkim)
    strict_spf = unknown or (known is not None and known.strict_spf)

    def vouching(result: str) -> str | None:
        signers = [one.domain for one in signatures if one.result == result]
        senders = [checked.domain] if checked.result == result else []
        return aligned_one(signers, author, strict=strict_dkim) or aligned_one(
            senders, author, strict=strict_spf
        )

    domain = vouching("pass")
    if unknown:
        why = f"the DNS did not answer: {policy}"
        return "temperror", "pass" if domain else "temperror", domain, why
    where = f"p={known.wanted} at {known.domain}" if known else f"{author} has no policy"
    if domain:
        return "pass" if known else "none", "pass", domain, f"{domain} vouches for {author}; {where}"
    if vouching("temperror"):
        return "temperror" if known else "none", "temperror", None, f"the DNS did not answer; {where}"
    return (
        "fail" if known else "none",
        "fail" if known else "none",
        None,
        f"nobody vouches for {author}; {where}",
    )


def _printable(reason: str) -> str:
    return "".join(character if character.isprintable() else "?" for character in reason)


def _best(signatures: Sequence[Signature]) -> DkimResult:
    """One that holds is enough (RFC 6376 6.1); else the one that says most."""
    results = {one.result for one in signatures}
    order: tuple[DkimResult, ...] = ("pass", "temperror", "fail", "permerror")
    return next((result for result in order if result in results), "none")
