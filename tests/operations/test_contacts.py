"""Contacts: added, found, deleted; those of one mailbox are nobody else's."""

from typing import Any

import pytest

from multimail.core.errors import Refused
from multimail.core.scopes import Scope
from multimail.operations.contacts import ADD_CONTACT, DELETE_CONTACT, SEARCH_CONTACTS
from tests.support import mailroom
from tests.support.world import World


async def found(world: World, key: str = "agent", **given: Any) -> list[str]:
    return [one["address"] for one in (await world.invoke(SEARCH_CONTACTS, key, **given))["contacts"]]


async def test_add_search_delete(world: World) -> None:
    made = await world.ask(ADD_CONTACT, "agent", {"address": "Bob@Example.test", "name": "Bob Größe"})
    assert made.status == 201 and made.body["address"] == "bob@example.test"
    await world.invoke(ADD_CONTACT, "admin", address="ann@other.test", notes="100% of_all! \\ 5 o'clock")
    assert await found(world) == ["ann@other.test", "bob@example.test"]
    for q in ("GRÖSSE", "grösse", "größe", "b@EX"):
        assert await found(world, q=q) == ["bob@example.test"], q
    for q in ("100%", "f_a", "!", "\\", "o'c"):
        assert await found(world, q=q) == ["ann@other.test"], q
    assert await found(world, q="1%0") == await found(world, q="of all") == []
    first = await world.invoke(SEARCH_CONTACTS, limit=1)
    assert await found(world, cursor=first["cursor"]) == ["bob@example.test"]
    reply = await world.http("GET", "/v1/contacts?q=ann")
    assert [one["notes"] for one in reply.json()["contacts"]] == ["100% of_all! \\ 5 o'clock"]
    assert (await world.invoke(DELETE_CONTACT, contact_id=made.body["id"]))["deleted"] is True
    assert await found(world) == ["ann@other.test"]


async def test_adding_again_changes_the_one_there_is(world: World) -> None:
    one = await world.invoke(ADD_CONTACT, address="bob@example.test", name="Bob")
    two = await world.invoke(ADD_CONTACT, address="BOB@example.test", name="Robert", notes="Pays late.")
    assert two["id"] == one["id"] and (two["name"], two["notes"]) == ("Robert", "Pays late.")
    assert two["updated_at"] > two["created_at"] == one["created_at"]
    assert await found(world, q="bob") == ["bob@example.test"]


@pytest.mark.parametrize("given", [{"address": "bob"}, {"address": "a@b.test", "name": "two\nlines"}])
async def test_what_is_no_contact(world: World, given: dict[str, Any]) -> None:
    with pytest.raises(Refused) as caught:
        await world.invoke(ADD_CONTACT, **given)
    assert caught.value.code == "invalid_fields"


async def test_a_limited_key_has_the_contacts_of_its_mailboxes(world: World) -> None:
    box = await world.add_mailbox("sales")
    await world.add_key("limited", [Scope.READ, Scope.SEND], mailbox_ids={box["mailbox_id"]})
    whole = await world.invoke(ADD_CONTACT, address="bob@example.test", name="Secret")
    here = {"address": "bob@example.test", "mailbox_id": world.mailbox["mailbox_id"]}
    other = await world.invoke(ADD_CONTACT, **here)
    assert await found(world, "limited") == []
    own = await world.invoke(ADD_CONTACT, "limited", address="bob@example.test", name="Own")
    assert own["mailbox_id"] == box["mailbox_id"] and own["id"] not in (whole["id"], other["id"])
    assert await found(world, "limited") == ["bob@example.test"]
    for contact_id in (whole["id"], other["id"]):
        with pytest.raises(Refused) as caught:
            await world.invoke(DELETE_CONTACT, "limited", contact_id=contact_id)
        assert caught.value.code == "not_found"
    assert len(await found(world)) == 3


@pytest.mark.parametrize("mode", ["gated_all", "gated_send"])
async def test_mail_that_comes_in_makes_no_contact(world: World, mode: str) -> None:
    await mailroom.set_mode(world, mode)
    await mailroom.arrive(world)
    for key in ("agent", "oversight"):
        assert await found(world, key) == []
