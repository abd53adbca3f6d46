"""Usage: what is counted, for whom, and that held inbound mail is counted for nobody without `oversight`."""

import pytest

from multimail.core.errors import Refused
from multimail.core.scopes import Scope
from multimail.core.times import DAY
from multimail.operations.sending import CANCEL_MESSAGE
from multimail.operations.usage import GET_USAGE, forget_storage
from tests.support import mailroom
from tests.support.world import World


async def counts(world: World, *names: str, key: str = "agent", **given: object) -> list[int]:
    told = await world.invoke(GET_USAGE, key, **given)
    return [told[name] for name in names]


async def test_what_becomes_of_an_email_is_counted_once(world: World) -> None:
    names = ("pending", "sent", "received", "failed", "bounced")
    first, second = [(await mailroom.send(world))["id"] for _ in range(2)]
    assert await counts(world, *names) == [2, 0, 0, 0, 0]
    await mailroom.decide(world, first)
    assert await counts(world, *names) == [1, 0, 0, 0, 0]
    await mailroom.hand_over(world)
    await world.invoke(CANCEL_MESSAGE, email_id=second)
    await mailroom.arrive(world)
    assert await counts(world, *names) == [0, 1, 1, 0, 0]


async def test_the_outcomes_of_the_simulator_are_counted(world: World) -> None:
    await mailroom.set_mode(world, "autonomous")
    for part in ("bounce", "complaint", "nobody"):
        await mailroom.send(world, to=f"{part}@simulator.multimail.test")
    await mailroom.hand_over(world)
    assert await counts(world, "sent", "bounced", "complained", "failed") == [2, 1, 1, 1]


async def test_each_day_on_its_own(world: World) -> None:
    today = world.clock.now // DAY
    await mailroom.arrive(world)
    world.clock.now = (today + 1) * DAY
    for number in range(3):
        await mailroom.arrive(world, message_id=f"<{number}@x.test>")
    told = await world.invoke(GET_USAGE, from_date="2026-09-01", breakdown="daily")
    assert [day["received"] for day in told["daily"]] == [1, 3]
    (only,) = (await world.invoke(GET_USAGE, from_date=told["daily"][1]["date"], breakdown="daily"))["daily"]
    assert only == told["daily"][1]
    assert (await world.invoke(GET_USAGE, to_date=told["daily"][0]["date"]))["received"] == 1
    assert (await world.invoke(GET_USAGE))["daily"] is None


async def test_over_http_as_the_contract_spells_it(world: World) -> None:
    await mailroom.arrive(world)
    reply = await world.http("GET", "/v1/usage?from=2026-09-01&to=2026-09-30&period=daily")
    assert reply.status == 200
    told = reply.json()
    assert (told["from"], told["to"], told["received"]) == ("2026-09-01", "2026-09-30", 1)
    assert [day["received"] for day in told["daily"]] == [1]
    assert (await world.http("GET", "/v1/usage?from=2026-09-30&to=2026-09-01")).status == 422
    assert (await world.http("GET", "/v1/usage?from=2020-09-30")).status == 422
    assert (await world.http("GET", "/v1/usage?from=0001-01-01&to=9999-12-31")).status == 422


async def test_a_limited_key_counts_its_own_mailboxes(world: World) -> None:
    other = await world.add_mailbox("other")
    await world.add_key("limited", [Scope.READ], mailbox_ids={other["mailbox_id"]})
    await mailroom.arrive(world)
    await mailroom.send(world)
    names = ("received", "pending", "storage_bytes")
    assert await counts(world, *names, key="limited") == [0, 0, 0]
    assert await counts(world, *names, mailbox_id=other["mailbox_id"]) == [0, 0, 0]
    assert (await counts(world, *names))[:2] == [1, 1]
    with pytest.raises(Refused) as caught:
        await world.invoke(GET_USAGE, "limited", mailbox_id=world.mailbox["mailbox_id"])
    assert caught.value.code == "not_found"


async def test_test_mail_is_counted_apart(world: World) -> None:
    await mailroom.send(world, "test")
    assert await counts(world, "pending", "test") == [0, False]
    assert await counts(world, "pending", "test", key="test") == [1, True]
    assert await counts(world, "pending", test=True) == [1]


async def test_held_mail_counts_for_nobody_without_oversight(world: World) -> None:
    await mailroom.set_mode(world, "gated_all")
    before = await world.invoke(GET_USAGE)
    released = await mailroom.arrive(world)
    declined = await mailroom.arrive(world, message_id="<2@x.test>")
    assert await world.invoke(GET_USAGE) == before
    seen = await world.invoke(GET_USAGE, "oversight")
    assert seen["pending"] == 2 and seen["storage_bytes"] > 0
    await mailroom.decide(world, declined, "reject")
    assert await world.invoke(GET_USAGE) == before
    await mailroom.decide(world, released)
    size = (await mailroom.row(world, released))["size"]
    assert await counts(world, "pending", "received", "storage_bytes") == [0, 1, size]
    assert (await counts(world, "storage_bytes", key="oversight"))[0] > size


async def test_storage_is_what_is_kept(world: World) -> None:
    sent = (await mailroom.send(world))["id"]
    email_id = await mailroom.arrive(world)
    rows = [await mailroom.row(world, one) for one in (sent, email_id)]
    assert await counts(world, "storage_bytes") == [sum(row["size"] for row in rows)]
    await world.run(lambda ctx: forget_storage(ctx, rows[1]))
    assert await counts(world, "storage_bytes") == [rows[0]["size"]]


async def test_the_plan_is_told_with_its_limits(world: World) -> None:
    told = await world.invoke(GET_USAGE)
    assert (told["plan"], set(told["limits"].values())) == ("self_hosted", {None})
    await mailroom.execute(world, "UPDATE accounts SET plan = 'starter'")
    told = await world.invoke(GET_USAGE)
    assert (told["plan"], told["limits"]["emails"]) == ("starter", 200)
