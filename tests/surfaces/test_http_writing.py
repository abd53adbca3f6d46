import asyncio
import socket
from collections.abc import Sequence
from typing import Any

import pytest
import uvicorn

from multimail.surfaces.http_writing import Gathering, HttpProtocol


class Wire(asyncio.Transport):
    """A transport that notes each call which would be one of the kernel."""

    def __init__(self) -> None:
        super().__init__()
        self.sent: list[bytes] = []
        self.closing = False

    def write(self, data: Any) -> None:
        self.sent.append(bytes(data))

    def writelines(self, list_of_data: Any) -> None:
        self.sent.append(b"".join(list_of_data))

    def close(self) -> None:
        self.closing = True

    def is_closing(self) -> bool:
        return self.closing


async def written(*parts: bytes, wire: Wire) -> Sequence[bytes]:
    transport = Gathering(wire, asyncio.get_running_loop())
    for part in parts:
        transport.write(part)
    await asyncio.sleep(0)
    return wire.sent


async def test_a_head_and_its_body_leave_together() -> None:
    assert await written(b"head", b"body", wire=Wire()) == [b"headbody"]


async def test_what_comes_after_them_keeps_its_order() -> None:
    assert await written(b"1", b"2", b"3", b"4", b"5", wire=Wire()) == [b"12", b"34", b"5"]


async def test_a_head_without_a_body_leaves_at_the_end_of_the_turn() -> None:
    assert await written(b"head", wire=Wire()) == [b"head"]
    assert await written(b"head", b"", wire=Wire()) == [b"head"]
    assert await written(b"", wire=Wire()) == []


async def test_what_waits_leaves_before_the_connection_closes() -> None:
    wire = Wire()
    transport = Gathering(wire, asyncio.get_running_loop())
    transport.write(b"400")
    transport.close()
    assert wire.sent == [b"400"] and transport.is_closing()
    await asyncio.sleep(0)
    assert wire.sent == [b"400"]


async def test_nothing_is_written_to_a_connection_that_was_lost() -> None:
    wire = Wire()
    transport = Gathering(wire, asyncio.get_running_loop())
    transport.write(b"head")
    wire.closing = True
    await asyncio.sleep(0)
    assert wire.sent == []


@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_uvicorn_answers_through_it(method: str) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        headers = [(b"content-length", b"4")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b"body"})

    config = uvicorn.Config(app, http=HttpProtocol, ws="none", lifespan="off", log_config=None)
    server = uvicorn.Server(config)
    config.load()
    ours, theirs = socket.socketpair()
    loop = asyncio.get_running_loop()
    transport, protocol = await loop.create_connection(
        lambda: HttpProtocol(config, server.server_state, {}), sock=ours
    )
    assert isinstance(protocol.transport, Gathering)
    reader, writer = await asyncio.open_connection(sock=theirs)
    for _ in range(2):
        writer.write(f"{method} / HTTP/1.1\r\nHost: a\r\n\r\n".encode())
        head = await reader.readuntil(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200 OK\r\n")
        assert await reader.readexactly(4) == b"body" if method == "GET" else True
    writer.write(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
    assert (await reader.read()).endswith(b"connection: close\r\n\r\nbody")
    writer.close()
    transport.close()
