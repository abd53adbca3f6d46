"""Editing before an email leaves: new revisions, void approvals, and who wrote what."""

import base64
import email
from email.policy import default
from typing import Any

import pytest

from multimail.core.errors import Refused
from multimail.core.scopes import Role, Scope
from multimail.core.times import HOUR, SECOND, to_rfc3339
from multimail.operations.api_keys import REVOKE_API_KEY
from multimail.operations.editing import EDIT_EMAIL, EDIT_SCHEDULED_EMAIL
from multimail.operations.emails import GET_MESSAGE, READ_EMAIL
from multimail.operations.lifecycle import UNDO_WINDOW
from multimail.operations.oversight import DECIDE_EMAIL, GET_DECISION, LIST_PENDING, UNDO_DECISION
from multimail.operations.rules import ADD_RULE
from multimail.operations.sending import CANCEL_MESSAGE, REPLY_EMAIL
from multimail.workers import small
from tests.support import mailroom
from tests.support.world import World


def later(world: World, hours: int = 1) -> str:
    return to_rfc3339(world.clock.now + hours * HOUR)


async def edit(world: World, email_id: str, key: str = "agent", **given: Any) -> dict[str, Any]:
    return dict(await world.invoke(EDIT_SCHEDULED_EMAIL, key, email_id=email_id, **given))


async def rewrite(world: World, email_id: str, key: str = "Mira", **given: Any) -> dict[str, Any]:
    if key not in world.people:
        await world.add_operator(key)
    return dict(await world.invoke(EDIT_EMAIL, key, email_id=email_id, **given))


async def approve(world: World, email_id: str, key: str = "Mira", **given: Any) -> dict[str, Any]:
    if key not in world.people:
        await world.add_operator(key)
    asked = {"email_id": email_id, "action": "approve"} | given
    return dict(await world.invoke(DECIDE_EMAIL, key, **asked))


async def code(world: World, operation: Any, key: str, **given: Any) -> str:
    with pytest.raises(Refused) as caught:
        await world.invoke(operation, key, **given)
    return caught.value.code


async def status(world: World, email_id: str) -> str:
    return str((await world.invoke(GET_MESSAGE, email_id=email_id))["status"])


async def come_due(world: World) -> list[str]:
    return await mailroom.run_jobs(world, "due", small.schedule(world.services))


async def raw_of(world: World, email_id: str) -> Any:
    row = await world.run(lambda ctx: ctx.sql.get_raw(account_id=world.account_id, email_id=email_id))
    return email.message_from_bytes(bytes(row["content"]), policy=default)


# Scheduled mail.


async def test_a_new_time_voids_the_approval_and_counts_once_approved(world: World) -> None:
    email_id = (await mailroom.send(world, send_at=later(world)))["id"]
    assert (await mailroom.decide(world, email_id))["status"] == "scheduled"
    answer = await edit(world, email_id, send_at=later(world, 3))
    assert (answer["status"], answer["edited_by"]) == ("pending_approval", f"key:{world.key_ids['agent']}")
    assert (
        await code(world, DECIDE_EMAIL, "oversight", email_id=email_id, action="approve")
        == "revision_required"
    )
    assert (await mailroom.decide(world, email_id, revision=answer["revision"]))["status"] == "scheduled"
    world.clock.pass_(2 * HOUR)
    assert await come_due(world) == []
    world.clock.pass_(HOUR)
    assert await come_due(world) == [email_id]
    assert await status(world, email_id) == "queued"


async def test_an_approval_of_what_it_was_counts_for_nothing(world: World) -> None:
    """Not even where the time alone has changed: whoever approved was shown another one."""
    email_id = (await mailroom.send(world, send_at=later(world)))["id"]
    (shown,) = (await world.invoke(LIST_PENDING, "oversight"))["pending"]
    for given in ({"send_at": later(world, 2)}, {"subject": "Another"}, {"subject": "An offer"}):
        await edit(world, email_id, **given)
        asked = {"email_id": email_id, "action": "approve", "revision": shown["revision"]}
        assert await code(world, DECIDE_EMAIL, "oversight", **asked) == "stale_revision"


async def test_schedule_first_waits_for_its_new_time_and_then_asks(world: World) -> None:
    given = {"send_at": later(world), "gate_timing": "schedule_first"}
    email_id = (await mailroom.send(world, **given))["id"]
    assert (await edit(world, email_id, send_at=later(world, 3), markdown="Six euros."))[
        "status"
    ] == "scheduled"
    world.clock.pass_(2 * HOUR)
    assert await come_due(world) == []
    world.clock.pass_(HOUR)
    assert await come_due(world) == [email_id]
    assert await status(world, email_id) == "pending_approval"
    (shown,) = (await world.invoke(LIST_PENDING))["pending"]
    assert shown["markdown"] == "Six euros."
    assert (await mailroom.decide(world, email_id, revision=shown["revision"]))["status"] == "queued"


async def test_without_a_gate_the_new_time_counts_at_once(world: World) -> None:
    await mailroom.set_mode(world, "autonomous")
    email_id = (await mailroom.send(world, send_at=later(world)))["id"]
    assert (await edit(world, email_id, send_at=later(world, 3)))["status"] == "scheduled"
    world.clock.pass_(2 * HOUR)
    assert await come_due(world) == []
    assert (await edit(world, email_id, send_at="2020-01-01T00:00:00Z"))["status"] == "queued"
    assert await mailroom.hand_over(world) == [email_id]
    world.clock.pass_(2 * HOUR)
    await come_due(world)
    assert await status(world, email_id) == "sent"


async def test_a_job_that_was_taken_before_the_time_was_moved_releases_nothing(world: World) -> None:
    await mailroom.set_mode(world, "autonomous")
    email_id = (await mailroom.send(world, send_at=later(world)))["id"]
    world.clock.pass_(HOUR)

    async def moved_meanwhile(job: Any) -> None:
        await edit(world, email_id, send_at=later(world))
        await small.schedule(world.services)(job)

    assert await mailroom.run_jobs(world, "due", moved_meanwhile) == [email_id]
    assert await status(world, email_id) == "scheduled"
    world.clock.pass_(HOUR)
    await come_due(world)
    assert await status(world, email_id) == "queued"


async def test_what_is_not_mentioned_stays(world: World) -> None:
    file = {"filename": "a.txt", "content": base64.b64encode(b"file").decode()}
    email_id = (
        await mailroom.send(
            world,
            to="Bob Bär <bob@example.test>, carol@example.test",
            cc="Dan <dan@example.test>",
            bcc="eve@example.test",
            reply_to="Desk <desk@example.test>",
            attachments=[file],
            html="<p>Given</p>",
            send_at=later(world),
        )
    )["id"]
    await edit(world, email_id, subject="Another")
    message = await raw_of(world, email_id)
    assert message["To"] == "Bob Bär <bob@example.test>, carol@example.test"
    assert (message["Cc"], message["Reply-To"]) == ("Dan <dan@example.test>", "Desk <desk@example.test>")
    assert (message["Subject"], message["X-AI-Generated"]) == ("Another", "true")
    assert message["Message-ID"] == f"<{email_id}.2@multimail.test>"
    assert [part.get_content() for part in message.iter_attachments()] == [b"file"]
    assert "Given" in message.get_body(("html",)).get_content()
    (shown,) = (await world.invoke(LIST_PENDING))["pending"]
    assert shown["envelope_recipients"] == [f"{one}@example.test" for one in ("bob", "carol", "dan", "eve")]
    await edit(world, email_id, markdown="New *words*.", attachments=[], cc="", bcc=[])
    message = await raw_of(world, email_id)
    assert "New <em>words</em>" in message.get_body(("html",)).get_content()
    assert list(message.iter_attachments()) == [] and message["Cc"] is None
    (shown,) = (await world.invoke(LIST_PENDING))["pending"]
    assert (shown["attachments"], shown["has_attachments"], shown["bcc"]) == ([], False, [])


async def test_a_reply_stays_in_its_thread(world: World) -> None:
    asked = await mailroom.arrive(world)
    given = {"email_id": asked, "markdown": "Five.", "send_at": later(world)}
    email_id = (await world.invoke(REPLY_EMAIL, **given))["id"]
    before = await raw_of(world, email_id)
    await edit(world, email_id, markdown="Six.")
    after = await raw_of(world, email_id)
    for name in ("In-Reply-To", "References", "Subject", "To"):
        assert after[name] == before[name] is not None


async def test_what_can_not_be_edited(world: World) -> None:
    unscheduled = (await mailroom.send(world))["id"]
    cancelled = (await mailroom.send(world, send_at=later(world)))["id"]
    await world.invoke(CANCEL_MESSAGE, email_id=cancelled)
    received = await mailroom.arrive(world)
    for email_id in (unscheduled, cancelled, received):
        assert await code(world, EDIT_SCHEDULED_EMAIL, "agent", email_id=email_id, subject="x") == "conflict"
    scheduled = (await mailroom.send(world, send_at=later(world)))["id"]
    for given in ({}, {"to": "", "cc": ""}, {"to": "nobody"}, {"subject": "a\r\nBcc: x@y.test"}):
        asked = {"email_id": scheduled, **given}
        assert await code(world, EDIT_SCHEDULED_EMAIL, "agent", **asked) == "invalid_fields"
    assert (
        await code(world, EDIT_SCHEDULED_EMAIL, "test", email_id=scheduled, subject="x")
        == "insufficient_scope"
    )


@pytest.mark.parametrize("revoked", ["author", "editor"])
async def test_revoking_whoever_wrote_or_edited_holds_it_again(world: World, revoked: str) -> None:
    await mailroom.set_mode(world, "autonomous")
    for name in ("author", "editor"):
        await world.add_key(name, [Scope.SEND])
    email_id = (await mailroom.send(world, "author", send_at=later(world)))["id"]
    await edit(world, email_id, "editor", subject="Another")
    await world.invoke(REVOKE_API_KEY, "admin", key_id=world.key_ids[revoked])
    assert await status(world, email_id) == "pending_approval"


async def test_a_revoked_editors_mail_does_not_slip_through_the_hand_off(world: World) -> None:
    """The editor is looked at once more there, like the author: a revocation may meet it anywhere."""
    await mailroom.set_mode(world, "autonomous")
    await world.add_key("editor", [Scope.SEND])
    email_id = (await mailroom.send(world, send_at=later(world)))["id"]
    await edit(world, email_id, "editor", send_at="2020-01-01T00:00:00Z")
    sql = "UPDATE api_keys SET revoked_at = 1 WHERE key_id = :key_id"
    await mailroom.execute(world, sql, key_id=world.key_ids["editor"])
    await mailroom.hand_over(world)
    assert await status(world, email_id) == "pending_approval"


async def test_an_edit_is_judged_by_the_rules_of_now(world: World) -> None:
    given = {"send_at": later(world), "to": "ann@good.test"}
    email_id = (await mailroom.send(world, **given))["id"]
    await world.add_operator("owner")
    for kind in ("allow", "deny"):
        rule = {"kind": kind, "pattern": "*@good.test" if kind == "allow" else "*@bad.test"}
        await world.invoke(ADD_RULE, "owner", **rule)
    with pytest.raises(Refused) as caught:
        await edit(world, email_id, bcc="eve@bad.test")
    assert (caught.value.code, caught.value.details["addresses"]) == ("recipient_denied", ["eve@bad.test"])
    assert (await edit(world, email_id, subject="Another"))[
        "status"
    ] == "pending_approval"  # what is held stays so
    await mailroom.decide(world, email_id, revision=(await mailroom.row(world, email_id))["revision"])
    assert (await edit(world, email_id, subject="A third"))["status"] == "scheduled"
    assert (await edit(world, email_id, cc="bob@example.test"))["status"] == "pending_approval"


# By people.


async def test_a_person_rewrites_and_approves_and_the_agent_learns_of_it(world: World) -> None:
    email_id = (await mailroom.send(world, subject="Urgent!!!", markdown="Pay now."))["id"]
    (before,) = (await world.invoke(LIST_PENDING, "oversight"))["pending"]
    given = {"subject": "A question", "revision": before["revision"].upper()}
    answer = await rewrite(world, email_id, **given, markdown="Would you pay?", to="ann@example.test")
    mira = f"operator:{world.people['Mira'].id}"
    assert (answer["status"], answer["edited_by"]) == ("pending_approval", mira)
    (shown,) = (await world.invoke(LIST_PENDING, "oversight"))["pending"]
    assert (shown["subject"], shown["markdown"], shown["to"]) == (
        "A question",
        "Would you pay?",
        ["ann@example.test"],
    )
    assert (shown["edited_by"], shown["revision"]) == (mira, answer["revision"])
    (earlier,) = shown["earlier"]
    assert earlier == {
        "revision": before["revision"],
        "written_by": f"key:{world.key_ids['agent']}",
        "written_at": before["created_at"],
        "subject": "Urgent!!!",
        "recipients": ["bob@example.test"],
        "markdown": "Pay now.",
    }
    await approve(world, email_id, revision=shown["revision"])
    told = await mailroom.events(world, 3)
    assert [one["type"] for one in told] == ["oversight.pending", "oversight.pending", "oversight.approved"]
    assert told[1]["data"]["edited_by"] == mira
    assert told[2]["data"]["decision"]["edited_by"] == mira
    for operation in (GET_MESSAGE, READ_EMAIL, GET_DECISION):
        assert (await world.invoke(operation, email_id=email_id))["edited_by"] == mira
    world.clock.pass_(UNDO_WINDOW)
    await come_due(world)
    await mailroom.hand_over(world)
    assert await status(world, email_id) == "sent"


async def test_an_edit_of_what_somebody_else_has_just_edited_is_refused(world: World) -> None:
    email_id = (await mailroom.send(world))["id"]
    (shown,) = (await world.invoke(LIST_PENDING, "oversight"))["pending"]
    await rewrite(world, email_id, subject="First")
    given = {"email_id": email_id, "subject": "Second", "revision": shown["revision"]}
    assert await code(world, EDIT_EMAIL, "Mira", **given) == "stale_revision"


async def test_people_edit_and_keys_do_not(world: World) -> None:
    email_id = (await mailroom.send(world))["id"]
    await world.add_operator("Vera", Role.VIEWER)
    for key in ("agent", "oversight", "admin", "Vera"):
        assert await code(world, EDIT_EMAIL, key, email_id=email_id, subject="x") == "insufficient_scope"
        assert await code(world, UNDO_DECISION, key, email_id=email_id) == "insufficient_scope"


async def test_held_inbound_mail_is_not_edited(world: World) -> None:
    await mailroom.set_mode(world, "gated_all")
    email_id = await mailroom.arrive(world)
    await world.add_operator("Mira")
    assert await code(world, EDIT_EMAIL, "Mira", email_id=email_id, subject="x") == "conflict"


# Taking an approval back.


async def test_an_approval_from_the_desk_waits_five_seconds(world: World) -> None:
    email_id = (await mailroom.send(world))["id"]
    assert (await approve(world, email_id))["status"] == "scheduled"
    world.clock.pass_(UNDO_WINDOW - SECOND)
    assert await come_due(world) == [] and await mailroom.hand_over(world) == []
    answer = await world.invoke(UNDO_DECISION, "Mira", email_id=email_id)
    assert (answer["status"], answer["decision"], answer["decided_by"]) == (
        "pending_approval",
        "pending",
        None,
    )
    world.clock.pass_(UNDO_WINDOW)
    assert await come_due(world) == []
    assert (await approve(world, email_id))["status"] == "scheduled"
    world.clock.pass_(UNDO_WINDOW)
    assert await come_due(world) == [email_id]
    assert await code(world, UNDO_DECISION, "Mira", email_id=email_id) == "conflict"
    assert await mailroom.hand_over(world) == [email_id]


async def test_after_five_seconds_it_can_not_be_taken_back(world: World) -> None:
    email_id = (await mailroom.send(world, send_at=later(world)))["id"]
    await approve(world, email_id)
    world.clock.pass_(UNDO_WINDOW)
    assert await code(world, UNDO_DECISION, "Mira", email_id=email_id) == "conflict"
    assert await status(world, email_id) == "scheduled"


async def test_a_programs_approval_is_not_taken_back(world: World) -> None:
    email_id = (await mailroom.send(world, send_at=later(world)))["id"]
    await mailroom.decide(world, email_id)
    await world.add_operator("Mira")
    assert await code(world, UNDO_DECISION, "Mira", email_id=email_id) == "conflict"


async def test_a_rejection_is_final(world: World) -> None:
    email_id = (await mailroom.send(world))["id"]
    await world.add_operator("Mira")
    await world.invoke(DECIDE_EMAIL, "Mira", email_id=email_id, action="reject")
    assert await code(world, UNDO_DECISION, "Mira", email_id=email_id) == "conflict"
