"""What a reply answers, and that nobody talks the server into writing to a stranger."""

from typing import Any

import pytest

from multimail.core.errors import Refused
from multimail.operations.emails import READ_EMAIL
from multimail.operations.oversight import LIST_PENDING
from multimail.operations.sending import REPLY_EMAIL
from tests.support import mailroom
from tests.support.world import World


async def reply(world: World, **given: Any) -> dict[str, Any]:
    answer = await world.invoke(REPLY_EMAIL, **{"markdown": "Thanks."} | given)
    email = await world.invoke(READ_EMAIL, email_id=answer["id"])
    return dict(email)


async def ambiguous(world: World, **given: Any) -> bool:
    with pytest.raises(Refused) as caught:
        await reply(world, **given)
    assert (caught.value.code, caught.value.kind.status) == ("ambiguous_reply", 409)
    return True


async def test_a_reply_is_addressed_and_threaded_by_the_server(world: World) -> None:
    first = await mailroom.arrive(world, References="<q0@example.test>", cc="dan@example.test")
    thread_id = (await mailroom.row(world, first))["thread_id"]
    answer = await reply(world, email_id=first)
    headers = dict(answer["headers"])
    assert answer["to"] == ["ann@example.test"] and answer["cc"] == []
    assert answer["thread_id"] == thread_id
    assert answer["subject"] == "Re: A question"
    assert headers["In-Reply-To"] == "<q1@example.test>"
    assert headers["References"] == "<q0@example.test> <q1@example.test>"
    assert (await reply(world, email_id=first, cc="dan@example.test"))["cc"] == ["dan@example.test"]


async def test_by_thread_the_newest_from_the_starter_is_answered(world: World) -> None:
    first = await mailroom.arrive(world)
    thread_id = (await mailroom.row(world, first))["thread_id"]
    answering: dict[str, Any] = {"In_Reply_To": "<q1@example.test>", "subject": "Re: A question"}
    second = await mailroom.arrive(world, message_id="<q2@example.test>", **answering)
    stranger = await mailroom.arrive(
        world, sender="eve@evil.test", message_id="<q3@evil.test>", Reply_To="ann@example.test", **answering
    )
    for email_id in (second, stranger):
        assert (await mailroom.row(world, email_id))["thread_id"] == thread_id
    answer = await reply(world, thread_id=thread_id)
    assert answer["to"] == ["ann@example.test"]
    assert dict(answer["headers"])["In-Reply-To"] == "<q2@example.test>"
    assert (await reply(world, email_id=stranger))["to"] == ["ann@example.test"]  # named, so meant


async def test_by_thread_only_who_was_truly_written_to_counts(world: World) -> None:
    sent = await mailroom.send(world, to="bob@example.test")
    thread = str(sent["thread_id"])
    offer: dict[str, Any] = {"In_Reply_To": f"<{sent['id']}@multimail.test>"}
    assert await ambiguous(world, thread_id=thread)
    await mailroom.arrive(world, sender="bob@example.test", message_id="<b1@example.test>", **offer)
    assert await ambiguous(world, thread_id=thread)  # ours was never sent: nobody was written to yet
    await mailroom.decide(world, sent["id"])
    await mailroom.hand_over(world)
    assert (await reply(world, thread_id=thread))["to"] == ["bob@example.test"]
    await mailroom.arrive(world, sender="eve@evil.test", message_id="<e1@evil.test>", **offer)
    assert (await reply(world, thread_id=thread))["to"] == ["bob@example.test"]


async def test_a_reply_to_elsewhere_is_a_finding(world: World) -> None:
    plain = await mailroom.arrive(world, Reply_To="ANN@Example.test")
    odd = await mailroom.arrive(world, message_id="<q2@example.test>", Reply_To="eve@evil.test")
    for email_id in (plain, odd):
        await reply(world, email_id=email_id)
    first, second = (await world.invoke(LIST_PENDING))["pending"]
    assert first["findings"] == []
    assert [finding["kind"] for finding in second["findings"]] == ["reply_to_differs"]
    assert "eve@evil.test" in second["findings"][0]["detail"]
    assert "ann@example.test" in second["findings"][0]["detail"]


async def test_our_own_email_is_followed_up_to_whom_it_went(world: World) -> None:
    sent = await mailroom.send(world, to="bob@example.test, carol@example.test")
    assert (await reply(world, email_id=sent["id"]))["to"] == ["bob@example.test", "carol@example.test"]


async def test_the_longest_subject_stays_within_its_limit(world: World) -> None:
    email_id = await mailroom.arrive(world, subject="s" * 998)
    subject = str((await reply(world, email_id=email_id))["subject"])
    assert subject.startswith("Re: sss") and len(subject) == 998


async def test_an_email_from_nobody_can_not_be_answered(world: World) -> None:
    email_id = await mailroom.arrive(world, sender="", envelope_from="")
    assert await ambiguous(world, email_id=email_id)


async def test_one_target_is_named(world: World) -> None:
    email_id = await mailroom.arrive(world)
    thread_id = (await mailroom.row(world, email_id))["thread_id"]
    for given in ({}, {"email_id": email_id, "thread_id": thread_id}):
        with pytest.raises(Refused) as caught:
            await reply(world, **given)
        assert caught.value.code == "invalid_fields"


async def test_a_declined_starter_lends_its_place_to_nobody(world: World) -> None:
    await mailroom.set_mode(world, "gated_all")
    first = await mailroom.arrive(world)
    thread_id = (await mailroom.row(world, first))["thread_id"]
    await mailroom.decide(world, first, "reject")
    with pytest.raises(Refused) as caught:
        await reply(world, thread_id=thread_id)
    assert caught.value.code == "not_found"
    follow_up = await mailroom.arrive(
        world, sender="eve@evil.test", message_id="<e1@evil.test>", In_Reply_To="<q1@example.test>"
    )
    await mailroom.decide(world, follow_up)
    assert await ambiguous(world, thread_id=thread_id)


async def test_a_reply_to_elsewhere_is_a_finding_whatever_the_message_id(world: World) -> None:
    await mailroom.arrive(world, sender="eve@evil.test", message_id="<q1@example.test>")
    again = await mailroom.arrive(world, In_Reply_To="<q1@example.test>", Reply_To="eve@evil.test")
    none = await mailroom.arrive(world, subject="None", message_id="", Reply_To="eve@evil.test")
    for email_id in (again, none):
        assert (await reply(world, email_id=email_id))["to"] == ["eve@evil.test"]
    for waiting in (await world.invoke(LIST_PENDING))["pending"]:
        assert [finding["kind"] for finding in waiting["findings"]] == ["reply_to_differs"]
