"""Warm-up of new sending domains: refused at acceptance, kept waiting as it leaves, for those who are held to it."""

from dataclasses import replace
from typing import Any

import pytest

from multimail.core import plans
from multimail.core.errors import Refused
from multimail.core.plans import Plan
from multimail.core.times import DAY
from tests.support import mailroom
from tests.support.world import World

PLAN = Plan(warm_up=True)


@pytest.fixture(autouse=True)
def two_a_day(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fifty emails would prove no more than two."""
    monkeypatch.setattr(plans, "WARM_UP", ((10, 2), (30, 4)))


def held(world: World, plan: Plan = PLAN, delivery: Any = "mx") -> World:
    site = replace(world.services.site, self_hosted=plan, delivery=delivery)
    world.services = replace(world.services, site=site)
    return world


async def refused(world: World) -> Refused:
    with pytest.raises(Refused) as caught:
        await mailroom.send(world)
    assert (caught.value.code, caught.value.kind.status) == ("warmup_limit", 429)
    return caught.value


async def test_a_new_domain_sends_a_few_a_day(world: World) -> None:
    held(world)
    for _ in range(2):
        await mailroom.send(world)
    details = (await refused(world)).details
    assert (details["limit"], details["domain"]) == (2, "acme.multimail.test")
    assert isinstance(details["retry_after"], int) and details["retry_after"] > 0
    await mailroom.send(world, "test")
    await mailroom.send(world, to=world.mailbox["address"])  # it doesn't leave
    world.clock.pass_(DAY)
    await mailroom.send(world)
    world.clock.pass_(9 * DAY)
    for _ in range(4):
        await mailroom.send(world)
    assert (await refused(world)).details["limit"] == 4
    world.clock.pass_(20 * DAY)
    for _ in range(5):
        await mailroom.send(world)


@pytest.mark.parametrize(("plan", "delivery"), [(Plan(), "mx"), (PLAN, "relay"), (PLAN, "sandbox")])
async def test_who_is_not_held_to_it(world: World, plan: Plan, delivery: str) -> None:
    held(world, plan, delivery)
    for _ in range(3):
        await mailroom.send(world)


async def test_a_backlog_that_is_approved_at_once_leaves_over_days(world: World) -> None:
    held(world)
    ids = []
    for _ in range(2):
        ids += [(await mailroom.send(world))["id"] for _ in range(2)]
        world.clock.pass_(DAY)
    for email_id in ids:
        await mailroom.decide(world, email_id)
    far = mailroom.FarSide()
    world.clock.pass_(60_000_000)
    await mailroom.hand_over(world, far)
    assert len(far.taken) == 2
    states = [(await mailroom.row(world, email_id))["state"] for email_id in ids]
    assert sorted(states) == ["queued", "queued", "sent", "sent"]
    world.clock.pass_(DAY)
    await mailroom.hand_over(world, far)
    assert len(far.taken) == 4


async def test_a_further_attempt_is_not_counted_again(world: World) -> None:
    held(world)
    await mailroom.set_mode(world, "autonomous")
    await mailroom.send(world)
    far = mailroom.FarSide({"bob@example.test": ["deferred", "deferred", "deferred", "delivered"]})
    for _ in range(4):
        await mailroom.hand_over(world, far)
        world.clock.pass_(DAY // 6)
    assert len(far.taken) == 4
