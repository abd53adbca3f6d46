"""A process beside this one, for work on whole messages: composing and signing them.

Python uses one core a process, and the event loop must not wait for a large message or for RSA. A function and
its arguments go over a socket as pickles; what it returned or raised comes back, in the order asked. That
process knows no database, and it ends with ours, even after SIGKILL: the socket closes.
"""

import asyncio
import pickle
import signal
import socket
import subprocess
import sys
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, TypeVar

import structlog

T = TypeVar("T")
LENGTH: Final = 4  # octets before each pickle, big-endian
PATIENCE: Final = 30.0  # seconds between looks: what is still the same call at the second look is stuck
PAUSE: Final = 0.1  # seconds before a process that died is followed by another
GRACE: Final = 2.0

log = structlog.get_logger()


class BrokenOff(Exception):
    """The process died twice over this call, or had to be ended: asked again, it would do so again."""


@dataclass(slots=True, eq=False)
class _Call:
    framed: bytes
    answer: asyncio.Future[Any]
    deaths: int = 0


class Apart:
    """`await apart(function, *arguments)`, with a function from the top of a module, in its `async with`.

    Raises what the function raises, or BrokenOff. If the process dies, what it had not answered is asked anew.
    """

    def __init__(self) -> None:
        self._calls: deque[_Call] = deque()
        self._unsent: list[bytes] = []
        self._received = bytearray()
        self._stopping = False

    async def __aenter__(self) -> "Apart":
        self._loop = asyncio.get_running_loop()
        await self._spawn()
        self._watching = asyncio.create_task(self._watch())
        return self

    async def __aexit__(self, *error: object) -> None:
        """To be left when nobody asks any more."""
        self._stopping = True
        self._watching.cancel()
        self._transport.close()
        await asyncio.to_thread(self._reap)

    def __call__(self, function: Callable[..., T], *arguments: Any) -> "asyncio.Future[T]":
        answer: asyncio.Future[T] = self._loop.create_future()
        call = _Call(_framed(pickle.dumps((function, arguments), pickle.HIGHEST_PROTOCOL)), answer)
        self._calls.append(call)
        if not self._unsent:  # what is asked in one turn of the loop leaves in one write
            self._loop.call_soon(self._send)
        self._unsent.append(call.framed)
        return answer

    async def _spawn(self) -> None:
        ours, theirs = socket.socketpair()
        with theirs:  # -P: nothing is imported from the folder that the server happens to run in
            command = [sys.executable, "-P", "-m", "multimail.apart"]
            self._process = subprocess.Popen(command, stdin=theirs.fileno(), stdout=subprocess.DEVNULL)  # noqa: ASYNC220, S603  # a fork, once; no word of it is a stranger's
        self._received.clear()
        self._transport, _ = await self._loop.create_connection(lambda: _Answers(self), sock=ours)
        self._unsent = [call.framed for call in self._calls]
        self._send()

    def _send(self) -> None:
        if not self._transport.is_closing():  # else the next process gets it all
            self._transport.write(b"".join(self._unsent))
        self._unsent.clear()

    def answered(self, data: bytes) -> None:
        """Gives out the answers that are whole, and keeps the rest for the next time."""
        self._received += data
        pickles, size = _whole(self._received)
        del self._received[:size]
        for pickled in pickles:
            result, error = pickle.loads(pickled)  # noqa: S301  # our own process wrote it
            answer = self._calls.popleft().answer
            if answer.done():  # whoever asked has gone
                continue
            if error is None:
                answer.set_result(result)
            else:
                answer.set_exception(error)

    def lost(self) -> None:
        if self._stopping:
            return
        log.error("the process beside this one died", while_busy=bool(self._calls))
        if self._calls:
            self._calls[0].deaths += 1
            if self._calls[0].deaths == 2 and not (answer := self._calls.popleft().answer).done():
                answer.set_exception(BrokenOff())
        self._respawning = self._loop.create_task(self._respawn())

    async def _respawn(self) -> None:
        await asyncio.to_thread(self._reap)
        await asyncio.sleep(PAUSE)
        if not self._stopping:
            await self._spawn()

    def _reap(self) -> None:
        try:
            self._process.wait(GRACE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    async def _watch(self) -> None:
        seen = None
        while True:
            await asyncio.sleep(PATIENCE)
            head = self._calls[0] if self._calls else None
            if head is not None and head is seen:
                self._process.kill()
            seen = head


class _Answers(asyncio.Protocol):
    def __init__(self, apart: Apart) -> None:
        self._apart = apart

    def data_received(self, data: bytes) -> None:
        self._apart.answered(data)

    def connection_lost(self, exc: Exception | None) -> None:
        self._apart.lost()


def _framed(pickled: bytes) -> bytes:
    return len(pickled).to_bytes(LENGTH, "big") + pickled


def _whole(data: bytearray) -> tuple[list[bytearray], int]:
    """The pickles that are whole, and how many octets they take with their lengths."""
    pickles, start = [], 0
    while (begin := start + LENGTH) <= len(data):
        end = begin + int.from_bytes(data[start:begin], "big")
        if end > len(data):
            break
        pickles.append(data[begin:end])
        start = end
    return pickles, start


def main() -> None:
    """The process beside: answers until the other end of its socket closes."""
    for number in (
        signal.SIGINT,
        signal.SIGTERM,
    ):  # meant for the server, which may still need answers to stop
        signal.signal(number, signal.SIG_IGN)
    with socket.socket(fileno=sys.stdin.fileno()) as connection, connection.makefile("rb", 1 << 18) as calls:
        while length := calls.read(LENGTH):
            call = calls.read(int.from_bytes(length, "big"))
            if len(length) < LENGTH or len(call) < int.from_bytes(length, "big"):
                return
            connection.sendall(_framed(_answer(call)))


def _answer(call: bytes) -> bytes:
    answer: tuple[Any, Exception | None]
    try:
        function, arguments = pickle.loads(call)  # noqa: S301  # the server wrote it
        answer = (function(*arguments), None)
    except Exception as error:  # noqa: BLE001  # it is the caller's
        answer = (None, error)
    return pickle.dumps(answer, pickle.HIGHEST_PROTOCOL)


if __name__ == "__main__":
    main()
