"""The methods and types of the TypeScript client, written from the registry and from what OpenAPI publishes of it."""

import json
import re
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from multimail.core.scopes import KEY_SCOPES, Scope
from multimail.operations.archive import BYTES
from multimail.operations.operation import Operation
from multimail.operations.tool_schemas import Schema, parameters
from multimail.surfaces.openapi import describe
from multimail.surfaces.python_client import path_for_clients

TYPES: Final = {
    "string": "string",
    "integer": "number",
    "number": "number",
    "boolean": "boolean",
    "null": "null",
}
IDENTIFIER: Final = re.compile(r"[A-Za-z_$][\w$]*")
BY_NAME: Final = re.compile(
    r"(ByName|Message)$"
)  # the answers of the spelling by name, which the client does not use
REFERENCE: Final = "#/components/schemas/"


def typescript_client(operations: Sequence[Operation]) -> str:
    """A module: an interface for each answer and each input, and the class with a method for each operation."""
    chosen = [one for one in operations if not {*KEY_SCOPES, Scope.PUBLIC}.isdisjoint(one.scopes)]
    known = describe(chosen)["components"]["schemas"]
    spoken = [name for name in known if not (BY_NAME.search(name) and BY_NAME.sub("", name) in known)]
    blocks = [
        "// Every operation as a method. Made by `make contracts` from the published description; don't edit.\n"
        'import { Calls } from "./calls.js";\n',
        *(_declaration(name, known[name]) for name in spoken if not name.endswith("ByName")),
        *(block for operation in chosen for block in _input(operation)),
        "export class Operations extends Calls {",
        *(_method(operation) for operation in chosen),
        "}\n",
        "/** The name that a model calls → the method. */",
        "export const METHODS = {",
        *(f"  {operation.name}: {json.dumps(method_name(operation))}," for operation in chosen),
        "} as const;",
    ]
    return "\n".join(blocks) + "\n"


def method_name(operation: Operation) -> str:
    first, *rest = operation.name.split("_")
    return first + "".join(word.capitalize() for word in rest)


def _type_name(operation: Operation) -> str:
    return "".join(word.capitalize() for word in operation.name.split("_")) + "Input"


def _declaration(name: str, schema: Schema) -> str:
    said = _comment(schema.get("description", ""))
    if schema.get("type") != "object" or "properties" not in schema:
        return f"{said}export type {name} = {typescript_type(schema)};\n"
    required = set(schema.get("required", ()))
    fields = (
        f"  {_key(field)}{'' if field in required else '?'}: {typescript_type(part)};"
        for field, part in schema["properties"].items()
    )
    return "\n".join([f"{said}export interface {name} {{", *fields, "}\n"])


def _input(operation: Operation) -> Iterator[str]:
    """`mailbox_id` is found by the client where its key sees only one."""
    schema = parameters(operation)
    if not schema["properties"]:
        return
    lines = [f"export interface {_type_name(operation)} {{"]
    required = _required(operation)
    for name, part in schema["properties"].items():
        lines.append(textwrap.indent(_comment(part.get("description", "")), "  ").rstrip("\n"))
        kind = typescript_type(
            {"anyOf": [one for one in part.get("anyOf", [part]) if one.get("type") != "null"]}
        )
        lines.append(f"  {_key(name)}{'' if name in required else '?'}: {kind};")
    yield "\n".join([*(line for line in lines if line), "}\n"])


def _required(operation: Operation) -> set[str]:
    return set(parameters(operation).get("required", ())) - {"mailbox_id"}


def _method(operation: Operation) -> str:
    answer = "Uint8Array" if operation.output in BYTES else operation.output.__name__
    answer += " | PendingApproval" if operation.needs_owner is not None else ""
    given = ""
    if parameters(operation)["properties"]:
        given = f"input: {_type_name(operation)}" + ("" if _required(operation) else " = {}")
    call = f'"{operation.method}", "{path_for_clients(operation)}", {"input" if given else "{}"}'
    call += ", true" if operation.idempotent else ""
    said = textwrap.indent(_comment(operation.summary), "  ")
    return f"{said}  {method_name(operation)}({given}): Promise<{answer}> {{\n    return this.call({call});\n  }}\n"


def _comment(text: str) -> str:
    lines = text.replace("*/", "* /").strip().splitlines()
    if not lines:
        return ""
    if len(lines) == 1:
        return f"/** {lines[0]} */\n"
    return "\n".join(["/**", *(f" * {line}".rstrip() for line in lines), " */"]) + "\n"


def _key(name: str) -> str:
    return name if IDENTIFIER.fullmatch(name) else json.dumps(name)


def typescript_type(schema: Mapping[str, Any]) -> str:
    """The type of what this schema describes."""
    if "$ref" in schema:
        return str(schema["$ref"]).removeprefix(REFERENCE)
    for union in ("anyOf", "oneOf"):
        if union in schema:
            return " | ".join(dict.fromkeys(typescript_type(kind) for kind in schema[union]))
    if "enum" in schema or "const" in schema:
        return " | ".join(json.dumps(value) for value in schema.get("enum", [schema.get("const")]))
    kind: Any = schema.get("type")
    if kind == "array":
        items = typescript_type(schema.get("items", {}))
        return f"({items})[]" if " " in items else f"{items}[]"
    if kind == "object" and "properties" in schema:
        required = set(schema.get("required", ()))
        fields = (
            f"{_key(name)}{'' if name in required else '?'}: {typescript_type(part)}"
            for name, part in schema["properties"].items()
        )
        return f"{{ {'; '.join(fields)} }}"
    if kind == "object":
        values = schema.get("additionalProperties")
        return f"Record<string, {typescript_type(values) if isinstance(values, dict) else 'unknown'}>"
    return TYPES.get(kind, "unknown")
