"""Verifying DKIM (RFC 6376): what our signer, dkimpy and a hostile sender write."""

import base64
from typing import Any

import dkim as oracle
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa

from multimail.mail import dkim, dkim_verify
from multimail.mail.signed_fields import Source
from tests.support.names import BROKEN, Names

NOW = 1_790_000_000
RSA, ED = dkim.generate_key(), ed25519.Ed25519PrivateKey.generate()
SMALL = rsa.generate_private_key(public_exponent=65537, key_size=1024)
PEM = RSA.private_bytes(
    serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
)
RAW = (
    b"From: Ann <ann@example.com>\r\nTo: bob@example.net\r\nSubject:  Two\r\n  lines \r\n"
    b"Message-ID: <1@example.com>\r\n\r\nHello,  Bob. \r\n\r\n-- \r\nAnn\t \r\n\r\n\r\n"
)
KEYS: dict[tuple[str, str], Any] = {
    ("rsa._domainkey.example.com", "TXT"): [dkim.dns_record(RSA)],
    ("ed._domainkey.example.com", "TXT"): [dkim.dns_record(ED)],
    ("revoked._domainkey.example.com", "TXT"): ["v=DKIM1; p="],
    ("web._domainkey.example.com", "TXT"): [dkim.dns_record(RSA) + "; s=web"],
    ("sha1._domainkey.example.com", "TXT"): [dkim.dns_record(RSA) + "; h=sha1"],
    ("exact._domainkey.example.com", "TXT"): [dkim.dns_record(RSA) + "; t=y:s"],
    ("junk._domainkey.example.com", "TXT"): ["v=DKIM1; p=AAAA"],
    ("other._domainkey.example.com", "TXT"): [dkim.dns_record(SMALL)],
    ("down._domainkey.example.com", "TXT"): BROKEN,
}


def by_oracle(raw: bytes = RAW, **given: Any) -> bytes:
    """`raw` with a signature by dkimpy on top."""
    given = {"selector": b"rsa", "domain": b"example.com", "privkey": PEM} | given
    return bytes(oracle.sign(raw, **given)) + raw


async def results(raw: bytes, now: int = NOW) -> list[tuple[str, str]]:
    found = await dkim_verify.verify(Names(KEYS), dkim_verify.read_signatures(Source(raw), now))
    return [(one.result, one.reason) for one in found]


async def result(raw: bytes, now: int = NOW) -> str:
    ((found, _),) = await results(raw, now)
    return found


@pytest.mark.parametrize("header", [b"simple", b"relaxed"])
@pytest.mark.parametrize("body", [b"simple", b"relaxed"])
async def test_what_dkimpy_signs_holds(header: bytes, body: bytes) -> None:
    for raw in (RAW, RAW.partition(b"\r\n\r\n")[0] + b"\r\n\r\n"):
        signed = by_oracle(raw, canonicalize=(header, body))
        assert await result(signed) == "pass"
        assert await result(signed.replace(b"bob@", b"eve@")) == "fail"
        assert await result(signed + b"more\r\n") == "fail"
    folded = by_oracle(canonicalize=(header, body)).replace(b"Subject:  Two\r\n", b"Subject: Two\r\n")
    assert await result(folded) == ("pass" if header == b"relaxed" else "fail")


async def test_several_signatures_of_two_kinds_hold() -> None:
    keys = [dkim.SigningKey("example.com", "rsa", RSA), dkim.SigningKey("example.com", "ed", ED)]
    signed = dkim.sign(RAW, keys, at=NOW) + RAW
    assert [found for found, _ in await results(signed)] == ["pass", "pass"]
    assert [found for found, _ in await results(b"From: eve@example.com\r\n" + signed)] == ["fail", "fail"]
    assert await result(b"Received: from x\r\n" + by_oracle()) == "pass"


@pytest.mark.parametrize(
    ("selector", "found", "word"),
    [
        (b"absent", "permerror", "no key"),
        (b"revoked", "permerror", "revoked"),
        (b"web", "permerror", "service"),
        (b"sha1", "permerror", "hash"),
        (b"junk", "permerror", "can't be read"),
        (b"ed", "permerror", "kind"),
        (b"other", "fail", "does not fit"),
        (b"down", "temperror", "did not answer"),
        (b"exact", "pass", ""),
    ],
)
async def test_keys(selector: bytes, found: str, word: str) -> None:
    ((result_, reason),) = await results(by_oracle(selector=selector))
    assert result_ == found and word in reason


@pytest.mark.parametrize(
    ("old", "new", "found"),
    [
        (b"v=1;", b"v=2;", "permerror"),
        (b"v=1;", b"v=1; x=1;", "fail"),
        (b"v=1;", b"v=1; x=soon;", "permerror"),
        (b"v=1;", b"v=1; d=example.org;", "permerror"),
        (b"v=1;", b"v=1; l=5;", "permerror"),
        (b"v=1;", b"v=1; l=9999;", "permerror"),
        (b"v=1;", b"v=1; q=http;", "permerror"),
        (b"v=1;", b"v=1; i=@evil.example;", "permerror"),
        (b"v=1;", b"v=1; ;;x", "permerror"),
        (b"a=rsa-sha256;", b"a=rsa-sha1;", "permerror"),
        (b"a=rsa-sha256;", b"a=ed25519-sha256;", "permerror"),
        (b"c=relaxed/simple;", b"c=nofws;", "permerror"),
        (b"d=example.com;", b"d=exa mple.com;", "permerror"),
        (b"d=example.com;", b"", "permerror"),
        (b"h=from", b"h=x; y=from", "permerror"),
        (b" b=", b" b=!", "permerror"),
        (b"; bh=", b"; bh=AAAA", "fail"),
    ],
)
async def test_signatures_that_can_not_hold(old: bytes, new: bytes, found: str) -> None:
    signed = by_oracle()
    assert old in signed
    assert await result(signed.replace(old, new, 1)) == found


async def test_a_key_for_the_very_domain_does_not_serve_below_it() -> None:
    for selector, found in ((b"exact", "permerror"), (b"rsa", "pass")):
        assert await result(by_oracle(selector=selector, identity=b"ann@mail.example.com")) == found


async def test_a_length_that_covers_all_is_no_harm() -> None:
    assert await result(by_oracle(length=True)) == "pass"


async def test_many_signatures_and_fields_cost_little() -> None:
    raw = by_oracle()[: -len(RAW)] * 500 + RAW
    assert len(await results(raw)) == dkim_verify.MAX_SIGNATURES
    wide = b"".join(b"X-%d: y\r\n" % n for n in range(100_000)) + by_oracle()
    assert await result(wide) == "pass"
    names = b":".join([b"from"] * 100_000)
    assert await result(by_oracle().replace(b"h=from", b"h=" + names, 1)) == "permerror"


async def test_garbage_is_judged_not_raised() -> None:
    for value in (b"", b";;;", b"\xff\xfe=", b"v=1; a=b; b=" + base64.b64encode(b"x") * 9_000, b"=" * 70_000):
        assert await result(b"DKIM-Signature:" + value + b"\r\n" + RAW) == "permerror"
