"""Browsers are told of what waits, over real sockets, and what they are told is theirs alone to read."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from multimail.core.errors import Refused
from multimail.core.scopes import Role
from multimail.core.times import DAY, HOUR, MINUTE, SECOND
from multimail.net.guarded_client import GuardedClient
from multimail.operations.notifications import UPDATE_NOTIFICATIONS
from multimail.operations.people import REMOVE_OPERATOR
from multimail.operations.push import (
    ADD_PUSH_SUBSCRIPTION,
    LIST_PUSH_SUBSCRIPTIONS,
    MOST,
    REMOVE_PUSH_SUBSCRIPTION,
    open_push_key,
)
from multimail.workers import small, web_push
from tests.support import mailroom
from tests.support.push_service import PushService, octets, open_push_service
from tests.support.world import START, World


@pytest.fixture
async def service() -> AsyncIterator[PushService]:
    async with open_push_service() as opened:
        yield opened


async def subscribe(world: World, service: PushService, **person: Any) -> str:
    """Ann, who has no address, has signed in and is told in a browser; the subscription's id."""
    await open_push_key(world.services)
    ann = await world.add_operator("ann", **person)
    await world.run(
        lambda ctx: ctx.sql.note_joined(account_id=world.account_id, operator_id=ann.id, now=ctx.now)
    )
    return str((await world.invoke(ADD_PUSH_SUBSCRIPTION, "ann", **service.subscription))["id"])


async def tell(world: World, *, allow_loopback: bool = True) -> None:
    await mailroom.run_jobs(world, "watch", small.watching(world.services))
    await mailroom.run_jobs(world, "digest", small.digesting(world.services))
    async with GuardedClient(allow_loopback=allow_loopback) as client:
        await mailroom.run_jobs(world, "push", web_push.handler(world.services, client))


async def subscriptions(world: World, who: str = "ann") -> list[str]:
    return [one["id"] for one in (await world.invoke(LIST_PUSH_SUBSCRIPTIONS, who))["subscriptions"]]


def test_what_the_rfc_encrypts_is_encrypted_so() -> None:
    """RFC 8291, section 5."""
    key = ec.derive_private_key(
        int.from_bytes(octets("yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw"), "big"), ec.SECP256R1()
    )
    theirs = "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4"
    made = web_push.encrypt(
        b"When I grow up, I want to be a watermelon",
        theirs,
        "BTBZMqHH6r4Tts7J_aSIgg",
        key=key,
        salt=octets("DGv6ra1nlYgDCS1FRnbzlw"),
    )
    assert made == octets(
        "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBr"
        "u3jl7A_yl95bQpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN"
    )


async def test_a_browser_is_told_how_many_wait_and_not_every_moment(
    world: World, service: PushService
) -> None:
    await subscribe(world, service, role=Role.APPROVER)
    await tell(world)
    assert service.told == []
    sent = [(await mailroom.send(world, subject="Secret words"))["id"]]
    await mailroom.send(world, "test")
    await tell(world)
    assert service.told == [{"waiting": 1}]
    (claims,), (headers,) = service.claims, service.headers
    assert claims["aud"] == service.url and claims["sub"] == "mailto:postmaster@multimail.test"
    assert 0 < claims["exp"] - world.clock.now // SECOND <= DAY // SECOND
    assert (headers["Content-Encoding"], headers["Topic"], headers["TTL"]) == ("aes128gcm", "queue", "43200")
    sent.append((await mailroom.send(world))["id"])
    await tell(world)
    assert len(service.told) == 1
    world.clock.now += MINUTE
    await tell(world)
    await tell(world)
    assert service.told[1:] == [{"waiting": 2}]
    world.clock.now += MINUTE
    await mailroom.send(world)
    await mailroom.run_jobs(world, "watch", small.watching(world.services))
    for email_id in sent:
        await mailroom.decide(world, email_id, "reject")
    await tell(world)
    assert service.told[2:] == [{"waiting": 1}]


@pytest.mark.parametrize(
    ("status", "stays"), [(404, False), (410, False), (403, True), (500, True), (429, True)]
)
async def test_what_a_push_service_answers(
    world: World, service: PushService, status: int, stays: bool
) -> None:
    subscription = await subscribe(world, service)
    service.answers = [status, 201]
    await mailroom.send(world)
    await tell(world)
    assert await subscriptions(world) == ([subscription] if stays else [])
    world.clock.now += HOUR
    await tell(world)
    assert len(service.told) == (2 if status in (500, 429) else 1)


async def test_quiet_hours_and_wishes_hold_here_too(world: World, service: PushService) -> None:
    await subscribe(world, service, email="ann@people.test")
    await world.invoke(UPDATE_NOTIFICATIONS, "ann", pending="none")
    await tell(world)
    await mailroom.send(world)
    await tell(world)
    assert service.told == []
    hour = START // HOUR % 24
    quiet = {"quiet_from": f"{hour:02d}:00", "quiet_until": f"{(hour + 2) % 24:02d}:00"}
    await world.invoke(UPDATE_NOTIFICATIONS, "ann", pending="at_once", **quiet)
    await mailroom.send(world)
    await tell(world)
    assert service.told == []
    world.clock.now += 2 * HOUR
    await tell(world)
    assert service.told == [{"waiting": 2}]


async def test_only_a_public_push_service_is_called(world: World, service: PushService) -> None:
    await subscribe(world, service)
    await mailroom.send(world)
    await tell(world, allow_loopback=False)
    assert service.told == []
    for wrong in (
        {"endpoint": "http://push.example.test/1"},
        {"p256dh": "BAAA"},
        {"p256dh": "B" + "A" * 86},
        {"auth": "AAAA"},
        {"auth": "é"},
    ):
        with pytest.raises(Refused) as refused:
            await world.invoke(ADD_PUSH_SUBSCRIPTION, "ann", **service.subscription | wrong)
        assert refused.value.code in ("url_refused", "invalid_fields")


async def test_a_browser_is_one_persons_and_there_are_so_many(world: World, service: PushService) -> None:
    first = await subscribe(world, service)
    bob = await world.add_operator("bob")
    moved = (await world.invoke(ADD_PUSH_SUBSCRIPTION, "bob", **service.subscription))["id"]
    assert (await subscriptions(world), await subscriptions(world, "bob")) == ([], [moved])
    for wrong in (first, moved):
        with pytest.raises(Refused, match="not_found"):
            await world.invoke(REMOVE_PUSH_SUBSCRIPTION, "ann", subscription_id=wrong)
    for number in range(MOST - 1):
        given = service.subscription | {"endpoint": f"https://push.example.test/{number}"}
        await world.invoke(ADD_PUSH_SUBSCRIPTION, "bob", **given)
    with pytest.raises(Refused, match="conflict"):
        await world.invoke(
            ADD_PUSH_SUBSCRIPTION, "bob", **service.subscription | {"endpoint": "https://push.example.test/x"}
        )
    await world.invoke(REMOVE_PUSH_SUBSCRIPTION, "bob", subscription_id=moved)
    await world.invoke(REMOVE_OPERATOR, "ann", operator_id=bob.id)
    assert await mailroom.execute(world, "SELECT 1 FROM push_subscriptions") == []
