import base64
import re

import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519
from dkim.canonicalization import Relaxed
from hypothesis import example, given, settings
from hypothesis import strategies as st

from multimail.mail.dkim import (
    OVERSIGNED,
    SigningKey,
    dns_record,
    generate_key,
    load_private_pem,
    private_pem,
    relaxed_body,
    relaxed_value,
    sign,
)
from tests.support import dkim_oracle

RSA = SigningKey("example.org", "s1", generate_key())
ED25519 = SigningKey("example.org", "s2", ed25519.Ed25519PrivateKey.generate())
RECORDS = {
    b"s1._domainkey.example.org.": dns_record(RSA.private_key).encode(),
    b"s2._domainkey.example.org.": dns_record(ED25519.private_key).encode(),
}
MESSAGE = (
    b"From: Ada <ada@example.org>\r\nTo: bob@example.net\r\nSubject:  Hello\r\n  there\t!\r\n"
    b"Date: Thu, 1 Jan 1970 00:00:00 -0000\r\nMessage-ID: <1@example.org>\r\n\r\nHi  Bob \r\n\r\n\r\n"
)


def verifies(raw, number=0):
    return dkim_oracle.verifies(raw, RECORDS, number)


@pytest.mark.parametrize("key", [RSA, ED25519])
def test_the_oracle_verifies(key):
    assert verifies(sign(MESSAGE, [key], at=1_700_000_000) + MESSAGE)


def test_two_signatures_stand_beside_each_other():
    header = sign(MESSAGE, [RSA, ED25519], at=0)
    assert header.count(b"DKIM-Signature:") == 2 and header.endswith(b"\r\n")
    assert verifies(header + MESSAGE, 0) and verifies(header + MESSAGE, 1)


@pytest.mark.parametrize("key", [RSA, ED25519])
@pytest.mark.parametrize(
    "change",
    [
        lambda raw: raw.replace(b"Hi  Bob", b"Hi Eve"),
        lambda raw: raw.replace(b"there", b"here"),
        lambda raw: raw.replace(b"From: Ada", b"From: Eve"),
        lambda raw: raw + b"more\r\n",
    ],
)
def test_a_change_breaks_it(key, change):
    assert not verifies(change(sign(MESSAGE, [key], at=0) + MESSAGE))


@pytest.mark.parametrize("name", OVERSIGNED)
def test_no_field_can_be_added(name):
    signed = sign(MESSAGE, [RSA], at=0) + MESSAGE
    assert not verifies(f"{name}: evil@example.org\r\n".encode() + signed)


def test_relaxed_changes_are_forgiven():
    signed = sign(MESSAGE, [RSA], at=0) + MESSAGE
    relaxed = signed.replace(b"Hi  Bob \r\n\r\n\r\n", b"Hi Bob\r\n").replace(b"Subject:  ", b"SUBJECT: ")
    assert relaxed != signed and verifies(relaxed)


def test_repeated_fields_are_signed_from_the_bottom():
    raw = MESSAGE.replace(b"To: bob", b"To: eve@example.net\r\nTo: bob")
    signed = sign(raw, [RSA], at=0) + raw
    assert verifies(signed)
    bob, eve = b"To: bob@example.net\r\n", b"To: eve@example.net\r\n"
    swapped = signed.replace(eve + bob, bob + eve)
    assert swapped != signed and not verifies(swapped)


pieces = st.sampled_from([b" ", b"\t", b"\r\n", b"a", b"bc", b".", "ü".encode()])


@given(st.lists(pieces, max_size=30).map(b"".join))
def test_the_body_is_canonical_as_the_oracle_has_it(body):
    body += b"\r\n"
    # The oracle hashes CRLF for an empty body; RFC 6376 section 3.4.4 says nothing at all.
    wanted = Relaxed.canonicalize_body(body)
    assert relaxed_body(b"A: b\r\n\r\n" + body) == (b"" if wanted == b"\r\n" else wanted)


@given(st.lists(pieces, max_size=30).map(b"".join), st.lists(pieces, max_size=12).map(b"".join))
@settings(max_examples=30)
def test_any_message_verifies(body, value):
    subject = b"Subject: " + value.replace(b"\r\n", b"\r\n x") + b"\r\n"
    raw = b"From: a@example.org\r\n" + subject + b"\r\n" + body + b"\r\n"
    assert verifies(sign(raw, [ED25519], at=0) + raw)


@given(st.lists(pieces | st.sampled_from([b"\x0b", b"\x0c", b"\r", b"\n"]), max_size=12).map(b"".join))
@example(b"a \x0b b \x0c")
@example(b"\x0c a \t\r\n b")
def test_white_space_in_a_header_is_space_tab_and_line_ends_alone(value):
    """RFC 6376 section 3.4.2; the oracle strips vertical tabs and form feeds too."""
    assert relaxed_value(value) == re.sub(rb"[ \t\r\n]+", b" ", value).strip(b" ")


@pytest.mark.parametrize("raw", [b"", b"From: a@b", b"From: a@b\r\n\r\n", b"\r\n\r\n", b"x" * 10])
def test_odd_messages_are_signed_without_an_error(raw):
    assert sign(raw, [ED25519], at=0).startswith(b"DKIM-Signature: ")


def test_the_empty_body():
    assert relaxed_body(b"A: b\r\n\r\n") == relaxed_body(b"A: b\r\n\r\n \t\r\n\r\n") == b""
    assert relaxed_body(b"A: b\r\n\r\nx \t y \t") == b"x y\r\n"


def test_long_runs_take_linear_time():
    body = b" \t" * 500_000 + b"x\r\n" + b"\r\n" * 500_000
    assert relaxed_body(b"A: b\r\n\r\n" + body) == b" x\r\n"


def test_lines_are_short():
    assert max(map(len, sign(MESSAGE, [RSA, ED25519], at=0).split(b"\r\n"))) <= 78


@pytest.mark.parametrize("key", [RSA, ED25519])
def test_keys_survive_pem(key):
    assert dns_record(load_private_pem(private_pem(key.private_key))) == dns_record(key.private_key)


def test_records_are_what_the_rfcs_say():
    assert dns_record(RSA.private_key).startswith("v=DKIM1; k=rsa; p=MII")
    assert len(base64.b64decode(dns_record(ED25519.private_key).partition("p=")[2])) == 32


@pytest.mark.parametrize(
    ("domain", "selector"), [("a b", "s"), ("example.org; x=y", "s"), ("example.org", "s;x"), ("", "s")]
)
def test_nothing_is_injected(domain, selector):
    with pytest.raises(ValueError, match="not a"):
        SigningKey(domain, selector, ED25519.private_key)
