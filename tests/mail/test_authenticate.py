"""The verdict on a sender: DMARC over what SPF and DKIM found (RFC 7489)."""

import asyncio
from typing import Any

import pytest

from multimail.mail import authenticate as module
from multimail.mail import dkim
from multimail.mail.authenticate import Auth, Session, authenticate, local, read_evidence
from multimail.mail.dmarc import aligned, find_policy, organisational
from multimail.mail.lookups import Bounded
from multimail.mail.parse import parse
from tests.support.names import BROKEN, Names

KEY = dkim.generate_key()
NOW = 1_790_000_000
PEER, ELSEWHERE = "192.0.2.1", "198.51.100.1"
TABLE: dict[tuple[str, str], Any] = {
    ("example.com", "TXT"): ["v=spf1 ip4:192.0.2.1 -all"],
    ("mail.example.com", "TXT"): ["v=spf1 ip4:192.0.2.1 -all"],
    ("evil.net", "TXT"): ["v=spf1 +all"],
    ("_dmarc.example.com", "TXT"): ["v=DMARC1; p=reject; sp=quarantine; rua=mailto:x@example.com"],
    ("_dmarc.strict.org", "TXT"): ["v=DMARC1;p=none;adkim=s;aspf=s"],
    ("_dmarc.double.org", "TXT"): ["v=DMARC1; p=none", "v=DMARC1; p=reject"],
    ("_dmarc.down.org", "TXT"): BROKEN,
    **{
        (f"s._domainkey.{domain}", "TXT"): [dkim.dns_record(KEY)]
        for domain in (
            "example.com",
            "mail.example.com",
            "evil.net",
            "strict.org",
            "a.strict.org",
            "down.org",
            "open.org",
        )
    },
    ("s._domainkey.slow.example.com", "TXT"): BROKEN,
}


def message(author: str = "Ann <ann@example.com>", *, signer: str = "", more: str = "") -> bytes:
    raw = f"From: {author}\r\n{more}To: bob@example.net\r\nSubject: Hi\r\n\r\nHello.\r\n".encode()
    return dkim.sign(raw, [dkim.SigningKey(signer, "s", KEY)], at=NOW) + raw if signer else raw


async def judge(raw: bytes, sender: str = "", peer: str = ELSEWHERE, table: Any = None) -> Auth:
    evidence = read_evidence(raw, parse(raw).authors, NOW)
    return await authenticate(Names(table or TABLE), Session(peer, "mta.evil.net", sender), evidence)


@pytest.mark.parametrize(
    ("author", "signer", "sender", "peer", "dmarc", "verdict", "domain"),
    [
        ("ann@example.com", "", "ann@example.com", PEER, "pass", "pass", "example.com"),
        ("ann@example.com", "example.com", "x@evil.net", ELSEWHERE, "pass", "pass", "example.com"),
        ("ann@example.com", "mail.example.com", "x@evil.net", ELSEWHERE, "pass", "pass", "mail.example.com"),
        ("ann@mail.example.com", "example.com", "", ELSEWHERE, "pass", "pass", "example.com"),
        ("ann@EXAMPLE.com", "", "bounce@mail.example.com", PEER, "pass", "pass", "mail.example.com"),
        # Somebody else's good name is no help.
        ("ann@example.com", "evil.net", "x@evil.net", ELSEWHERE, "fail", "fail", None),
        ("ann@example.com", "", "ann@example.com", ELSEWHERE, "fail", "fail", None),
        ("ann@example.com", "slow.example.com", "x@evil.net", ELSEWHERE, "temperror", "temperror", None),
        ("ann@example.com.evil.net", "evil.net", "", ELSEWHERE, "none", "pass", "evil.net"),
        # Strict alignment asks for the very domain.
        ("ann@strict.org", "strict.org", "", ELSEWHERE, "pass", "pass", "strict.org"),
        ("ann@strict.org", "a.strict.org", "", ELSEWHERE, "fail", "fail", None),
        # No policy: who vouches still counts, and nobody is blamed.
        ("ann@open.org", "open.org", "", ELSEWHERE, "none", "pass", "open.org"),
        ("ann@open.org", "", "x@evil.net", ELSEWHERE, "none", "none", None),
        ("ann@double.org", "", "", ELSEWHERE, "none", "none", None),
        # What can't be found out is no pass, unless the domain itself signed.
        ("ann@down.org", "", "x@evil.net", ELSEWHERE, "temperror", "temperror", None),
        ("ann@down.org", "down.org", "", ELSEWHERE, "temperror", "pass", "down.org"),
    ],
)
async def test_the_verdict(
    author: str, signer: str, sender: str, peer: str, dmarc: str, verdict: str, domain: str | None
) -> None:
    found = await judge(message(author, signer=signer), sender, peer)
    assert (found.dmarc, found.verdict, found.domain) == (dmarc, verdict, domain), found.reasons
    assert len(found.reasons) >= 2


@pytest.mark.parametrize(
    "author",
    [
        "",
        "ann@example.com, eve@evil.net",
        "Ann",
        "ann@example.com\r\nFrom: eve@evil.net",
        "ann@[192.0.2.1]",
        "undisclosed:;",
    ],
)
async def test_a_from_of_not_one_author_fails(author: str) -> None:
    found = await judge(message(author), "ann@example.com", PEER)
    assert (found.spf, found.dmarc, found.verdict, found.domain) == ("pass", "permerror", "fail", None)


async def test_a_display_name_is_not_an_address() -> None:
    found = await judge(message('"ann@example.com" <eve@evil.net>', signer="evil.net"))
    assert (found.verdict, found.domain) == ("pass", "evil.net")


async def test_results_that_the_message_brings_along_count_for_nothing() -> None:
    claimed = (
        "Authentication-Results: mx.example.net; spf=pass; dkim=pass; dmarc=pass header.from=example.com\r\n"
    )
    found = await judge(message(more=claimed))
    assert (found.spf, found.dkim, found.dmarc, found.verdict) == ("none", "none", "fail", "fail")


async def test_a_second_from_added_to_signed_mail_fails() -> None:
    signed = message("eve@evil.net", signer="evil.net")
    found = await judge(b"From: ann@example.com\r\n" + signed)
    assert found.verdict == "fail"
    hidden = b"".join(b"X-%d: y\r\n" % n for n in range(600))  # beyond what the parser reads
    forged = message().replace(b"To:", hidden + b"From: eve@evil.net\r\nTo:", 1)
    assert (
        await judge(dkim.sign(forged, [dkim.SigningKey("evil.net", "s", KEY)], at=NOW) + forged)
    ).verdict == "fail"


async def test_bare_line_ends_are_never_authenticated_by_signature() -> None:
    signed = message(signer="example.com")
    assert (await judge(signed)).dkim == "pass"
    for raw in (
        signed.replace(b"\r\n", b"\n"),
        signed.replace(b"Hello", b"Hel\nlo"),
        signed.replace(b"Hi", b"H\ri"),
    ):
        assert (await judge(raw)).dkim == "none"


async def test_the_best_of_several_signatures_is_told() -> None:
    raw = message(signer="example.com")
    broken = raw.replace(b"bh=", b"bh=AAAA", 1)
    assert (await judge(broken)).dkim == "fail"
    both = broken[: broken.index(b"From: Ann")] + raw
    assert (await judge(both)).dkim == "pass"


async def test_a_dns_that_never_answers_ends_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    class Silent(Names):
        async def txt(self, name: str) -> tuple[bytes, ...]:
            await asyncio.Event().wait()
            return ()

    monkeypatch.setattr(module, "SECONDS", 0.01)
    raw = message(signer="example.com")
    evidence = read_evidence(raw, parse(raw).authors, NOW)
    found = await authenticate(Silent(), Session(PEER, "x.org", "ann@example.com"), evidence)
    assert (found.spf, found.dkim, found.dmarc, found.verdict) == ("temperror",) * 4
    assert found.domain is None


async def test_a_message_asks_for_a_bounded_number_of_look_ups() -> None:
    bounded = Bounded(Names(TABLE), seconds=60, lookups=2)
    await bounded.txt("example.com")
    await bounded.txt("example.com")
    with pytest.raises(OSError):
        await bounded.txt("example.com")


async def test_reasons_hold_no_control_characters() -> None:
    raw = b"DKIM-Signature: v=1; d=\x1b[31m; s=x\r\n" + message()
    assert all(reason.isprintable() for reason in (await judge(raw)).reasons)


def test_our_own_word() -> None:
    assert local("sales@acme.multimail.test").verdict == "local"
    assert local("sales@acme.multimail.test").domain == "acme.multimail.test"


async def test_policies_are_found_where_they_may_stand() -> None:
    below = await find_policy(Names(TABLE), "a.b.example.com")
    assert below is not None and (below.domain, below.wanted) == ("example.com", "quarantine")
    own = await find_policy(Names(TABLE), "example.com")
    assert own is not None and own.wanted == "reject"
    suffix = Names({("_dmarc.gov", "TXT"): ["v=DMARC1; p=reject; sp=none"]})
    above = await find_policy(suffix, "agency.gov")
    assert above is not None and (above.domain, above.wanted) == ("gov", "none")
    odd = Names({("_dmarc.odd.org", "TXT"): ["v=spf1 -all", "v = DMARC1 ; p=Sometimes"]})
    found = await find_policy(odd, "odd.org")
    assert found is not None and found.wanted == "none"
    assert await find_policy(Names(TABLE), "nobody.org") is None


def test_alignment_ends_at_the_public_suffix() -> None:
    assert aligned("a.example.co.uk", "b.example.co.uk")
    assert not aligned("a.co.uk", "b.co.uk")
    assert not aligned("a.github.io", "b.github.io")
    assert not aligned("a.example.com", "example.com", strict=True)
    assert organisational("Example.COM.") == "example.com" and organisational("com") == "com"
