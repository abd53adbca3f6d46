"""The HTML that would leave, read from the final message itself and not from anything said about it."""

import asyncio
from collections.abc import Mapping
from typing import Any, Final

from pydantic import Field
from typing_extensions import TypedDict

from multimail.core.errors import Refused, not_found
from multimail.core.oversight import PUBLIC_STATUS, State
from multimail.core.scopes import Scope
from multimail.mail.anatomy import dissect
from multimail.operations.context import Context, Services
from multimail.operations.emails import EMAIL_ALIASES
from multimail.operations.operation import Input, Operation


class ReadHtml(Input):
    email_id: str
    mailbox_id: str | None = None
    revision: str | None = Field(None, description="The revision to read; another one is refused as stale.")


class Html(TypedDict):
    """`html` is a whole page, '' where the message has none. It is untrusted."""

    html: str


def find_message(ctx: Context, given: ReadHtml) -> tuple[str, str]:
    """The account and the address of the raw message."""
    email = ctx.email(given.email_id)
    if given.mailbox_id is not None and ctx.mailbox(given.mailbox_id)["mailbox_id"] != email["mailbox_id"]:
        raise not_found("email")
    if given.revision not in (None, email["revision"]):
        raise Refused("stale_revision", status=PUBLIC_STATUS[State(email["state"])])
    contents = ctx.sql.get_contents(account_id=ctx.account_id, email_id=given.email_id)
    if contents is None:
        raise not_found("body: the email was erased")
    return ctx.account_id, contents["raw_sha256"]


async def load_html(services: Services, given: ReadHtml, found: tuple[str, str]) -> str:
    raw = await services.blobs.load(services.db, *found)
    return await asyncio.to_thread(html_of, raw)


def html_of(raw: bytes) -> str:
    """The message's HTML body, '' if it has none."""
    return dissect(raw).html


def read_html(ctx: Context, given: ReadHtml, html: str) -> Mapping[str, Any]:
    """Reads the HTML body of an email, as it is in the message itself: untrusted, for a sandboxed frame only."""
    email = ctx.email(given.email_id)
    ctx.about("email", given.email_id, email["mailbox_id"], part="html", revision=email["revision"])
    return {"html": html}


READ_HTML: Final = Operation(
    name="read_html",
    run=read_html,
    find=find_message,
    prepare=load_html,
    input=ReadHtml,
    output=Html,
    scopes=(Scope.READ, Scope.OVERSIGHT),
    effect="read",
    method="GET",
    path="/v1/mailboxes/{mailbox_id}/emails/{email_id}/html",
    aliases=EMAIL_ALIASES,
    errors=("not_found", "stale_revision"),
)
