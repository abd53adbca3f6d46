"""The operators of an account: invited by mail, with a role that an owner gives, gone at once when removed."""

import re
from typing import Any

import pytest

from multimail.core.errors import Refused
from multimail.core.scopes import Role
from multimail.core.times import DAY
from multimail.operations import operators
from multimail.operations.mailboxes import UPDATE_MAILBOX
from multimail.operations.operation import Operation
from multimail.operations.people import (
    INVITE_OPERATOR,
    LIST_OPERATOR_SESSIONS,
    LIST_OPERATORS,
    REMOVE_OPERATOR,
    REVOKE_OPERATOR_SESSION,
    UPDATE_OPERATOR,
)
from tests.support.overseer import mails
from tests.support.world import World

NEW = "new@example.test"


async def refusal(world: World, *call: Any, **given: Any) -> Refused:
    with pytest.raises(Refused) as caught:
        await world.invoke(*call, **given)
    return caught.value


async def sign_in(world: World, link: str) -> str | None:
    token = link.rpartition("/")[2]
    return await world.services.db.write(lambda tx: operators.sign_in(world.services, tx, token))


async def invited(world: World, role: str = "approver") -> tuple[str, str]:
    """(operator's id, the session that the mailed link opens)."""
    made = await world.invoke(INVITE_OPERATOR, "owner", email=NEW, role=role, name="Newcomer")
    mail = (await mails(world))[0]
    assert (mail["to"], mail["kind"]) == (NEW, "link")
    session = await sign_in(world, re.findall(r"http\S+", mail["text"])[0])
    assert session
    return made["id"], session


async def actor(world: World, session: str) -> Any:
    return await world.services.db.read(lambda tx: operators.session_actor(world.services, tx, session))


async def test_an_invitation_is_mailed_and_its_link_signs_in_once(world: World) -> None:
    await world.add_operator("owner")
    made = await world.invoke(INVITE_OPERATOR, "owner", email="New@Example.test")
    assert (made["status"], made["role"], made["email"]) == ("invited", "approver", NEW)
    link = re.findall(r"http\S+", (await mails(world))[0]["text"])[0]
    session = await sign_in(world, link)
    assert session and await sign_in(world, link) is None
    listed = (await world.invoke(LIST_OPERATORS, "owner"))["operators"]
    assert {one["id"]: one["status"] for one in listed}[made["id"]] == "active"
    assert (await actor(world, session)).id == made["id"]
    assert (await refusal(world, INVITE_OPERATOR, "owner", email=NEW)).code == "conflict"


async def test_a_link_lives_three_days_and_another_may_be_mailed(world: World) -> None:
    await world.add_operator("owner")
    first = await world.invoke(INVITE_OPERATOR, "owner", email=NEW)
    link = re.findall(r"http\S+", (await mails(world))[0]["text"])[0]
    world.clock.pass_(3 * DAY)
    assert await sign_in(world, link) is None
    again = await world.invoke(INVITE_OPERATOR, "owner", email=NEW)
    assert again["id"] == first["id"]
    assert await sign_in(world, re.findall(r"http\S+", (await mails(world))[0]["text"])[0])


async def test_what_an_approver_asks_for_takes_an_owner(world: World) -> None:
    owner = await world.add_operator("owner")
    clerk = await world.add_operator("clerk", Role.APPROVER)
    for call, given in (
        (INVITE_OPERATOR, {"email": NEW, "role": "owner"}),
        (UPDATE_OPERATOR, {"operator_id": clerk.id, "role": "owner"}),
        (UPDATE_OPERATOR, {"operator_id": owner.id, "role": "viewer"}),
        (REMOVE_OPERATOR, {"operator_id": owner.id}),
    ):
        assert (await world.ask(call, "clerk", given)).status == 202, given
    assert len(await world.run(operators.pending_codes)) == 4
    assert (await world.ask(UPDATE_OPERATOR, "clerk", {"operator_id": clerk.id, "name": "Me"})).status == 200


async def test_keys_and_viewers_are_not_asked_in(world: World) -> None:
    await world.add_operator("guest", Role.VIEWER)
    for name in ("agent", "oversight", "guest"):
        assert (await refusal(world, LIST_OPERATORS, name)).code == "insufficient_scope"


async def by_code(world: World, operation: Operation, **given: Any) -> dict[str, Any]:
    """A program's call, as an owner's code completes it."""
    asked = await world.ask(operation, "admin", given)
    assert (asked.status, asked.body["status"]) == (202, "pending_approval")
    (found,) = await world.run(operators.pending_codes)
    assert found["asks"] == asked.body["asks"]
    wrong = await refusal(world, operation, "admin", **given, approval_code="not it")
    assert wrong.code == "invalid_approval_code"
    return dict(await world.invoke(operation, "admin", **given, approval_code=found["code"]))


async def test_a_program_does_each_of_it_with_an_owner_s_code_and_never_without(world: World) -> None:
    owner = await world.add_operator("owner", email="owner@example.test")
    made = await by_code(world, INVITE_OPERATOR, email=NEW, name="Newcomer")
    link = re.findall(r"http\S+", (await mails(world))[0]["text"])[0]
    session = await sign_in(world, link)
    assert session
    listed = await by_code(world, LIST_OPERATORS)
    assert {made["id"], owner.id} <= {one["id"] for one in listed["operators"]}
    (seen,) = (await by_code(world, LIST_OPERATOR_SESSIONS))["sessions"]
    assert seen["operator_id"] == made["id"]
    changed = await by_code(world, UPDATE_OPERATOR, operator_id=made["id"], role="viewer")
    assert changed["role"] == "viewer"
    await by_code(world, REVOKE_OPERATOR_SESSION, session_id=seen["id"])
    assert await actor(world, session) is None
    await by_code(world, REMOVE_OPERATOR, operator_id=made["id"])
    entries = await world.run(lambda ctx: ctx.sql.list_unsealed(account_id=world.account_id, limit=100))
    asked_by_key = {entry["action"] for entry in entries if entry["actor_kind"] == "key"}
    assert {"list_operators", "list_operator_sessions", "invite_operator", "remove_operator"} <= asked_by_key


async def test_a_code_for_one_operator_is_no_good_for_another(world: World) -> None:
    await world.add_operator("owner")
    one, other = await world.add_operator("one", Role.VIEWER), await world.add_operator("other", Role.VIEWER)
    await world.ask(REMOVE_OPERATOR, "admin", {"operator_id": one.id})
    (found,) = await world.run(operators.pending_codes)
    given = {"operator_id": other.id, "approval_code": found["code"]}
    assert (await refusal(world, REMOVE_OPERATOR, "admin", **given)).code == "invalid_approval_code"


async def test_even_to_look_a_name_up_takes_a_code(world: World) -> None:
    """An update that changes nothing would answer with a name and an address."""
    owner = await world.add_operator("owner", email="owner@example.test")
    for given in ({}, {"name": "owner"}, {"role": "owner"}):
        asked = await world.ask(UPDATE_OPERATOR, "admin", {"operator_id": owner.id} | given)
        assert asked.status == 202 and "owner@example.test" not in str(asked.body)


async def test_a_new_role_holds_at_once(world: World) -> None:
    await world.add_operator("owner")
    second = await world.add_operator("second")
    await world.invoke(UPDATE_OPERATOR, "owner", operator_id=second.id, role="approver")
    given = {"mailbox_id": world.mailbox["mailbox_id"], "oversight_mode": "autonomous"}
    assert (await refusal(world, UPDATE_MAILBOX, "second", **given)).code == "unauthenticated"


async def test_the_last_owner_stays(world: World) -> None:
    owner = await world.add_operator("owner")
    refused = await refusal(world, REMOVE_OPERATOR, "owner", operator_id=owner.id)
    assert (refused.code, refused.details["status"]) == ("conflict", "last_owner")
    assert (
        await refusal(world, UPDATE_OPERATOR, "owner", operator_id=owner.id, role="viewer")
    ).code == "conflict"
    await world.add_operator("second")
    await world.invoke(REMOVE_OPERATOR, "owner", operator_id=owner.id)


async def test_whoever_is_removed_is_out(world: World) -> None:
    await world.add_operator("owner")
    operator_id, session = await invited(world)
    await world.invoke(REMOVE_OPERATOR, "owner", operator_id=operator_id)
    assert await actor(world, session) is None
    assert (await world.invoke(INVITE_OPERATOR, "owner", email=NEW))["id"] != operator_id


async def test_sessions_are_seen_and_ended_by_their_own_and_by_owners(world: World) -> None:
    await world.add_operator("owner")
    clerk = await world.add_operator("clerk", Role.APPROVER)
    _, session = await invited(world)
    (seen,) = (await world.invoke(LIST_OPERATOR_SESSIONS, "owner"))["sessions"]
    assert (seen["name"], seen["role"]) == ("Newcomer", "approver")
    assert (await world.invoke(LIST_OPERATOR_SESSIONS, "clerk"))["sessions"] == []
    refused = await refusal(world, REVOKE_OPERATOR_SESSION, "clerk", session_id=seen["id"])
    assert refused.code == "not_found" and clerk.id != seen["operator_id"]
    await world.invoke(REVOKE_OPERATOR_SESSION, "owner", session_id=seen["id"])
    assert await actor(world, session) is None
    assert session not in str(seen)


async def test_no_operator_has_a_mailbox_s_address(world: World) -> None:
    await world.add_operator("owner")
    given = {"email": world.mailbox["address"]}
    assert (await refusal(world, INVITE_OPERATOR, "owner", **given)).code == "operator_address"
