"""What is found out about the sender of mail that comes in, and what follows from it."""

from typing import Any

import pytest

from multimail.core.errors import Refused
from multimail.mail import dkim
from multimail.operations.emails import READ_EMAIL
from multimail.operations.inbox import CHECK_INBOX
from multimail.operations.sending import REPLY_EMAIL
from tests.support import mailroom
from tests.support.names import BROKEN
from tests.support.world import World

NAMES: dict[tuple[str, str], Any] = {
    ("example.com", "TXT"): ["v=spf1 ip4:192.0.2.1 -all"],
    ("_dmarc.example.com", "TXT"): ["v=DMARC1; p=reject"],
    ("s._domainkey.example.com", "TXT"): [dkim.dns_record(mailroom.DKIM_KEY)],
}
ANN: dict[str, Any] = {"sender": "ann@example.com", "envelope_from": "ann@example.com"}


async def auth(world: World, email_id: str) -> dict[str, Any]:
    return dict((await world.invoke(READ_EMAIL, email_id=email_id))["auth"])


async def test_the_sender_is_judged_by_peer_envelope_and_signatures(world: World) -> None:
    world.names.table = NAMES
    by_address = await auth(world, await mailroom.arrive(world, **ANN))
    assert (by_address["spf"], by_address["dkim"], by_address["dmarc"]) == ("pass", "none", "pass")
    assert (by_address["verdict"], by_address["domain"], by_address["arc"]) == ("pass", "example.com", "none")
    raw = mailroom.mail(sender="ann@example.com", message_id="<q2@example.com>")
    signed = dkim.sign(
        raw, [dkim.SigningKey("example.com", "s", mailroom.DKIM_KEY)], at=world.clock.now // 10**6
    )
    by_key = await auth(world, await mailroom.arrive(world, signed + raw, envelope_from="list@example.net"))
    assert (by_key["spf"], by_key["dkim"], by_key["verdict"]) == ("none", "pass", "pass")
    forged = await auth(world, await mailroom.arrive(world, message_id="<q3@x>", sender="ann@example.com"))
    assert (forged["dmarc"], forged["verdict"], forged["domain"]) == ("fail", "fail", None)
    assert any("p=reject" in reason for reason in forged["reasons"])


async def test_events_and_lists_tell_it_too(world: World) -> None:
    world.names.table = NAMES
    await mailroom.arrive(world, **ANN)
    (event,) = await mailroom.events(world, 1)
    (listed,) = (await world.invoke(CHECK_INBOX, mailbox_id=world.mailbox["mailbox_id"]))["emails"]
    assert event["data"]["auth"] == listed["auth"] and listed["auth"]["verdict"] == "pass"


async def test_a_dns_that_does_not_answer_loses_no_mail_and_earns_no_trust(world: World) -> None:
    world.names.table = dict.fromkeys(NAMES, BROKEN)
    found = await auth(world, await mailroom.arrive(world, **ANN))
    assert (found["spf"], found["dmarc"], found["verdict"]) == ("temperror", "temperror", "temperror")


async def test_mail_between_mailboxes_hosted_here_is_our_own_word(world: World) -> None:
    box = await world.add_mailbox("sales")
    sent = await mailroom.send(world, to=box["address"])
    await mailroom.decide(world, sent["id"])
    await mailroom.hand_over(world)
    (email_id,) = await mailroom.understand(world)
    assert (await auth(world, email_id))["verdict"] == "local"
    assert world.names.asked == []


@pytest.mark.parametrize("sender", ["support@acme.multimail.test", "SUPPORT@acme.multimail.test"])
async def test_nobody_outside_speaks_for_a_mailbox_hosted_here(world: World, sender: str) -> None:
    box = await world.add_mailbox("sales")
    email_id = await mailroom.arrive(world, mailbox=box, sender=sender)
    assert (await auth(world, email_id))["verdict"] == "fail"
    other = await mailroom.arrive(
        world, mailbox=box, sender="nobody@acme.multimail.test", message_id="<q2@x>"
    )
    assert (await auth(world, other))["verdict"] == "none"


async def reply_by_thread(world: World, email_id: str) -> list[str]:
    thread_id = (await mailroom.row(world, email_id))["thread_id"]
    answer = await world.invoke(REPLY_EMAIL, thread_id=thread_id, markdown="Thanks.")
    email = await world.invoke(READ_EMAIL, email_id=answer["id"])
    return list(email["to"])


async def test_a_forged_known_from_does_not_lead_the_answer_away(world: World) -> None:
    world.names.table = NAMES
    first = await mailroom.arrive(world, **ANN)
    answering: dict[str, Any] = {"In_Reply_To": "<q1@example.test>", "subject": "Re: A question"}
    forged: dict[str, Any] = answering | {"sender": "ann@example.com", "envelope_from": "eve@evil.net"}
    await mailroom.arrive(world, message_id="<q2@x>", Reply_To="eve@evil.net", **forged)
    await mailroom.arrive(world, message_id="<q3@x>", Reply_To="eve@example.com", **forged)
    assert await reply_by_thread(world, first) == ["ann@example.com"]
    await mailroom.arrive(world, message_id="<q4@x>", Reply_To="ann@private.example.net", **answering | ANN)
    assert await reply_by_thread(world, first) == ["ann@private.example.net"]


async def test_without_a_verdict_a_reply_to_leads_back_to_its_domain_or_nowhere(world: World) -> None:
    first = await mailroom.arrive(world, Reply_To="desk@mail.example.test, ANN@example.test")
    assert await reply_by_thread(world, first) == ["desk@mail.example.test", "ANN@example.test"]
    other = await mailroom.arrive(world, message_id="<o@x>", subject="Other", Reply_To="eve@evil.test")
    with pytest.raises(Refused) as caught:
        await reply_by_thread(world, other)
    assert caught.value.code == "ambiguous_reply"
