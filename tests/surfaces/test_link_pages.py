"""The pages behind the links in mails: scanners look, people press a button, and hostile words stay words."""

from typing import Any

import pytest

from multimail.core.scopes import Role
from multimail.operations.watching import approval_link
from tests.support import mailroom
from tests.support.asgi import Reply
from tests.support.world import World

FORM = {"content-type": "application/x-www-form-urlencoded"}
HOSTILE = '<script>alert(1)</script>"><img src=x>'


async def link(world: World, **mail: Any) -> tuple[str, str]:
    """(the path of an approval link, its email's id)."""
    person = await world.add_operator("ann", Role.APPROVER, "ann@people.test")
    sent = await mailroom.send(world, **mail)
    email = await mailroom.row(world, sent["id"])
    url = await world.run(lambda ctx: approval_link(ctx, email, person.id))
    return url.removeprefix(world.services.site.public_url), sent["id"]


async def press(world: World, path: str, body: bytes, **headers: str) -> Reply:
    return await world.http("POST", path, key=None, content=body, headers=FORM | headers)


async def state(world: World, email_id: str) -> str:
    return str((await mailroom.row(world, email_id))["state"])


async def test_looking_shows_what_would_leave_and_changes_nothing(world: World) -> None:
    path, email_id = await link(world, subject=HOSTILE, markdown=HOSTILE, bcc="eve@example.test")
    assert (await world.http("HEAD", path, key=None)).status == 200
    for shown in [await world.http("GET", path, key=None) for _ in range(2)]:
        assert (shown.status, shown.headers["content-type"]) == (200, "text/html; charset=utf-8")
        assert "set-cookie" not in shown.headers
        assert "default-src 'none'" in shown.headers["content-security-policy"]
        assert shown.headers["referrer-policy"] == "no-referrer"
    text = (await world.http("GET", path, key=None)).content.decode()
    assert "eve@example.test" in text and "hidden from the other recipients" in text
    assert "<script>alert" not in text and "<img src=x" not in text
    assert '<iframe sandbox="" title="HTML of the email" srcdoc="' in text
    assert await state(world, email_id) == "pending_approval"


async def test_a_button_decides_once(world: World) -> None:
    path, email_id = await link(world)
    done = await press(world, path, b"action=reject&reason=Not+like%0D%0Athis")
    assert done.status == 200 and b"was rejected" in done.content
    row = await mailroom.row(world, email_id)
    assert (row["state"], row["decision_reason"]) == ("rejected", "Not like\nthis")
    again = await press(world, path, b"action=approve")
    assert again.status in (404, 409) and b"<h1>That did not work</h1>" in again.content


@pytest.mark.parametrize("body", [b"", b"action=", b"action=maybe", b"reason=x"])
async def test_no_button_is_no_decision(world: World, body: bytes) -> None:
    path, email_id = await link(world)
    assert (await press(world, path, body)).status == 422
    assert await state(world, email_id) == "pending_approval"


async def test_a_forged_link_is_a_page_that_says_so(world: World) -> None:
    for path in ("/v1/approve/forged", "/v1/approve/" + "a" * 3000, "/v1/approve/a.b%00"):
        reply = await world.http("GET", path, key=None)
        assert reply.status in (404, 422) and b"Traceback" not in reply.content
    assert (await press(world, "/v1/approve/forged.0", b"action=approve")).status == 404


async def test_a_program_gets_and_sends_json(world: World) -> None:
    path, email_id = await link(world)
    shown = await world.http("GET", path, key=None, headers={"accept": "application/json"})
    assert shown.json()["email"]["id"] == email_id
    done = await world.http("POST", path, {"decision": "approved"}, key=None)  # decide_email's words
    assert done.json()["decision"] == "approved"
    refused = await world.http("GET", path, key=None, headers={"accept": "application/json"})
    assert refused.json()["code"] in ("not_found", "conflict")
