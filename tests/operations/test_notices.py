"""Operator mail: kept where nothing leaves, shown to operators alone, never for an address that is hosted here."""

import json

import pytest

from multimail.core.errors import Refused
from multimail.core.scopes import Role
from multimail.operations.account import LIST_SANDBOX
from multimail.operations.notices import every_sandboxed, notify, quoted
from tests.support import mailroom
from tests.support.world import World


async def write(world: World, to: str = "boss@example.test", kind: str = "code") -> str:
    return await world.run(lambda ctx: notify(ctx, to, "A code", "The code is 12345678.", kind))  # type: ignore[arg-type]  # a word of the tests


async def status(world: World, notice_id: str) -> str:
    name = {"account_id": world.account_id, "notice_id": notice_id}
    return str((await world.run(lambda ctx: ctx.sql.get_operator_mail(**name)))["status"])


async def test_in_the_sandbox_it_is_kept_for_operators_alone(world: World) -> None:
    await world.add_operator("boss")
    await world.add_operator("clerk", Role.APPROVER)
    await world.add_operator("guest", Role.VIEWER)
    notice_id = await write(world)
    assert await mailroom.tell(world) == [notice_id]
    (shown,) = (await world.invoke(LIST_SANDBOX, "boss"))["operator_mail"]
    assert (shown["id"], shown["to"], shown["kind"]) == (notice_id, "boss@example.test", "code")
    assert "12345678" in shown["text"]
    (shown,) = (await world.invoke(LIST_SANDBOX, "clerk"))["operator_mail"]
    assert shown["text"] is None
    for name in ("guest", "agent", "oversight", "admin", "test"):
        assert "operator_mail" not in await world.invoke(LIST_SANDBOX, name)
    (found,) = await world.run(every_sandboxed)
    assert found["id"] == notice_id


async def test_a_link_to_decide_by_is_for_the_person_whose_it_is(world: World) -> None:
    await world.add_operator("boss", email="boss@example.test")
    await world.add_operator("clerk", Role.APPROVER, "clerk@example.test")
    await write(world, to="clerk@example.test", kind="pending")
    await mailroom.tell(world)
    (hidden,) = (await world.invoke(LIST_SANDBOX, "boss"))["operator_mail"]
    (own,) = (await world.invoke(LIST_SANDBOX, "clerk"))["operator_mail"]
    assert hidden["text"] is None and "12345678" in own["text"]
    (found,) = await world.run(every_sandboxed)
    assert "12345678" in found["text"], "whoever has the data folder reads everything"


async def test_a_notice_without_a_secret_is_every_operators_to_read(world: World) -> None:
    await world.add_operator("clerk", Role.APPROVER)
    await write(world, kind="notice")
    await mailroom.tell(world)
    assert "12345678" in json.dumps(await world.invoke(LIST_SANDBOX, "clerk"))


@pytest.mark.parametrize(
    "address",
    [
        "support@acme.multimail.test",
        "Support@Acme.MultiMail.test",
        "nobody-yet@acme.multimail.test",
        "delivered@simulator.multimail.test",
    ],
)
async def test_an_address_that_is_hosted_here_is_refused(world: World, address: str) -> None:
    with pytest.raises(Refused) as caught:
        await write(world, address)
    assert caught.value.code == "operator_address"
    assert await mailroom.tell(world) == []


@pytest.mark.parametrize("address", ["", "boss", "a@b.test, c@d.test", "a@b.test\r\nBcc: x@y.test"])
async def test_what_is_no_address_is_refused(world: World, address: str) -> None:
    with pytest.raises(Refused) as caught:
        await write(world, address)
    assert caught.value.code == "invalid_fields"


async def test_the_platforms_own_domain_may_be_a_persons_too(world: World) -> None:
    assert await write(world, "boss@multimail.test")


async def test_an_address_that_became_hosted_meanwhile_gets_nothing(world: World) -> None:
    far, leaving = mailroom.FarSide(), mailroom.leaving(world)
    notice_id = await write(world)
    sql = "UPDATE operator_mail SET recipient = 'support@acme.multimail.test'"
    await mailroom.execute(world, sql)
    await mailroom.tell(leaving, far)
    assert far.taken == []
    assert await status(world, notice_id) == "failed"


def test_words_of_others_become_one_line_without_links() -> None:
    assert quoted("Hello\r\n\tBcc: x\u202e") == "Hello Bcc: x"
    assert "https://" not in quoted("https://evil.test/approve")
    assert len(quoted("x" * 10_000)) == 200
