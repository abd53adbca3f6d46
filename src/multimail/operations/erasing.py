"""Erasing mail: what an email said and who it was from and to goes; that there was one, when, and its hashes stay.

In one transaction go people, subject, bodies, attachments, earlier revisions, tags, notes, metadata, its place in the
search index, its sandbox and its copies; `storage_bytes` falls. What else tells of it is found by a job: the data of
its events, and the metadata of its audit entries, whose chain holds without (core/audit_chain.py). Bytes that nothing
names any more go an hour later (operations/loose.py). Mail that waits for somebody, or is on its way, is not erased.
"""

import json
from collections.abc import Mapping
from functools import partial
from typing import Any, Final

from typing_extensions import TypedDict

from multimail.core.errors import Refused
from multimail.core.ids import make_id
from multimail.core.jsontext import to_json
from multimail.core.oversight import PUBLIC_STATUS, State
from multimail.core.scopes import Scope
from multimail.core.times import DAY, SECOND, to_rfc3339
from multimail.operations import lifecycle, usage
from multimail.operations.context import Context, Services, system
from multimail.operations.drafts import throw_away
from multimail.operations.jobs import Lease
from multimail.operations.operation import Input, Operation, write_audit
from multimail.storage.database import Row, Tx

WAITING: Final = frozenset(
    {State.PENDING_APPROVAL, State.SCHEDULED, State.QUEUED, State.DELIVERING, State.HELD}
)
BATCH: Final = 10  # emails in one transaction: whoever writes meanwhile waits for it
SCRUBBED: Final = 100  # events or audit entries in one transaction
SETTLED: Final = 5 * SECOND  # by then audit entries have their place in the chain


class EraseEmail(Input):
    email_id: str
    mailbox_id: str | None = None
    approval_code: str | None = None


class ErasedAnswer(TypedDict):
    id: str
    message_id: str
    status: str
    erased_at: str


def destroys(ctx: Context, given: EraseEmail) -> str | None:
    email = _find(ctx, given)
    if email["erased_at"] is not None:
        return None
    return f"what the email {given.email_id} says, and who it is from and to, is erased for ever"


def erase_email(ctx: Context, given: EraseEmail) -> Mapping[str, Any]:
    """Erases what an email says and who it was from and to, for ever: bodies, files, subject, people, metadata.

    That there was one, when, what became of it and its hashes stay, and the audit log still verifies. An email that
    waits, or is on its way, is 409. Asked by a program it takes an owner's `approval_code`.
    """
    email = _find(ctx, given)
    erased_at = email["erased_at"]
    if erased_at is None:
        if not erase(ctx, email):
            raise lifecycle.overtaken(email)
        erased_at = ctx.now
        ctx.about("email", given.email_id, email["mailbox_id"], why="asked")
    return {
        "id": given.email_id,
        "message_id": given.email_id,
        "status": PUBLIC_STATUS[State(email["state"])],
        "erased_at": to_rfc3339(erased_at),
    }


def _find(ctx: Context, given: EraseEmail) -> Row:
    email = ctx.email(given.email_id)
    if given.mailbox_id is not None and ctx.mailbox(given.mailbox_id)["mailbox_id"] != email["mailbox_id"]:
        raise Refused("not_found", "There is no such email here.")
    lifecycle.require_own_kind(ctx, email)
    if email["state"] in WAITING:
        status = PUBLIC_STATUS[State(email["state"])]
        raise Refused("conflict", f"The email is {status}: decide or cancel it first.", status=status)
    return email


def erase(ctx: Context, email: Row) -> bool:
    """Takes away what the email said; False where somebody changed or erased it meanwhile. The caller writes the
    audit entry `erase_email`, which the chain needs to do without the earlier ones' metadata."""
    name = {"account_id": email["account_id"], "email_id": email["email_id"]}
    ours = email["direction"] == "outbound"
    auth = json.loads(email["auth_json"]) if email["auth_json"] else None
    blanked = ctx.sql.blank_email(
        **name,
        version=email["version"],
        from_address=email["from_address"] if ours else "",
        message_id=email["message_id"] if ours else "",  # ours is made of the email's id
        recipients_json=to_json(
            [one | {"address": "", "message": None} for one in json.loads(email["recipients_json"])]
        ),
        auth_json=auth and to_json(auth | {"domain": None, "reasons": []}),
        now=ctx.now,
    )
    if not blanked:
        return False
    ctx.sql.note_loose_of_email(**name, now=ctx.now)
    for drop in ("drop_contents", "remove_attachments", "drop_tags", "drop_captured", "drop_copies",
                 "blank_revisions", "remove_marks", "forget_unindexed", "unindex_email",
                 "remove_linked_hosts"):  # fmt: skip
        getattr(ctx.sql, drop)(**name)
    ctx.sql.blank_thread(account_id=email["account_id"], thread_id=email["thread_id"])
    usage.forget_storage(ctx, email)
    note_erased(ctx, email["email_id"])
    return True


def note_erased(ctx: Context, resource_id: str) -> None:
    """What tells of it elsewhere will be found. The caller writes an audit entry `erase_…` about it."""
    ctx.sql.note_erased(account_id=ctx.account_id, resource_id=resource_id, now=ctx.now)
    ctx.sql.add_job(
        account_id=ctx.account_id, kind="scrub", subject_id=ctx.account_id, run_at=ctx.now + SETTLED
    )
    ctx.tx.notify("jobs", "scrub")


async def erase_old(services: Services) -> None:
    """In every account that keeps mail for so many days, erases what is older."""
    for row in await services.db.read(lambda tx: tx.sql.list_retaining_accounts()):
        before = services.clock() - row["retention_days"] * DAY
        after: str | None = ""
        while after is not None:
            after = await services.db.write(partial(_erase_some, services, row["account_id"], before, after))
        while await services.db.write(partial(_throw_away_some, services, row["account_id"], before)):
            pass


def _erase_some(services: Services, account_id: str, before: int, after: str, tx: Tx) -> str | None:
    """A unit of work: up to BATCH emails; where to go on, or None."""
    ctx = Context(services, tx, system(account_id, "retention"), services.clock())
    name = {"account_id": account_id, "after": after, "before": before}
    rows = tx.sql.list_erasable(**name, before_id=make_id("eml", before // 1000, 0), limit=BATCH)
    for email in rows:
        if erase(ctx, email):
            ctx.about("email", email["email_id"], email["mailbox_id"], why="retention")
            write_audit(ctx, "erase_email")
    return rows[-1]["email_id"] if len(rows) == BATCH else None


def _throw_away_some(services: Services, account_id: str, before: int, tx: Tx) -> bool:
    """A unit of work: up to BATCH drafts that nobody has touched since; whether there may be more."""
    ctx = Context(services, tx, system(account_id, "retention"), services.clock())
    rows = tx.sql.list_old_drafts(account_id=account_id, before=before, limit=BATCH)
    for draft in rows:
        erase_draft(ctx, draft, "retention")
    return len(rows) == BATCH


def erase_draft(ctx: Context, draft: Row, why: str) -> None:
    throw_away(ctx, draft)
    note_erased(ctx, draft["draft_id"])
    ctx.about("draft", draft["draft_id"], draft["mailbox_id"], why=why)
    write_audit(ctx, "erase_draft")


async def scrub(services: Services, lease: Lease) -> None:
    """Takes what events and audit entries say of what was erased, and ends the job. Done again, it finds nothing.

    Looking for them walks through both, which costs the send path no index.
    """
    started, db = services.clock(), services.db
    name = {"account_id": lease.account_id, "limit": SCRUBBED}
    unsealed, after = False, ""
    while rows := await db.read(lambda tx, a=after: tx.sql.list_events_to_scrub(**name, after=a)):  # type: ignore[misc]  # bound now
        found = [{"account_id": lease.account_id, "event_id": row["event_id"]} for row in rows]
        await db.write(lambda tx, f=found: tx.sql.scrub_events(f))  # type: ignore[misc]  # bound now
        after = rows[-1]["event_id"]
    after = ""
    while rows := await db.read(lambda tx, a=after: tx.sql.list_audit_to_scrub(**name, after=a)):  # type: ignore[misc]  # bound now
        unsealed |= any(row["seq"] is None for row in rows)
        found = [
            {"account_id": lease.account_id, "entry_id": row["entry_id"]}
            for row in rows
            if row["seq"] is not None
        ]
        if found:
            await db.write(lambda tx, f=found: tx.sql.scrub_audit(f))  # type: ignore[misc]  # bound now
        after = rows[-1]["entry_id"]
    await db.write(partial(_end_scrub, services, lease, None if unsealed else started))


def _end_scrub(services: Services, lease: Lease, started: int | None, tx: Tx) -> None:
    """The job goes first: whoever erases at this moment either waits for that, or is seen by the look after it."""
    if not tx.sql.finish_job(**lease.name):
        return
    if started is not None:
        tx.sql.forget_erased(account_id=lease.account_id, before=started)
    if tx.sql.any_erased(account_id=lease.account_id) is not None:
        run_at = services.clock() + SETTLED
        tx.sql.add_job(account_id=lease.account_id, kind="scrub", subject_id=lease.subject_id, run_at=run_at)
        tx.notify("jobs", "scrub")


ERASE_EMAIL: Final = Operation(
    name="erase_email",
    run=erase_email,
    input=EraseEmail,
    output=ErasedAnswer,
    scopes=(Scope.ADMIN,),
    effect="destructive",
    method="POST",
    path="/v1/emails/{email_id}/erase",
    aliases={"id": "email_id", "message_id": "email_id", "mailbox": "mailbox_id"},
    needs_owner=destroys,
    errors=("not_found", "conflict", "invalid_approval_code"),
)
