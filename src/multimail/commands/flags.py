"""What all commands share: flags from the one table of settings, and words for the terminal."""

import argparse
import shutil
import sys
from collections.abc import Collection
from pathlib import Path
from typing import Final

from multimail.settings import SETTINGS, Settings, read_settings

ALL: Final = frozenset(setting.name for setting in SETTINGS)


def add_settings(parser: argparse.ArgumentParser, names: Collection[str] = ALL) -> None:
    """A flag for each named setting; the same as the MULTIMAIL_… variable named in its help.

    A flag that isn't given leaves no trace, so that it may stand before or after a sub-command.
    """
    for setting in SETTINGS:
        if setting.name in names and not setting.private:
            default = f", default {setting.default}" if setting.default else ""
            text = f"{setting.help} [{setting.variable}{default}]"
            parser.add_argument(
                f"--{setting.name}", help=text.replace("%", "%%"), metavar="…", default=argparse.SUPPRESS
            )


def settings_of(arguments: argparse.Namespace) -> Settings:
    """The settings that flags, environment and defaults make. Raises SettingError."""
    return read_settings({s.name: getattr(arguments, s.name.replace("-", "_"), "") for s in SETTINGS})


def typed(words: str, settings: Settings) -> str:
    """`words` as they are typed here: by name or, where the shell does not find that, by path; on this data folder."""
    here, found = Path(sys.executable).with_name("multimail"), shutil.which("multimail")
    name = "multimail"
    if here.is_file() and not (found and here.samefile(found)):
        name = str(here.relative_to(Path.cwd()) if here.is_relative_to(Path.cwd()) else here)
    is_default = settings.data == Path.cwd() / "data"
    return f"{name} {words}" if is_default else f"{name} {words} --data {settings.data}"


def plain(text: object) -> str:
    """Text from elsewhere as one harmless piece of a terminal's line: what would steer the terminal is shown."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in str(text))


def complain(error: object) -> int:
    """Says what is wrong; the exit code 1."""
    print(f"multimail: {error}", file=sys.stderr)
    return 1
