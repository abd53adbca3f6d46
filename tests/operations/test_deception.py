"""Deception is told on the email and in events, against whom the mailbox has written to and its contacts."""

import json
from dataclasses import replace
from typing import Any

import pytest

from multimail.core.scopes import Scope
from multimail.operations import acquaintances
from multimail.operations.acquaintances import FRESH, Acquaintances
from multimail.operations.contacts import ADD_CONTACT, DELETE_CONTACT
from multimail.operations.emails import READ_EMAIL
from multimail.operations.inbox import CHECK_INBOX
from tests.support import mailroom
from tests.support.world import World


async def found(world: World, sender: str, number: int, **more: Any) -> list[str]:
    email_id = await mailroom.arrive(world, sender=sender, message_id=f"<d{number}@x.test>", **more)
    return [finding["kind"] for finding in (await world.invoke(READ_EMAIL, email_id=email_id))["findings"]]


async def test_whoever_was_written_to_is_known(world: World) -> None:
    assert await found(world, "Ann Jones <ann@acme-trading.com>", 1) == []
    assert await found(world, "Eve <eve@acrne-trading.com>", 2) == []
    sent = await mailroom.send(world, to="ann@acme-trading.com")
    await mailroom.decide(world, sent["id"])
    await mailroom.hand_over(world, mailroom.FarSide())
    assert await found(world, "Eve <eve@acrne-trading.com>", 3) == ["lookalike_domain"]
    assert await found(world, "Eve <eve@acrne-trading.com>", 4) == ["lookalike_domain"]
    assert await found(world, "Ann Jones <aj@free.example>", 5) == ["name_of_known"]
    assert await found(world, "Ann Jones <ann@acme-trading.com>", 6) == []


async def test_contacts_are_known_within_what_a_key_may_see(world: World) -> None:
    other = await world.add_mailbox("other")
    contact = {
        "address": "carol@wellington.example",
        "name": "Carol Wells",
        "mailbox_id": other["mailbox_id"],
    }
    await world.invoke(ADD_CONTACT, "admin", **contact)
    assert await found(world, "Carol Wells <c@free.example>", 1) == []
    assert await found(world, "Carol Wells <c@free.example>", 2, mailbox=other) == ["name_of_known"]
    await world.invoke(ADD_CONTACT, "admin", address="dan@wellington.test", name="Dan Brown")
    assert await found(world, "X <x@wel1ington.test>", 3) == ["lookalike_domain"]
    assert await found(world, "Dan Brown <d@free.example>", 4) == ["name_of_known"]


async def test_a_finding_names_nobody_whom_a_limited_key_may_not_know(world: World) -> None:
    box = world.mailbox["mailbox_id"]
    await world.add_key("limited", [Scope.READ], mailbox_ids={box})
    await world.invoke(ADD_CONTACT, "admin", address="dan@wellington.test", name="Dan Brown")
    await world.invoke(ADD_CONTACT, "admin", address="eve@mercury.test", name="Eve Green", mailbox_id=box)
    for number, sender in enumerate(("Dan Brown <d@wel1ington.test>", "Eve Green <e@rnercury.test>")):
        await mailroom.arrive(world, sender=sender, message_id=f"<d{number}@x.test>")
    listed = (await world.invoke(CHECK_INBOX, "limited", mailbox_id=box))["emails"]
    own, others = [json.dumps(email["findings"]) for email in listed]
    assert "eve@mercury.test" in own and "rnercury.test looks like mercury.test" in own
    assert others.count("one of the account's contacts") == 2 and "wellington.test" not in others


async def test_lists_and_events_tell_it(world: World) -> None:
    await mailroom.arrive(world, sender='"a@bank.example" <x@evil.example>')
    (event,) = await mailroom.events(world, 1)
    (listed,) = (await world.invoke(CHECK_INBOX, mailbox_id=world.mailbox["mailbox_id"]))["emails"]
    assert event["data"]["findings"] == listed["findings"]
    assert listed["findings"][0]["kind"] == "name_shows_address"


def another_process(world: World) -> World:
    """With a memory of its own, over the same database."""
    return replace(world, services=replace(world.services, acquaintances=Acquaintances()))


async def test_what_another_process_did_is_known_at_once(world: World) -> None:
    carol = {"address": "carol@wellington.example", "name": "Carol Wells"}
    assert await found(world, "X <x@acrne-trading.com>", 1) == []
    other = another_process(world)
    sent = await mailroom.send(other, to="ann@acme-trading.com")
    await mailroom.decide(other, sent["id"])
    await mailroom.hand_over(other, mailroom.FarSide())
    assert await found(world, "X <x@acrne-trading.com>", 2) == ["lookalike_domain"]
    made = await other.invoke(ADD_CONTACT, "admin", **carol)
    assert await found(world, "Carol Wells <c@free.example>", 3) == ["name_of_known"]
    await other.invoke(DELETE_CONTACT, "admin", contact_id=made["id"])
    assert await found(world, "Carol Wells <c@free.example>", 4) == []


async def test_whoever_is_known_no_more_is_forgotten_in_time(world: World) -> None:
    name = {"account_id": world.account_id, "mailbox_id": world.mailbox["mailbox_id"]}
    written = name | {"address": "ann@acme-trading.com", "written": True}
    await world.run(lambda ctx: ctx.sql.add_correspondents([written | {"now": ctx.now}]))
    assert await found(world, "X <x@acrne-trading.com>", 1) == ["lookalike_domain"]
    await mailroom.execute(world, "DELETE FROM correspondents")
    assert await found(world, "X <x@acrne-trading.com>", 2) == ["lookalike_domain"]
    world.clock.pass_(FRESH)
    assert await found(world, "X <x@acrne-trading.com>", 3) == []


async def test_the_memory_has_an_end(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(acquaintances, "REMEMBERED", 2)
    boxes = [world.mailbox, *[await world.add_mailbox(f"box{number}") for number in range(3)]]
    for number, box in enumerate(boxes):
        await mailroom.arrive(world, mailbox=box, message_id=f"<e{number}@x.test>")
    kept = [mailbox_id for _, mailbox_id in world.services.acquaintances._memories]
    assert kept == [box["mailbox_id"] for box in boxes[-2:]]
