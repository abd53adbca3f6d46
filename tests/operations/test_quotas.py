"""Quotas of a plan: what is refused, with what details, and that mail still arrives."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from multimail.core.errors import Refused
from multimail.core.plans import Plan
from multimail.core.times import DAY
from multimail.operations.inbox import CHECK_INBOX
from multimail.operations.mailboxes import CREATE_MAILBOX, DELETE_MAILBOX
from tests.support import mailroom
from tests.support.world import World


def hold_to(world: World, **limits: Any) -> None:
    """As `--limits` would."""
    site = replace(world.services.site, self_hosted=Plan(**limits))
    world.services = replace(world.services, site=site)


async def refused(world: World, key: str = "agent") -> Refused:
    with pytest.raises(Refused) as caught:
        await mailroom.send(world, key)
    assert (caught.value.code, caught.value.kind.status) == ("quota_exceeded", 429)
    return caught.value


async def test_the_emails_of_a_month(world: World) -> None:
    hold_to(world, emails=2)
    await mailroom.send(world, idempotency_key="a")
    await mailroom.send(world)
    details = (await refused(world)).details
    assert (details["quota"], details["limit"], details["resets_at"]) == (
        "emails",
        2,
        "2026-10-01T00:00:00.000Z",
    )
    assert isinstance(details["retry_after"], int) and details["retry_after"] > 0
    assert (await mailroom.send(world, idempotency_key="a"))["idempotent"] is True
    assert (await mailroom.send(world, "test"))["test"] is True
    await mailroom.arrive(world)
    given = {"mailbox_id": world.mailbox["mailbox_id"], "direction": "inbound"}
    assert len((await world.invoke(CHECK_INBOX, **given))["emails"]) == 1
    world.clock.pass_(31 * DAY)
    await mailroom.send(world)


async def test_senders_at_the_same_moment_share_the_quota(world: World) -> None:
    hold_to(world, emails=3)
    asked = [mailroom.send(world) for _ in range(8)]
    answers = await asyncio.gather(*asked, return_exceptions=True)
    assert [type(answer) for answer in answers].count(Refused) == 5


async def test_what_is_refused_for_another_reason_uses_nothing(world: World) -> None:
    hold_to(world, emails=1)
    await mailroom.set_mode(world, "read_only")
    with pytest.raises(Refused) as caught:
        await mailroom.send(world)
    assert caught.value.code == "read_only"
    await mailroom.set_mode(world, "gated_send")
    await mailroom.send(world)


async def test_mailboxes(world: World) -> None:
    hold_to(world, mailboxes=2)
    asked = [world.invoke(CREATE_MAILBOX, "admin", address=name) for name in ("one", "two", "three")]
    answers = await asyncio.gather(*asked, return_exceptions=True)
    no = [answer for answer in answers if isinstance(answer, Refused)]
    assert [(one.code, one.details["quota"], one.details["limit"]) for one in no] == [
        ("quota_exceeded", "mailboxes", 2)
    ] * 2
    (made,) = [answer for answer in answers if not isinstance(answer, BaseException)]
    await world.invoke(DELETE_MAILBOX, "admin", mailbox_id=made["id"])
    await world.invoke(CREATE_MAILBOX, "admin", address="four")


async def test_storage(world: World) -> None:
    hold_to(world, storage=1_000)
    await mailroom.arrive(world, body="x" * 2_000)
    for key in ("agent", "test"):
        assert (await refused(world, key)).details["quota"] == "storage"
    await mailroom.arrive(world, message_id="<2@x.test>")


async def test_a_hosted_plan_needs_no_setting(world: World) -> None:
    await mailroom.execute(world, "UPDATE accounts SET plan = 'starter'")
    await world.invoke(CREATE_MAILBOX, "admin", address="second")
    with pytest.raises(Refused) as caught:
        await world.invoke(CREATE_MAILBOX, "admin", address="third")
    assert caught.value.details["limit"] == 2


async def test_over_http_with_retry_after(world: World) -> None:
    hold_to(world, emails=0)
    world.__post_init__()
    body = {"mailbox_id": world.mailbox["mailbox_id"], "to": "bob@example.test", "markdown": "Words."}
    reply = await world.http("POST", "/v1/send", body)
    assert reply.status == 429
    assert int(reply.headers["retry-after"]) == reply.json()["retry_after"]
    assert reply.json()["code"] == "quota_exceeded"
