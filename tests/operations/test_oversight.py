"""The desk: what waits, decisions, and what a decision binds."""

import asyncio
from typing import Any

import pytest

from multimail.core.errors import Refused
from multimail.core.scopes import Scope
from multimail.operations.emails import GET_MESSAGE, READ_EMAIL
from multimail.operations.oversight import DECIDE_EMAIL, GET_DECISION, LIST_PENDING
from multimail.operations.sending import CANCEL_MESSAGE
from tests.support import mailroom
from tests.support.world import World


async def refused(world: World, email_id: str, action: str = "approve", **more: Any) -> Refused:
    with pytest.raises(Refused) as caught:
        await mailroom.decide(world, email_id, action, **more)
    return caught.value


@pytest.mark.parametrize("word", ["approve", "approved"])
async def test_an_approval_is_told_and_kept(world: World, word: str) -> None:
    email_id = (await mailroom.send(world))["id"]
    pending = await world.invoke(GET_DECISION, email_id=email_id)
    assert (pending["decision"], pending["decided_at"], pending["decided_by"]) == ("pending", None, None)
    answer = await mailroom.decide(world, email_id, word, reason="Fine.")
    by = f"key:{world.key_ids['oversight']}"
    assert (answer["status"], answer["decision"], answer["reason"]) == ("queued", "approved", "Fine.")
    assert answer["decided_by"] == by and answer["decided_at"].endswith("Z")
    assert await world.invoke(GET_DECISION, email_id=email_id) == answer
    email = await world.invoke(READ_EMAIL, email_id=email_id)
    assert (email["approved_by"], email["approved_at"]) == (by, answer["decided_at"])
    told = await mailroom.events(world, 2)
    assert [event["type"] for event in told] == ["oversight.pending", "oversight.approved"]
    decision = {
        "decision": "approved",
        "decided_by": world.key_ids["oversight"],
        "reason": "Fine.",
        "edited_by": None,
    }
    assert told[1]["data"]["decision"] == decision
    assert await mailroom.jobs(world, "deliver") == 1


@pytest.mark.parametrize("word", ["reject", "rejected"])
async def test_a_rejection_tells_the_agent_why(world: World, word: str) -> None:
    email_id = (await mailroom.send(world))["id"]
    await mailroom.decide(world, email_id, word, reason="Too early.")
    seen = await world.invoke(GET_MESSAGE, email_id=email_id)
    assert (seen["status"], seen["decision"], seen["reason"]) == ("rejected", "rejected", "Too early.")
    assert await mailroom.jobs(world, "deliver") == 0
    told = await mailroom.events(world, 2)
    assert told[1]["type"] == "oversight.rejected"
    assert told[1]["data"]["decision"]["reason"] == "Too early."


@pytest.mark.parametrize("first", ["approve", "reject"])
@pytest.mark.parametrize("second", ["approve", "reject"])
async def test_a_second_decision_changes_nothing(world: World, first: str, second: str) -> None:
    email_id = (await mailroom.send(world))["id"]
    before = await mailroom.decide(world, email_id, first)
    error = await refused(world, email_id, second)
    assert (error.code, error.kind.status, error.details["status"]) == ("conflict", 409, before["status"])
    assert await world.invoke(GET_DECISION, email_id=email_id) == before


async def test_of_concurrent_decisions_one_counts(world: World) -> None:
    email_id = (await mailroom.send(world))["id"]
    asked = [mailroom.decide(world, email_id, word) for word in ("approve", "reject") * 4]
    answers = await asyncio.gather(*asked, return_exceptions=True)
    (counted,) = [answer for answer in answers if isinstance(answer, dict)]
    lost = [answer for answer in answers if isinstance(answer, Refused)]
    assert {error.code for error in lost} == {"conflict"} and len(lost) == 7
    assert (await world.invoke(GET_DECISION, email_id=email_id))["decision"] == counted["decision"]
    assert len(await mailroom.events(world, 2)) == 2


async def test_a_decision_is_on_the_revision_that_was_shown(world: World) -> None:
    await mailroom.send(world)
    (shown,) = (await world.invoke(LIST_PENDING, "oversight"))["pending"]
    error = await refused(world, shown["id"], revision="0" * 64)
    assert (error.code, error.kind.status) == ("stale_revision", 409)
    sql = "UPDATE emails SET revision_count = 2 WHERE email_id = :email_id"
    await mailroom.execute(world, sql, email_id=shown["id"])
    for action in ("approve", "reject"):
        assert (await refused(world, shown["id"], action)).code == "revision_required"
    answer = await mailroom.decide(world, shown["id"], revision=shown["revision"].upper())
    assert answer["decision"] == "approved"


async def test_the_revision_covers_all_that_is_approved(world: World) -> None:
    """Envelope (Bcc too), headers, body and attachments: each changes it; the same email has the same."""
    content = {"name": "a.txt", "content_base64": "YQ=="}
    variants: list[dict[str, Any]] = [
        {},
        {"to": "carol@example.test"},
        {"bcc": "eve@example.test"},
        {"cc": "eve@example.test"},
        {"subject": "Other"},
        {"markdown": "Six euros."},
        {"reply_to": "x@example.test"},
        {"attachments": [content]},
        {"attachments": [content | {"content_base64": "Yg=="}]},
        {"attachments": [content | {"name": "b.txt"}]},
    ]
    for more in variants:
        await mailroom.send(world, **more)
    shown = (await world.invoke(LIST_PENDING, limit=100))["pending"]
    assert len({email["revision"] for email in shown}) == len(variants)


async def test_nobody_decides_what_they_composed(world: World) -> None:
    email_id = (await mailroom.send(world))["id"]
    sql = "UPDATE emails SET author_id = :key_id WHERE email_id = :email_id"
    await mailroom.execute(world, sql, key_id=world.key_ids["oversight"], email_id=email_id)
    for action in ("approve", "reject"):
        assert (await refused(world, email_id, action)).code == "self_approval"
    assert (await world.invoke(GET_MESSAGE, email_id=email_id))["status"] == "pending_approval"


async def test_approving_in_a_mailbox_that_became_read_only(world: World) -> None:
    email_id = (await mailroom.send(world))["id"]
    await mailroom.set_mode(world, "read_only")
    assert (await refused(world, email_id)).code == "read_only"
    assert (await mailroom.decide(world, email_id, "reject"))["status"] == "rejected"


async def test_a_looser_mailbox_releases_nothing_that_is_held(world: World) -> None:
    email_id = (await mailroom.send(world))["id"]
    await mailroom.set_mode(world, "autonomous")
    assert (await world.invoke(READ_EMAIL, email_id=email_id))["effective_mode"] == "gated_send"
    assert await mailroom.jobs(world, "deliver") == 0
    assert (await world.invoke(GET_MESSAGE, email_id=email_id))["status"] == "pending_approval"


async def test_held_inbound_mail_is_approved_or_declined(world: World) -> None:
    await mailroom.set_mode(world, "gated_all")
    good = await mailroom.arrive(world)
    bad = await mailroom.arrive(world, message_id="<spam@example.test>", subject="Win")
    assert [one["id"] for one in (await world.invoke(LIST_PENDING, "oversight"))["pending"]] == [good, bad]
    assert (await mailroom.decide(world, good))["status"] == "unread"
    assert (await mailroom.decide(world, bad, "reject", reason="Spam: Win"))["status"] == "rejected"
    assert (await world.invoke(READ_EMAIL, email_id=good))["approved_at"] is not None
    assert (await refused(world, bad)).details["status"] == "rejected"
    seen = await mailroom.events(world, 1)
    assert [(one["type"], one["id"]) for one in seen] == [("email.received", good)]


async def test_pending_is_paged_oldest_first_and_by_mailbox(world: World) -> None:
    box = await world.add_mailbox("sales")
    sent = [(await mailroom.send(world, subject=str(number)))["id"] for number in range(5)]
    other = (await mailroom.send(world, mailbox_id=box["mailbox_id"]))["id"]
    seen, cursor = [], None
    while True:
        page = await world.invoke(LIST_PENDING, limit=2, cursor=cursor)
        seen += [email["id"] for email in page["pending"]]
        cursor = page["cursor"]
        if cursor is None:
            break
        assert len(page["pending"]) == 2
    assert seen == [*sent, other]
    only = await world.invoke(LIST_PENDING, mailbox_id=box["address"])
    assert [email["id"] for email in only["pending"]] == [other]
    await world.add_key("sales", [Scope.OVERSIGHT], mailbox_ids={box["mailbox_id"]})
    assert [one["id"] for one in (await world.invoke(LIST_PENDING, "sales"))["pending"]] == [other]
    with pytest.raises(Refused) as caught:
        await world.invoke(DECIDE_EMAIL, "sales", email_id=sent[0], action="approve")
    assert caught.value.code == "not_found"


async def test_words_that_are_no_decision(world: World) -> None:
    email_id = (await mailroom.send(world))["id"]
    for more in ({"action": "maybe"}, {"action": None}, {"reason": "r" * 2001}):
        with pytest.raises(Refused) as caught:
            await world.invoke(
                DECIDE_EMAIL, "oversight", **{"email_id": email_id, "action": "approve"} | more
            )
        assert caught.value.code == "invalid_fields"


async def test_a_test_key_decides_and_cancels_test_mail_only(world):
    """What a test key does lets nothing leave: its word on live mail counts for nothing."""
    await world.add_key("test oversight", [Scope.READ, Scope.OVERSIGHT], test=True)
    live, test = await mailroom.send(world), await mailroom.send(world, "test")
    for operation, key, given in (
        (DECIDE_EMAIL, "test oversight", {"action": "approve"}),
        (CANCEL_MESSAGE, "test", {}),
    ):
        with pytest.raises(Refused) as caught:
            await world.invoke(operation, key, email_id=live["id"], **given)
        assert caught.value.code == "insufficient_scope"
    assert (await mailroom.row(world, live["id"]))["state"] == "pending_approval"
    decided = await world.invoke(DECIDE_EMAIL, "test oversight", email_id=test["id"], action="approve")
    assert decided["decision"] == "approved"
