"""The docs tell the truth: links lead somewhere, commands and settings exist."""

import json
import re
from pathlib import Path

import pytest

from multimail.commands import COMMANDS, operations
from multimail.settings import SETTINGS

ROOT = Path(__file__).parent.parent
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("bench/*.md")])


@pytest.fixture(params=PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def page(request):
    return request.param


def test_relative_links_lead_somewhere(page):
    for target in re.findall(r"\]\((?!https?:|mailto:|#)([^)#\s]+)", page.read_text()):
        assert (page.parent / target).exists(), target


def test_named_files_exist(page):
    for name in re.findall(
        r"`((?:src|tests|docs|contracts|bench|scripts|core|operations|storage|surfaces)/[\w./-]+)`",
        page.read_text(),
    ):
        assert any((base / name).exists() for base in (ROOT, ROOT / "src" / "multimail")), name


def test_named_tests_exist(page):
    for name, test in re.findall(r"`(tests/[\w/.]+\.py)::(\w+)`", page.read_text()):
        assert re.search(rf"^(?:async )?def {test}\(", (ROOT / name).read_text(), re.MULTILINE), (name, test)


def test_commands_and_flags_exist(page):
    flags = {f"--{setting.name}" for setting in SETTINGS}
    for line in page.read_text().splitlines():
        called = re.match(r"\s*(?:\$ )?multimail ([\w-]+)", line)
        if called:
            assert called[1] in COMMANDS or called[1] in operations(), line
        if called and called[1] == "serve":
            assert set(re.findall(r"--[a-z-]+", line)) <= flags, line


def test_every_setting_is_in_the_reference():
    text = (ROOT / "docs" / "reference.md").read_text()
    assert [
        s.name
        for s in SETTINGS
        if f"| `{s.variable}`" not in text or not (s.private or f"`--{s.name}`" in text)
    ] == []


def test_requirements_name_no_registry():
    """Whoever installs has a package index of their own; the locks hold names, versions and hashes."""
    for path in (ROOT / "requirements").rglob("*.txt"):
        text = path.read_text()
        assert "index-url" not in text and "://" not in text, path
    lock = json.loads((ROOT / "requirements" / "npm" / "package-lock.json").read_text())
    for name, package in lock["packages"].items():
        assert not name or ("resolved" not in package and package["integrity"].startswith("sha512-")), name
