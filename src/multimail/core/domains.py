"""Domains of an account's own: what proves one, and what follows once the proof is gone. A policy, and no I/O.

A domain counts from the check that finds every required record. Afterwards only the ownership record matters: while
it is missing the domain has GRACE to get it back; then it lapses, and somebody else can prove it. That the DNS does
not answer proves nothing either way: it never verifies a domain, and never starts or ends the time of grace.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from multimail.core.times import DAY, HOUR

GRACE: Final = 3 * DAY
CLAIM_LIFE: Final = (
    14 * DAY
)  # how long a claim that nobody proves is looked up by itself; asking goes on for ever
LAPSED_LIFE: Final = 30 * DAY
KEPT: Final = (
    7 * DAY
)  # that a key which signs no more stays published: mail is tried for four days, and read later


class Status(StrEnum):
    PENDING = "pending"
    VERIFIED = "verified"
    LAPSED = "lapsed"


class Seen(StrEnum):
    """What a look-up came to. UNANSWERED: nobody could say."""

    FOUND = "found"
    MISSING = "missing"
    DIFFERENT = "different"
    UNANSWERED = "unanswered"


@dataclass(frozen=True, slots=True)
class Standing:
    """`missing_at` is when the ownership record of a verified domain was first not there, in microseconds."""

    status: Status
    missing_at: int | None = None


def after_check(standing: Standing, ownership: Seen, required: Iterable[Seen], now: int) -> Standing:
    """Where a domain stands after its records were looked up at `now`."""
    if standing.status is not Status.VERIFIED:
        proven = all(seen is Seen.FOUND for seen in (ownership, *required))
        return Standing(Status.VERIFIED) if proven else standing
    if ownership is Seen.UNANSWERED:
        return standing
    if ownership is Seen.FOUND:
        return Standing(Status.VERIFIED)
    since = now if standing.missing_at is None else standing.missing_at
    return Standing(Status.LAPSED if now - since >= GRACE else Status.VERIFIED, since)


def next_check(standing: Standing, since: int, now: int, *, settled: bool) -> int | None:
    """When to look again by itself, None for never. `since` is when the domain was claimed, or when it lapsed;
    `settled` says that no key waits to be seen."""
    if standing.status is Status.PENDING:
        return now + HOUR if now - since < CLAIM_LIFE else None
    if standing.status is Status.LAPSED:
        return now + DAY if now - since < LAPSED_LIFE else None
    if standing.missing_at is not None:
        return now + 6 * HOUR
    return now + (DAY if settled else HOUR)
