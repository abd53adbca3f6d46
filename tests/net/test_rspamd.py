"""rspamd as a second opinion: the one of Debian, and ones that answer badly."""

import asyncio
import subprocess
import urllib.request
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from multimail.core.spam import Envelope
from multimail.mail.spam import GTUBE
from multimail.net.rspamd import Rspamd
from tests.support.postgres import free_port

CONFIGURATION = """
options {{ filters = ""; tempdir = "{folder}"; url_tld = "{folder}/tld"; disable_hyperscan = true;
  hs_cache_dir = "{folder}"; dns {{ nameserver = ["127.0.0.1:9"]; timeout = 0.1s; retransmits = 1; }} }}
logging {{ type = "console"; level = "error"; }}
actions {{ reject = 15; add_header = 6; greylist = 4; }}
lang_detection {{ languages = "{folder}/none"; }}
worker "normal" {{ bind_socket = "127.0.0.1:{port}"; count = 1; }}
"""
ENVELOPE = Envelope("192.0.2.1", "mx.example", "ann@a.example", "me@our.example")


@pytest.fixture(scope="module")
def rspamd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder: Path = tmp_path_factory.mktemp("rspamd")
    port = free_port()
    (folder / "tld").write_text("com\n")
    (folder / "rspamd.conf").write_text(CONFIGURATION.format(folder=folder, port=port))
    process = subprocess.Popen(["rspamd", "-f", "-i", "-c", str(folder / "rspamd.conf")])
    url = f"http://127.0.0.1:{port}"
    try:
        wait_for(process, url)
        yield url
    finally:
        process.terminate()
        process.wait()


def wait_for(process: "subprocess.Popen[bytes]", url: str) -> None:
    while process.poll() is None:
        try:
            with urllib.request.urlopen(f"{url}/ping", timeout=5) as answer:
                assert answer.read().strip() == b"pong"
                return
        except OSError:
            process_pause()
    raise AssertionError("rspamd did not start")


def process_pause() -> None:
    asyncio.run(asyncio.sleep(0.05))


@pytest.mark.debian("rspamd")
async def test_the_filter_of_debian(rspamd: str) -> None:
    ask = Rspamd(rspamd)
    try:
        (refused,) = await ask(f"From: a@b.example\r\nSubject: x\r\n\r\n{GTUBE}\r\n".encode(), ENVELOPE)
        (taken,) = await ask(b"From: a@b.example\r\nSubject: x\r\n\r\nhello\r\n", ENVELOPE)
    finally:
        await ask.close()
    assert (refused.rule, refused.points) == ("rspamd", 10.0) and "reject" in refused.detail
    assert (taken.points, taken.detail) == (0.0, "rspamd: no action; ")


@asynccontextmanager
async def answering(body: bytes, status: str = "200 OK") -> AsyncIterator[tuple[str, list[bytes]]]:
    asked: list[bytes] = []

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(await reader.readuntil(b"\r\n\r\n"))
        head = f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        writer.write(head.encode() + body)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(talk, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", asked


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"no JSON", "200 OK"), (b"[]", "200 OK"), (b'{"action": 7}', "200 OK"), (b"{}", "500 Oops"),
        (b'{"action": "reject"}', "302 Found"),
    ],
)  # fmt: skip
async def test_what_cannot_be_read_says_nothing(body: bytes, status: str) -> None:
    async with answering(body, status) as (url, _):
        ask = Rspamd(url)
        assert await ask(b"x", ENVELOPE) == ()
        await ask.close()


async def test_its_symbols_are_told_and_the_envelope_is_no_header_injection() -> None:
    said = b'{"action": "add header", "symbols": {"A": {"score": 2.5}, "B": {"score": -1}, "C": 3, "D": {"score": 4}}}'
    async with answering(said) as (url, asked):
        ask = Rspamd(url)
        (reason,) = await ask(b"x", Envelope("192.0.2.1", "a\r\nX-Evil: 1", "a@b.example", "c@d.example"))
        await ask.close()
    assert (reason.points, reason.detail) == (5.0, "rspamd: add header; D 4, A 2.5")
    assert b"X-Evil" not in asked[0] and b"IP: 192.0.2.1" in asked[0]


async def test_nobody_there_says_nothing() -> None:
    ask = Rspamd(f"http://127.0.0.1:{free_port()}")
    assert await ask(b"x", ENVELOPE) == ()
    await ask.close()
