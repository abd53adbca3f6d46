import asyncio

import dns.flags
import dns.message
import dns.rcode
import dns.resolver
import dns.rrset
import pytest

from multimail.net.dns import MAX_TTL, NotFound, Resolver, Temporary, believed

RECORDS = {
    ("b.example.", "MX"): (300, ["20 two.b.example.", "10 one.b.example."]),
    ("null.example.", "MX"): (300, ["0 ."]),
    ("one.b.example.", "A"): (300, ["192.0.2.1"]),
    ("one.b.example.", "AAAA"): (300, ["2001:db8::1"]),
    ("b.example.", "A"): (10**6, ["192.0.2.9"]),
    ("b.example.", "TXT"): (300, ['"v=spf1 " "-all"', '"other"']),
    ("1.2.0.192.in-addr.arpa.", "PTR"): (300, ["one.b.example."]),
    ("xn--b-eha.example.", "A"): (300, ["192.0.2.2"]),
    ("alias.b.example.", "A"): (300, ["192.0.2.1"]),
    ("_25._tcp.one.b.example.", "TLSA"): (300, ["3 1 1 " + "ab" * 32]),
}
ALIASES = {"alias.b.example.": "one.b.example."}
BROKEN = "broken.example."


class Server(asyncio.DatagramProtocol):
    """A name server of one table, by name and type: TTL and records as a zone file has them; `asked` is what came."""

    vouches = False  # whether it says that DNSSEC vouches for its answers, to those who understand that

    def __init__(self, records=RECORDS):
        self.records = records
        self.asked = []

    def connection_made(self, transport):
        self.transport = transport

    def datagram_received(self, data, peer):
        query = dns.message.from_wire(data)
        question = query.question[0]
        name, kind = question.name.to_text().lower(), question.rdtype.name
        self.asked.append((name, kind))
        response = dns.message.make_response(query)
        response.flags |= dns.flags.RA
        if self.vouches and query.flags & dns.flags.AD:
            response.flags |= dns.flags.AD
        if name == BROKEN:
            response.set_rcode(dns.rcode.SERVFAIL)
        elif (name, kind) in self.records:
            ttl, texts = self.records[name, kind]
            end = ALIASES.get(name)
            if end:
                response.answer.append(dns.rrset.from_text(question.name, ttl, "IN", "CNAME", end))
            response.answer.append(dns.rrset.from_text(end or question.name, ttl, "IN", kind, *texts))
        elif not any(known == name for known, _ in self.records):
            response.set_rcode(dns.rcode.NXDOMAIN)
        self.transport.sendto(response.to_wire(), peer)


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


@pytest.fixture
async def server():
    transport, protocol = await asyncio.get_running_loop().create_datagram_endpoint(
        Server, local_addr=("127.0.0.1", 0)
    )
    yield protocol
    transport.close()


def resolver(server, clock=None, timeout=5.0, dnssec="off"):
    port = server.transport.get_extra_info("sockname")[1]
    clock = clock or Clock()
    return Resolver(nameservers=("127.0.0.1",), port=port, timeout=timeout, clock=clock, dnssec=dnssec)


async def test_mail_hosts_come_by_preference(server):
    assert await resolver(server).mx("B.example") == ((10, "one.b.example"), (20, "two.b.example"))
    assert await resolver(server).mx("null.example") == ((0, ""),)
    assert await resolver(server).mx("one.b.example") == ()


async def test_addresses_of_both_families(server):
    assert await resolver(server).addresses("one.b.example") == ("2001:db8::1", "192.0.2.1")
    assert await resolver(server).addresses("b.example") == ("192.0.2.9",)
    assert await resolver(server).addresses("bü.example") == ("192.0.2.2",)


async def test_text_strings_are_joined(server):
    assert sorted(await resolver(server).txt("b.example")) == [b"other", b"v=spf1 -all"]
    assert await resolver(server).txt("one.b.example") == ()


@pytest.mark.parametrize("name", ["gone.example", "a..b", "x" * 64, "ü..b"])
async def test_what_does_not_exist(server, name):
    dns = resolver(server)
    for ask in (dns.mx, dns.addresses, dns.txt):
        with pytest.raises(NotFound):
            await ask(name)


async def test_a_host_without_addresses_is_not_found(server):
    with pytest.raises(NotFound):
        await resolver(server).addresses("null.example")


async def test_a_failing_server_is_temporary_and_not_remembered(server):
    dns = resolver(server, timeout=0.2)
    for ask in (dns.mx, dns.addresses, dns.txt):
        with pytest.raises(Temporary):
            await ask("broken.example")
    before = len(server.asked)
    with pytest.raises(Temporary):
        await dns.mx("broken.example")
    assert len(server.asked) > before


async def test_answers_are_kept_for_their_ttl(server):
    clock = Clock()
    dns = resolver(server, clock)
    for name in ("b.example", "B.EXAMPLE."):
        await dns.mx(name)
    assert len(server.asked) == 1
    clock.now = 299.0
    await dns.mx("b.example")
    assert len(server.asked) == 1
    clock.now = 300.0
    await dns.mx("b.example")
    assert len(server.asked) == 2


async def test_absence_is_kept_briefly_and_no_ttl_for_long(server):
    clock = Clock()
    dns = resolver(server, clock)
    for _ in range(2):
        with pytest.raises(NotFound):
            await dns.mx("gone.example")
    assert len(server.asked) == 1
    await dns.addresses("b.example")
    asked = len(server.asked)
    clock.now = MAX_TTL
    await dns.addresses("b.example")
    assert len(server.asked) == asked + 2


async def test_the_cache_is_bounded(server, monkeypatch):
    monkeypatch.setattr("multimail.net.dns.MAX_ENTRIES", 3)
    dns = resolver(server)
    for number in range(10):
        with pytest.raises(NotFound):
            await dns.mx(f"gone{number}.example")
    assert len(dns._cache) == 3


async def test_reverse_names(server):
    assert await resolver(server).pointers("192.0.2.1") == ("one.b.example",)
    with pytest.raises(NotFound):
        await resolver(server).pointers("2001:db8::1")


async def test_reserved_names_are_answered_without_asking(monkeypatch):
    system = Resolver(timeout=0.01)

    async def never(*question):
        raise AssertionError(question)

    monkeypatch.setattr(system, "_ask", never)
    for name in ("example.test", "a.b.EXAMPLE.", "x.invalid", "localhost", "_dmarc.acme.multimail.test"):
        with pytest.raises(NotFound):
            await system.txt(name)


async def test_a_machine_without_name_servers_starts_all_the_same(monkeypatch):
    def none(self, *given):
        raise dns.resolver.NoResolverConfiguration

    monkeypatch.setattr(dns.resolver.BaseResolver, "read_resolv_conf", none)
    with pytest.raises(Temporary):
        await Resolver(timeout=0.01).txt("example.com")


@pytest.mark.parametrize(
    ("dnssec", "vouches", "trusted"),
    [("on", False, False), ("off", True, False), ("auto", True, True), ("on", True, True)],
)
async def test_what_dnssec_vouches_for(server, dnssec, vouches, trusted):
    server.vouches = vouches
    names = resolver(server, timeout=0.5, dnssec=dnssec)
    assert await names.secure("b.example", "MX") == ("b.example" if trusted else None)
    assert await names.secure("one.b.example", "MX") == ("one.b.example" if trusted else None)  # it has none
    assert await names.secure("alias.b.example", "A") == ("one.b.example" if trusted else None)
    records = await names.tlsa("_25._tcp.one.b.example")
    assert records == (((3, 1, 1, b"\xab" * 32),) if trusted else ())
    with pytest.raises(NotFound):
        await names.tlsa("_25._tcp.two.b.example")
    with pytest.raises(Temporary):
        await names.tlsa("broken.example")


@pytest.mark.parametrize(
    ("servers", "conf", "expected"),
    [
        (["127.0.0.1", "::1"], "", True),
        (["127.0.0.53"], None, True),
        (["127.0.0.1", "192.0.2.1"], "options edns0", False),
        (["127.0.0.11"], "", False),  # Docker's only forwards
        ([], "", False),
        (["192.0.2.1"], "nameserver 192.0.2.1\noptions edns0 trust-ad\n", True),
        (["192.0.2.1"], "# options trust-ad\n\nsearch trust-ad\n", False),
    ],
)
def test_whose_word_about_dnssec_counts(tmp_path, servers, conf, expected):
    if conf is not None:
        (tmp_path / "resolv.conf").write_text(conf)
    assert believed(servers, tmp_path / "resolv.conf") is expected
