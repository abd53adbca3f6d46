"""A mail server that keeps what it takes and does what a test tells it to, on the test's own event loop.

`replies` overrides its answers: by verb (`MAIL`), by `RCPT <address>`, or by `.` for the final dot; None hangs
up. `at_dot` is awaited when a message has come whole, before it is kept and answered: a test may hold the
answer there, or kill the sender. What was answered with 2xx is in `taken`, and nothing else is.
"""

import asyncio
import contextlib
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import Message


@dataclass(frozen=True)
class Taken:
    """One message as it came, dot-unstuffed, with its envelope."""

    sender: str
    recipients: tuple[str, ...]
    raw: bytes

    @property
    def message(self) -> Message:
        return message_from_bytes(self.raw)

    @property
    def message_id(self) -> str:
        return str(self.message["Message-ID"]).strip("<>")


@dataclass
class Sink:
    """`async with Sink() as sink`, then `--deliver` its `url`."""

    replies: dict[str, str | None] = field(default_factory=dict)
    at_dot: Callable[[Taken], Awaitable[None]] | None = None
    taken: list[Taken] = field(default_factory=list)
    commands: list[str] = field(default_factory=list)
    port: int = 0

    @property
    def url(self) -> str:
        return f"smtp://127.0.0.1:{self.port}"

    def counts(self) -> Counter[str]:
        """How often each Message-ID was taken."""
        return Counter(one.message_id for one in self.taken)

    async def __aenter__(self) -> "Sink":
        self._tasks: set[asyncio.Task[None]] = set()
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port, limit=2**26)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks)
        await self._server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            writer.write(b"220 sink.test\r\n")
            await self._converse(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass  # the sender was killed, or the test is over: asyncio logs a cancelled handler as an error
        finally:
            self._tasks.discard(task)
            writer.close()
            with contextlib.suppress(ConnectionError, asyncio.CancelledError):
                await writer.wait_closed()

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        sender, recipients = "", []
        while line := (await reader.readline()).decode().rstrip("\r\n"):
            self.commands.append(line)
            verb = line.partition(" ")[0].upper()
            path = line.partition("<")[2].partition(">")[0]
            reply = self.replies.get(f"{verb} {path}" if verb == "RCPT" else verb, "250 2.0.0 ok")
            if verb == "MAIL":
                sender, recipients = path, []
            elif verb == "RCPT" and reply and reply.startswith("2"):
                recipients.append(path)
            elif verb == "DATA" and reply and reply.startswith("2"):
                writer.write(b"354 go on\r\n")
                reply = await self._take(reader, sender, tuple(recipients))
            if reply is None:
                return
            writer.write(reply.encode() + b"\r\n")
            if verb == "QUIT":
                return

    async def _take(
        self, reader: asyncio.StreamReader, sender: str, recipients: tuple[str, ...]
    ) -> str | None:
        content = (await reader.readuntil(b"\r\n.\r\n"))[:-3]
        lines = content.split(b"\r\n")
        raw = b"\r\n".join(line[1:] if line.startswith(b".") else line for line in lines)
        taken = Taken(sender, recipients, raw)
        if self.at_dot is not None:
            await self.at_dot(taken)
            if reader.at_eof() or reader.exception():
                raise ConnectionResetError("whoever sent this died meanwhile, and never heard our answer")
        reply = self.replies.get(".", "250 2.0.0 taken")
        if reply and reply.startswith("2"):
            self.taken.append(taken)
        return reply
