"""Bounces and complaints that suspend sending: who is held to it, what counts, and how it ends."""

from dataclasses import replace

import pytest

from multimail.core import plans
from multimail.core.errors import Refused
from multimail.core.plans import Plan
from multimail.core.times import DAY
from multimail.operations.account import GET_ACCOUNT
from multimail.operations.thresholds import count, lift_suspension
from tests.support import mailroom
from tests.support.world import World

FAR = {"gone@example.test": ["failed"]}


@pytest.fixture(autouse=True)
def a_few_are_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    """tests/core/test_plans.py has the figures."""
    monkeypatch.setattr(plans, "LEAST_SENDS", 3)
    monkeypatch.setattr(plans, "LEAST_BOUNCES", 2)


async def send(world: World, *to: str) -> None:
    await mailroom.set_mode(world, "autonomous")
    for one in to:
        await mailroom.send(world, to=one)
    await mailroom.hand_over(world, mailroom.FarSide(dict(FAR)))


def held(world: World, plan: Plan) -> World:
    site = replace(world.services.site, self_hosted=plan, delivery="mx")
    world.services = replace(world.services, site=site)
    return world


async def why(world: World) -> str | None:
    found: str | None = (await world.invoke(GET_ACCOUNT))["suspended_for"]
    return found


async def test_hard_bounces_suspend_live_sending_until_it_is_lifted(world: World) -> None:
    held(world, Plan(thresholds=True))
    await send(world, "bob@example.test", "gone@example.test")
    assert await why(world) is None
    waiting = (await mailroom.send(world, oversight_mode="gated_send"))["id"]
    await send(world, "gone@example.test")
    assert await why(world) == "bounces"
    with pytest.raises(Refused) as caught:
        await mailroom.send(world)
    assert (caught.value.code, caught.value.details["reason"]) == ("sending_suspended", "bounces")
    await mailroom.send(world, "test")
    await mailroom.arrive(world)
    (told,) = await mailroom.events(world, 1, type="account.suspended")
    assert told["data"]["reason"] == "bounces"
    await mailroom.decide(world, waiting)
    far = mailroom.FarSide()
    world.clock.pass_(60_000_000)
    await mailroom.hand_over(world, far)
    assert far.taken == []
    await world.run(lambda ctx: lift_suspension(ctx, "acme"))
    world.clock.pass_(DAY)
    await mailroom.hand_over(world, far)
    assert len(far.taken) == 1
    await send(world, "bob@example.test", "gone@example.test")
    assert await why(world) is None  # what was counted before counts no more
    with pytest.raises(Refused):
        await world.run(lambda ctx: lift_suspension(ctx, "acme"))


async def test_complaints_suspend_too_and_old_ones_do_not(world: World) -> None:
    held(world, Plan(thresholds=True))
    await send(world, *["bob@example.test"] * 3)
    email = await mailroom.row(world, (await mailroom.send(world))["id"])
    world.clock.pass_(7 * DAY)
    await world.run(lambda ctx: count(ctx, email, complaints=1))
    assert await why(world) is None
    world.clock.pass_(-DAY)
    await world.run(lambda ctx: count(ctx, email, complaints=1))
    assert await why(world) == "complaints"


async def test_nobody_is_held_to_it_by_default_and_the_simulator_never_counts(world: World) -> None:
    held(world, Plan())
    await send(world, *["gone@example.test"] * 4)
    assert await why(world) is None
    held(world, Plan(thresholds=True))
    await send(world, *["bounce@simulator.multimail.test"] * 4)
    assert await why(world) is None
    assert await mailroom.execute(world, "SELECT * FROM outcomes") == []
