"""TLSA records and what a mail host presents (RFC 6698, RFC 7671, RFC 7672)."""

import datetime
import hashlib

import pytest

from multimail.mail.dane import Tlsa, usable, vouches
from tests.support.certificates import issue

NOW = datetime.datetime(2026, 11, 1, tzinfo=datetime.UTC)
ROOT = issue("Root", authority=True, now=NOW)
MIDDLE = issue("Middle", ROOT, authority=True, now=NOW)
LEAF = issue("mx.b.example", MIDDLE, now=NOW)
OTHER = issue("mx.b.example", now=NOW)
NAMES = ("mx.b.example", "b.example")
DIGESTS = (
    lambda data: data,
    lambda data: hashlib.sha256(data).digest(),
    lambda data: hashlib.sha512(data).digest(),
)


def record(usage, selector, matching, issued):
    return Tlsa(usage, selector, matching, DIGESTS[matching](issued.key_der if selector else issued.der))


def judged(record, *, chain=LEAF.chain, names=NAMES, now=NOW):
    return vouches(usable([record]), [one.der for one in chain], names, now)


@pytest.mark.parametrize("matching", [0, 1, 2])
@pytest.mark.parametrize("selector", [0, 1])
@pytest.mark.parametrize("usage", [2, 3])
def test_every_form_of_record(usage, selector, matching):
    for issued in (ROOT, MIDDLE) if usage == 2 else (LEAF,):
        assert judged(record(usage, selector, matching, issued))
    assert not judged(record(usage, selector, matching, OTHER))


def test_a_hosts_own_key_needs_neither_name_nor_date():
    assert judged(record(3, 1, 1, LEAF), names=("elsewhere.example",), now=NOW + datetime.timedelta(days=9))
    assert judged(record(3, 1, 1, OTHER), chain=OTHER.chain)
    assert not judged(record(3, 1, 1, MIDDLE))


def test_an_authority_vouches_for_names_and_times():
    assert judged(record(2, 1, 1, ROOT), names=("other.example", "mx.b.example"))
    assert not judged(record(2, 1, 1, ROOT), names=("other.example",))
    assert not judged(record(2, 1, 1, ROOT), now=NOW + datetime.timedelta(days=9))


def test_an_authority_that_is_presented_but_issued_nothing_vouches_for_nothing():
    assert not judged(record(2, 1, 1, ROOT), chain=[OTHER, ROOT])
    assert not judged(record(2, 1, 1, LEAF), chain=[LEAF])


def test_a_whole_certificate_in_the_dns_need_not_be_presented():
    assert judged(record(2, 0, 0, ROOT), chain=[LEAF, MIDDLE])
    assert not judged(record(2, 0, 1, ROOT), chain=[LEAF, MIDDLE])


@pytest.mark.parametrize("usage", [0, 1, 4, 255])
def test_what_is_no_use_between_mail_servers(usage):
    assert usable([Tlsa(usage, 1, 1, bytes(32))]) == ()
    assert (
        usable([Tlsa(3, usage + 2, 1, bytes(32)), Tlsa(3, 1, usage + 3, b"x"), Tlsa(3, 1, 1, b"short")]) == ()
    )


def test_the_stronger_digest_counts():
    weak, strong = record(3, 1, 1, LEAF), record(3, 1, 2, OTHER)
    assert usable([weak, strong, weak]) == (strong,)
    assert not vouches(usable([weak, strong]), [LEAF.der], NAMES, NOW)
    assert len(usable([weak, record(2, 1, 2, ROOT)])) == 2


@pytest.mark.parametrize("chain", [[], [b""], [b"garbage"], [LEAF.der[:-1]], [LEAF.der, b"garbage"]])
def test_what_cannot_be_read_vouches_for_nobody(chain):
    assert not vouches(usable([record(3, 1, 1, OTHER)]), chain, NAMES, NOW)
    assert not vouches(
        usable([record(2, 1, 1, ROOT), Tlsa(2, 0, 0, b"no certificate")]), chain, ("", *NAMES), NOW
    )
