"""What the command line knows of the operations, written from the registry: a command for each that a program can
use, so that the command line starts without the server's code."""

from collections.abc import Sequence
from typing import Any, Final

from multimail.core.scopes import KEY_SCOPES, Scope
from multimail.operations.archive import BYTES
from multimail.operations.operation import Operation
from multimail.operations.tool_schemas import Schema, parameters

# The group of --help → the nouns whose operations are in it. What is in none is under the last.
GROUPS: Final = {
    "Write": ("sending", "replying", "editing", "drafts"),
    "Read": ("inbox", "emails", "html", "search", "waiting", "threads", "attachments", "spam"),
    "Oversight": ("oversight", "pausing", "rules", "upgrades"),
    "People and keys": ("contacts", "suppression", "api_keys", "operators", "people"),
    "Connect": ("webhooks", "events", "tools", "identity"),
    "Account": (
        "mailboxes",
        "domains",
        "account",
        "usage",
        "account_update",
        "export",
        "deletion",
        "erasing",
        "erasing_people",
        "sign_up",
    ),
}
OTHERS: Final = "More"
BODIES: Final = ("markdown", "html")  # `-` is read from standard input


def command_table(operations: Sequence[Operation]) -> list[dict[str, Any]]:
    """One entry per command: `name`, `group`, `summary`, `bytes` (the answer is a file), `method`, `inputs`.

    An input: `name`, `kind` (text, integer, number, flag, words, addresses, map, files, json), and where it is so
    `required`, `positional`, `body`, `choices`, `help`.
    """
    usable = {*KEY_SCOPES, Scope.PUBLIC}
    return [_command(operation) for operation in operations if not usable.isdisjoint(operation.scopes)]


def _command(operation: Operation) -> dict[str, Any]:
    schema = parameters(operation)
    required = set(schema.get("required", ()))
    inputs = [_input(name, part, name in required) for name, part in schema["properties"].items()]
    for one in inputs:
        name = one["name"]
        named = name in required or f"{{{name}}}" in operation.path
        if named and one["kind"] == "text" and (name != "mailbox_id" or required == {name}):
            one["positional"] = True
        if name == "mailbox_id":
            one.pop("required", None)  # the client finds the only one
    return {
        "name": operation.name,
        "group": _group(operation),
        "summary": operation.summary,
        "method": operation.method,
        "inputs": sorted(inputs, key=lambda one: not one.get("positional", False)),
    } | ({"bytes": True} if operation.output in BYTES else {})


def _group(operation: Operation) -> str:
    noun = operation.run.__module__.rpartition(".")[2]
    return next((group for group, nouns in GROUPS.items() if noun in nouns), OTHERS)


def _input(name: str, schema: Schema, required: bool) -> dict[str, Any]:
    kinds = [kind for kind in schema.get("anyOf", [schema]) if kind.get("type") != "null"]
    choices = [value for kind in [*kinds, *(k.get("items", {}) for k in kinds)] for value in _values(kind)]
    found: dict[str, Any] = {"name": name, "kind": _kind({kind.get("type") for kind in kinds}, kinds)}
    told = {
        "required": required,
        "body": name in BODIES,
        "choices": choices,
        "help": schema.get("description"),
    }
    return found | {key: value for key, value in told.items() if value}


def _values(schema: Schema) -> list[str]:
    return [str(value) for value in schema.get("enum", [schema["const"]] if "const" in schema else [])]


def _kind(types: set[str | None], kinds: Sequence[Schema]) -> str:
    """How it is given: the first word that fits."""
    if "object" in types:
        return "map"
    if "array" in types:
        items = next(kind.get("items", {}) for kind in kinds if kind.get("type") == "array")
        if items.get("type") == "object":
            return "files"
        return "addresses" if "string" in types else "words"
    plain = {"string": "text", "integer": "integer", "number": "number", "boolean": "flag"}
    return next((plain[kind] for kind in sorted(map(str, types)) if kind in plain), "json")
