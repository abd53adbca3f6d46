"""Processes, ports and memory: what both sides are started, watched and stopped with."""

import os
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil


class BenchError(Exception):
    """A measurement could not be made; the message says why, for the report."""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def wait_until(ready: Callable[[], bool], what: str, seconds: float, step: float = 0.02) -> None:
    """Poll; BenchError if it has not come true within `seconds`."""
    end = time.monotonic() + seconds
    while not ready():
        if time.monotonic() > end:
            raise BenchError(f"{what}: not within {seconds:.0f} s")
        time.sleep(step)


def listens(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), 1):
            return True
    except OSError:
        return False


def run(*command: str | Path, seconds: float = 120) -> str:
    """Standard output of a command; BenchError with what it said if it fails."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=seconds, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise BenchError(f"{Path(command[0]).name}: {error}") from error
    if done.returncode:
        raise BenchError(
            f"{Path(command[0]).name} exited with {done.returncode}: {done.stderr.strip()[-300:]}"
        )
    return done.stdout


@contextmanager
def process(command: list[str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A process of ours with its output in `log`; ended at exit, killed if it does not end in 15 s."""
    with log.open("wb") as out:
        child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT)
        try:
            yield child
        finally:
            child.terminate()
            try:
                child.wait(15)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()


def tail(log: Path, size: int = 600) -> str:
    return log.read_bytes()[-size:].decode(errors="replace").strip() if log.exists() else ""


class Memory:
    """The highest memory of a process tree while in the `with` block, in MiB, sampled four times a second.

    Proportional set size, so that what Postfix's many processes share is counted once.
    """

    def __init__(self, pid: int) -> None:
        self.peak = 0.0
        self._pid = pid
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> "Memory":
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._done.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._done.wait(0.25):
            self.peak = max(self.peak, _memory(self._pid))


def _memory(pid: int) -> float:
    total = 0
    try:
        root = psutil.Process(pid)
        tree = [root, *root.children(recursive=True)]
    except psutil.Error:
        return 0.0
    for member in tree:
        try:
            total += member.memory_full_info().pss
        except psutil.Error:
            continue
    return total / 2**20


def settle(busy: float = 0.15, seconds: float = 300) -> None:
    """Wait, not for ever, until the machine does little else: what runs beside a measurement is in it."""
    end = time.monotonic() + seconds
    while psutil.cpu_percent(0.5) / 100 > busy and time.monotonic() < end:
        pass


def cores() -> int:
    return os.cpu_count() or 1
