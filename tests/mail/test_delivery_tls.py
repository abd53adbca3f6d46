"""TLS with mail hosts as MTA-STS and DANE demand it, from the records to what the host gets."""

import hashlib
import ssl
from dataclasses import dataclass

import pytest
import structlog.testing

from multimail.mail.deliver import Deliverer, Mx
from multimail.mail.mta_sts import Policy
from tests.mail.test_deliver import FAST, Dns, Sink, one
from tests.support.certificates import Issued, issue

ROOT = issue("Root", authority=True)
HOST = issue("mx.b.example", issue("Middle", ROOT, authority=True))
STRANGER = issue("mx.b.example")


class SignedDns(Dns):
    """mx.b.example for b.example, at 127.0.0.1. `signed` are the names that DNSSEC vouches for, with what is behind
    their aliases; `published` the TLSA records by name, for any port."""

    def __init__(self, signed=("b.example", "mx.b.example"), published=None, aliases=None):
        super().__init__({"b.example": [(1, "mx.b.example")]}, {"mx.b.example": ["127.0.0.1"]})
        self.signed, self.published, self.aliases = signed, published or {}, aliases or {}

    async def secure(self, name, kind):
        return self.aliases.get(name, name) if name in self.signed else None

    async def tlsa(self, name):
        records = self.published.get(name.partition("._tcp.")[2], LookupError(name))
        if isinstance(records, Exception):
            raise records
        return records


UNSIGNED = SignedDns(signed=())


@dataclass
class Known:
    """The policies of domains."""

    policy: Policy | None = None

    async def of(self, domain):
        return self.policy if domain == "b.example" else None


def policy(mode, *mx):
    return Known(Policy(mode, mx or ("mx.b.example",), 86_400))


def key(issued: Issued, usage=3):
    return (usage, 1, 1, hashlib.sha256(issued.key_der).digest())


def deliverer(sink, dns, policies=None):
    made = Deliverer(Mx(dns, policies, port=sink.port, allow_private=True), helo="me.example", timeouts=FAST)
    made._contexts.verified.load_verify_locations(cadata=ssl.DER_cert_to_PEM_cert(ROOT.der))
    return made


def sink(tmp_path, presents: Issued | None = HOST):
    if presents is None:
        return Sink()
    return Sink(extensions=("STARTTLS",), tls=presents.server(tmp_path))


async def sent(tmp_path, presents, dns, policies=None):
    """The result, and what the host saw: whether it was encrypted, and MAIL without it never counts as that."""
    async with sink(tmp_path, presents) as host:
        result = await one(deliverer(host, dns, policies))
        assert bool(host.messages) == (result.outcome == "delivered")
        return result, host.encrypted


async def test_what_a_policy_enforces(tmp_path):
    result, encrypted = await sent(tmp_path, HOST, UNSIGNED, policy("enforce"))
    assert (result.outcome, encrypted) == ("delivered", 1)


@pytest.mark.parametrize(
    ("presents", "mx", "enhanced", "says"),
    [
        (
            None,
            "mx.b.example",
            "4.7.4",
            "does not offer STARTTLS, which the MTA-STS policy of b.example demands",
        ),
        (STRANGER, "mx.b.example", "4.7.5", "TLS failed, which the MTA-STS policy of b.example demands"),
        (issue("other.example", ROOT), "mx.b.example", "4.7.5", "ertificate"),
        (HOST, "*.c.example", "4.7.0", "the MTA-STS policy of b.example does not name mx.b.example"),
    ],
)
async def test_what_fails_a_policy_waits_and_says_why(tmp_path, presents, mx, enhanced, says):
    result, _ = await sent(tmp_path, presents, UNSIGNED, policy("enforce", mx))
    assert (result.outcome, result.enhanced) == ("deferred", enhanced) and says in result.message


@pytest.mark.parametrize("presents", [None, STRANGER, HOST])
@pytest.mark.parametrize("mx", ["mx.b.example", "mx.c.example"])
async def test_a_policy_in_testing_is_only_told(tmp_path, presents, mx):
    with structlog.testing.capture_logs() as logged:
        result, encrypted = await sent(tmp_path, presents, UNSIGNED, policy("testing", mx))
    assert result.outcome == "delivered" and bool(encrypted) == (presents is not None)
    told = [entry["wanted_by"] for entry in logged]
    assert told == ["the MTA-STS policy of b.example"] * ((presents is not HOST) + (mx != "mx.b.example"))


@pytest.mark.parametrize("policies", [None, Known(), policy("none", "other.example")])
async def test_without_a_policy_tls_is_taken_as_it_comes(tmp_path, policies):
    for presents in (None, STRANGER):
        assert (await sent(tmp_path, presents, UNSIGNED, policies))[0].outcome == "delivered"


async def test_a_connection_made_without_proof_is_not_used_where_it_is_demanded(tmp_path):
    known = Known()
    async with sink(tmp_path, STRANGER) as host:
        pooled = deliverer(host, UNSIGNED, known)
        await pooled.deliver("s@me.example", ["a@b.example"], b"x\r\n")
        known.policy = policy("enforce").policy
        assert (await one(pooled)).outcome == "deferred"
    assert len(host.messages) == 1


@pytest.mark.parametrize(
    ("presents", "records"),
    [
        (STRANGER, [key(STRANGER)]),
        (HOST, [key(STRANGER), key(HOST)]),
        (HOST, [key(ROOT, 2)]),
        (STRANGER, [(1, 1, 1, bytes(32))]),  # none of use: TLS with whoever answers
    ],
)
async def test_records_vouch(tmp_path, presents, records):
    dns = SignedDns(published={"mx.b.example": records})
    result, encrypted = await sent(tmp_path, presents, dns, policy("enforce", "other.example"))
    assert (result.outcome, encrypted) == ("delivered", 1)


@pytest.mark.parametrize(
    ("presents", "records", "enhanced"),
    [
        (HOST, [key(STRANGER)], "4.7.5"),
        (STRANGER, [key(ROOT, 2)], "4.7.5"),
        (None, [key(HOST)], "4.7.4"),
        (None, [(1, 1, 1, bytes(32))], "4.7.4"),
        (HOST, OSError("bogus"), None),
    ],
)
async def test_what_no_record_vouches_for_waits(tmp_path, presents, records, enhanced):
    """A policy that is met does not make up for it (RFC 8461 section 2)."""
    result, _ = await sent(
        tmp_path, presents, SignedDns(published={"mx.b.example": records}), policy("enforce")
    )
    assert (result.outcome, result.enhanced) == ("deferred", enhanced)
    assert "DANE for mx.b.example" in result.message or "DNS did not answer" in result.message


@pytest.mark.parametrize("signed", [(), ("b.example",), ("mx.b.example",)])
async def test_records_count_only_where_all_before_them_is_signed(tmp_path, signed):
    dns = SignedDns(signed, published={"mx.b.example": AssertionError("asked")})
    assert (await sent(tmp_path, STRANGER, dns))[0].outcome == "delivered"


async def test_records_behind_an_alias_come_first(tmp_path):
    aliases = {"mx.b.example": "real.c.example"}
    published = {"real.c.example": [key(HOST)], "mx.b.example": [key(STRANGER)]}
    assert (await sent(tmp_path, HOST, SignedDns(published=published, aliases=aliases)))[
        0
    ].outcome == "delivered"
    del published["real.c.example"]
    assert (await sent(tmp_path, HOST, SignedDns(published=published, aliases=aliases)))[
        0
    ].outcome == "deferred"


async def test_the_next_host_may_do_better(tmp_path):
    dns = SignedDns()
    dns.tables["mx"]["b.example"] = [(1, "evil.example"), (2, "mx.b.example")]
    dns.tables["addresses"]["evil.example"] = ["127.0.0.1"]
    result, encrypted = await sent(tmp_path, HOST, dns, policy("enforce"))
    assert (result.outcome, result.host, encrypted) == ("delivered", "mx.b.example", 1)
