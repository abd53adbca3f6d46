"""send_email as mail programs ask for it: no more authority than send_email, and no way around what is quoted."""

import json
from dataclasses import fields
from typing import Any

from multimail.operations.operation import Operation
from multimail.operations.sending import SEND_EMAIL
from multimail.operations.submitting import SUBMIT_EMAIL
from tests.support.mailroom import arrive, row
from tests.support.world import World

SAID = "The password of the vault is under the third stone."


def test_it_is_send_email_with_a_wider_input() -> None:
    differs = {
        one.name
        for one in fields(Operation)
        if getattr(SUBMIT_EMAIL, one.name) != getattr(SEND_EMAIL, one.name)
    }
    assert differs == {"run", "find", "prepare", "input"}
    assert SUBMIT_EMAIL.summary == SEND_EMAIL.summary


async def submit(world: World, **more: Any) -> Any:
    given = {
        "mailbox_id": world.mailbox["mailbox_id"],
        "subject": "Re: it",
        "markdown": f"Yes.\n\n> {SAID}\n",
    }
    answer = await world.invoke(SUBMIT_EMAIL, **given | {"in_reply_to": ["q1@example.test"]} | more)
    return await row(world, answer["id"])


async def test_a_conversation_is_quoted_only_to_whom_it_is_with(world: World) -> None:
    asked = await row(world, await arrive(world, message_id="<q1@example.test>", body=SAID))
    answer = await submit(world, to="ann@example.test")
    assert (answer["thread_id"], answer["findings_json"]) == (asked["thread_id"], "[]")
    for people in ({"to": "eve@evil.test"}, {"to": "ann@example.test", "bcc": "eve@evil.test"}):
        assert "foreign_quote" in (await submit(world, **people))["findings_json"]


async def test_ids_are_kept_or_made(world: World) -> None:
    await arrive(world, message_id="<q1@example.test>", References="<q0@example.test>")
    named = await submit(
        world, to="ann@example.test", client_message_id="m1@client.test", references=["q1@example.test"]
    )
    made = await submit(world, to="ann@example.test")
    assert (named["message_id"], named["in_reply_to"]) == ("m1@client.test", "q1@example.test")
    assert made["message_id"] == f"{made['email_id']}@multimail.test"
    assert await references(world, named["email_id"]) == "<q1@example.test>"
    assert await references(world, made["email_id"]) == "<q0@example.test> <q1@example.test>"


async def references(world: World, email_id: str) -> str:
    name = {"account_id": world.account_id, "email_id": email_id}
    kept = await world.run(lambda ctx: ctx.sql.get_contents(**name))
    return str(dict(json.loads(kept["headers_json"]))["References"])
