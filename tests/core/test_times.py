"""Times: microseconds inside, RFC 3339 in UTC with a `Z` outside (contract §2)."""

import re
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from multimail.core.times import (
    DAY,
    HOUR,
    MINUTE,
    SECOND,
    from_datetime,
    optional_rfc3339,
    to_datetime,
    to_rfc3339,
)

zones = st.integers(-23 * 60, 23 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
moments = st.datetimes(*map(datetime.fromisoformat, ("1900-01-01", "9990-01-01")), timezones=zones)


@pytest.mark.parametrize(
    ("us", "text"),
    [
        (0, "1970-01-01T00:00:00.000Z"),
        (999, "1970-01-01T00:00:00.000Z"),
        (1000, "1970-01-01T00:00:00.001Z"),
        (951_782_400 * SECOND, "2000-02-29T00:00:00.000Z"),
        (1_795_240_060_123_999, "2026-11-21T05:47:40.123Z"),
        (-1, "1969-12-31T23:59:59.999Z"),
        (4_102_444_799 * SECOND, "2099-12-31T23:59:59.000Z"),
    ],
)
def test_known_moments(us, text):
    assert to_rfc3339(us) == text


@given(moments)
def test_what_goes_out_is_rfc_3339_in_utc_and_means_the_same_millisecond(moment):
    text = to_rfc3339(from_datetime(moment))
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", text)
    assert timedelta(0) <= moment - datetime.fromisoformat(text) < timedelta(milliseconds=1)


@given(moments)
def test_a_datetime_comes_back_whatever_its_zone(moment):
    us = from_datetime(moment)
    assert to_datetime(us) == moment
    assert to_datetime(us).tzinfo is UTC
    assert from_datetime(to_datetime(us)) == us


@given(moments, moments)
def test_text_sorts_as_time_does(one, other):
    first, last = sorted([from_datetime(one), from_datetime(other)])
    assert to_rfc3339(first) <= to_rfc3339(last)


def test_a_datetime_without_a_zone_is_a_programming_error():
    with pytest.raises(TypeError):
        from_datetime(datetime.fromisoformat("2026-11-21T05:47:40"))


def test_no_time_is_none_and_the_epoch_is_a_time():
    assert optional_rfc3339(None) is None
    assert optional_rfc3339(0) == "1970-01-01T00:00:00.000Z"


def test_units():
    assert [to_datetime(unit) - to_datetime(0) for unit in (SECOND, MINUTE, HOUR, DAY)] == [
        timedelta(seconds=1),
        timedelta(minutes=1),
        timedelta(hours=1),
        timedelta(days=1),
    ]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("9999-12-31T23:59:59-23:59", "9999-12-31T23:59:59.999Z"),
        ("0001-01-01T00:00:00+23:59", "0001-01-01T00:00:00.000Z"),
    ],
)
def test_an_offset_never_leads_out_of_what_can_be_shown(text, shown):
    assert to_rfc3339(from_datetime(datetime.fromisoformat(text))).endswith(shown.lstrip("0"))
