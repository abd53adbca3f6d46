"""Where links lead, whatever they look like."""

import pytest

from multimail.core.hosts import MOST, host_of, hosts_of, links_in


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("https://Shop.Example.test./a?b#c", "shop.example.test"),
        ("HTTP://example.test:8080", "example.test"),
        ("https://bank.test@evil.test/", "evil.test"),
        ("https://bank.test:pw@evil.test:443\\@bank.test", "evil.test"),
        ("https:\\\\evil.test\\x", "evil.test"),
        ("https:evil.test", "evil.test"),
        ("ht\ntps:///\tevil.test", "evil.test"),
        ("https://[2001:db8::1]:25/", "[2001:db8::1]"),
        ("mailto:ann@evil.test", ""),
        ("/here", ""),
        ("https://", ""),
    ],
)
def test_the_host_is_the_one_that_a_browser_goes_to(url: str, host: str) -> None:
    assert host_of(url) == host


def test_each_host_is_told_once_and_not_too_many() -> None:
    assert hosts_of(["https://b.test/1", "mailto:x@y.test", "http://a.test", "https://B.test"]) == [
        "b.test",
        "a.test",
    ]
    assert len(hosts_of(f"https://h{number}.test" for number in range(MOST + 9))) == MOST


def test_links_are_read_from_attributes() -> None:
    page = """<a title="x" href="https://a.test/?x&amp;y">a</a><img src='https://b.test'><a href=https://c.test>c</a>"""
    assert links_in(page) == ["https://a.test/?x&y", "https://b.test", "https://c.test"]
