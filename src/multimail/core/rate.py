"""A rate limit as a leaking bucket: the generic cell rate algorithm (ITU-T I.371). Pure; times in microseconds."""

from dataclasses import dataclass
from typing import Final

from multimail.core.times import MINUTE, SECOND

WINDOW: Final = MINUTE


@dataclass(frozen=True, slots=True)
class Allowance:
    """What is left after a request: `remaining` of `limit` in WINDOW; all of it again in `reset` seconds.

    `retry_after` is None where the request was allowed, else when the next one will be, in seconds.
    """

    limit: int
    remaining: int
    reset: int
    retry_after: int | None


def take(limit: int, full_at: int, now: int) -> tuple[int, Allowance]:
    """One request, of `limit` in WINDOW, at `now`. `full_at` is when the whole allowance is back, and so is the
    first thing that is answered; a request that is refused costs nothing."""
    step = WINDOW // limit
    after = max(full_at, now) + step
    if after - now > WINDOW:
        wait = after - now - WINDOW
        return full_at, Allowance(limit, 0, seconds(full_at - now), seconds(wait))
    return after, Allowance(limit, (WINDOW - (after - now)) // step, seconds(after - now), None)


def seconds(microseconds: int) -> int:
    """Rounded up: whoever waits so long has waited long enough."""
    return -(-microseconds // SECOND)
