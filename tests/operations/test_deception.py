"""Deception is told on the email and in events, against whom the mailbox has written to and its contacts."""

import json
import pickle
from types import SimpleNamespace
from typing import Any, cast

from multimail.core.scopes import Scope
from multimail.mail.parse import parse
from multimail.operations.contacts import ADD_CONTACT
from multimail.operations.context import Services
from multimail.operations.deception import FEW, Known, deceptions_of
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


async def test_the_event_loop_compares_with_a_few_and_another_process_with_thousands() -> None:
    """What goes there is small whatever the message holds, and works there: it can be pickled."""
    trips: list[int] = []

    async def apart(function: Any, *arguments: Any) -> Any:
        sent = pickle.dumps((function, arguments))
        trips.append(len(sent))
        again, given = pickle.loads(sent)
        return again(*given)

    file = b"Content-Type: application/pdf; name=a.pdf\r\n\r\n" + b"x" * 1_000_000
    message = parse(
        b"From: A <a@acrne-trading.com>\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n" + file
    )
    services = cast(Services, SimpleNamespace(apart=apart))
    known = {"ann@acme-trading.com": ""} | {f"p{number}@x{number}.test": "" for number in range(FEW)}
    (finding,) = await deceptions_of(services, message, Known(known))
    assert finding.kind == "lookalike_domain" and len(trips) == 1 and trips[0] < 50_000
    few = dict(list(known.items())[:FEW])
    assert await deceptions_of(services, message, Known(few)) == (finding,) and len(trips) == 1
