"""The process beside: it works, it raises, it dies, and nobody who asked is forgotten."""

import asyncio
import os
import signal
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from multimail import apart as module
from multimail.apart import Apart, BrokenOff


@pytest_asyncio.fixture
async def apart() -> AsyncIterator[Apart]:
    async with Apart() as started:
        yield started


async def test_it_runs_elsewhere_and_answers_in_order(apart: Apart) -> None:
    here, there = os.getpid(), await apart(os.getpid)
    assert there != here
    answers = await asyncio.gather(*(apart(divmod, number, 7) for number in range(500)))
    assert answers == [divmod(number, 7) for number in range(500)]
    assert await apart(os.getpid) == there


async def test_what_is_large_goes_both_ways(apart: Apart) -> None:
    content = os.urandom(9_000_000)
    assert (await apart(bytes.upper, content), await apart(len, content)) == (content.upper(), len(content))


async def test_it_raises_what_the_function_raises(apart: Apart) -> None:
    with pytest.raises(ZeroDivisionError, match="by zero"):
        await apart(divmod, 1, 0)
    assert await apart(len, "abc") == 3


async def test_who_goes_away_shifts_no_answers(apart: Apart) -> None:
    gone = apart(time.sleep, 0.05)
    then = apart(len, "four")
    gone.cancel()
    assert await then == 4


async def test_one_that_kills_it_breaks_off_and_the_others_are_asked_anew(apart: Apart) -> None:
    before = await apart(os.getpid)
    asked: list[asyncio.Future[Any]] = [
        apart(len, "a"),
        apart(os._exit, 1),
        apart(len, "abc"),
        apart(os.getpid),
    ]
    first, killed, third, pid = await asyncio.gather(*asked, return_exceptions=True)
    assert (first, third) == (1, 3)
    assert isinstance(killed, BrokenOff)
    assert pid not in (before, os.getpid())


async def test_one_that_dies_idle_is_followed_by_another(apart: Apart) -> None:
    before = await apart(os.getpid)
    os.kill(before, signal.SIGKILL)
    assert await apart(os.getpid) != before


async def test_what_is_stuck_is_broken_off(monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as hasty:
        hasty.setattr(module, "PATIENCE", 0.2)
        async with Apart() as apart:
            stuck, behind = apart(time.sleep, 3600), apart(len, "abc")
            with pytest.raises(BrokenOff):
                await stuck
            hasty.undo()
            assert await behind == 3


async def test_it_hears_no_signal_that_is_meant_for_the_server(apart: Apart) -> None:
    pid = await apart(os.getpid)
    for number in (signal.SIGINT, signal.SIGTERM):
        os.kill(pid, number)
    assert await apart(os.getpid) == pid


async def test_it_ends_with_us() -> None:
    async with Apart() as apart:
        pid = await apart(os.getpid)
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


async def test_it_ends_when_we_are_killed() -> None:
    """The server's end of the socket closes with the server, however that ends."""
    code = (
        "import asyncio, os\nfrom multimail.apart import Apart\n"
        "async def main():\n    async with Apart() as apart:\n"
        "        print(await apart(os.getpid), flush=True)\n        await asyncio.sleep(3600)\n"
        "asyncio.run(main())"
    )
    server = await asyncio.create_subprocess_exec(sys.executable, "-c", code, stdout=asyncio.subprocess.PIPE)
    assert server.stdout is not None
    pid = int(await server.stdout.readline())
    server.kill()
    await server.wait()
    while _runs(pid):
        await asyncio.sleep(0.01)


def _runs(pid: int) -> bool:
    """A zombie that nobody has waited for yet runs no more."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False
