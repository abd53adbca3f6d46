"""What is read of a message beside its words, and what is left where it can't be read."""

from typing import Any

import pytest

from multimail.operations import intake
from multimail.operations.attachments import DOWNLOAD_SOURCE
from multimail.operations.emails import READ_EMAIL
from multimail.operations.inbox import CHECK_INBOX
from multimail.operations.threads import GET_THREAD
from multimail.surfaces.mcp.words import split
from tests.support import mailroom
from tests.support.world import World

INVITATION = """BEGIN:VCALENDAR
METHOD:REQUEST
BEGIN:VEVENT
UID:1
SUMMARY:Lunch
DTSTART:20261121T120000Z
ORGANIZER;CN=Ann:mailto:ann@example.test
ATTENDEE:mailto:support@acme.multimail.test
END:VEVENT
END:VCALENDAR
"""


def parts(*given: tuple[str, str]) -> bytes:
    head = (
        "From: ann@example.test\nMessage-ID: <i@example.test>\nContent-Type: multipart/mixed; boundary=b\n\n"
    )
    text = head + "".join(f"--b\nContent-Type: {kind}\n\n{content}\n" for kind, content in given) + "--b--\n"
    return text.replace("\n", "\r\n").encode()


async def read(world: World, email_id: str) -> dict[str, Any]:
    return dict(await world.invoke(READ_EMAIL, email_id=email_id))


async def test_calendar_forwards_signature_and_protection_are_on_the_email(world: World) -> None:
    inner = (
        "From: Carol <carol@c.example>\nSubject: Offer\nDate: Mon, 2 Nov 2026 10:00:00 +0100\n\nFive euros."
    )
    raw = parts(
        ("text/plain", "See below.\n-- \nAnn, Sales"),
        ("text/calendar; method=REQUEST", INVITATION),
        ("message/rfc822", inner),
        ("application/pgp-signature", "x"),
    )
    email = await read(world, await mailroom.arrive(world, raw))
    (event,) = email["calendar"]
    assert (event["method"], event["summary"], event["start"]) == ("request", "Lunch", "2026-11-21T12:00:00Z")
    assert (event["organizer"], event["attendees"]) == ("ann@example.test", ["support@acme.multimail.test"])
    (inside,) = email["forwarded"]
    assert (inside["file"], inside["from"], inside["markdown"]) == (
        "Offer.eml",
        "carol@c.example",
        "Five euros.",
    )
    assert (email["signature"], email["protection"]) == ("--\nAnn, Sales", ["pgp_signed"])
    said, words = split(email)
    assert not {"calendar", "forwarded", "signature"} & said.keys() and words["calendar"] == email["calendar"]


async def test_what_we_sent_has_none_of_it(world: World) -> None:
    email = await read(world, (await mailroom.send(world))["id"])
    assert (email["calendar"], email["forwarded"], email["protection"], email["signature"]) == (
        [],
        [],
        [],
        "",
    )


async def test_the_source_is_what_came_in(world: World) -> None:
    raw = mailroom.mail(body="<p hidden>a secret</p>", Content_Type="text/html")
    email_id = await mailroom.arrive(world, raw)
    file = (await world.invoke(DOWNLOAD_SOURCE, email_id=email_id))["file"]
    top, _, rest = file.content.partition(raw)
    assert (rest, file.content_type, file.name) == (b"", "message/rfc822", f"{email_id}.eml")
    headers = (await read(world, email_id))["headers"]
    assert top.decode().replace("\r\n ", " ").splitlines() == [f"{n}: {v}" for n, v in headers[:2]]
    assert headers[0] == ["Return-Path", "<ann@example.test>"]
    assert headers[1][0] == "Received" and headers[1][1].startswith(
        "from client.example.test ([192.0.2.1]) by mail.multimail.test with ESMTPS (TLSv1.3 AES) "
        f"id {email_id} for <{world.mailbox['address']}>; "
    )


async def test_one_message_to_several_tells_each_of_itself_alone(world: World) -> None:
    other = await world.add_mailbox("other")
    addresses = [world.mailbox["address"], other["address"]]
    arrival = intake.Arrival("eve@evil.test", "evil.test", "192.0.2.1", protocol="SMTP")
    assert await intake.accept(world.services, arrival, addresses, mailroom.mail())
    for email_id, own, hidden in zip(
        await mailroom.understand(world), addresses, addresses[::-1], strict=True
    ):
        source = (await world.invoke(DOWNLOAD_SOURCE, email_id=email_id))["file"].content.decode()
        top = source.partition("From:")[0]
        assert f" for <{own}>; " in top.replace("\r\n", "") and hidden not in top


async def test_what_one_mailbox_sends_another_names_no_client(world: World) -> None:
    held = await mailroom.send(world, to=[world.mailbox["address"]])
    await mailroom.decide(world, held["id"])
    await mailroom.hand_over(world)
    (email_id,) = await mailroom.understand(world)
    headers = dict((await read(world, email_id))["headers"][:2])
    assert headers["Return-Path"] == f"<{world.mailbox['address']}>"
    assert headers["Received"].startswith(f"by mail.multimail.test id {email_id} for <")


async def test_the_source_of_what_leaves_has_no_trace(world: World) -> None:
    sent = await mailroom.send(world)
    source = (await world.invoke(DOWNLOAD_SOURCE, email_id=sent["id"]))["file"].content
    assert source.startswith(b"From:")


async def test_mail_that_cannot_be_read_is_listed_and_says_why(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(raw: bytes) -> None:
        raise RecursionError

    monkeypatch.setattr(intake, "parse", broken)
    raw = mailroom.mail(subject="Unreadable")
    email_id = await mailroom.arrive(world, raw)
    (listed,) = (await world.invoke(CHECK_INBOX, mailbox_id=world.mailbox["mailbox_id"]))["emails"]
    assert (listed["id"], listed["from"]) == (email_id, "ann@example.test")
    (defect,) = (await read(world, email_id))["defects"]
    assert "RecursionError" in defect and "source" in defect
    source = (await world.invoke(DOWNLOAD_SOURCE, email_id=email_id))["file"].content
    assert source.startswith(b"Return-Path: <") and source.endswith(b"\r\n" + raw)


async def test_reads_are_cut_to_a_budget_of_tokens(world: World) -> None:
    history = "\r\n".join(f"> old line {number}" for number in range(100))
    body = "New words here. " * 20 + "\r\n\r\nOn 1 Nov 2026 10:00, Bob <b@b.example> wrote:\r\n" + history
    email_id = await mailroom.arrive(world, body=body)
    whole = await read(world, email_id)
    words = whole["markdown"] + whole["quoted"]
    assert abs(whole["token_estimate"] - len(words) / 4) <= 2 and not whole["truncated"]
    cut = dict(await world.invoke(READ_EMAIL, email_id=email_id, max_tokens=100))
    assert cut["truncated"] and cut["token_estimate"] == whole["token_estimate"]
    assert cut["markdown"] == whole["markdown"] and 0 < len(cut["quoted"]) < len(whole["quoted"])
    assert len(cut["markdown"]) + len(cut["quoted"]) <= 400 and cut["text"] == ""
    short = dict(await world.invoke(READ_EMAIL, email_id=email_id, max_tokens=5))
    assert len(short["markdown"]) <= 20 and short["quoted"] == ""


async def test_a_thread_gives_the_newest_their_words_first(world: World) -> None:
    first = await mailroom.arrive(world, body="first " * 50)
    more: dict[str, Any] = {"message_id": "<q2@example.test>", "In_Reply_To": "<q1@example.test>"}
    await mailroom.arrive(world, body="second " * 50, **more)
    thread_id = (await mailroom.row(world, first))["thread_id"]
    old, new = (await world.invoke(GET_THREAD, thread_id=thread_id, max_tokens=100))["emails"]
    assert new["markdown"].count("second") == 50 and not new["truncated"]
    assert 0 < len(old["markdown"]) < 60 and old["truncated"]
