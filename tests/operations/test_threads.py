"""Conversations: one read whole, and those of a mailbox page by page."""

from typing import Any

from multimail.operations.sending import REPLY_EMAIL
from multimail.operations.threads import GET_THREAD, LIST_THREADS
from tests.support import mailroom
from tests.support.world import World


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


async def listed(world: World, key: str = "agent", **given: Any) -> list[str]:
    named = {"mailbox_id": world.mailbox["mailbox_id"]} | given
    return [thread["thread_id"] for thread in (await world.invoke(LIST_THREADS, key, **named))["threads"]]


async def start(world: World, number: int, **more: Any) -> tuple[str, str]:
    """An email that starts a conversation, and the conversation."""
    email_id = await mailroom.arrive(world, message_id=f"<{number}@example.test>", **more)
    return email_id, (await mailroom.row(world, email_id))["thread_id"]


async def answer(world: World, number: int, to: int, **more: Any) -> str:
    return await mailroom.arrive(
        world, message_id=f"<{number}@example.test>", In_Reply_To=f"<{to}@example.test>", **more
    )


async def test_the_newest_email_puts_its_thread_first(world: World) -> None:
    (_, one), (_, two), (_, three) = [await start(world, number) for number in range(3)]
    assert await listed(world) == [three, two, one]
    await answer(world, 10, to=0, sender="Dan <dan@example.test>")
    assert await listed(world) == [one, three, two]
    page = await world.invoke(LIST_THREADS, mailbox_id=world.mailbox["mailbox_id"], limit=1)
    whole = dict(await world.invoke(GET_THREAD, thread_id=one, bodies=False))
    assert page["threads"] == [{name: whole[name] for name in whole if name not in ("emails", "cursor")}]
    assert page["threads"][0]["message_count"] == 2
    assert await listed(world, mailbox_id=(await world.add_mailbox("sales"))["address"]) == []


async def test_pages_of_threads_fit_together_while_mail_comes_in(world: World) -> None:
    threads = [(await start(world, number))[1] for number in range(5)]
    given = {"mailbox_id": world.mailbox["mailbox_id"], "limit": 2}
    pages = [await world.invoke(LIST_THREADS, **given)]
    await answer(world, 10, to=0)
    await answer(world, 11, to=4)
    await start(world, 12)
    while cursor := pages[-1]["cursor"]:
        pages.append(await world.invoke(LIST_THREADS, **given, cursor=cursor))
    assert [[thread["thread_id"] for thread in page["threads"]] for page in pages] == [
        threads[:2:-1], threads[2:0:-1], threads[:1]
    ]  # fmt: skip


async def test_threads_with_somebody(world: World) -> None:
    _, one = await start(world, 0)
    await start(world, 1)
    await answer(world, 10, to=0, cc="Dan@example.test")
    assert await listed(world, participant="dan@EXAMPLE.test") == [one]
    assert await listed(world, participant="an@example.test") == []


async def test_held_mail_neither_makes_nor_moves_a_thread(world: World) -> None:
    _, one = await start(world, 0)
    _, two = await start(world, 1)
    await mailroom.set_mode(world, "gated_all")
    held = await answer(world, 10, to=0, cc="dan@example.test")
    _, unseen = await start(world, 11)
    assert await listed(world) == [two, one]
    assert await listed(world, participant="dan@example.test") == []
    assert await listed(world, "oversight") == [unseen, one, two]
    await mailroom.decide(world, held)
    assert await listed(world) == [one, two]
