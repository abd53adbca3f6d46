"""The leaking bucket: a burst of the whole limit, then one by one as it leaks, never more than two bursts apart."""

from hypothesis import given
from hypothesis import strategies as st

from multimail.core.rate import WINDOW, Allowance, take
from multimail.core.times import SECOND


def test_a_burst_then_one_by_one() -> None:
    full_at = now = 1_000 * SECOND
    for left in (2, 1, 0):
        full_at, allowance = take(3, full_at, now)
        assert allowance == Allowance(3, left, (3 - left) * 20, None)
    refused = take(3, full_at, now)
    assert refused == (full_at, Allowance(3, 0, 60, 20))
    full_at, allowance = take(3, full_at, now + 20 * SECOND)
    assert (allowance.retry_after, allowance.remaining) == (None, 0)
    assert take(3, full_at, now + 10 * WINDOW)[1] == Allowance(3, 2, 20, None)


@given(st.integers(1, 5_000), st.lists(st.integers(0, 2 * WINDOW), max_size=60))
def test_never_more_than_the_limit_in_a_moment_and_twice_in_any_window(limit: int, pauses: list[int]) -> None:
    full_at, now, allowed = 0, WINDOW, []
    for pause in pauses:
        now += pause
        full_at, allowance = take(limit, full_at, now)
        if allowance.retry_after is None:
            allowed.append(now)
            assert 0 <= allowance.remaining < limit
        else:
            assert take(limit, full_at, now + allowance.retry_after * SECOND)[1].retry_after is None
    assert all(sum(now <= at < now + WINDOW for at in allowed) <= 2 * limit for now in allowed)
    assert all(allowed.count(at) <= limit for at in allowed)
