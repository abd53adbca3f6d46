"""The rooms of mailboxes: all of them, and one with its ladder of trust."""

from typing import Final

from starlette.responses import Response

from multimail.operations.account import GET_ACCOUNT
from multimail.operations.mailboxes import (
    CREATE_MAILBOX,
    DELETE_MAILBOX,
    GET_MAILBOX,
    LIST_MAILBOXES,
    UPDATE_MAILBOX,
)
from multimail.operations.notifications import GET_NOTIFICATIONS, UPDATE_NOTIFICATIONS
from multimail.operations.pausing import PAUSE_SENDING, RESUME_SENDING
from multimail.operations.records import GET_MAILBOX_RECORD
from multimail.operations.usage import GET_USAGE
from multimail.surfaces.dashboard.desk import Desk

# mode → how it is called on the ladder
RUNGS: Final = {
    "read_only": "Reads only",
    "gated_all": "Everything is asked",
    "gated_send": "Sending is asked",
    "monitored": "You get a copy",
    "autonomous": "On its own",
}


async def every_mailbox(desk: Desk) -> Response:
    found = await desk.ask(LIST_MAILBOXES, limit=50, cursor=desk.query("cursor") or None)
    return await desk.page(
        "mailboxes.html",
        calls=(LIST_MAILBOXES, CREATE_MAILBOX, PAUSE_SENDING, RESUME_SENDING),
        here="mailboxes",
        account=await desk.ask(GET_ACCOUNT),
        found=found,
        rungs=RUNGS,
    )


async def one_mailbox(desk: Desk) -> Response:
    mailbox_id = desk.named("mailbox_id")
    return await desk.page(
        "mailbox.html",
        calls=(GET_MAILBOX_RECORD, UPDATE_MAILBOX, GET_MAILBOX, DELETE_MAILBOX, UPDATE_NOTIFICATIONS),
        here="mailboxes",
        box=await desk.ask(GET_MAILBOX, mailbox_id=mailbox_id),
        set=await desk.ask(GET_NOTIFICATIONS) if desk.may("get_notifications") else None,
        record=await desk.ask(GET_MAILBOX_RECORD, mailbox_id=mailbox_id),
        usage=await desk.ask(GET_USAGE, mailbox_id=mailbox_id),
        rungs=RUNGS,
    )
