"""A session answers the same however TCP cuts what the client sends."""

import asyncio
import ssl
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from multimail.surfaces.smtp_envelope import Envelope, Limits, Reply
from multimail.surfaces.smtp_session import Session, Shared

GROUPS = [
    b"EHLO c.test\r\nMAIL FROM:<a@b.test>\r\nRCPT TO:<b@x.test>\r\nRCPT TO:<no@x.test>\r\nNOOP\r\nDATA\r\n",
    b"..one\r\n\r\n.\r\nXXXX\r\nMAIL FROM:<>\r\nRCPT TO:<b@x.test>\r\nNOOP " + b"x" * 2000 + b"\r\nDATA\r\n",
    b"smuggled\n.\nQUIT\r\n.\r\nMAIL FROM:<>\r\nRCPT TO:<b@x.test>\r\nDATA\r\n",
    b".\r\nRSET\r\nQUIT\r\nNOOP\r\n",
]


class Wire(asyncio.Transport):
    """A transport that keeps what is written."""

    def __init__(self) -> None:
        super().__init__({"peername": ("::ffff:192.0.2.1", 1)})
        self.sent = b""
        self.closed = self.paused = False
        self.aborted = asyncio.Event()

    def write(self, data: Any) -> None:
        self.sent += data

    def close(self) -> None:
        self.closed = True

    def is_closing(self) -> bool:
        return self.closed

    def abort(self) -> None:
        self.aborted.set()

    def pause_reading(self) -> None:
        self.paused = True

    def resume_reading(self) -> None:
        self.paused = False


class Intake:
    def __init__(self) -> None:
        self.messages: list[tuple[Envelope, bytes]] = []

    async def recipient(self, sender: str, address: str) -> Reply | None:
        await asyncio.sleep(0)
        return Reply(550, "5.1.1", "no") if address.startswith("no") else None

    async def message(self, envelope: Envelope, raw: bytes) -> Reply:
        await asyncio.sleep(0)
        self.messages.append((envelope, raw))
        return Reply(250, "2.0.0", "kept")


async def play(cuts: list[int]) -> tuple[bytes, list[tuple[Envelope, bytes]], int]:
    """Send the groups, each cut at multiples of the cuts in turn and answered before the next."""
    intake, wire = Intake(), Wire()
    shared = Shared(intake, "mx.test", 1000, None, Limits())
    session = Session(shared)
    session.connection_made(wire)
    for group in GROUPS:
        at, turn = 0, 0
        while at < len(group):
            step = cuts[turn % len(cuts)]
            session.data_received(group[at : at + step])
            at, turn = at + step, turn + 1
            if turn % 3 == 0:
                await asyncio.sleep(0)
        for _ in range(12):
            await asyncio.sleep(0)
    closed = wire.closed
    session.connection_lost(None)
    assert closed and not shared.sessions
    return wire.sent, intake.messages, shared.buffered


@settings(max_examples=40)
@given(st.lists(st.integers(1, 60), min_size=1, max_size=6))
def test_replies_do_not_depend_on_how_the_input_is_cut(cuts: list[int]) -> None:
    assert asyncio.run(play(cuts)) == asyncio.run(play([100_000]))


def test_the_whole_exchange() -> None:
    sent, messages, buffered = asyncio.run(play([7]))
    codes = [line[:3] for line in sent.decode().splitlines() if line[3] == " "]
    assert (
        codes
        == (
            "220 250 250 250 550 250 354 "  # to the first DATA
            "250 500 250 250 500 354 "  # one message, an unknown command, an overlong one
            "550 250 250 354 "  # the smuggled one is refused, its QUIT is text
            "250 250 221"
        ).split()
    )
    assert [raw for _, raw in messages] == [b".one\r\n\r\n", b""]
    assert {envelope.peer for envelope, _ in messages} == {"192.0.2.1"}
    assert buffered == 0


async def test_a_client_that_does_not_take_its_last_reply_is_cut_off() -> None:
    wire = Wire()
    session = Session(Shared(Intake(), "mx.test", 1000, None, Limits(close_seconds=0.01)))
    session.connection_made(wire)
    session.data_received(b"QUIT\r\n")
    assert wire.closed
    await asyncio.wait_for(wire.aborted.wait(), 30)
    session.connection_lost(None)


async def test_nothing_is_read_between_starttls_and_the_handshake() -> None:
    """What comes then is the client's hello and belongs to TLS; what came before is forgotten (RFC 3207)."""
    wire = Wire()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    session = Session(Shared(Intake(), "mx.test", 1000, context, Limits()))
    session.connection_made(wire)
    session.data_received(b"STARTTLS\r\nNOOP\r\n")
    assert wire.paused and wire.sent.endswith(b"220 2.0.0 Ready to start TLS\r\n")
    await session.abort()
    session.connection_lost(None)
    assert wire.sent.endswith(b"220 2.0.0 Ready to start TLS\r\n")
