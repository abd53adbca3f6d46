"""Events: something that happened, recorded once, heard by webhooks and streams (contract §9)."""

import json
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import quote

from pydantic import Field
from typing_extensions import TypedDict

from multimail.core.errors import Refused
from multimail.core.event_types import EventType, heard_as
from multimail.core.jsontext import to_json
from multimail.core.oversight import PUBLIC_STATUS, State
from multimail.core.scopes import Scope
from multimail.core.times import to_rfc3339
from multimail.operations.context import Context
from multimail.operations.operation import Input, Operation
from multimail.storage.database import Row, Tx

BODY_LIMIT: Final = 256 * 1024


def emit_about(ctx: Context, event_type: EventType, email: Row, state: State, **data: Any) -> None:
    """Records an event about an email and a delivery for each webhook that listens, in this transaction."""
    withheld = email["direction"] == "inbound" and event_type.startswith("oversight.")
    if withheld:
        data = {}  # ids only: an operator's words could tell what the mail says
    event_id = ctx.new_id("evt")
    ctx.sql.add_event(
        account_id=ctx.account_id,
        event_id=event_id,
        type=event_type,
        created_at=ctx.now,
        mailbox_id=email["mailbox_id"],
        email_id=email["email_id"],
        thread_id=email["thread_id"],
        data_json=to_json({"status": PUBLIC_STATUS[state]} | data),
        withheld=withheld,
        test=email["test"],
    )
    if event_type is EventType.EMAIL_RECEIVED:
        ctx.tx.notify(arrivals(email["mailbox_id"]), email["email_id"])
    _tell_webhooks(ctx, event_id, event_type, email["mailbox_id"])


def arrivals(mailbox_id: str) -> str:
    """The channel on which the ids of a mailbox's new emails are told."""
    return f"arrivals/{mailbox_id}"


def emit(ctx: Context, event_type: EventType, **data: Any) -> None:
    """Records an event about the account itself."""
    _tell_webhooks(ctx, _record(ctx, event_type, None, data, test=False), event_type, None)


def emit_of_mailbox(ctx: Context, event_type: EventType, mailbox: Row, **data: Any) -> None:
    """Records an event about a mailbox itself."""
    mailbox_id = mailbox["mailbox_id"]
    event_id = _record(ctx, event_type, mailbox_id, data, test=bool(mailbox["test"]))
    _tell_webhooks(ctx, event_id, event_type, mailbox_id)


def emit_to(ctx: Context, webhook: Row, event_type: EventType, **data: Any) -> str:
    """Records a test event for this webhook alone, whatever it subscribed to; the id of its delivery."""
    event_id = _record(ctx, event_type, webhook["mailbox_id"], data, test=True)
    ctx.tx.notify("events", ctx.account_id)
    return add_delivery(ctx, webhook["webhook_id"], event_id, webhook["mailbox_id"], event_type)


def _record(
    ctx: Context, event_type: EventType, mailbox_id: str | None, data: Mapping[str, Any], *, test: bool
) -> str:
    event_id = ctx.new_id("evt")
    ctx.sql.add_event(
        account_id=ctx.account_id,
        event_id=event_id,
        type=event_type,
        created_at=ctx.now,
        mailbox_id=mailbox_id,
        email_id=None,
        thread_id=None,
        data_json=to_json(data),
        withheld=False,
        test=test,
    )
    return event_id


def _tell_webhooks(ctx: Context, event_id: str, event_type: str, mailbox_id: str | None) -> None:
    for webhook in ctx.sql.list_webhooks_for(account_id=ctx.account_id, mailbox_id=mailbox_id):
        name = heard_as(event_type, json.loads(webhook["events_json"]))
        if name is not None:
            add_delivery(ctx, webhook["webhook_id"], event_id, mailbox_id, name)
    ctx.tx.notify("events", ctx.account_id)


def add_delivery(ctx: Context, webhook_id: str, event_id: str, mailbox_id: str | None, name: str) -> str:
    delivery_id = ctx.new_id("dlv")
    ctx.sql.add_delivery(
        account_id=ctx.account_id,
        delivery_id=delivery_id,
        webhook_id=webhook_id,
        event_id=event_id,
        mailbox_id=mailbox_id,
        heard_as=name,
        created_at=ctx.now,
    )
    ctx.sql.add_job(account_id=ctx.account_id, kind="webhook", subject_id=delivery_id, run_at=ctx.now)
    ctx.tx.notify("jobs", "webhook")
    return delivery_id


def render(tx: Tx, event: Row, public_url: str, name: str | None = None) -> dict[str, Any]:
    """The one body of contract §9. What is about held inbound mail carries ids only."""
    data = json.loads(event["data_json"])
    about = {
        "email_id": event["email_id"],
        "thread_id": event["thread_id"],
        "mailbox_id": event["mailbox_id"],
    }
    body: dict[str, Any] = {
        "type": name or event["type"],
        "event_id": event["event_id"],
        "created_at": to_rfc3339(event["created_at"]),
        "account_id": event["account_id"],
        "mailbox_id": event["mailbox_id"],
        "id": event["email_id"],
        "thread_id": event["thread_id"],
        "data": about | {"headers": {}, "auth": None, "reputation": None, "decision": None} | data,
        "test": bool(event["test"]),
    }
    email = event["email_id"] and tx.sql.get_email(account_id=event["account_id"], email_id=event["email_id"])
    if email and not event["withheld"]:
        _fill(tx, body, email, public_url)
    return body


def _fill(tx: Tx, body: dict[str, Any], email: Row, public_url: str) -> None:
    key = {"account_id": email["account_id"], "email_id": email["email_id"]}
    contents = tx.sql.get_contents(**key)
    metadata = json.loads(email["metadata_json"])
    text = contents["markdown"] if contents else ""
    base = f"{public_url}/v1/mailboxes/{email['mailbox_id']}/emails/{email['email_id']}/attachments/"
    body |= {
        "from": email["from_address"],
        "from_name": email["from_name"],
        "to": json.loads(email["to_json"]),
        "cc": json.loads(email["cc_json"]),
        "subject": email["subject"],
        "body": cut(text),
        "truncated": len(text.encode()) > BODY_LIMIT,
        "attachments": [
            {
                "name": part["name"],
                "size": part["size"],
                "content_type": part["content_type"],
                "url": base + quote(part["name"], safe=""),
            }
            for part in tx.sql.list_attachments(**key)
        ],
        "metadata": metadata,
    }
    body["data"]["headers"] = _headers(contents)
    body["data"]["auth"] = json.loads(email["auth_json"]) if email["auth_json"] else None
    body["data"]["automatic"] = email["automatic"]
    body["data"]["findings"] = json.loads(email["findings_json"])
    body["data"]["reputation"] = _reputation(email) if email["direction"] == "inbound" else None
    # The origin is ours on what came in; on what was sent it is any word of the agent's.
    origin = metadata.get("origin", {}) if email["direction"] == "inbound" else {}
    tool_call_id = metadata.get("tool_call_id") or origin.get("tool_call_id")
    if tool_call_id:
        body["tool_call_id"] = tool_call_id


def _reputation(email: Row) -> dict[str, Any]:
    """What is known of whoever wrote an inbound email: our verdict on its From, and what it was marked as."""
    auth = json.loads(email["auth_json"]) if email["auth_json"] else {}
    return {
        "verdict": auth.get("verdict", "none"),
        "spam_verdict": email["spam_verdict"],
        "spam_score": email["spam_score"],
    }


def _headers(contents: Row | None) -> dict[str, str]:
    """Of a name that is there twice the first, which for a trace is ours."""
    return dict(reversed(json.loads(contents["headers_json"]))) if contents else {}


def cut(text: str) -> str:
    """At most BODY_LIMIT bytes of UTF-8, never in the middle of a character."""
    encoded = text.encode()
    return text if len(encoded) <= BODY_LIMIT else encoded[:BODY_LIMIT].decode(errors="ignore")


class ListEvents(Input):
    after: str | None = Field(
        None,
        description="The event_id to read on from, or the last answer's cursor; without it, from the first.",
    )
    type: str | None = Field(None, description="Only events of this type.")
    mailbox_id: str | None = Field(None, description="Only events of this mailbox: its id or address.")
    limit: int = Field(20, ge=1, le=100)


class EventBody(TypedDict):
    """The fields that every event has; events about an email have its from, to, subject and body too."""

    type: str
    event_id: str
    created_at: str
    account_id: str
    mailbox_id: str | None
    id: str | None
    thread_id: str | None
    data: dict[str, Any]
    test: bool


class EventList(TypedDict):
    events: list[EventBody]
    cursor: str | None


def list_events(ctx: Context, given: ListEvents) -> Mapping[str, Any]:
    """Lists what happened, oldest first: the same bodies that webhooks get.

    `cursor` is the last event_id, to be given as `after`; it is null when nothing newer was there. With
    `Accept: text/event-stream` the same comes as a stream that stays open and resumes by Last-Event-ID.
    """
    after = (0, 0)
    if given.after is not None:
        start = ctx.sql.get_event(account_id=ctx.account_id, event_id=given.after)
        if start is None or not _visible(ctx, start):
            raise Refused("not_found", "There is no such event to read on from.")
        after = (start["xid"], start["seq"])
    mailbox_id = ctx.mailbox(given.mailbox_id)["mailbox_id"] if given.mailbox_id else ""
    rows = ctx.sql.list_events(
        account_id=ctx.account_id,
        after_xid=after[0],
        after_seq=after[1],
        see_withheld=ctx.actor.sees_held,
        any_mailbox=given.mailbox_id is None,
        mailbox_id=mailbox_id,
        any_type=given.type is None,
        type=given.type or "",
        limit=given.limit,
        **ctx.actor.filter,
    )
    bodies = [render(ctx.tx, row, ctx.services.site.public_url) for row in rows]
    if bodies:
        ctx.about("account", ctx.account_id, given.mailbox_id and mailbox_id, events=len(bodies))
    return {"events": bodies, "cursor": rows[-1]["event_id"] if rows else None}


def _visible(ctx: Context, row: Row) -> bool:
    return ctx.actor.reaches(row["mailbox_id"]) and (ctx.actor.sees_held or not row["withheld"])


LIST_EVENTS = Operation(
    name="list_events",
    run=list_events,
    input=ListEvents,
    output=EventList,
    scopes=(Scope.READ,),
    effect="read",
    method="GET",
    path="/v1/events",
    errors=("not_found",),
    aliases={"mailbox": "mailbox_id", "cursor": "after"},
    streams=True,
)
