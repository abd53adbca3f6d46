"""What all commands share: flags from the one table of settings, and words for the terminal."""

import argparse
import sys
from collections.abc import Collection
from typing import Final

from multimail.settings import SETTINGS, Settings, read_settings

ALL: Final = frozenset(setting.name for setting in SETTINGS)


def add_settings(parser: argparse.ArgumentParser, names: Collection[str] = ALL) -> None:
    """A flag for each named setting; the same as the MULTIMAIL_… variable named in its help.

    A flag that isn't given leaves no trace, so that it may stand before or after a sub-command.
    """
    for setting in SETTINGS:
        if setting.name in names:
            default = f", default {setting.default}" if setting.default else ""
            text = f"{setting.help} [{setting.variable}{default}]"
            parser.add_argument(
                f"--{setting.name}", help=text.replace("%", "%%"), metavar="…", default=argparse.SUPPRESS
            )


def settings_of(arguments: argparse.Namespace) -> Settings:
    """The settings that flags, environment and defaults make. Raises SettingError."""
    return read_settings({s.name: getattr(arguments, s.name.replace("-", "_"), "") for s in SETTINGS})


def plain(text: object) -> str:
    """Text from elsewhere as one harmless piece of a terminal's line: what would steer the terminal is shown."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in str(text))


def complain(error: object) -> int:
    """Says what is wrong; the exit code 1."""
    print(f"multimail: {error}", file=sys.stderr)
    return 1
