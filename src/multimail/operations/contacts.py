"""Contacts: people that an agent knows by name. Only what was added is one; mail that comes in makes none."""

from collections.abc import Mapping
from typing import Any, Final

from pydantic import Field
from typing_extensions import TypedDict

from multimail.core.errors import Refused, not_found
from multimail.core.scopes import Scope
from multimail.core.times import to_rfc3339
from multimail.operations.context import Context
from multimail.operations.inbox import containing
from multimail.operations.mailboxes import DisplayName
from multimail.operations.operation import Input, Operation
from multimail.operations.suppression import OneAddress
from multimail.operations.views import Deleted, decode_cursor, page
from multimail.storage.database import Row

LAST: Final = "~"
EVERY_MAILBOX: Final = ""


class Contact(TypedDict):
    """`mailbox_id` is the mailbox whose contact it is, null where it is the whole account's."""

    id: str
    contact_id: str
    address: str
    name: str
    notes: str
    mailbox_id: str | None
    created_at: str
    updated_at: str


class ContactPage(TypedDict):
    contacts: list[Contact]
    cursor: str | None


def contact_view(row: Row) -> dict[str, Any]:
    return {
        "id": row["contact_id"],
        "contact_id": row["contact_id"],
        "address": row["address"],
        "name": row["name"],
        "notes": row["notes"],
        "mailbox_id": row["mailbox_id"] or None,
        "created_at": to_rfc3339(row["created_at"]),
        "updated_at": to_rfc3339(row["updated_at"]),
    }


class AddContact(DisplayName, OneAddress):
    address: str = Field(max_length=320, description="An email address.")
    name: str = Field("", max_length=128)
    notes: str = Field("", max_length=4096)
    mailbox_id: str | None = Field(
        None, description="Whose contact it is: a mailbox's id or address; by default the account's."
    )


def add_contact(ctx: Context, given: AddContact) -> Mapping[str, Any]:
    """Adds a contact, or changes the name and notes of the one with this address.

    A key limited to mailboxes adds to one of them: to its only one if it names none.
    """
    mailbox_id = _whose(ctx, given.mailbox_id)
    name = {"account_id": ctx.account_id, "address": given.address, "mailbox_id": mailbox_id}
    ctx.sql.put_contact(
        **name,
        contact_id=ctx.new_id("ctc"),
        name=given.name,
        notes=given.notes,
        searched=" ".join((given.address, given.name, given.notes)).casefold(),
        now=ctx.now,
    )
    row = ctx.sql.get_contact_by_address(**name)
    ctx.about("contact", row["contact_id"], mailbox_id or None, address=given.address)
    return contact_view(row)


def _whose(ctx: Context, named: str | None) -> str:
    """A mailbox's id, or '' for the account. Raises Refused("mailbox_limited")."""
    limits = ctx.actor.mailbox_ids
    if named is not None:
        return str(ctx.mailbox(named)["mailbox_id"])
    if limits is None:
        return EVERY_MAILBOX
    if len(limits) > 1:
        raise Refused("mailbox_limited", hint="name one of this key's mailboxes as mailbox_id")
    return next(iter(limits))


class SearchContacts(Input):
    q: str = Field("", max_length=256, description="A text that is in the address, name or notes.")
    limit: int = Field(20, ge=1, le=100)
    cursor: str | None = None


def search_contacts(ctx: Context, given: SearchContacts) -> Mapping[str, Any]:
    """Finds contacts with `q` in their address, name or notes, whatever its case, newest first; without it, all.

    A key limited to mailboxes sees the contacts of its mailboxes.
    """
    rows = ctx.sql.search_contacts(
        account_id=ctx.account_id,
        before=decode_cursor(given.cursor, LAST),
        pattern=containing("q", given.q.casefold()),
        limit=given.limit + 1,
        **ctx.actor.filter,
    )
    shown, cursor = page(rows, given.limit, lambda row: str(row["contact_id"]))
    return {"contacts": [contact_view(row) for row in shown], "cursor": cursor}


class DeleteContact(Input):
    contact_id: str


def delete_contact(ctx: Context, given: DeleteContact) -> Mapping[str, Any]:
    """Deletes a contact. Mail from and to the address stays."""
    row = ctx.sql.get_contact(account_id=ctx.account_id, contact_id=given.contact_id)
    if row is None or not ctx.actor.reaches(row["mailbox_id"]):
        raise not_found("contact")
    ctx.sql.delete_contact(account_id=ctx.account_id, contact_id=given.contact_id)
    ctx.about("contact", given.contact_id, row["mailbox_id"] or None, address=row["address"])
    return {"id": given.contact_id, "deleted": True}


ADD_CONTACT = Operation(
    name="add_contact",
    run=add_contact,
    input=AddContact,
    output=Contact,
    scopes=(Scope.SEND, Scope.ADMIN),
    effect="write",
    method="POST",
    path="/v1/contacts",
    status=201,
    aliases={"email": "address", "mailbox": "mailbox_id"},
    errors=("not_found", "mailbox_limited"),
)
SEARCH_CONTACTS = Operation(
    name="search_contacts",
    run=search_contacts,
    input=SearchContacts,
    output=ContactPage,
    scopes=(Scope.READ,),
    effect="read",
    audited=False,
    method="GET",
    path="/v1/contacts",
    aliases={"query": "q"},
)
DELETE_CONTACT = Operation(
    name="delete_contact",
    run=delete_contact,
    input=DeleteContact,
    output=Deleted,
    scopes=(Scope.SEND, Scope.ADMIN),
    effect="destructive",
    method="DELETE",
    path="/v1/contacts/{contact_id}",
    aliases={"id": "contact_id"},
    errors=("not_found",),
)
