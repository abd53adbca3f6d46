"""What is measured, for each side. A scenario that fails leaves the others their figures."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from statistics import median

from bench import load, postfix, product
from bench.machine import BenchError, Memory, settle
from bench.report import Figure
from bench.sink import Sink

SCENARIOS = {
    "a": "send",
    "b": "intake",
    "c": "approve",
    "d": "deliver",
    "e": "backlog",
    "f": "memory",
    "g": "read",
    "h": "desk",
    "i": "wake",
}

DESK = (100, 10_000)  # pending emails in (h)
OTHERS = 1000  # who wait too in (i)

# A side that answers otherwise than described is a failed row, not a crash.
FAILURES = (BenchError, OSError, LookupError, TypeError, ValueError)


@dataclass(frozen=True, slots=True)
class Plan:
    """Which scenarios (letters), how long each load runs, how often each rate is taken (its median counts), and
    how deep the backlog of (e) is."""

    only: frozenset[str]
    seconds: float = 5.0
    rounds: int = 3
    backlog: int = 100_000


@dataclass(slots=True)
class Figures:
    """One side's figures by key; `measure` turns a failure into the reason of that key alone."""

    plan: Plan
    side: str
    by_key: dict[str, Figure] = field(default_factory=dict)
    peak: float = 0.0

    def measure(self, key: str, take: Callable[[], float], pid: int | None = None) -> None:
        if key[0] not in self.plan.only and not ("f" in self.plan.only and pid is not None):
            return
        settle()
        print(f"  {self.side}: {key} …", flush=True)
        try:
            if pid is None:
                self.by_key[key] = Figure(take())
            else:
                with Memory(pid) as memory:
                    self.by_key[key] = Figure(median(take() for _ in range(self.plan.rounds)))
                self.peak = max(self.peak, memory.peak)
        except FAILURES as error:
            self.by_key[key] = Figure(failure=f"{type(error).__name__}: {error}")

    @contextmanager
    def during(self, keys: str) -> Iterator[None]:
        """What goes wrong between measurements is why those of `keys` that have no figure have none."""
        try:
            yield
        except FAILURES as error:
            for key in keys.split():
                self.by_key.setdefault(key, Figure(failure=f"{type(error).__name__}: {error}"))


def of_product(plan: Plan, sink: Sink) -> dict[str, Figure]:
    figures = Figures(plan, "product")
    with figures.during("a a-new b10 b50 c c-all d f"):
        if plan.only - {"e", "h", "i"}:
            with product.running(sink.port) as server:
                _product_story(figures, server, sink)
    with figures.during("e-list-few e-list e-decide-few e-decide"):
        if "e" in plan.only:
            with product.running(sink.port) as server:
                _product_backlog(figures, server)
    with figures.during("h-few h"):
        if "h" in plan.only:
            with product.running(sink.port) as server:
                _product_desk(figures, server)
    with figures.during("i"):
        if "i" in plan.only:
            with product.running(sink.port) as server:
                figures.measure("i", lambda: server.wake_p99(300, OTHERS))
    return figures.by_key


def _product_desk(figures: Figures, server: product.Product) -> None:
    cookie = server.sign_in()
    for suffix, depth in (("-few", DESK[0]), ("", DESK[1] - DESK[0])):
        server.send(depth)
        figures.measure(f"h{suffix}", lambda: server.desk_cpu(cookie))


def _product_story(figures: Figures, server: product.Product, sink: Sink) -> None:
    seconds = figures.plan.seconds
    for key, keep in (("a", True), ("a-new", False)):
        send = partial(server.send, keep=keep)
        figures.measure(key, partial(_accepted, send, seconds), server.pid)
    for sessions in (10, 50):
        intake = partial(_intake, server.smtp_port, sessions, server.address, seconds)
        figures.measure(f"b{sessions}", intake, server.pid)
    figures.measure("c", lambda: _approve(server, sink, 500, 1), server.pid)
    figures.measure("c-all", lambda: _approve(server, sink, 3000, 32), server.pid)

    def deliver() -> float:
        server.set_mode("autonomous")
        return _rate(*load.calibrated(lambda count: _delivered(sink, count, server.send), seconds))

    figures.measure("d", deliver, server.pid)
    if figures.peak:
        figures.by_key["f"] = Figure(figures.peak)


def _product_backlog(figures: Figures, server: product.Product) -> None:
    for suffix, depth in (("-few", 100), ("", figures.plan.backlog)):
        missing = depth - (0 if suffix else 100)
        print(f"  product: {depth:,} pending …", flush=True)
        server.send(missing)
        figures.measure(f"e-list{suffix}", lambda: server.list_p99(500))
        figures.measure(f"e-decide{suffix}", lambda: server.decide_p99(5))


def _approve(server: product.Product, sink: Sink, count: int, connections: int) -> float:
    """Emails a second from the first approval to the last one at the sink."""
    waiting = server.pending(count)
    if len(waiting) < count:
        server.send(count - len(waiting))
        waiting = server.pending(count)
    requests = iter([server.decision(email) for email in waiting])
    before, started = sink.count(), time.perf_counter()
    load.http(server.port, requests, connections)
    sink.wait_for(before + len(waiting))
    return len(waiting) / (time.perf_counter() - started)


def of_postfix(plan: Plan, sink: Sink) -> dict[str, Figure]:
    figures = Figures(plan, "postfix")
    seconds, to = plan.seconds, product.RECIPIENT
    with figures.during("a a-new b10 b50"), postfix.running("hold", sink.port) as server:
        for key, keep in (("a", True), ("a-new", False)):
            figures.measure(key, partial(_intake, server.port, 32, to, seconds, keep=keep), server.pid)
        for sessions in (10, 50):
            figures.measure(f"b{sessions}", partial(_intake, server.port, sessions, to, seconds), server.pid)
    for key, count in (("c", 300), ("c-all", 3000)):
        with figures.during(key), postfix.running("hold", sink.port) as server:
            figures.measure(key, partial(_release, server, sink, count, key == "c"), server.pid)
    with figures.during("d"), postfix.running("relay", sink.port) as server:
        figures.measure("d", lambda: _relay(server, sink, seconds), server.pid)
    if figures.peak:
        figures.by_key["f"] = Figure(figures.peak)
    return figures.by_key


def _release(server: postfix.Postfix, sink: Sink, count: int, one_by_one: bool) -> float:
    """Messages a second from the first release to the last one at the sink."""
    load.smtp(server.port, 10, count, product.RECIPIENT, keep=True)
    held = server.queue_ids("hold")
    if len(held) != count:
        raise BenchError(f"{len(held)} of {count} messages are in the hold queue")
    before, started = sink.count(), time.perf_counter()
    for queue_id in held if one_by_one else ["ALL"]:
        server.release(queue_id)
    server.flush()
    sink.wait_for(before + len(held))
    return len(held) / (time.perf_counter() - started)


def _relay(server: postfix.Postfix, sink: Sink, seconds: float) -> float:
    def accept(count: int) -> object:
        return load.smtp(server.port, 32, count, product.RECIPIENT, keep=True)

    return _rate(*load.calibrated(lambda count: _delivered(sink, count, accept), seconds))


def _delivered(sink: Sink, count: int, accept: Callable[[int], object]) -> float:
    """Seconds from the first message offered to the last one at the sink."""
    before, started = sink.count(), time.perf_counter()
    accept(count)
    sink.wait_for(before + count)
    return time.perf_counter() - started


def _accepted(send: Callable[[int], float], seconds: float) -> float:
    return _rate(*load.calibrated(send, seconds))


def _intake(port: int, sessions: int, recipient: str, seconds: float, *, keep: bool = False) -> float:
    return _rate(
        *load.calibrated(lambda count: load.smtp(port, sessions, count, recipient, keep=keep), seconds)
    )


def _rate(count: int, seconds: float) -> float:
    return count / seconds
