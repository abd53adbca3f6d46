"""Slugs: one DNS label, none that the platform needs itself."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from multimail.core.slugs import RESERVED, slug_fault, slug_from


@pytest.mark.parametrize("slug", ["abc", "a-b", "a1b2", "0ab", "a" * 40])
def test_good_slugs(slug: str) -> None:
    assert slug_fault(slug) is None


@pytest.mark.parametrize(
    "slug",
    ["", "ab", "a" * 41, "-ab", "ab-", "a--b", "xn--abc", "a.b", "a_b", "ABC", "äbc", "abc\n", "a b", "ab²"],
)
def test_slugs_that_are_no_label(slug: str) -> None:
    assert slug_fault(slug) == "invalid"


def test_reserved_slugs_are_told_as_such() -> None:
    assert {slug_fault(slug) for slug in RESERVED if len(slug) > 2 and "--" not in slug} == {"reserved"}
    assert slug_fault("simulator") == "reserved"


@given(st.text(max_size=200))
def test_a_slug_can_be_made_of_any_name(name: str) -> None:
    assert slug_fault(slug_from(name, "00c0de")) is None


def test_a_made_slug_tells_the_name() -> None:
    assert slug_from("Ann & Söhne GmbH", "00c0de") == "ann-s-hne-gmbh-00c0de"
