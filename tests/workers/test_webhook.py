"""Telling webhooks: one signed body, tried again, and nobody waits for another's endpoint."""

import asyncio
import hashlib
import hmac
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import pytest
from aiohttp import web
from standardwebhooks import webhooks as standard

from multimail.core.errors import Refused
from multimail.core.times import DAY, HOUR, MINUTE, SECOND
from multimail.net.guarded_client import GuardedClient
from multimail.operations.events import BODY_LIMIT
from multimail.operations.jobs import Lease
from multimail.operations.sending import CANCEL_MESSAGE
from multimail.operations.webhooks import (
    CREATE_WEBHOOK,
    DELETE_WEBHOOK,
    LIST_WEBHOOK_DELIVERIES,
    REPLAY_WEBHOOK,
    TEST_WEBHOOK,
)
from multimail.workers import webhook
from multimail.workers.runner import Job
from tests.support import mailroom
from tests.support.world import World


@dataclass
class Endpoint:
    """A webhook's server. `answers` is a list of statuses, the last for ever; `hold` waits before answering."""

    url: str = ""
    answers: list[int] = field(default_factory=lambda: [200])
    calls: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    hold: Callable[[], Awaitable[object]] | None = None
    secret: str = ""

    async def serve(self, request: web.Request) -> web.Response:
        headers = {name.lower(): value for name, value in request.headers.items()}
        self.calls.append((headers, await request.read()))
        if self.hold is not None:
            await self.hold()
        return web.Response(status=self.answers.pop(0) if len(self.answers) > 1 else self.answers[0])

    @property
    def bodies(self) -> list[dict[str, Any]]:
        return [json.loads(body) for _, body in self.calls]


@pytest.fixture
async def endpoint() -> AsyncIterator[Endpoint]:
    one = Endpoint()
    app = web.Application(client_max_size=2**24)
    app.router.add_post("/hook", one.serve)
    runner = web.AppRunner(app, shutdown_timeout=1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    one.url = f"http://127.0.0.1:{runner.addresses[0][1]}/hook"
    yield one
    await runner.cleanup()


@pytest.fixture
async def client() -> AsyncIterator[GuardedClient]:
    async with GuardedClient(allow_loopback=True, timeout=5) as guarded:
        yield guarded


async def listen(world: World, endpoint: Endpoint, *events: str, key: str = "admin", **more: str) -> str:
    given = {"url": endpoint.url, "events": list(events or ("*",))} | more
    made = await world.invoke(CREATE_WEBHOOK, key, **given)
    endpoint.secret = made["secret"]
    return str(made["id"])


async def tell(world: World, client: GuardedClient) -> list[str]:
    return await mailroom.run_jobs(world, "webhook", webhook.handler(world.services, client))


async def deliveries(world: World, **given: Any) -> list[dict[str, Any]]:
    return list((await world.invoke(LIST_WEBHOOK_DELIVERIES, "admin", limit=100, **given))["deliveries"])


async def test_the_public_library_and_a_plain_hmac_verify_the_call(
    world: World, client: GuardedClient, endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    await listen(world, endpoint, "oversight.pending")
    sent = await mailroom.send(world, subject="Ünïcode")
    await tell(world, client)
    ((headers, body),) = endpoint.calls
    monkeypatch.setattr(standard, "datetime", _At(world.clock.now))
    assert standard.Webhook(endpoint.secret).verify(body, headers)["id"] == sent["id"]
    with pytest.raises(standard.WebhookVerificationError):
        standard.Webhook(endpoint.secret).verify(body + b" ", headers)
    mac = hmac.new(endpoint.secret.encode(), body, hashlib.sha256).hexdigest()
    assert headers["x-multimail-signature"] == mac
    assert headers["content-type"] == "application/json"
    assert headers["webhook-id"] == json.loads(body)["event_id"]
    (delivery,) = await deliveries(world)
    assert (delivery["status"], delivery["attempts"], delivery["response_status"]) == ("delivered", 1, 200)


class _At:
    """datetime for a library that looks at the wall clock, at the world's time."""

    def __init__(self, now: int) -> None:
        self._now = now

    def now(self, tz: Any = None) -> datetime:
        return datetime.fromtimestamp(self._now / SECOND, tz)

    def fromtimestamp(self, timestamp: float, tz: Any = None) -> datetime:
        return datetime.fromtimestamp(timestamp, tz)


SHAPE = {"type", "event_id", "created_at", "account_id", "mailbox_id", "id", "thread_id", "from", "from_name",
         "to", "cc", "subject", "body", "truncated", "attachments", "metadata", "data", "test"}  # fmt: skip
DATA = {
    "automatic",
    "findings",
    "email_id",
    "thread_id",
    "mailbox_id",
    "status",
    "headers",
    "auth",
    "reputation",
    "decision",
}


async def test_the_one_body_of_each_type(world: World, client: GuardedClient, endpoint: Endpoint) -> None:
    await listen(world, endpoint)
    meta = {"tool_call_id": "call_7"}
    file = {"name": "ä b.txt", "content_base64": "YQ==", "content_type": "text/plain"}
    sent = await mailroom.send(world, cc="dan@example.test", metadata=meta, attachments=[file])
    await mailroom.decide(world, sent["id"])
    await mailroom.hand_over(world)
    rejected = await mailroom.send(world)
    await mailroom.decide(world, rejected["id"], "reject", reason="No.")
    cancelled = await mailroom.send(world, "test")
    await world.invoke(CANCEL_MESSAGE, email_id=cancelled["id"])
    doomed = await mailroom.send(world)
    await mailroom.decide(world, doomed["id"])
    await mailroom.hand_over(mailroom.leaving(world), mailroom.FarSide({"bob@example.test": ["failed"]}))
    answer = await mailroom.arrive(world, In_Reply_To=f"<{sent['id']}@multimail.test>", cc="Z <z@x.test>")
    await tell(world, client)
    told = {(body["type"], body["id"]): body for body in endpoint.bodies}
    assert {kind for kind, _ in told} == {
        "oversight.pending", "oversight.approved", "oversight.rejected",
        "email.sent", "email.delivered", "email.failed", "email.cancelled", "email.received",
    }  # fmt: skip
    for (kind, email_id), body in told.items():
        assert set(body) - {"tool_call_id"} == SHAPE, kind
        assert set(body["data"]) == DATA
        assert body["data"]["email_id"] == email_id and body["mailbox_id"] == world.mailbox["mailbox_id"]
        assert body["account_id"] == world.account_id
        assert body["test"] is (email_id == cancelled["id"])
    out = told["email.sent", sent["id"]]
    assert (out["from"], out["to"], out["cc"]) == (
        world.mailbox["address"], ["bob@example.test"], ["dan@example.test"],
    )  # fmt: skip
    assert (out["body"], out["truncated"], out["data"]["status"]) == ("Five **euros**.", False, "sent")
    (part,) = out["attachments"]
    assert (part["name"], part["size"], part["content_type"]) == ("ä b.txt", 1, "text/plain")
    assert part["url"].endswith(f"/emails/{sent['id']}/attachments/%C3%A4%20b.txt")
    came = told["email.received", answer]
    assert (came["from"], came["from_name"], came["cc"]) == ("ann@example.test", "Ann", ["z@x.test"])
    assert (came["tool_call_id"], came["metadata"]) == ("call_7", {"origin": meta})
    assert came["data"]["auth"]["verdict"] == "none" and came["data"]["headers"]["Subject"] == "A question"
    assert came["data"]["headers"]["Return-Path"] == "<ann@example.test>"
    unmarked = {"verdict": "none", "spam_verdict": "clean", "spam_score": 1.0}
    assert (came["data"]["reputation"], out["data"]["reputation"]) == (unmarked, None)
    assert told["oversight.rejected", rejected["id"]]["data"]["decision"]["reason"] == "No."
    assert [body["event_id"] for body in endpoint.bodies] == sorted(
        body["event_id"] for body in endpoint.bodies
    )


async def test_a_long_body_is_cut_between_characters(
    world: World, client: GuardedClient, endpoint: Endpoint
) -> None:
    await listen(world, endpoint, "email.received")
    await mailroom.arrive(world, body="x" + "é" * BODY_LIMIT, Content_Type="text/plain; charset=utf-8")
    await tell(world, client)
    (body,) = endpoint.bodies
    assert body["truncated"] is True
    assert len(body["body"].encode()) in (BODY_LIMIT, BODY_LIMIT - 1) and body["body"].endswith("é")


async def test_it_is_told_under_the_name_subscribed_to(
    world: World, client: GuardedClient, endpoint: Endpoint
) -> None:
    box = await world.add_mailbox("sales")
    await listen(world, endpoint, "message.received", mailbox_id=box["address"])
    await mailroom.arrive(world)
    await mailroom.arrive(world, mailbox=box)
    await mailroom.send(world, mailbox_id=box["mailbox_id"])
    await tell(world, client)
    assert [(body["type"], body["mailbox_id"]) for body in endpoint.bodies] == [
        ("message.received", box["mailbox_id"])
    ]


async def test_held_mail_is_told_by_its_ids_alone(
    world: World, client: GuardedClient, endpoint: Endpoint
) -> None:
    await listen(world, endpoint)
    await mailroom.set_mode(world, "gated_all")
    email_id = await mailroom.arrive(world, subject="SECRET", body="SECRET", sender="SECRET@x.test")
    await mailroom.decide(world, email_id, "reject", reason="SECRET")
    await tell(world, client)
    assert [body["type"] for body in endpoint.bodies] == ["oversight.pending", "oversight.rejected"]
    for _, body in endpoint.calls:
        assert b"SECRET" not in body and email_id.encode() in body


async def test_failures_are_tried_again_with_the_same_id(
    world: World, client: GuardedClient, endpoint: Endpoint
) -> None:
    endpoint.answers = [500, 302, 404, 204]
    await listen(world, endpoint, "oversight.pending")
    await mailroom.send(world)
    seen = []
    for _ in range(4):
        await tell(world, client)
        assert await tell(world, client) == []  # not before its time
        (delivery,) = await deliveries(world)
        seen.append((delivery["status"], delivery["attempts"], delivery["response_status"]))
        world.clock.pass_(HOUR)
    assert seen == [("pending", 1, 500), ("pending", 2, 302), ("pending", 3, 404), ("delivered", 4, 204)]
    assert len({headers["webhook-id"] for headers, _ in endpoint.calls}) == 1
    assert len({headers["webhook-timestamp"] for headers, _ in endpoint.calls}) == 4
    assert len({body for _, body in endpoint.calls}) == 1
    (delivery,) = await deliveries(world)
    assert (delivery["last_error"], delivery["delivered_at"] is None) == (None, False)
    assert await mailroom.jobs(world, "webhook") == 0


async def test_nobody_there_and_no_answer_are_failures_too(world: World, endpoint: Endpoint) -> None:
    await listen(world, endpoint, "oversight.pending")
    listener = await asyncio.start_server(lambda reader, writer: None, "127.0.0.1", 0)
    port = listener.sockets[0].getsockname()[1]
    listener.close()
    await listener.wait_closed()
    await listen(world, Endpoint(f"http://127.0.0.1:{port}/"), "oversight.pending")
    gate = asyncio.Event()
    endpoint.hold = gate.wait
    await mailroom.send(world)
    async with GuardedClient(allow_loopback=True, timeout=0.1) as hasty:
        await tell(world, hasty)
    found = await deliveries(world)
    assert [(one["status"], one["response_status"]) for one in found] == [("pending", None)] * 2
    assert all(one["last_error"] for one in found)
    assert await mailroom.jobs(world, "webhook") == 2
    gate.set()


async def test_an_address_that_became_private_is_not_called(world: World, endpoint: Endpoint) -> None:
    await listen(world, endpoint, "oversight.pending")
    await mailroom.send(world)
    async with GuardedClient(allow_loopback=False) as strict:
        await tell(world, strict)
    assert endpoint.calls == []
    (delivery,) = await deliveries(world)
    assert (delivery["status"], delivery["response_status"]) == ("pending", None)


async def test_after_three_days_it_has_failed(
    world: World, client: GuardedClient, endpoint: Endpoint
) -> None:
    endpoint.answers = [503]
    await listen(world, endpoint, "oversight.pending")
    await mailroom.send(world)
    started = last = world.clock.now
    for _ in range(200):
        if await tell(world, client):
            last = world.clock.now
        if await mailroom.jobs(world, "webhook") == 0:
            break
        world.clock.pass_(MINUTE if world.clock.now - started < HOUR else 90 * MINUTE)
    assert 3 * DAY <= last - started <= 4 * DAY
    (delivery,) = await deliveries(world, status="failed")
    assert delivery["attempts"] == len(endpoint.calls) > 10


@pytest.mark.parametrize("answers", [[410], [200]])
async def test_a_call_is_made_again_under_the_same_id(
    world: World, client: GuardedClient, endpoint: Endpoint, answers: list[int]
) -> None:
    endpoint.answers = answers
    await listen(world, endpoint, "oversight.pending")
    await mailroom.send(world)
    await tell(world, client)
    (delivery,) = await deliveries(world)
    if delivery["status"] == "pending":
        with pytest.raises(Refused) as caught:
            await world.invoke(REPLAY_WEBHOOK, "admin", delivery_id=delivery["id"])
        assert (caught.value.code, caught.value.details["status"]) == ("conflict", "pending")
        await mailroom.execute(world, "UPDATE deliveries SET status = 'failed'")
        await mailroom.execute(world, "DELETE FROM jobs WHERE kind = 'webhook'")
    endpoint.answers = [200]
    answer = await world.invoke(REPLAY_WEBHOOK, "admin", delivery_id=delivery["id"])
    assert (answer["id"], answer["status"], answer["attempts"]) == (delivery["id"], "pending", 0)
    assert await tell(world, client) == [delivery["id"]]
    (now,) = await deliveries(world)
    assert (now["status"], now["attempts"], now["last_error"]) == ("delivered", 1, None)
    first, second = (headers["webhook-id"] for headers, _ in endpoint.calls)
    assert first == second == delivery["event_id"]


async def test_a_deleted_webhooks_calls_are_not_made_again(world: World, endpoint: Endpoint) -> None:
    webhook_id = await listen(world, endpoint, "oversight.pending")
    await mailroom.send(world)
    (delivery,) = await deliveries(world)
    await mailroom.execute(world, "UPDATE deliveries SET status = 'failed'")
    await world.invoke(DELETE_WEBHOOK, "admin", webhook_id=webhook_id)
    with pytest.raises(Refused) as caught:
        await world.invoke(REPLAY_WEBHOOK, "admin", delivery_id=delivery["id"])
    assert caught.value.code == "not_found"


async def test_a_webhook_is_tried_out_whatever_it_subscribed_to(
    world: World, client: GuardedClient, endpoint: Endpoint
) -> None:
    await listen(world, endpoint, "*")
    webhook_id = await listen(world, endpoint, "email.sent")
    answer = await world.invoke(TEST_WEBHOOK, "admin", webhook_id=webhook_id)
    assert (answer["event_type"], answer["status"]) == ("webhook.test", "pending")
    assert await tell(world, client) == [answer["id"]]
    (body,) = endpoint.bodies
    assert (body["type"], body["test"], body["data"]["webhook_id"]) == ("webhook.test", True, webhook_id)
    assert (await deliveries(world))[0]["status"] == "delivered"


async def test_a_deleted_webhook_is_told_nothing_more(
    world: World, client: GuardedClient, endpoint: Endpoint
) -> None:
    webhook_id = await listen(world, endpoint)
    await mailroom.send(world)
    await world.invoke(DELETE_WEBHOOK, "admin", webhook_id=webhook_id)
    await mailroom.send(world)
    assert len(await tell(world, client)) == 1
    assert endpoint.calls == [] and await mailroom.jobs(world, "webhook") == 0


async def test_a_slow_endpoint_takes_no_more_than_its_places(
    world: World, client: GuardedClient, endpoint: Endpoint
) -> None:
    """Its calls hang; those beyond its places go back to the queue at once, and another's are made meanwhile."""
    release = asyncio.Event()
    slow_id = await listen(world, endpoint, "oversight.pending")
    for _ in range(webhook.PER_ENDPOINT + 3):
        await mailroom.send(world)
    rows = await world.run(
        lambda ctx: ctx.sql.claim_jobs(
            kind="webhook", now=ctx.now, lease_until=ctx.now + HOUR, lease_owner="w", limit=100
        )
    )
    handle = webhook.handler(world.services, client)
    endpoint.hold = release.wait
    calls = [
        asyncio.ensure_future(handle(Job(Lease(world.account_id, "webhook", row["subject_id"], "w"), 0)))
        for row in rows
    ]
    while sum(call.done() for call in calls) < 3 or len(endpoint.calls) < webhook.PER_ENDPOINT:
        await asyncio.sleep(0.005)
    assert len(endpoint.calls) == webhook.PER_ENDPOINT
    pending = await mailroom.execute(world, "SELECT * FROM jobs WHERE kind = 'webhook' AND lease_owner = ''")
    assert [(row["attempts"], row["run_at"] > world.clock.now - HOUR) for row in pending] == [(0, True)] * 3
    release.set()
    await asyncio.gather(*calls)
    world.clock.pass_(MINUTE)
    assert len(await tell(world, client)) == 3
    assert {one["status"] for one in await deliveries(world, webhook_id=slow_id)} == {"delivered"}


async def test_a_lost_lease_records_nothing(world: World, client: GuardedClient, endpoint: Endpoint) -> None:
    endpoint.answers = [500]
    await listen(world, endpoint, "oversight.pending")
    await mailroom.send(world)
    (row,) = await mailroom.execute(world, "SELECT * FROM jobs WHERE kind = 'webhook'")
    lost = Job(Lease(world.account_id, "webhook", row["subject_id"], "lost"), 0)
    await webhook.handler(world.services, client)(lost)
    (delivery,) = await deliveries(world)
    assert (delivery["status"], delivery["attempts"]) == ("pending", 0)
    assert len(endpoint.calls) == 1
