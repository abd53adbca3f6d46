"""The product under test: `multimail serve` in a folder of its own, used as a client uses it."""

import re
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from itertools import chain, repeat
from pathlib import Path
from smtplib import SMTP
from typing import Any

import psutil

from bench import load
from bench.machine import BenchError, free_port, process, run, settle, tail, wait_until

COMMAND = Path(__file__).parent.parent / ".venv/bin/multimail"
RECIPIENT = "bob@sink.test"
PAGE = 100
FORM = "application/x-www-form-urlencoded"


@dataclass(frozen=True, slots=True)
class Product:
    pid: int
    data: Path
    port: int
    smtp_port: int
    address: str
    mailbox_id: str
    agent_key: str
    oversight_key: str
    admin_key: str

    def sends(self, count: int) -> Iterator[bytes]:
        """Requests to send mail of 4 KiB; each its own, as no two emails are the same."""
        line = "All of the figures below were checked twice by the people who made them.\n"
        body = (line * (1 + load.MESSAGE_SIZE // len(line)))[: load.MESSAGE_SIZE - 9]
        path = f"/v1/mailboxes/{self.mailbox_id}/send"
        for number in range(count):
            content = {"to": RECIPIENT, "subject": f"Report {number}", "markdown": f"{number:08}\n{body}"}
            yield load.request("POST", path, self.agent_key, content)

    def send(self, count: int, connections: int = 32, *, keep: bool = True) -> float:
        """Seconds for `count` emails to be accepted; `keep` reuses connections."""
        return load.http(self.port, self.sends(count), connections, keep=keep).seconds

    def pending(self, at_most: int) -> list[dict[str, Any]]:
        """Emails that wait for a decision, with id and revision."""
        found: list[dict[str, Any]] = []
        cursor: str | None = ""
        while cursor is not None and len(found) < at_most:
            page = load.http(self.port, iter([self.list_request(cursor)]), 1).json()[0]
            found += page["pending"]
            cursor = page.get("cursor")
        return found[:at_most]

    def list_request(self, cursor: str = "") -> bytes:
        query = f"?limit={PAGE}" + (f"&cursor={cursor}" if cursor else "")
        return load.request("GET", "/v1/oversight/pending" + query, self.oversight_key)

    def decision(self, email: dict[str, Any], action: str = "approve") -> bytes:
        content = {"email_id": email["id"], "action": action, "revision": email["revision"]}
        return load.request("POST", "/v1/oversight/decide", self.oversight_key, content)

    def set_mode(self, mode: str) -> None:
        run(COMMAND, "operator", "--data", self.data, "set-mode", self.address, mode)

    def list_p99(self, count: int) -> float:
        """Milliseconds, 99th percentile, one request at a time."""
        return load.http(self.port, repeat(self.list_request(), count), 1).percentile(0.99)

    def sign_in(self) -> str:
        """The cookie of somebody who sits at the desk."""
        printed = run(COMMAND, "operator", "--data", self.data, "sign-in-link")
        link = re.search(r"/dashboard/sign-in/\S+", printed)
        if link is None:
            raise BenchError("no link to sign in with was printed")
        connection = HTTPConnection("127.0.0.1", self.port, timeout=30)
        connection.request("POST", link[0], headers={"Sec-Fetch-Site": "same-origin", "Content-Type": FORM})
        cookie = connection.getresponse().headers.get("Set-Cookie", "").partition(";")[0]
        connection.close()
        return cookie

    def desk_cpu(self, cookie: str, pages: int = 20, rounds: int = 5) -> float:
        """Milliseconds of CPU for the queue's first page: the least of some rounds, as others are at work too."""
        asked = f"GET /dashboard/queue HTTP/1.1\r\nHost: 127.0.0.1\r\nCookie: {cookie}\r\n\r\n".encode()
        server = psutil.Process(self.pid)
        taken = []
        for _ in range(rounds):
            before = server.cpu_times()
            load.http(self.port, repeat(asked, pages), 1)
            after = server.cpu_times()
            taken.append((after.user + after.system - before.user - before.system) / pages * 1000)
        return min(taken)

    def decide_p99(self, rounds: int) -> float:
        """Milliseconds, 99th percentile of a rejection; each makes room for a send, so the backlog stays."""
        latencies: list[float] = []
        for _ in range(rounds):
            emails = self.pending(PAGE)
            pairs = zip(
                self.sends(len(emails)), (self.decision(email, "reject") for email in emails), strict=True
            )
            latencies += load.http(self.port, chain.from_iterable(pairs), 1).latencies[1::2]
        return load.Outcome(latencies=latencies).percentile(0.99)

    def wake_p99(self, count: int, others: int) -> float:
        """Milliseconds from the 250 of SMTP to the answer of who waits for the email, reading it included, 99th
        percentile; `others` wait at another mailbox meanwhile."""
        mailbox = {"address_local_part": "others", "oversight_mode": "gated_send"}
        made = load.http(self.port, iter([load.request("POST", "/v1/mailboxes", self.admin_key, mailbox)]), 1)
        with ExitStack() as stack:
            for _ in range(others):
                self._wait(stack, made.json()[0]["id"])
            settle()
            self._wake()  # the first one loads what the others use
            latencies = [self._wake() for _ in range(count)]
        return load.Outcome(latencies=latencies).percentile(0.99)

    def _wake(self) -> float:
        with ExitStack() as stack, SMTP("127.0.0.1", self.smtp_port) as client:
            waiting = self._wait(stack, self.mailbox_id)
            load.http(
                self.port, iter([load.request("GET", "/health", "none")]), 1
            )  # asked later: it waits by now
            client.sendmail("ann@far.test", [self.address], "Subject: Hi\r\n\r\nGood morning.\r\n")
            accepted = time.perf_counter()
            waiting.getresponse().read()
            return time.perf_counter() - accepted

    def _wait(self, stack: ExitStack, mailbox_id: str) -> HTTPConnection:
        connection = stack.enter_context(closing(HTTPConnection("127.0.0.1", self.port, timeout=60)))
        headers = {"Authorization": f"Bearer {self.agent_key}"}
        connection.request("GET", f"/v1/mailboxes/{mailbox_id}/wait?timeout_seconds=60", headers=headers)
        return connection


@contextmanager
def running(sink_port: int) -> Iterator[Product]:
    """Start on an empty data folder, and stop and remove at exit. BenchError if it does not get healthy."""
    if not COMMAND.exists():
        raise BenchError(f"{COMMAND} is not there")
    folder = Path(tempfile.mkdtemp(prefix="bench-multimail-"))
    data, log = folder / "data", folder / "serve.log"
    port, smtp_port = free_port(), free_port()
    command = [str(COMMAND), "serve", "--data", str(data), "--http", f"127.0.0.1:{port}"]
    command += ["--smtp", f"127.0.0.1:{smtp_port}", "--deliver", f"smtp://127.0.0.1:{sink_port}"]
    try:
        with process(command, log) as server:
            try:
                wait_until(lambda: server.poll() is not None or _healthy(port), "/health", 30, 0.1)
            except BenchError as error:
                raise BenchError(f"{error}; {tail(log)}") from error
            if server.poll() is not None:
                raise BenchError(f"multimail serve exited with {server.returncode}: {tail(log)}")
            agent, operator = _variables(data / "credentials.env"), _variables(data / "operator.env")
            yield Product(
                pid=server.pid,
                data=data,
                port=port,
                smtp_port=smtp_port,
                address=agent["MULTIMAIL_ADDRESS"],
                mailbox_id=agent["MULTIMAIL_MAILBOX_ID"],
                agent_key=agent["MULTIMAIL_API_KEY"],
                oversight_key=operator["MULTIMAIL_OVERSIGHT_KEY"],
                admin_key=operator["MULTIMAIL_ADMIN_KEY"],
            )
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _healthy(port: int) -> bool:
    try:
        load.http(port, iter([load.request("GET", "/health", "none")]), 1)
    except BenchError:
        return False
    return True


def _variables(path: Path) -> dict[str, str]:
    lines = (line.removeprefix("export ").strip() for line in path.read_text().splitlines())
    pairs = (line.split("=", 1) for line in lines if "=" in line and not line.startswith("#"))
    return {name: value.strip("\"'") for name, value in pairs}
