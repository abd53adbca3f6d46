"""The table of plans, what a self-hosted account may be held to, and when sending must stop."""

import pytest

from multimail.core.plans import PLANS, Plan, parse_limits, suspension, warm_up_limit


def test_the_plans_of_the_contract() -> None:
    shown = {name: (plan.mailboxes, plan.emails, plan.storage) for name, plan in PLANS.items()}
    assert shown == {
        "starter": (2, 200, 100_000_000),
        "builder": (5, 5_000, 10_000_000_000),
        "pro": (25, 30_000, 50_000_000_000),
        "scale": (100, 150_000, 150_000_000_000),
    }
    assert all(plan.warm_up and plan.thresholds and plan.requests for plan in PLANS.values())


def test_limits_of_ones_own() -> None:
    assert parse_limits("") == Plan()
    told = "mailboxes=5, emails=1000,storage=10GB,requests=600,warm-up,thresholds"
    assert parse_limits(told) == Plan(5, 1000, 10_000_000_000, 600, warm_up=True, thresholds=True)
    assert parse_limits("storage=5MB").storage == 5_000_000
    assert parse_limits("storage=5,mailboxes=0") == Plan(mailboxes=0, storage=5)


@pytest.mark.parametrize(
    "text",
    [
        "mailboxes",
        "mailboxes=",
        "mailboxes=-1",
        "emails=1GB",
        "warm-up=1",
        "x=1",
        "storage=1TB",
        "requests=0",
        "emails=²",
    ],
)
def test_limits_that_make_no_sense(text: str) -> None:
    with pytest.raises(ValueError, match="="):
        parse_limits(text)


def test_a_domain_warms_up_over_thirty_days() -> None:
    assert [warm_up_limit(day) for day in (0, 9, 10, 19, 20, 29, 30, 400)] == [
        50, 50, 500, 500, 5_000, 5_000, None, None,
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("sends", "bounces", "complaints", "why"),
    [
        (99, 99, 99, None),
        (100, 5, 0, None),  # exactly 5 %
        (100, 6, 0, "bounces"),
        (100, 4, 0, None),
        (1000, 50, 3, None),  # exactly 5 % and 0.3 %
        (1000, 51, 0, "bounces"),
        (1000, 0, 4, "complaints"),
        (100, 0, 1, "complaints"),
        (100_000, 0, 300, None),
    ],
)
def test_when_sending_must_stop(sends: int, bounces: int, complaints: int, why: str | None) -> None:
    assert suspension(sends, bounces, complaints) == why
