"""Operator mail: what the product itself writes to people (contract §3).

Codes, links, notices. It is no email of any mailbox, goes to no address that is hosted here, and asks no
suppression list; in sandbox delivery, and for a test key, it is kept and shown to operators alone.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, Literal

from multimail.core.address import AddressError, normalise, parse_address
from multimail.core.errors import Refused, invalid
from multimail.core.scopes import Scope
from multimail.core.times import to_datetime, to_rfc3339
from multimail.mail.notice import Notice
from multimail.operations.context import Context, Services
from multimail.operations.jobs import Lease
from multimail.operations.vault import OPERATOR_MAIL
from multimail.storage.database import Row, Tx

Kind = Literal["code", "link", "pending", "notice"]
SECRET: Final = frozenset({"code", "link", "pending"})  # whoever reads these acts with them
NEWEST: Final = 100


def notify(
    ctx: Context,
    to: str,
    subject: str,
    text: str,
    kind: Kind,
    *,
    test: bool | None = None,
    email_id: str | None = None,
) -> str:
    """Queues a mail from the product to a person, in this transaction; the notice's id.

    `text` is plain text; words of others in it should have passed `quoted`. Raises Refused("operator_address")
    for an address that is hosted here, Refused("invalid_fields") for what is no address. `test` mail never leaves:
    by default what a test key causes. `email_id` is the email that it tells of, with which it is erased.
    """
    notice_id = ctx.new_id("ntc")
    name = {"account_id": ctx.account_id, "notice_id": notice_id}
    ctx.sql.add_operator_mail(
        **name,
        kind=kind,
        recipient=outside_address(ctx.services, ctx.tx, to),
        subject=quoted(subject),
        text=ctx.services.vault.seal(OPERATOR_MAIL, name, text),
        email_id=email_id,
        test=ctx.actor.test if test is None else test,
        created_at=ctx.now,
    )
    ctx.sql.add_job(account_id=ctx.account_id, kind="notice", subject_id=notice_id, run_at=ctx.now)
    ctx.tx.notify("jobs", "notice")
    return notice_id


def outside_address(services: Services, tx: Tx, given: str, path: str = "to") -> str:
    """The address, normalised. Raises Refused: operator mail never comes in here again."""
    try:
        address = normalise(parse_address(given).address)
    except AddressError as error:
        raise invalid(path, str(error)) from None
    if is_hosted(services, tx, address):
        raise Refused("operator_address", "An operator's address is never one that is hosted here.")
    return address


def is_hosted(services: Services, tx: Tx, address: str) -> bool:
    domain, platform = address.rpartition("@")[2], services.site.domain
    slug = domain.removesuffix(f".{platform}") if domain.endswith(f".{platform}") else ""
    return slug == "simulator" or tx.sql.is_hosted(address=address, slug=slug) is not None


def quoted(text: str, limit: int = 200) -> str:
    """Words of others as one line that no mail program makes a link or a layout of."""
    line = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return line[:limit].replace("://", ":\N{WORD JOINER}//")


@dataclass(frozen=True, slots=True)
class Outgoing:
    """`kept` is one that never leaves: sandbox delivery, a test key."""

    notice: Notice
    date: datetime
    kept: bool

    @property
    def to(self) -> str:
        return self.notice.to


def still_waiting(services: Services, tx: Tx, lease: Lease, settle: Callable[..., object]) -> Row | None:
    """What is to be mailed now; None, and the job ends, where it is no more, or its address became a mailbox since."""
    row = tx.sql.get_operator_mail(account_id=lease.account_id, notice_id=lease.subject_id)
    if row is None or row["status"] != "waiting":
        tx.sql.finish_job(**lease.name)
        return None
    if is_hosted(services, tx, row["recipient"]):
        settle(services, tx, lease, "failed", "the address is hosted here")
        return None
    return row


def take_notice(services: Services, tx: Tx, lease: Lease) -> Outgoing | None:
    """A unit of work: what is to be sent now; None, and the job ends, where there is nothing any more."""
    row = still_waiting(services, tx, lease, settle_notice)
    if row is None:
        return None
    text = services.vault.open(OPERATOR_MAIL, row, row["text"])
    notice = Notice(row["notice_id"], services.site.domain, row["recipient"], row["subject"], text)
    kept = bool(row["test"]) or services.site.delivery == "sandbox"
    return Outgoing(notice, to_datetime(row["created_at"]).replace(tzinfo=UTC), kept)


def settle_notice(
    services: Services,
    tx: Tx,
    lease: Lease,
    status: str,
    error: str | None = None,
    retry_at: int | None = None,
) -> bool:
    """A unit of work: `status` is sent, failed, sandboxed, or waiting until `retry_at`. What left holds no secret.
    False where somebody took the job over, and says what became of it."""
    if not tx.sql.holds_lease(**lease.name):
        return False
    name = {"account_id": lease.account_id, "notice_id": lease.subject_id}
    row = tx.sql.get_operator_mail(**name)
    text = row["text"] if status in ("waiting", "sandboxed") else ""
    tx.sql.settle_operator_mail(**name, status=status, text=text, last_error=error, done_at=services.clock())
    if retry_at is None:
        tx.sql.finish_job(**lease.name)
    else:
        tx.sql.retry_job(**lease.name, run_at=retry_at)
    return True


def sandboxed(ctx: Context) -> list[dict[str, Any]]:
    """What would have been mailed to people, newest first."""
    rows = ctx.sql.list_operator_mail(account_id=ctx.account_id, limit=NEWEST)
    person = ctx.sql.get_operator(account_id=ctx.account_id, operator_id=ctx.actor.id)
    own = person and person["email"]
    return [notice_view(ctx, row, shown=_may_read(ctx, row, own)) for row in rows]


def _may_read(ctx: Context, row: Row, own: str | None) -> bool:
    """Codes and links are an owner's to read, and one's own; links to decide by, which act in a person's name, are
    that person's alone: with another's an owner could approve what they edited, where that takes two."""
    if row["recipient"] == own or row["kind"] not in SECRET:
        return True
    return row["kind"] != "pending" and Scope.OWNER in ctx.actor.grants


def notice_view(ctx: Context, row: Row, *, shown: bool) -> dict[str, Any]:
    return {
        "id": row["notice_id"],
        "kind": row["kind"],
        "to": row["recipient"],
        "subject": row["subject"],
        "text": ctx.services.vault.open(OPERATOR_MAIL, row, row["text"]) if shown else None,
        "test": bool(row["test"]),
        "created_at": to_rfc3339(row["created_at"]),
    }


def every_sandboxed(ctx: Context) -> list[Mapping[str, Any]]:
    """The same of every account, for whoever has the data folder; newest last."""
    rows = ctx.sql.list_all_operator_mail(limit=NEWEST)
    return [notice_view(ctx, row, shown=True) for row in reversed(rows)]
