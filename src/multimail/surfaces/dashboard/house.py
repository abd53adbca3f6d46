"""The rest of the house, a room each: what an operation lists, and forms for what can be done about it."""

from typing import Any, Final

from starlette.responses import Response, StreamingResponse

from multimail.core.event_types import EventType
from multimail.core.scopes import KEY_SCOPES
from multimail.operations.account import GET_ACCOUNT, GET_AUDIT_LOG, LIST_SANDBOX
from multimail.operations.account_update import UPDATE_ACCOUNT
from multimail.operations.api_keys import CREATE_API_KEY, LIST_API_KEYS, REVOKE_API_KEY
from multimail.operations.archive import Archive
from multimail.operations.contacts import ADD_CONTACT, DELETE_CONTACT, SEARCH_CONTACTS
from multimail.operations.deletion import DELETE_ACCOUNT
from multimail.operations.domains import ADD_DOMAIN, DELETE_DOMAIN, LIST_DOMAINS, VERIFY_DOMAIN
from multimail.operations.export import EXPORT_ACCOUNT
from multimail.operations.inbox import LIST_EMAILS, STATUS_FILTERS
from multimail.operations.mailboxes import LIST_MAILBOXES
from multimail.operations.notifications import GET_NOTIFICATIONS, UPDATE_NOTIFICATIONS
from multimail.operations.passkeys import ADD_PASSKEY, LIST_PASSKEYS, REMOVE_PASSKEY
from multimail.operations.push import (
    ADD_PUSH_SUBSCRIPTION,
    LIST_PUSH_SUBSCRIPTIONS,
    REMOVE_PUSH_SUBSCRIPTION,
)
from multimail.operations.records import CHECK_AUDIT_CHAIN
from multimail.operations.registry import OPERATIONS
from multimail.operations.rules import ADD_RULE, LIST_RULES, REMOVE_RULE
from multimail.operations.search import SEARCH_EMAILS
from multimail.operations.suppression import CHECK_SUPPRESSION, REMOVE_SUPPRESSION
from multimail.operations.threads import GET_THREAD
from multimail.operations.usage import GET_USAGE
from multimail.operations.webhooks import (
    CREATE_WEBHOOK,
    GET_WEBHOOK_DELIVERY,
    LIST_WEBHOOK_DELIVERIES,
    LIST_WEBHOOKS,
    REPLAY_WEBHOOK,
    TEST_WEBHOOK,
)
from multimail.surfaces.dashboard.charts import bars
from multimail.surfaces.dashboard.desk import Desk, every
from multimail.surfaces.http_answers import disposition

SCOPE_WORDS: Final = {
    "read": "reads mail and settings",
    "send": "writes mail, under the mailbox's mode",
    "oversight": "decides on mail; never with send or admin",
    "admin": "changes settings; what loosens takes an owner",
}


class Filters(dict[str, str]):
    """Those that were filled in; to a template the others are empty."""

    def __missing__(self, name: str) -> str:
        return ""


def asked(desk: Desk, *names: str) -> Filters:
    return Filters({name: desk.query(name)[:512] for name in names if desk.query(name).strip()})


async def inbox(desk: Desk) -> Response:
    """All mail, or what a search finds of it, newest first."""
    filters = asked(desk, "q", "mailbox_id", "direction", "status", "participant")
    operation = SEARCH_EMAILS if "q" in filters else LIST_EMAILS
    found = await desk.ask(operation, limit=50, cursor=desk.query("cursor") or None, **filters)
    return await desk.page(
        "inbox.html",
        calls=(LIST_EMAILS, SEARCH_EMAILS, GET_THREAD),
        here="inbox",
        found=found,
        filters=filters,
        statuses=sorted(STATUS_FILTERS),
        mailboxes=await every(desk, LIST_MAILBOXES, "mailboxes"),
    )


async def thread(desk: Desk) -> Response:
    named = {"thread_id": desk.request.path_params["thread_id"], "cursor": desk.query("cursor") or None}
    found = await desk.ask(GET_THREAD, limit=50, **named)
    return await desk.page("thread.html", calls=(GET_THREAD,), here="inbox", thread=found)


async def contacts(desk: Desk) -> Response:
    filters = asked(desk, "q")
    return await desk.page(
        "contacts.html",
        calls=(SEARCH_CONTACTS, ADD_CONTACT, DELETE_CONTACT),
        here="contacts",
        found=await desk.ask(SEARCH_CONTACTS, limit=50, cursor=desk.query("cursor") or None, **filters),
        filters=filters,
    )


async def rules(desk: Desk) -> Response:
    return await desk.page(
        "rules.html",
        calls=(LIST_RULES, ADD_RULE, REMOVE_RULE, CHECK_SUPPRESSION, REMOVE_SUPPRESSION),
        here="rules",
        found=await desk.ask(LIST_RULES, limit=50, cursor=desk.query("cursor") or None),
        suppressions=await every(desk, CHECK_SUPPRESSION, "suppressions"),
        mailboxes=await every(desk, LIST_MAILBOXES, "mailboxes"),
    )


async def domains(desk: Desk) -> Response:
    return await desk.page(
        "domains.html",
        calls=(LIST_DOMAINS, ADD_DOMAIN, VERIFY_DOMAIN, DELETE_DOMAIN),
        here="domains",
        found=await desk.ask(LIST_DOMAINS, limit=20, cursor=desk.query("cursor") or None),
        account=await desk.ask(GET_ACCOUNT),
    )


async def keys(desk: Desk) -> Response:
    return await desk.page(
        "keys.html",
        calls=(LIST_API_KEYS, CREATE_API_KEY, REVOKE_API_KEY),
        here="keys",
        found=await desk.ask(LIST_API_KEYS, limit=50, cursor=desk.query("cursor") or None),
        mailboxes=await every(desk, LIST_MAILBOXES, "mailboxes"),
        scopes=[(scope.value, SCOPE_WORDS[scope]) for scope in KEY_SCOPES],
    )


async def webhooks(desk: Desk) -> Response:
    filters = asked(desk, "webhook_id", "status")
    return await desk.page(
        "webhooks.html",
        calls=(LIST_WEBHOOKS, CREATE_WEBHOOK, TEST_WEBHOOK, LIST_WEBHOOK_DELIVERIES, REPLAY_WEBHOOK),
        here="webhooks",
        found=await every(desk, LIST_WEBHOOKS, "webhooks"),
        told=await desk.ask(
            LIST_WEBHOOK_DELIVERIES, limit=30, cursor=desk.query("cursor") or None, **filters
        ),
        filters=filters,
        mailboxes=await every(desk, LIST_MAILBOXES, "mailboxes"),
        events=[event.value for event in EventType if event is not EventType.WEBHOOK_TEST],
    )


async def delivery(desk: Desk) -> Response:
    found = await desk.ask(GET_WEBHOOK_DELIVERY, delivery_id=desk.request.path_params["delivery_id"])
    return await desk.page(
        "delivery.html", calls=(GET_WEBHOOK_DELIVERY, REPLAY_WEBHOOK), here="webhooks", told=found
    )


async def usage(desk: Desk) -> Response:
    filters = asked(desk, "from_date", "to_date", "mailbox_id")
    found = await desk.ask(GET_USAGE, breakdown="daily", **filters)
    return await desk.page(
        "usage.html",
        calls=(GET_USAGE,),
        here="usage",
        usage=found,
        chart=bars(found["from"], found["to"], found["daily"]),
        filters=filters,
        mailboxes=await every(desk, LIST_MAILBOXES, "mailboxes"),
    )


async def sandbox(desk: Desk) -> Response:
    return await desk.page(
        "sandbox.html",
        calls=(LIST_SANDBOX,),
        here="sandbox",
        found=await desk.ask(LIST_SANDBOX, limit=50, cursor=desk.query("cursor") or None),
        delivery=desk.services.site.delivery,
    )


async def audit(desk: Desk) -> Response:
    filters = asked(desk, "action", "resource_id", "actor_id", "q", "date_after", "date_before")
    return await desk.page(
        "audit.html",
        calls=(GET_AUDIT_LOG, CHECK_AUDIT_CHAIN, EXPORT_ACCOUNT),
        here="audit",
        found=await desk.ask(GET_AUDIT_LOG, limit=50, cursor=desk.query("cursor") or None, **filters),
        chain=await desk.ask(CHECK_AUDIT_CHAIN) if desk.query("check") else None,
        filters=filters,
        actions=sorted(operation.name for operation in OPERATIONS if operation.audited),
    )


async def account(desk: Desk) -> Response:
    return await desk.page(
        "account.html",
        calls=(
            GET_ACCOUNT,
            UPDATE_ACCOUNT,
            EXPORT_ACCOUNT,
            DELETE_ACCOUNT,
            LIST_PASSKEYS,
            ADD_PASSKEY,
            REMOVE_PASSKEY,
        ),
        here="account",
        account=await desk.ask(GET_ACCOUNT),
        mine=await desk.ask(LIST_PASSKEYS),
        site=desk.services.site,
    )


async def notifications(desk: Desk) -> Response:
    return await desk.page(
        "notifications.html",
        calls=(GET_NOTIFICATIONS, UPDATE_NOTIFICATIONS, ADD_PUSH_SUBSCRIPTION, REMOVE_PUSH_SUBSCRIPTION),
        here="notifications",
        set=await desk.ask(GET_NOTIFICATIONS),
        push=await desk.ask(LIST_PUSH_SUBSCRIPTIONS),
        mailboxes=await every(desk, LIST_MAILBOXES, "mailboxes"),
    )


async def export(desk: Desk) -> Response:
    """The archive, as it is made. One that breaks off lacks its last file."""
    await desk.read_own_form()
    archive: Archive = (await desk.ask(EXPORT_ACCOUNT))["archive"]
    headers = {"Content-Disposition": disposition(archive.name).decode("ascii")}
    return StreamingResponse(archive.chunks(), 200, headers, archive.content_type)


async def start(desk: Desk) -> Response:
    """The way to the first approved email: what is done, and what comes next."""
    boxes = await every(desk, LIST_MAILBOXES, "mailboxes")
    emails = (await desk.ask(LIST_EMAILS, direction="outbound", limit=20))["emails"]
    left = any(one["sent_at"] for one in emails)
    steps: dict[str, Any] = {
        "mailbox": bool(boxes),
        "sent": bool(emails),
        "decided": left
        or any(one["status"] in ("scheduled", "queued", "rejected", "sent") for one in emails),
        "left": left,
    }
    first = boxes[-1] if boxes else None
    values: dict[str, Any] = {"here": "queue", "steps": steps, "box": first}
    values["delivery"] = desk.services.site.delivery
    return await desk.page("start.html", calls=(LIST_MAILBOXES, LIST_EMAILS), **values)
