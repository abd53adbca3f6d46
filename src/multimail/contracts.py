"""The published contract, made from the code: openapi.json, routes.txt and tools.*.json in contracts/,
docs/reference.md, the methods of the Python and the TypeScript SDK, and the commands of the command line.

`python -m multimail.contracts` writes them, unless the change would break a client of what is committed;
`--check` writes nothing and fails when they differ from the code. `--break` writes even then, and notes each problem
in contracts/breaks.txt: a decision that was taken on purpose, for all to see. `--since REF` compares with what was
committed at a git revision, so that nothing that was written over gets past: it fails for what is not noted.
"""

import difflib
import json
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from multimail.operations.registry import OPERATIONS
from multimail.operations.tool_schemas import FORMATS, choose, tool_schemas
from multimail.surfaces.command_table import command_table
from multimail.surfaces.openapi import describe
from multimail.surfaces.python_client import python_client
from multimail.surfaces.reference import reference
from multimail.surfaces.routes import targets
from multimail.surfaces.typescript_client import typescript_client

FOLDER: Final = Path(__file__).parent.parent.parent / "contracts"
CLIENT: Final = "../src/multimail/client"  # the methods of the Python SDK
TYPESCRIPT: Final = "../clients/typescript/src/operations.ts"
COMMANDS: Final = "../src/multimail/commands/operations.json"
REFERENCE: Final = "../docs/reference.md"  # for people
NOTES: Final = "breaks.txt"
METHODS: Final = ("get", "post", "put", "patch", "delete")
DEPTH: Final = 8

# A limit that moved this way refuses what was accepted before.
LIMITS: Final = {
    **dict.fromkeys(("maxLength", "maximum", "maxItems", "maxProperties"), -1),
    **dict.fromkeys(("minLength", "minimum", "minItems", "minProperties"), 1),
}

Schema = Mapping[str, Any]


def contract_files() -> dict[str, str]:
    """File name → text, the same on every machine."""
    lines = [
        f"{target.method:<6} {target.path}  {target.operation.name}  {'|'.join(target.operation.scopes)}"
        for target in targets(OPERATIONS)
    ]
    return {
        "openapi.json": _written(describe(OPERATIONS)),
        "routes.txt": "\n".join(sorted(lines, key=_by_path)) + "\n",
        REFERENCE: reference(OPERATIONS),
        **{f"tools.{name}.json": _written(tool_schemas(choose(OPERATIONS), name)) for name in FORMATS},
        f"{CLIENT}/sync.py": python_client(OPERATIONS, asynchronous=False),
        f"{CLIENT}/aio.py": python_client(OPERATIONS, asynchronous=True),
        TYPESCRIPT: typescript_client(OPERATIONS),
        COMMANDS: _written(command_table(OPERATIONS)),
    }


def _written(value: Any) -> str:
    return json.dumps(value, indent=1, ensure_ascii=False, sort_keys=True) + "\n"


def _by_path(line: str) -> list[str]:
    return line.split()[1::-1]


def compare(old: Schema, new: Schema) -> list[str]:
    """What of `new`, an OpenAPI description, breaks a client that was written for `old`."""
    return [problem for problem in _compare(old, new) if problem]


def _compare(old: Schema, new: Schema) -> Iterator[str]:
    for path, routes in old["paths"].items():
        for method in METHODS:
            if method not in routes:
                continue
            where = f"{method.upper()} {path}"
            now = new["paths"].get(path, {}).get(method)
            if now is None:
                yield f"{where}: the route is gone"
                continue
            if now["operationId"] != routes[method]["operationId"]:
                yield f"{where}: {routes[method]['operationId']} became {now['operationId']}"
            for problem in _compare_operation(routes[method], now, old, new):
                yield f"{where}: {problem}"


def _compare_operation(was: Schema, now: Schema, old: Schema, new: Schema) -> Iterator[str]:
    if not set(was.get("x-scopes", ())) <= set(now.get("x-scopes", ())):
        yield f"scopes {', '.join(was['x-scopes'])} no longer suffice"
    yield from _compare_inputs(_inputs(was, old), _inputs(now, new), old, new)
    for status in (status for status in was["responses"] if status.startswith("2")):
        if status not in now["responses"]:
            yield f"no longer answers {status}"
            continue
        before = _answer(was["responses"][status])
        yield from _compare_answers(status, before, _answer(now["responses"][status]), old, new)


def _inputs(operation: Schema, document: Schema) -> dict[str, tuple[Schema, bool, frozenset[str]]]:
    """Name → (schema, required, other names), over parameters and body."""
    found: dict[str, tuple[Schema, bool, frozenset[str]]] = {}
    for parameter in operation.get("parameters", ()):
        one = _resolve(parameter, document)
        found[one["name"]] = (one["schema"], one.get("required", False), frozenset(one.get("x-aliases", ())))
    content = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
    body = _resolve(content.get("schema", {}), document)
    for name, schema in body.get("properties", {}).items():
        found[name] = (schema, name in body.get("required", ()), frozenset(schema.get("x-aliases", ())))
    return found


def _compare_inputs(
    was: Mapping[str, tuple[Schema, bool, frozenset[str]]],
    now: Mapping[str, tuple[Schema, bool, frozenset[str]]],
    old: Schema,
    new: Schema,
) -> Iterator[str]:
    for name, (schema, required, aliases) in now.items():
        if required and not (name in was and was[name][1]):
            yield f"input {name} is newly required"
        if name not in was:
            continue
        yield from (f"input {name} lost the name {alias}" for alias in sorted(was[name][2] - aliases))
        yield from (f"input {name}: {problem}" for problem in _narrowed(was[name][0], schema, old, new))
    yield from (f"input {name} is gone" for name in was if name not in now)


def _narrowed(was: Schema, now: Schema, old: Schema, new: Schema, depth: int = 0) -> Iterator[str]:
    """What an older client may send and the newer schema refuses: values, types, limits."""
    was, now = _resolve(was, old), _resolve(now, new)
    before, after = _values(was, old), _values(now, new)
    if after is not None and (before is None or not before <= after):
        yield "fewer values are allowed: " + ", ".join(sorted((before or {"any"}) - after))
    lost = _types(was, old) - _types(now, new)
    if lost:
        yield f"no longer takes {', '.join(sorted(lost))}"
    for limit, direction in LIMITS.items():
        if limit in now and (limit not in was or (now[limit] - was[limit]) * direction > 0):
            yield f"{limit} is stricter: {now[limit]}"
    if depth < DEPTH and "items" in was and "items" in now:
        yield from _narrowed(was["items"], now["items"], old, new, depth + 1)


def _values(schema: Schema, document: Schema) -> set[str] | None:
    """The values of an enum, None where any value of the type will do."""
    kinds = [_resolve(kind, document) for kind in schema.get("anyOf", ())] or [schema]
    found = [
        kind["enum"] if "enum" in kind else [kind["const"]] for kind in kinds if {"enum", "const"} & {*kind}
    ]
    others = [kind for kind in kinds if not {"enum", "const"} & {*kind} and kind.get("type") != "null"]
    return None if others or not found else {str(value) for values in found for value in values}


def _types(schema: Schema, document: Schema) -> set[str]:
    kinds = [_resolve(kind, document) for kind in schema.get("anyOf", ())] or [schema]
    return {str(kind["type"]) for kind in kinds if "type" in kind}


def _answer(response: Schema) -> Schema:
    schema: Schema = response.get("content", {}).get("application/json", {}).get("schema", {})
    return schema


def _compare_answers(
    where: str, was: Schema, now: Schema, old: Schema, new: Schema, depth: int = 0
) -> Iterator[str]:
    """Fields that are gone, that may now be missing, or that may now be of another type."""
    was, now = _resolve(was, old), _resolve(now, new)
    wider = _types(now, new) - _types(was, old)
    if wider and _types(was, old):
        yield f"answer {where} may now be {', '.join(sorted(wider))}"
    if depth >= DEPTH:
        return
    (fields, always), (fields_now, always_now) = _fields(was, old), _fields(now, new)
    for name, schema in fields.items():
        here = f"{where}.{name}"
        if name not in fields_now:
            yield f"answer {here} is gone"
            continue
        if name in always - always_now:
            yield f"answer {here} may now be missing"
        yield from _compare_answers(here, schema, fields_now[name], old, new, depth + 1)
    if "items" in was and "items" in now:
        yield from _compare_answers(f"{where}[]", was["items"], now["items"], old, new, depth + 1)


def _fields(schema: Schema, document: Schema) -> tuple[dict[str, Schema], set[str]]:
    """The fields of an object, or of all that it may be, and those that each of them has."""
    kinds = [_resolve(kind, document) for kind in schema.get("anyOf", ())] or [schema]
    objects = [kind for kind in kinds if "properties" in kind]
    fields = {name: field for kind in reversed(objects) for name, field in kind["properties"].items()}
    always = [set(kind.get("required", ())) for kind in objects]
    return fields, set.intersection(*always) if always else set()


def _resolve(schema: Schema, document: Schema) -> Schema:
    while "$ref" in schema:
        found: Any = document
        for part in schema["$ref"].removeprefix("#/").split("/"):
            found = found[part]
        schema = found
    return schema


def check(folder: Path, files: Mapping[str, str]) -> list[str]:
    """A diff for each file that is not what the code makes."""
    diffs: list[str] = []
    for name, text in files.items():
        path = folder / name
        committed = path.read_text() if path.exists() else ""
        lines = committed.splitlines(keepends=True), text.splitlines(keepends=True)
        diffs += difflib.unified_diff(*lines, f"committed {name}", f"{name} of the code")
    return diffs


def breaks(folder: Path, files: Mapping[str, str]) -> list[str]:
    committed = folder / "openapi.json"
    if not committed.exists():
        return []
    return compare(json.loads(committed.read_text()), json.loads(files["openapi.json"]))


def noted(folder: Path) -> list[str]:
    """The problems that somebody took on purpose."""
    path = folder / NOTES
    return path.read_text().splitlines() if path.exists() else []


def breaks_since(folder: Path, ref: str, files: Mapping[str, str]) -> list[str]:
    """What breaks a client of the contract as it was at a git revision. Raises CalledProcessError for no revision."""
    git = ["git", "-C", str(folder), "show", f"{ref}:./openapi.json"]
    older = subprocess.run(git, check=True, capture_output=True, text=True).stdout  # noqa: S603  # a developer's own
    known = noted(folder)
    return [one for one in compare(json.loads(older), json.loads(files["openapi.json"])) if one not in known]


def main(arguments: Sequence[str], folder: Path = FOLDER) -> int:
    files = contract_files()
    if "--since" in arguments:
        found = breaks_since(folder, arguments[arguments.index("--since") + 1], files)
        sys.stderr.writelines(f"breaks older clients: {problem}\n" for problem in found)
        return 1 if found else 0
    broken = breaks(folder, files)
    sys.stderr.writelines(f"breaks older clients: {problem}\n" for problem in broken)
    if "--check" in arguments:
        diffs = check(folder, files)
        sys.stdout.writelines(diffs)
        return 1 if diffs else 0
    if broken and "--break" not in arguments:
        return 1
    if broken:
        (folder / NOTES).write_text("".join(f"{one}\n" for one in dict.fromkeys([*noted(folder), *broken])))
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
