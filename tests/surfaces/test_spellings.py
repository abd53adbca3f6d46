"""Many names in, one name out; and answers that speak of messages."""

from typing import Any, Literal, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, Field

from multimail.core.errors import Refused
from multimail.core.scopes import Scope
from multimail.operations.operation import Input, Operation
from multimail.operations.registry import BY_NAME, OPERATIONS
from multimail.surfaces.spellings import Given, by_name, normalise, spelling_of


class Sample(Input):
    email_id: str
    limit: int = 20
    labels: list[str] = Field(default=[])
    to: list[str] | str = ""
    note: str | None = None
    kind: Literal["a", "b"] = "a"


SAMPLE = Operation(
    name="sample",
    run=lambda ctx, given: {},
    input=Sample,
    output=dict[str, Any],
    scopes=(Scope.READ,),
    effect="read",
    method="GET",
    path="/v1/samples/{email_id}",
    aliases={"message_id": "email_id", "id": "email_id", "memo": "note"},
)
SPELLING = spelling_of(SAMPLE)


def spelled(
    path: dict[str, str] | None = None,
    query: dict[str, list[str]] | None = None,
    body: dict[str, Any] | None = None,
    pinned: dict[str, Any] | None = None,
) -> Given:
    return normalise(SPELLING, path or {}, query or {}, body or {}, pinned or {})


def conflicts(sources: dict[str, Any]) -> list[str]:
    with pytest.raises(Refused) as refused:
        spelled(**sources)
    assert refused.value.code == "conflicting_fields"
    fields: Any = refused.value.details["fields"]
    return [field["path"] for field in fields]


@pytest.mark.parametrize("name", ["email_id", "message_id", "id"])
@pytest.mark.parametrize("place", ["path", "query", "body"])
def test_every_name_in_every_place_is_the_same_input(name: str, place: str) -> None:
    value: Any = ["eml_1"] if place == "query" else "eml_1"
    assert spelled(**{place: {name: value}}) == Given({"email_id": "eml_1"}, [])


def test_two_spellings_with_one_value_agree() -> None:
    given = spelled(path={"email_id": "eml_1"}, query={"id": [" eml_1 "]}, body={"message_id": "eml_1"})
    assert given.raw == {"email_id": "eml_1"}
    assert spelled(query={"limit": ["5"]}, body={"limit": 5}).raw == {"limit": "5"}
    assert spelled(body={"to": ["a@x.test"]}, query={"to": ["a@x.test"]}).raw == {"to": "a@x.test"}


@pytest.mark.parametrize(
    "sources",
    [
        {"path": {"email_id": "eml_1"}, "body": {"id": "eml_2"}},
        {"query": {"id": ["eml_1"], "message_id": ["eml_2"]}},
        {"query": {"id": ["eml_1", "eml_2"]}},
        {"body": {"id": "eml_1", "message_id": "eml_2"}},
        {"pinned": {"email_id": "eml_1"}, "query": {"email_id": ["eml_2"]}},
        {"body": {"id": "", "message_id": "eml_2"}},
    ],
)
def test_two_spellings_with_different_values_conflict(sources: dict[str, Any]) -> None:
    assert conflicts(sources) == ["email_id"]


def test_all_conflicts_are_named_at_once() -> None:
    sources = {"query": {"id": ["1"], "memo": ["x"]}, "body": {"message_id": "2", "note": "y"}}
    assert conflicts(sources) == ["email_id", "note"]


def test_what_a_route_pins_is_an_input() -> None:
    assert spelled(pinned={"kind": "b"}).raw == {"kind": "b"}
    assert spelled(pinned={"kind": "b"}, query={"kind": ["b"]}).raw == {"kind": "b"}


def test_lists_may_repeat_in_a_query() -> None:
    assert spelled(query={"labels": ["a", "b"]}).raw == {"labels": ["a", "b"]}
    assert spelled(query={"labels": ["a"]}).raw == {"labels": ["a"]}


def test_unknown_fields_of_the_body_are_named_and_those_of_the_query_are_not() -> None:
    given = spelled(query={"utm": ["1"]}, body={"x": 1, "y" * 99: 2, "metadata": {}})
    assert given == Given({"metadata": {}}, ["unknown field: x", "unknown field: " + "y" * 64])
    assert len(spelled(body={str(n): n for n in range(999)}).warnings) == 20


@pytest.mark.parametrize(
    ("name", "field", "value"),
    [
        ("send_email", "attachments", {"filename": "a", "content": "", "content_type": "text/plain"}),
        ("edit_email", "attachments", {"name": "a", "content_base64": ""}),
        ("decide_emails", "emails", {"email_id": "eml_1", "revision": ""}),
        ("update_notifications", "approvers", {"mailbox_id": "mbx_1", "operator_ids": []}),
    ],
)
def test_unknown_fields_of_nested_objects_are_named_by_their_path(
    name: str, field: str, value: dict[str, Any]
) -> None:
    def warnings(*items: Any) -> list[str]:
        body = {field: list(items), "x": 1}
        return normalise(spelling_of(BY_NAME[name]), {}, {}, body, {}).warnings

    assert warnings(value, value, "no object", None) == ["unknown field: x"]
    assert warnings(value, value | {"inline": True}) == [
        "unknown field: x",
        f"unknown field: {field}.1.inline",
    ]
    assert len(warnings(*[{"y": 1}] * 999)) == 20
    assert normalise(spelling_of(BY_NAME[name]), {}, {}, {field: value}, {}).warnings == []


def test_no_object_is_nested_elsewhere() -> None:
    """Lists of objects without objects in them are all that spellings look into."""

    def models(annotation: Any) -> list[type[BaseModel]]:
        inside = [model for part in get_args(annotation) for model in models(part)]
        is_model = isinstance(annotation, type) and issubclass(annotation, BaseModel)
        return [annotation] if is_model else inside

    for operation in OPERATIONS:
        for name, field in operation.input.model_fields.items():
            found = models(field.annotation)
            assert bool(found) == (name in spelling_of(operation).items), (operation.name, name)
            for model in found:
                assert [
                    models(inner.annotation)
                    for inner in model.model_fields.values()
                    if models(inner.annotation)
                ] == []


def test_null_is_the_same_as_nothing_where_nothing_is_allowed() -> None:
    assert spelled(body={"limit": None, "kind": None}).raw == {}
    assert spelled(body={"email_id": None, "note": None}).raw == {"email_id": None, "note": None}
    assert spelled(body={"email_id": None, "id": "eml_1"}).raw == {"email_id": "eml_1"}
    assert spelled(body={"id": "eml_1", "email_id": None}).raw == {"email_id": "eml_1"}


@given(
    st.dictionaries(st.text(max_size=5), st.one_of(st.none(), st.integers(), st.text(), st.lists(st.text())))
)
def test_only_known_names_come_out(body: dict[str, Any]) -> None:
    given = spelled(body=body)
    assert given.raw.keys() <= {*Sample.model_fields, "metadata"}
    assert len(given.warnings) == min(20, len(body.keys() - SPELLING.names.keys()))


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.name)
def test_every_alias_of_the_registry_leads_to_an_input(operation: Operation) -> None:
    names = spelling_of(operation).names
    assert set(names.values()) <= {*operation.input.model_fields, "metadata"}
    assert not operation.aliases.keys() & operation.input.model_fields.keys()


def test_from_is_a_mailbox_in_send_and_reply_only() -> None:
    taking = [operation.name for operation in OPERATIONS if operation.aliases.get("from") == "mailbox_id"]
    assert taking == ["send_email", "reply_email"]
    assert spelling_of(BY_NAME["send_email"]).names["body"] == "markdown"


EMAIL = {"id": "eml_1", "thread_id": "thr_1", "direction": "inbound", "markdown": "hi", "from": "a@x.test",
         "created_at": "T0", "received_at": None}  # fmt: skip
MESSAGE = {"message_id": "eml_1", "thread_id": "thr_1", "direction": "inbound", "body": "hi",
           "from": "a@x.test", "created_at": "T0", "received_at": None, "date": "T0"}  # fmt: skip


@pytest.mark.parametrize(
    ("answer", "shown"),
    [
        (EMAIL, MESSAGE),
        (EMAIL | {"received_at": "T1"}, MESSAGE | {"received_at": "T1", "date": "T1"}),
        ({"emails": [EMAIL], "cursor": None}, {"messages": [MESSAGE], "cursor": None}),
        ({"emails": []}, {"messages": []}),
        ({"pending": [EMAIL]}, {"messages": [MESSAGE]}),
        ({"email": EMAIL}, {"email": MESSAGE}),
        ({"id": "mbx_1", "address": "a@x.test"}, {"id": "mbx_1", "address": "a@x.test"}),
        ({"id": "eml_1", "message_id": "eml_1", "status": "sent"},) * 2,
        ({"sandbox": [{"email_id": "eml_1"}]}, {"sandbox": [{"message_id": "eml_1"}]}),
        ({"events": [{"event_id": "evt_1", "email_id": "eml_1", "id": "eml_1"}]},) * 2,
    ],
)
def test_answers_by_name_speak_of_messages(answer: dict[str, Any], shown: dict[str, Any]) -> None:
    assert by_name(answer) == shown


def test_an_email_with_both_ids_keeps_both() -> None:
    both = EMAIL | {"message_id": "eml_1"}
    assert by_name(both) == MESSAGE | {"id": "eml_1"}
