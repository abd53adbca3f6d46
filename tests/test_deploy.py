"""What runs the product elsewhere can be read, and names files, settings and commands that exist."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from multimail.commands import COMMANDS
from multimail.settings import SETTINGS

ROOT = Path(__file__).parent.parent
DEPLOY = ROOT / "deploy"
FILES = sorted(path for path in DEPLOY.iterdir() if path.is_file())


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_settings_and_commands_exist(path: Path) -> None:
    text = path.read_text()
    assert set(re.findall(r"MULTIMAIL_[A-Z_]+", text)) <= {setting.variable for setting in SETTINGS}
    assert set(re.findall(r"bin/multimail (\w+)|\"multimail\", \"(\w+)\"", text)) <= {
        (name, "") for name in COMMANDS
    } | {("", name) for name in COMMANDS}


def test_what_the_image_is_made_of_is_there_and_nothing_secret() -> None:
    """The build itself takes minutes: scripts/image."""
    ignored = (ROOT / ".dockerignore").read_text().split()
    assert {"data", ".venv", ".git"} <= set(ignored)
    copied = re.findall(r"^COPY (?!--from)(.+) \S+$", (DEPLOY / "Containerfile").read_text(), re.MULTILINE)
    sources = [source for line in copied for source in line.split()]
    assert {"src", "requirements/run.txt", "requirements/site.txt"} <= set(sources)
    for source in sources:
        assert list(ROOT.glob(source)) and source not in ignored, source


@pytest.mark.parametrize("name", ["compose.yaml", "compose.postgres.yaml"])
def test_compose_builds_the_image_and_gives_it_no_rights(name: str) -> None:
    given = yaml.safe_load((DEPLOY / name).read_text())
    ours = {name: service for name, service in given["services"].items() if service["image"] == "multimail"}
    assert ours
    for service in ours.values():
        assert (DEPLOY / service["build"]["context"] / service["build"]["dockerfile"]).resolve().is_file()
        assert service["read_only"] and service["cap_drop"] == ["ALL"]
        assert service["security_opt"] == ["no-new-privileges:true"]
        mounted = {volume.partition(":")[0] for volume in service.get("volumes", ())}
        assert mounted <= given.get("volumes", {}).keys()
        assert service.get("depends_on", {}).keys() <= given["services"].keys()


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
