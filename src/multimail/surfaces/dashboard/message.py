"""The HTML that would leave, read from the final message itself and not from anything said about it."""

import asyncio
from collections.abc import Mapping
from typing import Any, Final

from typing_extensions import TypedDict

from multimail.core.errors import Refused
from multimail.core.scopes import Scope
from multimail.mail import mime
from multimail.mail.charsets import decode
from multimail.operations.context import Actor, Context, Services
from multimail.operations.operation import Input, Operation
from multimail.storage.database import Tx


class ReadHtml(Input):
    email_id: str
    revision: str


class Html(TypedDict):
    """`html` is a whole page, '' where the message has none. It is untrusted."""

    html: str


async def load_html(services: Services, actor: Actor, given: ReadHtml) -> str:
    def find(tx: Tx) -> str:
        ctx = Context(services, tx, actor, services.clock())
        email = ctx.email(given.email_id)
        if email["revision"] != given.revision:
            raise Refused("stale_revision")
        name = {"account_id": actor.account_id, "email_id": given.email_id}
        return str(ctx.sql.get_contents(**name)["raw_sha256"])

    raw = await services.blobs.load(services.db, actor.account_id, await services.db.read(find))
    return await asyncio.to_thread(html_of, raw)


def html_of(raw: bytes) -> str:
    """The message's HTML body, '' if it has none."""
    trouble = mime.Trouble()
    fields, body = mime.read_headers(raw, trouble)
    for part in mime.leaves(fields, body, trouble):
        if part.content_type == "text/html" and part.disposition != "attachment":
            return decode(part.content, part.charset)[0]
    return ""


def read_html(ctx: Context, given: ReadHtml, html: str) -> Mapping[str, Any]:
    """Reads the HTML body of one exact revision of an email."""
    email = ctx.email(given.email_id)
    ctx.about("email", given.email_id, email["mailbox_id"], part="html", revision=given.revision)
    return {"html": html}


# Not in the registry: it exists for this surface's frames only. It goes through invoke() like all others.
READ_HTML: Final = Operation(
    name="read_html",
    run=read_html,
    prepare=load_html,
    input=ReadHtml,
    output=Html,
    scopes=(Scope.READ, Scope.OVERSIGHT),
    effect="read",
    method="GET",
    path="/dashboard/emails/{email_id}/html",
    errors=("not_found", "stale_revision"),
)
