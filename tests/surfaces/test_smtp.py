"""The SMTP server as a client meets it, on both event loops."""

import asyncio
import logging
import ssl
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
import uvloop
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from multimail.surfaces.smtp import Envelope, Limits, Reply, SmtpServer

HELO = "[127.0.0.1]"
KEPT = Reply(250, "2.0.0", "kept")

SMUGGLED = [
    b"\n.\n",
    b"\n.\r\n",
    b"\r\n.\n",
    b"\r.\r",
    b"\r.\r\n",
    b"\r\n.\r",
    b"\r\n\0.\r\n",
    b"\r\n.\0\r\n",
]


class Recorder:
    """An intake in memory; `answer` may be replaced by anything that awaits, refuses or raises."""

    def __init__(self) -> None:
        self.messages: list[tuple[Envelope, bytes]] = []
        self.asked: list[tuple[str, str]] = []
        self.gate: asyncio.Event | None = None
        self.entered = asyncio.Event()
        self.failure: Exception | None = None
        self.reply = KEPT

    async def recipient(self, sender: str, address: str) -> Reply | None:
        self.asked.append((sender, address))
        await self._pass()
        return None if not address.startswith("no") else Reply(550, "5.1.1", f"No such mailbox {address}")

    async def message(self, envelope: Envelope, raw: bytes) -> Reply:
        await self._pass()
        self.messages.append((envelope, raw))
        return self.reply

    async def _pass(self) -> None:
        self.entered.set()
        if self.gate is not None:
            await self.gate.wait()
        if self.failure is not None:
            raise self.failure


class Client:
    def __init__(self, port: int) -> None:
        self.port = port

    async def __aenter__(self) -> "Client":
        self.reader, self.writer = await asyncio.open_connection("127.0.0.1", self.port)
        self.greeting = await self.reply()
        return self

    async def __aexit__(self, *error: object) -> None:
        self.writer.transport.abort()

    async def reply(self) -> str:
        """The next reply, its lines joined; "" once the connection has ended."""
        lines = []
        while line := (await self.reader.readline()).decode():
            assert line.endswith("\r\n")
            lines.append(line.rstrip())
            if line[3] == " ":
                break
        return "\n".join(lines)

    async def say(self, text: str | bytes) -> str:
        self.send(text)
        return await self.reply()

    def send(self, text: str | bytes) -> None:
        self.writer.write(text if isinstance(text, bytes) else text.encode() + b"\r\n")

    async def codes(self, count: int) -> list[str]:
        return [(await self.reply())[:3] for _ in range(count)]

    async def begin(self, *recipients: str) -> None:
        """Up to 354."""
        assert (await self.say("EHLO client.test"))[:3] == "250"
        assert (await self.say("MAIL FROM:<a@peer.test>"))[:3] == "250"
        for recipient in recipients or ("b@x.test",):
            assert (await self.say(f"RCPT TO:<{recipient}>"))[:3] == "250"
        assert (await self.say("DATA"))[:3] == "354"


@asynccontextmanager
async def serving(intake: Recorder | None = None, **options: Any) -> AsyncIterator[tuple[SmtpServer, int]]:
    server = SmtpServer(intake or Recorder(), hostname="mx.test", **options)
    port = await server.start("127.0.0.1", 0)
    try:
        yield server, port
    finally:
        await server.stop(0)
        assert not server._shared.sessions and not server._shared.per_peer
        assert server._shared.buffered == 0


def on_both_loops(scenario: Callable[[], Coroutine[Any, Any, None]]) -> Callable[..., None]:
    @pytest.mark.parametrize(
        "loop", [asyncio.new_event_loop, uvloop.new_event_loop], ids=["asyncio", "uvloop"]
    )
    def test(loop: Callable[[], asyncio.AbstractEventLoop]) -> None:
        with asyncio.Runner(loop_factory=loop) as runner:
            runner.run(asyncio.wait_for(scenario(), 60))

    test.__doc__ = scenario.__doc__
    return test


@on_both_loops
async def test_a_message_comes_in() -> None:
    intake = Recorder()
    async with serving(intake) as (_, port), Client(port) as client:
        assert client.greeting == "220 mx.test ESMTP MultiMail"
        assert await client.say("ehlo [127.0.0.1]") == (
            "250-mx.test\n250-PIPELINING\n250-SIZE 36700160\n"
            "250-8BITMIME\n250-SMTPUTF8\n250 ENHANCEDSTATUSCODES"
        )
        assert await client.say("MAIL FROM:<a@peer.test> SIZE=20 BODY=8BITMIME") == "250 2.1.0 Sender OK"
        assert await client.say("RCPT TO:<b@x.test>") == "250 2.1.5 Recipient OK"
        assert await client.say("RCPT TO:<nobody@x.test>") == "550 5.1.1 No such mailbox nobody@x.test"
        assert await client.say("RCPT TO:<b@x.test>") == "250 2.1.5 Recipient OK"
        assert await client.say("RCPT TO:<postmaster>") == "250 2.1.5 Recipient OK"
        assert await client.say("DATA") == "354 End data with <CR><LF>.<CR><LF>"
        assert await client.say("Subject: x\r\n\r\n..dot\r\n.") == "250 2.0.0 kept"
        assert await client.say("QUIT") == "221 2.0.0 Closing connection"
        assert await client.reply() == ""
    envelope = Envelope("a@peer.test", ("b@x.test", "postmaster"), HELO, "127.0.0.1", "ESMTP", False, True)
    assert intake.messages == [(envelope, b"Subject: x\r\n\r\n.dot\r\n")]
    assert [address for _, address in intake.asked] == ["b@x.test", "nobody@x.test", "postmaster"]


@on_both_loops
async def test_null_sender_helo_and_utf8() -> None:
    intake = Recorder()
    async with serving(intake) as (_, port), Client(port) as client:
        client.send("HELO old.test\r\nMAIL FROM:<>\r\nRCPT TO:<b@x.test>\r\nDATA")
        assert await client.codes(4) == ["250", "250", "250", "354"]
        await client.say("x\r\n.")
        client.send("EHLO new.test\r\nMAIL FROM:<jörg@x.test> SMTPUTF8\r\nRCPT TO:<ü@x.test>\r\nDATA")
        assert await client.codes(4) == ["250", "250", "250", "354"]
        await client.say("x\r\n.")
    assert [(e.sender, e.protocol, e.recipients) for e, _ in intake.messages] == [
        ("", "SMTP", ("b@x.test",)),
        ("jörg@x.test", "UTF8SMTP", ("ü@x.test",)),
    ]


@pytest.mark.parametrize(
    ("commands", "codes"),
    [
        (["MAIL FROM:<a@b.test>", "RCPT TO:<a@b.test>", "DATA"], "503 503 503"),
        (["EHLO c.test", "RCPT TO:<a@b.test>", "DATA"], "250 503 503"),
        (["EHLO c.test", "MAIL FROM:<>", "DATA", "MAIL FROM:<>"], "250 250 503 503"),
        (["EHLO c.test", "MAIL FROM:<>", "RCPT TO:<no@x.test>", "DATA"], "250 250 550 554"),
        (["EHLO c.test", "MAIL FROM:<>", "RSET", "RCPT TO:<a@b.test>"], "250 250 250 503"),
        (["EHLO c.test", "MAIL FROM:<>", "EHLO c.test", "RCPT TO:<a@b.test>"], "250 250 250 503"),
        (["EHLO c.test", "MAIL FROM:<>", "RCPT TO:<a@b.test>", "DATA now"], "250 250 250 501"),
        (["EHLO", "HELO", "EHLO a b", "HELO é"], "501 501 501 501"),
        (["EHLO c.test", "MAIL FROM:<a b@c.test>", "MAIL FROM:<> X=1", "RCPT FROM:<>"], "250 501 555 503"),
        (["EHLO c.test", "MAIL FROM:<> SIZE=99999999999"], "250 552"),
        (["NOOP", "noop x", "VRFY a", "HELP", "RSET", "RSET x"], "250 250 252 214 250 501"),
        (["EXPN a", "AUTH PLAIN", "BDAT 1", "XFOO", "", "STARTTLS", "rſet"], "502 502 502 500 500 502 500"),
    ],
)
async def test_replies(commands: list[str], codes: str) -> None:
    async with serving() as (_, port), Client(port) as client:
        assert [(await client.say(command))[:3] for command in commands] == codes.split()


@pytest.mark.parametrize("line", [b"NOOP\n", b"NO\0OP\r\n", b"NOOP\rX\r\n", b"NOOP \xff\r\n", b"NOOP\tx\r\n"])
async def test_malformed_lines(line: bytes) -> None:
    async with serving() as (_, port), Client(port) as client:
        assert (await client.say(line))[:9] == "500 5.5.2"
        assert (await client.say("NOOP"))[:3] == "250"


@pytest.mark.parametrize("chunk", [1, 1000, 100_000])
async def test_overlong_lines_are_skipped_whole(chunk: int) -> None:
    async with serving() as (_, port), Client(port) as client:
        line = b"NOOP " + b"x" * 3000 + b"\r\nHELP\r\n"
        for at in range(0, len(line), chunk):
            client.send(line[at : at + chunk])
            await client.writer.drain()
        assert await client.codes(2) == ["500", "214"]


@on_both_loops
async def test_pipelined_commands_are_answered_in_order() -> None:
    intake = Recorder()
    intake.gate = asyncio.Event()
    async with serving(intake) as (_, port), Client(port) as client:
        client.send("EHLO c.test\r\nMAIL FROM:<>\r\nRCPT TO:<no1@x.test>\r\nRCPT TO:<b@x.test>\r\nDATA")
        await intake.entered.wait()
        intake.gate.set()
        assert await client.codes(5) == ["250", "250", "550", "250", "354"]
        client.send("one\r\n.\r\nMAIL FROM:<>\r\nRCPT TO:<c@x.test>\r\nDATA")
        assert await client.codes(4) == ["250", "250", "250", "354"]
        client.send("two\r\n.\r\nQUIT")
        assert await client.codes(2) == ["250", "221"]
    assert [raw for _, raw in intake.messages] == [b"one\r\n", b"two\r\n"]


@on_both_loops
async def test_a_client_that_will_not_wait_is_held_back() -> None:
    intake, flood = Recorder(), 400_000
    intake.gate = asyncio.Event()
    async with serving(intake) as (server, port), Client(port) as client:
        client.send("EHLO c.test\r\nMAIL FROM:<>\r\nRCPT TO:<b@x.test>")
        client.send(b"NOOP\r\n" * flood)
        await intake.entered.wait()
        for _ in range(300):
            await asyncio.sleep(0)
        assert server._shared.buffered < 600_000
        intake.gate.set()
        assert await client.codes(3) == ["250"] * 3
        replies = await client.reader.readexactly(flood * len("250 2.0.0 OK\r\n"))
        assert replies == b"250 2.0.0 OK\r\n" * flood


@on_both_loops
async def test_a_half_closed_client_gets_its_replies() -> None:
    intake = Recorder()
    async with serving(intake) as (server, port), Client(port) as client:
        await client.begin()
        intake.gate = asyncio.Event()
        client.send("x\r\n.")
        client.writer.write_eof()
        [session] = server._shared.sessions
        while not session._eof:
            await asyncio.sleep(0)
        intake.gate.set()
        assert await client.codes(2) == ["250", ""]
    assert len(intake.messages) == 1


@pytest.mark.parametrize("form", SMUGGLED)
async def test_smuggled_mail_is_refused_and_its_commands_are_not_run(form: bytes) -> None:
    intake = Recorder()
    async with serving(intake) as (_, port), Client(port) as client:
        await client.begin()
        client.send(
            b"x" + form + b"MAIL FROM:<ceo@bank.test>\r\nRCPT TO:<b@x.test>\r\nDATA\r\nforged\r\n.\r\n"
        )
        refusal = await client.reply()
        assert refusal.startswith(("550 5.6.11 ", "550 5.6.0 "))
        await client.begin()
        assert (await client.say("honest\r\n."))[:3] == "250"
        assert (await client.say("NOOP"))[:3] == "250"
    assert [raw for _, raw in intake.messages] == [b"honest\r\n"]


async def test_a_body_sent_before_354_ends_the_session() -> None:
    intake = Recorder()
    async with serving(intake) as (_, port), Client(port) as client:
        client.send("EHLO c.test\r\nMAIL FROM:<>\r\nRCPT TO:<no@x.test>\r\nDATA\r\nRSET\r\nMAIL FROM:<>\r\n.")
        assert await client.codes(5) == ["250", "250", "550", "421", ""]
    assert intake.messages == []


@pytest.mark.parametrize("command", ["GET / HTTP/1.1", "POST /send HTTP/1.1", "CONNECT x:25 HTTP/1.1"])
async def test_http_is_sent_away_at_once(command: str) -> None:
    async with serving() as (_, port), Client(port) as client:
        client.send(f"{command}\r\nHELO x.test")
        assert await client.codes(2) == ["421", ""]


@on_both_loops
async def test_size_is_enforced_while_receiving() -> None:
    intake = Recorder()
    async with serving(intake, max_size=1000) as (server, port), Client(port) as client:
        assert (await client.say("EHLO c.test")).splitlines()[2] == "250-SIZE 1000"
        assert (await client.say("MAIL FROM:<> SIZE=1001"))[:9] == "552 5.3.4"
        await client.begin()
        for _ in range(40):
            client.send(b"x" * 10_000)
            await client.writer.drain()
            assert server._shared.buffered <= 300_000
        assert (await client.say(b"\r\n.\r\n"))[:9] == "552 5.3.4"
        await client.begin()
        assert (await client.say(b"x" * 998 + b"\r\n.\r\n"))[:3] == "250"
    assert [len(raw) for _, raw in intake.messages] == [1000]


@on_both_loops
async def test_a_client_that_leaves_during_data_leaves_nothing() -> None:
    intake = Recorder()
    async with serving(intake) as (server, port):
        async with Client(port) as client:
            await client.begin()
            client.send(b"half a message\r\n.\r")
            await client.writer.drain()
            client.writer.close()
        await server._until_empty(10)
    assert intake.messages == []


@on_both_loops
async def test_mail_is_accepted_only_after_the_intake_has_it() -> None:
    intake = Recorder()
    async with serving(intake) as (_, port), Client(port) as client:
        await client.begin()
        intake.gate = asyncio.Event()
        intake.entered.clear()
        client.send("x\r\n.")
        await intake.entered.wait()
        answer = asyncio.ensure_future(client.reply())
        for _ in range(50):
            await asyncio.sleep(0)
        assert not answer.done()
        intake.gate.set()
        assert (await answer)[:3] == "250"


async def test_a_failing_intake_is_451_and_tells_nothing(caplog: pytest.LogCaptureFixture) -> None:
    intake = Recorder()
    async with serving(intake) as (_, port), Client(port) as client:
        await client.begin()
        intake.failure = RuntimeError("password=hunter2")
        assert await client.say("x\r\n.") == "451 4.3.0 Local error, try again later"
        assert (await client.say("MAIL FROM:<>"))[:3] == "250"
        assert await client.say("RCPT TO:<b@x.test>") == "451 4.3.0 Local error, try again later"
        intake.failure = None
        assert (await client.say("RCPT TO:<b@x.test>"))[:3] == "250"
    assert intake.messages == []
    assert [record.levelno for record in caplog.records] == [logging.ERROR] * 2


async def test_a_reply_stays_one_line() -> None:
    intake = Recorder()
    intake.reply = Reply(250, "2.0.0", "ok\r\n550 forged é" + "x" * 1000)
    async with serving(intake) as (_, port), Client(port) as client:
        await client.begin()
        line = await client.say("x\r\n.")
        assert line.startswith("250 2.0.0 ok??550 forged ?x") and len(line) <= 510
        assert (await client.say("NOOP"))[:3] == "250"


async def test_limits_on_recipients() -> None:
    async with (
        serving(limits=Limits(recipients=2, refused_recipients=2)) as (_, port),
        Client(port) as client,
    ):
        client.send(
            "EHLO c.test\r\nMAIL FROM:<>\r\nRCPT TO:<a@x.test>\r\nRCPT TO:<b@x.test>\r\nRCPT TO:<c@x.test>"
        )
        assert await client.codes(5) == ["250", "250", "250", "250", "452"]
        client.send("RSET\r\nMAIL FROM:<>\r\n" + "\r\n".join(f"RCPT TO:<no{i}@x.test>" for i in range(3)))
        assert await client.codes(7) == ["250", "250", "550", "550", "550", "421", ""]


async def test_too_many_bad_commands_end_the_session() -> None:
    async with serving(limits=Limits(bad_commands=2)) as (_, port), Client(port) as client:
        client.send("XA\r\nDATA\r\nXB\r\nXC")
        assert await client.codes(2) == ["500", "421"]  # DATA must come last in a group
    async with serving(limits=Limits(bad_commands=2)) as (_, port), Client(port) as client:
        client.send("XA\r\nMAIL X\r\nXB\r\nXC")
        assert await client.codes(5) == ["500", "503", "500", "421", ""]


@pytest.mark.parametrize("limits", [Limits(connections=2), Limits(connections_per_peer=2)])
async def test_limits_on_connections(limits: Limits) -> None:
    async with serving(limits=limits) as (server, port):
        async with Client(port), Client(port), Client(port) as third:
            assert third.greeting[:3] == "421"
            assert await third.reply() == ""
        await server._until_empty(10)
        async with Client(port) as again:
            assert again.greeting[:3] == "220"


@on_both_loops
async def test_clients_that_say_nothing_time_out() -> None:
    async with serving(limits=Limits(idle_seconds=0.02)) as (_, port), Client(port) as client:
        client.send(b"NOO")
        assert await client.codes(2) == ["421", ""]


@pytest.mark.parametrize("limits", [Limits(data_seconds=0.02), Limits(message_seconds=0.02)])
async def test_clients_that_do_not_finish_a_message_time_out(limits: Limits) -> None:
    intake = Recorder()
    async with serving(intake, limits=limits) as (_, port), Client(port) as client:
        await client.begin()
        client.send(b"x")
        assert await client.codes(2) == ["421", ""]
    assert intake.messages == []


async def test_when_all_hold_too_much_the_largest_is_refused() -> None:
    intake = Recorder()
    async with serving(intake, limits=Limits(buffered=100_000)) as (server, port):
        async with Client(port) as large, Client(port) as small:
            await large.begin()
            await small.begin()
            large.send(b"x" * 99_000)
            while server._shared.buffered < 99_000:
                await asyncio.sleep(0)
            small.send(b"y" * 2_000)
            while server._shared.buffered < 101_000:
                await asyncio.sleep(0)
            assert (await small.say("\r\n."))[:3] == "250"
            large.send(b"x" * 3_000)
            while server._shared.buffered > 10_000:
                await asyncio.sleep(0)
            assert (await large.say("\r\n."))[:9] == "452 4.3.1"
    assert [len(raw) for _, raw in intake.messages] == [2_002]


@cache
def certificate() -> tuple[bytes, bytes]:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "mx.test")])
    now = datetime.now(UTC)
    cert = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    secret = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return cert.public_bytes(pem), secret


def server_tls() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with TemporaryDirectory() as folder:
        path = Path(folder, "both.pem")
        path.write_bytes(b"".join(certificate()))
        context.load_cert_chain(path)
    return context


def client_tls() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


@on_both_loops
async def test_starttls_starts_anew_and_forgets_what_was_said_before() -> None:
    intake = Recorder()
    async with serving(intake, tls=server_tls()) as (_, port), Client(port) as client:
        assert "250-STARTTLS" in (await client.say("EHLO c.test")).splitlines()
        assert (await client.say("STARTTLS x"))[:3] == "501"
        assert (await client.say("MAIL FROM:<injected@x.test>"))[:3] == "250"
        assert (await client.say("STARTTLS\r\nRSET\r\nEHLO injected.test\r\nMAIL FROM:<injected@x.test>"))[
            :3
        ] == "220"
        await client.writer.start_tls(client_tls())
        assert (await client.say("MAIL FROM:<>"))[:3] == "503"
        assert "STARTTLS" not in await client.say("EHLO again.test")
        assert (await client.say("STARTTLS"))[:3] == "503"
        await client.begin()
        body = b"x" * 300_000 + b"\r\n"
        assert (await client.say(body + b".\r\n"))[:3] == "250"
        assert (await client.say("QUIT"))[:3] == "221"
    [(envelope, raw)] = intake.messages
    assert (envelope.protocol, envelope.helo, raw) == ("ESMTPS", "client.test", body)
    assert envelope.tls.startswith("TLSv1.3 TLS_")


@on_both_loops
async def test_a_failed_handshake_frees_the_connection() -> None:
    async with serving(tls=server_tls()) as (server, port), Client(port) as client:
        assert (await client.say("STARTTLS"))[:3] == "220"
        client.send(b"this is not a handshake\r\n" * 10)
        await server._until_empty(30)
        assert not server._shared.sessions


@on_both_loops
async def test_stopping_lets_the_message_under_way_finish() -> None:
    intake = Recorder()
    async with serving(intake) as (server, port), Client(port) as idle, Client(port) as busy:
        await busy.begin()
        busy.send(b"first half ")
        stopping = asyncio.ensure_future(server.stop(30))
        assert await idle.reply() == "421 4.3.2 Service shutting down"
        busy.send(b"second half\r\n.\r\n")
        assert await busy.codes(3) == ["250", "421", ""]
        await stopping
        with pytest.raises(OSError):
            await asyncio.open_connection("127.0.0.1", port)
    assert [raw for _, raw in intake.messages] == [b"first half second half\r\n"]


@on_both_loops
async def test_stopping_ends_what_does_not_finish() -> None:
    intake = Recorder()
    async with serving(intake) as (server, port), Client(port) as slow, Client(port) as stuck:
        await slow.begin()
        slow.send(b"never ends")
        await stuck.begin()
        intake.gate = asyncio.Event()
        intake.entered.clear()
        stuck.send("x\r\n.")
        await intake.entered.wait()
        await server.stop(0.01)
        assert not server._shared.sessions
    assert intake.messages == []
