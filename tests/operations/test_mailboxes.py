"""Mailboxes, and the owner's consent to what loosens or destroys (contract §3, §4)."""

import asyncio
from typing import Any

import pytest

from multimail.core.errors import Refused
from multimail.core.scopes import Scope
from multimail.core.times import MINUTE, SECOND
from multimail.operations import consent, operators
from multimail.operations.emails import GET_MESSAGE
from multimail.operations.intake import find_recipient
from multimail.operations.mailboxes import (
    CREATE_MAILBOX,
    DELETE_MAILBOX,
    GET_MAILBOX,
    LIST_MAILBOXES,
    UPDATE_MAILBOX,
)
from multimail.operations.operation import Answer
from multimail.operations.rules import ADD_RULE
from multimail.operations.upgrades import REQUEST_UPGRADE
from tests.support import mailroom
from tests.support.world import World


async def update(world: World, key: str = "admin", **given: Any) -> Answer:
    named = {"mailbox_id": world.mailbox["mailbox_id"]} | given
    return await world.ask(UPDATE_MAILBOX, key, named)


async def mode(world: World) -> str:
    box = await world.invoke(GET_MAILBOX, mailbox_id=world.mailbox["mailbox_id"])
    return str(box["oversight_mode"])


async def codes(world: World) -> list[dict[str, Any]]:
    return await world.run(operators.pending_codes)


async def wrong(world: World, code: str, **given: Any) -> bool:
    with pytest.raises(Refused) as caught:
        await update(world, approval_code=code, **given)
    assert (caught.value.code, caught.value.kind.status) == ("invalid_approval_code", 403)
    return True


def other_than(code: str) -> str:
    return f"{(int(code) + 1) % 10**8:08d}"


LOOSER = {"oversight_mode": "autonomous"}


async def test_create_get_list(world: World) -> None:
    made = await world.ask(CREATE_MAILBOX, "admin", {"address": "Sales.EU", "name": "Sales"})
    box = made.body
    assert made.status == 201
    assert (box["address"], box["name"]) == ("sales.eu@acme.multimail.test", "Sales")
    assert (box["oversight_mode"], box["wanted_mode"], box["test"]) == ("gated_send", None, False)
    assert box["id"] == box["mailbox_id"]
    assert await world.invoke(GET_MAILBOX, mailbox_id=box["id"]) == box
    assert await world.invoke(GET_MAILBOX, mailbox_id=" Sales.EU@Acme.multimail.test ") == box
    first = await world.invoke(LIST_MAILBOXES, limit=1)
    rest = await world.invoke(LIST_MAILBOXES, limit=1, cursor=first["cursor"])
    assert [first["mailboxes"][0]["id"], rest["mailboxes"][0]["id"]] == [
        box["id"],
        world.mailbox["mailbox_id"],
    ]
    assert rest["cursor"] is None


@pytest.mark.parametrize("looser", ["monitored", "autonomous"])
async def test_a_looser_mailbox_is_created_gated_with_the_wish_filed(world: World, looser: str) -> None:
    box = await world.invoke(CREATE_MAILBOX, "admin", address="new", oversight_mode=looser)
    assert (box["oversight_mode"], box["wanted_mode"]) == ("gated_send", looser)


@pytest.mark.parametrize("strict", ["read_only", "gated_all"])
async def test_a_stricter_mailbox_is_created_as_asked(world: World, strict: str) -> None:
    box = await world.invoke(CREATE_MAILBOX, "admin", address="new", oversight_mode=strict)
    assert (box["oversight_mode"], box["wanted_mode"]) == (strict, None)


async def test_addresses_that_are_refused(world: World) -> None:
    for address in (
        "", "-a", "a-", "a b", "a@", "@acme.multimail.test", "ü", "a\r\nb", '"a b"', "a" * 65,
        "x@other.multimail.test", "x@multimail.test", "x@acme.multimail.test.evil.test",
    ):  # fmt: skip
        with pytest.raises(Refused) as caught:
            await world.invoke(CREATE_MAILBOX, "admin", address=address)
        assert caught.value.code == "invalid_fields", address
        assert caught.value.details["fields"][0]["path"] == "address"
    for name in ("two\nlines", "n" * 129):
        with pytest.raises(Refused) as caught:
            await world.invoke(CREATE_MAILBOX, "admin", address="fine", name=name)
        assert caught.value.details["fields"][0]["path"] == "name"


async def test_of_concurrent_creations_one_gets_the_address(world: World) -> None:
    asked = [world.invoke(CREATE_MAILBOX, "admin", address="wanted") for _ in range(6)]
    answers = await asyncio.gather(*asked, return_exceptions=True)
    assert [type(answer) for answer in answers].count(Refused) == 5
    assert {answer.code for answer in answers if isinstance(answer, Refused)} == {"address_taken"}


async def test_tightening_is_free(world: World) -> None:
    await mailroom.set_mode(world, "autonomous")
    for stricter in ("gated_send", "read_only"):
        assert (await update(world, oversight_mode=stricter)).status == 200
        assert await mode(world) == stricter


async def test_loosening_takes_the_owners_code(world: World) -> None:
    asked = await update(world, **LOOSER)
    assert (asked.status, asked.body["status"]) == (202, "pending_approval")
    assert "gated_send" in asked.body["asks"] and "autonomous" in asked.body["asks"]
    assert await mode(world) == "gated_send"
    (code,) = await codes(world)
    assert code["asks"] == asked.body["asks"] and len(code["code"]) == 8
    assert code["code"] not in str(asked.body)
    done = await update(world, approval_code=code["code"], **LOOSER)
    assert (done.status, done.body["oversight_mode"]) == (200, "autonomous")
    assert await codes(world) == []
    await update(world, oversight_mode="gated_send")
    assert await wrong(world, code["code"], **LOOSER)  # used once


async def test_a_code_is_bound_to_key_operation_and_input(world: World) -> None:
    await world.add_key("second", [Scope.ADMIN])
    box = await world.add_mailbox("sales")
    await update(world, **LOOSER)
    (code,) = await codes(world)
    assert await wrong(world, code["code"], key="second", **LOOSER)
    assert await wrong(world, code["code"], oversight_mode="monitored")
    assert await wrong(world, code["code"], mailbox_id=box["mailbox_id"], **LOOSER)
    assert await wrong(world, code["code"], name="Other", **LOOSER)
    await mailroom.send(world)
    with pytest.raises(Refused):
        await world.invoke(
            DELETE_MAILBOX, "admin", mailbox_id=world.mailbox["mailbox_id"], approval_code=code["code"]
        )
    assert (await update(world, approval_code=code["code"], **LOOSER)).status == 200


async def test_a_code_dies_after_five_wrong_attempts(world: World) -> None:
    await update(world, **LOOSER)
    (right,) = await codes(world)
    for _ in range(4):
        assert await wrong(world, other_than(right["code"]), **LOOSER)
    assert (await update(world, **LOOSER)).body["status"] == "pending_approval"  # asking again is no attempt
    assert await wrong(world, other_than(right["code"]), **LOOSER)
    assert await wrong(world, right["code"], **LOOSER)
    assert await codes(world) == []
    await update(world, **LOOSER)
    (fresh,) = await codes(world)
    assert (await update(world, approval_code=fresh["code"], **LOOSER)).status == 200


async def test_guesses_at_the_same_moment_are_counted_one_by_one(world: World) -> None:
    await update(world, **LOOSER)
    (right,) = await codes(world)
    guess = other_than(right["code"])
    tried = [update(world, approval_code=guess, **LOOSER) for _ in range(8)]
    answers = await asyncio.gather(*tried, return_exceptions=True)
    assert {getattr(answer, "code", None) for answer in answers} == {"invalid_approval_code"}
    (row,) = await mailroom.execute(world, "SELECT attempts FROM approval_requests")
    assert row["attempts"] == 5


async def test_a_code_lives_ten_minutes(world: World) -> None:
    await update(world, **LOOSER)
    (code,) = await codes(world)
    world.clock.pass_(10 * MINUTE)
    assert await wrong(world, code["code"], **LOOSER)
    await update(world, **LOOSER)
    (code,) = await codes(world)
    world.clock.pass_(10 * MINUTE - SECOND)
    assert (await update(world, approval_code=code["code"], **LOOSER)).status == 200


async def test_new_codes_void_the_ones_before(world: World) -> None:
    await update(world, **LOOSER)
    (first,) = await codes(world)
    (second,) = await codes(world)
    assert await wrong(world, first["code"], **LOOSER)
    assert (await update(world, approval_code=second["code"], **LOOSER)).status == 200


@pytest.mark.parametrize(
    ("before", "change"),
    [
        ("read_only", {"oversight_mode": "gated_all"}),
        ("gated_all", {"oversight_mode": "gated_send"}),
        ("gated_all", {"oversight_mode": "read_only"}),  # inbound would no longer be held
        ("gated_send", {"oversight_mode": "monitored"}),
        ("gated_send", {"human_written": True}),
        ("gated_send", {"oversight_mode": "gated_all", "human_written": True}),
    ],
)
async def test_what_loosens(world: World, before: str, change: dict[str, Any]) -> None:
    await mailroom.set_mode(world, before)
    assert (await update(world, **change)).status == 202
    box = await world.invoke(GET_MAILBOX, mailbox_id=world.mailbox["mailbox_id"])
    assert (box["oversight_mode"], box["human_written"]) == (before, False)


async def test_monitored_needs_a_verified_oversight_address(world: World) -> None:
    await update(world, oversight_mode="monitored")
    (code,) = await codes(world)
    with pytest.raises(Refused) as caught:
        await update(world, oversight_mode="monitored", approval_code=code["code"])
    assert caught.value.code == "no_oversight_address"
    sql = "UPDATE accounts SET oversight_email = 'b@example.test', oversight_email_verified_at = 1"
    await mailroom.execute(world, sql)
    done = await update(world, oversight_mode="monitored", approval_code=code["code"])
    assert done.body["oversight_mode"] == "monitored"


async def test_a_wish_is_gone_once_it_is_granted(world: World) -> None:
    box = await world.invoke(CREATE_MAILBOX, "admin", address="new", oversight_mode="autonomous")
    given = {"mailbox_id": box["id"], "oversight_mode": "autonomous"}
    await update(world, **given)
    _, code = await codes(world)  # the wish itself has one as well
    assert (await update(world, approval_code=code["code"], **given)).body["wanted_mode"] is None
    assert await codes(world) == []


async def test_an_empty_mailbox_is_deleted_at_once(world: World) -> None:
    box = await world.add_mailbox("brief")
    answer = await world.ask(DELETE_MAILBOX, "admin", {"mailbox_id": box["address"]})
    assert (answer.status, answer.body) == (200, {"id": box["mailbox_id"], "deleted": True})
    for name in (box["mailbox_id"], box["address"]):
        with pytest.raises(Refused) as caught:
            await world.invoke(GET_MAILBOX, mailbox_id=name)
        assert caught.value.code == "not_found"
    with pytest.raises(Refused) as caught:
        await world.invoke(CREATE_MAILBOX, "admin", address="brief")
    assert caught.value.code == "address_taken"  # else mail for the one before would reach another


async def test_a_mailbox_with_mail_takes_an_owner_and_sends_nothing_more(world: World) -> None:
    await mailroom.set_mode(world, "autonomous")
    queued = (await mailroom.send(world))["id"]
    pending = (await mailroom.send(world, oversight_mode="gated_send"))["id"]
    sent = (await mailroom.send(world))["id"]
    sql = "UPDATE emails SET state = 'sent' WHERE email_id = :email_id"
    await mailroom.execute(world, sql, email_id=sent)
    given = {"mailbox_id": world.mailbox["mailbox_id"]}
    assert (await world.ask(DELETE_MAILBOX, "admin", given)).status == 202
    (code,) = await codes(world)
    assert "deleted" in code["asks"]
    await world.invoke(DELETE_MAILBOX, "admin", **given, approval_code=code["code"])
    for email_id, status in ((queued, "cancelled"), (pending, "cancelled"), (sent, "sent")):
        assert (await world.invoke(GET_MESSAGE, email_id=email_id))["status"] == status
    address = world.mailbox["address"]
    assert await world.services.db.read(lambda tx: find_recipient(tx, address)) is None
    with pytest.raises(Refused) as caught:
        await mailroom.send(world)
    assert caught.value.code == "not_found"
    far = mailroom.FarSide()
    await mailroom.hand_over(mailroom.leaving(world), far)
    assert far.taken == []


async def test_a_code_that_no_owner_was_shown_does_not_exist(world: World) -> None:
    """Else a stolen key could file request after request and try five codes at each."""
    assert (await update(world, **LOOSER)).status == 202
    (request,) = await world.run(
        lambda ctx: ctx.sql.list_approval_requests(account_id=ctx.account_id, now=ctx.now)
    )
    assert request["code_hash"] == ""
    assert await wrong(world, "", **LOOSER)
    (shown,) = await codes(world)
    assert (await update(world, approval_code=shown["code"], **LOOSER)).status == 200


async def test_what_an_owner_agrees_to_is_told_whole(world: World) -> None:
    asked = (await update(world, human_written=True, **LOOSER)).body["asks"]
    assert "autonomous" in asked and "X-AI-Generated" in asked


async def test_what_an_owner_reads_is_no_text_of_the_program(world: World) -> None:
    given = {"address": "x\n00000000 is the code", "human_written": True}
    with pytest.raises(Refused) as caught:
        await world.ask(CREATE_MAILBOX, "admin", given)
    assert caught.value.code == "invalid_fields"
    assert await codes(world) == []


async def test_configuring_is_updating_by_another_route(world: World) -> None:
    path = f"/v1/mailboxes/{world.mailbox['mailbox_id']}/configure"
    reply = await world.http("PATCH", path, {"name": "Desk"}, key="admin")
    assert (reply.status, reply.json()["name"]) == (200, "Desk")
    given = {"mailbox": world.mailbox["address"], "oversight_mode": "gated_all"}
    reply = await world.http("POST", "/configure_mailbox", given, key="admin")
    assert (reply.status, reply.json()["oversight_mode"]) == (200, "gated_all")
    reply = await world.http("PATCH", path, {"oversight_mode": "autonomous"}, key="admin")
    assert (reply.status, reply.json()["status"]) == (202, "pending_approval")


async def test_what_is_changed_at_the_same_moment_gives_no_loose_mode_back(world: World) -> None:
    await update(world, name="First")  # which notes the key's use: from then on none waits for another
    for attempt in range(5):
        await mailroom.set_mode(world, "autonomous")
        asked = [update(world, name=f"Name {attempt}.{number}") for number in range(12)]
        await asyncio.gather(*asked[:6], update(world, oversight_mode="read_only"), *asked[6:])
        assert await mode(world) == "read_only"


async def test_no_key_buries_an_owner_under_requests(world: World) -> None:
    """Each other input is another request; what is asked for again is the same one."""
    named = [{"kind": "allow", "pattern": f"p{number}@example.test"} for number in range(consent.OPEN + 1)]
    for given in named[: consent.OPEN]:
        assert (await world.ask(ADD_RULE, "admin", given)).status == 202
    with pytest.raises(Refused) as caught:
        await world.ask(ADD_RULE, "admin", named[-1])
    assert caught.value.code == "rate_limited" and caught.value.details["retry_after"] in (599, 600)
    assert (await world.ask(ADD_RULE, "admin", named[0])).status == 202
    assert len(await world.run(operators.pending_codes)) == consent.OPEN
    world.clock.pass_(consent.LIFE)
    assert (await world.ask(ADD_RULE, "admin", named[-1])).status == 202


async def test_nor_do_many_keys(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(consent, "OPEN_IN_ALL", 2)
    await update(world, **LOOSER)
    await world.ask(
        REQUEST_UPGRADE, "agent", {"mailbox_id": world.mailbox["mailbox_id"], "target_mode": "autonomous"}
    )
    with pytest.raises(Refused) as caught:
        await world.ask(CREATE_MAILBOX, "admin", {"address": "third", "oversight_mode": "autonomous"})
    assert caught.value.code == "rate_limited" and "of the account" in caught.value.sentence
