"""Copies for the operator: what a `monitored` mailbox sends goes to the oversight address too, apart from the rest."""

import json
from dataclasses import dataclass
from typing import Any

from multimail.core.jsontext import to_json
from multimail.core.oversight import Mode
from multimail.operations import lifecycle
from multimail.operations.context import Context, Services, system
from multimail.operations.jobs import Lease
from multimail.operations.notices import quoted, settle_notice, still_waiting
from multimail.operations.operation import write_audit
from multimail.operations.vault import OPERATOR_MAIL
from multimail.storage.database import Row, Tx


def file_copy(ctx: Context, email: Row, to: str) -> None:
    """Queues the copy of an email that is being handed over: one for each revision, however often it is tried."""
    name = {"account_id": ctx.account_id, "notice_id": ctx.new_id("ntc")}
    recipients = ", ".join(_recipients(email))
    text = f"A copy of {email['email_id']}, which {email['from_address']} sends to {recipients}."
    filed = ctx.sql.add_copy(
        **name,
        recipient=to,
        subject=quoted(email["subject"]),
        text=ctx.services.vault.seal(OPERATOR_MAIL, name, text),
        email_id=email["email_id"],
        revision=email["revision"],
        test=bool(email["test"]),
        created_at=ctx.now,
    )
    if filed:
        ctx.sql.add_job(account_id=ctx.account_id, kind="copy", subject_id=name["notice_id"], run_at=ctx.now)
        ctx.tx.notify("jobs", "copy")


def _recipients(email: Row) -> list[str]:
    return [one["address"] for one in json.loads(email["recipients_json"])]


@dataclass(frozen=True, slots=True)
class Copy:
    """A copy on its way to `to`. `kept` is one that never leaves: sandbox delivery, a test email."""

    to: str
    kept: bool
    email: Row
    mailbox: Row
    account: Row
    mode: Mode
    raw: Row
    recipients: tuple[str, ...]


def take_copy(services: Services, tx: Tx, lease: Lease) -> Copy | None:
    """A unit of work: the copy to be sent now; None, and the job ends, where there is nothing any more."""
    ctx = Context(services, tx, system(lease.account_id, "copy"), services.clock())
    row = still_waiting(services, tx, lease, settle_copy)
    if row is None:
        return None
    name = {"account_id": lease.account_id, "email_id": row["email_id"]}
    email, raw = tx.sql.get_email(**name), tx.sql.get_raw(**name)
    if email is None or raw is None:
        tx.sql.finish_job(**lease.name)
        return None
    box = {"account_id": lease.account_id, "mailbox_id": email["mailbox_id"]}
    mailbox = tx.sql.get_mailbox_even_deleted(**box)
    return Copy(
        to=row["recipient"],
        kept=bool(row["test"]) or services.site.delivery == "sandbox",
        email=email,
        mailbox=mailbox,
        account=tx.sql.get_account(account_id=lease.account_id),
        mode=lifecycle.mode_now(ctx, mailbox, email["floor_mode"]),
        raw=raw,
        recipients=tuple(_recipients(email)),
    )


def settle_copy(
    services: Services,
    tx: Tx,
    lease: Lease,
    status: str,
    error: str | None = None,
    retry_at: int | None = None,
) -> None:
    """A unit of work. Where copies do not arrive nobody watches, so the mailbox goes back to `gated_send`."""
    if not settle_notice(services, tx, lease, status, error, retry_at) or status != "failed":
        return
    ctx = Context(services, tx, system(lease.account_id, "copy"), services.clock())
    row = tx.sql.get_operator_mail(account_id=lease.account_id, notice_id=lease.subject_id)
    email = tx.sql.get_email(account_id=lease.account_id, email_id=row["email_id"])
    if email is not None and tx.sql.stop_monitoring(
        account_id=lease.account_id, mailbox_id=email["mailbox_id"]
    ):
        facts: dict[str, Any] = {"was": Mode.MONITORED, "oversight_mode": Mode.GATED_SEND, "error": error}
        ctx.about("mailbox", email["mailbox_id"], email["mailbox_id"], **json.loads(to_json(facts)))
        write_audit(ctx, "stop_monitoring")
