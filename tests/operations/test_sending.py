"""Sending: modes, schedules, cancelling, and the limits of contract §2."""

import base64
import json
from typing import Any

import pytest

from multimail.core.errors import Refused
from multimail.core.times import HOUR, to_rfc3339
from multimail.operations.emails import GET_MESSAGE, READ_EMAIL
from multimail.operations.oversight import LIST_PENDING
from multimail.operations.sending import CANCEL_MESSAGE, SEND_EMAIL
from multimail.workers import small
from tests.support import mailroom
from tests.support.world import World


async def refused(world: World, **given: Any) -> Refused:
    with pytest.raises(Refused) as caught:
        await mailroom.send(world, **given)
    return caught.value


async def status(world: World, email_id: str) -> str:
    return str((await world.invoke(GET_MESSAGE, email_id=email_id))["status"])


async def cancel(world: World, email_id: str) -> str:
    return str((await world.invoke(CANCEL_MESSAGE, email_id=email_id))["status"])


async def test_a_sent_email_waits_whole_for_a_human(world: World) -> None:
    answer = await mailroom.send(
        world,
        to="Bob <bob@example.test>, carol@example.test",
        cc=["Dan <dan@example.test>"],
        bcc="eve@example.test",
        reply_to="desk@example.test",
        subject="Ünïcode ✓",
        metadata={"run": "7"},
        attachments=[{"filename": "a.txt", "content": base64.b64encode(b"file").decode()}],
    )
    assert answer["id"] == answer["message_id"]
    assert answer["mailbox_id"] == world.mailbox["mailbox_id"]
    assert answer["status"] == "pending_approval"
    assert (answer["effective_mode"], answer["test"]) == ("gated_send", False)
    (email,) = (await world.invoke(LIST_PENDING))["pending"]
    assert (email["id"], email["thread_id"]) == (answer["id"], answer["thread_id"])
    assert email["to"] == ["bob@example.test", "carol@example.test"]
    assert (email["cc"], email["bcc"]) == (["dan@example.test"], ["eve@example.test"])
    assert email["envelope_recipients"] == [*email["to"], *email["cc"], *email["bcc"]]
    assert email["envelope_sender"] == email["from"] == world.mailbox["address"]
    assert (email["subject"], email["markdown"]) == ("Ünïcode ✓", "Five **euros**.")
    assert email["attachments"] == [{"name": "a.txt", "size": 4, "content_type": "application/octet-stream"}]
    assert email["metadata"] == {"run": "7"}
    headers = dict(email["headers"])
    assert headers["Message-ID"] == f"<{answer['id']}@multimail.test>"
    assert headers["X-AI-Generated"] == "true"
    assert headers["Reply-To"] == "desk@example.test"
    assert "eve@example.test" not in json.dumps(email["headers"])
    assert len(email["revision"]) == 64
    assert {finding["kind"] for finding in email["findings"]} == {"bcc"}


@pytest.mark.parametrize(
    ("mode", "asked", "effective", "outcome"),
    [
        ("gated_send", "autonomous", "gated_send", "pending_approval"),
        ("gated_send", "gated_all", "gated_all", "pending_approval"),
        ("autonomous", "gated_send", "gated_send", "pending_approval"),
        ("autonomous", None, "autonomous", "queued"),
        ("monitored", "autonomous", "monitored", "queued"),
    ],
)
async def test_a_request_may_be_stricter_and_never_looser(
    world: World, mode: str, asked: str | None, effective: str, outcome: str
) -> None:
    await mailroom.set_mode(world, mode)
    answer = await mailroom.send(world, oversight_mode=asked)
    assert (answer["effective_mode"], answer["status"]) == (effective, outcome)
    assert (await world.invoke(READ_EMAIL, email_id=answer["id"]))["effective_mode"] == effective
    assert await mailroom.jobs(world, "deliver") == (outcome == "queued")


async def test_read_only_sends_nothing_even_if_asked_to_be_gated(world: World) -> None:
    await mailroom.set_mode(world, "read_only")
    error = await refused(world, oversight_mode="gated_send")
    assert (error.code, error.kind.status) == ("read_only", 403)
    assert "oversight_mode" in str(error.details["hint"])
    assert (await world.invoke(LIST_PENDING))["pending"] == []


async def test_a_request_that_is_read_only_is_refused(world: World) -> None:
    await mailroom.set_mode(world, "autonomous")
    assert (await refused(world, oversight_mode="read_only")).code == "read_only"


async def test_gate_first_approves_and_then_waits(world: World) -> None:
    at = to_rfc3339(world.clock.now + HOUR)
    email_id = (await mailroom.send(world, send_at=at))["id"]
    assert await status(world, email_id) == "pending_approval"
    assert (await mailroom.decide(world, email_id))["status"] == "scheduled"
    assert await mailroom.run_jobs(world, "due", small.schedule(world.services)) == []
    world.clock.pass_(HOUR)
    assert await mailroom.run_jobs(world, "due", small.schedule(world.services)) == [email_id]
    assert await status(world, email_id) == "queued"
    assert await mailroom.hand_over(world) == [email_id]
    assert await status(world, email_id) == "sent"


async def test_schedule_first_waits_and_then_asks(world: World) -> None:
    at = to_rfc3339(world.clock.now + HOUR)
    answer = await mailroom.send(world, send_at=at, gate_timing="schedule_first")
    assert answer["status"] == "scheduled"
    world.clock.pass_(HOUR)
    await mailroom.run_jobs(world, "due", small.schedule(world.services))
    assert await status(world, answer["id"]) == "pending_approval"
    assert await mailroom.jobs(world, "deliver") == 0
    assert (await mailroom.decide(world, answer["id"]))["status"] == "queued"


async def test_a_time_that_has_passed_is_now(world: World) -> None:
    await mailroom.set_mode(world, "autonomous")
    assert (await mailroom.send(world, send_at="2020-01-01T00:00:00"))["status"] == "queued"


async def test_a_mailbox_that_became_read_only_blocks_what_is_due(world: World) -> None:
    await mailroom.set_mode(world, "autonomous")
    at = to_rfc3339(world.clock.now + HOUR)
    email_id = (await mailroom.send(world, send_at=at))["id"]
    await mailroom.set_mode(world, "read_only")
    world.clock.pass_(HOUR)
    await mailroom.run_jobs(world, "due", small.schedule(world.services))
    assert await status(world, email_id) == "blocked"


async def test_cancel_in_each_state(world: World) -> None:
    pending = (await mailroom.send(world))["id"]
    assert await cancel(world, pending) == "cancelled"
    await mailroom.set_mode(world, "autonomous")
    at = to_rfc3339(world.clock.now + HOUR)
    scheduled = (await mailroom.send(world, send_at=at))["id"]
    queued = (await mailroom.send(world))["id"]
    for email_id in (scheduled, queued):
        assert await cancel(world, email_id) == "cancelled"
    assert (await mailroom.jobs(world, "deliver"), await mailroom.jobs(world, "due")) == (0, 0)
    sent = (await mailroom.send(world))["id"]
    await mailroom.hand_over(world)
    received = await mailroom.arrive(world)
    rejected = (await mailroom.send(world, oversight_mode="gated_send"))["id"]
    await mailroom.decide(world, rejected, "reject")
    for email_id, now in (
        (pending, "cancelled"),
        (scheduled, "cancelled"),
        (sent, "sent"),
        (received, "unread"),
        (rejected, "rejected"),
    ):
        with pytest.raises(Refused) as caught:
            await cancel(world, email_id)
        assert (caught.value.code, caught.value.details["status"]) == ("conflict", now)
        assert await status(world, email_id) == now
    cancelled = [one["id"] for one in await mailroom.events(world, 3) if one["type"] == "email.cancelled"]
    assert cancelled == [pending, scheduled, queued]


async def test_what_reached_somebody_is_not_cancelled(world: World) -> None:
    await mailroom.set_mode(world, "autonomous")
    far = mailroom.FarSide({"carol@example.test": ["deferred"]})
    email_id = (await mailroom.send(world, to="bob@example.test, carol@example.test"))["id"]
    await mailroom.hand_over(mailroom.leaving(world), far)
    with pytest.raises(Refused) as caught:
        await cancel(world, email_id)
    assert (caught.value.code, caught.value.details["status"]) == ("conflict", "queued")


def many(count: int) -> list[str]:
    return [f"r{number}@example.test" for number in range(count)]


async def test_limits_are_reached_and_not_passed(world: World) -> None:
    """The longest that is taken and the shortest that is not, of each limit in contract §2."""
    taken: list[dict[str, Any]] = [
        {"to": many(48), "cc": "c@example.test", "bcc": "b@example.test"},
        {"subject": "s" * 998},
        {"subject": "ü" * 998},
        {"markdown": "é" * (128 * 1024)},
        {"metadata": {"k" * 64: "v" * 512} | {str(number): "" for number in range(15)}},
        {"to": "", "cc": "", "bcc": "b@example.test"},
        {"subject": "", "markdown": ""},
    ]
    for given in taken:
        assert (await mailroom.send(world, **given))["status"] == "pending_approval"
    invalid: list[tuple[dict[str, Any], str]] = [
        ({"to": many(49), "cc": "c@example.test", "bcc": "b@example.test"}, "to"),
        ({"to": ["bob@example.test"] * 51}, "to"),
        ({"subject": "s" * 999}, "subject"),
        ({"markdown": "é" * (128 * 1024) + "x"}, "markdown"),
        ({"html": "<p>" + "x" * (256 * 1024)}, "html"),
        ({"metadata": {str(number): "" for number in range(17)}}, "metadata"),
        ({"metadata": {"k" * 65: ""}}, "metadata"),
        ({"metadata": {"k": "v" * 513}}, "metadata"),
        ({"metadata": {"": "v"}}, "metadata"),
        ({"to": ""}, "to"),
        ({"to": "no address"}, "to"),
        ({"cc": "bob@"}, "cc"),
        ({"bcc": "bob@example.test, <"}, "bcc"),
        ({"to": "bob@example.test\r\nBcc: eve@example.test"}, "to"),
        ({"subject": "Hi\r\nBcc: eve@example.test"}, "body"),
        ({"attachments": [{"name": "a", "content_base64": "%%%"}]}, "attachments.0.content_base64"),
        ({"attachments": [{"name": "a\nb", "content_base64": ""}]}, "body"),
        ({"attachments": [{"name": "a", "content_base64": "", "content_type": "text/x\r\nX: y"}]}, "body"),
        ({"oversight_mode": "lenient"}, "oversight_mode"),
        ({"idempotency_key": "k" * 256}, "idempotency_key"),
        ({"send_at": "tomorrow"}, "send_at"),
    ]
    for given, path in invalid:
        error = await refused(world, **given)
        assert error.code == "invalid_fields", given
        assert error.details["fields"][0]["path"].startswith(path), error.details
    assert len((await world.invoke(LIST_PENDING, limit=100))["pending"]) == len(taken)


async def test_a_recipient_named_twice_gets_one_copy(world: World) -> None:
    await mailroom.send(world, to="Bob@example.test, bob@EXAMPLE.test", bcc="bob@example.test")
    (email,) = (await world.invoke(LIST_PENDING))["pending"]
    assert email["envelope_recipients"] == ["Bob@example.test"]


async def test_a_message_above_25_mib_is_too_large(world: World) -> None:
    content = base64.b64encode(bytes(19 * 1024 * 1024)).decode()
    error = await refused(world, attachments=[{"name": "big.bin", "content_base64": content}])
    assert (error.code, error.kind.status) == ("too_large", 413)


async def test_a_large_attachment_is_kept_in_the_folder_and_comes_back(world: World) -> None:
    content = bytes(range(256)) * 1024
    given = {"name": "big.bin", "content_base64": base64.b64encode(content).decode()}
    email_id = (await mailroom.send(world, attachments=[given]))["id"]
    (kept,) = (await world.invoke(READ_EMAIL, email_id=email_id))["attachments"]
    assert kept["size"] == len(content)
    blobs = await mailroom.execute(world, "SELECT size FROM blobs WHERE content IS NULL")
    assert {row["size"] >= len(content) for row in blobs} == {True} and len(blobs) == 2


async def test_every_field_at_fault_is_named_at_once(world: World) -> None:
    with pytest.raises(Refused) as caught:
        await world.invoke(SEND_EMAIL, subject="s" * 999, gate_timing="never")
    fields: Any = caught.value.details["fields"]
    assert {field["path"] for field in fields} == {
        "mailbox_id", "to", "subject", "gate_timing",
    }  # fmt: skip


async def test_a_time_at_the_end_of_the_calendar_leaves_the_desk_readable(world: World) -> None:
    await mailroom.send(world, send_at="9999-12-31T23:59:59-23:59")
    (waiting,) = (await world.invoke(LIST_PENDING, "oversight"))["pending"]
    assert waiting["send_at"] == "9999-12-31T23:59:59.999Z"


@pytest.mark.parametrize("to", ["x@y.example, " * 6000, ["x@y.example"] * 1001, ["(" * 70_000], "(" * 70_000])
async def test_an_endless_address_list_is_refused_unread(world: World, to: Any) -> None:
    with pytest.raises(Refused) as caught:
        await mailroom.send(world, to=to)
    assert caught.value.code == "invalid_fields"
    assert "at most" in caught.value.sentence


async def test_what_the_given_html_hides_is_told_to_whoever_decides(world: World) -> None:
    hides = '<p>Hi.</p><p style="color:#fff">ACCOUNT 12345</p><p style="font-size:1px">6789</p>'
    for html in (hides, "<p>Hi.</p>"):
        await mailroom.send(world, markdown="Hi.", html=html)
    await mailroom.send(world)
    odd, given, made = (await world.invoke(LIST_PENDING, "oversight"))["pending"]
    assert [any(secret in told for told in odd["hidden"]) for secret in ("12345", "6789")] == [True, True]
    assert given["hidden"] == made["hidden"] == []
    kinds = [[finding["kind"] for finding in email["findings"]] for email in (odd, given, made)]
    assert kinds == [["html_given"], ["html_given"], []]
