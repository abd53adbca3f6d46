import asyncio
import gzip
import ipaddress
import socket
import ssl
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st

from multimail.net.calls import MAX_ANSWER
from multimail.net.guarded import (
    MAX_URL,
    CallFailed,
    UrlRefused,
    check_url,
    may_connect,
)
from multimail.net.guarded_client import GuardedClient
from tests.support.certificates import issue

PUBLIC = "93.184.215.14"


class Names:
    """A fake DNS: each look-up of any name gives the next of `answers`, the last one for ever."""

    def __init__(self, *answers: Sequence[str]) -> None:
        self.answers = list(answers)
        self.asked: list[str] = []

    async def __call__(self, host: str) -> Sequence[str]:
        self.asked.append(host)
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


class Receiver:
    """A real HTTP server on 127.0.0.1 that notes every request it gets."""

    def __init__(self) -> None:
        self.port = 0
        self.requests: list[tuple[str, str, dict[str, str], bytes]] = []
        self.connections: set[int] = set()
        self.answer = web.Response(text="thanks")

    async def handle(self, request: web.Request) -> web.StreamResponse:
        assert request.transport is not None
        self.connections.add(request.transport.get_extra_info("peername")[1])
        self.requests.append((request.method, request.path_qs, dict(request.headers), await request.read()))
        if request.path == "/silent":
            await asyncio.Event().wait()
        if request.path == "/moved":
            raise web.HTTPTemporaryRedirect("/elsewhere")
        if request.path == "/endless":
            return await self.pour(request)
        if request.path == "/zipped":
            return web.Response(body=gzip.compress(b"0" * 10_000_000), headers={"Content-Encoding": "gzip"})
        return web.Response(text="thanks", headers={"Set-Cookie": "a=b"})

    async def pour(self, request: web.Request) -> web.StreamResponse:
        answer = web.StreamResponse()
        await answer.prepare(request)
        while True:
            await answer.write(b"x" * 16_384)

    @asynccontextmanager
    async def serving(self, tls: ssl.SSLContext | None = None) -> AsyncIterator["Receiver"]:
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self.handle)
        runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=0)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls)
        await site.start()
        self.port = runner.addresses[0][1]
        try:
            yield self
        finally:
            await runner.cleanup()


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with Receiver().serving() as running:
        yield running


@asynccontextmanager
async def raw_server(answer: bytes) -> AsyncIterator[int]:
    """Answers every connection with `answer` and closes; yields its port."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]


REFUSED_URLS = [
    "",
    "example.com/hook",
    "//example.com",
    "ftp://example.com/",
    "file:///etc/passwd",
    "gopher://example.com:70/_x",
    "javascript:alert(1)",
    "http://",
    "http:///path",
    "https://user:password@example.com/",
    "https://user@example.com/",
    "https://@example.com/",
    "https://example.com@10.0.0.1/",
    "https://example.com:0/",
    "https://example.com:25/",
    "https://example.com:65536/",
    "https://example.com:-1/",
    "https://example.com:x/",
    "https://exa mple.com/",
    "https://example.com/\r\nX: y",
    "https://example.com/\x00",
    "https://example.com\\@10.0.0.1/",
    "https://ex\u00e4mple.com/",
    "https://\uff11\uff12\uff17.0.0.1/",
    "https://127\u30020.0.1/",
    "https://[::1",
    "https://a..b/",
    "https://.example.com/",
    "https://-example.com/",
    "https://" + "a" * 64 + ".com/",
    "https://" + ".".join(["a" * 60] * 5) + "/",
    "https://example.com/" + "a" * MAX_URL,
    # loopback, in every spelling
    "http://localhost/",
    "http://LOCALHOST./",
    "http://api.localhost/",
    "http://127.0.0.1/",
    "http://127.0.0.1./",
    "http://127.255.255.254/",
    "http://127.1/",
    "http://2130706433/",
    "http://0x7f000001/",
    "http://0x7f.0.0.0x1/",
    "http://0177.0.0.1/",
    "http://017700000001/",
    "http://%31%32%37.0.0.1/",
    "http://[::1]/",
    "http://[::1%25lo]/",
    "http://[0:0:0:0:0:0:0:1]/",
    "http://[::ffff:127.0.0.1]/",
    "http://[::127.0.0.1]/",
    # private and special
    "http://0/",
    "http://0.0.0.0/",
    "http://[::]/",
    "http://10.0.0.1/",
    "http://172.16.0.1/",
    "http://172.31.255.255/",
    "http://192.168.1.1/",
    "http://100.64.0.1/",
    "http://169.254.169.254/latest/meta-data/",
    "http://2852039166/",
    "http://192.0.0.192/",
    "http://198.18.0.1/",
    "http://224.0.0.1/",
    "http://255.255.255.255/",
    "http://[fe80::1]/",
    "http://[fe80::1%25eth0]/",
    "http://[2606:4700::1%25eth0]/",
    "http://[fc00::1]/",
    "http://[fd00:ec2::254]/",
    "http://[fec0::1]/",
    "http://[ff02::1]/",
    "http://[::ffff:10.0.0.1]/",
    f"http://[::ffff:{PUBLIC}]/",
    "http://[64:ff9b::7f00:1]/",
    "http://[64:ff9b:1::a00:1]/",
    "http://[2002:7f00:1::]/",
    "http://[2001:0:4136:e378:8000:63bf:3fff:fdd2]/",
    "http://[2001:db8::1]/",
    "http://[100::1]/",
]

LOOPBACK_URLS = [
    "http://localhost:8000/",
    "http://127.0.0.1:8000/",
    "http://127.1.2.3/",
    "http://[::1]:8000/x",
]


@pytest.mark.parametrize("url", REFUSED_URLS)
def test_a_url_that_could_reach_inside_is_refused(url: str) -> None:
    with pytest.raises(UrlRefused) as refusal:
        check_url(url, allow_loopback=False)
    assert str(refusal.value).startswith(("The URL", "This is not"))
    assert str(refusal.value).endswith(".")


@pytest.mark.parametrize("url", LOOPBACK_URLS)
def test_loopback_is_open_only_when_allowed(url: str) -> None:
    assert check_url(url, allow_loopback=True)
    with pytest.raises(UrlRefused):
        check_url(url, allow_loopback=False)


@pytest.mark.parametrize("url", [u for u in REFUSED_URLS if "localhost" not in u.lower()])
def test_allowing_loopback_opens_nothing_else(url: str) -> None:
    if url.startswith(("http://127.0.0.1/", "http://127.255", "http://[::1]/", "http://[0:0:0:0:0:0:0:1]/")):
        assert check_url(url, allow_loopback=True)
    else:
        with pytest.raises(UrlRefused):
            check_url(url, allow_loopback=True)


@pytest.mark.parametrize(
    "url",
    [
        "https://example.com/hook?x=1",
        "HTTPS://EXAMPLE.com./",
        "http://example.com:8080/",
        "https://xn--exmple-cua.com/",
        "https://a_b.example-1.com/",
        "https://1.example.com/",
        "https://0x.example/",
        "https://user.example.com/path@there?mail=a@b",
        f"http://{PUBLIC}/",
        "https://[2606:4700:4700::1111]/",
    ],
)
def test_a_public_url_passes(url: str) -> None:
    assert check_url(url, allow_loopback=False).scheme in url.lower()


@given(st.text(max_size=60) | st.from_regex(r"https?://[0-9a-fx.:\[\]%@]{0,30}/?", fullmatch=True))
def test_any_text_is_judged_without_an_accident(url: str) -> None:
    try:
        host = check_url(url, allow_loopback=False).raw_host
    except UrlRefused:
        return
    assert host


@given(st.ip_addresses())
def test_what_may_be_reached_is_global_to_the_standard_library_too(
    address: ipaddress.IPv4Address | ipaddress.IPv6Address,
) -> None:
    if may_connect(address, allow_loopback=False):
        assert address.is_global
        assert not address.is_multicast


@pytest.mark.parametrize("address", [PUBLIC, "8.8.8.8", "172.32.0.1", "100.128.0.1", "2606:4700:4700::1111"])
def test_ordinary_addresses_may_be_reached(address: str) -> None:
    assert may_connect(ipaddress.ip_address(address), allow_loopback=False)


# At creation.


@pytest.mark.parametrize(
    "private", ["10.0.0.7", "127.0.0.1", "169.254.169.254", "::1", "fd00::1", "::ffff:8.8.8.8"]
)
async def test_a_name_that_leads_inside_is_refused_at_creation(private: str) -> None:
    for answer in ([private], [PUBLIC, private]):
        async with GuardedClient(allow_loopback=False, resolve=Names(answer)) as client:
            with pytest.raises(UrlRefused, match="private or reserved"):
                await client.resolve_and_check("https://hook.example/")


async def test_a_name_that_leads_outside_passes_at_creation() -> None:
    names = Names([PUBLIC, "2606:4700:4700::1111"])
    async with GuardedClient(allow_loopback=False, resolve=names) as client:
        await client.resolve_and_check("https://hook.example./x")
        await client.resolve_and_check(f"https://{PUBLIC}/")
    assert names.asked == ["hook.example"]


async def test_loopback_by_name_is_open_at_creation_only_when_allowed() -> None:
    async with GuardedClient(allow_loopback=True, resolve=Names(["127.0.0.1"])) as client:
        await client.resolve_and_check("http://hook.example/")
        await client.resolve_and_check("http://localhost/")


async def no_such_name(host: str) -> Sequence[str]:
    raise OSError(f"internal detail about {host} at 10.1.2.3")


async def never_answers(host: str) -> Sequence[str]:
    await asyncio.Event().wait()
    return []


@pytest.mark.parametrize("resolve", [no_such_name, never_answers, Names([]), Names(["not an address"])])
async def test_a_name_without_an_address_fails(resolve) -> None:
    async with GuardedClient(allow_loopback=False, timeout=0.05, resolve=resolve) as client:
        with pytest.raises(CallFailed, match="could not be resolved") as failure:
            await client.resolve_and_check("https://hook.example/")
        with pytest.raises(CallFailed) as call_failure:
            await client.post("https://hook.example/", b"", {})
    for one in (failure, call_failure):
        assert "10.1.2.3" not in str(one.value)
        assert not isinstance(one.value, UrlRefused)


# At each call.


async def test_a_call_carries_the_exact_body_and_headers(receiver: Receiver) -> None:
    names = Names(["127.0.0.1"])
    async with GuardedClient(allow_loopback=True, resolve=names) as client:
        url = f"http://hook.example:{receiver.port}/in?x=%2B%20%261"
        response = await client.post(url, b'{"a": 1}\xff', {"webhook-id": "evt_1", "user-agent": "Test"})
    assert (response.status, response.body) == (200, b"thanks")
    assert response.elapsed >= 0
    ((method, path, headers, body),) = receiver.requests
    assert (method, path, body) == ("POST", "/in?x=%2B%20%261", b'{"a": 1}\xff')
    assert headers["Host"] == f"hook.example:{receiver.port}"
    assert headers["webhook-id"] == "evt_1"
    assert [value for name, value in headers.items() if name.lower() == "user-agent"] == ["Test"]
    assert names.asked == ["hook.example"]


async def test_get_sends_no_body(receiver: Receiver) -> None:
    async with GuardedClient(allow_loopback=True) as client:
        answer = await client.get(f"http://127.0.0.1:{receiver.port}/")
    assert (answer.body, answer.media_type) == (b"thanks", "text/plain")
    ((method, _, headers, body),) = receiver.requests
    assert (method, body, headers["User-Agent"]) == ("GET", b"", "MultiMail")


async def test_a_name_rebound_after_the_check_reaches_nothing(receiver: Receiver) -> None:
    names = Names([PUBLIC], ["127.0.0.1"])
    async with GuardedClient(allow_loopback=False, resolve=names) as client:
        url = f"http://rebind.example:{receiver.port}/"
        await client.resolve_and_check(url)
        with pytest.raises(UrlRefused):
            await client.post(url, b"{}", {})
    assert receiver.requests == []
    assert len(names.asked) == 2


async def test_the_name_is_looked_up_once_for_a_call_and_that_answer_is_used(receiver: Receiver) -> None:
    # Would the client look up again between check and connection, it would go to a refused address.
    names = Names(["127.0.0.1"], ["10.0.0.1"])
    async with GuardedClient(allow_loopback=True, resolve=names) as client:
        response = await client.post(f"http://rebind.example:{receiver.port}/", b"", {})
    assert response.status == 200
    assert names.asked == ["rebind.example"]


async def test_every_new_connection_is_vetted_anew(receiver: Receiver) -> None:
    names = Names(["127.0.0.1"], ["10.0.0.1"])
    url = f"http://rebind.example:{receiver.port}/"
    async with GuardedClient(allow_loopback=True, resolve=names) as client:
        await client.post(url, b"", {})
        await client.post(url, b"", {})  # on the vetted connection
        await client.close()
        with pytest.raises(UrlRefused):
            await client.post(url, b"", {})
    assert len(receiver.connections) == 1
    assert len(receiver.requests) == 2


async def test_one_bad_address_among_good_ones_refuses_the_call(receiver: Receiver) -> None:
    async with GuardedClient(allow_loopback=True, resolve=Names(["127.0.0.1", "10.0.0.1"])) as client:
        with pytest.raises(UrlRefused):
            await client.post(f"http://hook.example:{receiver.port}/", b"", {})
    assert receiver.requests == []


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "2130706433", "[::ffff:127.0.0.1]"])
async def test_literal_loopback_is_refused_at_each_call(receiver: Receiver, host: str) -> None:
    async with GuardedClient(allow_loopback=False) as client:
        with pytest.raises(UrlRefused):
            await client.post(f"http://{host}:{receiver.port}/", b"", {})
    assert receiver.requests == []


async def test_the_last_gate_holds_when_the_checks_before_it_fail(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("multimail.net.calls.vet", lambda addresses, allow_loopback: None)
    async with GuardedClient(allow_loopback=False, resolve=Names(["127.0.0.1"])) as client:
        with pytest.raises(CallFailed):
            await client.post(f"http://hook.example:{receiver.port}/", b"", {})
    assert receiver.connections == set()


async def test_a_redirect_is_an_answer_and_is_not_followed(receiver: Receiver) -> None:
    async with GuardedClient(allow_loopback=True) as client:
        response = await client.post(f"http://127.0.0.1:{receiver.port}/moved", b"", {})
    assert response.status == 307
    assert [path for _, path, _, _ in receiver.requests] == ["/moved"]


async def test_proxies_of_the_environment_are_ignored(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    async with GuardedClient(allow_loopback=True, resolve=Names(["127.0.0.1"])) as client:
        assert (await client.post(f"http://hook.example:{receiver.port}/", b"", {})).status == 200


async def test_cookies_are_not_kept(receiver: Receiver) -> None:
    async with GuardedClient(allow_loopback=True, resolve=Names(["127.0.0.1"])) as client:
        for _ in range(2):
            await client.post(f"http://hook.example:{receiver.port}/", b"", {})
    assert all("Cookie" not in headers for _, _, headers, _ in receiver.requests)


async def test_an_endless_answer_is_cut(receiver: Receiver) -> None:
    async with GuardedClient(allow_loopback=True) as client:
        response = await client.post(f"http://127.0.0.1:{receiver.port}/endless", b"", {})
        assert response.body == b"x" * MAX_ANSWER
        assert (await client.post(f"http://127.0.0.1:{receiver.port}/", b"", {})).status == 200
    assert len(receiver.connections) == 2  # the one with the endless answer is not used again


async def test_a_compressed_answer_is_not_unpacked(receiver: Receiver) -> None:
    async with GuardedClient(allow_loopback=True) as client:
        response = await client.post(f"http://127.0.0.1:{receiver.port}/zipped", b"", {})
    assert response.body.startswith(b"\x1f\x8b")
    assert len(response.body) < MAX_ANSWER


async def test_silence_ends_with_the_timeout(receiver: Receiver) -> None:
    async with GuardedClient(allow_loopback=True, timeout=0.1) as client:
        with pytest.raises(CallFailed, match="in time"):
            await client.post(f"http://127.0.0.1:{receiver.port}/silent", b"", {})


async def test_a_refused_connection_is_told_without_its_address() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
        async with GuardedClient(allow_loopback=True, resolve=Names(["127.0.0.1"])) as client:
            with pytest.raises(CallFailed) as failure:
                await client.post(f"http://hook.example:{port}/", b"", {})
    assert str(failure.value) == "The server did not accept the connection."
    assert failure.value.__cause__ is None


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (b"", "without an answer"),
        (b"220 mail.example ESMTP\r\n", "not valid HTTP"),
        (b"HTTP/1.1 200 OK\r\nX: " + b"a" * 100_000 + b"\r\n\r\n", "not valid HTTP"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc", "cut short"),
    ],
)
async def test_a_broken_answer_is_one_short_sentence(answer: bytes, words: str) -> None:
    async with raw_server(answer) as port, GuardedClient(allow_loopback=True) as client:
        with pytest.raises(CallFailed, match=words) as failure:
            await client.post(f"http://127.0.0.1:{port}/", b"", {})
    assert "127.0.0.1" not in str(failure.value)


@pytest.fixture
def self_signed(tmp_path: Path) -> ssl.SSLContext:
    return issue("hook.example").server(tmp_path)


async def test_a_certificate_nobody_vouches_for_is_not_accepted(self_signed: ssl.SSLContext) -> None:
    async with Receiver().serving(self_signed) as receiver:
        async with GuardedClient(allow_loopback=True, resolve=Names(["127.0.0.1"])) as client:
            with pytest.raises(CallFailed, match="certificate was not accepted"):
                await client.post(f"https://hook.example:{receiver.port}/", b"secret", {})
    assert receiver.requests == []


async def test_plain_http_where_tls_is_expected_fails(receiver: Receiver) -> None:
    async with GuardedClient(allow_loopback=True) as client:
        with pytest.raises(CallFailed, match="TLS"):
            await client.post(f"https://127.0.0.1:{receiver.port}/", b"secret", {})
    assert receiver.requests == []
