"""`multimail <operation>`: any operation of the API, with a flag for each of its inputs."""

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from multimail.client import attachment
from multimail.commands.output import add_output, show
from multimail.commands.remote import Quit, add_server, attempt, client

STDIN: Final = "-"
TYPES: Final[dict[str, Callable[[str], Any]]] = {"integer": int, "number": float}
GIVEN: Final = "given_"  # before an input's name: some are called as flags that every command has
SEVERAL: Final = ("words", "addresses", "map", "files")


def add(parser: argparse.ArgumentParser, operation: dict[str, Any]) -> None:
    parser.set_defaults(operation=operation)
    for one in operation["inputs"]:
        if one.get("positional"):
            parser.add_argument(
                f"{GIVEN}{one['name']}_",
                nargs="?",
                metavar=one["name"].upper(),
                help=_help(one),
                choices=one.get("choices"),
            )
        _add_flag(parser, one)
    if operation.get("bytes"):
        parser.add_argument("-o", "--output", metavar="FILE", type=Path, help="Where the file goes.")
    if any(one["name"] == "cursor" for one in operation["inputs"]):
        parser.add_argument("--all", action="store_true", help="Every page, not only the first.")
    add_output(parser)
    add_server(parser)


def _add_flag(parser: argparse.ArgumentParser, one: dict[str, Any]) -> None:
    name, kind = one["name"], one["kind"]
    flag = "--attach" if kind == "files" else "--" + name.replace("_", "-")
    given: dict[str, Any] = {
        "dest": GIVEN + name,
        "help": argparse.SUPPRESS if one.get("positional") else _help(one),
    }
    if kind == "flag":
        parser.add_argument(flag, action=argparse.BooleanOptionalAction, **given)
        return
    if kind in SEVERAL:
        given |= {"action": "append"}
    elif "choices" in one:
        given |= {"choices": one["choices"]}
    metavar = {"map": "NAME=VALUE", "files": "PATH"}.get(kind, "…")
    parser.add_argument(flag, type=TYPES.get(kind, str), metavar=metavar, **given)


def _help(one: dict[str, Any]) -> str:
    notes = {
        "- reads standard input.": one.get("body"),
        "May be given again.": one["kind"] in SEVERAL,
        "Needed.": one.get("required") and not one.get("positional"),
        " | ".join(one.get("choices", ())): one.get("choices"),
    }
    words = " ".join([one.get("help", ""), *(note for note, applies in notes.items() if applies)])
    return words.strip().replace("%", "%%")


def run(arguments: argparse.Namespace) -> int:
    return attempt(arguments, lambda: _call(arguments))


def _call(arguments: argparse.Namespace) -> None:
    operation = arguments.operation
    given = inputs_of(operation, arguments)
    with client(arguments) as mail:
        method = getattr(mail, operation["name"])
        if getattr(arguments, "all", False):
            show(list(mail.each(method, **given)), arguments)
            return
        answer = method(**given)
    if isinstance(answer, bytes):
        _write(answer, arguments.output)
    else:
        show(answer, arguments)


def inputs_of(operation: dict[str, Any], arguments: argparse.Namespace) -> dict[str, Any]:
    """Name → value of what was given. Raises ValueError for what is missing, OSError for a file that can't be read."""
    given: dict[str, Any] = {}
    for one in operation["inputs"]:
        value = getattr(arguments, GIVEN + one["name"])
        if value is None and one.get("positional"):
            value = getattr(arguments, f"{GIVEN}{one['name']}_")
        if value is not None:
            given[one["name"]] = _value(one, value)
        elif one.get("required"):
            raise ValueError(
                f"{one['name']} is needed: see multimail {operation['name'].replace('_', '-')} --help"
            )
    return given


def _value(one: dict[str, Any], value: Any) -> Any:
    match one["kind"]:
        case "map":
            return {name: text for name, _, text in (item.partition("=") for item in value)}
        case "files":
            return [attachment(path) for path in value]
        case "words":
            return [word.strip() for item in value for word in item.split(",") if word.strip()]
        case _:
            return sys.stdin.read() if one.get("body") and value == STDIN else value


def _write(content: bytes, path: Path | None) -> None:
    if path is not None:
        path.write_bytes(content)
    elif sys.stdout.isatty():
        print("multimail: it is a file; say where it goes: -o FILE", file=sys.stderr)
        raise Quit(2)
    else:
        sys.stdout.buffer.write(content)
        sys.stdout.buffer.flush()
