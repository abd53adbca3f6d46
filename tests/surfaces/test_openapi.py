"""The description: valid, whole, and true of what the surface answers."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from openapi_spec_validator import validate

from multimail.core.errors import ERRORS
from multimail.operations.operation import Operation
from multimail.operations.registry import OPERATIONS
from multimail.surfaces.openapi import describe
from multimail.surfaces.routes import targets
from tests.support.world import World

DESCRIPTION = json.loads(json.dumps(describe(OPERATIONS)))
ROUTES = {
    shown["operationId"]: (method.upper(), path, shown)
    for path, methods in DESCRIPTION["paths"].items()
    for method, shown in methods.items()
}


def test_it_is_openapi() -> None:
    validate(DESCRIPTION)


def test_it_has_every_route_and_no_other() -> None:
    shown = {(method, path) for method, path, _ in ROUTES.values()}
    assert shown == {(target.method, target.path) for target in targets(OPERATIONS)}
    assert len(ROUTES) == len(shown)  # operation ids are unique


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.name)
def test_an_operation_is_described_by_itself(operation: Operation) -> None:
    method, path, shown = ROUTES[operation.name]
    assert (method, path) == (operation.method, operation.path)
    assert shown["description"] == operation.summary != ""
    assert shown["x-scopes"] == list(operation.scopes)
    assert ROUTES[f"{operation.name}__by_name"][:2] == ("POST", f"/{operation.name}")
    codes = set(answered_codes(shown))
    assert set(operation.errors) <= codes <= ERRORS.keys()


def answered_codes(shown: dict[str, Any]) -> Iterator[str]:
    for status, response in shown["responses"].items():
        if "$ref" in response:
            for code in response["$ref"].rpartition("/")[2].split("."):
                assert ERRORS[code].status == int(status)
                yield code


def test_nothing_is_described_that_nothing_refers_to() -> None:
    text = json.dumps(DESCRIPTION)
    names = [
        f"{kind}/{name}" for kind in ("schemas", "responses") for name in DESCRIPTION["components"][kind]
    ]
    assert [name for name in names if f'"#/components/{name}"' not in text] == []


def test_inputs_are_in_the_path_the_query_or_the_body() -> None:
    _, _, inbox = ROUTES["check_inbox"]
    named = {parameter.get("name"): parameter for parameter in inbox["parameters"]}
    assert named["mailbox_id"]["in"] == "path" and named["direction"]["in"] == "query"
    assert named["limit"]["schema"] == {
        "type": "integer",
        "minimum": 1,
        "maximum": 100,
        "default": 20,
        "title": "Limit",
    }
    assert "requestBody" not in inbox
    _, _, pinned = ROUTES["check_inbox__inbox"]
    assert "direction" not in {parameter.get("name") for parameter in pinned["parameters"]}
    _, _, flat = ROUTES["send_email__flat"]
    body = flat["requestBody"]["content"]["application/json"]["schema"]
    assert body["required"] == ["mailbox_id", "to"]
    assert body["properties"]["mailbox_id"]["x-aliases"] == ["mailbox", "from"]
    assert {"type": "null"} in body["properties"]["subject"]["anyOf"]
    assert {"$ref": "#/components/parameters/Idempotency-Key"} in flat["parameters"]


def check(name: str, status: int, answer: Any) -> None:
    """`answer` is as the description says, with no field that it does not name."""
    content = ROUTES[name][2]["responses"][str(status)]["content"]
    schema = content["application/json"]["schema"] | {"components": DESCRIPTION["components"]}
    Draft202012Validator(closed(schema)).validate(answer)


def closed(schema: Any) -> Any:
    """With `additionalProperties: false` wherever properties are listed."""
    if isinstance(schema, list):
        return [closed(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    shown = {name: closed(value) for name, value in schema.items()}
    listed = schema.get("type") == "object" and "properties" in schema
    return shown | ({"additionalProperties": False} if listed else {})


async def test_answers_are_as_described(world: World) -> None:
    mailbox = world.mailbox["mailbox_id"]
    body = {"mailbox_id": mailbox, "to": "ann@example.test", "subject": "Hi", "body": "x"}
    sent = await world.http("POST", "/v1/send", body)
    check("send_email__flat", 202, sent.json())
    email = {"email_id": sent.json()["id"]}
    reads: list[tuple[str, dict[str, str], str]] = [
        ("read_email", email, "agent"),
        ("get_message", email, "agent"),
        ("get_tags", email, "agent"),
        ("get_decision", email, "agent"),
        ("get_thread", {"thread_id": sent.json()["thread_id"]}, "agent"),
        ("check_inbox", {"mailbox_id": mailbox}, "agent"),
        ("list_emails", {}, "agent"),
        ("list_threads", {"mailbox_id": mailbox}, "agent"),
        ("search_emails", {"q": "hi"}, "agent"),
        ("wait_for_email", {"mailbox_id": mailbox, "timeout_seconds": "0"}, "agent"),
        ("list_pending", {}, "agent"),
        ("list_mailboxes", {}, "agent"),
        ("get_mailbox", {"mailbox_id": mailbox}, "agent"),
        ("list_events", {}, "agent"),
        ("get_account", {}, "agent"),
        ("list_api_keys", {}, "admin"),
        ("list_webhooks", {}, "admin"),
        ("list_webhook_deliveries", {}, "admin"),
        ("list_sandbox", {}, "agent"),
        ("get_audit_log", {}, "admin"),
    ]
    for name, query, key in reads:
        reply = await world.http("GET", f"/{name}", query=query, key=key)
        assert reply.status == 200, reply.content
        if name != "list_events":  # an event about an email has the email's fields too
            check(f"{name}__by_name_get", 200, reply.json())
    for path, name in (
        (f"/v1/mailboxes/{mailbox}/emails", "check_inbox"),
        ("/v1/oversight/pending", "list_pending"),
        (f"/v1/mailboxes/{mailbox}/threads/{sent.json()['thread_id']}", "get_thread"),
        (f"/v1/mailboxes/{mailbox}/emails/{sent.json()['id']}", "read_email"),
    ):
        check(name, 200, (await world.http("GET", path)).json())


def test_the_checker_finds_a_field_too_many() -> None:
    with pytest.raises(Exception, match="Additional properties"):
        check("list_mailboxes", 200, {"mailboxes": [], "cursor": None, "secret": 1})


def test_links_lead_from_what_was_made_to_what_can_be_done_with_it() -> None:
    """And each fills every input of the path that it leads to, from a field that the answer has."""
    sent = ROUTES["send_email"][2]["responses"]["202"]["links"]
    assert sent["read_email"]["parameters"] == {
        "path.email_id": "$response.body#/message_id",
        "path.mailbox_id": "$response.body#/mailbox_id",
    }
    assert "get_webhook" in ROUTES["create_webhook"][2]["responses"]["201"]["links"]
    for _, _, shown in ROUTES.values():
        for response in shown["responses"].values():
            for link in response.get("links", {}).values():
                path = ROUTES[link["operationId"]][1]
                wanted = {part.strip("{}") for part in path.split("/") if part.startswith("{")}
                assert {name.removeprefix("path.") for name in link["parameters"]} == wanted
                name = response["content"]["application/json"]["schema"]["$ref"].rpartition("/")[2]
                fields = DESCRIPTION["components"]["schemas"][name]["properties"]
                given = {value.removeprefix("$response.body#/") for value in link["parameters"].values()}
                assert given <= fields.keys()
