"""Working through what waits: the order, what a decider is shown, and several decisions at once."""

from typing import Any

import pytest

from multimail.core.errors import Refused
from multimail.core.oversight import Mode
from multimail.core.scopes import Role, Scope
from multimail.operations.contacts import ADD_CONTACT
from multimail.operations.deciding import DECIDE_EMAILS
from multimail.operations.editing import EDIT_EMAIL
from multimail.operations.oversight import UNDO_DECISION
from multimail.operations.reviewing import LIST_QUEUE, REVIEW_EMAIL
from multimail.operations.sending import REPLY_EMAIL
from tests.support import mailroom
from tests.support.world import World

ALIKE = (
    "Hello, this week we closed 14 tickets and opened 9. The slowest of them took two whole days. Regards to "
)


async def send(world: World, **given: Any) -> str:
    return str((await mailroom.send(world, **given))["id"])


async def queue(world: World, who: str = "Mira", **given: Any) -> list[str]:
    return [one["id"] for one in (await world.invoke(LIST_QUEUE, who, **given))["emails"]]


@pytest.fixture
async def desk(world: World) -> World:
    await world.add_operator("Mira")
    await world.add_operator("Vera", Role.VIEWER)
    return world


async def test_the_riskiest_come_first_and_then_the_newest(desk: World) -> None:
    plain = await send(desk, subject="Plain")
    risky = await send(desk, subject="Risky", bcc="hush@example.test", html="<p>x</p>")
    later = await send(desk, subject="Later")
    found = await desk.invoke(LIST_QUEUE, "Mira")
    assert [one["id"] for one in found["emails"]] == [risky, later, plain]
    assert found["waiting"] == 3 and found["emails"][0]["signs"] == ["first_contact", "bcc", "html_given"]
    assert await queue(desk, risk="high") == [risky] and await queue(desk, q="LATER") == [later]
    page = await desk.invoke(LIST_QUEUE, "Mira", limit=2)
    assert await queue(desk, cursor=page["cursor"]) == [plain]


async def test_held_mail_is_in_the_queue_of_people_and_of_nobody_else(desk: World) -> None:
    box = await desk.add_mailbox("inbox", Mode.GATED_ALL)
    held = await mailroom.arrive(desk, mailbox=box)
    assert await queue(desk) == [held] and await queue(desk, "oversight") == [held]
    assert await queue(desk, "agent") == []
    assert (await desk.invoke(LIST_QUEUE, "agent"))["waiting"] == 0
    with pytest.raises(Refused, match="not_found"):
        await desk.invoke(REVIEW_EMAIL, "agent", email_id=held)
    await desk.add_key("narrow", [Scope.READ], mailbox_ids={box["mailbox_id"]})
    assert await queue(desk, "narrow") == []


async def test_a_decider_sees_the_message_and_what_it_answers(desk: World) -> None:
    asked = await mailroom.arrive(desk)
    answer = (await desk.invoke(REPLY_EMAIL, email_id=asked, markdown="Yes, *of course*."))["id"]
    shown = await desk.invoke(REVIEW_EMAIL, "Mira", email_id=answer)
    assert shown["message"]["text"].strip() == "Yes, *of course*." and "<em>" in shown["message"]["html"]
    assert shown["answers"]["id"] == asked and shown["waits"] is True
    assert [look["name"] for look in shown["looks"]] == ["Mira"]
    assert (await desk.invoke(REVIEW_EMAIL, "agent", email_id=answer))["looks"] == []
    with pytest.raises(Refused, match="stale_revision"):
        await desk.invoke(REVIEW_EMAIL, "Mira", email_id=answer, revision="0" * 64)


async def test_a_domain_that_reads_like_a_known_one_is_named(desk: World) -> None:
    await desk.invoke(ADD_CONTACT, "admin", address="pay@northwind.example")
    email_id = await send(desk, to="pay@northvvind.example")
    shown = await desk.invoke(REVIEW_EMAIL, "Mira", email_id=email_id)
    assert shown["look_alikes"] == [{"address": "pay@northvvind.example", "domain": "northwind.example"}]
    assert shown["risk"] == "high" and "look_alike" in shown["signs"]
    shown = await desk.invoke(REVIEW_EMAIL, "Mira", email_id=await send(desk, to="jo@northwind.example"))
    assert shown["look_alikes"] == []


async def choices(world: World, *email_ids: str) -> list[dict[str, str]]:
    return [{"email_id": one, "revision": (await mailroom.row(world, one))["revision"]} for one in email_ids]


async def test_what_was_opened_is_decided_at_once_with_what_is_alike(desk: World) -> None:
    first, second, other = [await send(desk, markdown=ALIKE + name) for name in ("Lee", "Kim", "Ola")]
    strange = await send(desk, markdown="Something else entirely, about the weather of tomorrow.")
    emails = await choices(desk, first, second, other)
    with pytest.raises(Refused, match="not_opened"):
        await desk.invoke(DECIDE_EMAILS, "Mira", emails=emails, action="approve")
    await desk.invoke(REVIEW_EMAIL, "Mira", email_id=first)
    with pytest.raises(Refused, match="not_opened") as caught:
        mixed = [*emails, *await choices(desk, strange)]
        await desk.invoke(DECIDE_EMAILS, "Mira", emails=mixed, action="approve")
    assert caught.value.details["emails"] == [strange]
    done = await desk.invoke(DECIDE_EMAILS, "Mira", emails=emails, action="approved")
    assert [one["status"] for one in done["decisions"]] == ["scheduled"] * 3
    await desk.invoke(UNDO_DECISION, "Mira", email_id=second)
    assert sorted(await queue(desk)) == sorted([second, strange])


async def test_all_are_decided_or_none(desk: World) -> None:
    first, second = [await send(desk, markdown=ALIKE + name) for name in ("Lee", "Kim")]
    emails = await choices(desk, first, second)
    for email_id in (first, second):
        await desk.invoke(REVIEW_EMAIL, "Mira", email_id=email_id)
    await mailroom.decide(desk, second, "reject")
    with pytest.raises(Refused, match="conflict") as caught:
        await desk.invoke(DECIDE_EMAILS, "Mira", emails=emails, action="approve")
    assert caught.value.details["email_id"] == second
    assert (await mailroom.row(desk, first))["state"] == "pending_approval"


async def test_an_edit_takes_back_that_it_was_opened(desk: World) -> None:
    email_id = await send(desk)
    await desk.invoke(REVIEW_EMAIL, "Mira", email_id=email_id)
    await desk.add_operator("Otto")
    await desk.invoke(EDIT_EMAIL, "Otto", email_id=email_id, markdown="Other words altogether, of mine.")
    with pytest.raises(Refused, match="not_opened"):
        emails = await choices(desk, email_id)
        await desk.invoke(DECIDE_EMAILS, "Mira", emails=emails, action="approve")


async def test_a_viewer_decides_nothing(desk: World) -> None:
    email_id = await send(desk)
    await desk.invoke(REVIEW_EMAIL, "Vera", email_id=email_id)
    with pytest.raises(Refused, match="insufficient_scope"):
        await desk.invoke(DECIDE_EMAILS, "Vera", emails=await choices(desk, email_id), action="approve")
