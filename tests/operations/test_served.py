"""The simulator plays each outcome, for test keys and live ones, and its mail never reaches a transport."""

import pytest

from multimail.operations.emails import GET_MESSAGE
from tests.support.mailroom import FarSide, decide, events, hand_over, jobs, leaving, row, send

OUTCOMES = {
    "delivered": ("sent", ["email.sent", "email.delivered"]),
    "bounce": ("bounced", ["email.sent", "email.delivered", "email.bounced"]),
    "complaint": ("sent", ["email.sent", "email.delivered", "email.complained"]),
    "defer": ("queued", []),
    "nobody": ("failed", ["email.failed"]),
}


@pytest.mark.parametrize("key", ["agent", "test"])
@pytest.mark.parametrize("part", OUTCOMES)
async def test_each_address_plays_its_outcome(world, part, key):
    status, told = OUTCOMES[part]
    far, world = FarSide(), leaving(world)
    sent = await send(world, key, to=f"{part}@simulator.multimail.test")
    await decide(world, sent["id"])
    await hand_over(world, far)
    message = await world.invoke(GET_MESSAGE, "agent", email_id=sent["id"])
    assert message["status"] == status
    happened = [
        event["type"] for event in await events(world, len(told) + 2) if event["type"].startswith("email.")
    ]
    assert happened == told
    assert far.taken == []


async def test_a_bounce_says_when_and_how(world):
    sent = await send(world, to="bounce@simulator.multimail.test")
    await decide(world, sent["id"])
    await hand_over(world)
    email = await row(world, sent["id"])
    assert email["bounced_at"] is not None and email["bounce_type"] == "hard"


async def test_a_deferral_is_tried_again(world):
    sent = await send(world, to="defer@simulator.multimail.test")
    await decide(world, sent["id"])
    await hand_over(world)
    assert await jobs(world, "deliver") == 1
    message = await world.invoke(GET_MESSAGE, "agent", email_id=sent["id"])
    assert message["recipients"][0]["status"] == "deferred" and "4.3.0" in message["last_error"]
