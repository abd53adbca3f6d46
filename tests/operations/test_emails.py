"""Reading: lists with their filters, one email, threads, tags."""

import asyncio
from typing import Any

import pytest

from multimail.core.errors import Refused
from multimail.core.times import HOUR, to_rfc3339
from multimail.operations.emails import (
    CHECK_INBOX,
    GET_MESSAGE,
    GET_TAGS,
    GET_THREAD,
    READ_EMAIL,
    REMOVE_TAG,
    STATUS_FILTERS,
    TAG_EMAIL,
)
from multimail.operations.sending import REPLY_EMAIL
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


async def test_reading_marks_as_read_once(world: World) -> None:
    email_id = await mailroom.arrive(
        world, body="Please pay.\r\n\r\nOn Mon, 2 Nov 2026 at 10:00, Bob <bob@example.test> wrote:\r\n> When?"
    )
    assert (await world.invoke(GET_MESSAGE, email_id=email_id))["status"] == "unread"
    email = await world.invoke(READ_EMAIL, email_id=email_id)
    assert email["status"] == "read"
    assert email["markdown"].strip() == "Please pay." and "When?" in email["quoted"]
    assert (email["from"], email["from_name"]) == ("ann@example.test", "Ann")
    assert ["Subject", "A question"] in email["headers"]
    assert await world.invoke(READ_EMAIL, email_id=email_id) == email


async def test_readers_at_the_same_moment_all_read(world: World) -> None:
    email_id = await mailroom.arrive(world)
    read = await asyncio.gather(*(world.invoke(READ_EMAIL, email_id=email_id) for _ in range(8)))
    assert {email["status"] for email in read} == {"read"}


async def test_a_thread_is_told_in_order(world: World) -> None:
    first = await mailroom.arrive(world, subject="Re: AW: A question")
    thread_id = (await mailroom.row(world, first))["thread_id"]
    answer = (await world.invoke(REPLY_EMAIL, email_id=first, markdown="Ten."))["id"]
    thread = await world.invoke(GET_THREAD, thread_id=thread_id)
    assert [email["id"] for email in thread["emails"]] == [first, answer]
    assert (thread["subject"], thread["message_count"]) == ("A question", 2)
    assert thread["participants"] == ["ann@example.test", world.mailbox["address"]]
    assert thread["has_unanswered_inbound"] is False
    assert thread["emails"][1]["markdown"] == "Ten."
    await mailroom.decide(world, answer, "reject")
    thread = await world.invoke(GET_THREAD, thread_id=thread_id, bodies=False)
    assert thread["has_unanswered_inbound"] is True  # what was rejected answered nothing
    assert "markdown" not in thread["emails"][0]
    page = await world.invoke(GET_THREAD, thread_id=thread_id, limit=1)
    rest = await world.invoke(GET_THREAD, thread_id=thread_id, limit=1, cursor=page["cursor"])
    assert [page["emails"][0]["id"], rest["emails"][0]["id"], rest["cursor"]] == [first, answer, None]


async def test_tags_merge_and_are_removed_one_by_one(world: World) -> None:
    email_id = await mailroom.arrive(world)
    await world.invoke(TAG_EMAIL, email_id=email_id, tags=["urgent", "billing"])
    tagged = await world.invoke(TAG_EMAIL, email_id=email_id, tags={"urgent": "very", "team": "a"})
    assert tagged["tags"] == {"billing": "", "team": "a", "urgent": "very"} and tagged["notes"] is None
    noted = await world.invoke(TAG_EMAIL, email_id=email_id, notes="Call back.")
    assert (noted["tags"], noted["notes"]) == (tagged["tags"], "Call back.")
    assert await world.invoke(GET_TAGS, email_id=email_id) == noted
    left = (await world.ask(REMOVE_TAG, "agent", {"email_id": email_id, "key": "team"})).body
    assert left["tags"] == {"billing": "", "urgent": "very"}
    with pytest.raises(Refused) as caught:
        await world.ask(REMOVE_TAG, "agent", {"email_id": email_id, "key": "team"})
    assert caught.value.code == "not_found"
    email = await world.invoke(READ_EMAIL, email_id=email_id)
    assert (email["tags"], email["notes"]) == (left["tags"], "Call back.")


async def test_tags_have_limits(world: World) -> None:
    email_id = await mailroom.arrive(world)
    fine = {f"tag {number}": "v" * 512 for number in range(63)} | {"k" * 64: ""}
    assert len((await world.invoke(TAG_EMAIL, email_id=email_id, tags=fine))["tags"]) == 64
    for given in (
        {"tags": ["one more"]}, {"tags": [""]}, {"tags": ["k" * 65]}, {"tags": {"k": "v" * 513}},
        {"tags": {"k": 1}}, {"notes": "n" * 4097},
    ):  # fmt: skip
        with pytest.raises(Refused) as caught:
            await world.invoke(TAG_EMAIL, email_id=email_id, **given)
        assert caught.value.code == "invalid_fields"
    assert len((await world.invoke(GET_TAGS, email_id=email_id))["tags"]) == 64


@pytest.mark.parametrize("name", ["participant", "subject_contains"])
async def test_a_filter_has_an_end(world: World, name: str) -> None:
    given = {"mailbox_id": world.mailbox["mailbox_id"], name: "a" * 60_000}
    with pytest.raises(Refused) as caught:
        await world.ask(CHECK_INBOX, "agent", given)
    assert caught.value.code == "invalid_fields"
