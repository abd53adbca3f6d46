"""The command line: what runs and keeps the product, and every operation of its API as a command.

A command of COMMANDS is a module with `add(parser)` for its flags and `run(arguments) -> exit code`; only the one
that is called is imported, so that it starts quickly. The operations come from operations.json, which
`make contracts` writes, and are all run by `call`.
"""

import argparse
import difflib
import json
import sys
import textwrap
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any, Final

from multimail import __version__

COMMANDS: Final = {
    "serve": "Run the product: HTTP API, SMTP server and workers.",
    "operator": "Act as the owner on this machine's data folder, also while the server runs.",
    "demo": "Play the whole story against a running server, step by step.",
    "doctor": "Check DNS, ports, TLS, clock, database and permissions; say how to fix what is wrong.",
    "migrate": "Bring the database's schema to this release's.",
    "backup": "Copy the database and the large messages into one file, also while the server runs.",
    "restore": "Make a data folder from a backup.",
    "secrets": "Exchange the key that stored secrets are sealed with.",
    "audit": "Verify the audit log's hash chain offline.",
    "verify": "Verify the identity header of a message with nothing but the public key.",
    "inbox": "Show what came in; --watch goes on as mail comes.",
    "approve": "Decide what waits, in a full-screen queue, with an oversight key.",
    "keys": "List, make and revoke API keys.",
    "tools": "Print the operations as tools for a model's API.",
    "mcp": "Serve MCP on standard input and output, for a client that starts it.",
    "completion": "Print a script that completes commands and flags in your shell.",
}
ANYWHERE: Final = frozenset("inbox approve keys tools mcp completion".split())
SECTIONS: Final = {
    "Run it and look after it, on the server's machine": [name for name in COMMANDS if name not in ANYWHERE],
    "Every day, from anywhere": [name for name in COMMANDS if name in ANYWHERE],
}
USAGE: Final = "usage: multimail COMMAND [-h] …"
INTRODUCTION: Final = f"""\
{USAGE}

Email for AI agents, with a human in charge.
`multimail COMMAND --help` tells a command's flags."""
EPILOG: Final = """\
Commands from anywhere use MULTIMAIL_URL and MULTIMAIL_API_KEY. They print tables on a terminal and JSON when piped.
Exit codes: 0 well, 1 a no, 2 wrong usage or settings, 3 no good key, 4 not allowed, 5 not found, 6 conflict,
7 a field is wrong, 8 too many requests, 9 the server failed, 10 no connection, 130 interrupted."""
NOUN_ORDER: Final = ("Write", "Read", "Oversight", "People and keys", "Connect", "Account")
WIDTH: Final = 100


@cache
def operations() -> dict[str, dict[str, Any]]:
    """Command name, as in send-email → the operation (surfaces/command_table.py says what is in it)."""
    table = json.loads(Path(__file__).with_name("operations.json").read_text())
    return {operation["name"].replace("_", "-"): operation for operation in table}


def main(argv: list[str] | None = None) -> None:
    """The entry point; it exits with one of the codes of EPILOG."""
    words = sys.argv[1:] if argv is None else argv
    name, *rest = words or ["--help"]
    if name in ("-h", "--help"):
        print(overview())
        sys.exit(0 if words else 2)
    if name == "--version":
        print(f"multimail {__version__}")
        sys.exit(0)
    sys.exit(_run(name, rest))


def _run(name: str, words: list[str]) -> int:
    operation = None if name in COMMANDS else operations().get(name.replace("_", "-"))
    if name not in COMMANDS and operation is None:
        return _unknown(name)
    text = COMMANDS[name] if operation is None else operation["summary"]
    parser = argparse.ArgumentParser(f"multimail {name}", description=text.replace("%", "%%"))
    if operation is None:
        module = import_module(f"multimail.commands.{name}")
        module.add(parser)
    else:
        module = import_module("multimail.commands.call")
        module.add(parser, operation)
    arguments = parser.parse_args(words)
    from multimail.settings import SettingError

    try:
        code: int = module.run(arguments)
    except SettingError as error:
        print(f"multimail: {error}", file=sys.stderr)
        code = 2
    except KeyboardInterrupt:
        code = 130
    return code


def _unknown(name: str) -> int:
    like = difflib.get_close_matches(name, [*COMMANDS, *operations()], 1)
    hint = f" Did you mean {like[0]}?" if like else ""
    print(f"multimail: there is no command {name!r}.{hint} See multimail --help.", file=sys.stderr)
    return 2


def overview() -> str:
    """What `multimail --help` prints."""
    lines = [INTRODUCTION]
    for title, names in SECTIONS.items():
        lines += ["", f"{title}:", *(f"  {name:<11} {COMMANDS[name]}" for name in names)]
    groups: dict[str, list[str]] = {group: [] for group in NOUN_ORDER}
    for name, operation in operations().items():
        groups.setdefault(operation["group"], []).append(name)
    lines += ["", "Every operation of the API:"]
    for group, names in groups.items():
        listed = textwrap.wrap("  ".join(names), WIDTH - 4, break_on_hyphens=False)
        lines += [f"  {group}", *(f"    {line}" for line in listed)]
    return "\n".join([*lines, "", EPILOG])
