"""Drafts: no email until sent, and then as any other."""

import base64
from typing import Any

import pytest

from multimail.core.errors import Refused
from multimail.operations.drafts import (
    CREATE_DRAFT,
    DELETE_DRAFT,
    EDIT_DRAFT,
    GET_DRAFT,
    LIST_DRAFTS,
    SEND_DRAFT,
)
from multimail.operations.emails import READ_EMAIL
from multimail.operations.oversight import LIST_PENDING
from tests.support import mailroom
from tests.support.world import World

FILE = {"filename": "a.txt", "content": base64.b64encode(b"file").decode()}


async def create(world: World, key: str = "agent", **given: Any) -> dict[str, str]:
    box = world.mailbox["mailbox_id"]
    made = await world.invoke(CREATE_DRAFT, key, **{"mailbox_id": box, "to": "bob@example.test"} | given)
    return {"mailbox_id": box, "draft_id": made["id"]}


async def code(world: World, operation: Any, key: str = "agent", **given: Any) -> str:
    with pytest.raises(Refused) as caught:
        await world.invoke(operation, key, **given)
    return caught.value.code


async def test_a_draft_is_kept_changed_and_thrown_away(world: World) -> None:
    names = await create(world, subject="One", attachments=[FILE], metadata={"run": "7"})
    shown = await world.invoke(GET_DRAFT, **names)
    assert (shown["subject"], shown["to"], shown["markdown"]) == ("One", "bob@example.test", "")
    assert shown["attachments"] == [{"name": "a.txt", "size": 4, "content_type": "application/octet-stream"}]
    edited = await world.invoke(EDIT_DRAFT, **names, markdown="Words.", to=["ann@example.test"])
    assert edited == dict(shown) | {
        "markdown": "Words.",
        "to": ["ann@example.test"],
        "updated_at": edited["updated_at"],
    }
    assert (await world.invoke(EDIT_DRAFT, **names, attachments=[]))["attachments"] == []
    second = await create(world)
    listed = (await world.invoke(LIST_DRAFTS, mailbox_id=world.mailbox["address"]))["drafts"]
    assert [one["id"] for one in listed] == [second["draft_id"], names["draft_id"]]
    told = await mailroom.execute(
        world, "SELECT action FROM audit WHERE action IN ('get_draft', 'list_drafts')"
    )
    assert sorted(one["action"] for one in told) == ["get_draft", "list_drafts"]  # they show bodies
    assert (await world.invoke(DELETE_DRAFT, **names))["deleted"] is True
    assert await code(world, GET_DRAFT, **names) == "not_found"


async def test_a_draft_is_no_email(world: World) -> None:
    names = await create(world)
    assert (await world.invoke(LIST_PENDING))["pending"] == []
    assert await code(world, READ_EMAIL, email_id=names["draft_id"]) == "not_found"
    assert await mailroom.execute(world, "SELECT * FROM emails") == []


async def test_sending_goes_through_the_gate_and_the_draft_is_gone(world: World) -> None:
    given = {"subject": "An offer", "markdown": "Five **euros**.", "bcc": "eve@example.test"}
    names = await create(
        world, **given, attachments=[FILE], metadata={"run": "7"}, send_at="2030-01-01T00:00:00Z"
    )
    answer = await world.invoke(SEND_DRAFT, **names)
    assert (answer["status"], answer["effective_mode"]) == ("pending_approval", "gated_send")
    (shown,) = (await world.invoke(LIST_PENDING))["pending"]
    assert shown["id"] == answer["id"] and shown["envelope_recipients"] == [
        "bob@example.test",
        "eve@example.test",
    ]
    assert (shown["subject"], shown["markdown"]) == ("An offer", "Five **euros**.")
    assert (shown["metadata"], shown["attachments"][0]["name"]) == ({"run": "7"}, "a.txt")
    assert shown["send_at"] == "2030-01-01T00:00:00.000Z"
    assert await code(world, SEND_DRAFT, **names) == "not_found"
    assert await code(world, GET_DRAFT, **names) == "not_found"


async def test_a_repeated_request_is_told_what_the_first_one_was(world: World) -> None:
    names = await create(world)
    first = await world.invoke(SEND_DRAFT, **names, idempotency_key="k")
    again = await world.invoke(SEND_DRAFT, **names, idempotency_key="k")
    assert again == {**first, "idempotent": True}
    assert len((await world.invoke(LIST_PENDING))["pending"]) == 1


async def test_a_refused_draft_stays(world: World) -> None:
    nobody = await create(world, to="")
    assert await code(world, SEND_DRAFT, **nobody) == "invalid_fields"
    names = await create(world)
    await mailroom.set_mode(world, "read_only")
    assert await code(world, SEND_DRAFT, **names) == "read_only"
    assert (await world.invoke(GET_DRAFT, **names))["id"] == names["draft_id"]


async def test_what_can_not_be_a_draft(world: World) -> None:
    names = await create(world)
    for given in ({"to": "nobody"}, {"markdown": "x" * (256 * 1024 + 1)}, {"subject": "s" * 999}):
        asked = {"mailbox_id": names["mailbox_id"], **given}
        assert await code(world, CREATE_DRAFT, **asked) == "invalid_fields"
        assert await code(world, EDIT_DRAFT, **names, **given) == "invalid_fields"


async def test_test_and_live_drafts_stay_apart(world: World) -> None:
    live, test = await create(world), await create(world, "test")
    assert await code(world, SEND_DRAFT, "test", **live) == "insufficient_scope"
    assert await code(world, SEND_DRAFT, **test) == "insufficient_scope"
    assert await code(world, EDIT_DRAFT, **test, subject="x") == "insufficient_scope"
    assert (await world.invoke(SEND_DRAFT, "test", **test))["test"] is True


async def test_over_http(world: World) -> None:
    path = f"/v1/mailboxes/{world.mailbox['mailbox_id']}/drafts"
    made = await world.http("POST", path, {"to": "bob@example.test", "body": "Words."})
    assert made.status == 201
    one = f"{path}/{made.json()['id']}"
    assert (await world.http("PATCH", one, {"subject": "Hi"})).json()["subject"] == "Hi"
    assert (await world.http("GET", path)).json()["drafts"][0]["markdown"] == "Words."
    assert (await world.http("POST", f"{one}/send", {})).status == 202
    assert (await world.http("DELETE", one)).status == 404
