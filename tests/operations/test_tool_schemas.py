"""Each dialect, for every tool, against what its vendor's own types and rules take."""

import json
from collections.abc import Iterator
from typing import Any

import mcp_types
import pytest
from anthropic.types import ToolParam
from azure.ai.inference.models import ChatCompletionsToolDefinition
from google.genai.types import Tool as GeminiTool
from jsonschema import Draft202012Validator
from langchain_core.utils.function_calling import convert_to_openai_tool
from openai.types.chat import ChatCompletionFunctionToolParam
from openai.types.responses import FunctionToolParam
from pydantic import ConfigDict, TypeAdapter

from multimail.core.scopes import KEY_SCOPES, Scope
from multimail.operations.operation import read_input
from multimail.operations.registry import BY_NAME, OPERATIONS
from multimail.operations.tool_schemas import FORMATS, choose, is_tool, strict_schema, tool_schemas

TOOLS = [operation for operation in OPERATIONS if is_tool(operation)]
UNION = {"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]}
MAP = {"type": "object", "additionalProperties": {"type": "string"}}


def within(schema: Any) -> Iterator[dict[str, Any]]:
    """Every schema in a schema."""
    yield schema
    inner = [*schema.get("properties", {}).values(), *schema.get("anyOf", ())]
    for key in ("items", "additionalProperties"):
        inner += [schema[key]] if isinstance(schema.get(key), dict) else []
    for part in inner:
        yield from within(part)


def test_tools_are_what_a_key_may_call_and_gets_json_of() -> None:
    names = {operation.name for operation in TOOLS}
    assert {"send_email", "read_email", "create_mailbox", "decide_email"} <= names
    assert not {"download_attachment", "open_attachment_link", "list_tools"} & names


def test_an_agent_gets_reading_and_sending_unless_it_asks_otherwise() -> None:
    plain = choose(OPERATIONS)
    assert all({Scope.READ, Scope.SEND} & set(operation.scopes) for operation in plain)
    assert BY_NAME["create_mailbox"] not in plain and BY_NAME["send_email"] in plain
    assert BY_NAME["send_email"] not in choose(OPERATIONS, scopes=[Scope.READ])
    assert choose(OPERATIONS, ["create_mailbox", "send_email"]) == [
        BY_NAME["create_mailbox"],
        BY_NAME["send_email"],
    ]
    assert choose(OPERATIONS, ["create_mailbox", "send_email"], [Scope.SEND]) == [BY_NAME["send_email"]]
    with pytest.raises(KeyError):
        choose(OPERATIONS, ["download_attachment"])


@pytest.mark.parametrize("dialect", FORMATS)
def test_names_and_descriptions_are_the_registry_s(dialect: Any) -> None:
    made = tool_schemas(TOOLS, dialect)
    if dialect == "gemini":
        made = made[0]["functionDeclarations"]
    shown = [tool.get("function", tool) for tool in made]
    assert [tool.get("name") or tool["title"] for tool in shown] == [operation.name for operation in TOOLS]
    assert [tool["description"] for tool in shown] == [operation.summary for operation in TOOLS]
    assert all(len(tool["description"]) <= 1024 for tool in shown)  # OpenAI's bound
    assert "$ref" not in json.dumps(made) and "$defs" not in json.dumps(made)


SDK_TYPES = {
    "openai": ChatCompletionFunctionToolParam,
    "azure": ChatCompletionFunctionToolParam,
    "responses": FunctionToolParam,
    "anthropic": ToolParam,
}


@pytest.mark.parametrize("dialect", SDK_TYPES)
def test_the_sdk_s_own_types_take_it(dialect: Any) -> None:
    kind: Any = SDK_TYPES[dialect]
    taken: TypeAdapter[Any] = TypeAdapter(list[kind], config=ConfigDict(extra="forbid"))
    made = tool_schemas(TOOLS, dialect)
    assert taken.validate_python(made, strict=True) == made
    with pytest.raises(ValueError):
        taken.validate_python([{"type": "function", "function": {}}])


def test_gemini_s_azure_s_langchain_s_and_mcp_s_types_take_it() -> None:
    (gemini,) = tool_schemas(TOOLS, "gemini")
    declared = GeminiTool.model_validate(gemini).function_declarations
    azure = [ChatCompletionsToolDefinition(tool) for tool in tool_schemas(TOOLS, "azure")]
    langchain = [convert_to_openai_tool(tool)["function"] for tool in tool_schemas(TOOLS, "json_schema")]
    mcp = [mcp_types.Tool.model_validate(tool) for tool in tool_schemas(TOOLS, "mcp")]
    names = [operation.name for operation in TOOLS]
    assert [one.name for one in declared] == names
    assert [tool.function.name for tool in azure] == names
    assert [tool["name"] for tool in langchain] == names
    assert [tool.name for tool in mcp] == names
    for tool, operation in zip(langchain, TOOLS, strict=True):
        assert set(tool["parameters"]["properties"]) == set(operation.input.model_fields)


@pytest.mark.parametrize("dialect", ["openai", "responses"])
def test_strict_means_every_property_and_no_other(dialect: Any) -> None:
    """OpenAI, Structured Outputs: and no keyword that one of its deployments refuses."""
    keys = {"type", "description", "enum", "anyOf", "items", "properties", "required", "additionalProperties"}
    for tool in tool_schemas(TOOLS, dialect):
        function = tool.get("function", tool)
        assert function["strict"] is True, function["name"]
        assert function["parameters"]["type"] == "object"
        for schema in within(function["parameters"]):
            assert set(schema) <= keys
            if schema.get("type") == "object":
                assert schema["required"] == list(schema["properties"])
                assert schema["additionalProperties"] is False


def test_without_strict_the_whole_schema_is_given() -> None:
    tag = tool_schemas([BY_NAME["tag_email"]], "openai", strict=False)[0]["function"]
    assert tag["strict"] is False and tag["parameters"]["required"] == ["email_id"]
    assert any(kind.get("additionalProperties") for kind in tag["parameters"]["properties"]["tags"]["anyOf"])


def test_what_strict_can_t_say() -> None:
    assert strict_schema(MAP) is None
    needed = {"type": "object", "properties": {"map": MAP}, "required": ["map"]}
    assert strict_schema(needed) is None
    shown = strict_schema(needed | {"required": []})
    assert shown is not None and shown["properties"] == {}
    assert strict_schema({"anyOf": [MAP, {"type": "string"}]}) == {"type": "string"}


def test_what_can_t_be_said_as_a_keyword_is_said_in_words() -> None:
    given = {"type": "integer", "maximum": 100, "minimum": 1, "default": 20, "description": "How many."}
    assert strict_schema(given) == {
        "type": "integer",
        "description": "How many. (at most 100, at least 1, by default 20)",
    }


def test_null_may_stand_for_what_a_nested_object_has_a_default_for_only_outside() -> None:
    """The surface takes null for what was left out at the outermost level, and there alone."""
    send = tool_schemas([BY_NAME["send_email"]], "openai")[0]["function"]["parameters"]
    assert {"type": "null"} in send["properties"]["subject"]["anyOf"]
    assert {"type": "null"} not in send["properties"]["to"]["anyOf"]
    part = send["properties"]["attachments"]["anyOf"][0]["items"]
    assert part["properties"]["content_type"]["type"] == "string"


@pytest.mark.parametrize("dialect", FORMATS)
def test_it_is_json_schema_with_an_object_at_its_root(dialect: Any) -> None:
    for tool in tool_schemas(TOOLS, dialect):
        for name in ("parameters", "input_schema", "inputSchema", "outputSchema"):
            schema = tool.get("function", tool).get(name)
            if schema is not None:
                Draft202012Validator.check_schema(schema)
                assert schema["type"] == "object"


def test_mcp_says_what_a_call_may_do() -> None:
    made = {tool["name"]: tool for tool in tool_schemas(TOOLS, "mcp")}
    assert made["read_email"]["title"] == "Read email"
    assert made["read_email"]["annotations"]["readOnlyHint"] is True
    assert made["delete_mailbox"]["annotations"] == {
        "readOnlyHint": False,
        "destructiveHint": True,
        "idempotentHint": False,
        "openWorldHint": False,
    }
    assert made["send_email"]["annotations"]["openWorldHint"] is True
    validator = Draft202012Validator(made["delete_mailbox"]["outputSchema"])
    pending = {"status": "pending_approval", "request_id": "cod_1", "asks": "this", "hint": "that"}
    assert validator.is_valid(pending) and validator.is_valid({"id": "mbx_1", "deleted": True})
    assert not validator.is_valid({"id": "mbx_1"})


def test_gemini_has_its_own_words() -> None:
    made = {tool["name"]: tool for tool in tool_schemas(TOOLS, "gemini")[0]["functionDeclarations"]}
    assert "parameters" not in made["get_account"]  # an object without properties is refused
    for tool in made.values():
        for schema in within(tool.get("parameters", {})):
            assert "additionalProperties" not in schema and {"type": "null"} not in schema.get("anyOf", ())
            assert schema.get("type", "OBJECT").isupper()
    cursor = made["list_mailboxes"]["parameters"]["properties"]["cursor"]
    assert cursor == {"type": "STRING", "nullable": True}


async def test_a_strict_call_with_every_optional_input_null_is_taken(world) -> None:
    """What a model must write for 'left out' is what the surface takes for it."""
    tool = tool_schemas([BY_NAME["send_email"]], "openai")[0]["function"]["parameters"]
    given = dict.fromkeys(tool["required"]) | {
        "mailbox_id": world.mailbox["mailbox_id"],
        "to": ["bob@example.test"],
        "attachments": [{"name": "a.txt", "content_base64": "YQ==", "content_type": "text/plain"}],
    }
    assert Draft202012Validator(tool).is_valid(given)
    assert (await world.http("POST", "/send_email", given)).status == 202


@pytest.mark.parametrize("dialect", FORMATS)
async def test_the_route_gives_each_dialect_without_a_key(world, dialect) -> None:
    answer = await world.http("GET", f"/v1/tools?format={dialect}", key=None)
    assert answer.status == 200
    assert answer.json() == {"format": dialect, "tools": tool_schemas(choose(OPERATIONS), dialect)}


async def test_a_subset(world) -> None:
    async def names(query: str) -> list[str]:
        answer = await world.http("GET", f"/v1/tools?{query}", key=None)
        assert answer.status == 200
        return [tool["function"]["name"] for tool in answer.json()["tools"]]

    assert await names("names=send_email,create_mailbox") == ["send_email", "create_mailbox"]
    assert await names("names=send_email&names=read_email") == ["send_email", "read_email"]
    assert await names("names=send_email,read_email&scopes=send") == ["send_email"]
    assert "decide_email" in await names("scopes=oversight,admin")
    for wrong in ("names=list_tools", "scopes=owner", "format=cobol"):
        refused = await world.http("GET", f"/v1/tools?{wrong}", key=None)
        assert (refused.status, refused.json()["code"]) == (422, "invalid_fields")


def test_scopes_of_tools_are_scopes_of_keys() -> None:
    offered = read_input(BY_NAME["list_tools"].input, {"scopes": list(KEY_SCOPES)})
    assert offered.model_dump()["scopes"] == list(KEY_SCOPES)
