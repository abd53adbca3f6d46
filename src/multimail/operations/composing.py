"""Composing: everything about an email that can be made ready before the transaction that accepts it."""

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Annotated, Any, ClassVar, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, field_validator, model_validator

from multimail.core.address import Address, AddressError, normalise, parse_address_list
from multimail.core.errors import Refused, invalid
from multimail.core.oversight import Mode
from multimail.core.threads import references, reply_subject
from multimail.mail.compose import Attachment, ComposeError, Draft
from multimail.operations.context import Context, Services
from multimail.operations.operation import Input
from multimail.operations.replying import Target, find_target
from multimail.operations.written import Written, write
from multimail.storage.blobs import Blob, own_blob
from multimail.storage.database import Row

RECIPIENTS: Final = 50
ADDRESS_LIST: Final = 64 * 1024  # characters of one field: 50 addresses with long names take a third of it
ADDRESS_ITEMS: Final = 1000
SUBJECT: Final = 998
BODY: Final = 256 * 1024
MESSAGE: Final = 25 * 1024 * 1024

MetadataValue = Annotated[str, StringConstraints(max_length=512)]
MetadataKey = Annotated[str, StringConstraints(min_length=1, max_length=64)]
Metadata = Annotated[dict[MetadataKey, MetadataValue], Field(max_length=16)]
Recipients = Annotated[list[str], Field(max_length=ADDRESS_ITEMS)] | str


class AttachmentInput(BaseModel):
    """A file to send. `content_base64` is standard base64 (RFC 4648 4)."""

    model_config = ConfigDict(extra="ignore")
    aliases: ClassVar[Mapping[str, str]] = {"filename": "name", "content": "content_base64"}  # contract §7
    name: str = Field(min_length=1, max_length=255)
    content_base64: str
    content_type: str = Field("application/octet-stream", max_length=127)

    @model_validator(mode="before")
    @classmethod
    def _spellings(cls, given: Any) -> Any:
        """Each under its one name. Raises ValueError where two names have different values."""
        if not isinstance(given, dict):
            return given
        for alias, name in cls.aliases.items():
            if alias in given and given.get(name, given[alias]) != given[alias]:
                raise ValueError(f"different values as {alias} and {name}")
        return {cls.aliases.get(key, key): value for key, value in given.items()}


class BodyInput(Input):
    """Whatever takes a body takes one of at most 256 KiB."""

    @field_validator("markdown", "html", check_fields=False)
    @classmethod
    def _body_size(cls, text: str | None) -> str | None:
        if text is not None and len(text.encode("utf-8", "surrogatepass")) > BODY:
            raise ValueError("a body has at most 256 KiB")
        return text


class ComposeInput(BodyInput):
    """What sending and replying share."""

    markdown: str = Field("", description="The body, in markdown. It is sent as text and as HTML.")
    html: str | None = Field(
        None, description="An HTML body instead of the one made from markdown; it is sanitised."
    )
    attachments: list[AttachmentInput] = Field(default_factory=list, max_length=100)
    metadata: Metadata = Field(default_factory=dict, description="Kept on the email and in the audit log.")
    oversight_mode: Mode | None = Field(
        None, description="Only to be stricter than the mailbox; looser is ignored."
    )
    send_at: datetime | None = Field(None, description="Not before this time (RFC 3339).")
    gate_timing: Literal["gate_first", "schedule_first"] = "gate_first"
    idempotency_key: str | None = Field(None, min_length=1, max_length=255)


class SendEmail(ComposeInput):
    mailbox_id: str = Field(description="The mailbox to send from: its id or address.")
    to: Recipients = Field(description="An address list (RFC 5322 3.4), as a string or a list of strings.")
    cc: Recipients = Field(default_factory=list)
    bcc: Recipients = Field(default_factory=list)
    reply_to: Recipients = Field(default_factory=list)
    subject: str = Field("", max_length=SUBJECT)


class ReplyEmail(ComposeInput):
    mailbox_id: str | None = Field(None, description="The mailbox that answers; by default the email's own.")
    email_id: str | None = Field(None, description="The email to answer.")
    thread_id: str | None = Field(
        None, description="Or the thread whose newest safe inbound email to answer."
    )
    cc: Recipients = Field(default_factory=list)
    bcc: Recipients = Field(default_factory=list)

    @model_validator(mode="after")
    def _one_target(self) -> "ReplyEmail":
        if (self.email_id is None) == (self.thread_id is None):
            raise ValueError("give email_id or thread_id, and not both")
        return self


@dataclass(frozen=True, slots=True)
class Composed:
    """An email ready to be accepted: nothing in it is computed again inside the transaction."""

    email_id: str
    mailbox_id: str
    draft: Draft
    bcc: tuple[Address, ...]
    raw: Blob
    written: Written
    attachments: tuple[tuple[Attachment, Blob], ...]
    recipients: tuple[tuple[str, str], ...]  # (address, to | cc | bcc)
    target: Target | None


def address_list(path: str, given: Recipients) -> tuple[Address, ...]:
    """Raises Refused("invalid_fields") with a sentence that names the field."""
    if not given:
        return ()
    if len(given) + (0 if isinstance(given, str) else sum(map(len, given))) > ADDRESS_LIST:
        raise invalid(path, f"an address list has at most {ADDRESS_LIST} characters")
    try:
        return (
            parse_address_list(given)
            if isinstance(given, str)
            else tuple(address for item in given for address in parse_address_list(item))
        )
    except AddressError as error:
        raise invalid(path, str(error)) from None


def decode_attachments(given: list[AttachmentInput]) -> tuple[Attachment, ...]:
    """Raises Refused for bad base64. Names are made unique, so that each can be fetched by its own."""
    names: set[str] = set()
    decoded = []
    for index, item in enumerate(given):
        try:
            content = base64.b64decode(item.content_base64, validate=True)
        except (binascii.Error, ValueError):
            raise invalid(f"attachments.{index}.content_base64", "not valid base64") from None
        decoded.append(Attachment(_unique(item.name, names), item.content_type, content))
    return tuple(decoded)


def _unique(name: str, taken: set[str]) -> str:
    stem, dot, suffix = name.rpartition(".")
    candidate, number = name, 2
    while candidate in taken:
        candidate = f"{stem} ({number}).{suffix}" if dot and stem else f"{name} ({number})"
        number += 1
    taken.add(candidate)
    return candidate


def find_sender(ctx: Context, given: SendEmail) -> Row:
    return ctx.mailbox(given.mailbox_id)


async def prepare_send(services: Services, given: SendEmail, mailbox: Row) -> Composed:
    return await compose_new(services, given, mailbox, decode_attachments(given.attachments))


async def compose_new(
    services: Services, given: SendEmail, mailbox: Row, attachments: tuple[Attachment, ...]
) -> Composed:
    """The message of a conversation that begins. Raises Refused where nobody is to get it."""
    people = people_of(given)
    return await compose_draft(services, mailbox, given, people, given.subject, attachments)


def people_of(given: SendEmail) -> dict[str, tuple[Address, ...]]:
    """Raises Refused where an address is none, or nobody is to get it."""
    people = {kind: address_list(kind, getattr(given, kind)) for kind in ("to", "cc", "bcc", "reply_to")}
    require_recipient(people)
    return people


def require_recipient(people: Mapping[str, tuple[Address, ...]]) -> None:
    if not people["to"] + people["cc"] + people["bcc"]:
        raise invalid("to", "at least one recipient is needed")


def find_answered(ctx: Context, given: ReplyEmail) -> tuple[Row, Target]:
    return find_target(ctx.tx, ctx.actor, given.mailbox_id, given.email_id, given.thread_id)


async def prepare_reply(services: Services, given: ReplyEmail, found: tuple[Row, Target]) -> Composed:
    mailbox, target = found
    people = {
        "to": target.recipients,
        "cc": address_list("cc", given.cc),
        "bcc": address_list("bcc", given.bcc),
        "reply_to": (),
    }
    attachments = decode_attachments(given.attachments)
    subject = reply_subject(target.subject)
    return await compose_draft(services, mailbox, given, people, subject, attachments, target)


async def compose_draft(
    services: Services,
    mailbox: Row,
    given: ComposeInput,
    people: Mapping[str, tuple[Address, ...]],
    subject: str,
    attachments: tuple[Attachment, ...],
    target: Target | None = None,
    **said: Any,
) -> Composed:
    """`said` are fields of the draft that the caller wrote itself."""
    email_id = services.new_id("eml")
    draft = Draft(
        from_=Address(mailbox["name"], mailbox["address"]),
        to=people["to"],
        cc=people["cc"],
        reply_to=people["reply_to"],
        subject=subject,
        markdown=given.markdown,
        html=given.html,
        attachments=attachments,
        message_id=f"{email_id}@{services.site.domain}",
        in_reply_to=target.message_id if target else None,
        references=references(target.references, target.message_id) if target and target.message_id else (),
        extra_headers=said_of_the_writer(mailbox),
    )
    quotable = target.words if target and ">" in given.markdown else ""
    if said:
        draft = replace(draft, **said)
    return await make_ready(services, mailbox, email_id, draft, people["bcc"], target, quotable)


def said_of_the_writer(mailbox: Row) -> tuple[tuple[str, str], ...]:
    return () if mailbox["human_written"] else (("X-AI-Generated", "true"),)


async def make_ready(
    services: Services,
    mailbox: Row,
    email_id: str,
    draft: Draft,
    bcc: tuple[Address, ...],
    target: Target | None = None,
    quotable: str | None = None,
) -> Composed:
    """The message made and its large blobs durable; `quotable` as for craft. Raises Refused for what is no message,
    or too large a one."""
    recipients = _envelope({"to": draft.to, "cc": draft.cc, "bcc": bcc})
    try:
        written = await services.apart(write, draft, recipients, quotable)
    except ComposeError as error:
        raise invalid("body", str(error)) from None
    if len(written.raw) > MESSAGE:
        raise Refused("too_large", "The message is larger than 25 MiB.")
    account_id = mailbox["account_id"]
    blob = own_blob(services.new_id("blb"), written.raw)
    if blob is None:
        blob = await services.blobs.prepare(account_id, written.raw)
    parts = [(part, await services.blobs.prepare(account_id, part.content)) for part in draft.attachments]
    return Composed(
        email_id=email_id,
        mailbox_id=mailbox["mailbox_id"],
        draft=draft,
        bcc=bcc,
        raw=blob,
        written=written,
        attachments=tuple(parts),
        recipients=recipients,
        target=target,
    )


def _envelope(people: Mapping[str, tuple[Address, ...]]) -> tuple[tuple[str, str], ...]:
    """Each recipient once, however often it is named. Raises Refused above the limit."""
    envelope: dict[str, tuple[str, str]] = {}
    for kind in ("to", "cc", "bcc"):
        for person in people[kind]:
            envelope.setdefault(normalise(person.address), (person.address, kind))
    if sum(len(people[kind]) for kind in ("to", "cc", "bcc")) > RECIPIENTS:
        raise invalid("to", f"to, cc and bcc together have at most {RECIPIENTS} addresses")
    return tuple(envelope.values())
