"""The account's name and its oversight address: moved by an owner, proved by whoever reads it."""

from typing import Any

import pytest

from multimail.core.errors import Refused
from multimail.core.scopes import Scope
from multimail.core.times import HOUR, MINUTE
from multimail.operations import operators
from multimail.operations.account import GET_ACCOUNT
from multimail.operations.account_update import UPDATE_ACCOUNT
from multimail.operations.api_keys import REVOKE_API_KEY
from multimail.operations.mailboxes import CREATE_MAILBOX, UPDATE_MAILBOX
from tests.support import mailroom
from tests.support.overseer import BOSS, code_in, mails, oversee
from tests.support.world import World


async def refusal(world: World, key: str, **given: Any) -> Refused:
    with pytest.raises(Refused) as caught:
        await world.invoke(UPDATE_ACCOUNT, key, **given)
    return caught.value


async def test_a_name_is_free_to_change(world: World) -> None:
    assert (await world.invoke(UPDATE_ACCOUNT, "admin", name="Acme Ltd"))["name"] == "Acme Ltd"
    assert (await world.invoke(GET_ACCOUNT))["name"] == "Acme Ltd"
    assert (await refusal(world, "admin", name="Acme\r\nBcc: x@y.test")).code == "invalid_fields"


async def test_an_address_takes_an_owner_and_counts_once_it_is_verified(world: World) -> None:
    ask = {"oversight_email": "Boss@Example.test"}
    assert (await world.ask(UPDATE_ACCOUNT, "admin", ask)).status == 202
    (shown,) = await world.run(operators.pending_codes)
    assert BOSS in shown["asks"]
    account = await world.invoke(UPDATE_ACCOUNT, "admin", **ask, approval_code=shown["code"])
    assert (account["oversight_email"], account["oversight_email_verified_at"]) == (BOSS, None)
    assert await world.run(operators.pending_codes) == []  # the proof is in that mail alone
    (mail,) = await mails(world)
    assert (mail["to"], mail["kind"]) == (BOSS, "code")
    assert (await refusal(world, "admin", oversight_email_code="00000000")).code == "invalid_approval_code"
    account = await world.invoke(UPDATE_ACCOUNT, "admin", oversight_email_code=await code_in(world))
    assert account["oversight_email_verified_at"] is not None


async def test_a_code_is_used_once_by_five_tries_within_ten_minutes(world: World) -> None:
    await world.add_operator("owner")
    await world.invoke(UPDATE_ACCOUNT, "owner", oversight_email=BOSS)
    code = await code_in(world)
    for _ in range(5):
        assert (await refusal(world, "admin", oversight_email_code="x")).code == "invalid_approval_code"
    assert (await refusal(world, "admin", oversight_email_code=code)).code == "invalid_approval_code"
    await world.invoke(UPDATE_ACCOUNT, "admin", oversight_email=BOSS)
    code = await code_in(world)
    world.clock.pass_(11 * MINUTE)
    assert (await refusal(world, "admin", oversight_email_code=code)).code == "invalid_approval_code"


async def test_a_code_proves_the_address_it_was_mailed_to(world: World) -> None:
    await world.add_operator("owner")
    await world.invoke(UPDATE_ACCOUNT, "owner", oversight_email=BOSS)
    code = await code_in(world)
    await world.invoke(UPDATE_ACCOUNT, "owner", oversight_email="other@example.test")
    assert (await refusal(world, "owner", oversight_email_code=code)).code == "invalid_approval_code"


async def test_three_proofs_an_hour(world: World) -> None:
    await world.add_operator("owner")
    for _ in range(3):
        await world.invoke(UPDATE_ACCOUNT, "owner", oversight_email=BOSS)
    refused = await refusal(world, "owner", oversight_email=BOSS)
    assert refused.code == "rate_limited" and refused.details["retry_after"]
    world.clock.pass_(HOUR)
    await world.invoke(UPDATE_ACCOUNT, "owner", oversight_email=BOSS)


async def test_moving_it_is_told_to_the_old_one_and_begins_anew(world: World) -> None:
    await oversee(world)
    account = await world.invoke(UPDATE_ACCOUNT, "owner", oversight_email="new@example.test")
    assert account["oversight_email_verified_at"] is None
    told = {mail["to"]: mail for mail in (await mails(world))[:2]}
    assert told[BOSS]["kind"] == "notice" and "new@example.test" in told[BOSS]["text"]
    assert told["new@example.test"]["kind"] == "code"
    assert (await world.invoke(UPDATE_ACCOUNT, "owner", oversight_email=""))["oversight_email"] is None


async def test_no_mailbox_has_it_and_it_is_no_mailbox(world: World) -> None:
    assert (
        await refusal(world, "admin", oversight_email=world.mailbox["address"])
    ).code == "operator_address"
    assert (
        await refusal(world, "admin", oversight_email="new@acme.multimail.test")
    ).code == "operator_address"
    await oversee(world)
    await mailroom.execute(world, "UPDATE accounts SET oversight_email = 'taken@acme.multimail.test'")
    with pytest.raises(Refused) as caught:
        await world.invoke(CREATE_MAILBOX, "admin", address="taken")
    assert caught.value.code == "operator_address"


async def test_what_a_program_asks_for_is_mailed_with_its_code_and_in_words(world: World) -> None:
    await oversee(world)
    ask = {"mailbox_id": world.mailbox["mailbox_id"], "oversight_mode": "autonomous"}
    asked = await world.invoke(UPDATE_MAILBOX, "admin", **ask)
    assert asked["status"] == "pending_approval"
    mail = (await mails(world))[0]
    assert (mail["to"], mail["kind"]) == (BOSS, "code")
    assert "support@acme.multimail.test goes from gated_send to the looser autonomous" in mail["text"]
    assert world.key_ids["admin"] in mail["text"]
    code = await code_in(world)
    assert code not in str(asked)
    await world.invoke(UPDATE_MAILBOX, "admin", **ask)  # asked again: the same request, no further mail
    assert (await mails(world))[0] == mail
    assert (await world.ask(UPDATE_MAILBOX, "admin", ask | {"approval_code": code})).status == 200


async def test_a_program_can_not_flood_its_owner(world: World) -> None:
    await oversee(world)
    before = len(await mails(world))
    for number in range(20):
        box = {"mailbox_id": world.mailbox["mailbox_id"], "name": f"n{number}"}
        await world.invoke(UPDATE_MAILBOX, "admin", **box, oversight_mode="autonomous")
    assert len(await mails(world)) - before == 9  # the proof was one of ten in this hour
    assert len(await world.run(operators.pending_codes)) == 20


async def test_a_program_s_words_make_no_link(world: World) -> None:
    await oversee(world)
    name = "https://evil.test/approve"
    await world.add_key(name, [Scope.OVERSIGHT])
    await world.invoke(REVOKE_API_KEY, "admin", key_id=world.key_ids[name])
    assert "https://evil" not in (await mails(world))[0]["text"]
