"""The account, its audit log, and the sandbox that shows what would have left."""

import json
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final, NotRequired

from pydantic import Field
from typing_extensions import TypedDict

from multimail.core.errors import invalid
from multimail.core.scopes import Scope
from multimail.core.times import moment, optional_rfc3339, to_rfc3339
from multimail.operations.context import Context
from multimail.operations.inbox import FOREVER, containing
from multimail.operations.notices import sandboxed
from multimail.operations.operation import Input, Operation
from multimail.operations.views import decode_cursor, page
from multimail.storage.database import Row

LAST: Final = "~"


class Nothing(Input):
    """No input."""


class AccountAnswer(TypedDict):
    """`key` tells the asking key's own scopes and limits; `suspended_for` is bounces or complaints.
    What emails say is erased once they are `retention_days` old; null keeps it."""

    id: str
    account_id: str
    name: str
    slug: str
    domain: str
    plan: str
    oversight_email: str | None
    oversight_email_verified_at: str | None
    paused_at: str | None
    suspended_at: str | None
    suspended_for: str | None
    retention_days: int | None
    blocked_leaks: list[str]
    created_at: str
    key: dict[str, Any]


def get_account(ctx: Context, given: Nothing) -> Mapping[str, Any]:
    """Shows the account, and what the asking key may do."""
    row = ctx.sql.get_account(account_id=ctx.account_id)
    limits = ctx.actor.mailbox_ids
    return {
        "id": row["account_id"],
        "account_id": row["account_id"],
        "name": row["name"],
        "slug": row["slug"],
        "domain": f"{row['slug']}.{ctx.services.site.domain}",
        "plan": row["plan"],
        "oversight_email": row["oversight_email"],
        "oversight_email_verified_at": optional_rfc3339(row["oversight_email_verified_at"]),
        "paused_at": optional_rfc3339(row["paused_at"]),
        "suspended_at": optional_rfc3339(row["suspended_at"]),
        "suspended_for": row["suspended_for"],
        "retention_days": row["retention_days"],
        "blocked_leaks": row["blocked_leaks"].split(),
        "created_at": to_rfc3339(row["created_at"]),
        "key": {
            "id": ctx.actor.id,
            "scopes": sorted(ctx.actor.grants),
            "test": ctx.actor.test,
            "mailbox_ids": None if limits is None else sorted(limits),
        },
    }


class GetAuditLog(Input):
    action: str | None = Field(None, description="Only entries of this operation or event of delivery.")
    resource_id: str | None = Field(None, description="Only entries about this email, mailbox, key …")
    actor_id: str | None = Field(None, description="Only what this key or person did.")
    q: str | None = Field(
        None, description="A text that is in the metadata: a run_id, a reason, a client's name."
    )
    date_after: datetime | None = None
    date_before: datetime | None = None
    limit: int = Field(20, ge=1, le=100)
    cursor: str | None = None


class AuditActor(TypedDict):
    kind: str
    id: str
    name: str


class AuditEntry(TypedDict):
    """`hash` is SHA-256 over the canonical JSON of the rest, but for `metadata` and `salt`; `prev` is the hash of the
    entry before. `commitment` is SHA-256 over `salt` and the canonical JSON of `metadata`; where the metadata was
    erased, it is empty and `salt` is null."""

    id: str
    seq: int
    at: str
    actor: AuditActor
    action: str
    resource_type: str
    resource_id: str
    metadata: dict[str, Any]
    commitment: str | None
    salt: str | None
    prev: str
    hash: str


class AuditPage(TypedDict):
    entries: list[AuditEntry]
    cursor: str | None


def audit_view(row: Row) -> dict[str, Any]:
    """The shape of AuditEntry, and what its hash is computed over."""
    return chained_view(row) | {"metadata": json.loads(row["metadata_json"])}


def chained_view(row: Row) -> dict[str, Any]:
    """All of it but the metadata, for which the commitment stands in the chain."""
    return {
        "id": row["entry_id"],
        "seq": row["seq"],
        "at": to_rfc3339(row["at"]),
        "actor": {"kind": row["actor_kind"], "id": row["actor_id"], "name": row["actor_name"]},
        "action": row["action"],
        "resource_type": row["resource_type"],
        "resource_id": row["resource_id"],
        "commitment": row["commitment"],
        "salt": row["salt"],
        "prev": row["prev"],
        "hash": row["hash"],
    }


def get_audit_log(ctx: Context, given: GetAuditLog) -> Mapping[str, Any]:
    """Lists the audit log, newest first: who did what to what, chained by hashes.

    Entries appear within a second of what they tell.
    """
    position = decode_cursor(given.cursor, str(1 << 62))
    if not re.fullmatch("[0-9]{1,19}", position) or int(position) > 1 << 62:
        raise invalid("cursor", "not a cursor of this list")
    rows = ctx.sql.list_audit(
        account_id=ctx.account_id,
        before=int(position),
        after=0,
        see_held=ctx.actor.sees_held,
        any_action=given.action is None,
        action=given.action or "",
        any_resource=given.resource_id is None,
        resource_id=given.resource_id or "",
        any_actor=given.actor_id is None,
        actor_id=given.actor_id or "",
        any_metadata=given.q is None,
        metadata=containing("q", (given.q or "").lower()),
        since=moment(given.date_after, 0),
        until=moment(given.date_before, FOREVER),
        limit=given.limit + 1,
        **ctx.actor.filter,
    )
    shown, cursor = page(rows, given.limit, lambda row: str(row["seq"]))
    return {"entries": [audit_view(row) for row in shown], "cursor": cursor}


class ListSandbox(Input):
    limit: int = Field(20, ge=1, le=100)
    cursor: str | None = None


class Captured(TypedDict):
    """An email that would have left for `recipients`."""

    email_id: str
    mailbox_id: str
    subject: str
    recipients: list[str]
    test: bool
    captured_at: str
    raw_sha256: str


class OperatorMail(TypedDict):
    """What would have been mailed to a person. `text` is null where it holds a code or link that is another's."""

    id: str
    kind: str
    to: str
    subject: str
    text: str | None
    test: bool
    created_at: str


class SandboxPage(TypedDict):
    """`operator_mail` is in answers to operators alone: the newest 100."""

    sandbox: list[Captured]
    cursor: str | None
    operator_mail: NotRequired[list[OperatorMail]]


def list_sandbox(ctx: Context, given: ListSandbox) -> Mapping[str, Any]:
    """Lists what would have left the machine, newest first.

    That is all external mail while delivery is `sandbox`, and all mail of test keys. Operators see the
    product's own mail to people too.
    """
    rows = ctx.sql.list_sandbox(
        account_id=ctx.account_id,
        before=decode_cursor(given.cursor, LAST),
        limit=given.limit + 1,
        **ctx.actor.filter,
    )
    shown, cursor = page(rows, given.limit, lambda row: str(row["email_id"]))
    mine = {"operator_mail": sandboxed(ctx)} if Scope.OPERATOR in ctx.actor.grants else {}
    return mine | {
        "sandbox": [
            {
                "email_id": row["email_id"],
                "mailbox_id": row["mailbox_id"],
                "subject": row["subject"],
                "recipients": json.loads(row["recipients_json"]),
                "test": bool(row["test"]),
                "captured_at": to_rfc3339(row["captured_at"]),
                "raw_sha256": row["raw_sha256"],
            }
            for row in shown
        ],
        "cursor": cursor,
    }


GET_ACCOUNT = Operation(
    name="get_account",
    run=get_account,
    input=Nothing,
    output=AccountAnswer,
    scopes=(Scope.READ,),
    effect="read",
    audited=False,
    method="GET",
    path="/v1/account",
)
GET_AUDIT_LOG = Operation(
    name="get_audit_log",
    run=get_audit_log,
    input=GetAuditLog,
    output=AuditPage,
    scopes=(Scope.ADMIN,),
    effect="read",
    audited=False,
    method="GET",
    path="/v1/audit-log",
)
LIST_SANDBOX = Operation(
    name="list_sandbox",
    run=list_sandbox,
    input=ListSandbox,
    output=SandboxPage,
    scopes=(Scope.READ,),
    effect="read",
    audited=False,
    method="GET",
    path="/v1/sandbox",
)
