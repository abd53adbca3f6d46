"""A spam score: the sum of reasons, each of which is told. 5 is flagged, 10 quarantined, as mail people know it."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final, Literal

FLAGGED: Final = 5.0
QUARANTINED: Final = 10.0
Verdict = Literal["clean", "flagged", "quarantined"]


@dataclass(frozen=True, slots=True)
class Reason:
    """`points` add up to the score; below zero they speak for the mail."""

    rule: str
    points: float
    detail: str


@dataclass(frozen=True, slots=True)
class Spam:
    """`reasons` are the gravest first."""

    score: float
    verdict: Verdict
    reasons: tuple[Reason, ...]


@dataclass(frozen=True, slots=True)
class Envelope:
    """How a message came: for a filter beside us."""

    peer: str
    helo: str
    sender: str
    recipient: str


SecondOpinion = Callable[[bytes, Envelope], Awaitable[Sequence[Reason]]]


def sum_up(reasons: Sequence[Reason]) -> Spam:
    kept = sorted((one for one in reasons if one.points), key=lambda one: (-abs(one.points), one.rule))
    score = round(sum(one.points for one in kept), 1)
    verdict: Verdict = "quarantined" if score >= QUARANTINED else "flagged" if score >= FLAGGED else "clean"
    return Spam(score, verdict, tuple(kept))
