"""Attachments: bytes that a stranger named, served as downloads and never as what a browser would run."""

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote

from pydantic import Field
from typing_extensions import TypedDict

from multimail.core.errors import not_found
from multimail.core.jsontext import to_json
from multimail.core.scopes import Scope
from multimail.core.times import HOUR, SECOND
from multimail.operations.context import Actor, Context, Services
from multimail.operations.emails import EMAIL_ALIASES
from multimail.operations.operation import Input, Operation
from multimail.storage.database import Row, Tx

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


def _find(tx: Tx, actor: Actor, services: Services, given: DownloadAttachment) -> tuple[Row, Row]:
    ctx = Context(services, tx, actor, services.clock())
    email = ctx.email(given.email_id)
    if given.mailbox_id is not None and ctx.mailbox(given.mailbox_id)["mailbox_id"] != email["mailbox_id"]:
        raise not_found("email")
    name = {"account_id": actor.account_id, "email_id": given.email_id, "name": given.filename}
    attachment = tx.sql.get_attachment(**name)
    if attachment is None:
        raise not_found("attachment")
    return email, attachment


async def load_file(services: Services, actor: Actor, given: DownloadAttachment) -> File:
    email, attachment = await services.db.read(lambda tx: _find(tx, actor, services, given))
    content = await services.blobs.load(services.db, actor.account_id, attachment["sha256"])
    return File(attachment["name"], attachment["content_type"], content, email)


def download_attachment(ctx: Context, given: DownloadAttachment, file: File) -> Mapping[str, Any]:
    """Downloads an attachment's bytes. They are a stranger's: open them with care."""
    ctx.email(given.email_id)
    ctx.about("email", given.email_id, file.row["mailbox_id"], attachment=file.name)
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
    email, attachment = _find(ctx.tx, ctx.actor, ctx.services, given)
    claims = [ctx.account_id, ctx.actor.id, given.email_id, given.filename, ctx.now + LIFE]
    token = sign_link(ctx.services.link_secret, claims)
    ctx.about("email", given.email_id, email["mailbox_id"], attachment=given.filename)
    return {
        "url": f"{ctx.services.site.public_url}/v1/attachments/{quote(token)}",
        "filename": given.filename,
        "size_bytes": attachment["size"],
        "content_type": attachment["content_type"],
        "expires_in": LIFE // SECOND,
    }


def sign_link(secret: bytes, claims: list[Any]) -> str:
    body = base64.urlsafe_b64encode(to_json(claims).encode()).rstrip(b"=")
    mac = hmac.new(secret, body, hashlib.sha256).hexdigest()
    return f"{body.decode()}.{mac}"


def open_link(secret: bytes, token: str) -> list[Any] | None:
    """The claims of a link that we signed, None for any other."""
    body, _, mac = token.partition(".")
    expected = hmac.new(secret, body.encode(), hashlib.sha256).hexdigest()
    if not hmac.compare_digest(mac.encode("utf-8", "replace"), expected.encode()):
        return None
    claims: list[Any] = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
    return claims


class OpenAttachmentLink(Input):
    token: str


async def load_link(services: Services, actor: Actor, given: OpenAttachmentLink) -> File:
    """Raises Refused("not_found") for a link that is forged, expired, or whose key was revoked."""
    claims = open_link(services.link_secret, given.token)
    if claims is None or claims[4] < services.clock():
        raise not_found("attachment")
    account_id, key_id, email_id, filename, _ = claims
    name = {"account_id": account_id, "email_id": email_id}

    def look_up(tx: Tx) -> tuple[Row, Row]:
        email = tx.sql.get_email(**name)
        attachment = tx.sql.get_attachment(**name, name=filename)
        live = tx.sql.key_is_live(account_id=account_id, key_id=key_id)
        if not email or not attachment or not live or email["state"] in ("held", "declined"):
            raise not_found("attachment")
        return email, attachment

    email, attachment = await services.db.read(look_up)
    content = await services.blobs.load(services.db, account_id, attachment["sha256"])
    return File(attachment["name"], attachment["content_type"], content, email)


def open_attachment_link(ctx: Context, given: OpenAttachmentLink, file: File) -> Mapping[str, Any]:
    """Downloads an attachment by a signed URL, without a key."""
    return {"file": file}


DOWNLOAD_ATTACHMENT = Operation(
    name="download_attachment",
    run=download_attachment,
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
    prepare=load_link,
    input=OpenAttachmentLink,
    output=File,
    scopes=(Scope.PUBLIC,),
    effect="read",
    audited=False,
    method="GET",
    path="/v1/attachments/{token}",
    errors=("not_found",),
)
