"""A short search from the corpus on (`python -m tests.fuzz` searches for long), the same each time."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent


@pytest.mark.parametrize(
    ("name", "runs"), [("mail", 500), ("html", 1_500), ("smtp", 2_500), ("policy", 2_500)]
)
def test_nothing_is_found_near_the_corpus(name: str, runs: int, tmp_path: Path) -> None:
    """It ends by its count, or by its time where the machine is slow."""
    limits = [f"-runs={runs}", "-seed=1", "-max_len=4096", "-max_total_time=40", "-timeout=60"]
    command = [sys.executable, "-m", "tests.fuzz", name, *limits, f"-artifact_prefix={tmp_path}/"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, timeout=110, check=False)
    told = done.stderr.decode("utf-8", "replace")
    assert done.returncode == 0, told[-4_000:]
    assert "Done " in told
