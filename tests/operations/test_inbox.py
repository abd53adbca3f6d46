"""Lists of emails with their filters: of a mailbox, of all, of spam."""

from typing import Any

import pytest

from multimail.core.errors import Refused
from multimail.core.scopes import Scope
from multimail.core.times import HOUR, to_rfc3339
from multimail.operations.emails import READ_EMAIL, TAG_EMAIL
from multimail.operations.inbox import CHECK_INBOX, LIST_EMAILS, LIST_SPAM, STATUS_FILTERS
from multimail.operations.operation import Operation
from multimail.operations.spam import REPORT_SPAM
from tests.support import mailroom
from tests.support.world import World


async def ids(world: World, key: str = "agent", **given: Any) -> list[str]:
    named = {"mailbox_id": world.mailbox["mailbox_id"], "limit": 100} | given
    return [email["id"] for email in (await world.invoke(CHECK_INBOX, key, **named))["emails"]]


async def test_every_filter_finds_its_own(world: World) -> None:
    first = await mailroom.arrive(world, subject="Zwölf Äpfel, 50%_off!", cc="dan@example.test")
    world.clock.pass_(HOUR)
    second = await mailroom.arrive(world, sender="Bob <Bob@Example.test>", message_id="<2@example.test>")
    world.clock.pass_(HOUR)
    sent = (await mailroom.send(world, attachments=[{"name": "a", "content_base64": ""}]))["id"]
    await world.invoke(TAG_EMAIL, email_id=second, tags=["urgent"])
    await world.invoke(READ_EMAIL, email_id=second)
    between = to_rfc3339(world.clock.now - HOUR - HOUR // 2)
    for given, expected in (
        ({}, [sent, second, first]),
        ({"direction": "inbound"}, [second, first]),
        ({"direction": "outbound"}, [sent]),
        ({"status": "unread"}, [first]),
        ({"status": "read"}, [second]),
        ({"status": "pending_approval"}, [sent]),
        ({"status": "pending_send_approval"}, [sent]),
        ({"status": "pending_inbound_approval"}, []),
        ({"status": "send_failed"}, []),
        ({"sender": "ANN@example.test"}, [first]),
        ({"sender": "ann"}, []),
        ({"participant": "dan@example.test"}, [first]),
        ({"participant": "bob@example.test"}, [sent, second]),
        ({"participant": "an@example.test"}, []),
        ({"participant": "%"}, []),
        ({"subject_contains": "äPFEL"}, [first]),
        ({"subject_contains": "50%_OFF!"}, [first]),
        ({"subject_contains": "5_%"}, []),
        ({"tag": "urgent"}, [second]),
        ({"tag": "urgen"}, []),
        ({"date_after": between}, [sent, second]),
        ({"date_before": between}, [first]),
        ({"date_after": between, "date_before": between}, []),
        ({"has_attachments": True}, [sent]),
        ({"has_attachments": False}, [second, first]),
        ({"since_id": first}, [sent, second]),
        ({"since_id": sent}, []),
        ({"direction": "inbound", "sender": "bob@example.test", "status": "read"}, [second]),
    ):
        assert await ids(world, **given) == expected, given


async def test_unknown_statuses_are_named(world: World) -> None:
    for status in ("gone", "", "held", "declined", "delivering", "arrived", "composed"):
        with pytest.raises(Refused) as caught:
            await ids(world, status=status)
        assert caught.value.code == "invalid_fields"
        assert "pending_approval" in caught.value.details["fields"][0]["message"]
    for status in STATUS_FILTERS:
        assert await ids(world, status=status) == []


async def test_cursors_are_stable_while_rows_come_in(world: World) -> None:
    made = [(await mailroom.send(world, subject=str(number)))["id"] for number in range(5)]
    given = {"mailbox_id": world.mailbox["mailbox_id"], "limit": 2}
    first = await world.invoke(CHECK_INBOX, **given)
    await mailroom.send(world, subject="new")
    second = await world.invoke(CHECK_INBOX, **given, cursor=first["cursor"])
    third = await world.invoke(CHECK_INBOX, **given, cursor=second["cursor"])
    pages = [[email["id"] for email in page["emails"]] for page in (first, second, third)]
    assert pages == [made[:2:-1], made[2:0:-1], made[:1]]
    assert third["cursor"] is None


@pytest.mark.parametrize("name", ["participant", "subject_contains"])
async def test_a_filter_has_an_end(world: World, name: str) -> None:
    given = {"mailbox_id": world.mailbox["mailbox_id"], name: "a" * 60_000}
    with pytest.raises(Refused) as caught:
        await world.ask(CHECK_INBOX, "agent", given)
    assert caught.value.code == "invalid_fields"


async def everywhere(
    world: World, key: str = "agent", operation: Operation = LIST_EMAILS, **given: Any
) -> list[str]:
    return [email["id"] for email in (await world.invoke(operation, key, **{"limit": 100} | given))["emails"]]


async def test_every_mailbox_at_once(world: World) -> None:
    sales = await world.add_mailbox("sales")
    first = await mailroom.arrive(world)
    second = await mailroom.arrive(world, mailbox=sales, subject="Prices", message_id="<2@example.test>")
    sent = (await mailroom.send(world))["id"]
    assert await everywhere(world) == [sent, second, first]
    assert await everywhere(world, status="pending_send_approval") == [sent]
    assert await everywhere(world, status="unread") == [second, first]
    assert await everywhere(world, subject_contains="price") == [second]
    assert await everywhere(world, mailbox_id=sales["address"]) == [second]
    assert await everywhere(world, since_id=first) == [sent, second]
    thread_id = (await mailroom.row(world, first))["thread_id"]
    assert await everywhere(world, thread_id=thread_id) == [first]
    page = await world.invoke(LIST_EMAILS, limit=2)
    await mailroom.send(world)
    assert await everywhere(world, cursor=page["cursor"]) == [first]


async def test_a_limited_key_lists_its_own(world: World) -> None:
    sales = await world.add_mailbox("sales")
    await mailroom.arrive(world)
    own = await mailroom.arrive(world, mailbox=sales, message_id="<2@example.test>")
    await world.add_key("limited", [Scope.READ, Scope.SEND], mailbox_ids={sales["mailbox_id"]})
    assert await everywhere(world, "limited") == [own]
    await world.invoke(REPORT_SPAM, "limited", email_id=own)
    assert await everywhere(world, "limited", LIST_SPAM) == [own]


async def test_held_mail_is_listed_for_oversight_alone(world: World) -> None:
    await mailroom.set_mode(world, "gated_all")
    held = await mailroom.arrive(world)
    assert await everywhere(world) == await everywhere(world, status="pending_inbound_approval") == []
    assert await everywhere(world, "oversight", status="pending_inbound_approval") == [held]


async def test_spam_is_a_list_of_its_own(world: World) -> None:
    spam = await mailroom.arrive(world)
    await mailroom.arrive(world, message_id="<2@example.test>")
    await world.invoke(REPORT_SPAM, email_id=spam)
    assert await everywhere(world, operation=LIST_SPAM) == await everywhere(world, status="spam") == [spam]
    named = (await world.http("GET", "/list_spam")).json()
    assert [email["message_id"] for email in named["messages"]] == [spam]
    assert (await world.http("GET", "/v1/emails?status=spam_quarantined")).json()["emails"][0]["id"] == spam
