"""Passkeys: made by whoever is signed in, good for one challenge of ours, once; nothing else signs anybody in."""

import json
from dataclasses import replace
from typing import Any

import pytest

from multimail.core.errors import Refused
from multimail.operations import operators, passkeys
from multimail.operations.passkeys import ADD_PASSKEY, LIST_PASSKEYS, REMOVE_PASSKEY
from multimail.operations.people import REMOVE_OPERATOR
from tests.support.authenticator import Authenticator, octets, text
from tests.support.world import World

URL = "http://localhost:8025"


@pytest.fixture
async def named(world: World) -> World:
    """The world at a name, with two owners."""
    world.services = replace(world.services, site=replace(world.services.site, public_url=URL))
    await world.add_operator("Mira")
    await world.add_operator("Otto")
    return world


async def make(world: World, **given: Any) -> Authenticator:
    key = Authenticator(URL, **given)
    options = (await world.invoke(LIST_PASSKEYS, "Mira"))["options"]
    await world.invoke(ADD_PASSKEY, "Mira", answer=key.create(options), name="Laptop")
    return key


async def enter(world: World, answer: str) -> str | None:
    return await world.services.db.write(lambda tx: passkeys.by_passkey(world.services, tx, answer))


def options(world: World) -> str:
    found = passkeys.sign_in_options(world.services)
    assert found is not None
    return found


async def test_a_passkey_signs_its_person_in(named: World) -> None:
    key = await make(named)
    token = await enter(named, key.get(options(named)))
    assert token is not None
    actor = await named.services.db.read(lambda tx: operators.session_actor(named.services, tx, token))
    assert actor is not None and actor.name == "Mira"
    (shown,) = (await named.invoke(LIST_PASSKEYS, "Mira"))["passkeys"]
    assert (shown["name"], shown["last_used_at"] is not None) == ("Laptop", True)
    assert (await named.invoke(LIST_PASSKEYS, "Otto"))["passkeys"] == []


async def test_an_answer_is_good_once_and_in_time(named: World) -> None:
    key = await make(named)
    answer, late = key.get(options(named)), options(named)
    assert await enter(named, answer) is not None
    assert await enter(named, answer) is None
    named.clock.pass_(passkeys.LIFE)
    assert await enter(named, key.get(late)) is None
    assert await enter(named, key.get(options(named))) is not None


async def test_what_is_no_answer_of_a_known_passkey_signs_nobody_in(named: World) -> None:
    key = await make(named)
    stranger = Authenticator(URL, user=key.user)
    foreign = Authenticator("https://evil.test", key=key.key, user=key.user, count=9)
    unverified = Authenticator(URL, key=key.key, user=key.user, count=9, flags=1)
    otto = Authenticator(URL, key=key.key, count=9)
    otto.user = f"{named.account_id} {named.people['Otto'].id}".encode()
    nul = Authenticator(URL, key=key.key, user=b"acc_\0 opr_\0", count=9)
    forged = json.loads(options(named))
    forged["challenge"] = text(octets(forged["challenge"])[:-1] + b"x")
    known = json.loads(key.get(options(named)))
    for answer in (
        *(one.get(options(named)) for one in (stranger, foreign, unverified, otto, nul)),
        key.get(json.dumps(forged)),
        key.get(
            (await named.invoke(LIST_PASSKEYS, "Mira"))["options"].replace(
                '"rp"', '"rpId": "localhost", "rp"'
            )
        ),
        *("", "[]", "{}", "null", '{"response": []}', '{"rawId": "é", "response": {"userHandle": "é"}}'),
        *(
            json.dumps(known | {name: value})
            for name, value in (("rawId", "x"), ("type", 1), ("response", {}))
        ),
    ):
        assert await enter(named, answer) is None, answer[:300]


async def test_a_removed_passkey_and_a_removed_person_come_in_no_more(named: World) -> None:
    key = await make(named)
    with pytest.raises(Refused, match="not_found"):
        await named.invoke(REMOVE_PASSKEY, "Otto", passkey_id=text(key.credential_id))
    await named.invoke(REMOVE_OPERATOR, "Otto", operator_id=named.people["Mira"].id)
    assert await enter(named, key.get(options(named))) is None
    await named.add_operator("Mira")
    other = await make(named, credential_id=b"another")
    await named.invoke(REMOVE_PASSKEY, "Mira", passkey_id=text(other.credential_id))
    assert await enter(named, other.get(options(named))) is None


async def test_only_what_answers_ones_own_page_is_added(named: World) -> None:
    asked = (await named.invoke(LIST_PASSKEYS, "Mira"))["options"]
    answers = (Authenticator(URL).create((await named.invoke(LIST_PASSKEYS, "Otto"))["options"]),
               Authenticator("https://evil.test").create(asked), Authenticator(URL, flags=1).create(asked),
               "{}", "nonsense")  # fmt: skip
    for answer in answers:
        with pytest.raises(Refused, match="invalid_fields|not_found"):
            await named.invoke(ADD_PASSKEY, "Mira", answer=answer)
    key = await make(named)
    with pytest.raises(Refused, match="conflict"):
        await named.invoke(
            ADD_PASSKEY, "Mira", answer=key.create((await named.invoke(LIST_PASSKEYS, "Mira"))["options"])
        )


async def test_a_server_without_a_name_has_no_passkeys(world: World) -> None:
    await world.add_operator("Mira")
    assert (await world.invoke(LIST_PASSKEYS, "Mira"))["options"] is None
    assert passkeys.sign_in_options(world.services) is None
    with pytest.raises(Refused, match="invalid_fields|not_found"):
        await world.invoke(ADD_PASSKEY, "Mira", answer="{}")
