"""The SDK against the product itself, in this process: every method, both clients, and what goes wrong."""

import asyncio
import inspect
import json
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
import pytest_asyncio

from multimail.client import (
    AsyncMultiMail,
    Conflict,
    ConnectionFailed,
    InvalidFields,
    MultiMail,
    NotFound,
    RateLimited,
    ServerFailed,
    Unauthenticated,
    attachment,
    read_webhook,
)
from multimail.client.calls import call_of
from multimail.core.scopes import KEY_SCOPES
from multimail.core.webhook_signature import new_secret, sign
from multimail.operations.registry import OPERATIONS
from tests.support import mailroom
from tests.support.world import World

URL = "http://127.0.0.1:8025"


@pytest_asyncio.fixture
async def mail(world: World) -> AsyncIterator[AsyncMultiMail]:
    http = httpx2.AsyncClient(transport=httpx2.ASGITransport(app=world.app))
    async with AsyncMultiMail(world.keys["agent"], URL, http=http) as client:
        yield client


@pytest.mark.parametrize("client", [MultiMail, AsyncMultiMail])
def test_every_operation_of_a_key_is_a_method_with_its_inputs(client: type[Any]) -> None:
    for operation in OPERATIONS:
        if set(KEY_SCOPES).isdisjoint(operation.scopes):
            continue
        method = getattr(client, operation.name)
        assert operation.name in client.NAMES
        assert inspect.iscoroutinefunction(method) == (client is AsyncMultiMail)
        assert set(inspect.signature(method).parameters) - {"self"} == set(operation.input.model_fields)
        assert inspect.getdoc(method).split() == operation.summary.split()


async def test_the_story(world: World, mail: AsyncMultiMail, tmp_path: Path) -> None:
    (tmp_path / "plan.json").write_text('{"a": 1}')
    sent = await mail.send_email(
        to="ann@example.test",
        subject="Hi",
        markdown="Hello",
        attachments=[attachment(tmp_path / "plan.json")],
    )
    assert sent["status"] == "pending_approval"
    assert (await mail.read_email(email_id=sent["id"]))["markdown"] == "Hello"
    file = await mail.download_attachment(email_id=sent["id"], filename="plan.json")
    assert file == b'{"a": 1}'  # the bytes, although they are JSON
    await mailroom.decide(world, sent["id"])
    assert (await mail.get_decision(email_id=sent["id"]))["decision"] == "approved"


async def test_every_page_of_a_list(world: World, mail: AsyncMultiMail) -> None:
    made = [(await mailroom.send(world))["id"] for _ in range(5)]
    found = [email["id"] async for email in mail.each(mail.check_inbox, direction="outbound", limit=2)]
    assert found == made[::-1]


async def test_a_reply_is_waited_for_even_if_it_is_there_already(world: World, mail: AsyncMultiMail) -> None:
    sent = await mailroom.send(world)
    row = await mailroom.row(world, sent["id"])
    answer: dict[str, Any] = {"subject": "Re: Hi", "body": "Yes.", "In_Reply_To": f"<{row['message_id']}>"}
    world.clock.pass_(1_000_000)
    await mailroom.arrive(world, **answer)
    reply = await mail.wait_for_reply(sent["thread_id"], seconds=30)
    assert reply is not None and reply["markdown"].strip() == "Yes."
    waiting = asyncio.create_task(mail.wait_for_reply(sent["thread_id"], seconds=30, since_id=reply["id"]))
    world.clock.pass_(1_000_000)
    await mailroom.arrive(world, message_id="<q2@example.test>", **answer | {"body": "And no."})
    second = await waiting
    assert second is not None and second["markdown"].strip() == "And no."
    assert await mail.wait_for_reply(sent["thread_id"], seconds=0, since_id=second["id"]) is None


async def test_a_no_is_an_exception_of_its_kind(world: World, mail: AsyncMultiMail) -> None:
    with pytest.raises(NotFound) as absent:
        await mail.read_email(email_id=mailroom.absent("eml"))
    assert (absent.value.code, absent.value.status) == ("not_found", 404)
    assert absent.value.request_id.startswith("req_")
    with pytest.raises(InvalidFields) as wrong:
        await mail.send_email(to="nobody")
    assert wrong.value.details["fields"][0]["path"] == "to"
    sent = await mailroom.send(world)
    await mail.cancel_message(email_id=sent["id"])
    with pytest.raises(Conflict) as late:
        await mail.cancel_message(email_id=sent["id"])
    assert late.value.details["status"] == "cancelled"
    await world.add_mailbox("billing")
    http = httpx2.AsyncClient(transport=httpx2.ASGITransport(app=world.app))
    async with AsyncMultiMail("mm_live_wrong", URL, http=http) as stranger:
        with pytest.raises(Unauthenticated):
            await stranger.get_account()
    http = httpx2.AsyncClient(transport=httpx2.ASGITransport(app=world.app))
    async with AsyncMultiMail(world.keys["agent"], URL, http=http) as lost:
        with pytest.raises(ValueError, match="say which"):
            await lost.check_inbox()


async def test_a_models_call_never_raises(mail: AsyncMultiMail) -> None:
    sent = json.loads(await mail.dispatch("send_email", '{"to": "bob@example.test", "cc": null}'))
    assert sent["status"] == "pending_approval"
    for name, arguments, code in (
        ("send_email", '{"to": ""}', "invalid_fields"),
        ("send_email", "{not json", "not_called"),
        ("send_email", "[1]", "not_called"),
        ("send_email", '{"colour": 1}', "not_called"),
        ("close", "{}", "not_called"),
        ("_call", "{}", "not_called"),
    ):
        assert json.loads(await mail.dispatch(name, arguments))["code"] == code


class Script:
    """A server that says what it is told to, one answer after the other; an exception breaks the connection."""

    def __init__(
        self, monkeypatch: pytest.MonkeyPatch, *answers: tuple[int, dict[str, Any]] | Exception
    ) -> None:
        self.answers, self.requests, self.pauses = list(answers), list[httpx2.Request](), list[float]()
        monkeypatch.setattr("time.sleep", self.pauses.append)
        http = httpx2.Client(transport=httpx2.MockTransport(self.answer))
        self.mail = MultiMail("mm_live_x", URL, "mbx_1", http=http)

    def answer(self, request: httpx2.Request) -> httpx2.Response:
        self.requests.append(request)
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return httpx2.Response(answer[0], json=answer[1])


GONE = httpx2.ConnectError("gone")
BUSY = (503, {"code": "unavailable", "error": "Busy."})


def test_what_may_be_made_twice_is_made_again(monkeypatch: pytest.MonkeyPatch) -> None:
    script = Script(monkeypatch, GONE, BUSY, (202, {"id": "eml_1"}))
    assert script.mail.send_email(to="bob@example.test")["id"] == "eml_1"
    keys = {json.loads(request.content)["idempotency_key"] for request in script.requests}
    assert len(script.requests) == 3 and len(keys) == 1
    assert script.pauses == [0.25, 0.5]


def test_what_might_happen_twice_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    script = Script(monkeypatch, GONE)
    with pytest.raises(ConnectionFailed, match="gone"):
        script.mail.decide_email(email_id="eml_1", action="approve")
    assert len(script.requests) == 1


def test_it_gives_up_in_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    script = Script(monkeypatch, *[BUSY] * 9)
    with pytest.raises(ServerFailed):
        script.mail.get_account()
    assert len(script.requests) == 4


def test_a_limit_is_waited_for_unless_it_is_far_away(monkeypatch: pytest.MonkeyPatch) -> None:
    def limited(seconds: int) -> tuple[int, dict[str, Any]]:
        return 429, {"code": "rate_limited", "error": "Wait.", "retry_after": seconds}

    script = Script(monkeypatch, limited(3), (200, {"decision": "approved"}), limited(3600))
    assert script.mail.decide_email(email_id="eml_1", action="approve")["decision"] == "approved"
    assert script.pauses == [3.0]
    with pytest.raises(RateLimited):
        script.mail.decide_email(email_id="eml_1", action="approve")


def test_an_input_never_leaves_its_place_in_the_path() -> None:
    call = call_of("GET", "/v1/contacts/{contact_id}", {"contact_id": "../account?x=1", "limit": None})
    assert (call.path, call.query) == ("/v1/contacts/..%2Faccount%3Fx%3D1", {})
    assert call_of("GET", "/v1/contacts/{contact_id}", {"contact_id": "%2e."}).path == "/v1/contacts/%252e."
    for name in ("", ".", ".."):  # delete_draft of "..", once resolved, would be delete_mailbox
        with pytest.raises(NotFound):
            call_of("DELETE", "/v1/mailboxes/m/drafts/{draft_id}", {"draft_id": name})


def test_a_webhook_call_is_believed_only_if_it_is_signed() -> None:
    secret, body = new_secret(b"x" * 24), b'{"type": "email.sent"}'
    headers = sign(secret, "msg_1", 1_790_000_000, body)
    assert read_webhook(body, headers, secret, now=1_790_000_000)["type"] == "email.sent"
    for changed, now in ((body + b" ", 1_790_000_000), (body, 1_790_000_900)):
        with pytest.raises(ValueError, match="not signed"):
            read_webhook(changed, headers, secret, now=now)


def test_it_brings_in_nothing_of_the_server() -> None:
    code = "import sys, multimail.client; print([m for m in sys.modules if m.startswith('multimail.')])"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    rooms = {name.split(".")[1] for name in eval(done.stdout)}
    assert rooms == {"client", "core"}
