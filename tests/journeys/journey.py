"""What every journey needs: the real process, its API over a socket, its SMTP port, a way to wait.

Nothing here imports the server into the test's process, except `behind`, which opens the database beside it
as `multimail operator` does.
"""

import asyncio
import contextlib
import re
import sqlite3
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import aiohttp
import psycopg
from psycopg.rows import dict_row

from multimail.app import open_services
from multimail.operations.context import Caller, Services
from multimail.operations.mailboxes import UPDATE_MAILBOX
from multimail.operations.operation import invoke
from multimail.operations.operators import local_owner
from multimail.settings import read_settings
from tests.support.server import Answer, Server

T = TypeVar("T")
PATIENCE = 30.0  # seconds that something may take on a busy machine before the test fails


class Role(Server):
    """One of several processes on a database: it writes no running.json, so its banner tells where it listens."""

    def _wait_until_ready(self) -> None:
        deadline = time.monotonic() + PATIENCE
        while "Stopping" in (banner := self._banner()) or "\n  Data" not in banner:
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise AssertionError(f"serve did not start:\n{banner}")
            time.sleep(0.02)
        if found := re.search(r"API +(\S+)", banner):
            self.url = found[1]
        if found := re.search(r"SMTP in +\S+:(\d+)", banner):
            self.smtp_port = int(found[1])

    def _banner(self) -> str:
        return self.log.read_text().rpartition("MultiMail is running.")[2]


class Product:
    """A `Server` seen from a test's event loop, so that sinks and receivers go on while it is asked."""

    def __init__(self, data: Path, flags: Mapping[str, str], kind: type[Server] = Server) -> None:
        self.flags = {name.replace("_", "-"): value for name, value in flags.items() if value}
        self.keys: dict[str, str] = {}
        self.mailbox = self.address = ""
        self.server = kind(
            data, *(word for name, value in self.flags.items() for word in (f"--{name}", value))
        )

    @property
    def data(self) -> Path:
        return self.server.data

    @property
    def pid(self) -> int:
        return self.server.process.pid

    @property
    def smtp_port(self) -> int:
        return self.server.smtp_port

    async def start(self) -> "Product":
        await asyncio.to_thread(self.server.start)
        if (self.data / "operator.env").exists():
            self.keys |= self.server.keys
            self.mailbox, self.address = self.server.mailbox_id, self.server.address
        return self

    async def stop(self) -> int:
        """SIGTERM; the exit code. Fails after ten seconds."""
        return await asyncio.to_thread(self.server.stop)

    async def kill(self) -> None:
        """SIGKILL: whatever it was doing."""
        await asyncio.to_thread(self.server.kill)

    async def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        key: str | None = "agent",
        headers: Mapping[str, str] | None = None,
        session: aiohttp.ClientSession | None = None,
    ) -> Answer:
        """One request with the named key, on a connection of its own unless a session is given."""
        given = dict(headers or {})
        if key is not None:
            given["Authorization"] = f"Bearer {self.keys.get(key, key)}"
        async with contextlib.AsyncExitStack() as stack:
            if session is None:
                session = await stack.enter_async_context(aiohttp.ClientSession())
            request = session.request(method, self.server.url + path, json=body, headers=given)
            async with request as response:
                content = await response.read()
                is_json = "json" in response.headers.get("Content-Type", "")
                return Answer(
                    response.status, await response.json() if is_json else content, response.headers
                )

    async def ok(self, method: str, path: str, body: Any = None, **more: Any) -> Any:
        """As `call`, for what must succeed: the answer's body."""
        answer = await self.call(method, path, body, **more)
        assert answer.status < 300, (answer.status, answer.body)
        return answer.body

    async def send(self, to: Any = "ann@far.test", **more: Any) -> Any:
        body = {"to": to, "subject": "Hello", "markdown": "Good *morning*."} | more
        key = body.pop("key", "agent")
        return await self.ok("POST", f"/v1/mailboxes/{self.mailbox}/send", body, key=key)

    async def decide(self, email_id: str, action: str = "approve", **more: Any) -> Any:
        body = {"email_id": email_id, "action": action} | more
        return await self.ok("POST", "/v1/oversight/decide", body, key="oversight")

    async def status(self, email_id: str) -> str:
        return str((await self.ok("GET", f"/v1/messages/{email_id}", key="oversight"))["status"])

    async def becomes(self, email_id: str, status: str) -> Any:
        """The email once it has that status."""

        async def look() -> Any:
            found = await self.ok("GET", f"/v1/messages/{email_id}", key="oversight")
            return found if found["status"] == status else None

        return await until(look, f"{email_id} becomes {status}")

    async def audit_entries(self) -> list[Any]:
        """The whole log, oldest first, page by page."""
        entries, query = [], "limit=100"
        while True:
            page = await self.ok("GET", f"/v1/audit-log?{query}", key="admin")
            entries += page["entries"]
            if page["cursor"] is None:
                return entries[::-1]
            query = f"limit=100&cursor={page['cursor']}"

    def query(self, sql: str) -> list[dict[str, Any]]:
        """Rows straight from the tables, in a transaction of its own; also changes them where `sql` does."""
        url = read_settings({"data": str(self.data)} | self.flags, {}).database
        if url.startswith("sqlite:///"):
            with (
                contextlib.closing(sqlite3.connect(url.removeprefix("sqlite:///"), timeout=20)) as file,
                file,
            ):
                file.row_factory = sqlite3.Row
                return [dict(row) for row in file.execute(sql).fetchall()]
        with psycopg.connect(url, row_factory=dict_row) as connection:
            cursor = connection.execute(sql.encode())
            return cursor.fetchall() if cursor.description else []

    def end_leases(self) -> None:
        """After a kill. On PostgreSQL: as if the minute had passed after which a dead worker's leases end."""
        if self.flags.get("database", "").startswith("postgresql"):
            self.query("UPDATE jobs SET lease_until = 0 WHERE lease_owner <> ''")

    @contextlib.asynccontextmanager
    async def behind(self) -> AsyncIterator[Services]:
        """The same database and settings, opened beside the running server."""
        settings = read_settings({"data": str(self.data)} | self.flags, {})
        async with open_services(settings, self.server.url) as (services, _, _):
            yield services


async def set_mode(services: Services, mailbox_id: str, mode: str) -> None:
    """As the owner on the server's own command line."""
    owner = await services.db.read(local_owner)
    given = {"mailbox_id": mailbox_id, "oversight_mode": mode}
    await invoke(services, UPDATE_MAILBOX, given, Caller(owner, services.new_id("req")))


@contextlib.asynccontextmanager
async def serving(data: Path, **flags: str) -> AsyncIterator[Product]:
    """A running product, stopped at the end; flags with `_` for `-`."""
    product = Product(data, flags)
    await product.start()
    try:
        yield product
    finally:
        await product.kill()


async def until(look: Callable[[], Awaitable[T]], what: str) -> T:
    """Looks until the answer is true: what other processes do has no other signal for a test."""
    loop = asyncio.get_running_loop()
    deadline, pause = loop.time() + PATIENCE, 0.01
    while not (found := await look()):
        if loop.time() > deadline:
            raise AssertionError(f"it never came: {what}")
        await asyncio.sleep(pause)
        pause = min(pause * 1.5, 0.2)
    return found


class Smtp:
    """A client that does one step at a time, so that a test can stop between any two."""

    writer: asyncio.StreamWriter | None = None

    async def __aenter__(self) -> "Smtp":
        return self

    async def __aexit__(self, *_: object) -> None:
        if self.writer is None:
            return
        self.writer.close()
        with contextlib.suppress(ConnectionError):
            await self.writer.wait_closed()

    async def connect(self, port: int) -> "Smtp":
        self.reader, self.writer = await asyncio.open_connection("127.0.0.1", port)
        await self.reply()
        await self.command("EHLO far.test")
        return self

    async def reply(self) -> str:
        while True:
            line = (await self.reader.readline()).decode()
            if not line:
                raise ConnectionResetError("it hung up")
            if line[3:4] != "-":
                return line.rstrip("\r\n")

    async def command(self, line: str) -> str:
        self.writer.write(line.encode() + b"\r\n")
        return await self.reply()

    async def mail(self, sender: str, recipients: Sequence[str], raw: bytes) -> str:
        """The answer to the final dot, or the first refusal."""
        for line in [f"MAIL FROM:<{sender}>", *(f"RCPT TO:<{one}>" for one in recipients), "DATA"]:
            reply = await self.command(line)
            if reply[0] not in "23":
                return reply
        self.writer.write(raw.replace(b"\r\n.", b"\r\n..") + b"\r\n.\r\n")
        return await self.reply()


async def smtp_send(port: int, sender: str, recipients: Sequence[str], raw: bytes) -> str:
    """One message on a connection of its own; the last reply. Raises OSError if the server goes."""
    async with Smtp() as client:
        await client.connect(port)
        reply = await client.mail(sender, recipients, raw)
        await client.command("QUIT")
        return reply


def letter(subject: str, body: str = "Hello.", *, sender: str = "ann@far.test", **headers: str) -> bytes:
    """A plain message with CRLF line ends; more headers with `_` for `-`."""
    more = {name.replace("_", "-"): value for name, value in headers.items()}
    fields = {"From": sender, "To": "agent@local.multimail.test", "Subject": subject} | more
    return (
        "".join(f"{name}: {value}\r\n" for name, value in fields.items()).encode() + b"\r\n" + body.encode()
    )


def told(answer, status, code):
    """The one shape of errors (contract §2)."""
    assert (answer.status, answer.body.get("code")) == (status, code), answer.body
    assert isinstance(answer.body["error"], str) and answer.body["error"]
    assert answer.body["request_id"] == answer.headers["X-Request-Id"]
    return answer.body


async def decide(product, email_id, action="approve", key="oversight", **more):
    body = {"email_id": email_id, "action": action} | more
    return await product.call("POST", "/v1/oversight/decide", body, key=key)


async def pending(product, key="oversight"):
    return (await product.ok("GET", "/v1/oversight/pending?limit=100", key=key))["pending"]


async def told_events(product, at_least):
    """What happened to emails, oldest first, once there is as much as must come: on PostgreSQL an event shows
    when every older transaction of the server has ended. Heads of the audit log come when they come."""

    async def look():
        events = (await product.ok("GET", "/v1/events?limit=100"))["events"]
        found = [event for event in events if event["type"] != "audit.head"]
        return found if len(found) >= at_least else None

    return await until(look, f"{at_least} events")
