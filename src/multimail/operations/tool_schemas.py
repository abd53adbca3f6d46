"""Tool schemas: every operation that an agent may call, in the dialect of each model API. Pure.

All dialects come from one schema per operation: its input model's, with references written out and titles, which
say what names say, left out. Sources: OpenAI, "Structured Outputs: supported schemas" (strict: every property
required, no others, no maps); Anthropic, "Tool use"; Model Context Protocol 2025-06-18, "Tools"; Gemini API,
"Schema" (a subset of OpenAPI 3.0).
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Any, Final, Literal, get_args

from pydantic import TypeAdapter

from multimail.core.scopes import KEY_SCOPES, Scope
from multimail.operations.archive import BYTES
from multimail.operations.consent import PendingApproval
from multimail.operations.operation import Operation

Schema = dict[str, Any]
Format = Literal["openai", "responses", "azure", "anthropic", "gemini", "mcp", "json_schema"]

FORMATS: Final[tuple[Format, ...]] = get_args(Format)
AGENT_SCOPES: Final = (Scope.READ, Scope.SEND)

# Limits that strict function calling, of one vendor or another, does not take: they are told in words instead.
WORDS: Final = {
    "maxLength": "at most {} characters",
    "maximum": "at most {}",
    "minimum": "at least {}",
    "maxItems": "at most {} items",
    "format": "{}",
    "default": "by default {}",
}
STRICT_KEYS: Final = frozenset({"type", "description", "enum", "anyOf", "items", "properties", "required"})
NULL: Final = {"type": "null"}
GEMINI_KEYS: Final = STRICT_KEYS | {"maxLength", "minLength", "maximum", "minimum", "maxItems", "minItems"}


def is_tool(operation: Operation) -> bool:
    """Whether a program with a key may call it and gets JSON: bytes are nothing that a model can be given."""
    return operation.output not in BYTES and any(scope in KEY_SCOPES for scope in operation.scopes)


def choose(
    operations: Sequence[Operation], names: Collection[str] = (), scopes: Collection[Scope] = ()
) -> list[Operation]:
    """The tools among `operations`: those of `names`, or all; then those that one of `scopes` is enough for.

    Without either, what an agent's key may do: read and send. Raises KeyError for a name of no tool.
    """
    tools = {operation.name: operation for operation in operations if is_tool(operation)}
    chosen = [tools[name] for name in names] or list(tools.values())
    wanted = set(scopes or (KEY_SCOPES if names else AGENT_SCOPES))
    return [operation for operation in chosen if wanted & set(operation.scopes)]


def tool_schemas(operations: Sequence[Operation], dialect: Format, *, strict: bool = True) -> list[Schema]:
    """What an SDK takes as `tools`. `strict` counts for openai, responses and azure, where it can be said."""
    return DIALECTS[dialect](operations, strict)


def parameters(operation: Operation) -> Schema:
    """The JSON Schema of the operation's input, whole: no references, no titles."""
    return _object(_inlined(operation.input.model_json_schema()))


def answer(operation: Operation) -> Schema:
    """The JSON Schema of its answer: an object, or one of two where an owner may have to agree first."""
    schema = _object(_inlined(TypeAdapter(operation.output).json_schema(mode="serialization")))
    if operation.needs_owner is None:
        return schema
    return {
        "type": "object",
        "anyOf": [schema, _object(_inlined(TypeAdapter(PendingApproval).json_schema()))],
    }


def _object(schema: Schema) -> Schema:
    kept = {key: value for key, value in schema.items() if key not in ("$defs", "description")}
    return {"type": "object", "properties": {}} | kept


def _inlined(schema: Schema, defs: Mapping[str, Schema] | None = None) -> Schema:
    """The same schema with each reference replaced by what it names. Our models are no trees, so it ends."""
    defs = schema.get("$defs", {}) if defs is None else defs
    if "$ref" in schema:
        found = _inlined(defs[schema["$ref"].rpartition("/")[2]], defs)
        return found | {key: value for key, value in schema.items() if key != "$ref"}
    return _each(schema, lambda part: _inlined(part, defs), without=("title",))


def _each(schema: Schema, change: Callable[[Schema], Schema], without: Collection[str] = ()) -> Schema:
    """The schema with `change` made to every schema right inside it, and keywords left out."""
    changed = {key: value for key, value in schema.items() if key not in without}
    if "properties" in changed:
        changed["properties"] = {name: change(part) for name, part in changed["properties"].items()}
    if "anyOf" in changed:
        changed["anyOf"] = [change(part) for part in changed["anyOf"]]
    for key in ("items", "additionalProperties"):
        if isinstance(changed.get(key), dict):
            changed[key] = change(changed[key])
    return changed


def strict_schema(schema: Schema, *, outermost: bool = True) -> Schema | None:
    """The part of `schema` that OpenAI's strict mode can say, every property required. None where it can say none.

    Null stands for an optional input that was left out, as the surface takes it at the outermost level; an optional
    map is left out of the schema, as there are no maps in it.
    """
    shown = _plain(schema, STRICT_KEYS)
    if "anyOf" in shown:
        return _united(shown, [strict_schema(part, outermost=False) for part in schema["anyOf"]])
    if shown.get("type") == "array":
        items = strict_schema(schema["items"], outermost=False)
        return items and shown | {"items": items}
    if shown.get("type") != "object":
        return shown
    if "properties" not in schema:
        return None
    required = schema.get("required", ())
    fields = {name: strict_schema(part, outermost=False) for name, part in schema["properties"].items()}
    if any(fields[name] is None for name in required):
        return None
    said = {
        name: _or_null(field) if outermost and name not in required else field
        for name, field in fields.items()
        if field is not None
    }
    return shown | {"properties": said, "required": list(said), "additionalProperties": False}


def _united(shown: Schema, kinds: Sequence[Schema | None]) -> Schema | None:
    """A union of those kinds that can be said; one alone is no union."""
    known = [kind for kind in kinds if kind is not None]
    if len(known) > 1:
        return shown | {"anyOf": known}
    return known[0] | {key: value for key, value in shown.items() if key != "anyOf"} if known else None


def _or_null(schema: Schema) -> Schema:
    description = {key: value for key, value in schema.items() if key == "description"}
    kinds = schema.get("anyOf") or [{key: value for key, value in schema.items() if key != "description"}]
    return description | {"anyOf": [*(kind for kind in kinds if kind != NULL), NULL]}


def _plain(schema: Schema, keys: frozenset[str]) -> Schema:
    """Only these keywords; of the others, limits and defaults are told in the description."""
    enum = {"enum": [schema["const"]]} if "const" in schema else {}
    said = [schema["description"]] if "description" in schema else []
    told = [words.format(schema[key]) for key, words in WORDS.items() if key not in keys and schema.get(key)]
    text = " ".join(said + ([f"({', '.join(told)})"] if told else []))
    kept = {key: value for key, value in (schema | enum).items() if key in keys}
    return kept | ({"description": text} if text else {})


def _functions(operations: Sequence[Operation], strict: bool) -> Iterator[tuple[Operation, Schema, Schema]]:
    """Each operation with its parameters, strict where wanted and possible, and what says so."""
    for operation in operations:
        whole = parameters(operation)
        narrow = strict_schema(whole) if strict else None
        yield operation, narrow or whole, {"strict": narrow is not None}


def _openai(operations: Sequence[Operation], strict: bool) -> list[Schema]:
    """Chat Completions and Assistants; Azure OpenAI too."""
    return [
        {"type": "function", "function": _named(operation) | {"parameters": given} | said}
        for operation, given, said in _functions(operations, strict)
    ]


def _responses(operations: Sequence[Operation], strict: bool) -> list[Schema]:
    return [
        {"type": "function"} | _named(operation) | {"parameters": given} | said
        for operation, given, said in _functions(operations, strict)
    ]


def _azure(operations: Sequence[Operation], strict: bool) -> list[Schema]:
    """Azure AI Inference, whose FunctionDefinition has no word for strict; the schema is narrow all the same."""
    return [
        {"type": "function", "function": _named(operation) | {"parameters": given}}
        for operation, given, _ in _functions(operations, strict)
    ]


def _anthropic(operations: Sequence[Operation], strict: bool) -> list[Schema]:
    return [_named(operation) | {"input_schema": parameters(operation)} for operation in operations]


def _gemini(operations: Sequence[Operation], strict: bool) -> list[Schema]:
    declarations = []
    for operation in operations:
        given = _gemini_schema(parameters(operation)) or {}
        declarations.append(_named(operation) | ({"parameters": given} if given.get("properties") else {}))
    return [{"functionDeclarations": declarations}]


def _gemini_schema(schema: Schema) -> Schema | None:
    """A schema of the Gemini API; None for a map, which it can't say."""
    shown = _plain(schema, GEMINI_KEYS)
    if "anyOf" in shown:
        kinds = [_gemini_schema(part) for part in schema["anyOf"] if part != NULL]
        united = _united(shown, kinds)
        return united and united | ({"nullable": True} if NULL in schema["anyOf"] else {})
    if shown.get("type") == "object":
        if "properties" not in schema:
            return None
        fields = {name: _gemini_schema(part) for name, part in schema["properties"].items()}
        shown["properties"] = {name: field for name, field in fields.items() if field is not None}
    if shown.get("type") == "array":
        shown["items"] = _gemini_schema(schema["items"])
    return shown | {"type": shown["type"].upper()}


def _mcp(operations: Sequence[Operation], strict: bool) -> list[Schema]:
    return [mcp_input(operation) | {"outputSchema": answer(operation)} for operation in operations]


def mcp_input(operation: Operation) -> Schema:
    """An MCP tool but for its answer, which may be a file."""
    return _named(operation) | {
        "title": operation.name.replace("_", " ").capitalize(),
        "inputSchema": parameters(operation),
        "annotations": {
            "readOnlyHint": operation.effect == "read",
            "destructiveHint": operation.effect == "destructive",
            "idempotentHint": operation.effect == "read" or operation.idempotent,
            "openWorldHint": Scope.SEND in operation.scopes,
        },
    }


def _json_schema(operations: Sequence[Operation], strict: bool) -> list[Schema]:
    """A schema whose title is the tool's name, as LangChain's bind_tools takes it."""
    return [
        {"title": operation.name, "description": operation.summary} | parameters(operation)
        for operation in operations
    ]


def _named(operation: Operation) -> Schema:
    return {"name": operation.name, "description": operation.summary}


DIALECTS: Final[Mapping[Format, Callable[[Sequence[Operation], bool], list[Schema]]]] = {
    "openai": _openai,
    "responses": _responses,
    "azure": _azure,
    "anthropic": _anthropic,
    "gemini": _gemini,
    "mcp": _mcp,
    "json_schema": _json_schema,
}
