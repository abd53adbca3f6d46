"""Puts the documentation, built, into a wheel (pyproject.toml: tool.hatch.build.targets.wheel.hooks.custom)."""

import runpy
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class Site(BuildHookInterface[Any]):
    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        root = Path(self.root)
        runpy.run_path(str(root / "scripts" / "site"))["build"](root / "src" / "multimail" / "site")
        build_data["artifacts"].append("src/multimail/site/**")
