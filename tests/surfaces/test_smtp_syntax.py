"""MAIL and RCPT arguments: what RFC 5321 4.1.2 allows, and nothing else."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from multimail.surfaces.smtp_envelope import Reply
from multimail.surfaces.smtp_syntax import Mail, parse_mail, parse_rcpt


@pytest.mark.parametrize(
    ("path", "address"),
    [
        ("<a@b.test>", "a@b.test"),
        (" <a@b.test>", "a@b.test"),
        ("<Postmaster>", "postmaster"),
        ("<a.b+c=d@x-y.b.test>", "a.b+c=d@x-y.b.test"),
        ("<@r.test,@s.test:a@b.test>", "a@b.test"),
        ('<"a b"@b.test>', '"a b"@b.test'),
        ('<"a>b"@b.test>', '"a>b"@b.test'),
        ('<"plain"@b.test>', "plain@b.test"),
        (r'<"pl\ain"@b.test>', "plain@b.test"),
        (r'<"a\"\\b"@b.test>', r'"a\"\\b"@b.test'),
        ("<a@[192.0.2.1]>", "a@[192.0.2.1]"),
        ("<a@[IPv6:2001:db8::1]>", "a@[IPv6:2001:db8::1]"),
        (f"<{'a' * 64}@b.test>", f"{'a' * 64}@b.test"),
    ],
)
def test_recipients(path: str, address: str) -> None:
    assert parse_rcpt("TO:" + path, False) == address
    assert parse_rcpt("to:" + path, False) == address


@pytest.mark.parametrize(
    "argument",
    [
        "",
        "TO",
        "a@b.test",
        "TO:",
        "TO:<>",
        "TO:a@b.test",
        "TO:<a@b.test",
        "TO:<a>",
        "TO:<@b.test>",
        "TO:<a@>",
        "TO:<a@@b.test>",
        "TO:<a@b@c.test>",
        "TO:<a b@c.test>",
        "TO:<.a@b.test>",
        "TO:<a.@b.test>",
        "TO:<a..b@c.test>",
        "TO:<a@-b.test>",
        "TO:<a@b-.test>",
        "TO:<a@b..test>",
        "TO:<a@b_c.test>",
        "TO:<a@[1.2.3]>",
        "TO:<a@[1.2.3.256]>",
        "TO:<a@[IPv6:1.2.3.4]>",
        "TO:<a@[IPv6:fe80::1%eth0]>",
        "TO:<a@[tag:content]>",
        'TO:<"a"b@c.test>',
        'TO:<"a@c.test>',
        "TO:<a@b.test>x",
        "TO:<a@b.test>, <c@d.test>",
        "TO:<a@b.test>\u00a0X=1",
        f"TO:<{'a' * 65}@b.test>",
        f"TO:<a@{'b' * 64}.test>",
        f"TO:<a@{'b.' * 128}test>",
        "FROM:<a@b.test>",
    ],
)
def test_refused_recipients(argument: str) -> None:
    refusal = parse_rcpt(argument, False)
    assert isinstance(refusal, Reply) and refusal.code == 501


def test_recipient_parameters_are_unknown() -> None:
    refusal = parse_rcpt("TO:<a@b.test> NOTIFY=NEVER", False)
    assert isinstance(refusal, Reply) and (refusal.code, refusal.enhanced) == (555, "5.5.4")


def test_utf8_needs_smtputf8() -> None:
    refusal = parse_rcpt("TO:<jörg@bücher.test>", False)
    assert isinstance(refusal, Reply) and (refusal.code, refusal.enhanced) == (553, "5.6.7")
    assert parse_rcpt("TO:<jörg@bücher.test>", True) == "jörg@bücher.test"
    refused_sender = parse_mail("FROM:<jörg@b.test>", 100)
    assert isinstance(refused_sender, Reply) and refused_sender.code == 553
    assert parse_mail("FROM:<jörg@b.test> SMTPUTF8", 100) == Mail("jörg@b.test", 0, False, True)


@pytest.mark.parametrize(
    ("argument", "mail"),
    [
        ("FROM:<>", Mail("", 0, False, False)),
        ("from: <>", Mail("", 0, False, False)),
        ("FROM:<a@b.test> SIZE=100 BODY=8BITMIME", Mail("a@b.test", 100, True, False)),
        ("FROM:<a@b.test>  body=7bit  smtputf8 ", Mail("a@b.test", 0, False, True)),
    ],
)
def test_senders(argument: str, mail: Mail) -> None:
    assert parse_mail(argument, 100) == mail


@pytest.mark.parametrize(
    ("parameters", "code"),
    [
        ("SIZE=101", 552),
        ("SIZE=", 501),
        ("SIZE", 501),
        ("SIZE=1e2", 501),
        ("SIZE=-1", 501),
        ("SIZE=٣", 501),
        ("SIZE=" + "9" * 21, 501),
        ("SIZE=1 SIZE=2", 501),
        ("BODY=BINARYMIME", 501),
        ("BODY", 501),
        ("SMTPUTF8=yes", 501),
        ("AUTH=<>", 555),
        ("RET=HDRS", 555),
        ("X=a=b", 501),
        ("=1", 501),
    ],
)
def test_refused_sender_parameters(parameters: str, code: int) -> None:
    refusal = parse_mail(f"FROM:<a@b.test> {parameters}", 100)
    assert isinstance(refusal, Reply) and refusal.code == code


def test_postmaster_alone_is_no_sender() -> None:
    refusal = parse_mail("FROM:<postmaster>", 100)
    assert isinstance(refusal, Reply) and (refusal.code, refusal.enhanced) == (501, "5.1.7")


@given(st.text(st.sampled_from('ab.@<>":,\\[] é-'), max_size=30))
def test_an_accepted_address_reads_the_same_again(text: str) -> None:
    address = parse_rcpt(f"TO:<{text}>", True)
    if isinstance(address, str):
        assert parse_rcpt(f"TO:<{address}>", True) == address
        assert address.count("@") >= 1
