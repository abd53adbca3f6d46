"""Receiving: accepted bytes become an email in its thread, whatever they are."""

import json
from typing import Any

import pytest

from multimail.core.errors import Refused
from multimail.operations.emails import READ_EMAIL
from multimail.operations.events import LIST_EVENTS
from multimail.operations.inbox import CHECK_INBOX
from multimail.operations.sending import REPLY_EMAIL
from multimail.operations.threads import GET_THREAD
from tests.support import mailroom
from tests.support.world import World


async def inbox(world: World, key: str = "agent") -> list[dict[str, Any]]:
    given = {"mailbox_id": world.mailbox["mailbox_id"], "direction": "inbound", "limit": 100}
    return list((await world.invoke(CHECK_INBOX, key, **given))["emails"])


async def read(world: World, email_id: str) -> dict[str, Any]:
    return dict(await world.invoke(READ_EMAIL, email_id=email_id))


async def test_it_is_kept_before_it_is_understood(world: World) -> None:
    await mailroom.arrive(world, understood=False)
    (waiting,) = await mailroom.execute(world, "SELECT * FROM intake")
    assert await inbox(world) == []
    assert await mailroom.understand(world) == [waiting["email_id"]]
    (email,) = await inbox(world)
    assert (email["id"], email["status"], email["from"]) == (
        waiting["email_id"],
        "unread",
        "ann@example.test",
    )
    assert await mailroom.execute(world, "SELECT * FROM intake") == []
    assert await mailroom.jobs(world, "receive") == 0
    (event,) = await mailroom.events(world, 1)
    assert (event["type"], event["subject"]) == ("email.received", "A question")


async def test_doing_it_again_does_nothing(world: World) -> None:
    await mailroom.arrive(world)
    row = {"account_id": world.account_id, "kind": "receive", "subject_id": (await inbox(world))[0]["id"]}
    await world.run(lambda ctx: ctx.sql.add_job(**row, run_at=ctx.now))
    await mailroom.understand(world)
    assert len(await inbox(world)) == 1 and await mailroom.jobs(world, "receive") == 0


async def test_threads_by_in_reply_to_then_references(world: World) -> None:
    sent = await mailroom.send(world)
    ours = f"<{sent['id']}@multimail.test>"
    by_reply = await mailroom.arrive(world, message_id="<a@x.test>", In_Reply_To=ours)
    by_reference = await mailroom.arrive(
        world, message_id="<b@x.test>", In_Reply_To="<unknown@x.test>", References=f"{ours} <lost@x.test>"
    )
    further = await mailroom.arrive(world, message_id="<c@x.test>", References="<b@x.test>")
    fresh = await mailroom.arrive(world, message_id="<d@x.test>", subject="Re: An offer")
    threads = [(await mailroom.row(world, one))["thread_id"] for one in (by_reply, by_reference, further)]
    assert set(threads) == {sent["thread_id"]}
    assert (await mailroom.row(world, fresh))["thread_id"] != sent["thread_id"]


async def test_a_thread_stays_in_its_mailbox(world: World) -> None:
    box = await world.add_mailbox("sales")
    first = await mailroom.arrive(world)
    second = await mailroom.arrive(
        world, mailbox=box, message_id="<q2@x.test>", In_Reply_To="<q1@example.test>"
    )
    one, other = [await mailroom.row(world, email_id) for email_id in (first, second)]
    assert one["thread_id"] != other["thread_id"]
    assert other["in_reply_to"] == ""


async def test_a_reply_carries_what_it_answers_in_its_metadata(world: World) -> None:
    sent = await mailroom.send(world, metadata={"run": "7", "tool_call_id": "call_1"})
    ours = f"<{sent['id']}@multimail.test>"
    answer = await mailroom.arrive(world, message_id="<a@x.test>", In_Reply_To=ours)
    assert (await read(world, answer))["metadata"] == {"origin": {"run": "7", "tool_call_id": "call_1"}}
    further = await mailroom.arrive(world, message_id="<b@x.test>", In_Reply_To="<a@x.test>")
    assert (await read(world, further))["metadata"] == {"origin": {"run": "7", "tool_call_id": "call_1"}}
    assert (await read(world, await mailroom.arrive(world)))["metadata"] == {}
    received = [one for one in await mailroom.events(world, 4) if one["type"] == "email.received"]
    assert [one.get("tool_call_id") for one in received] == ["call_1", "call_1", None]


async def test_the_same_bytes_again_are_dropped_and_others_are_not(world: World) -> None:
    raw = mailroom.mail()
    await mailroom.arrive(world, raw)
    await mailroom.arrive(world, raw)
    assert len(await inbox(world)) == 1
    await mailroom.arrive(world, mailroom.mail(body="Another body, the same Message-ID."))
    assert len(await inbox(world)) == 2
    nameless = mailroom.mail(message_id="")
    await mailroom.arrive(world, nameless)
    await mailroom.arrive(world, nameless)
    assert len(await inbox(world)) == 4
    assert len(await mailroom.events(world, 4)) == 4
    box = await world.add_mailbox("sales")
    await mailroom.arrive(world, raw, mailbox=box)
    assert len((await world.invoke(CHECK_INBOX, mailbox_id=box["mailbox_id"]))["emails"]) == 1


async def test_gated_all_holds_what_comes_in(world: World) -> None:
    await mailroom.set_mode(world, "gated_all")
    email_id = await mailroom.arrive(world)
    assert await inbox(world) == []
    (held,) = await inbox(world, "oversight")
    assert (held["id"], held["status"]) == (email_id, "pending_approval")
    (event,) = await mailroom.events(world, 1, "oversight")
    assert event["type"] == "oversight.pending" and event["id"] == email_id
    assert not {"from", "subject", "body", "to", "attachments"} & set(event)
    assert (await world.invoke(LIST_EVENTS))["events"] == []
    await mailroom.decide(world, email_id)
    assert [one["id"] for one in await inbox(world)] == [email_id]


@pytest.mark.parametrize("mode", ["read_only", "gated_send", "autonomous"])
async def test_the_other_modes_do_not(world: World, mode: str) -> None:
    await mailroom.set_mode(world, mode)
    email_id = await mailroom.arrive(world)
    assert [(one["id"], one["status"]) for one in await inbox(world)] == [(email_id, "unread")]


HOSTILE = {
    "nothing": b"",
    "no headers": b"\r\nonly a body\r\n",
    "noise": bytes(range(256)) * 8,
    "a NUL everywhere": b"From: a\x00b@x.test\r\nSubject: x\x00y\r\nMessage-ID: <a\x00b@x>\r\n\r\nbo\x00dy\r\n",
    "broken UTF-8": b"From: \xff\xfe <\xff@\xfe.test>\r\nSubject: \xed\xa0\x80\r\nTo: \xff\r\n\r\n\xff\xfe\r\n",
    "surrogates in words": b"From: =?utf-16?b?2AA=?= <a@x.test>\r\nSubject: =?utf-7?q?+2AA-?=\r\n\r\n+2AA-\r\n",
    "no address": b"From: just a name\r\nReply-To: @@@\r\nTo: <>\r\nCc: ,,;:\r\n\r\n\r\n",
    "odd domains": b"From: a@-x-.test\r\nReply-To: b@[1.2.3.4]\r\nTo: c@" + b"x" * 300 + b"\r\n\r\n\r\n",
    "an idle multipart": b"From: a@x.test\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n--b\r\n--b--\r\n",
    "unequal twins": b"From: a@x.test\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n"
    + b"".join(
        b'--b\r\nContent-Type: a\x00/\xff; name="=?utf-8?q?x=00?="\r\nContent-Disposition: attachment\r\n\r\nx\r\n'
        for _ in range(3)
    )
    + b"--b--\r\n",
    "a deep one": b"From: a@x.test\r\n" + b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n" * 200,
    "many references": b"From: a@x.test\r\nReferences: "
    + b" ".join(b"<%d@x>" % n for n in range(999))
    + b"\r\n\r\nx",
}


@pytest.mark.parametrize("name", HOSTILE)
async def test_whatever_came_is_listed_and_readable(world: World, name: str) -> None:
    email_id = await mailroom.arrive(world, HOSTILE[name])
    (listed,) = await inbox(world)
    email = await read(world, email_id)
    assert listed["id"] == email["id"] == email_id
    json.dumps(
        [email, await world.invoke(GET_THREAD, thread_id=email["thread_id"])], ensure_ascii=False
    ).encode()
    (event,) = await mailroom.events(world, 1)
    assert event["id"] == email_id
    json.dumps(event, ensure_ascii=False).encode()
    if name in ("nothing", "no headers"):
        assert email["defects"]


async def test_the_strangest_sender_can_not_be_answered(world: World) -> None:
    email_id = await mailroom.arrive(world, HOSTILE["odd domains"])
    with pytest.raises(Refused) as caught:
        await world.invoke(REPLY_EMAIL, email_id=email_id, markdown="Hello.")
    assert caught.value.code == "ambiguous_reply"


async def test_a_test_message_is_a_test_for_good(world: World) -> None:
    box = await world.add_mailbox("practice", test=True)
    email_id = await mailroom.arrive(world, mailbox=box, test=True)
    assert (await read(world, email_id))["test"] is True
    assert [one["test"] for one in await mailroom.events(world, 1)] == [True]
