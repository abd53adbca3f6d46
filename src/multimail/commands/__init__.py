"""The command line: `multimail serve`, `operator`, `demo`, `audit`, `mcp`, `verify`.

Each command is a module with `add(parser)` for its flags and `run(arguments) -> exit code`; it is imported
only when it is called, so that `multimail --help` is quick.
"""

import argparse
import sys
from importlib import import_module
from typing import Final

from multimail import __version__
from multimail.settings import SettingError

COMMANDS: Final = {
    "serve": "Run the product: HTTP API, SMTP server and workers.",
    "operator": "Act as the owner on this machine's data folder, also while the server runs.",
    "demo": "Play the whole story against a running server, step by step.",
    "audit": "Verify the audit log's hash chain offline.",
    "mcp": "Serve MCP on standard input and output, for a client that starts it.",
    "verify": "Verify the identity header of a message with nothing but the public key.",
}


def main(argv: list[str] | None = None) -> None:
    """The entry point. Exit codes: 0 well, 1 a no, 2 wrong usage or settings, 130 interrupted."""
    words = sys.argv[1:] if argv is None else argv
    parser = argparse.ArgumentParser(
        prog="multimail", description="Email for AI agents, with a human in charge."
    )
    parser.add_argument("--version", action="version", version=f"multimail {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, help_text in COMMANDS.items():
        command = commands.add_parser(name, help=help_text, description=help_text)
        if name in words[:1]:
            import_module(f"multimail.commands.{name}").add(command)
    arguments = parser.parse_args(words)
    try:
        code = import_module(f"multimail.commands.{arguments.command}").run(arguments)
    except SettingError as error:
        print(f"multimail: {error}", file=sys.stderr)
        code = 2
    except KeyboardInterrupt:
        code = 130
    sys.exit(code)
