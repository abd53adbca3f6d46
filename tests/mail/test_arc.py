"""ARC chains (RFC 8617), sealed by dkimpy."""

from typing import Any

import dkim as oracle

from multimail.mail import arc
from multimail.mail.signed_fields import Source
from tests.mail.test_dkim_verify import KEYS, PEM, RAW
from tests.support.names import BROKEN, Names

LIST = ("rsa._domainkey.list.example.net", "TXT")
TABLE: dict[tuple[str, str], Any] = KEYS | {LIST: KEYS["rsa._domainkey.example.com", "TXT"]}


def sealed(raw: bytes, domain: bytes = b"list.example.net") -> bytes:
    """`raw` as a hop forwards it: with its verdict, its signature and its seal."""
    server = b"mx." + domain
    chain = b"" if b"ARC-Seal" not in raw else b"; arc=pass"
    noted = b"Authentication-Results: " + server + b"; spf=pass smtp.mailfrom=x" + chain + b"\r\n" + raw
    fields = oracle.ARC(noted).sign(b"rsa", domain, PEM, server)
    assert fields
    return b"".join(reversed(fields)) + raw


async def judged(raw: bytes, table: Any = None) -> arc.Arc:
    return await arc.verify(Names(table or TABLE), arc.read_chain(Source(raw)))


async def test_a_chain_of_hops_holds() -> None:
    assert (await judged(RAW)).result == "none"
    once = sealed(RAW)
    assert await judged(once) == arc.Arc("pass", "list.example.net", "")
    twice = sealed(b"Received: by list\r\n" + once, b"example.com")
    assert await judged(twice) == arc.Arc("pass", "example.com", "")
    oracle_says = oracle.arc_verify(twice, dnsfunc=lambda name, timeout=5: key(name))
    assert oracle_says[0] == b"pass"


def key(name: bytes) -> bytes:
    return str(TABLE[name.decode().rstrip("."), "TXT"][0]).encode()


async def test_a_chain_that_was_tampered_with_does_not() -> None:
    twice = sealed(sealed(RAW), b"example.com")
    changes = (
        (b"Hello", b"Hallo"),
        (b"Ann <ann@", b"Ann <eve@"),
        (b"spf=pass", b"spf=fail"),
        (b"cv=pass", b"cv=fail"),
        (b"cv=pass", b"cv=none"),
        (b"i=1;", b"i=3;"),
        (b"i=1;", b"i=2;"),
        (b"i=2;", b"i=0;"),
        (b"i=2;", b"i=51;"),
        (b"ARC-Seal:", b"X-Seal:"),
        (b"ARC-Seal: i=2;", b"ARC-Seal: i=2; h=from;"),
        (b"d=example.com", b"d=example.org"),
    )
    for old, new in changes:
        assert old in twice, old
        found = await judged(twice.replace(old, new, 1))
        assert found.result == "fail" and found.reason, (old, new)


async def test_what_the_dns_does_not_say_is_not_held_against_it() -> None:
    assert (await judged(sealed(RAW), TABLE | {LIST: BROKEN})).result == "temperror"
    assert (await judged(sealed(RAW), {("x.example", "TXT"): []})).result == "fail"


async def test_endless_chains_are_not_followed() -> None:
    fields = b"".join(
        b"%s: i=%d; cv=pass; a=rsa-sha256; d=example.com; s=rsa; b=AAAA\r\n" % (kind.encode(), number)
        for number in range(1, 500)
        for kind in arc.KINDS
    )
    assert (await judged(fields + RAW)).result == "fail"
