"""The loads: HTTP over kept connections at little cost in CPU, SMTP by Debian's smtp-source."""

import json
import selectors
import socket
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from bench.machine import BenchError, run

MESSAGE_SIZE = 4096


@dataclass(slots=True)
class Outcome:
    """What a load got: seconds for all of it, and per request the latency in seconds and the body."""

    seconds: float = 0.0
    latencies: list[float] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    statuses: Counter[int] = field(default_factory=Counter)

    @property
    def rate(self) -> float:
        return len(self.latencies) / self.seconds

    def percentile(self, share: float) -> float:
        """Milliseconds within which `share` (0 to 1) of the requests were answered."""
        ordered = sorted(self.latencies)
        return 1000 * ordered[min(len(ordered) - 1, int(share * len(ordered)))]

    def json(self) -> list[dict[str, Any]]:
        return [json.loads(body) for body in self.bodies]


def request(method: str, path: str, key: str, content: dict[str, Any] | None = None) -> bytes:
    """One HTTP/1.1 request, ready for the wire."""
    body = json.dumps(content).encode() if content is not None else b""
    head = (
        f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {key}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


class _Connection:
    """A connection with one request under way. Answers have a Content-Length or are chunked."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), 30)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._received = b""

    def send(self, wire: bytes, asked_at: float) -> None:
        self._received = b""
        self.asked_at = asked_at
        self.socket.sendall(wire)

    def receive(self) -> tuple[int, bytes] | None:
        """Status and body once they are whole."""
        data = self.socket.recv(16_384)  # a larger buffer is taken from the system, page by page
        if not data:
            raise BenchError("the server closed a connection during a request")
        self._received += data
        head, end, rest = self._received.partition(b"\r\n\r\n")
        if not end:
            return None
        fields = head.lower()
        if b"transfer-encoding: chunked" in fields:
            if not rest.endswith(b"0\r\n\r\n"):
                return None
            body = _joined(rest)
        else:
            _, _, length = fields.partition(b"content-length:")
            if len(rest) < int(length.partition(b"\r\n")[0] or b"0"):
                return None
            body = rest
        return int(head[9:12]), body


def _joined(chunks: bytes) -> bytes:
    body = b""
    while chunks:
        size, _, chunks = chunks.partition(b"\r\n")
        length = int(size.partition(b";")[0], 16)
        body, chunks = body + chunks[:length], chunks[length + 2 :]
    return body


class _Load:
    """Requests on so many connections at a time, each kept for the next request or made anew for it."""

    def __init__(self, port: int, requests: Iterator[bytes], *, keep: bool) -> None:
        self.outcome = Outcome()
        self._port, self._requests, self._keep = port, requests, keep
        self._selector = selectors.DefaultSelector()
        self._open: set[_Connection] = set()

    def start(self, connection: _Connection | None = None) -> bool:
        """Sends the next request, if there is one."""
        wire = next(self._requests, None)
        if wire is None:
            return False
        asked_at = time.perf_counter()
        if connection is None or not self._keep:
            if connection is not None:
                self._close(connection)
            connection = _Connection(self._port)
            self._open.add(connection)
            self._selector.register(connection.socket, selectors.EVENT_READ, connection)
        connection.send(wire, asked_at)
        return True

    def take(self, expect: tuple[int, ...]) -> int:
        """What came; how many connections fell idle, because nothing is left to ask."""
        ready = self._selector.select(60)
        if not ready:
            raise BenchError("no answer within 60 s")
        return sum(self._turn(key.data, expect) for key, _ in ready)

    def _turn(self, connection: _Connection, expect: tuple[int, ...]) -> bool:
        answer = connection.receive()
        if answer is None:
            return False
        status, body = answer
        self.outcome.latencies.append(time.perf_counter() - connection.asked_at)
        self.outcome.statuses[status] += 1
        self.outcome.bodies.append(body)
        if status not in expect:
            raise BenchError(f"HTTP {status}: {body[:300].decode(errors='replace')}")
        return not self.start(connection)

    def _close(self, connection: _Connection) -> None:
        self._selector.unregister(connection.socket)
        self._open.discard(connection)
        connection.socket.close()

    def close(self) -> None:
        for connection in list(self._open):
            self._close(connection)
        self._selector.close()


def http(
    port: int,
    requests: Iterator[bytes],
    connections: int = 32,
    *,
    keep: bool = True,
    expect: tuple[int, ...] = (200, 201, 202),
) -> Outcome:
    """Send all `requests`, `connections` at a time; `keep` reuses them. BenchError on a status not in `expect`.

    A plain loop over blocking sockets: what the generator costs, the server under test does not get. For the same
    reason the requests are made before the clock starts, as smtp-source makes its message.
    """
    load = _Load(port, iter(list(requests)), keep=keep)
    started = time.perf_counter()
    try:
        busy = sum(load.start() for _ in range(connections))
        while busy:
            busy -= load.take(expect)
    except OSError as error:
        raise BenchError(f"HTTP on port {port}: {error}") from error
    finally:
        load.outcome.seconds = time.perf_counter() - started
        load.close()
    return load.outcome


def smtp(port: int, sessions: int, messages: int, recipient: str, *, keep: bool = False) -> float:
    """Seconds smtp-source took for `messages` of 4 KiB; `keep` reuses connections."""
    started = time.perf_counter()
    run(
        *("smtp-source", "-s", str(sessions), "-m", str(messages), "-l", str(MESSAGE_SIZE)),
        *("-M", "peer.test", "-f", "alice@peer.test", "-t", recipient, *(["-d"] if keep else [])),
        f"127.0.0.1:{port}",
    )
    return time.perf_counter() - started


def calibrated(measure: Callable[[int], float], seconds: float, at_most: int = 20_000) -> tuple[int, float]:
    """Run `measure(count) -> seconds` with a count that takes about `seconds`.

    Shorter runs find it, a second at least: whoever starts processes for its load has them by then.
    """
    count, share = 300, 5
    for wanted in (seconds / share, seconds):
        count = int(min(at_most, max(count, count / measure(count) * wanted)))
    return count, measure(count)
