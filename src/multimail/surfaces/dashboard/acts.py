"""What the rooms' forms do: each is one operation, its fields by their own names, and the room to show afterwards."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote

from starlette.responses import Response

from multimail.core.errors import Refused, not_found
from multimail.operations.account_update import UPDATE_ACCOUNT
from multimail.operations.api_keys import CREATE_API_KEY, REVOKE_API_KEY
from multimail.operations.contacts import ADD_CONTACT, DELETE_CONTACT
from multimail.operations.domains import ADD_DOMAIN, DELETE_DOMAIN, VERIFY_DOMAIN
from multimail.operations.mailboxes import CREATE_MAILBOX, DELETE_MAILBOX, UPDATE_MAILBOX
from multimail.operations.notifications import UPDATE_NOTIFICATIONS
from multimail.operations.operation import Operation
from multimail.operations.passkeys import ADD_PASSKEY, REMOVE_PASSKEY
from multimail.operations.pausing import PAUSE_SENDING, RESUME_SENDING
from multimail.operations.people import (
    INVITE_OPERATOR,
    REMOVE_OPERATOR,
    REVOKE_OPERATOR_SESSION,
    UPDATE_OPERATOR,
)
from multimail.operations.push import ADD_PUSH_SUBSCRIPTION, REMOVE_PUSH_SUBSCRIPTION
from multimail.operations.rules import ADD_RULE, REMOVE_RULE
from multimail.operations.saved_views import DELETE_VIEW, SAVE_VIEW
from multimail.operations.spam import NOT_SPAM, REPORT_SPAM
from multimail.operations.suppression import REMOVE_SUPPRESSION
from multimail.operations.webhooks import CREATE_WEBHOOK, DELETE_WEBHOOK, REPLAY_WEBHOOK, TEST_WEBHOOK
from multimail.surfaces.dashboard import house, mailboxes, people, queue
from multimail.surfaces.dashboard.desk import Desk, Notice, View, go


@dataclass(frozen=True, slots=True)
class Act:
    """`fields` go to the operation where they are filled in; of `lists` every value does. `then` is where to go
    afterwards, with the form's fields in it; `room` shows what was refused, or what is `shown_once`."""

    operation: Operation
    fields: Sequence[str]
    room: View
    then: str
    said: str
    lists: Sequence[str] = ()
    shown_once: bool = False
    name: str = ""  # where several forms do one operation


ONE_MAILBOX: Final = "/dashboard/mailboxes/{mailbox_id}"

ACTS: Final = {
    act.name or act.operation.name: act
    for act in (
        Act(CREATE_MAILBOX, ("address", "name", "oversight_mode"), mailboxes.every_mailbox, "/dashboard/mailboxes",
            "The mailbox is made."),
        Act(UPDATE_MAILBOX, ("mailbox_id", "name", "oversight_mode"), mailboxes.one_mailbox, ONE_MAILBOX,
            "The mailbox is changed."),
        Act(DELETE_MAILBOX, ("mailbox_id",), mailboxes.one_mailbox, "/dashboard/mailboxes", "The mailbox is deleted."),
        Act(PAUSE_SENDING, ("mailbox_id",), mailboxes.every_mailbox, "/dashboard/mailboxes", "Sending is paused."),
        Act(RESUME_SENDING, ("mailbox_id",), mailboxes.every_mailbox, "/dashboard/mailboxes", "Sending goes on."),
        Act(REPORT_SPAM, ("email_id",), house.inbox, "/dashboard/inbox", "It is spam now."),
        Act(NOT_SPAM, ("email_id",), house.inbox, "/dashboard/inbox", "It is no spam any more."),
        Act(ADD_DOMAIN, ("domain",), house.domains, "/dashboard/domains", "Publish its records, then look at the DNS."),
        Act(VERIFY_DOMAIN, ("domain_id",), house.domains, "/dashboard/domains", "The DNS was asked: see below."),
        Act(DELETE_DOMAIN, ("domain_id",), house.domains, "/dashboard/domains", "The domain is gone."),
        Act(ADD_CONTACT, ("address", "name", "notes", "mailbox_id"), house.contacts, "/dashboard/contacts",
            "The contact is kept."),
        Act(DELETE_CONTACT, ("contact_id",), house.contacts, "/dashboard/contacts", "The contact is gone."),
        Act(ADD_RULE, ("kind", "pattern", "mailbox_id", "per_hour", "per_day"), house.rules, "/dashboard/rules",
            "The rule holds from now on."),
        Act(REMOVE_RULE, ("rule_id",), house.rules, "/dashboard/rules", "The rule is gone."),
        Act(REMOVE_SUPPRESSION, ("address",), house.rules, "/dashboard/rules", "It may be written to again."),
        Act(CREATE_API_KEY, ("name", "test"), house.keys, "/dashboard/keys", "", ("scopes", "mailbox_ids"),
            shown_once=True),
        Act(REVOKE_API_KEY, ("key_id",), house.keys, "/dashboard/keys", "The key is revoked, everywhere."),
        Act(CREATE_WEBHOOK, ("url", "mailbox_id"), house.webhooks, "/dashboard/webhooks", "", ("events",),
            shown_once=True),
        Act(DELETE_WEBHOOK, ("webhook_id",), house.webhooks, "/dashboard/webhooks", "The webhook is gone."),
        Act(TEST_WEBHOOK, ("webhook_id",), house.webhooks, "/dashboard/webhooks", "A test event is on its way."),
        Act(REPLAY_WEBHOOK, ("delivery_id",), house.webhooks, "/dashboard/webhooks", "The call is made again."),
        Act(SAVE_VIEW, ("name", "q", "mailbox_id", "risk", "direction", "group"), queue.queue,
            "/dashboard/queue?q={q}&mailbox={mailbox_id}&risk={risk}&direction={direction}&group={group}",
            "The view is kept."),
        Act(DELETE_VIEW, ("view_id",), queue.queue, "/dashboard/queue", "The view is forgotten."),
        Act(UPDATE_ACCOUNT, ("name", "oversight_email", "oversight_email_code"), house.account, "/dashboard/account",
            "The account is changed."),
        Act(UPDATE_NOTIFICATIONS, ("pending", "digest_minutes", "quiet_from", "quiet_until", "time_zone",
            "escalate_after_minutes", "escalate_to", "expire_after_hours", "chat_url"), house.notifications,
            "/dashboard/notifications", "The settings are changed.", ("four_eyes",)),
        Act(UPDATE_NOTIFICATIONS, ("mailbox_id",), mailboxes.one_mailbox, ONE_MAILBOX, "They decide from now on.",
            ("mailbox_approvers",), name="mailbox_approvers"),
        Act(ADD_PUSH_SUBSCRIPTION, ("endpoint", "p256dh", "auth"), house.notifications, "/dashboard/notifications",
            "This browser tells you from now on."),
        Act(REMOVE_PUSH_SUBSCRIPTION, ("subscription_id",), house.notifications, "/dashboard/notifications",
            "That browser tells you nothing any more."),
        Act(INVITE_OPERATOR, ("email", "name", "role"), people.operators, "/dashboard/operators",
            "The invitation is on its way."),
        Act(UPDATE_OPERATOR, ("operator_id", "name", "role"), people.operators, "/dashboard/operators",
            "The operator is changed."),
        Act(REMOVE_OPERATOR, ("operator_id",), people.operators, "/dashboard/operators", "The operator is removed."),
        Act(REVOKE_OPERATOR_SESSION, ("session_id",), people.operators, "/dashboard/operators",
            "The session has ended."),
        Act(ADD_PASSKEY, ("name", "answer"), house.account, "/dashboard/account", "The passkey is yours."),
        Act(REMOVE_PASSKEY, ("passkey_id",), house.account, "/dashboard/account", "The passkey is gone."),
    )
}  # fmt: skip
EMPTIED: Final = {
    "oversight_email",
    "quiet_from",
    "quiet_until",
    "escalate_to",
    "chat_url",
    "four_eyes",
    "mailbox_approvers",
}  # fields that are meant, even when nothing is in them


async def act(desk: Desk) -> Response:
    """One form of a room. What is refused is said in that room, with what was typed still there."""
    chosen = ACTS.get(desk.request.path_params["name"])
    if chosen is None:
        raise not_found("page")
    form = await desk.read_own_form()
    raw: dict[str, Any] = {
        name: form.get(name).strip()
        for name in chosen.fields
        if form.get(name).strip() or (name in EMPTIED and name in form.fields)
    }
    raw |= {
        name: [one for one in form.all(name) if one]
        for name in chosen.lists
        if any(form.all(name)) or (name in EMPTIED and name in form.fields)
    }
    try:
        made = await desk.ask(chosen.operation, **raw)
    except Refused as refused:
        hint = refused.details.get("hint")
        desk.notice = Notice("refused", refused.sentence, reason=None if hint is None else str(hint))
        desk.status = refused.kind.status
        return await chosen.room(desk)
    if chosen.shown_once:
        desk.made = made
        return await chosen.room(desk)
    where = chosen.then.format_map({name: quote(form.get(name), safe="") for name in chosen.fields})
    return go(f"{where}{'&' if '?' in where else '?'}said={desk.request.path_params['name']}")


def sentence(name: str) -> str:
    """What an act that was done says; the URL only names it."""
    chosen = ACTS.get(name)
    return chosen.said if chosen else ""
