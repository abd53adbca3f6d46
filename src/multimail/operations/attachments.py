"""Attachments: bytes that a stranger named, served as downloads and never as what a browser would run."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final
from urllib.parse import quote

from pydantic import Field
from typing_extensions import TypedDict

from multimail.core.errors import not_found
from multimail.core.scopes import Scope
from multimail.core.times import HOUR, SECOND
from multimail.mail.trace import FIELDS, on_top
from multimail.operations.authenticate import live_key
from multimail.operations.context import Actor, Context, Services
from multimail.operations.emails import EMAIL_ALIASES, ReadEmail, find_email
from multimail.operations.links import open_link, sign_link
from multimail.operations.operation import Input, Operation, write_audit
from multimail.storage.database import Row

PURPOSE: Final = "attachment"
LIFE: Final = HOUR


@dataclass(frozen=True, slots=True)
class File:
    """What a download answers instead of JSON."""

    name: str
    content_type: str
    content: bytes
    row: Row


class DownloadAttachment(Input):
    email_id: str
    mailbox_id: str | None = None
    filename: str = Field(description="The attachment's name, as the email lists it.")


def find_attachment(ctx: Context, given: DownloadAttachment) -> tuple[Row, Row]:
    """The email and its attachment."""
    email = ctx.email(given.email_id)
    if given.mailbox_id is not None and ctx.mailbox(given.mailbox_id)["mailbox_id"] != email["mailbox_id"]:
        raise not_found("email")
    name = {"account_id": ctx.account_id, "email_id": given.email_id, "name": given.filename}
    attachment = ctx.sql.get_attachment(**name)
    if attachment is None:
        raise not_found("attachment")
    return email, attachment


async def load_file(services: Services, given: Input, found: tuple[Row, Mapping[str, str]]) -> File:
    """The bytes of a file that was found, by its sha256, name and content_type, whatever operation asked."""
    email, attachment = found
    content = await services.blobs.load(services.db, email["account_id"], attachment["sha256"])
    return File(attachment["name"], attachment["content_type"], content, email)


def download_attachment(ctx: Context, given: DownloadAttachment, file: File) -> Mapping[str, Any]:
    """Downloads an attachment's bytes. They are a stranger's: open them with care."""
    ctx.email(given.email_id)
    ctx.about("email", given.email_id, file.row["mailbox_id"], attachment=file.name)
    return {"file": file}


def find_source(ctx: Context, given: ReadEmail) -> tuple[Row, Mapping[str, str]]:
    """The email and its message as a file, with the trace of one that came in (mail/trace.py)."""
    email = find_email(ctx, given)
    contents = ctx.sql.get_contents(account_id=ctx.account_id, email_id=email["email_id"])
    if contents is None:
        raise not_found("source: the email was erased")
    name = f"{email['email_id']}.eml"
    file = {"sha256": contents["raw_sha256"], "name": name, "content_type": "message/rfc822"}
    return email, file | {"trace": trace_of(email, json.loads(contents["headers_json"]))}


def trace_of(email: Mapping[str, Any], headers: Sequence[Sequence[str]]) -> str:
    """The header fields on top of the bytes of a message that came in, whose `headers` begin with them."""
    return on_top(headers[:FIELDS]) if email["direction"] == "inbound" else ""


async def load_source(services: Services, given: Input, found: tuple[Row, Mapping[str, str]]) -> File:
    file = await load_file(services, given, found)
    return replace(file, content=found[1]["trace"].encode() + file.content)


def download_source(ctx: Context, given: ReadEmail, file: File) -> Mapping[str, Any]:
    """Downloads an email's source: the bytes as they came in, or as they will leave but for what delivery adds.

    What came in has the `Return-Path` and `Received` of this server on top (RFC 5321 4.4).
    Nothing is cleaned: what was hidden from readers is in it. For mail that could not be read, and for evidence.
    """
    ctx.email(given.email_id)
    ctx.about("email", given.email_id, file.row["mailbox_id"], source=True)
    return {"file": file}


class AttachmentUrl(TypedDict):
    """`url` works without a key for `expires_in` seconds, and no longer than the key that asked for it."""

    url: str
    filename: str
    size_bytes: int
    content_type: str
    expires_in: int


def get_attachment_url(ctx: Context, given: DownloadAttachment) -> Mapping[str, Any]:
    """Makes a signed URL for an attachment, valid for an hour and only while this key is."""
    email, attachment = find_attachment(ctx, given)
    claims = [ctx.account_id, ctx.actor.id, given.email_id, given.filename, ctx.now + LIFE]
    token = sign_link(ctx.services.link_secret, PURPOSE, claims)
    ctx.about("email", given.email_id, email["mailbox_id"], attachment=given.filename)
    return {
        "url": f"{ctx.services.site.public_url}/v1/attachments/{quote(token)}",
        "filename": given.filename,
        "size_bytes": attachment["size"],
        "content_type": attachment["content_type"],
        "expires_in": LIFE // SECOND,
    }


class OpenAttachmentLink(Input):
    token: str


def _claims(ctx: Context, given: OpenAttachmentLink) -> list[Any]:
    """Account, key, email, filename and end. Raises Refused("not_found") for a link that is forged or expired."""
    claims = open_link(ctx.services.link_secret, PURPOSE, given.token)
    if claims is None or claims[4] < ctx.now:
        raise not_found("attachment")
    return claims


def find_linked(ctx: Context, given: OpenAttachmentLink) -> tuple[Row, Row]:
    """Raises Refused("not_found") for a link that is no good any more, or whose key was revoked."""
    account_id, key_id, email_id, filename, _ = _claims(ctx, given)
    name = {"account_id": account_id, "email_id": email_id}
    email = ctx.sql.get_email(**name)
    attachment = ctx.sql.get_attachment(**name, name=filename)
    key = live_key(ctx.tx, account_id, key_id, ctx.now)
    if not email or not attachment or key is None or email["state"] in ("held", "declined"):
        raise not_found("attachment")
    return email, attachment


def open_attachment_link(ctx: Context, given: OpenAttachmentLink, file: File) -> Mapping[str, Any]:
    """Downloads an attachment by a signed URL, without a key. The audit log names the key that the URL was made for."""
    email, attachment = find_linked(ctx, given)
    account_id, key_id, *_ = _claims(ctx, given)
    key = ctx.sql.get_key(account_id=account_id, key_id=key_id)
    reader = Actor("key", key_id, key["name"], account_id, frozenset())
    its = Context(ctx.services, ctx.tx, reader, ctx.now, ctx.metadata, ctx.request_id)
    its.about("email", email["email_id"], email["mailbox_id"], attachment=attachment["name"])
    write_audit(its, "open_attachment_link")
    return {"file": file}


DOWNLOAD_ATTACHMENT = Operation(
    name="download_attachment",
    run=download_attachment,
    find=find_attachment,
    prepare=load_file,
    input=DownloadAttachment,
    output=File,
    scopes=(Scope.READ,),
    effect="read",
    method="GET",
    path="/v1/mailboxes/{mailbox_id}/emails/{email_id}/attachments/{filename}",
    aliases=EMAIL_ALIASES | {"name": "filename"},
    errors=("not_found",),
)
DOWNLOAD_SOURCE = Operation(
    name="download_source",
    run=download_source,
    find=find_source,
    prepare=load_source,
    input=ReadEmail,
    output=File,
    scopes=(Scope.READ,),
    effect="read",
    method="GET",
    path="/v1/mailboxes/{mailbox_id}/emails/{email_id}/source",
    aliases=EMAIL_ALIASES,
    errors=("not_found",),
)
GET_ATTACHMENT_URL = Operation(
    name="get_attachment_url",
    run=get_attachment_url,
    input=DownloadAttachment,
    output=AttachmentUrl,
    scopes=(Scope.READ,),
    effect="read",
    method="GET",
    path="/v1/mailboxes/{mailbox_id}/emails/{email_id}/attachments/{filename}/url",
    aliases=EMAIL_ALIASES | {"name": "filename"},
    errors=("not_found",),
)
OPEN_ATTACHMENT_LINK = Operation(
    name="open_attachment_link",
    run=open_attachment_link,
    find=find_linked,
    prepare=load_file,
    input=OpenAttachmentLink,
    output=File,
    scopes=(Scope.PUBLIC,),
    effect="read",
    method="GET",
    path="/v1/attachments/{token}",
    errors=("not_found",),
)
