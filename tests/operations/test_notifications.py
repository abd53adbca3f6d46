"""Who is told of what waits, and what follows when nobody decides: settings, mails, links, escalation, expiry."""

import re
from typing import Any

import pytest

from multimail.core.errors import Refused
from multimail.core.scopes import Role
from multimail.core.times import DAY, HOUR, MINUTE
from multimail.operations import operators
from multimail.operations.approval_links import DECIDE_BY_LINK, SHOW_APPROVAL
from multimail.operations.context import Actor
from multimail.operations.editing import EDIT_EMAIL
from multimail.operations.emails import GET_MESSAGE
from multimail.operations.mailboxes import LIST_MAILBOXES
from multimail.operations.notifications import GET_NOTIFICATIONS, UPDATE_NOTIFICATIONS
from multimail.operations.oversight import DECIDE_EMAIL, UNDO_DECISION
from multimail.operations.people import REMOVE_OPERATOR, UPDATE_OPERATOR
from multimail.operations.watching import MAILS_PER_HOUR
from multimail.workers import small
from multimail.workers.sweep import sweep
from tests.support import mailroom
from tests.support.overseer import mails
from tests.support.world import World


async def refusal(world: World, *call: Any, **given: Any) -> Refused:
    with pytest.raises(Refused) as caught:
        await world.invoke(*call, **given)
    return caught.value


async def person(world: World, name: str, role: Role = Role.APPROVER) -> Actor:
    """One who has an address and has signed in."""
    made = await world.add_operator(name, role, f"{name}@people.test")
    await world.run(
        lambda ctx: ctx.sql.note_joined(account_id=world.account_id, operator_id=made.id, now=ctx.now)
    )
    return made


async def look(world: World) -> list[str]:
    return await mailroom.run_jobs(world, "watch", small.watching(world.services))


async def told(world: World) -> list[tuple[str, str]]:
    """(recipient, subject) of all that was mailed about what waits, oldest first."""
    await look(world)
    await mailroom.run_jobs(world, "digest", small.digesting(world.services))
    return [
        (mail["to"], mail["subject"]) for mail in reversed(await mails(world)) if mail["kind"] == "pending"
    ]


async def link_of(world: World, to: str) -> str:
    """The newest link that was mailed to somebody."""
    mail = next(one for one in await mails(world) if one["to"] == to and one["kind"] == "pending")
    return re.findall(r"/v1/approve/(\S+)", mail["text"])[0]


async def status(world: World, email_id: str) -> str:
    return str((await world.invoke(GET_MESSAGE, email_id=email_id))["status"])


async def test_whoever_decides_is_told_at_once_and_once(world: World) -> None:
    await person(world, "ann")
    await person(world, "vic", Role.VIEWER)
    await world.add_operator("bob", Role.APPROVER, "bob@people.test")  # was invited and never came
    sent = await mailroom.send(world, subject="An offer")
    assert await told(world) == [("ann@people.test", "To decide: An offer")]
    assert await told(world) == [("ann@people.test", "To decide: An offer")]
    text = (await mails(world))[0]["text"]
    assert "From: support@acme.multimail.test" in text and "To: bob@example.test" in text
    assert (
        "  - bob@example.\N{WORD JOINER}test" not in text and "bob@example." in text.partition("To know")[2]
    )
    assert "Five" not in text, "the words are on the page, behind the link"
    await mailroom.decide(world, sent["id"])
    await world.run(lambda ctx: sweep(world.services, ctx.tx))
    assert await mailroom.execute(world, "SELECT * FROM watches") == []


async def test_where_nobody_could_be_told_nothing_is_queued(world: World) -> None:
    await world.add_operator("owner")
    await mailroom.send(world)
    assert await mailroom.jobs(world, "watch") == 0


async def test_an_edit_is_told_of_anew_and_an_undo_too(world: World) -> None:
    await person(world, "ann")
    sent = await mailroom.send(world, subject="One")
    assert len(await told(world)) == 1
    await world.invoke(EDIT_EMAIL, "ann", email_id=sent["id"], subject="Two")
    assert [subject for _, subject in await told(world)] == ["To decide: One", "To decide: Two"]
    await world.invoke(
        DECIDE_EMAIL,
        "ann",
        email_id=sent["id"],
        action="approve",
        revision=(await world.invoke(GET_MESSAGE, email_id=sent["id"]))["revision"],
    )
    await world.invoke(UNDO_DECISION, "ann", email_id=sent["id"])
    assert len(await told(world)) == 3


async def test_quiet_hours_digests_and_none(world: World) -> None:
    for name in ("quiet", "daily", "deaf"):
        await person(world, name)
    await world.invoke(
        UPDATE_NOTIFICATIONS, "quiet", quiet_from="00:00", quiet_until="23:59", time_zone="Europe/Berlin"
    )
    await world.invoke(UPDATE_NOTIFICATIONS, "daily", pending="digest", digest_minutes=1440)
    await world.invoke(UPDATE_NOTIFICATIONS, "deaf", pending="none")
    await mailroom.send(world, subject="One")
    second = await mailroom.send(world, subject="Two")
    await mailroom.send(world, subject="Three")
    assert await told(world) == []
    await mailroom.decide(world, second["id"], "reject")
    world.clock.pass_(DAY + MINUTE)
    found = await told(world)
    assert ("daily@people.test", "To decide: 2 emails wait") in found
    assert sorted(subject for to, subject in found if to == "quiet@people.test") == [
        "To decide: One",
        "To decide: Three",
    ]
    assert {to for to, _ in found} == {"daily@people.test", "quiet@people.test"}


async def test_no_agent_floods_a_person(world: World) -> None:
    await person(world, "ann")
    for number in range(MAILS_PER_HOUR + 5):
        await mailroom.send(world, subject=f"Number {number}")
    assert len(await told(world)) == MAILS_PER_HOUR
    world.clock.pass_(HOUR)
    assert (await told(world))[-1][1] == f"To decide: {MAILS_PER_HOUR + 5} emails wait"


async def test_the_second_person_is_told_after_a_while(world: World) -> None:
    await person(world, "owner", Role.OWNER)
    boss = await person(world, "boss", Role.OWNER)
    await world.invoke(UPDATE_NOTIFICATIONS, "boss", pending="none")
    await world.invoke(UPDATE_NOTIFICATIONS, "owner", escalate_after_minutes=30, escalate_to=boss.id)
    decided, waits = (
        await mailroom.send(world, subject="Decided"),
        await mailroom.send(world, subject="Waits"),
    )
    assert [to for to, _ in await told(world)] == ["owner@people.test"] * 2
    await mailroom.decide(world, decided["id"])
    world.clock.pass_(31 * MINUTE)
    assert (await told(world))[2:] == [("boss@people.test", "To decide: Waits")]
    world.clock.pass_(DAY)
    assert len(await told(world)) == 3
    assert await status(world, waits["id"]) == "pending_approval"


async def test_what_waits_too_long_is_rejected_and_held_mail_is_not(world: World) -> None:
    await world.add_operator("owner")
    await world.invoke(UPDATE_NOTIFICATIONS, "owner", expire_after_hours=2)
    sent = await mailroom.send(world)
    await mailroom.set_mode(world, "gated_all")
    held = await mailroom.arrive(world)
    await look(world)
    world.clock.pass_(2 * HOUR - MINUTE)
    await look(world)
    assert await status(world, sent["id"]) == "pending_approval"
    world.clock.pass_(2 * MINUTE)
    await look(world)
    row = await mailroom.row(world, sent["id"])
    assert (row["state"], row["decided_by"]) == ("rejected", "system:oversight")
    assert (await mailroom.row(world, held))["state"] == "held"
    entries = await world.run(lambda ctx: ctx.sql.list_unsealed(account_id=world.account_id, limit=100))
    assert "expire_email" in {entry["action"] for entry in entries}


async def test_new_rules_count_for_what_waits_already(world: World) -> None:
    sent = await mailroom.send(world)
    await world.add_operator("owner")
    await world.invoke(UPDATE_NOTIFICATIONS, "owner", expire_after_hours=1)
    await look(world)
    world.clock.pass_(HOUR + MINUTE)
    await look(world)
    assert await status(world, sent["id"]) == "rejected"


async def test_test_mail_is_told_of_in_test_mail(world: World) -> None:
    await person(world, "ann")
    await mailroom.send(world, "test", subject="Only a test")
    await told(world)
    (mail,) = [one for one in await mails(world) if one["kind"] == "pending"]
    assert mail["test"] is True


# The link.


async def test_a_link_shows_what_would_leave_and_decides_nothing(world: World) -> None:
    await person(world, "ann")
    sent = await mailroom.send(world, subject="An offer", bcc="eve@example.test", markdown="Five **euros**.")
    await told(world)
    token = await link_of(world, "ann@people.test")
    for _ in range(2):
        await world.invoke(SHOW_APPROVAL, None, token=token)
    shown = await world.invoke(SHOW_APPROVAL, None, token=token)
    assert shown["email"]["envelope_recipients"] == ["bob@example.test", "eve@example.test"]
    assert "<strong>euros</strong>" in shown["html"] and shown["email"]["facts"]["first_contact"]
    assert await status(world, sent["id"]) == "pending_approval"
    entries = await world.run(lambda ctx: ctx.sql.list_unsealed(account_id=world.account_id, limit=100))
    assert [one["actor_name"] for one in entries if one["action"] == "show_approval"] == ["ann"] * 3


async def test_a_link_decides_once_as_the_person_it_was_mailed_to(world: World) -> None:
    ann = await person(world, "ann")
    sent = await mailroom.send(world)
    await told(world)
    token = await link_of(world, "ann@people.test")
    done = await world.invoke(DECIDE_BY_LINK, None, token=token, action="approved")
    assert (done["decision"], done["decided_by"]) == ("approved", f"operator:{ann.id}")
    assert await status(world, sent["id"]) == "scheduled"
    await world.invoke(UNDO_DECISION, "ann", email_id=sent["id"])
    again = await refusal(world, DECIDE_BY_LINK, None, token=token, action="reject")
    assert again.code == "not_found"
    assert (await refusal(world, SHOW_APPROVAL, None, token=token)).code == "not_found"
    assert await status(world, sent["id"]) == "pending_approval"


async def test_a_refused_decision_leaves_the_link_as_it_was(world: World) -> None:
    await person(world, "ann")
    sent = await mailroom.send(world)
    await told(world)
    token = await link_of(world, "ann@people.test")
    await mailroom.set_mode(world, "read_only")
    assert (await refusal(world, DECIDE_BY_LINK, None, token=token, action="approve")).code == "read_only"
    await mailroom.set_mode(world, "gated_send")
    await world.invoke(DECIDE_BY_LINK, None, token=token, action="reject", reason="No.")
    assert await status(world, sent["id"]) == "rejected"


async def test_a_link_is_for_one_revision(world: World) -> None:
    await person(world, "ann")
    sent = await mailroom.send(world)
    await told(world)
    token = await link_of(world, "ann@people.test")
    await world.invoke(EDIT_EMAIL, "ann", email_id=sent["id"], subject="Other words")
    for operation, more in ((SHOW_APPROVAL, {}), (DECIDE_BY_LINK, {"action": "approve"})):
        assert (await refusal(world, operation, None, token=token, **more)).code == "stale_revision"


async def test_when_a_link_is_no_good(world: World) -> None:
    await person(world, "owner", Role.OWNER)
    ann = await person(world, "ann")
    bob = await person(world, "bob")
    sent = await mailroom.send(world)
    await told(world)
    links = {name: await link_of(world, f"{name}@people.test") for name in ("owner", "ann", "bob")}
    await world.invoke(UPDATE_OPERATOR, "owner", operator_id=ann.id, role="viewer")
    await world.invoke(REMOVE_OPERATOR, "owner", operator_id=bob.id)
    body, _, mac = links["owner"].partition(".")
    for token in (links["ann"], links["bob"], "x", ".", f"{body}.{mac[:-1]}0", f"{body}é.{mac}"):
        assert (await refusal(world, SHOW_APPROVAL, None, token=token)).code == "not_found"
        assert (await refusal(world, DECIDE_BY_LINK, None, token=token, action="approve")).code == "not_found"
    await mailroom.decide(world, sent["id"])
    refused = await refusal(world, DECIDE_BY_LINK, None, token=links["owner"], action="approve")
    assert (refused.code, refused.details["status"]) == ("conflict", "queued")
    await mailroom.send(world)
    await told(world)
    late = await link_of(world, "owner@people.test")
    world.clock.pass_(3 * DAY + MINUTE)
    assert (await refusal(world, SHOW_APPROVAL, None, token=late)).code == "not_found"


# The settings.


async def test_settings_are_shown_and_changed(world: World) -> None:
    owner = await person(world, "owner", Role.OWNER)
    ann = await person(world, "ann")
    box = world.mailbox["mailbox_id"]
    changed = await world.invoke(
        UPDATE_NOTIFICATIONS,
        "owner",
        operator_id=ann.id,
        pending="digest",
        quiet_from="22:00",
        quiet_until="06:30",
        time_zone="Europe/Berlin",
        escalate_after_minutes=15,
        escalate_to=owner.id,
        expire_after_hours=24,
        chat_url="https://hooks.chat.test/services/SECRET",
        four_eyes=[world.mailbox["address"]],
        approvers=[{"mailbox_id": box, "operator_ids": [ann.id]}],
    )
    shown = await world.invoke(GET_NOTIFICATIONS, "ann")
    assert shown == changed and "SECRET" not in str(shown)
    hers = next(one for one in shown["operators"] if one["operator_id"] == ann.id)
    assert (hers["pending"], hers["quiet_from"], hers["quiet_until"]) == ("digest", "22:00", "06:30")
    assert (shown["chat"], shown["four_eyes"]) == ("hooks.chat.test", [box])
    assert shown["approvers"] == [{"mailbox_id": box, "operator_ids": [ann.id]}]
    off = {"escalate_after_minutes": 0, "escalate_to": "", "expire_after_hours": 0, "chat_url": ""}
    cleared = await world.invoke(UPDATE_NOTIFICATIONS, "owner", **off, four_eyes=[], approvers=[])
    gone = ("escalate_after_minutes", "escalate_to", "expire_after_hours", "chat")
    assert [cleared[name] for name in gone] == [None] * 4
    assert (cleared["four_eyes"], cleared["approvers"]) == ([], [])
    quiet = {"operator_id": ann.id, "quiet_from": "", "quiet_until": ""}
    people = (await world.invoke(UPDATE_NOTIFICATIONS, "owner", **quiet))["operators"]
    assert next(one for one in people if one["operator_id"] == ann.id)["quiet_from"] is None
    sealed = await mailroom.execute(world, "SELECT chat_url FROM oversight_settings")
    assert "SECRET" not in str(sealed[0]["chat_url"])


async def test_one_s_own_are_one_s_own_and_the_rest_takes_an_owner(world: World) -> None:
    await person(world, "owner", Role.OWNER)
    await person(world, "ann")
    bob = await person(world, "bob")
    assert (await world.ask(UPDATE_NOTIFICATIONS, "ann", {"pending": "none"})).status == 200
    for key, given in (
        ("ann", {"operator_id": bob.id, "pending": "none"}),
        ("ann", {"expire_after_hours": 0}),
        ("ann", {"approvers": []}),
        ("admin", {"operator_id": bob.id, "pending": "none"}),
        ("admin", {"chat_url": "https://evil.test/services/SECRET"}),
        ("admin", {}),
    ):
        assert (await world.ask(UPDATE_NOTIFICATIONS, key, given)).status == 202, given
    assert (await world.ask(GET_NOTIFICATIONS, "admin", {})).status == 202
    asks = [found["asks"] for found in await world.run(operators.pending_codes)]
    assert all(asks) and "chat url: a webhook at evil.test" in asks
    assert "SECRET" not in str(await mailroom.execute(world, "SELECT summary FROM approval_requests"))


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({"time_zone": "Mars/Olympus"}, "invalid_fields"),
        ({"time_zone": "../../etc/passwd"}, "invalid_fields"),
        ({"quiet_from": "22:00"}, "invalid_fields"),
        ({"quiet_from": "25:00", "quiet_until": "06:00"}, "invalid_fields"),
        ({"digest_minutes": 1}, "invalid_fields"),
        ({"escalate_to": mailroom.absent("opr")}, "not_found"),
        ({"four_eyes": [mailroom.absent("mbx")]}, "not_found"),
        ({"operator_id": mailroom.absent("opr"), "pending": "none"}, "not_found"),
    ],
)
async def test_what_is_no_setting(world: World, given: dict[str, Any], code: str) -> None:
    await person(world, "owner", Role.OWNER)
    assert (await refusal(world, UPDATE_NOTIFICATIONS, "owner", **given)).code == code


async def test_a_viewer_is_nobody_to_escalate_to(world: World) -> None:
    await person(world, "owner", Role.OWNER)
    viewer = await person(world, "vic", Role.VIEWER)
    refused = await refusal(world, UPDATE_NOTIFICATIONS, "owner", escalate_to=viewer.id)
    assert refused.code == "invalid_fields"


async def test_approvers_by_mailbox(world: World) -> None:
    await person(world, "owner", Role.OWNER)
    await person(world, "ann")
    bob = await person(world, "bob")
    box = world.mailbox["mailbox_id"]
    await world.invoke(
        UPDATE_NOTIFICATIONS, "owner", approvers=[{"mailbox_id": box, "operator_ids": [bob.id]}]
    )
    sent = await mailroom.send(world)
    assert [to for to, _ in await told(world)] == ["bob@people.test"]
    decision = {"email_id": sent["id"], "action": "approve"}
    refused = await refusal(world, DECIDE_EMAIL, "ann", **decision)
    assert refused.code == "insufficient_scope" and "Other people" in refused.sentence
    assert (
        await refusal(world, EDIT_EMAIL, "ann", email_id=sent["id"], subject="x")
    ).code == "insufficient_scope"
    assert (await world.invoke(DECIDE_EMAIL, "bob", **decision))["decision"] == "approved"
    other = await mailroom.send(world)
    assert (await world.invoke(DECIDE_EMAIL, "owner", email_id=other["id"], action="reject"))["decision"]
    assert (await world.invoke(LIST_MAILBOXES, "ann"))["mailboxes"]
    sales = (await world.add_mailbox("sales"))["mailbox_id"]
    one = {"mailbox_id": sales, "mailbox_approvers": [bob.id]}
    assert (
        await refusal(world, UPDATE_NOTIFICATIONS, "owner", mailbox_approvers=[])
    ).code == "invalid_fields"
    asked = await world.ask(UPDATE_NOTIFICATIONS, "bob", one | {"mailbox_approvers": []})
    assert asked.body["asks"] == "mailbox approvers: sales@acme.multimail.test by everybody who decides"
    shown = await world.invoke(UPDATE_NOTIFICATIONS, "owner", **one)
    assert [found["mailbox_id"] for found in shown["approvers"]] == sorted([box, sales])
    shown = await world.invoke(UPDATE_NOTIFICATIONS, "owner", mailbox_id=box, mailbox_approvers=[])
    assert shown["approvers"] == [{"mailbox_id": sales, "operator_ids": [bob.id]}]


async def test_under_four_eyes_nobody_approves_what_they_edited(world: World) -> None:
    for name in ("owner", "second"):
        await person(world, name, Role.OWNER)
    await world.invoke(UPDATE_NOTIFICATIONS, "owner", four_eyes=[world.mailbox["mailbox_id"]])
    sent = await mailroom.send(world)
    edited = await world.invoke(EDIT_EMAIL, "owner", email_id=sent["id"], subject="Other words")
    decision = {"email_id": sent["id"], "action": "approve", "revision": edited["revision"]}
    assert (await refusal(world, DECIDE_EMAIL, "owner", **decision)).code == "four_eyes"
    assert (await world.invoke(DECIDE_EMAIL, "second", **decision))["decision"] == "approved"
