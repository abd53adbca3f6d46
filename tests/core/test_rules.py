"""Patterns of rules: an address or a whole domain, compared as addresses are (contract §4)."""

import pytest

from multimail.core.address import AddressError
from multimail.core.rules import matching, patterns_of, read_pattern


@pytest.mark.parametrize(
    ("given", "read"),
    [
        ("Bob@Example.TEST", "bob@example.test"),
        (" *@Example.TEST ", "*@example.test"),
        ("*@bücher.test", "*@xn--bcher-kva.test"),
        ("Bob <bob@example.test>", "bob@example.test"),
    ],
)
def test_a_pattern_is_read(given: str, read: str) -> None:
    assert read_pattern(given) == read


@pytest.mark.parametrize(
    "given", ["", "*", "@example.test", "*@", "*@*", "*@*.test", "bob", "a@b.test, c@d.test", "*@[192.0.2.1]"]
)
def test_what_is_no_pattern(given: str) -> None:
    with pytest.raises(AddressError):
        read_pattern(given)


def test_what_a_pattern_matches() -> None:
    assert patterns_of("Bob@Example.TEST") == ("bob@example.test", "*@example.test")
    people = ["Bob@example.test", "eve@example.test", "bob@sub.example.test", "bob@notexample.test"]
    assert matching(people, {"bob@example.test"}) == ["Bob@example.test"]
    assert matching(people, {"*@example.test"}) == ["Bob@example.test", "eve@example.test"]
    assert matching(people, set()) == []
