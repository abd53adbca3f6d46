"""Reading one email, its tags and notes."""

import asyncio

import pytest

from multimail.core.errors import Refused
from multimail.operations.emails import (
    GET_MESSAGE,
    GET_TAGS,
    READ_EMAIL,
    REMOVE_TAG,
    TAG_EMAIL,
)
from tests.support import mailroom
from tests.support.world import World


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


async def test_tags_merge_and_are_removed_one_by_one(world: World) -> None:
    email_id = await mailroom.arrive(world)
    await world.invoke(TAG_EMAIL, email_id=email_id, tags=["urgent", "billing"])
    tagged = await world.invoke(TAG_EMAIL, email_id=email_id, tags={"urgent": "very", "team": "a"})
    assert tagged["tags"] == {"billing": "", "team": "a", "urgent": "very"} and tagged["notes"] is None
    noted = await world.invoke(TAG_EMAIL, email_id=email_id, notes="Call back.")
    assert (noted["tags"], noted["notes"]) == (tagged["tags"], "Call back.")
    assert await world.invoke(GET_TAGS, email_id=email_id) == noted
    left = (await world.ask(REMOVE_TAG, "agent", {"email_id": email_id, "key": "team"})).body
    assert left["tags"] == {"billing": "", "urgent": "very"} and left["deleted"] is True
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
