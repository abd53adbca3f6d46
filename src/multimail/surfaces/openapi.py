"""OpenAPI 3.1 from the registry: every route of every operation, described by the operation itself."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from pydantic import TypeAdapter

from multimail.core.errors import ERRORS
from multimail.core.scopes import Scope
from multimail.operations.archive import BYTES
from multimail.operations.composing import Metadata
from multimail.operations.consent import PendingApproval
from multimail.operations.operation import COMMON_ERRORS, Operation
from multimail.surfaces.routes import Target, targets
from multimail.surfaces.spellings import LISTS, MESSAGE, REFERENCE, is_email

Schema = dict[str, Any]

REF: Final = "#/components/schemas/"
ABOUT: Final = """\
Each operation has one name, one input and one output, and up to three spellings of its route: resources, \
flat and by name. Inputs have further names (`x-aliases`); two with different values are 422 \
conflicting_fields. Unknown fields of a body, and of objects in it, are ignored and named in the answer's \
`warnings`. Every answer has X-Request-Id. Where a key's rate is limited, RateLimit and RateLimit-Policy come with \
every answer that succeeds and with 429 rate_limited; every 429 has Retry-After, in seconds."""
ERROR: Final[Schema] = {
    "type": "object",
    "required": ["error", "code", "request_id"],
    "properties": {
        "error": {"type": "string", "description": "One sentence for a person."},
        "code": {"type": "string", "description": "Stable; the closed set of codes."},
        "request_id": {"type": "string"},
        "hint": {"type": "string", "description": "What would allow it."},
        "status": {"type": "string", "description": "The state that is in the way."},
        "fields": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["path", "message"],
                "properties": {"path": {"type": "string"}, "message": {"type": "string"}},
            },
        },
    },
}
HEADERS: Final = {
    "X-MultiMail-Thread-Id": ("Kept as metadata thread_id.", 0, 512),
    "X-MultiMail-Run-Id": ("Kept as metadata run_id.", 0, 512),
    "X-MultiMail-Assistant-Id": ("Kept as metadata assistant_id.", 0, 512),
    "Idempotency-Key": ("The same key and content give the first answer again, for 24 hours.", 1, 255),
}
SECURITY: Final = {
    "bearer": {"type": "http", "scheme": "bearer", "description": "An API key: mm_live_… or mm_test_…"},
    "api_key": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
}


def describe(operations: Sequence[Operation]) -> Schema:
    """The whole description; the same for the same registry, in its order."""
    inputs, outputs, schemas = _schemas(operations)
    components: dict[str, Schema] = {
        "schemas": schemas | {"Error": ERROR, "PendingApproval": TypeAdapter(PendingApproval).json_schema()}
    }
    components["responses"] = {}
    components["parameters"] = {
        name: {
            "name": name,
            "in": "header",
            "description": text,
            "schema": {"type": "string", "minLength": least, "maxLength": limit},
        }
        for name, (text, least, limit) in HEADERS.items()
    }
    components["securitySchemes"] = dict(SECURITY)
    paths: dict[str, Schema] = {}
    seen: set[str] = set()
    for target in targets(operations):
        name = operation_id(target)
        if name in seen:
            raise ValueError(f"two routes are {name}")
        seen.add(name)
        shown = _operation(target, name, inputs[target.operation.name], outputs, components)
        paths.setdefault(target.path, {})[target.method.lower()] = shown
    _link(operations, paths, components["schemas"])
    return {
        "openapi": "3.1.0",
        "info": {"title": "MultiMail", "version": "1", "description": ABOUT},
        "paths": paths,
        "components": components,
    }


def _link(operations: Sequence[Operation], paths: dict[str, Schema], schemas: Mapping[str, Schema]) -> None:
    """What can be done next with what an operation made: its ids, as the paths of others name them."""
    own = {item.name: paths[item.path][item.method.lower()] for item in operations}
    for maker in operations:
        if maker.status not in (201, 202) or maker.output in BYTES:
            continue
        answer = own[maker.name]["responses"][str(maker.status)]
        schema = answer["content"]["application/json"]["schema"]
        made = schemas.get(schema.get("$ref", "").removeprefix(REF), {}).get("properties", {})
        links = {}
        for item in operations:
            wanted = sorted(part.strip("{}") for part in item.path.split("/") if part.startswith("{"))
            found = {name: _made(item, name, made) for name in wanted}
            if found and item is not maker and None not in found.values():
                given = {f"path.{name}": f"$response.body#/{field}" for name, field in found.items()}
                links[item.name] = {"operationId": item.name, "parameters": given}
        if links:
            answer["links"] = links


def _made(operation: Operation, name: str, made: Mapping[str, Schema]) -> str | None:
    """The field of an answer that this input of a path takes. `id` alone says of nothing what it is the id of."""
    others = [alias for alias, canonical in operation.aliases.items() if canonical == name]
    return next((one for one in (name, *others) if one in made and one.endswith("_id")), None)


def operation_id(target: Target) -> str:
    """The operation's name for its own route, with a suffix for each further spelling."""
    operation = target.operation
    if (target.method, target.path) == (operation.method, operation.path):
        return operation.name
    if target.inputs or (target.named and target.path != f"/{operation.name}"):
        return f"{operation.name}__{target.path.rpartition('/')[2]}"
    suffix = "by_name" if target.named else "flat"
    return f"{operation.name}__{suffix}" + ("_get" if target.method == "GET" else "")


def _schemas(
    operations: Sequence[Operation],
) -> tuple[dict[str, Schema], dict[str, Schema], dict[str, Schema]]:
    """Input by operation (resolved), output by operation, and everything they refer to."""
    asked: list[Any] = [(("in", item.name), "validation", TypeAdapter(item.input)) for item in operations]
    asked += [
        (("out", item.name), "serialization", TypeAdapter(item.output))
        for item in operations
        if item.output not in BYTES
    ]
    found, shared = TypeAdapter.json_schemas(asked, ref_template=REF + "{model}")
    defs: dict[str, Schema] = shared.get("$defs", {})
    inputs = {item.name: _resolved(found[("in", item.name), "validation"], defs) for item in operations}
    outputs = {key[1]: schema for (key, mode), schema in found.items() if mode == "serialization"}
    own = {
        schema.get("$ref", "").removeprefix(REF)
        for (_, mode), schema in found.items()
        if mode == "validation"
    }
    return inputs, outputs, {name: schema for name, schema in sorted(defs.items()) if name not in own}


def _resolved(schema: Schema, defs: Mapping[str, Schema]) -> Schema:
    return defs[schema["$ref"].removeprefix(REF)] if "$ref" in schema else schema


def _operation(
    target: Target, name: str, given: Schema, outputs: Mapping[str, Schema], components: dict[str, Schema]
) -> Schema:
    operation = target.operation
    first, _, rest = operation.summary.partition("\n")
    public = Scope.PUBLIC in operation.scopes
    shown: Schema = {
        "operationId": name,
        "tags": [
            "by name" if target.named else "flat" if not target.inputs and "__" in name else "resources"
        ],
        "summary": first,
        "description": operation.summary if rest else first,
        "x-scopes": list(operation.scopes),
        "security": [] if public else [{scheme: []} for scheme in SECURITY],
        "parameters": _parameters(target, given),
    }
    if target.method in ("POST", "PUT", "PATCH"):
        body = _body(target, given)
        content = {"application/json": {"schema": body}}
        shown["requestBody"] = {"required": bool(body.get("required")), "content": content}
    shown["responses"] = _answers(target, outputs, components) | _errors(target, components["responses"])
    return shown


def _fields(target: Target, given: Schema) -> dict[str, Schema]:
    """The inputs beside those of the path and those that the route pins, with their other names."""
    taken = {*target.pinned, *(target.spelling.names[name] for name in target.inputs)}
    return {
        name: schema | _aliases(target.operation, name)
        for name, schema in given.get("properties", {}).items()
        if name not in taken
    }


def _aliases(operation: Operation, name: str) -> Schema:
    others = [alias for alias, canonical in operation.aliases.items() if canonical == name]
    return {"x-aliases": others} if others else {}


def _parameters(target: Target, given: Schema) -> list[Schema]:
    found: list[Schema] = []
    for name in target.inputs:
        schema = given["properties"][target.spelling.names[name]]
        found.append(_parameter(name, "path", {**_without_null(schema), "minLength": 1}, required=True))
    if target.method in ("GET", "DELETE"):
        required = given.get("required", ())
        for name, schema in _fields(target, given).items():
            found.append(_parameter(name, "query", _without_null(schema), required=name in required))
    names = list(HEADERS) if target.operation.idempotent else list(HEADERS)[:3]
    return found + [{"$ref": f"#/components/parameters/{name}"} for name in names]


def _parameter(name: str, place: str, schema: Schema, *, required: bool) -> Schema:
    shown: Schema = {"name": name, "in": place, "required": required}
    for key in ("description", "x-aliases"):
        if key in schema:
            shown[key] = schema[key]
    return shown | {"schema": {k: v for k, v in schema.items() if k not in ("description", "x-aliases")}}


def _without_null(schema: Schema) -> Schema:
    """A query can't say null, so an optional parameter is its other type alone."""
    kinds = [kind for kind in schema.get("anyOf", ()) if kind != {"type": "null"}]
    plain = {k: v for k, v in schema.items() if k != "anyOf" and not (k == "default" and v is None)}
    return {**kinds[0], **plain} if len(kinds) == 1 else plain | ({"anyOf": kinds} if kinds else {})


def _body(target: Target, given: Schema) -> Schema:
    properties = _fields(target, given)
    for name in properties.keys() & target.spelling.droppable:
        properties[name] = _nullable(properties[name])
    properties.setdefault("metadata", _nullable(TypeAdapter(Metadata).json_schema()))
    required = [name for name in given.get("required", ()) if name in properties]
    body: Schema = {"type": "object", "properties": properties}
    return body | ({"required": required} if required else {})


def _nullable(schema: Schema) -> Schema:
    """Null says that an optional input was left out, as strict function calling has it."""
    outer = ("default", "description", "x-aliases", "title")
    inner = {k: v for k, v in schema.items() if k not in outer}
    kinds = inner["anyOf"] if inner.keys() == {"anyOf"} else [inner]
    return {k: v for k, v in schema.items() if k in outer} | {"anyOf": [*kinds, {"type": "null"}]}


def _answers(target: Target, outputs: Mapping[str, Schema], components: dict[str, Schema]) -> Schema:
    operation = target.operation
    if operation.output in BYTES:
        shown: Schema = {"description": "The bytes.", "content": {"*/*": {"schema": {"type": "string"}}}}
    else:
        shown = {"description": "Done.", "content": _content(target, outputs, components)}
    answers: Schema = {str(operation.status): shown}
    if operation.idempotent:
        again = "The first answer again: `idempotent` is true."
        answers["200"] = {"description": again, "content": shown["content"]}
    if operation.needs_owner is not None:
        pending = {"application/json": {"schema": {"$ref": f"{REF}PendingApproval"}}}
        answers["202"] = {
            "description": "An owner must agree: repeat with approval_code.",
            "content": pending,
        }
    return answers


def _content(target: Target, outputs: Mapping[str, Schema], components: dict[str, Schema]) -> Schema:
    schema = outputs[target.operation.name]
    if target.named:
        schema = by_name_schema(schema, components["schemas"])
    content: Schema = {"application/json": {"schema": schema}}
    if target.operation.streams and target.method == "GET":
        content["text/event-stream"] = {"schema": {"type": "string"}}
    if target.operation.page and target.inputs:
        content["text/html"] = {"schema": {"type": "string"}}
    return content


def _errors(target: Target, responses: Schema) -> Schema:
    operation = target.operation
    codes = {*COMMON_ERRORS, *operation.errors, *(["not_found"] if target.inputs else [])}
    codes |= {"unsupported_media_type"} if target.method not in ("GET", "HEAD") else set()
    codes |= {"storage_full"} if operation.transactional else set()
    if Scope.PUBLIC in operation.scopes:
        codes -= {"insufficient_scope", "rate_limited"} - set(operation.errors)
    by_status: dict[int, list[str]] = {}
    for code in sorted(codes):
        by_status.setdefault(ERRORS[code].status, []).append(code)
    return {str(status): _error(responses, by_status[status]) for status in sorted(by_status)}


def _error(responses: Schema, codes: Sequence[str]) -> Schema:
    name = ".".join(codes)
    schema = {"allOf": [{"$ref": f"{REF}Error"}, {"properties": {"code": {"enum": list(codes)}}}]}
    text = " ".join(f"`{code}`: {ERRORS[code].sentence}" for code in codes)
    responses.setdefault(name, {"description": text, "content": {"application/json": {"schema": schema}}})
    return {"$ref": f"#/components/responses/{name}"}


def by_name_schema(schema: Schema, schemas: dict[str, Schema]) -> Schema:
    """What spellings.by_name makes of an answer of this schema; new shapes are added to `schemas`."""
    name = schema["$ref"].removeprefix(REF)
    answer = schemas[name]
    if is_email(answer["properties"]):
        return _message(name, schemas)
    properties = {
        LISTS.get(field, field): _nested(value, schemas) for field, value in answer["properties"].items()
    }
    if properties == answer["properties"]:
        return schema
    required = [LISTS.get(field, field) for field in answer.get("required", ())]
    return _add(f"{name}ByName", answer | {"properties": properties, "required": required}, schemas)


def _nested(value: Schema, schemas: dict[str, Schema]) -> Schema:
    if value.get("type") == "array":
        return value | {"items": _nested(value["items"], schemas)}
    if "anyOf" in value:
        return value | {"anyOf": [_nested(kind, schemas) for kind in value["anyOf"]]}
    name = value.get("$ref", "").removeprefix(REF)
    properties = schemas.get(name, {}).get("properties", {})
    if is_email(properties):
        return _message(name, schemas)
    if "email_id" not in properties or "event_id" in properties:
        return value
    return _add(f"{name}ByName", _renamed(schemas[name], REFERENCE), schemas)


def _message(name: str, schemas: dict[str, Schema]) -> Schema:
    email = _renamed(schemas[name], MESSAGE)
    date = {"type": "string", "description": "When it was received, or else created."}
    required = [*email.get("required", ()), "date"]
    shown = email | {"properties": email["properties"] | {"date": date}, "required": required}
    return _add(f"{name}Message", shown, schemas)


def _renamed(schema: Schema, names: Mapping[str, str]) -> Schema:
    properties = schema["properties"]

    def new(name: str) -> str:
        return name if names.get(name, name) in properties else names[name]

    def each(fields: Iterable[str]) -> list[str]:
        return [new(field) for field in fields]

    return schema | {
        "properties": {new(field): value for field, value in properties.items()},
        "required": each(schema.get("required", ())),
    }


def _add(name: str, schema: Schema, schemas: dict[str, Schema]) -> Schema:
    schemas.setdefault(name, schema | {"title": name})
    return {"$ref": REF + name}
