"""PROXY headers: read to their last octet and no further, from trusted proxies alone, before anything is said."""

import asyncio
import ipaddress
import ssl
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from multimail.surfaces.proxy_protocol import SIGNATURE, BadHeader, missing, read_header
from tests.surfaces.test_smtp import Client, Recorder, client_tls, on_both_loops, server_tls, serving

V1 = b"PROXY TCP4 192.0.2.7 198.51.100.1 4711 25\r\n"
ADDRESSES = st.one_of(st.ip_addresses(v=4), st.ip_addresses(v=6))


def v2(address: str, command: int = 0x21, more: bytes = b"", family: int | None = None) -> bytes:
    packed = ipaddress.ip_address(address).packed
    body = packed * 2 + b"\x12\x34\x00\x19" + more
    family = (0x11 if len(packed) == 4 else 0x21) if family is None else family
    return SIGNATURE + bytes([command, family]) + len(body).to_bytes(2) + body


def read(stream: bytes, most: int = 1000) -> tuple[str | None, bytes]:
    """What a doorway reads of a stream that gives at most so many octets at a time, and what is left."""
    head = b""
    while wanted := missing(head):
        piece, stream = stream[: min(wanted, most)], stream[min(wanted, most) :]
        if not piece:
            raise EOFError
        head += piece
    return read_header(head), stream


@given(ADDRESSES, st.binary(max_size=40), st.integers(1, 20), st.booleans(), st.binary(max_size=30))
def test_the_client_is_told_and_nothing_after_the_header_is_read(
    address: ipaddress.IPv4Address | ipaddress.IPv6Address, rest: bytes, most: int, old: bool, more: bytes
) -> None:
    if old:
        header = f"PROXY TCP{address.version} {address} {address} 65535 0\r\n".encode()
    else:
        header = v2(str(address), more=more)
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    assert read(header + rest, most) == (str(mapped or address), rest)


@given(
    st.binary(max_size=200),
    st.sampled_from([b"", b"PROXY ", b"PROXY TCP4 ", SIGNATURE, SIGNATURE + b"\x21\x11"]),
)
def test_any_octets_are_a_header_or_none(octets: bytes, before: bytes) -> None:
    try:
        client, _ = read(before + octets)
    except (BadHeader, EOFError):
        return
    if client is not None:
        ipaddress.ip_address(client)


@pytest.mark.parametrize(
    "header",
    [
        b"PROXY UNKNOWN\r\n",
        b"PROXY UNKNOWN ffff:f...f ffff:f...f 65535 65535\r\n",
        v2("192.0.2.1", command=0x20),
        v2("192.0.2.1", family=0),
        SIGNATURE + b"\x20\x00\x00\x00",
    ],
)
def test_a_proxy_that_speaks_for_itself_names_nobody(header: bytes) -> None:
    assert read(header + b"EHLO x\r\n") == (None, b"EHLO x\r\n")


BAD = [
    b"EHLO client.test\r\n",
    b"PROXY TCP4 192.0.2.7 198.51.100.1 4711 25\n" + b"x" * 100,
    b"PROXY TCP4 192.0.2.7 198.51.100.1 4711 65536\r\n",
    b"PROXY TCP4 192.0.2.7 198.51.100.1 04711 25\r\n",
    b"PROXY TCP4 192.0.2.700 198.51.100.1 4711 25\r\n",
    b"PROXY TCP4 2001:db8::1 2001:db8::2 4711 25\r\n",
    b"PROXY TCP6 192.0.2.7 198.51.100.1 4711 25\r\n",
    b"PROXY TCP4 192.0.2.7  198.51.100.1 4711 25\r\n",
    b"PROXY UDP4 192.0.2.7 198.51.100.1 4711 25\r\n",
    b"PROXY TCP4 " + b"1" * 120 + b"\r\n",
    b"proxy TCP4 192.0.2.7 198.51.100.1 4711 25\r\n",
    v2("192.0.2.1", command=0x11),
    v2("192.0.2.1", command=0x22),
    v2("192.0.2.1", family=0x12),
    v2("192.0.2.1", family=0x21),
    SIGNATURE + b"\x21\x11\x00\x04\x01\x02\x03\x04",
    SIGNATURE + b"\x21\x11\xff\xff",
]


@pytest.mark.parametrize("header", BAD)
def test_what_is_no_header_is_refused(header: bytes) -> None:
    with pytest.raises(BadHeader):
        read(header)


def test_a_header_is_refused_at_its_first_wrong_octet() -> None:
    for head in (b"E", b"PROXX", b"\r\n\r\n\0\r\nQUIT\r", b"PROXY\r"):
        with pytest.raises(BadHeader):
            missing(head)


@on_both_loops
async def test_the_client_of_a_trusted_proxy_is_who_is_counted_and_told() -> None:
    intake = Recorder()
    for header, peer in (
        (V1, "192.0.2.7"),
        (v2("2001:db8::7"), "2001:db8::7"),
        (b"PROXY UNKNOWN\r\n", "127.0.0.1"),
    ):
        async with serving(intake, proxies=["127.0.0.0/8"]) as (server, port):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            # All at once: what follows the header is the conversation's, to the octet.
            writer.write(header + b"EHLO c.test\r\nMAIL FROM:<>\r\nRCPT TO:<b@x.test>\r\nDATA\r\n")
            for expected in (b"220 mx.test ESMTP MultiMail\r\n", b"250-mx.test\r\n"):
                assert await reader.readline() == expected
            while not (await reader.readline()).startswith(b"354"):
                assert not reader.at_eof()
            assert sum(server._shared.per_peer.values()) == len(server._shared.sessions) == 1
            writer.write(b"x\r\n.\r\n")
            assert (await reader.readline()).startswith(b"250")
            writer.transport.abort()
        assert intake.messages[-1][0].peer == peer


@on_both_loops
async def test_nobody_else_may_say_who_the_client_is() -> None:
    async with serving(proxies=["192.0.2.0/24"]) as (_, port):
        async with Client(port) as client:
            assert (await client.say(V1))[:9] == "421 4.7.0"
            assert await client.reply() == ""
        async with Client(port) as client:
            client.send(v2("192.0.2.1") + b"MAIL FROM:<>\r\n")
            assert [(await client.reply())[:3] for _ in range(4)] == ["500", "500", "421", ""]
        async with Client(port) as client:
            assert (await client.say("EHLO c.test"))[:3] == "250"


@on_both_loops
async def test_a_trusted_proxy_without_a_header_hears_nothing() -> None:
    async with serving(proxies=["127.0.0.1"]) as (server, port):
        for octets in (b"EHLO c.test\r\n", BAD[3], SIGNATURE + b"\x11\x11\x00\x00"):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(octets)
            assert await _rest(reader) == b""
            writer.close()
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"PROXY TCP4 ")
        while not server._at_the_door:
            await asyncio.sleep(0)
    assert await _rest(reader) == b""  # a stop does not wait for it
    assert not server._at_the_door
    writer.close()


async def _rest(reader: asyncio.StreamReader) -> bytes:
    try:
        return await reader.read()
    except ConnectionResetError:
        return b""


async def test_a_header_has_its_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("multimail.surfaces.proxy_protocol.HEADER_SECONDS", 0.01)
    async with serving(proxies=["127.0.0.1"]) as (_, port):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        assert await _rest(reader) == b""
        writer.close()


@on_both_loops
async def test_tls_from_the_first_octet_after_the_header() -> None:
    """The header and the client's first TLS record may come in one packet."""
    intake = Recorder()
    async with serving(intake, tls=server_tls(), implicit_tls=True, proxies=["127.0.0.1"]) as (_, port):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        client = client_tls().wrap_bio(incoming, outgoing, server_hostname="mx.test")

        async def step(act: Callable[[], bytes | None], before: bytes = b"") -> bytes | None:
            while True:
                try:
                    done = act()
                except ssl.SSLWantReadError:
                    writer.write(before + outgoing.read())
                    before = b""
                    incoming.write(await reader.read(65536))
                else:
                    writer.write(before + outgoing.read())
                    return done

        await step(client.do_handshake, V1)
        assert await step(lambda: client.read(100)) == b"220 mx.test ESMTP MultiMail\r\n"
        client.write(b"EHLO c.test\r\n")
        answer = await step(lambda: client.read(1000))
        assert answer is not None and b"250" in answer and b"STARTTLS" not in answer
        writer.transport.abort()
