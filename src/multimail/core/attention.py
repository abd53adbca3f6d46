"""Who is told when that an email waits for a decision, and what happens when nobody decides. Pure: times come in.

All times are microseconds since the epoch. Quiet hours are minutes of the person's own day, and hold for all that is
mailed to that person, an escalation too; what ends a wait (expiry) knows no quiet hours: it lets nothing out.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, timedelta, tzinfo
from enum import StrEnum
from typing import Final

from multimail.core.times import HOUR, from_datetime, to_datetime

DIGEST_EVERY: Final = HOUR


class Wish(StrEnum):
    """How a person wants to hear of what waits."""

    AT_ONCE = "at_once"
    DIGEST = "digest"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Watcher:
    """A person who may decide. `quiet` is from and until, in minutes after midnight; it may span midnight."""

    operator_id: str
    wish: Wish = Wish.AT_ONCE
    digest_every: int = DIGEST_EVERY
    quiet: tuple[int, int] | None = None
    zone: tzinfo = UTC


@dataclass(frozen=True, slots=True)
class Policy:
    """Of an account: what happens to mail that waits too long. None is never."""

    escalate_after: int | None = None
    escalate_to: Watcher | None = None
    expire_after: int | None = None
    chat: bool = False


class Act(StrEnum):
    TELL = "tell"
    DIGEST = "digest"
    CHAT = "chat"
    ESCALATE = "escalate"
    EXPIRE = "expire"


@dataclass(frozen=True, slots=True)
class Step:
    """One thing to do at or after `at`. `done_as` is how it is remembered."""

    at: int
    act: Act
    operator_id: str = ""

    @property
    def done_as(self) -> str:
        return f"{self.act} {self.operator_id}".strip()


def steps(since: int, watchers: Iterable[Watcher], policy: Policy) -> list[Step]:
    """All that an email which waits since then calls for, in the order of its time."""
    found = []
    for one in watchers:
        if one.wish is Wish.AT_ONCE:
            found.append(Step(after_quiet(since, one), Act.TELL, one.operator_id))
        elif one.wish is Wish.DIGEST:
            found.append(Step(since, Act.DIGEST, one.operator_id))
    if policy.chat:
        found.append(Step(since, Act.CHAT))
    if policy.escalate_after is not None and policy.escalate_to is not None:
        second = policy.escalate_to
        at = after_quiet(since + policy.escalate_after, second)
        found.append(Step(at, Act.ESCALATE, second.operator_id))
    if policy.expire_after is not None:
        found.append(Step(since + policy.expire_after, Act.EXPIRE))
    return sorted(found, key=lambda step: step.at)


def digest_time(at: int, person: Watcher) -> int:
    """When the person's next digest is due: the same for all that comes between two of them."""
    return after_quiet((at // person.digest_every + 1) * person.digest_every, person)


def after_quiet(at: int, person: Watcher) -> int:
    """The first moment from `at` on that is not in the person's quiet hours."""
    if person.quiet is None or person.quiet[0] == person.quiet[1]:
        return at
    start, end = person.quiet
    local = to_datetime(at).astimezone(person.zone)
    minute = local.hour * 60 + local.minute
    inside = start <= minute < end if start < end else minute >= start or minute < end
    if not inside:
        return at
    morning = local.replace(hour=end // 60, minute=end % 60, second=0, microsecond=0, fold=0)
    if morning <= local:  # the clock on the wall: one zone on both sides
        morning += timedelta(days=1)
    return max(at, from_datetime(morning))
