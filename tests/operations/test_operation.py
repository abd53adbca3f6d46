"""The one door: input that no database keeps, cursors nobody made, metadata in the audit log."""

import base64
from datetime import timedelta
from typing import Any

import pytest

from multimail.core.errors import Refused
from multimail.core.times import DAY, to_datetime
from multimail.operations.account import GET_AUDIT_LOG, LIST_SANDBOX
from multimail.operations.api_keys import LIST_API_KEYS
from multimail.operations.emails import READ_EMAIL, TAG_EMAIL
from multimail.operations.events import LIST_EVENTS
from multimail.operations.inbox import CHECK_INBOX
from multimail.operations.mailboxes import CREATE_MAILBOX, GET_MAILBOX, LIST_MAILBOXES
from multimail.operations.operation import FAULTS, ITEMS, Operation
from multimail.operations.oversight import LIST_PENDING
from multimail.operations.sealing import seal_all
from multimail.operations.sending import SEND_EMAIL
from multimail.operations.threads import GET_THREAD
from multimail.operations.webhooks import LIST_WEBHOOK_DELIVERIES, LIST_WEBHOOKS
from tests.support import mailroom
from tests.support.world import World


def encoded(text: bytes) -> str:
    return base64.urlsafe_b64encode(text).decode().rstrip("=")


GARBAGE = [
    "", "!", "a", "%%%", "ü", "é" * 9, "A" * 5000,
    *map(encoded, (b"x", b"eml_\x00", b"\xff\xfe", b"eml_" + b"z" * 27, b"9" * 30, b"-1", "٣".encode())),
]  # fmt: skip


@pytest.mark.parametrize(
    "operation",
    [
        LIST_MAILBOXES, CHECK_INBOX, GET_THREAD, LIST_PENDING, LIST_SANDBOX, LIST_WEBHOOKS,
        LIST_WEBHOOK_DELIVERIES, LIST_API_KEYS, GET_AUDIT_LOG,
    ],
    ids=lambda operation: operation.name,
)  # fmt: skip
async def test_a_cursor_that_nobody_made_is_a_field_error(world: World, operation: Operation) -> None:
    given: dict[str, Any] = {}
    if operation is CHECK_INBOX:
        given["mailbox_id"] = world.mailbox["mailbox_id"]
    if operation is GET_THREAD:
        given["thread_id"] = (await mailroom.send(world))["thread_id"]
    for cursor in GARBAGE:
        with pytest.raises(Refused) as caught:
            await world.ask(operation, "admin", given | {"cursor": cursor})
        assert (caught.value.code, caught.value.details["fields"]) == (
            "invalid_fields",
            [{"path": "cursor", "message": "not a cursor of this list"}],
        ), cursor
    for limit in (0, 101, -1, "many"):
        with pytest.raises(Refused) as caught:
            await world.ask(operation, "admin", given | {"limit": limit})
        assert caught.value.code == "invalid_fields"


@pytest.mark.parametrize("bad", ["\0", "\ud800", "x\udfffy"])
async def test_text_that_can_not_be_kept_is_a_field_error(world: World, bad: str) -> None:
    mail: dict[str, Any] = {"mailbox_id": world.mailbox["mailbox_id"], "to": "bob@example.test"}
    for operation, key, given, path in (
        (GET_MAILBOX, "agent", {"mailbox_id": bad}, "mailbox_id"),
        (CHECK_INBOX, "agent", {"mailbox_id": world.mailbox["mailbox_id"], "sender": bad}, "sender"),
        (READ_EMAIL, "agent", {"email_id": bad}, "email_id"),
        (TAG_EMAIL, "agent", {"email_id": "x", "tags": ["fine", bad]}, "tags.1"),
        (TAG_EMAIL, "agent", {"email_id": "x", "tags": {bad: ""}}, "tags"),
        (LIST_EVENTS, "agent", {"after": bad}, "after"),
        (CREATE_MAILBOX, "admin", {"address": "x", "name": bad}, "name"),
        (SEND_EMAIL, "agent", mail | {"subject": bad}, "subject"),
        (SEND_EMAIL, "agent", mail | {"markdown": bad}, "markdown"),
        (SEND_EMAIL, "agent", mail | {"to": ["a@b.test", bad]}, "to.1"),
        (SEND_EMAIL, "agent", mail | {"metadata": {"k": bad}}, "metadata.k"),
        (SEND_EMAIL, "agent", mail | {"idempotency_key": bad}, "idempotency_key"),
        (SEND_EMAIL, "agent", mail | {"attachments": [{"name": bad, "content": ""}]}, "attachments.0.name"),
    ):
        with pytest.raises(Refused) as caught:
            await world.ask(operation, key, given)
        fields: Any = caught.value.details["fields"]
        assert (caught.value.code, fields[0]["path"]) == ("invalid_fields", path)


async def test_what_is_wrong_with_very_many_values_is_not_looked_into(world: World) -> None:
    """Whatever surface brought them, and whatever they are: each takes longer to judge than to send."""
    given = {"mailbox_id": world.mailbox["mailbox_id"]}
    for to in ([0] * (ITEMS + 1), [[0] * 4000] * 17, [{str(number): 0 for number in range(ITEMS + 1)}]):
        with pytest.raises(Refused) as caught:
            await world.ask(SEND_EMAIL, "agent", given | {"to": to})
        assert caught.value.code == "too_large"
    with pytest.raises(Refused) as caught:
        await world.ask(SEND_EMAIL, "agent", given | {"to": [0] * 900})
    fields: Any = caught.value.details["fields"]
    assert caught.value.code == "invalid_fields" and len(fields) == FAULTS


async def test_the_audit_log_has_what_came_with_the_request(world: World) -> None:
    given = {"mailbox_id": world.mailbox["mailbox_id"], "to": "bob@example.test", "metadata": {"run": "7"}}
    sent = await world.ask(SEND_EMAIL, "agent", given, metadata={"thread_id": "t-1", "run": "older"})
    await world.ask(READ_EMAIL, "agent", {"email_id": sent.body["id"]}, metadata={"run_id": "r-1"})
    await seal_all(world.services, lambda text: "signed")
    read, made = (await world.invoke(GET_AUDIT_LOG, "admin", resource_id=sent.body["id"]))["entries"]
    assert (made["action"], read["action"]) == ("send_email", "read_email")
    assert made["actor"] == {"kind": "key", "id": world.key_ids["agent"], "name": "agent"}
    assert {"run": "7", "thread_id": "t-1"}.items() <= made["metadata"].items()
    assert read["metadata"] == {"run_id": "r-1"}
    email = await world.invoke(READ_EMAIL, email_id=sent.body["id"])
    assert email["metadata"] == {"run": "7", "thread_id": "t-1"}


async def test_the_audit_log_is_searched_by_who_when_and_turn(world: World) -> None:
    given = {"mailbox_id": world.mailbox["mailbox_id"], "to": "bob@example.test"}
    sent = (await world.ask(SEND_EMAIL, "agent", given, metadata={"run_id": "Run_7"})).body["id"]
    world.clock.now += DAY
    await world.ask(READ_EMAIL, "oversight", {"email_id": sent}, metadata={"run_id": "Run%8"})
    await seal_all(world.services, lambda text: "signed")
    now = to_datetime(world.clock())

    async def found(**filters: Any) -> list[str]:
        page = await world.invoke(GET_AUDIT_LOG, "admin", resource_id=sent, **filters)
        return [entry["action"] for entry in page["entries"]]

    assert await found() == ["read_email", "send_email"]
    assert await found(actor_id=world.key_ids["agent"]) == ["send_email"]
    assert await found(q="run_7") == ["send_email"]
    assert await found(q="n%8") == ["read_email"]
    assert await found(q="no such run") == []
    assert await found(date_after=now - timedelta(hours=1)) == ["read_email"]
    assert await found(date_before=(now - timedelta(hours=1)).isoformat()) == ["send_email"]
    assert await found(actor_id=world.key_ids["agent"], date_after=now) == []


async def test_what_is_refused_leaves_no_entry(world: World) -> None:
    before = len(await mailroom.execute(world, "SELECT * FROM audit"))
    with pytest.raises(Refused):
        await world.invoke(READ_EMAIL, email_id=mailroom.absent("eml"))
    await mailroom.set_mode(world, "read_only")
    with pytest.raises(Refused):
        await mailroom.send(world)
    assert len(await mailroom.execute(world, "SELECT * FROM audit")) == before
