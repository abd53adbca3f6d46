"""What the real process keeps doing while disks, relays, networks and operators say no to it."""

import asyncio
import contextlib
import json
import os
import resource
import subprocess
import time

import aiohttp
import pytest

from multimail.core.audit_chain import verify as verify_chain
from multimail.core.secret_keys import write_key
from multimail.storage import keyfile
from tests.journeys.journey import (
    Product,
    Role,
    Smtp,
    decide,
    letter,
    pending,
    serving,
    set_mode,
    smtp_send,
    told,
    told_events,
    until,
)
from tests.support.server import multimail
from tests.support.sink import Sink


async def test_a_dead_relay_defers_and_a_refusal_fails_with_an_event(database_url, tmp_path):
    sink = Sink()
    async with sink:
        pass  # its port is closed now
    async with serving(tmp_path / "data", deliver=sink.url, database=database_url) as product:
        sent = await product.send(["ann@far.test", "bob@far.test"])
        await product.decide(sent["id"])

        async def deferred():
            found = await product.ok("GET", f"/v1/messages/{sent['id']}")
            return found if found["last_error"] else None

        found = await until(deferred, "the first deferral")
        assert found["status"] == "queued" and found["sent_at"] is None
        assert {one["status"] for one in found["recipients"]} == {"deferred"}
        [(attempts, wait)] = delivery_jobs(product)
        assert attempts == 1 and 100 < wait < 135
        # The relay is back, but no longer likes Bob: one accepted, so the email is sent, and each has a result.
        sink.replies["RCPT bob@far.test"] = "550 5.7.1 Nobody here"
        async with sink:
            product.query("UPDATE jobs SET run_at = 0")  # as if that time had passed
            gone = await product.becomes(sent["id"], "sent")
            results = {one["address"]: (one["status"], one["code"]) for one in gone["recipients"]}
            assert results == {"ann@far.test": ("delivered", 250), "bob@far.test": ("failed", 550)}
            refused = await product.send("bob@far.test")
            await product.decide(refused["id"])
            failed = await product.becomes(refused["id"], "failed")
            assert "Nobody here" in failed["last_error"] and failed["delivered_at"] is None
        events = await told_events(product, 7)
        assert [e["type"] for e in events if e["id"] == refused["id"]][-1] == "email.failed"
        assert [e["type"] for e in events if e["id"] == sent["id"]][-2:] == ["email.sent", "email.delivered"]
        assert [one.recipients for one in sink.taken] == [("ann@far.test",)]
        assert delivery_jobs(product) == []


def delivery_jobs(product):
    """(attempts, seconds to wait) of each."""
    rows = product.query("SELECT attempts, run_at FROM jobs WHERE kind = 'deliver'")
    return [(row["attempts"], row["run_at"] / 1e6 - time.time()) for row in rows]


async def test_a_full_disk_refuses_and_loses_nothing(room, tmp_path):
    """HTTP 507 and SMTP 452 while it is full; reads go on; all goes on by itself once there is room again."""
    sink = Sink()
    async with sink, serving(room.data, deliver=sink.url) as product:
        kept = [(await product.send(f"a{n}@far.test"))["id"] for n in range(3)]
        inside = [letter("before", Message_ID="<before@far.test>")]
        assert (await receive(product, inside[0])).startswith("250")
        room.fill(product)
        refused = 0
        for attempt in range(200):
            body = {"to": f"b{attempt}@far.test", "subject": "x", "markdown": "x" * 20_000}
            answer = await product.call("POST", f"/v1/mailboxes/{product.mailbox}/send", body)
            if answer.status == 202:
                kept.append(answer.body["id"])
            else:
                told(answer, 507, "storage_full")
                refused += 1
            if refused == 3:
                break
        assert refused == 3
        for size in (50_000, 200_000):  # kept in the database, kept as a file
            reply = await receive(product, letter("full", "x\r\n" * (size // 3)))
            assert reply.startswith("452 4.3.1"), reply
        assert await product.status(kept[0]) == "pending_approval"
        assert (await product.call("GET", "/health", key=None)).status == 200
        assert (await decide(product, kept[0])).status in (200, 507)
        room.free(product)
        inside.append(letter("after", Message_ID="<after@far.test>"))
        assert (await receive(product, inside[1])).startswith("250")
        kept.append((await product.send("last@far.test"))["id"])
        for email_id in kept:
            if await product.status(email_id) == "pending_approval":
                await product.decide(email_id)
            await product.becomes(email_id, "sent")
        await until(lambda: everything_read(product, len(inside)), "what came in is read")
        assert sorted(sink.counts().values()) == [1] * len(kept)
        await product.kill()
        await product.start()
        for email_id in kept:
            assert await product.status(email_id) == "sent"
        await until(lambda: sealed(product), "the log is sealed")
        assert verify_chain(await product.audit_entries()).broken is None


async def test_a_disk_that_is_full_when_the_far_side_has_taken_it_sends_nothing_twice(tmp_path):
    room, filled = Quota(tmp_path), asyncio.Event()

    async def fill(taken):
        await asyncio.sleep(0)
        room.fill(product)
        filled.set()

    sink = Sink(at_dot=fill)
    async with sink, serving(room.data, deliver=sink.url) as product:
        sent = await product.send()
        await product.decide(sent["id"])
        await filled.wait()

        async def told_so():
            return "no room to write down" in product.server.log.read_text()

        await until(told_so, "the answer of the far side finds no room")
        assert await product.status(sent["id"]) == "queued"
        room.free(product)
        await product.becomes(sent["id"], "sent")
        assert sorted(sink.counts().values()) == [1]


async def receive(product, raw):
    return await smtp_send(product.smtp_port, "ann@far.test", [product.address], raw)


async def everything_read(product, count):
    found = await product.ok("GET", f"/v1/mailboxes/{product.mailbox}/inbox?limit=100")
    return len(found["emails"]) == count and not product.query("SELECT 1 AS one FROM jobs")


async def sealed(product):
    return not product.query("SELECT 1 AS one FROM audit WHERE seq IS NULL LIMIT 1")


class Quota:
    """No file of the server may grow beyond what the log that it appends to has now."""

    def __init__(self, folder):
        self.data = folder / "data"

    def fill(self, product):
        size = (self.data / "multimail.db-wal").stat().st_size
        resource.prlimit(product.pid, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))

    def free(self, product):
        resource.prlimit(product.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY,) * 2)

    def close(self):
        pass


class TinyDisk:
    """The data folder is a file system of a few megabytes, and somebody else fills it."""

    def __init__(self, folder):
        self.data = folder / "data"
        self.data.mkdir()
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=12m", "tmpfs", self.data], check=True)

    def fill(self, product):
        with (self.data / "ballast").open("wb", buffering=0) as ballast, contextlib.suppress(OSError):
            while True:
                ballast.write(bytes(4096))

    def free(self, product):
        (self.data / "ballast").unlink()

    def close(self):
        subprocess.run(["umount", "--lazy", self.data], check=True)


def may_mount():
    return os.geteuid() == 0 and subprocess.run(["unshare", "--mount", "true"], check=False).returncode == 0


@pytest.fixture(params=[Quota, TinyDisk] if may_mount() else [Quota])
def room(request, tmp_path):
    made = request.param(tmp_path)
    yield made
    made.close()


async def read_events(product, session, count, **headers):
    """The next `count` of the stream; the connection is dropped then, as a network does."""
    found, data = [], {}
    headers = {"Authorization": f"Bearer {product.keys['agent']}", "Accept": "text/event-stream"} | headers
    async with session.get(f"{product.server.url}/v1/events", headers=headers) as response:
        assert response.status == 200 and response.headers["Content-Type"].startswith("text/event-stream")
        while len(found) < count:
            line = (await asyncio.wait_for(response.content.readline(), 20)).decode().rstrip("\n")
            name, _, value = line.partition(": ")
            if line:
                data[name] = value
            elif "id" in data:
                body = json.loads(data["data"])
                assert (data["id"], data["event"]) == (body["event_id"], body["type"])
                found += [body] if body["type"] != "audit.head" else []
                data = {}
    return found


async def test_a_stream_of_events_resumes_where_it_broke_off(product):
    async with aiohttp.ClientSession() as session:
        first = asyncio.create_task(read_events(product, session, 2))
        sent = [await product.send() for _ in range(2)]
        seen = await first
        sent += [await product.send() for _ in range(2)]  # while nobody listens
        await product.decide(sent[0]["id"], "reject")
        again = asyncio.create_task(
            read_events(product, session, 4, **{"Last-Event-ID": seen[-1]["event_id"]})
        )
        await product.decide(sent[1]["id"], "reject")
        seen += await again
    listed = await told_events(product, 6)
    assert [event["event_id"] for event in seen] == [event["event_id"] for event in listed]
    assert [event["type"] for event in seen] == ["oversight.pending"] * 4 + ["oversight.rejected"] * 2
    assert [event["id"] for event in seen[:4]] == [one["id"] for one in sent]


async def test_roles_share_one_postgresql_and_start_all_at_once(postgres_url, tmp_path, sink):
    shared = {"database": postgres_url, "blobs": str(tmp_path / "blobs"), "deliver": sink.url}
    shared |= {"domain": "multimail.test"}
    roles = ["http", "smtp", "worker", "worker"]
    made = [Product(tmp_path / f"{n}-{role}", shared | {"role": role}, Role) for n, role in enumerate(roles)]
    for one in made:  # several machines have one secret key, from the environment or in each one's folder
        keyfile.create(one.server.data, write_key(b"k" * 32))
    try:
        await asyncio.gather(*(one.start() for one in made))
        http, smtp = made[0], made[1]
        [first] = [one for one in made if one.keys]  # one of them was first, and has the keys
        http.keys, http.mailbox, http.address = first.keys, first.mailbox, first.address
        async with http.behind() as services:
            await set_mode(services, http.mailbox, "autonomous")
        sent = await asyncio.gather(*(http.send(f"a{n}@far.test") for n in range(20)))
        for one in sent:
            await http.becomes(one["id"], "sent")
        assert sorted(sink.counts().values()) == [1] * 20
        raw = letter("Large", "Long.\r\n" * 20_000, In_Reply_To=f"<{sink.taken[0].message_id}>")
        assert (await smtp_send(smtp.smtp_port, "ann@far.test", [http.address], raw)).startswith("250")
        await until(lambda: everything_read(http, 1), "the reply is read by a worker")
        assert [await one.stop() for one in made] == [0, 0, 0, 0]
    finally:
        for one in made:
            await one.kill()


class Stream:
    """Reads the event stream until the server ends it; `told` once it has told of `wanted`."""

    def __init__(self, product, wanted):
        self.product, self.wanted, self.told = product, wanted, asyncio.Event()

    async def read(self):
        text = b""
        headers = {"Authorization": f"Bearer {self.product.keys['agent']}", "Accept": "text/event-stream"}
        async with aiohttp.ClientSession() as session:
            async with session.get(f"{self.product.server.url}/v1/events", headers=headers) as response:
                async for part in response.content.iter_any():
                    text += part
                    if self.wanted in text:
                        self.told.set()


async def half_a_request(product):
    """A send whose body has come by half, and the other half."""
    body = json.dumps({"to": "ann@far.test", "subject": "Half", "markdown": "Half."}).encode()
    head = (
        f"POST /v1/mailboxes/{product.mailbox}/send HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n"
        f"Authorization: Bearer {product.keys['agent']}\r\nContent-Type: application/json\r\n\r\n"
    )
    host, _, port = product.server.url.removeprefix("http://").rpartition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(head.encode() + body[:20])
    await writer.drain()
    return reader, writer, body[20:]


async def test_a_stop_finishes_what_has_begun_within_ten_seconds(database_url, tmp_path):
    """SIGTERM comes while two deliveries, a request, two SMTP sessions and a stream are under way: what can be
    finished is, what can't is given back, and everything that was answered is there at the next start."""
    go_on, at_dot = asyncio.Event(), asyncio.Semaphore(0)

    async def hold(taken):
        at_dot.release()
        await (asyncio.Event() if "stuck@far.test" in taken.recipients else go_on).wait()

    sink = Sink(at_dot=hold)
    async with sink, serving(tmp_path / "data", deliver=sink.url, database=database_url) as product:
        slow, stuck = await product.send("slow@far.test"), await product.send("stuck@far.test")
        for one in (slow, stuck):
            await product.decide(one["id"])
            await at_dot.acquire()
        async with Smtp() as message, Smtp() as idle:
            await message.connect(product.smtp_port)
            await idle.connect(product.smtp_port)
            for line in ("MAIL FROM:<ann@far.test>", f"RCPT TO:<{product.address}>", "DATA"):
                await message.command(line)
            message.writer.write(letter("Half", "one half\r\n"))
            reader, writer, rest = await half_a_request(product)
            stream = Stream(product, b"oversight.approved")
            reading = asyncio.create_task(stream.read())
            await stream.told.wait()
            stopping = asyncio.create_task(product.stop())
            await reading  # its end shows that the stop has begun
            writer.write(rest)
            assert (await reader.readline()).startswith(b"HTTP/1.1 202")
            writer.close()
            assert (await idle.reply()).startswith("421")
            message.writer.write(b"the other half\r\n.\r\n")
            assert (await message.reply()).startswith("250")
            go_on.set()
            assert await stopping == 0
        assert [one.recipients for one in sink.taken] == [("slow@far.test",)]
        sink.at_dot = None
        await product.start()
        for one in (slow, stuck):
            await product.becomes(one["id"], "sent")
        assert sorted(sink.counts().values()) == [1, 1]
        await until(lambda: everything_read(product, 1), "the message")
        assert len(await pending(product)) == 1


async def test_links_come_from_the_settings_and_never_from_a_request(tmp_path):
    lies = {"Host": "evil.test", "X-Forwarded-Host": "evil.test", "Forwarded": "host=evil.test;proto=gopher"}
    for name, public in (("one", ""), ("two", "https://mail.example.test/app")):
        async with serving(tmp_path / name, public_url=public) as product:
            part = {"name": "a b.txt", "content": "eA==", "content_type": "text/plain"}
            sent = await product.send(attachments=[part], metadata={"k": "v"})
            await product.decide(sent["id"], "reject")
            base = public or product.server.url
            events = (await product.ok("GET", "/v1/events", headers=lies))["events"]
            links = [part["url"] for event in events for part in event.get("attachments", [])]
            box = f"/v1/mailboxes/{product.mailbox}/emails/{sent['id']}/attachments/a%20b.txt/url"
            links.append((await product.ok("GET", box, headers=lies))["url"])
            assert len(links) >= 2 and all(link.startswith(f"{base}/v1/") for link in links), links
            # Reached from elsewhere, it must not be a way to what only listens on its own machine.
            hook = await product.call("POST", "/v1/webhooks", {"url": "http://127.0.0.1:8000/"}, key="admin")
            assert (hook.status, hook.body.get("code")) == ((422, "url_refused") if public else (201, None))


@pytest.mark.parametrize(
    ("trusted", "forwarded", "status"),
    [
        ("", None, 200),
        ("", "127.0.0.2", 404),  # nobody's word is believed, and this one claims to be forwarded
        ("127.0.0.1", "203.0.113.7", 404),
        ("127.0.0.1", "::1", 200),
        ("127.0.0.0/8", "::1, 203.0.113.7", 404),  # left of what the proxy added is what a client made up
        ("10.0.0.0/8", "::1", 404),
    ],
)
async def test_only_trusted_proxies_are_believed(tmp_path, trusted, forwarded, status):
    headers = {"X-Forwarded-For": forwarded} if forwarded else {}
    async with serving(tmp_path / "data", trusted_proxies=trusted) as product:
        assert (await product.call("GET", "/metrics", key=None, headers=headers)).status == status


def test_a_trusted_proxy_that_is_no_address_is_refused_at_the_start(tmp_path):
    done = multimail("serve", "--data", tmp_path / "data", "--trusted-proxies", "10.0.0.1, proxy.test")
    assert done.returncode == 2 and "trusted-proxies" in done.stderr and "proxy.test" in done.stderr
