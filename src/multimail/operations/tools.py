"""list_tools: the operations as tools that a model can call."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

from pydantic import Field, field_validator
from typing_extensions import TypedDict

from multimail.core.errors import invalid
from multimail.core.scopes import Scope
from multimail.operations.context import Context
from multimail.operations.operation import Input, Operation
from multimail.operations.tool_schemas import Format, choose, tool_schemas


class ListTools(Input):
    format: Format = Field("openai", description="Whose dialect: what that SDK takes as `tools`.")
    names: list[str] = Field(
        default=[], max_length=100, description="Only these tools; names may be joined with commas."
    )
    scopes: list[Literal["read", "send", "oversight", "admin"]] = Field(
        default=[],
        max_length=8,
        description="Only what one of these scopes is enough for; by default read and send, and any with names.",
    )
    strict: bool = Field(
        True, description="For openai, responses and azure: schemas of strict function calling."
    )

    @field_validator("names", "scopes", mode="before")
    @classmethod
    def _split(cls, given: Any) -> Any:
        if not isinstance(given, list):
            return given
        return [word for item in given for word in (item.split(",") if isinstance(item, str) else [item])]


class Tools(TypedDict):
    """`tools` goes to the SDK as it is."""

    format: str
    tools: list[dict[str, Any]]


def list_tools(operations: Sequence[Operation], given: ListTools) -> Mapping[str, Any]:
    try:
        chosen = choose(operations, given.names, [Scope(scope) for scope in given.scopes])
    except KeyError as error:
        raise invalid("names", f"there is no tool {error}") from None
    return {"format": given.format, "tools": tool_schemas(chosen, given.format, strict=given.strict)}


def list_tools_of(operations: Callable[[], Sequence[Operation]]) -> Operation:
    """The operation over the registry that it is itself a part of."""

    def run(ctx: Context, given: ListTools) -> Mapping[str, Any]:
        """Lists the operations as tools for a model, in the dialect of its API.

        Names, descriptions and inputs are those of the operations. It needs no key and tells nothing of any account.
        """
        return list_tools(operations(), given)

    return Operation(
        name="list_tools",
        run=run,
        input=ListTools,
        output=Tools,
        scopes=(Scope.PUBLIC,),
        effect="read",
        audited=False,
        method="GET",
        path="/v1/tools",
    )
