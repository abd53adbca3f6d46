"""When to try again: pure schedules, no clock. Delays are seconds from the end of the attempt that failed."""

_MINUTE = 60.0
_HOUR = 3600.0

# RFC 5321 4.5.4.1: two tries in the first hour or so, then at least 30 minutes apart, 4 to 5 days in all.
_DELIVERY = (
    *(2 * _MINUTE, 10 * _MINUTE, 30 * _MINUTE, 30 * _MINUTE, 1 * _HOUR, 2 * _HOUR, 3 * _HOUR),
    *(4 * _HOUR,) * 22,
)
# Contract section 9: for three days.
_WEBHOOK = (
    *(5.0, 30.0, 2 * _MINUTE, 10 * _MINUTE, 30 * _MINUTE, 1 * _HOUR, 3 * _HOUR, 6 * _HOUR),
    *(6 * _HOUR, 8 * _HOUR, 12 * _HOUR, 12 * _HOUR, 12 * _HOUR, 12 * _HOUR),
)
# Waits are stretched, never shortened, so that the minimum of 30 minutes holds.
_STRETCH = 0.1


def delivery_delay(attempt: int, jitter: float) -> float | None:
    """Seconds until a deferred delivery is tried again, or None: give up, after about four days.

    `attempt` counts the attempts already made, from 1; `jitter` in [0, 1) stretches the wait by up to 10 %.
    """
    return _delay(_DELIVERY, attempt, jitter)


def webhook_delay(attempt: int, jitter: float) -> float | None:
    """Seconds until a failed webhook call is tried again, or None: give up, after about three days.

    `attempt` counts the attempts already made, from 1; `jitter` in [0, 1) stretches the wait by up to 10 %.
    """
    return _delay(_WEBHOOK, attempt, jitter)


def _delay(schedule: tuple[float, ...], attempt: int, jitter: float) -> float | None:
    if attempt < 1 or not 0 <= jitter < 1:
        raise ValueError(f"attempt must be at least 1 and jitter in [0, 1), not {attempt} and {jitter}")
    return schedule[attempt - 1] * (1 + _STRETCH * jitter) if attempt <= len(schedule) else None
