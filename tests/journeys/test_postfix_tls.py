"""Postfix as the mail host that DANE and MTA-STS speak of: the TLS of a server no one here wrote, held to records that
came over the wire."""

import asyncio
import hashlib
import os
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from bench import postfix
from multimail.mail.deliver import Deliverer, Mx, Result
from multimail.mail.mta_sts import Policy, read_policy
from multimail.net.dns import Resolver
from tests.journeys.test_postfix import quiet_port
from tests.net.test_dns import Server
from tests.support.certificates import Issued, issue

pytestmark = pytest.mark.debian("postfix")

ROOT = issue("Root", authority=True)
MIDDLE = issue("Middle", ROOT, authority=True)
HOST = issue("mx.b.example", MIDDLE)  # what Postfix presents
STRANGER = issue("mx.b.example")
MAIL = b"From: a@me.example\r\nTo: b@b.example\r\nSubject: TLS\r\n\r\nHello\r\n"
TAKEN, BAD_TLS, UNWANTED = ("delivered", None), ("deferred", "4.7.5"), ("deferred", "4.7.0")


def sha(usage: int, issued: Issued, selector: int = 1, matching: int = 1) -> str:
    data = issued.key_der if selector else issued.der
    digest = {0: lambda: data, 1: hashlib.sha256(data).digest, 2: hashlib.sha512(data).digest}[matching]()
    return f"{usage} {selector} {matching} {digest.hex()}"


def policy(mode: str, mx: str) -> Policy:
    return read_policy(f"version: STSv1\nmode: {mode}\nmx: {mx}\nmax_age: 604800\n".encode())


# Who the mail host is by its MX record, what its TLSA records are, what its domain's policy is, what then follows.
# Postfix takes nothing without TLS, so what it took was encrypted.
CASES: dict[str, tuple[str, list[str], Policy | None, tuple[str, str | None]]] = {
    "nothing is demanded": ("mx", [], None, TAKEN),
    "its key": ("mx", [sha(3, HOST)], None, TAKEN),
    "its certificate": ("mx", [sha(3, HOST, selector=0, matching=2)], None, TAKEN),
    "its key, under a name that is not its own": ("other", [sha(3, HOST)], None, TAKEN),
    "the next key is published already": ("mx", [sha(3, STRANGER), sha(3, HOST)], None, TAKEN),
    "another's key": ("mx", [sha(3, STRANGER)], None, BAD_TLS),
    "its authority": ("mx", [sha(2, ROOT)], None, TAKEN),
    "its authority below the root": ("mx", [sha(2, MIDDLE, selector=0)], None, TAKEN),
    "its authority whole, which it need not present": ("mx", [sha(2, ROOT, 0, 0)], None, TAKEN),
    "another authority": ("mx", [sha(2, STRANGER)], None, BAD_TLS),
    "its authority, under a name that is not its own": ("other", [sha(2, ROOT)], None, BAD_TLS),
    "an authority's usage that is none between servers": ("mx", [sha(1, STRANGER)], None, TAKEN),
    "a policy that it keeps": ("mx", [], policy("enforce", "*.b.example"), TAKEN),
    "a policy for a name that is not its own": ("other", [], policy("enforce", "other.b.example"), BAD_TLS),
    "a policy that does not name it": ("mx", [], policy("enforce", "other.b.example"), UNWANTED),
    "a policy that is being tried out": ("other", [], policy("testing", "mx.b.example"), TAKEN),
    "DANE comes before a policy": ("mx", [sha(3, STRANGER)], policy("testing", "mx.b.example"), BAD_TLS),
}


class Known:
    def __init__(self, policy: Policy | None) -> None:
        self._policy = policy

    async def of(self, domain: str) -> Policy | None:
        return self._policy


@asynccontextmanager
async def zone(host: str, tlsa: list[str], port: int) -> AsyncIterator[Resolver]:
    """The resolver of the product, asking a server that validates."""
    records: dict[tuple[str, str], Any] = {
        ("b.example.", "MX"): (300, [f"10 {host}.b.example."]),
        (f"{host}.b.example.", "A"): (300, ["127.0.0.1"]),
    }
    if tlsa:
        records[f"_{port}._tcp.{host}.b.example.", "TLSA"] = (300, tlsa)
    server = Server(records)
    server.vouches = True
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(lambda: server, local_addr=("127.0.0.1", 0))
    try:
        asked = transport.get_extra_info("sockname")[1]
        yield Resolver(nameservers=("127.0.0.1",), port=asked, timeout=30, dnssec="on")
    finally:
        transport.close()


async def sent(port: int, host: str, tlsa: list[str], said: Policy | None, trusted: Issued = ROOT) -> Result:
    async with zone(host, tlsa, port) as dns:
        deliverer = Deliverer(Mx(dns, Known(said), port=port, allow_private=True), helo="me.example")
        deliverer._contexts.verified.load_verify_locations(cadata=ssl.DER_cert_to_PEM_cert(trusted.der))
        try:
            return (await deliverer.deliver("a@me.example", ["b@b.example"], MAIL))["b@b.example"]
        finally:
            await deliverer.close()


@pytest.mark.skipif(os.geteuid() != 0, reason="Postfix needs root to start")
async def test_what_postfix_gets_by_its_certificate(tmp_path: Path) -> None:
    port = quiet_port()
    keys = f"smtpd_tls_chain_files={HOST.file(tmp_path)}\nsmtpd_tls_security_level=encrypt\n"
    keys += "smtpd_relay_restrictions=permit_mynetworks,reject\n"
    found = {}
    with postfix.running("discard", 0, port=port, more=keys):
        for name, (host, tlsa, said, _) in CASES.items():
            result = await sent(port, host, tlsa, said)
            enhanced = result.enhanced if result.outcome != "delivered" else None
            found[name] = (result.outcome, enhanced)
        unknown = await sent(port, "mx", [], policy("enforce", "mx.b.example"), trusted=STRANGER)
    assert found == {name: expected for name, (*_, expected) in CASES.items()}
    assert (
        unknown.outcome,
        unknown.enhanced,
    ) == BAD_TLS and "the MTA-STS policy of b.example" in unknown.message
