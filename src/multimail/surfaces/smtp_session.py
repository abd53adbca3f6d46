"""One SMTP connection: commands in order, replies in order, bounded in time and memory (RFC 5321).

Long because input, time, memory and TLS all move one state, and a second object would have to share it.
"""

import asyncio
import logging
import ssl
from collections import Counter
from collections.abc import Awaitable, Coroutine
from dataclasses import dataclass, field
from typing import Any, Final, cast

from multimail.surfaces.smtp_conversation import (
    BAD_LINE,
    LINE_TOO_LONG,
    LOCAL_ERROR,
    NO_MEMORY,
    OUT_OF_MEMORY,
    START_DATA,
    START_TLS,
    STOPPING,
    TIMED_OUT,
    TOO_MANY_CONNECTIONS,
    TOO_MANY_ERRORS,
    Conversation,
    Hello,
    Question,
    encode,
)
from multimail.surfaces.smtp_data import DataReader
from multimail.surfaces.smtp_envelope import Envelope, Intake, Limits, Reply, network, peer_of

log = logging.getLogger(__name__)

_PROTOCOL_ERRORS: Final = frozenset({500, 501, 502, 503, 555})
_BATCH = 64  # commands run before other connections get their turn
_UNREAD = 8192  # octets kept waiting before the transport is told to pause


@dataclass(slots=True)
class Shared:
    """What all connections of one server have in common."""

    intake: Intake
    hostname: str
    max_size: int
    tls: ssl.SSLContext | None
    limits: Limits
    conversation: type[Conversation] = Conversation
    implicit_tls: bool = False
    """TLS from the first octet (RFC 8314 3.3), instead of STARTTLS."""
    sessions: set["Session"] = field(default_factory=set)
    per_peer: Counter[str] = field(default_factory=Counter)
    buffered: int = 0
    stopping: bool = False
    empty: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when a session has left and none is there."""


class Session(asyncio.Protocol):
    """An SMTP server's end of one connection.

    Commands run one at a time in the order they came, so that pipelining (RFC 2920) needs no more than not
    losing what arrives while the intake thinks: `_task` is that thinking, and nothing is read during it
    beyond `_UNREAD`.
    """

    def __init__(self, shared: Shared, client: str | None = None) -> None:
        """`client` is its address where a proxy told it; else it is whoever is at the other end."""
        self._shared = shared
        self._client = client
        self._loop = asyncio.get_running_loop()
        self._input = bytearray()
        self._output: list[bytes] = []
        self._reader: DataReader | None = None
        self._task: asyncio.Task[None] | None = None
        self._delivering = 0
        self._charged = 0
        self._overlong = self._eof = self._lost = self._closing = False
        self._read_paused = self._write_paused = self._scheduled = False
        self._tls = False
        self._errors = 0
        self._deadline = self._timer_at = self._message_deadline = 0.0
        self._timer: asyncio.TimerHandle | None = None

    # What the event loop calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's do not inherit from asyncio's
        shared, limits = self._shared, self._shared.limits
        self._peer = self._client or peer_of(self._transport)
        self._conversation = shared.conversation(
            shared.hostname, shared.max_size, limits.recipients, shared.tls is not None, self._peer
        )
        self._slot = network(self._peer)
        shared.sessions.add(self)
        shared.per_peer[self._slot] += 1
        if shared.stopping:
            self._answer(STOPPING)
        elif (
            len(shared.sessions) > limits.connections
            or shared.per_peer[self._slot] > limits.connections_per_peer
        ):
            self._answer(TOO_MANY_CONNECTIONS)
        elif shared.implicit_tls:
            self._expect(limits.idle_seconds)
            self._begin_tls()
        else:
            self._expect(limits.idle_seconds)
            self._greet()

    def _greet(self) -> None:
        self._transport.write(encode(Reply(220, "", f"{self._shared.hostname} ESMTP MultiMail")))

    def data_received(self, data: bytes) -> None:
        if self._closing:
            return
        if self._reader is not None and not self._input and self._task is None and not self._write_paused:
            self._receive(data)
        else:
            self._input += data
        self._pump()

    def eof_received(self) -> bool:
        self._eof = True
        waiting = self._task is not None or self._scheduled or self._write_paused
        return waiting and not self._tls

    def pause_writing(self) -> None:
        self._write_paused = True

    def resume_writing(self) -> None:
        self._write_paused = False
        self._pump()

    def connection_lost(self, exc: Exception | None) -> None:
        self._lost = self._closing = True
        self._reader = None
        self._input.clear()
        if self._timer is not None:
            self._timer.cancel()
        self._account()
        self._leave()

    # What the server calls.

    def drain(self) -> None:
        """Say 421 now, or after the message under way (RFC 5321 3.8)."""
        if self._reader is None and self._task is None:
            self._answer(STOPPING)

    async def abort(self) -> None:
        """End at once; what the intake has not acknowledged is the client's to send again."""
        task = self._task
        self._transport.abort()
        if task is not None:
            task.cancel()
            await asyncio.wait([task], timeout=1.0)
            if self._task is task:  # cancelled before its first step, or it would not stop
                self._resume()

    # The loop of commands.

    def _pump(self) -> None:
        turns = 0
        while self._input and not (self._task or self._closing or self._write_paused):
            if turns == _BATCH:
                if not self._scheduled:
                    self._scheduled = True
                    self._loop.call_soon(self._next_turn)
                break
            turns += 1
            if self._reader is not None:
                data = bytes(self._input)
                self._input.clear()
                self._receive(data)
            elif not self._next_command():
                break
        if self._task is None:
            self._flush()
            if not self._closing and self._reader is None and self._shared.stopping:
                self._answer(STOPPING)
            elif self._eof and not self._scheduled and not self._write_paused:
                self._close()
        self._account()
        self._throttle()

    def _next_turn(self) -> None:
        self._scheduled = False
        self._pump()

    def _throttle(self) -> None:
        """Let TCP hold back a client that sends more than is being worked on."""
        full = len(self._input) > _UNREAD and not self._lost
        if full != self._read_paused and not self._closing:
            self._read_paused = full
            if full:
                self._transport.pause_reading()
            else:
                self._transport.resume_reading()

    def _account(self) -> None:
        """Count what is held; when all hold too much, refuse whoever holds more than an equal share.

        Others go on, so that a few large slow messages cannot shut the door; twice the limit is the worst.
        """
        shared = self._shared
        held = len(self._input) + self._delivering + (self._reader.held if self._reader is not None else 0)
        shared.buffered += held - self._charged
        self._charged = held
        limit = shared.limits.buffered
        if shared.buffered > limit and held > limit // len(shared.sessions) and not self._closing:
            if self._reader is not None and self._reader.refusal is None:
                self._reader.refuse(NO_MEMORY)
                self._account()
            elif len(self._input) > _UNREAD:
                self._answer(OUT_OF_MEMORY)

    def _next_command(self) -> bool:
        """Run the command at the head of the input; False when no whole line is there."""
        limit = self._shared.limits.command_line
        end = self._input.find(b"\n")
        if end < 0:
            if len(self._input) > limit:
                self._overlong = True
                self._input.clear()
            return False
        line = bytes(self._input[: end + 1])
        del self._input[: end + 1]
        self._expect(self._shared.limits.idle_seconds)
        if self._overlong or len(line) > limit:
            self._overlong = False
            self._answer(LINE_TOO_LONG)
        elif not line.endswith(b"\r\n"):
            self._answer(BAD_LINE)
        else:
            self._command(line[:-2])
        return True

    def _command(self, line: bytes) -> None:
        step = self._conversation.command(line, more=bool(self._input))
        if not isinstance(step, Reply | Hello):
            self._start(self._put(step))
            return
        self._answer(step)
        if step is START_DATA:
            self._begin_data()
        elif step is START_TLS:
            self._begin_tls()

    def _answer(self, step: Reply | Hello) -> None:
        """Send a reply; too many that say the client does not speak SMTP end the connection."""
        if self._closing:
            return
        self._output.append(encode(step))
        code = step.code if isinstance(step, Reply) else 250
        self._errors += code in _PROTOCOL_ERRORS
        if code in (221, 421):
            self._close()
        elif self._errors > self._shared.limits.bad_commands:
            self._answer(TOO_MANY_ERRORS)

    def _flush(self) -> None:
        if self._output and not self._transport.is_closing():
            self._transport.write(b"".join(self._output))
        self._output.clear()

    def _close(self) -> None:
        if self._closing:
            return
        self._flush()
        self._closing = True
        self._input.clear()
        self._reader = None
        self._account()
        self._expect(self._shared.limits.close_seconds)
        self._transport.close()

    # Time.

    def _expect(self, seconds: float) -> None:
        """Move the deadline; the timer is left alone while it would only fire early."""
        self._deadline = self._loop.time() + seconds
        if self._timer is None or self._timer_at > self._deadline:
            self._arm()

    def _arm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer_at = self._deadline
        self._timer = self._loop.call_at(self._deadline, self._on_timer)

    def _on_timer(self) -> None:
        self._timer = None
        if self._lost:
            return
        if self._task is not None:
            self._expect(self._shared.limits.idle_seconds)  # the client waits for us, not we for it
        elif self._loop.time() < self._deadline:
            self._arm()
        elif self._closing:
            self._transport.abort()
        else:
            self._answer(TIMED_OUT)

    # Waiting for the intake.

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        self._task = self._loop.create_task(work)

    def _resume(self) -> None:
        """Last step of a task: go on with what arrived meanwhile."""
        self._task = None
        if self._lost:
            self._account()
            self._leave()
        else:
            self._expect(self._shared.limits.idle_seconds)
            self._pump()

    async def _ask(self, question: Awaitable[Reply | None]) -> Reply | None:
        try:
            return await question
        except Exception:
            log.exception("SMTP intake failed; answered 451")
            return LOCAL_ERROR

    def _leave(self) -> None:
        """Give up the slot once the connection is gone and nothing works for it any more."""
        shared = self._shared
        if self._lost and self._task is None and self in shared.sessions:
            shared.sessions.discard(self)
            shared.per_peer[self._slot] -= 1
            if not shared.per_peer[self._slot]:
                del shared.per_peer[self._slot]
            if not shared.sessions:
                shared.empty.set()

    async def _put(self, question: Question) -> None:
        try:
            refusal = await self._ask(question.ask(self._shared.intake))
            self._answer(self._conversation.checked(question, refusal))
            if self._conversation.refused > self._shared.limits.refused_recipients:
                self._answer(TOO_MANY_ERRORS)
        finally:
            self._resume()

    def _receive(self, data: bytes) -> None:
        """Take a block of the message; at its end, hand it to the intake."""
        assert self._reader is not None
        used = self._reader.feed(data)
        if used is None:
            self._expect(min(self._shared.limits.data_seconds, self._message_deadline - self._loop.time()))
            return
        self._input[:0] = data[used:]
        message = self._reader.message()
        self._reader = None
        envelope = self._conversation.finish(self._peer)
        self._expect(self._shared.limits.idle_seconds)
        if isinstance(message, Reply):
            self._answer(message)
        else:
            self._delivering = len(message)
            self._start(self._deliver(envelope, message))

    async def _deliver(self, envelope: Envelope, raw: bytes) -> None:
        try:
            reply = await self._ask(self._shared.intake.message(envelope, raw))
            self._answer(reply or LOCAL_ERROR)
        finally:
            self._delivering = 0
            self._resume()

    def _begin_data(self) -> None:
        limits = self._shared.limits
        self._reader = DataReader(self._shared.max_size)
        self._message_deadline = self._loop.time() + limits.message_seconds
        self._expect(min(limits.data_seconds, limits.message_seconds))

    def _begin_tls(self) -> None:
        """STARTTLS was answered 220 (RFC 3207), or TLS comes first."""
        assert self._shared.tls is not None
        self._transport.pause_reading()  # the client's hello is not for us
        self._read_paused = False
        self._input.clear()  # said in the clear, before the handshake: worth nothing (RFC 3207 6)
        self._flush()
        self._start(self._upgrade(self._shared.tls))

    async def _upgrade(self, context: ssl.SSLContext) -> None:
        timeout = self._shared.limits.close_seconds
        try:
            transport = await self._loop.start_tls(
                self._transport, self, context, server_side=True, ssl_handshake_timeout=timeout
            )
        except (OSError, ssl.SSLError, asyncio.CancelledError):
            transport = None
        if transport is None:
            self._transport.abort()
            self.connection_lost(None)  # the loop tells only a protocol that got through the handshake
        else:
            self._transport = transport
            self._tls = True
            cipher, version, _ = transport.get_extra_info("cipher")
            self._conversation.secured(f"{version} {cipher}")
            if self._shared.implicit_tls:
                self._greet()
        self._resume()
