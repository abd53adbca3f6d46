"""Webhooks: who is told of which events, and what became of each telling."""

import json
from collections.abc import Mapping
from typing import Any, Final, Literal, NotRequired

from pydantic import Field, field_validator
from typing_extensions import TypedDict

from multimail.core.errors import Refused, not_found
from multimail.core.event_types import EventType, subscribable
from multimail.core.jsontext import to_json
from multimail.core.scopes import Scope
from multimail.core.times import optional_rfc3339, to_rfc3339
from multimail.core.webhook_signature import new_secret
from multimail.operations.context import Context, Services
from multimail.operations.events import emit_to, render
from multimail.operations.operation import Input, Operation, Route
from multimail.operations.vault import WEBHOOK_SECRET
from multimail.operations.views import Deleted, decode_cursor, page
from multimail.storage.database import Row

LAST: Final = "~"


class CreateWebhook(Input):
    url: str = Field(
        max_length=2048, description="http or https; private and link-local addresses are refused."
    )
    events: list[str] = Field(
        default=["*"], min_length=1, max_length=50, description="Event types, or * for all."
    )
    mailbox_id: str | None = Field(None, description="Only events of this mailbox: its id or address.")

    @field_validator("events")
    @classmethod
    def _known(cls, events: list[str]) -> list[str]:
        for name in events:
            if not subscribable(name):
                raise ValueError(f"{name!r} is no event type: one of *, " + ", ".join(EventType))
        return events


class WebhookAnswer(TypedDict):
    """`secret` is in the answer that creates the webhook and nowhere else."""

    id: str
    webhook_id: str
    url: str
    events: list[str]
    mailbox_id: str | None
    created_at: str
    secret: NotRequired[str]


class WebhookPage(TypedDict):
    webhooks: list[WebhookAnswer]
    cursor: str | None


def webhook_view(row: Mapping[str, Any] | Row) -> dict[str, Any]:
    return {
        "id": row["webhook_id"],
        "webhook_id": row["webhook_id"],
        "url": row["url"],
        "events": json.loads(row["events_json"]),
        "mailbox_id": row["mailbox_id"],
        "created_at": to_rfc3339(row["created_at"]),
    }


async def check_webhook_url(services: Services, given: CreateWebhook, found: None) -> None:
    await services.check_url(given.url)


def create_webhook(ctx: Context, given: CreateWebhook, checked: None) -> Mapping[str, Any]:
    """Subscribes a URL to events. The answer has the signing secret, this once.

    Calls are signed per Standard Webhooks, made at least once, and retried for three days.
    """
    mailbox_id = ctx.mailbox(given.mailbox_id)["mailbox_id"] if given.mailbox_id else None
    secret = new_secret(ctx.services.random(24))
    row = {
        "account_id": ctx.account_id,
        "webhook_id": ctx.new_id("whk"),
        "url": given.url,
        "events_json": to_json(given.events),
        "mailbox_id": mailbox_id,
        "key_id": ctx.actor.id,
        "limited": ctx.actor.mailbox_ids is not None,
        "created_at": ctx.now,
    }
    ctx.sql.add_webhook(**row, secret=ctx.services.vault.seal(WEBHOOK_SECRET, row, secret))
    ctx.about("webhook", str(row["webhook_id"]), mailbox_id, url=given.url, events=given.events)
    return webhook_view(row) | {"secret": secret}


class ListWebhooks(Input):
    limit: int = Field(20, ge=1, le=100)
    cursor: str | None = None


def list_webhooks(ctx: Context, given: ListWebhooks) -> Mapping[str, Any]:
    """Lists the webhooks, newest first, without their secrets."""
    rows = ctx.sql.list_webhooks(
        account_id=ctx.account_id,
        before=decode_cursor(given.cursor, LAST),
        limit=given.limit + 1,
        **ctx.actor.filter,
    )
    shown, cursor = page(rows, given.limit, lambda row: str(row["webhook_id"]))
    return {"webhooks": [webhook_view(row) for row in shown], "cursor": cursor}


class WebhookName(Input):
    webhook_id: str


def _find(ctx: Context, webhook_id: str, noun: str = "webhook") -> Row:
    row = ctx.sql.get_webhook(account_id=ctx.account_id, webhook_id=webhook_id)
    own = row is not None and row["key_id"] == ctx.actor.id
    if row is None or not (own or ctx.actor.reaches(row["mailbox_id"])):
        raise not_found(noun)
    return row


def get_webhook(ctx: Context, given: WebhookName) -> Mapping[str, Any]:
    """Shows one webhook, without its secret."""
    return webhook_view(_find(ctx, given.webhook_id))


def delete_webhook(ctx: Context, given: WebhookName) -> Mapping[str, Any]:
    """Ends a subscription. Calls that still wait are dropped."""
    row = _find(ctx, given.webhook_id)
    if not ctx.sql.delete_webhook(account_id=ctx.account_id, webhook_id=row["webhook_id"], now=ctx.now):
        raise not_found("webhook")
    ctx.about("webhook", row["webhook_id"], row["mailbox_id"], url=row["url"])
    return {"id": row["webhook_id"], "deleted": True}


class ListDeliveries(Input):
    webhook_id: str | None = None
    status: Literal["pending", "delivered", "failed"] | None = None
    limit: int = Field(20, ge=1, le=100)
    cursor: str | None = None


class DeliveryAnswer(TypedDict):
    """`attempts` calls were made so far; `response_status` is the HTTP status of the last."""

    id: str
    webhook_id: str
    event_id: str
    event_type: str
    email_id: str | None
    url: str
    status: str
    attempts: int
    response_status: int | None
    last_error: str | None
    created_at: str
    delivered_at: str | None


class DeliveryPage(TypedDict):
    deliveries: list[DeliveryAnswer]
    cursor: str | None


def list_webhook_deliveries(ctx: Context, given: ListDeliveries) -> Mapping[str, Any]:
    """Lists the calls to webhooks, newest first: what was told, how often it was tried, what came back."""
    if given.webhook_id is not None:
        _find(ctx, given.webhook_id)
    rows = ctx.sql.list_deliveries(
        account_id=ctx.account_id,
        before=decode_cursor(given.cursor, LAST),
        any_webhook=given.webhook_id is None,
        webhook_id=given.webhook_id or "",
        any_status=given.status is None,
        status=given.status or "",
        see_withheld=ctx.actor.sees_held,
        limit=given.limit + 1,
        **ctx.actor.filter,
    )
    shown, cursor = page(rows, given.limit, lambda row: str(row["delivery_id"]))
    return {"deliveries": [_delivery_view(row) for row in shown], "cursor": cursor}


def _delivery_view(row: Row) -> dict[str, Any]:
    same = (
        "webhook_id",
        "event_id",
        "event_type",
        "email_id",
        "url",
        "status",
        "attempts",
        "response_status",
        "last_error",
    )
    return {
        "id": row["delivery_id"],
        **{name: row[name] for name in same},
        "created_at": to_rfc3339(row["created_at"]),
        "delivered_at": optional_rfc3339(row["delivered_at"]),
    }


class DeliveryName(Input):
    delivery_id: str


def _find_delivery(ctx: Context, delivery_id: str) -> Row:
    row = ctx.sql.get_delivery_told(account_id=ctx.account_id, delivery_id=delivery_id)
    if row is None or (row["withheld"] and not ctx.actor.sees_held):
        raise not_found("delivery")
    _find(ctx, row["webhook_id"], noun="delivery")
    return row


class ToldDelivery(DeliveryAnswer):
    """`payload` is the body of the call: the event as it stands now."""

    payload: dict[str, Any]


def get_webhook_delivery(ctx: Context, given: DeliveryName) -> Mapping[str, Any]:
    """Shows one call to a webhook with its payload. What strangers wrote in it is untrusted."""
    row = _find_delivery(ctx, given.delivery_id)
    event = ctx.sql.get_event(account_id=ctx.account_id, event_id=row["event_id"])
    ctx.about("webhook", row["webhook_id"], row["mailbox_id"], delivery_id=given.delivery_id)
    payload = render(ctx.tx, event, ctx.services.site.public_url, row["heard_as"])
    return _delivery_view(row) | {"payload": payload}


def replay_webhook(ctx: Context, given: DeliveryName) -> Mapping[str, Any]:
    """Makes a call again that has failed or was delivered, with the same `webhook-id`, at once and with retries.

    One that still waits for its turn is 409: it comes by itself.
    """
    row = _find_delivery(ctx, given.delivery_id)
    name = {"account_id": ctx.account_id, "delivery_id": given.delivery_id}
    if not ctx.sql.replay_delivery(**name):
        raise Refused("conflict", "This call still waits for its turn.", status="pending")
    ctx.sql.add_job(account_id=ctx.account_id, kind="webhook", subject_id=given.delivery_id, run_at=ctx.now)
    ctx.tx.notify("jobs", "webhook")
    ctx.about("webhook", row["webhook_id"], row["mailbox_id"], delivery_id=given.delivery_id)
    return _delivery_view(_find_delivery(ctx, given.delivery_id))


def test_webhook(ctx: Context, given: WebhookName) -> Mapping[str, Any]:
    """Sends a signed `webhook.test` event to one webhook, whatever it subscribed to, to try it out.

    The answer is the call that waits to be made; list_webhook_deliveries tells what came back.
    """
    row = _find(ctx, given.webhook_id)
    delivery_id = emit_to(ctx, row, EventType.WEBHOOK_TEST, webhook_id=row["webhook_id"])
    ctx.about("webhook", row["webhook_id"], row["mailbox_id"], delivery_id=delivery_id)
    return _delivery_view(_find_delivery(ctx, delivery_id))


def refuse_url(sentence: str) -> Refused:
    return Refused("url_refused", sentence, fields=[{"path": "url", "message": sentence}])


NAME_ALIASES: Final = {"id": "webhook_id"}

CREATE_WEBHOOK = Operation(
    name="create_webhook",
    run=create_webhook,
    prepare=check_webhook_url,
    input=CreateWebhook,
    output=WebhookAnswer,
    scopes=(Scope.ADMIN,),
    effect="write",
    method="POST",
    path="/v1/webhooks",
    status=201,
    also=(Route("POST", "/webhooks"), Route("POST", "/v1/mailboxes/{mailbox_id}/webhooks")),
    aliases={"mailbox": "mailbox_id"},
    errors=("not_found", "url_refused"),
)
LIST_WEBHOOKS = Operation(
    name="list_webhooks",
    run=list_webhooks,
    input=ListWebhooks,
    output=WebhookPage,
    scopes=(Scope.ADMIN,),
    effect="read",
    audited=False,
    method="GET",
    path="/v1/webhooks",
)
GET_WEBHOOK = Operation(
    name="get_webhook",
    run=get_webhook,
    input=WebhookName,
    output=WebhookAnswer,
    scopes=(Scope.ADMIN,),
    effect="read",
    audited=False,
    method="GET",
    path="/v1/webhooks/{webhook_id}",
    aliases=NAME_ALIASES,
    errors=("not_found",),
)
DELETE_WEBHOOK = Operation(
    name="delete_webhook",
    run=delete_webhook,
    input=WebhookName,
    output=Deleted,
    scopes=(Scope.ADMIN,),
    effect="destructive",
    method="DELETE",
    path="/v1/webhooks/{webhook_id}",
    aliases=NAME_ALIASES,
    errors=("not_found",),
)
LIST_WEBHOOK_DELIVERIES = Operation(
    name="list_webhook_deliveries",
    run=list_webhook_deliveries,
    input=ListDeliveries,
    output=DeliveryPage,
    scopes=(Scope.ADMIN,),
    effect="read",
    audited=False,
    method="GET",
    path="/v1/webhook-deliveries",
    errors=("not_found",),
)
GET_WEBHOOK_DELIVERY = Operation(
    name="get_webhook_delivery",
    run=get_webhook_delivery,
    input=DeliveryName,
    output=ToldDelivery,
    scopes=(Scope.ADMIN,),
    effect="read",
    method="GET",
    path="/v1/webhook-deliveries/{delivery_id}",
    aliases={"id": "delivery_id"},
    errors=("not_found",),
)
REPLAY_WEBHOOK = Operation(
    name="replay_webhook",
    run=replay_webhook,
    input=DeliveryName,
    output=DeliveryAnswer,
    scopes=(Scope.ADMIN,),
    effect="write",
    method="POST",
    path="/v1/webhook-deliveries/{delivery_id}/replay",
    aliases={"id": "delivery_id"},
    errors=("not_found", "conflict"),
)
TEST_WEBHOOK = Operation(
    name="test_webhook",
    run=test_webhook,
    input=WebhookName,
    output=DeliveryAnswer,
    scopes=(Scope.ADMIN,),
    effect="write",
    method="POST",
    path="/v1/webhooks/{webhook_id}/test",
    aliases=NAME_ALIASES,
    errors=("not_found",),
)
