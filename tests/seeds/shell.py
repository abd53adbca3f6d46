"""Runs the documents' shell steps as they stand."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.seeds.documents import Block
from tests.support.server import clean_environment


def run_shell(block: Block, **environment: str) -> str:
    """What it prints. `pip` is this interpreter's and reaches no index: what a step installs must be here already."""
    surroundings = clean_environment(environment) | {
        "PIP_NO_INDEX": "1",
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
    }
    surroundings["PATH"] = f"{Path(sys.executable).parent}:{surroundings['PATH']}"
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", block.text],
        capture_output=True,
        text=True,
        env=surroundings,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, (block, done)
    return done.stdout


def run_curl(block: Block, **environment: str) -> Any:
    """The JSON that the server answers, which must not be an error."""
    answer = json.loads(run_shell(block, **environment))
    assert "error" not in answer, answer
    return answer
