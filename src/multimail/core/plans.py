"""What an account may use: the plans of contract §12 as a table, and the limits of a self-hosted one.

Warm-up and bounce thresholds protect the reputation of whoever runs the servers: a hosted plan always has
them, a self-hosted account where it is configured.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

MB: Final = 1_000_000
GB: Final = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Plan:
    """None means no limit. `emails` a calendar month (UTC), `storage` bytes, `requests` a minute and key."""

    mailboxes: int | None = None
    emails: int | None = None
    storage: int | None = None
    requests: int | None = None
    warm_up: bool = False
    thresholds: bool = False


def _hosted(mailboxes: int, emails: int, storage: int, requests: int) -> Plan:
    return Plan(mailboxes, emails, storage, requests, warm_up=True, thresholds=True)


PLANS: Final[Mapping[str, Plan]] = {
    "starter": _hosted(2, 200, 100 * MB, 120),
    "builder": _hosted(5, 5_000, 10 * GB, 600),
    "pro": _hosted(25, 30_000, 50 * GB, 1_200),
    "scale": _hosted(100, 150_000, 150 * GB, 3_000),
}
NO_LIMITS: Final = Plan()

# New sending domains: (days since the first email left, emails a day); after the last there is no limit.
WARM_UP: Final = ((10, 50), (20, 500), (30, 5_000))

# Sending is suspended by what happened in WINDOW days, once there are enough sends to tell.
WINDOW: Final = 7
LEAST_SENDS: Final = 100
LEAST_BOUNCES: Final = 5
BOUNCES: Final = 0.05
COMPLAINTS: Final = 0.003

_UNITS: Final = {"": 1, "MB": MB, "GB": GB}


def parse_limits(text: str) -> Plan:
    """The limits of self-hosted accounts: `mailboxes=5,emails=1000,storage=10GB,requests=600,warm-up,thresholds`.

    Raises ValueError with what is wrong. An empty text limits nothing.
    """
    limits: dict[str, Any] = {}
    for part in filter(None, (one.strip() for one in text.split(","))):
        name, equals, value = part.partition("=")
        if not equals and name in ("warm-up", "thresholds"):
            limits[name.replace("-", "_")] = True
            continue
        found = re.fullmatch(r"([0-9]{1,15})(MB|GB)?", value)
        if name not in ("mailboxes", "emails", "storage", "requests") or not found:
            raise ValueError(
                f"{part!r}: mailboxes=N, emails=N, storage=N[MB|GB], requests=N, warm-up, thresholds"
            )
        if found[2] and name != "storage":
            raise ValueError(f"{part!r}: only storage has a unit")
        limits[name] = int(found[1]) * _UNITS[found[2] or ""]
    if limits.get("requests") == 0:
        raise ValueError("requests=0 would lock everyone out")
    return Plan(**limits)


def warm_up_limit(days: int) -> int | None:
    """Emails that a domain may send today, `days` after its first; None once it is warm."""
    return next((limit for until, limit in WARM_UP if days < until), None)


def suspension(sends: int, hard_bounces: int, complaints: int) -> str | None:
    """Why sending must stop, None if it may go on."""
    if sends < LEAST_SENDS:
        return None
    if hard_bounces >= LEAST_BOUNCES and hard_bounces > BOUNCES * sends:
        return "bounces"
    return "complaints" if complaints > COMPLAINTS * sends else None
