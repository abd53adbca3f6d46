"""Leaks are shown to whoever decides, and refused where the account says so."""

from typing import Any

import pytest

from multimail.core.errors import Refused
from multimail.operations.account_update import UPDATE_ACCOUNT
from multimail.operations.editing import EDIT_EMAIL
from multimail.operations.emails import READ_EMAIL
from multimail.operations.oversight import LIST_PENDING
from multimail.operations.reviewing import LIST_QUEUE
from multimail.operations.sending import REPLY_EMAIL
from tests.support import mailroom
from tests.support.world import World

KEY = "ghp_" + "a1" * 18
WITH_KEY = f"Here is the token:\n{KEY}"


async def kinds(world: World, email_id: str) -> list[str]:
    return [finding["kind"] for finding in (await world.invoke(READ_EMAIL, email_id=email_id))["findings"]]


async def block(world: World, *what: str, key: str = "owner", **more: Any) -> Any:
    if "owner" not in world.people:
        await world.add_operator("owner")
    return await world.invoke(UPDATE_ACCOUNT, key, blocked_leaks=list(what), **more)


async def test_whoever_decides_is_told(world: World) -> None:
    sent = await mailroom.send(world, markdown=WITH_KEY)
    (pending,) = (await world.invoke(LIST_PENDING, "oversight"))["pending"]
    (finding,) = pending["findings"]
    assert (finding["kind"], finding["place"]["part"], finding["place"]["line"]) == ("secret", "markdown", 2)
    assert KEY not in finding["detail"]
    (queued,) = (await world.invoke(LIST_QUEUE, "oversight"))["emails"]
    assert queued["id"] == sent["id"] and "leak" in queued["signs"] and queued["risk"] == "high"


async def test_an_edit_finds_anew(world: World) -> None:
    await world.add_operator("editor")
    sent = await mailroom.send(world, markdown=WITH_KEY)
    await world.invoke(EDIT_EMAIL, "editor", email_id=sent["id"], markdown="Here is no token.")
    assert await kinds(world, sent["id"]) == []


async def test_what_the_account_blocks_is_refused(world: World) -> None:
    assert (await block(world, "secret", key="admin"))["blocked_leaks"] == ["secret"]
    with pytest.raises(Refused) as caught:
        await mailroom.send(world, markdown=WITH_KEY)
    assert caught.value.code == "leak_blocked"
    told: Any = caught.value.details["findings"]
    assert [finding["kind"] for finding in told] == ["secret"] and KEY not in str(told)
    sent = await mailroom.send(world, markdown="![](https://cdn.example/p.png)")
    assert await kinds(world, sent["id"]) == ["remote_image"]
    with pytest.raises(Refused) as caught:
        await world.invoke(EDIT_EMAIL, "owner", email_id=sent["id"], markdown=WITH_KEY)
    assert caught.value.code == "leak_blocked"


async def test_to_block_less_takes_an_owner(world: World) -> None:
    await block(world, "secret", "personal_data", key="admin")
    assert (await block(world, "secret", key="admin"))["status"] == "pending_approval"
    assert (await block(world, "secret"))["blocked_leaks"] == ["secret"]


async def test_an_answer_quotes_its_own_conversation(world: World) -> None:
    body = "What does the large package cost, with everything in it?"
    asked = await mailroom.arrive(world, body=body)
    honest = await world.invoke(REPLY_EMAIL, email_id=asked, markdown=f"Five euros.\n\n> {body}")
    assert await kinds(world, honest["id"]) == []
    foreign = "> The board has decided to sell the company in May."
    leaking = await world.invoke(REPLY_EMAIL, email_id=asked, markdown=f"Five euros.\n\n{foreign}")
    assert await kinds(world, leaking["id"]) == ["foreign_quote"]
