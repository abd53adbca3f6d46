"""Leaving by a link in the mail's header: RFC 2369 section 3.2, in one click by RFC 8058.

Who has the link is who got the mail. It has no end: people act on old mail, and nothing but their own address is in it.
Replies carry none: there it would end a conversation that its reader began, and mail programs show the button beside
a person's words. Nor does mail to several people: whose click it was could not be told.
"""

import json
from collections.abc import Mapping
from typing import Any

from pydantic import Field
from typing_extensions import TypedDict

from multimail.core.address import normalise
from multimail.core.errors import not_found
from multimail.core.event_types import EventType
from multimail.core.oversight import State
from multimail.core.scopes import Scope
from multimail.operations.context import Context, Services, system
from multimail.operations.events import emit_about
from multimail.operations.links import open_link, sign_link
from multimail.operations.operation import Input, Operation, write_audit
from multimail.operations.suppression import suppress, suppressed_among
from multimail.storage.database import Row

PURPOSE = "unsubscribe"


def unsubscribe_url(services: Services, email: Row) -> str | None:
    """For the header of an email that leaves; None where it gets none."""
    recipients = json.loads(email["recipients_json"])
    if len(recipients) != 1 or email["in_reply_to"]:
        return None
    claims = [email["account_id"], email["email_id"], recipients[0]["address"]]
    return f"{services.site.public_url}/v1/unsubscribe/{sign_link(services.link_secret, PURPOSE, claims)}"


class Unsubscribe(Input):
    token: str = Field(max_length=2048)


class Unsubscribed(TypedDict):
    """`sender` is the account's name; `unsubscribed` whether it may not write to the address any more."""

    address: str
    sender: str
    unsubscribed: bool


def _open(ctx: Context, given: Unsubscribe) -> tuple[Context, Row, str, str]:
    """(the account's context, the account, the email's id, the address). Raises Refused("not_found")."""
    claims = open_link(ctx.services.link_secret, PURPOSE, given.token)
    account = claims and ctx.sql.get_account(account_id=claims[0])
    if not claims or not account or account["deleted_at"] is not None:
        raise not_found("link")
    its = Context(ctx.services, ctx.tx, system(claims[0], "unsubscribe link"), ctx.now, {}, ctx.request_id)
    return its, account, claims[1], claims[2]


def show_unsubscribe(ctx: Context, given: Unsubscribe) -> Mapping[str, Any]:
    """Shows who would not write to whom any more. Changes nothing: scanners open links too.

    A browser gets a page with a button; a program that accepts application/json the same as JSON.
    """
    its, account, _, address = _open(ctx, given)
    listed = bool(suppressed_among(its, [address]))
    return {"address": address, "sender": account["name"], "unsubscribed": listed}


def unsubscribe(ctx: Context, given: Unsubscribe) -> Mapping[str, Any]:
    """Puts the address that an email was sent to on its sender's suppression list. Done again, it changes nothing.

    Mail programs send `List-Unsubscribe=One-Click` (RFC 8058), without asking anybody to sign in.
    """
    its, account, email_id, address = _open(ctx, given)
    if suppress(its, address, "unsubscribe", email_id):
        email = its.sql.get_email(account_id=its.account_id, email_id=email_id)
        if email is not None:
            emit_about(its, EventType.EMAIL_UNSUBSCRIBED, email, State(email["state"]), recipient=address)
        its.about("email", email_id, email and email["mailbox_id"], address=normalise(address))
        write_audit(its, "unsubscribe")
    return {"address": address, "sender": account["name"], "unsubscribed": True}


SHOW_UNSUBSCRIBE = Operation(
    name="show_unsubscribe",
    run=show_unsubscribe,
    input=Unsubscribe,
    output=Unsubscribed,
    scopes=(Scope.PUBLIC,),
    effect="read",
    audited=False,
    method="GET",
    path="/v1/unsubscribe/{token}",
    page=True,
    errors=("not_found",),
)
UNSUBSCRIBE = Operation(
    name="unsubscribe",
    run=unsubscribe,
    input=Unsubscribe,
    output=Unsubscribed,
    scopes=(Scope.PUBLIC,),
    effect="write",
    method="POST",
    path="/v1/unsubscribe/{token}",
    page=True,
    errors=("not_found",),
)
