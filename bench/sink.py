"""Debian's smtp-sink as the world that receives: counts messages, keeps none."""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.machine import BenchError, free_port, listens, process, wait_until

_COUNT = re.compile(rb"mesg=\s*(\d+)")


class Sink:
    def __init__(self, port: int, log: Path) -> None:
        self.port = port
        self._log = log

    def count(self) -> int:
        """Messages taken so far (smtp-sink -c writes "sess=… quit=… mesg=…" after each)."""
        with self._log.open("rb") as log:
            log.seek(max(0, self._log.stat().st_size - 200))
            found = _COUNT.findall(log.read())
        return int(found[-1]) if found else 0

    def wait_for(self, count: int, seconds: float = 120) -> None:
        """BenchError when nothing at all arrives, or not everything within `seconds`."""
        try:
            wait_until(lambda: self.count() >= count, "", seconds, 0.005)
        except BenchError as error:
            raise BenchError(f"{self.count()} of {count} reached the sink in {seconds:.0f} s") from error


@contextmanager
def running(folder: Path) -> Iterator[Sink]:
    port = free_port()
    user = ["-u", "nobody"] if os.geteuid() == 0 else []
    log = folder / f"sink-{port}.log"
    with process(["smtp-sink", "-c", *user, f"127.0.0.1:{port}", "1000"], log):
        wait_until(lambda: listens(port), "smtp-sink listening", 10)
        yield Sink(port, log)
