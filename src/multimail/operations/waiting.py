"""Waiting for the next email of a mailbox: a long poll (RFC 6202 section 2) that the commit itself wakes.

A waiter holds no transaction and asks the database nothing while nothing comes.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from pydantic import Field
from typing_extensions import TypedDict

from multimail.core.scopes import Scope
from multimail.operations.authenticate import require_valid, revocations
from multimail.operations.context import Actor, Context, Services
from multimail.operations.events import arrivals
from multimail.operations.inbox import MAILBOX_ALIASES, EmailFilters, conditions
from multimail.operations.operation import Input, Operation
from multimail.operations.turns import glimpse
from multimail.operations.views import EmailSummary, email_summary
from multimail.storage.database import Tx

PATIENCE = 120  # seconds


class WaitForEmail(Input):
    mailbox_id: str = Field(description="The mailbox's id or address.")
    sender: str | None = Field(None, description="Only an email from this address.")
    subject_contains: str | None = None
    thread_id: str | None = Field(None, description="Only an email of this conversation.")
    has_attachments: bool | None = None
    since_id: str | None = Field(
        None,
        description="The last email that was seen: a newer one that is there already is the answer at once.",
    )
    timeout_seconds: float = Field(30, ge=0, le=PATIENCE, description="How long to wait, in seconds.")


class WaitAnswer(TypedDict):
    """`email` is null if none came in time."""

    email: EmailSummary | None
    timed_out: bool


@dataclass(frozen=True, slots=True)
class Watch:
    """What one waiter waits for: `after` is the moment from which on mail is new, and the email seen last."""

    actor: Actor
    now: int
    mailbox_id: str
    after: tuple[int, str]
    conditions: Mapping[str, Any]

    def first(self, tx: Tx) -> str | None:
        """The oldest email that is new already. Raises Refused once the key is revoked."""
        require_valid(tx, self.actor, self.now, note_use=False)
        found: str | None = tx.sql.next_arrival(
            account_id=self.actor.account_id,
            mailbox_id=self.mailbox_id,
            since_us=self.after[0],
            since_id=self.after[1],
            **self.conditions,
        )
        return found

    def sees(self, email_id: str, tx: Tx) -> str | None:
        """The email that was told of, if it is one that is waited for. Raises Refused as `first` does."""
        require_valid(tx, self.actor, self.now, note_use=False)
        found: str | None = tx.sql.is_arrival(
            account_id=self.actor.account_id, email_id=email_id, **self.conditions
        )
        return found


def find_watch(ctx: Context, given: WaitForEmail) -> Watch:
    filters = EmailFilters(
        sender=given.sender,
        subject_contains=given.subject_contains,
        thread_id=given.thread_id,
        has_attachments=given.has_attachments,
    )
    after = (ctx.now, "")
    if given.since_id is not None:
        seen = ctx.email(given.since_id)
        after = (seen["decided_at"] or seen["created_at"], given.since_id)
    # Held mail is new once it is released: nobody waits for it before, whatever their scopes.
    asked = conditions(ctx, filters) | {"see_held": False}
    return Watch(ctx.actor, ctx.now, ctx.mailbox(given.mailbox_id)["mailbox_id"], after, asked)


async def wait(services: Services, given: WaitForEmail, watch: Watch) -> str | None:
    """The id of the email that came; None where none did in time. Raises Refused once the key is revoked."""
    told: asyncio.Queue[str] = asyncio.Queue()
    channels = (arrivals(watch.mailbox_id), revocations(watch.actor.id))
    leave = [services.db.subscribe(channel, told.put_nowait) for channel in channels]
    try:
        found = await services.db.read(watch.first)
        async with asyncio.timeout(given.timeout_seconds):
            while found is None:
                found = await services.db.read(partial(watch.sees, await told.get()))
        return found
    except TimeoutError:
        return await services.db.read(watch.first)  # a wake-up can be lost with PostgreSQL's connection
    finally:
        for unsubscribe in leave:
            unsubscribe()


def wait_for_email(ctx: Context, given: WaitForEmail, found: str | None) -> Mapping[str, Any]:
    """Waits until an email comes in, and shows it without its body; read it with read_email.

    What counts is mail that comes after the call, or after `since_id`: to miss none between two calls, give
    the id of the last one. Mail that a human holds comes when it is released.
    """
    if found is None:
        return {"email": None, "timed_out": True}
    email = ctx.email(found)
    glimpse(ctx, [email])
    return {"email": email_summary(email), "timed_out": False}


WAIT_FOR_EMAIL = Operation(
    name="wait_for_email",
    run=wait_for_email,
    find=find_watch,
    prepare=wait,
    input=WaitForEmail,
    output=WaitAnswer,
    scopes=(Scope.READ,),
    effect="read",
    audited=False,
    glimpse=True,
    waits=True,
    method="GET",
    path="/v1/mailboxes/{mailbox_id}/wait",
    aliases=MAILBOX_ALIASES | {"timeout": "timeout_seconds"},
    errors=("not_found",),
)
