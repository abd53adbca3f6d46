"""API keys: what is shown, what they may be, and what revoking does."""

import asyncio
import json

import pytest

from multimail.core.errors import Refused
from multimail.core.scopes import Scope
from multimail.core.times import HOUR, MINUTE, to_rfc3339
from multimail.operations import operators
from multimail.operations.account import GET_ACCOUNT
from multimail.operations.api_keys import CREATE_API_KEY, LIST_API_KEYS, REVOKE_API_KEY, UPDATE_API_KEY
from multimail.operations.emails import GET_MESSAGE, READ_EMAIL
from multimail.operations.oversight import LIST_PENDING
from tests.support import mailroom
from tests.support.world import World


async def revoke(world: World, name: str, **more: str) -> int:
    given = {"key_id": world.key_ids[name]} | more
    return (await world.ask(REVOKE_API_KEY, "admin", given)).status


async def test_a_key_is_shown_once_and_kept_as_a_hash(world: World) -> None:
    made = await world.invoke(CREATE_API_KEY, "admin", name="bot", scopes=["send", "read", "read"])
    assert made["api_key"].startswith("mm_live_") and len(made["api_key"]) == 40
    assert (made["scopes"], made["test"], made["mailbox_ids"]) == (["read", "send"], False, None)
    assert made["shown"] == made["api_key"][:12]
    world.keys["bot"] = made["api_key"]
    assert (await world.invoke(GET_ACCOUNT, "bot"))["key"] == {
        "id": made["id"], "scopes": ["read", "send"], "test": False, "mailbox_ids": None,
    }  # fmt: skip
    listed = await world.invoke(LIST_API_KEYS, "admin", limit=100)
    assert listed["api_keys"][0]["id"] == made["id"]
    kept = json.dumps([dict(row) for row in await mailroom.execute(world, "SELECT * FROM api_keys")])
    for secret in (made["api_key"], *world.keys.values()):
        assert secret not in json.dumps(listed) and secret not in kept


async def test_a_test_key_says_so(world: World) -> None:
    made = await world.invoke(CREATE_API_KEY, "admin", test=True)
    assert made["api_key"].startswith("mm_test_") and made["test"] is True


async def test_keys_that_can_not_be_made(world: World) -> None:
    for given, code in (
        ({"scopes": ["owner"]}, "invalid_fields"),
        ({"scopes": ["public"]}, "invalid_fields"),
        ({"scopes": ["everything"]}, "invalid_fields"),
        ({"scopes": []}, "invalid_fields"),
        ({"mailbox_ids": []}, "invalid_fields"),
        ({"mailbox_ids": ["nobody@acme.multimail.test"]}, "not_found"),
        ({"scopes": ["oversight"]}, "self_approval"),
        ({"scopes": ["read", "send", "oversight"]}, "self_approval"),
        ({"scopes": ["admin", "oversight"]}, "self_approval"),
    ):
        with pytest.raises(Refused) as caught:
            await world.invoke(CREATE_API_KEY, "admin", **given)
        assert caught.value.code == code, given


async def test_use_is_noted_to_the_minute(world: World) -> None:
    async def last_used() -> object:
        keys = (await world.invoke(LIST_API_KEYS, "admin", limit=100))["api_keys"]
        return next(key["last_used_at"] for key in keys if key["id"] == world.key_ids["agent"])

    assert await last_used() is None
    await mailroom.send(world)
    first = await last_used()
    assert first is not None
    await mailroom.send(world)
    assert await last_used() == first
    world.clock.pass_(2 * MINUTE)
    await mailroom.send(world)
    second = await last_used()
    assert str(second) > str(first)
    world.clock.pass_(2 * MINUTE)
    await world.invoke(GET_ACCOUNT)  # which writes nothing itself
    assert str(await last_used()) > str(second)


async def test_what_a_revoked_key_sent_unapproved_is_held_again(world: World) -> None:
    await world.add_key("other", [Scope.READ, Scope.SEND])
    approved = (await mailroom.send(world))["id"]
    await mailroom.decide(world, approved)
    await mailroom.set_mode(world, "autonomous")
    queued = (await mailroom.send(world))["id"]
    later = to_rfc3339(world.clock.now + HOUR)
    scheduled = (await mailroom.send(world, send_at=later))["id"]
    others = (await mailroom.send(world, "other"))["id"]
    sent = (await mailroom.send(world))["id"]
    sql = "UPDATE emails SET state = 'sent' WHERE email_id = :email_id"
    await mailroom.execute(world, sql, email_id=sent)
    assert await revoke(world, "agent") == 200
    expected = {
        approved: "queued", queued: "pending_approval", scheduled: "pending_approval", others: "queued",
        sent: "sent",
    }  # fmt: skip
    for email_id, status in expected.items():
        assert (await world.invoke(GET_MESSAGE, "other", email_id=email_id))["status"] == status
    assert (await mailroom.jobs(world, "deliver"), await mailroom.jobs(world, "due")) == (3, 0)
    waiting = (await world.invoke(LIST_PENDING, "other"))["pending"]
    assert [email["id"] for email in waiting] == [queued, scheduled]
    await mailroom.decide(world, queued)
    far = mailroom.FarSide()
    await mailroom.hand_over(mailroom.leaving(world), far)
    assert len(far.taken) == 3


async def test_an_oversight_key_is_revoked_with_an_owners_code(world: World) -> None:
    assert await revoke(world, "oversight") == 202
    assert (await world.invoke(LIST_PENDING, "oversight"))["pending"] == []
    (code,) = await world.run(operators.pending_codes)
    assert "oversight" in code["asks"]
    assert await revoke(world, "oversight", approval_code=code["code"]) == 200
    with pytest.raises(Refused) as caught:
        await world.invoke(LIST_PENDING, "oversight")
    assert caught.value.code == "unauthenticated"


async def test_a_key_may_revoke_itself_and_once(world: World) -> None:
    await world.add_key("second", [Scope.ADMIN])
    assert await revoke(world, "second") == 200
    with pytest.raises(Refused) as caught:
        await revoke(world, "second")
    assert caught.value.code == "not_found"
    assert await revoke(world, "admin") == 200


async def test_reading_needs_read(world: World) -> None:
    await world.add_key("mute", [Scope.SEND])
    email_id = (await mailroom.send(world, "mute"))["id"]
    with pytest.raises(Refused) as caught:
        await world.invoke(READ_EMAIL, "mute", email_id=email_id)
    assert caught.value.code == "insufficient_scope"
    assert (await world.invoke(READ_EMAIL, "admin", email_id=email_id))[
        "id"
    ] == email_id  # admin implies read


async def update(world: World, which: str, key: str = "admin", /, **given: object) -> int:
    return (await world.ask(UPDATE_API_KEY, key, {"key_id": world.key_ids[which]} | given)).status


async def test_less_is_free_and_holds_at_once(world: World) -> None:
    assert await update(world, "agent", name="bot", scopes=["read"]) == 200
    with pytest.raises(Refused) as caught:
        await mailroom.send(world)
    assert caught.value.code == "insufficient_scope"
    other = await world.add_mailbox("other")
    assert await update(world, "agent", mailbox_ids=[other["address"]]) == 200
    assert (await world.invoke(GET_ACCOUNT, "agent"))["key"]["mailbox_ids"] == [other["mailbox_id"]]


async def test_what_is_changed_at_the_same_moment_gives_no_scope_back(world: World) -> None:
    for attempt in range(5):
        await world.add_key(f"bot {attempt}", [Scope.READ, Scope.SEND])
        asked = [update(world, f"bot {attempt}", name=f"bot {number}") for number in range(12)]
        less = update(world, f"bot {attempt}", scopes=["read"])
        await asyncio.gather(*asked[:6], less, *asked[6:])
        assert (await world.invoke(GET_ACCOUNT, f"bot {attempt}"))["key"]["scopes"] == ["read"]


@pytest.mark.parametrize("more", [{"scopes": ["read", "send", "admin"]}, {"scopes": ["admin"]}])
async def test_more_scopes_take_an_owner(world: World, more: dict[str, object]) -> None:
    assert await update(world, "agent", **more) == 202
    (code,) = await world.run(operators.pending_codes)
    assert "admin" in code["asks"]
    assert await update(world, "agent", **more, approval_code=code["code"]) == 200
    assert "admin" in (await world.invoke(GET_ACCOUNT, "agent"))["key"]["scopes"]


async def test_more_mailboxes_take_an_owner(world: World) -> None:
    own, other = world.mailbox["mailbox_id"], (await world.add_mailbox("other"))["mailbox_id"]
    await world.add_key("limited", [Scope.READ], mailbox_ids={own})
    assert await update(world, "limited", mailbox_ids=[own]) == 200
    for more in ({"mailbox_ids": [own, other]}, {"mailbox_ids": [other]}, {"all_mailboxes": True}):
        assert await update(world, "limited", **more) == 202
    asked = [code["asks"] for code in await world.run(operators.pending_codes)]
    assert asked[1].endswith("in 1 mailboxes: other@acme.multimail.test")
    await world.add_operator("owner")
    assert await update(world, "limited", "owner", all_mailboxes=True) == 200
    assert (await world.invoke(GET_ACCOUNT, "limited"))["key"]["mailbox_ids"] is None


async def test_no_update_adds_oversight_or_a_forbidden_pair(world: World) -> None:
    await world.add_operator("owner")
    for name, scopes in (
        ("agent", ["read", "oversight"]),
        ("agent", ["send", "oversight"]),
        ("oversight", ["send", "oversight"]),
        ("oversight", ["admin", "oversight"]),
    ):
        with pytest.raises(Refused) as caught:
            await update(world, name, "owner", scopes=scopes)
        assert caught.value.code == "self_approval"


async def test_to_blind_an_oversight_key_takes_an_owner(world: World) -> None:
    assert await update(world, "oversight", scopes=["read"]) == 202
    assert await update(world, "oversight", mailbox_ids=[world.mailbox["mailbox_id"]]) == 202
    assert await update(world, "oversight", name="phone") == 200
