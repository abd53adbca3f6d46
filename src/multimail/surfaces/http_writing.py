"""How an answer leaves: its head and its body in one system call instead of two."""

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol


class Gathering(asyncio.Transport):
    """What is written waits for a second write, which leaves with it, but no longer than a turn of the event loop.

    uvicorn writes the head of an answer and its body one right after the other, and uvloop sends each at once. Never
    does more than one write wait, so a reader that is slow still holds the writer up.
    """

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__()
        self._transport = transport
        self._loop = loop
        self._waiting = b""

    def write(self, data: Any) -> None:
        if self._waiting:
            both, self._waiting = [self._waiting, data], b""
            self._transport.writelines(both)
        else:
            self._waiting = data
            self._loop.call_soon(self._flush)

    def _flush(self) -> None:
        waiting, self._waiting = self._waiting, b""
        if waiting and not self._transport.is_closing():  # of whom it was for there may be nobody left
            self._transport.write(waiting)

    def close(self) -> None:
        self._flush()
        self._transport.close()

    def is_closing(self) -> bool:
        return self._transport.is_closing()

    def pause_reading(self) -> None:
        self._transport.pause_reading()

    def resume_reading(self) -> None:
        self._transport.resume_reading()

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return self._transport.get_extra_info(name, default)


class HttpProtocol(HttpToolsProtocol):
    """uvicorn's own, on a transport that gathers."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as its parent
        super().connection_made(Gathering(transport, self.loop))
