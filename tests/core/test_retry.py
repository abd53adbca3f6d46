import pytest

from multimail.core.retry import delivery_delay, webhook_delay

HOUR = 3600.0


def schedule(delay, jitter=0.0):
    delays = []
    while (seconds := delay(len(delays) + 1, jitter)) is not None:
        delays.append(seconds)
    return delays


def test_delivery_starts_within_minutes_then_waits_half_an_hour_or_more():
    delays = schedule(delivery_delay)
    assert sum(delays[:2]) <= HOUR and delays[0] <= 300
    assert all(seconds >= HOUR / 2 for seconds in delays[2:])


@pytest.mark.parametrize("jitter", [0.0, 0.999])
def test_delivery_gives_up_after_four_to_five_days(jitter):
    assert 4 * 24 * HOUR - HOUR <= sum(schedule(delivery_delay, jitter)) <= 5 * 24 * HOUR


def test_webhooks_are_retried_for_three_days():
    delays = schedule(webhook_delay)
    assert delays[:7] == [5, 30, 120, 600, 1800, HOUR, 3 * HOUR]
    assert all(6 * HOUR <= seconds <= 12 * HOUR for seconds in delays[7:])
    assert 3 * 24 * HOUR <= sum(delays) <= 3.5 * 24 * HOUR


@pytest.mark.parametrize("delay", [delivery_delay, webhook_delay])
def test_delays_never_shrink_and_jitter_only_stretches(delay):
    delays = schedule(delay)
    assert delays == sorted(delays)
    assert all(a < b <= a * 1.1 for a, b in zip(delays, schedule(delay, 0.999), strict=True))


@pytest.mark.parametrize(("attempt", "jitter"), [(0, 0.5), (-1, 0.5), (1, 1.0), (1, -0.1)])
def test_nonsense_is_refused(attempt, jitter):
    with pytest.raises(ValueError, match="attempt"):
        delivery_delay(attempt, jitter)
