"""Times: integers of microseconds since the epoch inside, RFC 3339 in UTC with a `Z` outside."""

from datetime import UTC, datetime, timedelta
from typing import Final

SECOND: Final = 1_000_000
MINUTE: Final = 60 * SECOND
HOUR: Final = 60 * MINUTE
DAY: Final = 24 * HOUR
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_EPOCH_IN_UTC: Final = _EPOCH.replace(tzinfo=None)
_FIRST: Final = datetime.min.replace(tzinfo=UTC)
_LAST: Final = datetime.max.replace(tzinfo=UTC)


def to_rfc3339(us: int) -> str:
    """Milliseconds are what clients see: `2026-11-21T05:47:40.123Z`."""
    return (_EPOCH_IN_UTC + timedelta(microseconds=us)).isoformat(timespec="milliseconds") + "Z"


def optional_rfc3339(us: int | None) -> str | None:
    return None if us is None else to_rfc3339(us)


def from_datetime(moment: datetime) -> int:
    """An aware datetime as microseconds since the epoch.

    An offset can take it out of the years 1 to 9999; what is returned never is, so that it can be shown again.
    """
    return (min(max(moment, _FIRST), _LAST) - _EPOCH) // timedelta(microseconds=1)


def moment(given: datetime | None, default: int) -> int:
    """A time that a client gave, which without a zone is UTC; `default` where there is none."""
    return default if given is None else from_datetime(given if given.tzinfo else given.replace(tzinfo=UTC))


def to_datetime(us: int) -> datetime:
    return _EPOCH + timedelta(microseconds=us)
