"""The way up the trust ladder: asked for by the agent, granted by a code, told as an event."""

from typing import Any

import pytest

from multimail.core.errors import Refused
from multimail.core.scopes import Scope
from multimail.core.times import DAY, HOUR
from multimail.operations import operators
from multimail.operations.mailboxes import CREATE_MAILBOX, GET_MAILBOX, UPDATE_MAILBOX
from multimail.operations.upgrades import APPLY_UPGRADE, REQUEST_UPGRADE
from tests.support import mailroom
from tests.support.overseer import BOSS, code_in, mails, oversee
from tests.support.world import World


async def request(world: World, mode: str = "autonomous", key: str = "agent") -> dict[str, Any]:
    given = {"mailbox_id": world.mailbox["mailbox_id"], "target_mode": mode}
    return dict(await world.invoke(REQUEST_UPGRADE, key, **given))


async def apply(world: World, code: str, key: str = "agent", mailbox_id: str | None = None) -> dict[str, Any]:
    box = mailbox_id or world.mailbox["mailbox_id"]
    return dict(await world.invoke(APPLY_UPGRADE, key, mailbox_id=box, code=code))


async def refused(world: World, code: str, **more: Any) -> None:
    with pytest.raises(Refused) as caught:
        await apply(world, code, **more)
    assert caught.value.code == "invalid_approval_code"


async def test_asked_for_mailed_and_applied_once(world: World) -> None:
    await oversee(world)
    held = await mailroom.send(world)
    asked = await request(world)
    assert (asked["status"], asked["oversight_mode"], asked["wanted_mode"]) == (
        "pending_approval", "gated_send", "autonomous",
    )  # fmt: skip
    assert asked["request_id"].startswith("upg_")
    mail = (await mails(world))[0]
    assert mail["to"] == BOSS and "24 hours" in mail["text"] and "nobody is asked" in mail["text"]
    code = await code_in(world)
    done = await apply(world, code)
    assert (done["status"], done["oversight_mode"], done["wanted_mode"]) == ("applied", "autonomous", None)
    await refused(world, code)
    (event,) = await mailroom.events(world, 1, type="mailbox.upgraded")
    assert event["mailbox_id"] == world.mailbox["mailbox_id"]
    assert (event["data"]["was"], event["data"]["oversight_mode"]) == ("gated_send", "autonomous")
    assert (await mailroom.row(world, held["id"]))["state"] == "pending_approval"
    assert (await mailroom.send(world))["status"] == "queued"


async def test_without_an_address_the_code_is_had_on_the_server(world: World) -> None:
    await request(world)
    (shown,) = await world.run(operators.pending_codes)
    world.clock.pass_(DAY - HOUR)
    assert (await apply(world, shown["code"]))["oversight_mode"] == "autonomous"


async def test_a_code_lives_a_day(world: World) -> None:
    await request(world)
    (shown,) = await world.run(operators.pending_codes)
    world.clock.pass_(DAY)
    await refused(world, shown["code"])


async def test_five_tries(world: World) -> None:
    await request(world)
    (shown,) = await world.run(operators.pending_codes)
    for _ in range(5):
        await refused(world, "00000000" if shown["code"] != "00000000" else "1")
    await refused(world, shown["code"])


async def test_a_code_is_for_its_mailbox_and_the_mode_that_was_asked_for_last(world: World) -> None:
    await oversee(world)
    other = (await world.add_mailbox("other"))["mailbox_id"]
    await request(world, "autonomous")
    code = await code_in(world)
    await world.invoke(REQUEST_UPGRADE, mailbox_id=other, target_mode="autonomous")
    await refused(world, code, mailbox_id=other)
    await request(world, "monitored")
    await refused(world, code)
    assert (await apply(world, await code_in(world)))["oversight_mode"] == "monitored"


async def test_three_requests_an_hour_for_each_mailbox(world: World) -> None:
    other = (await world.add_mailbox("other"))["mailbox_id"]
    for _ in range(3):
        await request(world)
    with pytest.raises(Refused) as caught:
        await request(world)
    assert caught.value.code == "rate_limited" and caught.value.details["retry_after"] == 3600
    await world.invoke(REQUEST_UPGRADE, mailbox_id=other, target_mode="autonomous")
    world.clock.pass_(HOUR)
    await request(world)


async def test_stricter_holds_at_once(world: World) -> None:
    await mailroom.set_mode(world, "autonomous")
    done = await request(world, "gated_send")
    assert (done["status"], done["oversight_mode"]) == ("applied", "gated_send")
    assert await world.run(operators.pending_codes) == []
    assert await mailroom.events(world, type="mailbox.upgraded") == []


async def test_leaving_gated_all_is_asked_for_even_downwards(world: World) -> None:
    """Under read_only inbound mail would no longer wait for a human."""
    await mailroom.set_mode(world, "gated_all")
    assert (await request(world, "read_only"))["status"] == "pending_approval"


async def test_a_test_keys_request_is_mailed_to_nobody(world: World) -> None:
    await oversee(world)
    await request(world, key="test")
    far = mailroom.FarSide()
    await mailroom.tell(mailroom.leaving(world), far)
    assert far.taken == []


async def test_whoever_tightens_ends_what_was_asked_for_before(world: World) -> None:
    """An agent could keep a code for the day on which somebody has had enough of it."""
    await oversee(world)
    await request(world)
    code = await code_in(world)
    await world.add_operator("owner")
    await world.invoke(
        UPDATE_MAILBOX, "owner", mailbox_id=world.mailbox["mailbox_id"], oversight_mode="read_only"
    )
    await refused(world, code)


async def test_a_looser_mailbox_is_made_gated_with_its_request_filed(world: World) -> None:
    await oversee(world)
    box = await world.invoke(CREATE_MAILBOX, "admin", address="loose", oversight_mode="autonomous")
    assert (box["oversight_mode"], box["wanted_mode"]) == ("gated_send", "autonomous")
    done = await apply(world, await code_in(world), mailbox_id=box["id"])
    assert done["oversight_mode"] == "autonomous"
    box = await world.invoke(GET_MAILBOX, mailbox_id=box["id"])
    assert (box["oversight_mode"], box["wanted_mode"]) == ("autonomous", None)


async def test_over_http_with_the_names_that_clients_use(world: World) -> None:
    await world.add_key("limited", [Scope.SEND], mailbox_ids={world.mailbox["mailbox_id"]})
    path = f"/v1/mailboxes/{world.mailbox['mailbox_id']}"
    asked = await world.http("POST", f"{path}/request-upgrade", {"mode": "autonomous"}, key="limited")
    assert (asked.status, asked.json()["status"]) == (200, "pending_approval")
    (shown,) = await world.run(operators.pending_codes)
    done = await world.http("POST", f"{path}/upgrade", {"code": shown["code"]}, key="limited")
    assert (done.status, done.json()["status"]) == (200, "applied")
