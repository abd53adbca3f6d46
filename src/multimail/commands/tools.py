"""`multimail tools`: the operations as tools for a model's API, without a server."""

import argparse
import json
import sys

from multimail.core.scopes import KEY_SCOPES, Scope
from multimail.operations.registry import OPERATIONS
from multimail.operations.tool_schemas import FORMATS, choose, tool_schemas


def add(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--format", choices=FORMATS, default="openai", help="Whose dialect: what that SDK takes as `tools`."
    )
    parser.add_argument("--names", type=_words, default=(), metavar="a,b", help="Only these tools.")
    parser.add_argument(
        "--scopes",
        type=_words,
        default=(),
        metavar="a,b",
        help=f"What one of these allows: {', '.join(KEY_SCOPES)}.",
    )
    parser.add_argument(
        "--no-strict", action="store_true", help="Whole schemas, not those of strict function calling."
    )


def _words(text: str) -> tuple[str, ...]:
    return tuple(word.strip() for word in text.split(",") if word.strip())


def run(arguments: argparse.Namespace) -> int:
    try:
        chosen = choose(OPERATIONS, arguments.names, [Scope(scope) for scope in arguments.scopes])
    except (KeyError, ValueError) as error:
        print(f"multimail: no such tool or scope: {error}", file=sys.stderr)
        return 2
    print(json.dumps(tool_schemas(chosen, arguments.format, strict=not arguments.no_strict), indent=1))
    return 0
