import asyncio
import contextlib
import socket
import ssl
from dataclasses import replace

import pytest

from multimail.mail.deliver import Deliverer, Mx, Relay, Timeouts, parse_relay
from multimail.mail.smtp_session import MAX_MESSAGE, from_reply, one_line
from tests.support.certificates import issue

RAW = b"Subject: x\r\n\r\n.dot\r\nbody\r\n"
FAST = Timeouts(connect=5.0, command=5.0, final_dot=5.0, transaction=20.0)


class Sink:
    """An SMTP server: `replies` by verb or by 'RCPT <address>'; a reply of None drops the connection."""

    def __init__(self, replies=None, extensions=("SIZE 1000000",), greeting="220 sink", tls=None):
        self.tls = tls
        self.encrypted = 0
        self.replies = replies or {}
        self.extensions = extensions
        self.greeting = greeting
        self.connections = 0
        self.messages = []
        self.commands = []
        self.writers = []

    async def __aenter__(self):
        self.server = await asyncio.start_server(self._serve, "127.0.0.1", 0, limit=2**22)
        self.port = self.server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_):
        self.server.close()
        self.drop()
        await self.server.wait_closed()

    def drop(self):
        for writer in self.writers:
            writer.close()
        self.writers = []

    def relay(self, **more):
        return Deliverer(Relay("127.0.0.1", self.port, tls="none"), helo="me.example", timeouts=FAST, **more)

    async def _serve(self, reader, writer):
        self.connections += 1
        self.writers.append(writer)
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            writer.write(self.greeting.encode() + b"\r\n")
            while line := (await reader.readline()).decode().strip():
                self.commands.append(line)
                if not await self._answer(line, reader, writer):
                    break
        writer.close()

    async def _answer(self, line, reader, writer):
        verb = line.split(" ")[0].upper()
        reply = self.replies.get(
            line.replace("RCPT TO:<", "RCPT ").rstrip(">"), self.replies.get(verb, "250 2.0.0 ok")
        )
        if verb == "EHLO":
            lines = ["sink", *self.extensions]
            reply = "\r\n".join([f"250-{one}" for one in lines[:-1]] + [f"250 {lines[-1]}"])
        elif verb == "STARTTLS" and self.tls:
            writer.write(b"220 go\r\n")
            plain = writer.transport
            try:
                await writer.start_tls(self.tls)
            except AttributeError:  # the client left in the handshake: asyncio has no transport then
                writer._transport = plain  # which Python 3.12 asks for when it forgets the writer
                return False
            self.encrypted += 1
            return True
        elif verb == "DATA" and reply.startswith("250"):
            writer.write(b"354 go\r\n")
            self.messages.append(await reader.readuntil(b"\r\n.\r\n"))
            reply = self.replies.get(".", "250 2.0.0 taken")
        if reply is None:
            return False
        writer.write(reply.encode() + b"\r\n")
        return verb != "QUIT"


class Dns:
    """A resolver of two tables; a value that is an exception is raised."""

    def __init__(self, mx=None, addresses=None):
        self.tables = {"mx": mx or {}, "addresses": addresses or {}}

    async def _get(self, table, name):
        value = self.tables[table].get(name, LookupError(name))
        if isinstance(value, Exception):
            raise value
        return value

    async def mx(self, domain):
        return await self._get("mx", domain)

    async def addresses(self, host):
        return await self._get("addresses", host)

    async def secure(self, name, kind):
        return None

    async def tlsa(self, name):
        raise AssertionError(name)


def mx(dns, port):
    return Deliverer(Mx(dns, port=port, allow_private=True), helo="me.example", timeouts=FAST)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """(server context, PEM of the authority) for localhost; nobody else trusts that authority."""
    host = issue("localhost", issue("Root", authority=True))
    return host.server(tmp_path_factory.mktemp("tls")), ssl.DER_cert_to_PEM_cert(host.issuer.der)


def closed_port():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


async def one(deliverer, recipient="a@b.example", raw=RAW, **more):
    try:
        return (await deliverer.deliver("s@me.example", [recipient], raw, **more))[recipient]
    finally:
        await deliverer.close()


async def test_a_message_arrives_dot_stuffed():
    async with Sink() as sink:
        result = await one(sink.relay())
    assert (result.outcome, result.code, result.enhanced, result.host) == (
        "delivered",
        250,
        "2.0.0",
        "127.0.0.1",
    )
    assert sink.messages == [b"Subject: x\r\n\r\n..dot\r\nbody\r\n.\r\n"]
    assert sink.commands[:4] == [
        "EHLO me.example", f"MAIL FROM:<s@me.example> SIZE={len(RAW)}", "RCPT TO:<a@b.example>", "DATA",
    ]  # fmt: skip


async def test_no_bare_line_end_leaves():
    async with Sink() as sink:
        await one(sink.relay(), raw=b".a\n.\r.\nb")
    assert sink.messages == [b"..a\r\n..\r\n..\r\nb\r\n.\r\n"]


async def test_each_recipient_has_its_own_result():
    replies = {
        "RCPT no@b.example": "550 5.1.1 nobody",
        "RCPT later@b.example": "451 4.7.1 greylisted",
        "RCPT full@b.example": "552 too many",
        "RCPT odd@b.example": "550 4.2.2 mailbox full",
    }
    people = ["a@b.example", *(key[5:] for key in replies), "not an address"]
    async with Sink(replies) as sink:
        deliverer = sink.relay()
        results = await deliverer.deliver("", people, RAW)
        await deliverer.close()
    outcomes = [results[person].outcome for person in people]
    assert outcomes == ["delivered", "failed", "deferred", "deferred", "deferred", "failed"]
    assert results["no@b.example"].message == "5.1.1 nobody" and len(sink.messages) == 1
    assert sink.commands[1].startswith("MAIL FROM:<> ")


@pytest.mark.parametrize(
    ("verb", "reply", "outcome"),
    [
        ("MAIL", "550 5.7.1 no", "failed"),
        ("MAIL", "451 4.3.0 later", "deferred"),
        ("MAIL", "999 what", "deferred"),
        ("RCPT", None, "deferred"),
        ("RCPT", "550 5.1.1 no", "failed"),
        ("DATA", "554 5.7.1 no", "failed"),
        ("DATA", "451 later", "deferred"),
        (".", "554 5.6.0 spam", "failed"),
        (".", "452 4.3.1 full", "deferred"),
        (".", "garbage", "deferred"),
        ("MAIL", "421 4.3.2 bye", "deferred"),
    ],
)
async def test_replies_decide(verb, reply, outcome):
    async with Sink({verb: reply}) as sink:
        deliverer = sink.relay()
        result = (await deliverer.deliver("s@me.example", ["a@b.example"], RAW))["a@b.example"]
        sink.replies = {}
        again = (await deliverer.deliver("s@me.example", ["a@b.example"], RAW))["a@b.example"]
        await deliverer.close()
    assert result.outcome == outcome and result.message
    assert again.outcome == "delivered"


async def test_a_connection_lost_after_the_dot_leaves_the_outcome_unknown():
    async with Sink({".": None}) as sink:
        result = await one(sink.relay())
    assert result.outcome == "deferred" and "outcome is unknown" in result.message


@pytest.mark.parametrize("greeting", ["554 no", "421 busy", "hello"])
async def test_an_unfriendly_greeting_is_a_deferral(greeting):
    async with Sink(greeting=greeting) as sink:
        assert (await one(sink.relay())).outcome == "deferred"


async def test_a_closed_port_is_a_deferral():
    relay = Relay("127.0.0.1", closed_port(), tls="none")
    result = await one(Deliverer(relay, helo="me.example", timeouts=FAST))
    assert result.outcome == "deferred" and result.code is None


async def test_a_silent_server_is_a_deferral():
    sink = Sink({"RCPT": "250-never ends"})
    async with sink:
        quick = Timeouts(connect=5.0, command=0.05, final_dot=0.05, transaction=5.0)
        deliverer = Deliverer(Relay("127.0.0.1", sink.port, tls="none"), helo="me.example", timeouts=quick)
        assert (await one(deliverer)).outcome == "deferred"


async def test_connections_are_reused_and_bounded():
    async with Sink() as sink:
        deliverer = sink.relay(per_host=3, max_messages=1000)
        await asyncio.gather(*(deliverer.deliver("s@me.example", ["a@b.example"], RAW) for _ in range(60)))
        assert sink.connections <= 3 and len(sink.messages) == 60
        await deliverer.close()
    assert sink.commands.count("QUIT") == sink.connections


async def test_a_connection_has_its_share_of_messages():
    async with Sink() as sink:
        deliverer = sink.relay(per_host=1, max_messages=2)
        for _ in range(5):
            await deliverer.deliver("s@me.example", ["a@b.example"], RAW)
        await deliverer.close()
    assert sink.connections == 3


async def test_an_idle_connection_is_closed():
    async with Sink() as sink:
        deliverer = sink.relay(idle=0.0)
        await deliverer.deliver("s@me.example", ["a@b.example"], RAW)
        while "QUIT" not in sink.commands:
            await asyncio.sleep(0)
        assert not deliverer._pools
        await deliverer.close()


@pytest.mark.parametrize("how", ["drop", "421"])
async def test_a_pooled_connection_that_died_is_replaced_once(how):
    async with Sink() as sink:
        deliverer = sink.relay()
        await deliverer.deliver("s@me.example", ["a@b.example"], RAW)
        if how == "drop":
            sink.drop()
        else:
            sink.replies = {"MAIL": "421 4.4.2 idle"}
        results = await deliverer.deliver("s@me.example", ["a@b.example"], RAW)
        await deliverer.close()
    assert sink.connections == 2
    result = results["a@b.example"]
    assert result.outcome == ("delivered" if how == "drop" else "deferred")
    assert (result.code, result.enhanced) == ((250, "2.0.0") if how == "drop" else (421, "4.4.2"))


async def test_smtputf8_is_asked_for_or_refused():
    async with Sink() as sink:
        result = await one(sink.relay(), "jü@b.example")
        assert (result.outcome, result.enhanced) == ("failed", "5.6.7")
    async with Sink(extensions=("SMTPUTF8", "8BITMIME")) as sink:
        assert (await one(sink.relay(), "jü@bü.example")).outcome == "delivered"
        assert (
            "MAIL FROM:<s@me.example> SMTPUTF8" in sink.commands
            and "RCPT TO:<jü@bü.example>" in sink.commands
        )
    async with Sink() as sink:
        assert (await one(sink.relay(), "a@bü.example")).outcome == "delivered"
        assert "RCPT TO:<a@xn--b-eha.example>" in sink.commands


async def test_a_message_too_large_for_the_server_is_not_sent():
    async with Sink(extensions=("SIZE 10",)) as sink:
        result = await one(sink.relay())
    assert (result.outcome, result.enhanced) == ("failed", "5.3.4") and "DATA" not in sink.commands


@pytest.mark.parametrize(
    "evil", ["a@b.example>\r\nRSET", "a@b.example> <x@y.example", "A <a@b.example>", "", "a@b\0"]
)
async def test_nothing_is_injected_into_the_envelope(evil):
    async with Sink() as sink:
        assert (await one(sink.relay(), evil)).outcome == "failed"
        deliverer = sink.relay()
        results = await deliverer.deliver(evil or "x", ["a@b.example"], RAW)
        await deliverer.close()
    assert results["a@b.example"].outcome == "failed" and sink.commands == []


async def test_credentials_go_to_a_loopback_host_only_without_tls():
    async with Sink({"AUTH": "235 2.7.0 in"}, extensions=("AUTH PLAIN",)) as sink:
        relay = Relay("127.0.0.1", sink.port, "user", "secret", "none")
        assert (await one(Deliverer(relay, helo="me.example", timeouts=FAST))).outcome == "delivered"
        assert any(line.startswith("AUTH PLAIN") for line in sink.commands)
        assert "secret" not in repr(relay)


@pytest.mark.parametrize("tls", ["none", "starttls", "opportunistic"])
async def test_credentials_never_go_anywhere_else_in_the_clear(tls, monkeypatch):
    monkeypatch.setattr("multimail.mail.deliver.is_loopback", lambda host: False)
    monkeypatch.setattr("multimail.mail.smtp_session.is_loopback", lambda host: False)
    async with Sink({"AUTH": "235 2.7.0 in"}, extensions=("AUTH PLAIN",)) as sink:
        relay = Relay("127.0.0.1", sink.port, "user", "secret", tls)
        result = await one(Deliverer(relay, helo="me.example", timeouts=FAST))
    assert result.outcome == "deferred" and "TLS" in result.message
    assert not any(line.startswith("AUTH") for line in sink.commands)


async def test_refused_credentials_are_a_deferral():
    async with Sink({"AUTH": "535 5.7.8 wrong"}, extensions=("AUTH PLAIN",)) as sink:
        relay = Relay("127.0.0.1", sink.port, "user", "secret", "none")
        result = await one(Deliverer(relay, helo="me.example", timeouts=FAST))
    assert (result.outcome, result.code, result.enhanced) == ("deferred", 535, "5.7.8")


@pytest.mark.parametrize("reply", ["454 4.7.0 not now", "220 go"])
async def test_opportunistic_tls_falls_back(reply):
    async with Sink({"STARTTLS": reply}, extensions=("STARTTLS",)) as sink:
        relay = Relay("127.0.0.1", sink.port, tls="opportunistic")
        assert (await one(Deliverer(relay, helo="me.example", timeouts=FAST))).outcome == "delivered"
    assert sink.connections == 2


async def test_opportunistic_tls_encrypts_with_whoever_answers(certificate):
    async with Sink(extensions=("STARTTLS",), tls=certificate[0]) as sink:
        relay = Relay("127.0.0.1", sink.port, tls="opportunistic")
        assert (await one(Deliverer(relay, helo="me.example", timeouts=FAST))).outcome == "delivered"
    assert sink.encrypted == 1 and sink.connections == 1


async def test_demanded_tls_needs_a_valid_certificate(certificate):
    async with Sink(extensions=("STARTTLS", "AUTH PLAIN"), tls=certificate[0]) as sink:
        relay = Relay("localhost", sink.port, "user", "secret", tls="starttls")
        refused = await one(Deliverer(relay, helo="me.example", timeouts=FAST))
        assert refused.outcome == "deferred" and sink.messages == []
        assert not any(line.startswith(("AUTH", "MAIL")) for line in sink.commands)
        trusting = Deliverer(relay, helo="me.example", timeouts=FAST)
        trusting._contexts.verified.load_verify_locations(cadata=certificate[1])
        sink.replies = {"AUTH": "235 2.7.0 in"}
        assert (await one(trusting)).outcome == "delivered"
        misnamed = Deliverer(replace(relay, host="127.0.0.1"), helo="me.example", timeouts=FAST)
        misnamed._contexts.verified.load_verify_locations(cadata=certificate[1])
        assert (await one(misnamed)).outcome == "deferred"
    assert len(sink.messages) == 1


async def test_implicit_tls_is_never_given_up():
    async with Sink() as sink:
        relay = Relay("127.0.0.1", sink.port, tls="implicit")
        quick = Timeouts(connect=0.2, command=5.0, final_dot=5.0, transaction=5.0)
        assert (await one(Deliverer(relay, helo="me.example", timeouts=quick))).outcome == "deferred"
    assert not any(line.startswith("MAIL") for line in sink.commands)


async def test_mx_goes_to_the_preferred_host_and_by_domain():
    async with Sink() as sink:
        dns = Dns({"b.example": [(20, "two."), (10, "one.")], "c.example": ()},
                  {"one": ["127.0.0.1"], "c.example": ["127.0.0.1"]})  # fmt: skip
        deliverer = mx(dns, sink.port)
        results = await deliverer.deliver("s@me.example", ["a@b.example", "b@B.example", "a@c.example"], RAW)
        await deliverer.close()
    assert {results[one].host for one in results} == {"one", "c.example"}
    assert all(one.outcome == "delivered" for one in results.values()) and len(sink.messages) == 2


@pytest.mark.parametrize("first", [["127.0.0.2"], LookupError("gone"), OSError("timeout"), []])
async def test_mx_falls_back_to_the_next_host(first):
    async with Sink() as sink:
        dns = Dns({"b.example": [(10, "one"), (20, "two")]}, {"one": first, "two": ["127.0.0.1"]})
        result = await one(mx(dns, sink.port))
    assert (result.outcome, result.host) == ("delivered", "two")


async def test_a_4xx_moves_on_but_an_unknown_outcome_does_not():
    dns = Dns({"b.example": [(10, "one"), (20, "two")]}, {"one": ["127.0.0.1"], "two": ["127.0.0.1"]})
    async with Sink({"RCPT": "451 4.7.1 later"}) as sink:
        assert (await one(mx(dns, sink.port))).host == "two"
        assert sink.connections == 2
    async with Sink({".": None}) as sink:
        assert (await one(mx(dns, sink.port))).host == "one"
        assert sink.connections == 1


@pytest.mark.parametrize(
    ("dns", "outcome", "enhanced"),
    [
        (Dns(), "failed", "5.1.2"),
        (Dns({"b.example": [(0, "")]}), "failed", "5.1.10"),
        (Dns({"b.example": [(0, ".")]}), "failed", "5.1.10"),
        (Dns({"b.example": OSError("SERVFAIL")}), "deferred", None),
        (Dns({"b.example": ()}), "failed", "5.4.4"),
        (Dns({"b.example": [(1, "one")]}, {"one": OSError("timeout")}), "deferred", None),
    ],
)
async def test_the_dns_decides(dns, outcome, enhanced):
    result = await one(mx(dns, 25))
    assert (result.outcome, result.enhanced) == (outcome, enhanced)


@pytest.mark.parametrize(
    "address", ["127.0.0.1", "10.0.0.1", "::1", "::ffff:127.0.0.1", "169.254.1.1", "fe80::1"]
)
async def test_a_strangers_dns_does_not_aim_at_the_inside(address):
    async with Sink() as sink:
        dns = Dns({"b.example": [(1, "one")]}, {"one": [address]})
        deliverer = Deliverer(Mx(dns, port=sink.port), helo="me.example", timeouts=FAST)
        assert (await one(deliverer)).enhanced == "5.4.4"
    assert sink.connections == 0


@pytest.mark.parametrize(
    ("url", "relay"),
    [
        ("smtp://127.0.0.1:2526", Relay("127.0.0.1", 2526, tls="none")),
        ("smtp://localhost", Relay("localhost", 25, tls="none")),
        ("smtp://mail.example", Relay("mail.example", 25, tls="opportunistic")),
        ("smtp://u%40x:p%3A%2F@mail.example", Relay("mail.example", 587, "u@x", "p:/", "starttls")),
        ("smtps://u:p@mail.example", Relay("mail.example", 465, "u", "p", "implicit")),
        ("smtp://[::1]:25/", Relay("::1", 25, tls="none")),
    ],
)
def test_relays_are_written_as_urls(url, relay):
    assert parse_relay(url) == relay


@pytest.mark.parametrize(
    "url", ["", "mail.example", "http://x", "smtp://", "smtp://x:99999", "smtp://x/y", "smtp://x?y"]
)
def test_other_urls_are_refused(url):
    with pytest.raises(ValueError):
        parse_relay(url)


def test_what_a_server_says_is_one_bounded_printable_line():
    assert one_line("a\r\n\tb\x1b[2J\u202ec\ud800") == "a b?[2J?c?"
    assert len(one_line("x" * 10_000)) == MAX_MESSAGE
    assert from_reply(550, "5.1.1.1 odd", "h").enhanced is None
