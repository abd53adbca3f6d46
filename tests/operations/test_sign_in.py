"""Signing in by a mailed code: one browser, once, in time, five attempts; and whoever is unknown is mailed nothing."""

import re
from typing import Any

import pytest

from multimail.operations import operators, sign_in
from multimail.operations.operators import pending_codes
from multimail.operations.people import REMOVE_OPERATOR
from tests.support import overseer
from tests.support.world import World

MIRA = "mira@people.test"
HERE, THERE = "a browser", "another browser"


@pytest.fixture
async def desk(world: World) -> World:
    await world.add_operator("Mira", email=MIRA)
    return world


async def ask(world: World, email: str = MIRA, browser: str = HERE) -> None:
    await world.services.db.write(lambda tx: sign_in.mail_codes(world.services, tx, email, browser))


async def enter(world: World, code: str, email: str = MIRA, browser: str = HERE) -> str | None:
    return await world.services.db.write(lambda tx: sign_in.by_code(world.services, tx, email, browser, code))


async def mailed(world: World) -> list[dict[str, Any]]:
    return [mail for mail in await overseer.mails(world) if "sign in" in mail["subject"]]


async def newest(world: World) -> str:
    found = re.search(r"^    (\d{8})$", (await mailed(world))[0]["text"], re.MULTILINE)
    assert found
    return found[1]


async def test_a_code_signs_in_once_and_in_its_browser_alone(desk: World) -> None:
    await ask(desk, f" {MIRA.upper()} ".strip())
    code = await newest(desk)
    assert await enter(desk, code, browser=THERE) is None
    assert await enter(desk, code, email="otto@people.test") is None
    token = await enter(desk, f" {code[:4]} {code[4:]} ")
    assert token is not None
    actor = await desk.services.db.read(lambda tx: operators.session_actor(desk.services, tx, token))
    assert actor is not None and actor.name == "Mira"
    assert await enter(desk, code) is None


async def test_codes_end_and_five_attempts_are_all(desk: World) -> None:
    await ask(desk)
    code = await newest(desk)
    for _ in range(5):
        assert await enter(desk, "00000000" if code != "00000000" else "11111111") is None
    assert await enter(desk, code) is None
    await ask(desk)
    code = await newest(desk)
    desk.clock.pass_(sign_in.CODE_LIFE)
    assert await enter(desk, code) is None


async def test_a_new_code_ends_the_one_before_and_an_hour_has_five(desk: World) -> None:
    codes = []
    for _ in range(7):
        await ask(desk)
        codes.append(await newest(desk))
    assert len(await mailed(desk)) == sign_in.CODES_PER_HOUR
    assert [await enter(desk, code) is not None for code in codes[:4]] == [False] * 4
    assert await enter(desk, codes[4]) is not None


async def test_nobody_else_is_mailed_and_no_owner_is_shown_a_code(desk: World) -> None:
    for email in ("nobody@people.test", "", "no address", "a@b\0c", "x" * 300):
        await ask(desk, email)
    assert await mailed(desk) == []
    await ask(desk)
    assert await desk.run(pending_codes) == []
    code = await newest(desk)
    await desk.add_operator("Otto")
    await desk.invoke(REMOVE_OPERATOR, "Otto", operator_id=desk.people["Mira"].id)
    assert await enter(desk, code) is None
