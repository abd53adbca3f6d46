"""Signing up: work first, a code by mail, one account; and the same answer for every address."""

import asyncio
import re
from dataclasses import replace
from typing import Any

import pytest
from altcha import v1 as pow_v1

from multimail.core.errors import Refused
from multimail.core.times import HOUR, MINUTE
from multimail.operations import notices
from multimail.operations.account import GET_ACCOUNT
from multimail.operations.api_keys import LIST_API_KEYS
from multimail.operations.inbox import CHECK_INBOX
from multimail.operations.operation import Operation
from multimail.operations.sign_up import (
    ACTIVATE_ACCOUNT,
    CREATE_ACCOUNT,
    REQUEST_CHALLENGE,
    RESEND_CONFIRMATION,
)
from multimail.operations.vault import OPERATOR_MAIL
from multimail.workers import sweep
from tests.support import mailroom
from tests.support.world import World

ANN = "ann@example.test"


async def ask(world: World, operation: Operation, **given: Any) -> Any:
    return await world.invoke(operation, None, **given)


async def refused(world: World, operation: Operation, **given: Any) -> Refused:
    with pytest.raises(Refused) as caught:
        await ask(world, operation, **given)
    return caught.value


async def begin(world: World, email: str = ANN, **more: Any) -> Any:
    salt = f"salt-{world.clock()}"
    return await ask(
        world, CREATE_ACCOUNT, email=email, altcha=mailroom.solved(salt), **{"name": "Ann"} | more
    )


async def mails(world: World) -> list[tuple[str, str, str]]:
    """(to, kind, text) of every mail of the product, oldest first."""
    rows = await mailroom.execute(world, "SELECT * FROM operator_mail ORDER BY notice_id")
    opened = world.services.vault.open
    return [(row["recipient"], row["kind"], opened(OPERATOR_MAIL, row, row["text"])) for row in rows]


async def last_code(world: World) -> str:
    found = re.search(r"\b([0-9]{8})\b", (await mails(world))[-1][2])
    assert found
    return found[1]


def other_than(code: str) -> str:
    return f"{(int(code) + 1) % 10**8:08d}"


async def test_from_a_challenge_to_a_key_that_works(world: World) -> None:
    given = await ask(world, REQUEST_CHALLENGE)
    number = next(
        n for n in range(given["maxnumber"] + 1)
        if pow_v1.hash_hex("SHA-256", f"{given['salt']}{n}".encode()) == given["challenge"]
    )  # fmt: skip
    payload = pow_v1.Payload(
        given["algorithm"], given["challenge"], number, given["salt"], given["signature"]
    ).to_base64()
    asked = await world.ask(
        CREATE_ACCOUNT,
        None,
        {"email": "Ann@Example.test", "name": "Ann", "slug": "ann-co", "altcha": payload},
    )
    assert (asked.status, asked.body["status"]) == (202, "confirmation_sent")
    assert [one[:2] for one in await mails(world)] == [(ANN, "code")]
    done = await world.ask(ACTIVATE_ACCOUNT, None, {"email": ANN, "code": await last_code(world)})
    made = done.body
    assert (done.status, made["address"], made["plan"]) == (201, "agent@ann-co.multimail.test", "starter")
    assert made["scopes"] == ["read", "send"]
    world.keys["ann"] = made["api_key"]
    account = await world.invoke(GET_ACCOUNT, "ann")
    assert (account["id"], account["oversight_email"], account["slug"]) == (made["account_id"], ANN, "ann-co")
    assert account["oversight_email_verified_at"] is not None
    assert (await world.invoke(CHECK_INBOX, "ann", mailbox_id=made["mailbox_id"]))["emails"] == []
    sent = await mailroom.send(world, "ann", mailbox_id=made["address"])
    assert sent["status"] == "pending_approval"
    with pytest.raises(Refused):
        await world.invoke(LIST_API_KEYS, "ann")
    (owner,) = await mailroom.execute(
        world,
        "SELECT role, email FROM operators WHERE account_id = :account_id",
        account_id=made["account_id"],
    )
    assert (owner["role"], owner["email"]) == ("owner", ANN)


async def test_over_http(world: World) -> None:
    assert (await world.http("POST", "/v1/account/challenge", {}, key=None)).status == 200
    body = {"email": ANN, "name": "Ann", "altcha": mailroom.solved("http")}
    assert (await world.http("POST", "/v1/account", body, key=None)).status == 202
    assert (
        await world.http("POST", "/v1/account/resend-confirmation", {"email": ANN}, key=None)
    ).status == 202
    body = {"email": ANN, "code": await last_code(world)}
    assert (await world.http("POST", "/v1/confirm", body, key=None)).status == 201
    assert (await world.http("POST", "/v1/confirm", body, key=None)).status == 403


async def test_the_same_answer_for_every_address(world: World) -> None:
    first = await begin(world)
    await ask(world, ACTIVATE_ACCOUNT, email=ANN, code=await last_code(world))
    assert await begin(world) == first  # has an account
    assert (await mails(world))[-1][1] == "notice"
    assert not re.search(r"[0-9]{8}", (await mails(world))[-1][2])
    for email in (ANN, "bob@example.test", "nobody@example.test"):
        assert await ask(world, RESEND_CONFIRMATION, email=email) == first
    assert (
        len(
            {
                said(await refused(world, ACTIVATE_ACCOUNT, email=one, code="00000000"))
                for one in (ANN, "x@y.test")
            }
        )
        == 1
    )


def said(no: Refused) -> tuple[str, str]:
    return no.code, no.sentence


async def test_work_counts_once_and_in_time(world: World) -> None:
    solution = mailroom.solved("once")
    given = {"name": "Ann", "altcha": solution}
    await ask(world, CREATE_ACCOUNT, email=ANN, **given)
    no = await refused(world, CREATE_ACCOUNT, email="bob@example.test", **given)
    assert no.details["fields"][0]["path"] == "altcha"
    world.clock.pass_(1001 * 24 * HOUR)
    late = {"name": "Ann", "altcha": mailroom.solved("late")}
    assert (await refused(world, CREATE_ACCOUNT, email=ANN, **late)).code == "invalid_fields"


@pytest.mark.parametrize("payload", ["", "x", "e30=", "W10=", "bnVsbA==", "eyJzYWx0Ijp7fX0=", "ü", "{}"])
async def test_what_is_no_solution(world: World, payload: str) -> None:
    no = await refused(world, CREATE_ACCOUNT, email=ANN, name="Ann", altcha=payload)
    assert (no.code, no.details["fields"][0]["path"]) == ("invalid_fields", "altcha")
    assert await mails(world) == []


async def test_a_challenge_of_ones_own_making_is_no_work(world: World) -> None:
    made = pow_v1.create_challenge(pow_v1.ChallengeOptions(hmac_key="mine", number=1))
    payload = pow_v1.Payload(made.algorithm, made.challenge, 1, made.salt, made.signature).to_base64()
    assert (
        await refused(world, CREATE_ACCOUNT, email=ANN, name="Ann", altcha=payload)
    ).code == "invalid_fields"


async def test_a_code_dies_after_five_wrong_attempts(world: World) -> None:
    await begin(world)
    code = await last_code(world)
    tried = [ask(world, ACTIVATE_ACCOUNT, email=ANN, code=other_than(code)) for _ in range(5)]
    answers = await asyncio.gather(*tried, return_exceptions=True)
    assert {getattr(one, "code", None) for one in answers} == {"invalid_confirmation_code"}
    assert (await refused(world, ACTIVATE_ACCOUNT, email=ANN, code=code)).code == "invalid_confirmation_code"
    await ask(world, RESEND_CONFIRMATION, email=ANN)
    await ask(world, ACTIVATE_ACCOUNT, email=ANN, code=await last_code(world))


async def test_a_code_lives_half_an_hour_and_until_the_next(world: World) -> None:
    await begin(world)
    first = await last_code(world)
    await ask(world, RESEND_CONFIRMATION, email=ANN)
    assert (await refused(world, ACTIVATE_ACCOUNT, email=ANN, code=first)).code == "invalid_confirmation_code"
    code = await last_code(world)
    world.clock.pass_(30 * MINUTE)
    assert (await refused(world, ACTIVATE_ACCOUNT, email=ANN, code=code)).code == "invalid_confirmation_code"


async def test_three_mails_an_hour_and_no_code_is_voided_by_asking_more(world: World) -> None:
    for _ in range(2):
        await begin(world)
    await ask(world, RESEND_CONFIRMATION, email=ANN)
    code = await last_code(world)
    for _ in range(3):
        await begin(world, name="Mallory", slug="mallory")
        await ask(world, RESEND_CONFIRMATION, email=ANN)
    assert len(await mails(world)) == 3
    made = await ask(world, ACTIVATE_ACCOUNT, email=ANN, code=code)
    assert made["slug"].startswith("ann-")
    world.clock.pass_(HOUR)
    await begin(world)
    assert (await mails(world))[-1][1] == "notice"


async def test_of_two_that_want_a_slug_one_gets_it(world: World) -> None:
    codes = {}
    for email in (ANN, "bob@example.test"):
        await begin(world, email, slug="wanted")
        codes[email] = await last_code(world)
    tried = [ask(world, ACTIVATE_ACCOUNT, email=email, code=code) for email, code in codes.items()]
    answers = await asyncio.gather(*tried, return_exceptions=True)
    assert sorted(getattr(one, "code", "made") for one in answers) == ["made", "slug_taken"]
    assert (await refused(world, CREATE_ACCOUNT, email="c@example.test", name="C", slug="wanted",
                          altcha=mailroom.solved("c"))).code == "slug_taken"  # fmt: skip


async def test_the_code_is_kept_as_a_hash_and_shown_to_operators_alone(world: World) -> None:
    await begin(world)
    (row,) = await mailroom.execute(world, "SELECT * FROM sign_ups")
    assert await last_code(world) not in str(dict(row))
    assert await world.run(notices.sandboxed) == []  # another account's


async def test_what_no_mail_may_say_of_a_stranger(world: World) -> None:
    await begin(world, name="Your account is locked: https://evil.test")
    assert "evil" not in (await mails(world))[-1][2]
    no = await refused(world, CREATE_ACCOUNT, email=ANN, name="a\nb", altcha=mailroom.solved("n"))
    assert no.details["fields"][0]["path"] == "name"


@pytest.mark.parametrize(
    "operation",
    [REQUEST_CHALLENGE, CREATE_ACCOUNT, RESEND_CONFIRMATION, ACTIVATE_ACCOUNT],
    ids=lambda one: one.name,
)
async def test_nobody_signs_up_unless_a_setting_opens_it(world: World, operation: Operation) -> None:
    world.services = replace(world.services, site=replace(world.services.site, sign_up=""))
    given = {"email": ANN, "name": "Ann", "altcha": mailroom.solved("x"), "code": "00000000"}
    no = await refused(world, operation, **given)
    assert (no.code, no.kind.status) == ("sign_up_closed", 403)


async def test_what_nobody_finished_is_swept_away(world: World) -> None:
    await begin(world)
    world.clock.pass_(1002 * 24 * HOUR)
    await world.services.db.write(lambda tx: sweep.sweep(world.services, tx))
    for table in ("sign_ups", "used_challenges"):
        assert await mailroom.execute(world, f"SELECT * FROM {table}") == []


@pytest.mark.parametrize(
    ("slug", "reason"),
    [("free", None), ("acme", "taken"), ("simulator", "reserved"), ("A", "invalid"), ("a--b", "invalid")],
)
async def test_check_slug(world: World, slug: str, reason: str | None) -> None:
    told = (await world.http("GET", f"/v1/slug-check/{slug}", key=None)).json()
    assert told == {"slug": slug, "available": reason is None, "reason": reason}
