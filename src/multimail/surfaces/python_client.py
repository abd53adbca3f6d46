"""The methods of the Python SDK, written from the registry: one for each operation that a program can use."""

import re
import textwrap
from collections.abc import Sequence
from typing import Any, Final

from multimail.core.scopes import KEY_SCOPES, Scope
from multimail.operations.archive import BYTES
from multimail.operations.operation import Operation
from multimail.operations.tool_schemas import Schema, parameters

TYPES: Final = {"string": "str", "integer": "int", "number": "float", "boolean": "bool", "null": "None"}
WIDTH: Final = 106
LINE: Final = 110  # as ruff is told in pyproject.toml
PLACES: Final = re.compile(r"\{(\w+)\}")


def python_client(operations: Sequence[Operation], *, asynchronous: bool) -> str:
    """A module of the package multimail.client, formatted as the project's formatter leaves it."""
    chosen = [
        operation for operation in operations if not {*KEY_SCOPES, Scope.PUBLIC}.isdisjoint(operation.scopes)
    ]
    name = "AsyncOperations" if asynchronous else "Operations"
    calls = "AsyncCalls" if asynchronous else "SyncCalls"
    modules: dict[str, set[str]] = {}
    for operation in chosen:
        if operation.output not in BYTES:
            modules.setdefault(operation.output.__module__, set()).add(operation.output.__name__)
    lines = [
        '"""Every operation as a method. Made by `make contracts`; don\'t edit.',
        "",
        'Long because each operation of the registry is a method of it."""',
        "",
        "# ruff: noqa: E501  # descriptions are as they are published",
        "# fmt: off",
        "from typing import TYPE_CHECKING, Any, ClassVar, cast",
        "",
        f"from multimail.client.transport import {calls}",
        "",
        "if TYPE_CHECKING:  # the server's own shapes, for type checkers alone: the SDK needs no server",
        "    from collections.abc import Mapping, Sequence",
        "",
        *(line for module in sorted(modules) for line in _import(module, sorted(modules[module]))),
        "",
        "",
        f"class {name}({calls}):",
        '    """Inputs are by name; None is not given. Raises what multimail.client.errors says."""',
        "",
        "    NAMES: ClassVar[frozenset[str]] = frozenset({",
        *textwrap.wrap(
            ", ".join(f'"{operation.name}"' for operation in chosen),
            WIDTH,
            initial_indent=" " * 8,
            subsequent_indent=" " * 8,
        ),
        "    })",
    ]
    for operation in chosen:
        lines += ["", *_method(operation, asynchronous)]
    return "\n".join(lines) + "\n"


def _import(module: str, names: Sequence[str]) -> list[str]:
    """As ruff sorts imports: on one line, or each name on its own."""
    line = f"    from {module} import {', '.join(names)}"
    if len(line) <= LINE:
        return [line]
    return [f"    from {module} import (", *(f"        {name}," for name in names), "    )"]


def _method(operation: Operation, asynchronous: bool) -> list[str]:
    schema = parameters(operation)
    required = set(schema.get("required", ())) - {"mailbox_id"}
    names = sorted(schema["properties"], key=lambda name: (name not in required, name))
    inputs = [_parameter(name, schema["properties"][name], name in required) for name in names]
    star = ["*"] if inputs else []
    answer = "bytes" if operation.output in BYTES else operation.output.__name__
    word, wait = ("async def", "await ") if asynchronous else ("def", "")
    given = ", ".join(f'"{name}": {name}' for name in names)
    call = f'"{operation.method}", "{path_for_clients(operation)}", {{{given}}}'
    call += ", idempotent=True" if operation.idempotent else ""
    said = textwrap.indent(operation.summary.replace("\\", "\\\\").replace('"""', "'''"), " " * 8).lstrip()
    end = "\n        " if "\n" in said else ""
    return [
        f'    {word} {operation.name}({", ".join(["self", *star, *inputs])}) -> "{answer}":',
        *f'        """{said}{end}"""'.split("\n"),
        f'        return cast("{answer}", {wait}self._call({call}))',
    ]


def path_for_clients(operation: Operation) -> str:
    """The operation's own path, or the first other one by the same method that asks for nothing that is optional."""
    required = set(operation.input.model_json_schema().get("required", ()))
    own = [route.path for route in operation.also if route.method == operation.method and not route.pinned]
    fitting = [path for path in (operation.path, *own) if required.issuperset(PLACES.findall(path))]
    return next((path for path in fitting if path.startswith("/v1/")), operation.path)


def _parameter(name: str, schema: Schema, required: bool) -> str:
    kind = python_type(schema)
    if required:
        return f'{name}: "{kind}"'
    optional = kind if kind.endswith("None") or kind == "Any" else f"{kind} | None"
    return f'{name}: "{optional}" = None'


def python_type(schema: Schema) -> str:
    """The annotation of what JSON of this schema is made from."""
    if "anyOf" in schema:
        kinds = list(dict.fromkeys(python_type(kind) for kind in schema["anyOf"]))
        return " | ".join(sorted(kinds, key=lambda kind: kind == "None"))
    if "enum" in schema or "const" in schema:
        return "str"
    kind: Any = schema.get("type")
    if kind == "array":
        return f"Sequence[{python_type(schema.get('items', {}))}]"
    if kind == "object":
        values = schema.get("additionalProperties")
        return f"Mapping[str, {python_type(values) if isinstance(values, dict) else 'Any'}]"
    return TYPES.get(kind, "Any")
