"""What runs the product elsewhere names settings and commands that exist."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from multimail.commands import COMMANDS
from multimail.settings import SETTINGS

DEPLOY = Path(__file__).parent.parent / "deploy"
FILES = sorted(path for path in DEPLOY.iterdir() if path.is_file())


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_settings_and_commands_exist(path: Path) -> None:
    text = path.read_text()
    assert set(re.findall(r"MULTIMAIL_[A-Z_]+", text)) <= {setting.variable for setting in SETTINGS}
    assert set(re.findall(r"bin/multimail (\w+)|\"multimail\", \"(\w+)\"", text)) <= {
        (name, "") for name in COMMANDS
    } | {("", name) for name in COMMANDS}


def test_systemd_understands_the_units() -> None:
    """Where there is a systemd to ask."""
    for path in FILES:
        if path.suffix not in (".service", ".timer") or shutil.which("systemd-analyze") is None:
            continue
        done = subprocess.run(
            ["systemd-analyze", "verify", path], capture_output=True, text=True, check=False
        )
        complaints = [line for line in done.stderr.splitlines() if path.name in line]
        assert [line for line in complaints if "/opt/multimail" not in line] == []
