"""How often a key may ask. Each process counts for itself, in memory: a limit is there to keep one client from
crowding out the others of a server, and what must be exact (quotas, attempts) is counted in the database."""

from typing import Final

from multimail.core.errors import Refused
from multimail.core.plans import PLANS, Plan
from multimail.core.rate import Allowance, take

MANY: Final = 10_000  # keys remembered before those that are at rest are forgotten


class Rates:
    """When each key has its whole allowance back."""

    def __init__(self) -> None:
        self._full_at: dict[str, int] = {}

    def take(self, key_id: str, limit: int, now: int) -> Allowance:
        if len(self._full_at) > MANY:
            self._full_at = {name: at for name, at in self._full_at.items() if at > now}
        self._full_at[key_id], allowance = take(limit, self._full_at.get(key_id, now), now)
        return allowance

    def left(self, key_id: str, limit: int, now: int) -> Allowance:
        """What `take` would answer now, without taking."""
        return take(limit, self._full_at.get(key_id, now), now)[1]


def count_request(
    rates: Rates, key_id: str, plan: str | None, self_hosted: Plan, now: int
) -> Allowance | None:
    """None where nothing limits the key. Raises Refused("rate_limited")."""
    limit = PLANS.get(plan or "", self_hosted).requests
    if limit is None:
        return None
    allowance = rates.take(key_id, limit, now)
    if allowance.retry_after is not None:
        raise Refused(
            "rate_limited",
            f"This key may ask {limit} times a minute: wait and try again.",
            limit=limit,
            reset=allowance.reset,
            retry_after=allowance.retry_after,
        )
    return allowance
