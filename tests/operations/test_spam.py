"""Spam that was taken for mail, and mail that was taken for spam."""

import pytest

from multimail.core.errors import Refused
from multimail.operations.account import GET_AUDIT_LOG
from multimail.operations.emails import READ_EMAIL
from multimail.operations.sealing import seal_all
from multimail.operations.spam import NOT_SPAM, REPORT_SPAM
from tests.support import mailroom
from tests.support.world import World


async def received(world: World) -> list[str]:
    return [one["id"] for one in await mailroom.events(world) if one["type"] == "email.received"]


async def test_there_and_back(world: World) -> None:
    email_id = await mailroom.arrive(world)
    assert (await world.invoke(REPORT_SPAM, email_id=email_id))["status"] == "spam_quarantined"
    email = await world.invoke(READ_EMAIL, email_id=email_id)
    assert (email["status"], email["spam_verdict"]) == ("spam_quarantined", "reported")
    assert (await world.invoke(NOT_SPAM, email_id=email_id))["status"] == "unread"
    email = await world.invoke(READ_EMAIL, email_id=email_id)
    assert (email["status"], email["spam_verdict"]) == ("read", "not_spam")
    assert len(await mailroom.execute(world, RECEIVED, email_id=email_id)) == 1  # it was told of when it came
    await seal_all(world.services, lambda text: "signed")
    told = await world.invoke(GET_AUDIT_LOG, "admin", resource_id=email_id, limit=100)
    assert {"report_spam", "not_spam"} <= {entry["action"] for entry in told["entries"]}


RECEIVED = "SELECT 1 FROM events WHERE email_id = :email_id AND type = 'email.received'"


async def test_what_was_quarantined_unheard_of_is_told_of(world: World) -> None:
    await mailroom.set_mode(world, "gated_all")
    email_id = await mailroom.arrive(world)
    sql = "UPDATE emails SET state = 'spam_quarantined', spam_verdict = 'spam' WHERE email_id = :email_id"
    await mailroom.execute(world, sql, email_id=email_id)
    assert await mailroom.execute(world, RECEIVED, email_id=email_id) == []
    await world.invoke(NOT_SPAM, email_id=email_id)
    assert len(await mailroom.execute(world, RECEIVED, email_id=email_id)) == 1


async def test_what_is_no_inbound_mail_is_no_spam(world: World) -> None:
    sent = (await mailroom.send(world))["id"]
    fresh = await mailroom.arrive(world)
    for operation, email_id, status in (
        (REPORT_SPAM, sent, "pending_approval"), (NOT_SPAM, sent, "pending_approval"), (NOT_SPAM, fresh, "unread"),
    ):  # fmt: skip
        with pytest.raises(Refused) as caught:
            await world.invoke(operation, email_id=email_id)
        assert (caught.value.code, caught.value.details["status"]) == ("conflict", status)
