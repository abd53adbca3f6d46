"""A skip passes on a developer's machine and fails in CI, wherever in a test file it comes from."""

import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]

SKIPS = {
    "call": "def test_it(): pytest.skip('no reason')",
    "mark": "@pytest.mark.skip\ndef test_it(): pass",
    "fixture": "@pytest.fixture\ndef f(): pytest.skip('x')\ndef test_it(f): pass",
    "module": "pytest.skip('x', allow_module_level=True)",
    "import": "pytest.importorskip('no_such_module')",
    "xfail": "@pytest.mark.xfail\ndef test_it(): assert False",
}
ALLOWED = {
    "data": "def test_it(): pytest.skip('../shared/data is not here')",
    "seeds": "def test_it(): pytest.skip('needs shared/seeds beside the repository')",
    "pass": "def test_it(): pass",
}


def not_passed(folder: Path, ci: str) -> set[str]:
    """Which of all the tests above count as failed or as errors."""
    for name, text in (SKIPS | ALLOWED).items():
        (folder / f"test_{name}.py").write_text(f"import pytest\n{text}\n")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "tests.support.skips", "-p", "no:cacheprovider"]
    environment = {**os.environ, "CI": ci, "PYTHONPATH": str(ROOT), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    ended = subprocess.run(
        [*command, "-rfE", "--continue-on-collection-errors", f"--rootdir={folder}", str(folder)],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    found = set(re.findall(r"^(?:FAILED|ERROR) test_(\w+)\.py", ended.stdout, re.MULTILINE))
    assert ended.returncode == (1 if found else 0), ended.stdout
    return found


def test_ci_allows_no_skip_but_for_absent_shared_data(tmp_path: Path) -> None:
    assert not_passed(tmp_path, "true") == set(SKIPS)


def test_a_developer_may_skip(tmp_path: Path) -> None:
    assert not_passed(tmp_path, "") == set()
