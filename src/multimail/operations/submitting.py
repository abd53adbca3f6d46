"""send_email as a mail program asks for it: the same operation, with the threading headers that such programs write.

It is no operation of its own: `SUBMIT_EMAIL` is SEND_EMAIL under the same name, scopes and errors, with a wider input.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from pydantic import Field

from multimail.core.address import normalise
from multimail.core.errors import Refused
from multimail.operations.composing import (
    Composed,
    SendEmail,
    compose_draft,
    decode_attachments,
    people_of,
)
from multimail.operations.context import Context, Services
from multimail.operations.replying import Target, find_target
from multimail.operations.sending import SEND_EMAIL, send_email
from multimail.storage.database import Row

LOOKED_UP: Final = 20  # ids of a conversation, the newest first


class SubmitEmail(SendEmail):
    """All ids are without angle brackets, and what is no id is left out of the message."""

    client_message_id: str = Field("", max_length=501, description="The Message-ID; made here where empty.")
    in_reply_to: list[str] = Field(default_factory=list)
    references: list[str] = Field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Found:
    """`target` is the email of the mailbox that is answered, None where none is known here."""

    mailbox: Row
    target: Target | None


def find_conversation(ctx: Context, given: SubmitEmail) -> Found:
    mailbox = ctx.mailbox(given.mailbox_id)
    for message_id in [*given.in_reply_to, *reversed(given.references)][:LOOKED_UP]:
        row = ctx.sql.get_email_by_message_id(
            account_id=ctx.account_id, mailbox_id=mailbox["mailbox_id"], message_id=message_id
        )
        if row is None:
            continue
        try:
            return Found(
                mailbox, find_target(ctx.tx, ctx.actor, mailbox["mailbox_id"], row["email_id"], None)[1]
            )
        except Refused:  # held mail, which does not exist for a key; or erased
            continue
    return Found(mailbox, None)


async def prepare_submission(services: Services, given: SubmitEmail, found: Found) -> Composed:
    """Recipients and subject are the program's. So what the conversation said may be quoted only to whom it is with."""
    target, people = found.target, people_of(given)
    attachments = decode_attachments(given.attachments)
    said: dict[str, Any] = {"in_reply_to": given.in_reply_to[0] if given.in_reply_to else None}
    if given.client_message_id:
        said["message_id"] = given.client_message_id
    if given.references or target is None:
        said["references"] = tuple(given.references)
    if target is not None:
        partners = {normalise(person.address) for person in target.recipients}
        others = {normalise(p.address) for kind in ("to", "cc", "bcc") for p in people[kind]} - partners
        target = replace(target, words="") if others else target
    return await compose_draft(
        services, found.mailbox, given, people, given.subject, attachments, target, **said
    )


def submit_email(ctx: Context, given: SubmitEmail, composed: Composed) -> Mapping[str, Any]:
    answer = send_email(ctx, given, composed)
    ctx.facts["surface"] = "submission"
    return answer


submit_email.__doc__ = send_email.__doc__

SUBMIT_EMAIL: Final = replace(
    SEND_EMAIL, run=submit_email, find=find_conversation, prepare=prepare_submission, input=SubmitEmail
)
