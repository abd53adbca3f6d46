"""Erasing a person: every email from or to an address, and what else an account knows of it (GDPR, article 17).

It may be much, so a job does it. What stays, so that nobody writes to that person again, is the entry of the
suppression list and deny rules; `remove_suppression` and `remove_rule` take them away.
"""

import json
from collections.abc import Mapping
from functools import partial
from typing import Any, Final

from pydantic import Field
from typing_extensions import TypedDict

from multimail.core.address import AddressError, normalise, parse_address
from multimail.core.errors import Refused, invalid, not_found
from multimail.core.scopes import Scope
from multimail.core.times import optional_rfc3339, to_rfc3339
from multimail.operations.composing import address_list
from multimail.operations.context import Context, Services, require_whole_account, system
from multimail.operations.erasing import WAITING, erase, erase_draft, note_erased
from multimail.operations.inbox import containing, with_participant
from multimail.operations.jobs import Lease
from multimail.operations.notices import is_hosted
from multimail.operations.operation import Input, Operation, write_audit
from multimail.storage.database import Row, Tx

BATCH: Final = 10  # emails in one transaction
PEOPLE: Final = ("to", "cc", "bcc", "reply_to")


class ErasePerson(Input):
    address: str = Field(
        max_length=320, description="The person's address: mail from it and to it is erased."
    )
    approval_code: str | None = None


class ErasureAnswer(TypedDict):
    """`status` is erasing or done. `waiting` emails could not be erased because they wait for somebody or were on
    their way: ask again once they are decided. The address itself is forgotten once it is done."""

    id: str
    status: str
    address: str | None
    emails: int
    waiting: int
    created_at: str
    finished_at: str | None


class ErasureName(Input):
    erasure_id: str


def destroys(ctx: Context, given: ErasePerson) -> str:
    address = _address(ctx, given)
    return f"all mail from and to {address}, with contacts, drafts and allow rules, is erased for ever"


def erase_person(ctx: Context, given: ErasePerson) -> Mapping[str, Any]:
    """Erases a person: what every email from or to an address says, contacts, drafts to it and allow rules for it.

    It is done in the background; get_erasure tells how far it is. Asked by a program it takes an owner's
    `approval_code`. Suppression and deny rules stay, so that nobody writes there again.
    """
    name = {"account_id": ctx.account_id, "erasure_id": ctx.new_id("ers")}
    ctx.sql.add_erasure(**name, address=_address(ctx, given), created_at=ctx.now)
    ctx.sql.add_job(account_id=ctx.account_id, kind="forget", subject_id=name["erasure_id"], run_at=ctx.now)
    ctx.tx.notify("jobs", "forget")
    ctx.about("erasure", name["erasure_id"])
    return _view(ctx.sql.get_erasure(**name))


def get_erasure(ctx: Context, given: ErasureName) -> Mapping[str, Any]:
    """Tells how far the erasing of a person is."""
    require_whole_account(ctx.actor)
    row = ctx.sql.get_erasure(account_id=ctx.account_id, erasure_id=given.erasure_id)
    if row is None:
        raise not_found("erasure")
    return _view(row)


def _address(ctx: Context, given: ErasePerson) -> str:
    """Raises Refused for what is no address, and for an agent's own: its mailbox is deleted instead."""
    require_whole_account(ctx.actor)
    if ctx.actor.test:
        raise Refused("insufficient_scope", hint="a test key erases no live mail")
    try:
        address = normalise(parse_address(given.address).address)
    except AddressError as error:
        raise invalid("address", str(error)) from None
    if is_hosted(ctx.services, ctx.tx, address):
        raise invalid("address", "this is a mailbox hosted here, and no other person's address")
    return address


def _view(row: Row) -> dict[str, Any]:
    return {
        "id": row["erasure_id"],
        "status": "erasing" if row["finished_at"] is None else "done",
        "address": row["address"] or None,
        "emails": row["emails"],
        "waiting": row["waiting"],
        "created_at": to_rfc3339(row["created_at"]),
        "finished_at": optional_rfc3339(row["finished_at"]),
    }


async def forget(services: Services, lease: Lease) -> None:
    """Does what erase_person began, and ends the job. Done again, it finds less to do."""
    name = {"account_id": lease.account_id, "erasure_id": lease.subject_id}
    found = await services.db.read(lambda tx: tx.sql.get_erasure(**name))
    if found is None or found["finished_at"] is not None:
        await services.db.write(lambda tx: tx.sql.finish_job(**lease.name))
        return
    address, after, waiting = found["address"], "", 0
    while rows := await services.db.read(partial(_concerning, lease.account_id, address, after)):
        waiting += sum(row["state"] in WAITING for row in rows)
        await services.db.write(partial(_erase_emails, services, name, rows))
        after = rows[-1]["email_id"]
    after = ""
    while drafts := await services.db.read(partial(_drafts, lease.account_id, after)):
        await services.db.write(partial(_erase_drafts, services, lease, address, drafts))
        after = drafts[-1]["draft_id"]
    await services.db.write(partial(_finish, services, lease, address, waiting))


def _concerning(account_id: str, address: str, after: str, tx: Tx) -> list[Row]:
    rows: list[Row] = tx.sql.list_emails_concerning(
        account_id=account_id,
        after=after,
        address=address,
        participant=with_participant(address),
        named=_named(address),
        limit=BATCH,
    )
    return rows


def _drafts(account_id: str, after: str, tx: Tx) -> list[Row]:
    rows: list[Row] = tx.sql.list_drafts_after(account_id=account_id, after=after, limit=BATCH)
    return rows


def _named(address: str) -> str:
    """A LIKE pattern for columns of JSON, in small letters."""
    return containing("address", json.dumps(address, ensure_ascii=False).lower())


def _erase_emails(services: Services, name: Mapping[str, str], rows: list[Row], tx: Tx) -> None:
    ctx = Context(services, tx, system(name["account_id"], "erasure"), services.clock())
    count = 0
    for seen in rows:
        email = tx.sql.get_email(account_id=name["account_id"], email_id=seen["email_id"])
        if email is None or email["state"] in WAITING or not erase(ctx, email):
            continue
        ctx.about("email", email["email_id"], email["mailbox_id"], why=name["erasure_id"])
        write_audit(ctx, "erase_email")
        count += 1
    tx.sql.count_erased(**name, emails=count)


def _erase_drafts(services: Services, lease: Lease, address: str, rows: list[Row], tx: Tx) -> None:
    ctx = Context(services, tx, system(lease.account_id, "erasure"), services.clock())
    for draft in rows:
        content = json.loads(draft["content_json"])
        people = (one.address for kind in PEOPLE for one in address_list(kind, content[kind]))
        if address in map(normalise, people):
            erase_draft(ctx, draft, lease.subject_id)


def _finish(services: Services, lease: Lease, address: str, waiting: int, tx: Tx) -> None:
    if not tx.sql.finish_job(**lease.name):
        return  # whoever took the job over does the rest
    ctx = Context(services, tx, system(lease.account_id, "erasure"), services.clock())
    account = {"account_id": lease.account_id}
    for contact in tx.sql.list_contacts_at(**account, address=address):
        tx.sql.delete_contact(**account, contact_id=contact["contact_id"])
        _tell(ctx, "contact", contact["contact_id"], contact["mailbox_id"], lease.subject_id)
    for rule in tx.sql.list_allowing_rules_of(**account, address=address):
        tx.sql.remove_rule(**account, rule_id=rule["rule_id"])
        _tell(ctx, "rule", rule["rule_id"], rule["mailbox_id"], lease.subject_id)
    tx.sql.drop_correspondent(**account, address=address)
    tx.sql.drop_linked_hosts_of(**account, address=address)
    # As it was given: `Ann <ann@example.test>` is one string.
    tx.sql.drop_answers_with(**account, named=containing("address", address))
    tx.sql.finish_erasure(**account, erasure_id=lease.subject_id, waiting=waiting, now=ctx.now)


def _tell(ctx: Context, noun: str, resource_id: str, mailbox_id: str, why: str) -> None:
    note_erased(ctx, resource_id)
    ctx.about(noun, resource_id, mailbox_id or None, why=why)
    write_audit(ctx, f"erase_{noun}")


ERASE_PERSON: Final = Operation(
    name="erase_person",
    run=erase_person,
    input=ErasePerson,
    output=ErasureAnswer,
    scopes=(Scope.ADMIN,),
    effect="destructive",
    method="POST",
    path="/v1/erasures",
    status=202,
    aliases={"email": "address"},
    needs_owner=destroys,
    errors=("mailbox_limited", "invalid_approval_code"),
)
GET_ERASURE: Final = Operation(
    name="get_erasure",
    run=get_erasure,
    input=ErasureName,
    output=ErasureAnswer,
    scopes=(Scope.ADMIN,),
    effect="read",
    audited=False,
    method="GET",
    path="/v1/erasures/{erasure_id}",
    aliases={"id": "erasure_id"},
    errors=("not_found", "mailbox_limited"),
)
