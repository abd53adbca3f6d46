"""List-Unsubscribe: in the header of what one person gets, signed, and one POST is enough (RFC 8058)."""

import email
import re
from typing import Any

import pytest

from multimail.core.errors import Refused
from multimail.operations.emails import GET_MESSAGE
from multimail.operations.sending import REPLY_EMAIL, SEND_EMAIL
from multimail.operations.suppression import CHECK_SUPPRESSION
from multimail.operations.unsubscribing import SHOW_UNSUBSCRIBE, UNSUBSCRIBE, unsubscribe_url
from multimail.storage.database import Row
from tests.support import mailroom
from tests.support.world import World

ONE_CLICK = b"List-Unsubscribe=One-Click"


async def leave(world: World, **mail: Any) -> email.message.Message:
    """What left, as its recipients' server has it."""
    await mailroom.set_mode(world, "autonomous")
    far = mailroom.FarSide()
    if "email_id" in mail:
        await world.invoke(REPLY_EMAIL, markdown="Five euros.", **mail)
    else:
        await mailroom.send(world, **mail)
    await mailroom.hand_over(mailroom.leaving(world), far)
    return email.message_from_bytes(far.taken[-1][2])


async def path_of(world: World, **mail: Any) -> str:
    header = re.sub(r"\s", "", str((await leave(world, **mail))["List-Unsubscribe"]))
    assert header.startswith("<") and header.endswith(">")
    return header[1:-1].removeprefix(world.services.site.public_url)


async def suppressed(world: World) -> list[tuple[str, str]]:
    rows = (await world.invoke(CHECK_SUPPRESSION))["suppressions"]
    return [(row["address"], row["reason"]) for row in rows]


async def test_the_pair_is_in_the_header_and_signed(world: World) -> None:
    message = await leave(world)
    assert message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    signed = re.sub(r"\s", "", str(message["DKIM-Signature"]))
    names = re.findall(r"h=([^;]+)", signed)[0].lower().split(":")
    assert names.count("list-unsubscribe") == 2 and names.count("list-unsubscribe-post") == 2
    assert len(max(message.as_bytes().splitlines(), key=len)) < 998


async def test_it_is_outside_the_revision(world: World) -> None:
    sent = await mailroom.send(world)
    before = (await world.invoke(GET_MESSAGE, email_id=sent["id"]))["revision"]
    await mailroom.decide(world, sent["id"], revision=before)
    await mailroom.hand_over(world)
    after = await world.invoke(GET_MESSAGE, email_id=sent["id"])
    assert (after["status"], after["revision"]) == ("sent", before)


async def test_several_recipients_and_replies_get_none(world: World) -> None:
    for mail in (
        {"to": ["bob@example.test", "eve@example.test"]},
        {"bcc": "eve@example.test"},
        {"email_id": await mailroom.arrive(world)},
    ):
        message = await leave(world, **mail)
        assert message["List-Unsubscribe"] is None and message["List-Unsubscribe-Post"] is None


async def test_one_click_suppresses_and_asks_nobody(world: World) -> None:
    path = await path_of(world, to="Bob@Example.test")
    for method in ("GET", "HEAD"):
        looked = await world.http(method, path, key=None)
        assert looked.status == 200 and await suppressed(world) == []
    form = {"content-type": "application/x-www-form-urlencoded"}
    for _ in range(2):
        done = await world.http("POST", path, key=None, content=ONE_CLICK, headers=form)
        assert (done.status, "set-cookie" in done.headers) == (200, False)
        assert await suppressed(world) == [("bob@example.test", "unsubscribe")]
    with pytest.raises(Refused) as caught:
        await world.invoke(SEND_EMAIL, mailbox_id=world.mailbox["mailbox_id"], to="bob@example.test")
    assert caught.value.code == "suppressed"
    entries = await world.run(lambda ctx: ctx.sql.list_unsealed(account_id=world.account_id, limit=100))
    assert [one["actor_name"] for one in entries if one["action"] == "unsubscribe"] == ["unsubscribe link"]
    events = await mailroom.events(world, 3)
    assert "email.unsubscribed" in {event["type"] for event in events}


async def test_every_form_that_mail_programs_send(world: World) -> None:
    path = await path_of(world)
    multipart = (
        b'--b\r\nContent-Disposition: form-data; name="List-Unsubscribe"\r\n\r\nOne-Click\r\n--b--\r\n'
    )
    kind = {"content-type": "multipart/form-data; boundary=b"}
    assert (await world.http("POST", path, key=None, content=multipart, headers=kind)).status == 200
    assert (await world.http("POST", path, key=None)).status == 200
    told = await world.http("POST", path, {}, key=None)
    assert told.json() == {"address": "bob@example.test", "sender": "acme", "unsubscribed": True}
    assert b"does not write to bob@example.test any more" in (await world.http("GET", path, key=None)).content


async def test_a_link_outlives_its_email(world: World) -> None:
    path = await path_of(world)
    await mailroom.execute(world, "DELETE FROM emails")
    assert (await world.http("POST", path, key=None)).status == 200
    assert await suppressed(world) == [("bob@example.test", "unsubscribe")]


async def test_a_forged_link_does_nothing(world: World) -> None:
    path = await path_of(world)
    for other in (path[:-1] + ("0" if path[-1] != "0" else "1"), "/v1/unsubscribe/x", "/v1/unsubscribe/.."):
        for method in ("GET", "POST"):
            assert (await world.http(method, other, key=None)).status == 404
    approve = path.replace("/v1/unsubscribe/", "/v1/approve/")
    assert (await world.http("GET", approve, key=None)).status == 404
    assert await suppressed(world) == []


async def test_test_mail_unsubscribes_nobody(world: World) -> None:
    sent = await mailroom.send(world, "test")
    row: Row = await mailroom.row(world, sent["id"])
    token = str(unsubscribe_url(world.services, row)).rpartition("/")[2]
    assert (await world.invoke(UNSUBSCRIBE, None, token=token))["unsubscribed"]
    assert await suppressed(world) == []
    assert not (await world.invoke(SHOW_UNSUBSCRIBE, None, token=token))["unsubscribed"]
