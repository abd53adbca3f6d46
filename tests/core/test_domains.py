"""What proves a domain, what ends it, and when to look again."""

from itertools import product

import pytest

from multimail.core.domains import (
    CLAIM_LIFE,
    GRACE,
    LAPSED_LIFE,
    Seen,
    Standing,
    Status,
    after_check,
    next_check,
)
from multimail.core.times import DAY, HOUR

PENDING, VERIFIED, LAPSED = (Standing(status) for status in Status)
NOW = 1_000 * DAY


@pytest.mark.parametrize("before", [PENDING, LAPSED])
def test_only_what_is_found_whole_verifies(before: Standing) -> None:
    for ownership, one, other in product(Seen, repeat=3):
        after = after_check(before, ownership, (one, other), NOW)
        whole = ownership is one is other is Seen.FOUND
        assert after == (VERIFIED if whole else before)


def test_a_verified_domain_lives_by_its_ownership_record_alone() -> None:
    assert after_check(VERIFIED, Seen.FOUND, (Seen.MISSING, Seen.DIFFERENT), NOW) == VERIFIED


@pytest.mark.parametrize("gone", [Seen.MISSING, Seen.DIFFERENT])
def test_it_lapses_once_it_was_gone_for_days(gone: Seen) -> None:
    missing = after_check(VERIFIED, gone, (), NOW)
    assert missing == Standing(Status.VERIFIED, NOW)
    assert after_check(missing, gone, (), NOW + GRACE - 1) == missing
    assert after_check(missing, Seen.FOUND, (), NOW + GRACE - 1) == VERIFIED
    assert after_check(missing, gone, (), NOW + GRACE).status is Status.LAPSED


def test_a_dns_that_does_not_answer_neither_starts_the_time_nor_stops_it() -> None:
    assert after_check(VERIFIED, Seen.UNANSWERED, (), NOW) == VERIFIED
    missing = Standing(Status.VERIFIED, NOW)
    assert after_check(missing, Seen.UNANSWERED, (), NOW + 2 * GRACE) == missing
    assert after_check(missing, Seen.MISSING, (), NOW + 2 * GRACE).status is Status.LAPSED


@pytest.mark.parametrize(
    ("standing", "since", "settled", "again"),
    [
        (PENDING, NOW, False, HOUR),
        (PENDING, NOW - CLAIM_LIFE, False, None),
        (VERIFIED, 0, True, DAY),
        (VERIFIED, 0, False, HOUR),
        (Standing(Status.VERIFIED, NOW), 0, True, 6 * HOUR),
        (LAPSED, NOW, True, DAY),
        (LAPSED, NOW - LAPSED_LIFE, True, None),
    ],
)
def test_when_to_look_again(standing: Standing, since: int, settled: bool, again: int | None) -> None:
    assert next_check(standing, since, NOW, settled=settled) == (again and NOW + again)
