"""How often a key may ask: its headers, its refusal, what counts and what doesn't."""

from dataclasses import replace
from typing import Any

import pytest

from multimail.core.errors import Refused
from multimail.core.plans import Plan
from multimail.core.times import MINUTE
from multimail.operations import rates
from multimail.operations.account import GET_ACCOUNT
from multimail.operations.emails import GET_MESSAGE
from multimail.operations.rates import Rates
from tests.support import mailroom
from tests.support.world import World


def hold_to(world: World, requests: int) -> None:
    """As `--limits requests=N` would."""
    site = replace(world.services.site, self_hosted=Plan(requests=requests))
    world.services = replace(world.services, site=site)
    world.__post_init__()


async def refused(world: World, operation: Any = GET_ACCOUNT, key: str = "agent", **given: Any) -> Refused:
    with pytest.raises(Refused) as caught:
        await world.invoke(operation, key, **given)
    return caught.value


async def test_nothing_limits_a_self_hosted_key_by_default(world: World) -> None:
    reply = await world.http("GET", "/v1/account")
    assert not [name for name in reply.headers if name.startswith("ratelimit")]


async def test_the_standard_headers(world: World) -> None:
    hold_to(world, 2)
    told = [await world.http("GET", "/v1/account") for _ in range(3)]
    assert [reply.status for reply in told] == [200, 200, 429]
    assert [reply.headers["ratelimit-policy"] for reply in told] == ['"key";q=2;w=60'] * 3
    assert [reply.headers["ratelimit"] for reply in told] == [
        '"key";r=1;t=30',
        '"key";r=0;t=60',
        '"key";r=0;t=60',
    ]
    assert "retry-after" not in told[0].headers
    assert told[2].headers["retry-after"] == "30"
    body = told[2].json()
    assert (body["code"], body["limit"], body["retry_after"]) == ("rate_limited", 2, 30)
    world.clock.pass_(MINUTE)
    assert (await world.http("GET", "/v1/account")).status == 200


async def test_each_key_has_its_own(world: World) -> None:
    hold_to(world, 1)
    await world.invoke(GET_ACCOUNT)
    assert (await refused(world)).code == "rate_limited"
    await world.invoke(GET_ACCOUNT, "admin")


async def test_nonsense_counts(world: World) -> None:
    hold_to(world, 3)
    assert (await refused(world, GET_MESSAGE, email_id=mailroom.absent("eml"))).code == "not_found"
    assert (await refused(world, GET_MESSAGE)).code == "invalid_fields"
    assert (await refused(world, GET_MESSAGE, "admin", email_id=mailroom.absent("eml"))).code == "not_found"
    assert (await refused(world, GET_MESSAGE)).code == "invalid_fields"
    assert (await refused(world, GET_MESSAGE)).code == "rate_limited"


async def test_what_is_refused_does_nothing(world: World) -> None:
    hold_to(world, 1)
    await mailroom.send(world)
    with pytest.raises(Refused):
        await mailroom.send(world)
    (row,) = await mailroom.execute(world, "SELECT COUNT(*) AS emails FROM emails")
    assert row["emails"] == 1


async def test_a_hosted_plan_has_a_rate_of_its_own(world: World) -> None:
    await mailroom.execute(world, "UPDATE accounts SET plan = 'starter'")
    reply = await world.http("GET", "/v1/account")
    assert reply.headers["ratelimit-policy"] == '"key";q=120;w=60'


async def test_what_needs_no_key_has_no_rate(world: World) -> None:
    hold_to(world, 1)
    for _ in range(2):
        reply = await world.http("GET", "/v1/tools", key=None)
        assert reply.status == 200 and "ratelimit" not in reply.headers


def test_keys_at_rest_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rates, "MANY", 3)
    known = Rates()
    for number in range(4):
        known.take(f"key_{number}", 60, 0)
    known.take("key_new", 60, MINUTE)
    assert set(known._full_at) == {"key_new"}
