"""Who pretends to be somebody whom the mailbox knows."""

import pytest

from multimail.mail.deception import Known, deceptions
from multimail.mail.parse import parse

KNOWN = Known()
KNOWN.add("ann@acme-trading.com", "Ann Smith")
KNOWN.add("support@our.example", "Support")


def kinds(head: str, body: str = "Hello", kind: str = "text/plain") -> list[str]:
    message = parse(f"{head}\nContent-Type: {kind}; charset=utf-8\n\n{body}".encode())
    return [finding.kind for finding in deceptions(message, message.from_.address, KNOWN)]


@pytest.mark.parametrize(
    ("head", "found"),
    [
        ("From: Ann Smith <ann@acme-trading.com>", []),
        ("From: Ann Smith <ann@other.example>", ["name_of_known"]),
        ('From: "Smith, Ann" <ann@other.example>', ["name_of_known"]),
        ("From: =?utf-8?q?Ann_Sm=D1=96th?= <ann@other.example>", ["name_of_known"]),
        ("From: Ann <billing@acme-tradlng.com>", ["lookalike_domain"]),
        ("From: Ann <ann@acme-trading.co>", ["lookalike_domain"]),
        ("From: Ann <ann@mail.acme-trading.com>", []),
        ('From: "ann@acme-trading.com" <x@evil.example>', ["name_shows_address"]),
        ("From: Bob <b@b.example>\nReply-To: b@c.example", ["reply_to_differs"]),
        ("From: Bob <b@b.example>\nReply-To: list@mail.b.example", []),
        ("From: Bob <b@xn--pypal-4ve.com>", ["mixed_scripts"]),
        ("From: Bob <bob@b.example>", []),
    ],
)
def test_senders(head: str, found: list[str]) -> None:
    assert kinds(head) == found


@pytest.mark.parametrize(
    ("link", "found"),
    [
        ('<a href="https://evil.example/x">https://acme-trading.com/login</a>', ["link_differs"]),
        ('<a href="https://evil.example/x">www.acme-trading.com</a>', ["link_differs"]),
        ('<a href="https://www.acme-trading.com/x">acme-trading.com</a>', []),
        ('<a href="https://evil.example/x">Log in</a>', []),
        ('<a href="https://github.com/x">README.md</a>', []),
        ('<a href="http://[broken">https://acme-trading.com</a>', []),
        ('<a href="https://e.example/">https://a.com</a>' * 20, ["link_differs"]),
    ],
)
def test_links(link: str, found: list[str]) -> None:
    assert kinds("From: Bob <bob@b.example>", link, "text/html") == found


def test_the_sentence_names_both() -> None:
    message = parse(b"From: Ann <ann@acrne-trading.com>\n\n")
    (finding,) = deceptions(message, message.from_.address, KNOWN)
    assert finding.detail == "acrne-trading.com looks like acme-trading.com, which this mailbox knows"


def test_what_known_people_call_themselves_of_late_counts_too() -> None:
    message = parse(b"From: Annie <x@evil.example>\n\n")
    assert deceptions(message, "x@evil.example", KNOWN) == ()
    (finding,) = deceptions(message, "x@evil.example", KNOWN, [("ann@acme-trading.com", "Annie")])
    assert finding.kind == "name_of_known" and "ann@acme-trading.com" in finding.detail
