"""Learning from what readers call spam or not: in a job, so that nobody waits for it, per account, and taken back
when somebody changes their mind."""

import json
from collections.abc import Mapping, Sequence
from typing import Final

from multimail.core import bayes
from multimail.core.jsontext import to_json
from multimail.mail.parse import Message
from multimail.operations.context import Context, Services, system
from multimail.operations.jobs import Lease
from multimail.storage.database import Row, Tx

CLASS: Final = {"reported": "spam", "not_spam": "ham"}  # spam_verdict → what it is learned as
BALANCE: Final = 2  # answered emails that are learned beside each that was called spam
LOOKED_AT: Final = 500  # of the newest, for those


def buckets_of_message(message: Message) -> frozenset[int]:
    """Of mail that has just been read. Must be those of `buckets_of_row` once it is stored."""
    targets = [target for _, target in message.links]
    return _buckets(message.from_.address.lower(), message.subject, message.markdown, targets)


def _buckets(sender: str, subject: str, markdown: str, targets: Sequence[str]) -> frozenset[int]:
    return bayes.buckets(sender=sender, subject=subject, body=markdown, links=" ".join(targets[:50]))


def buckets_of_row(tx: Tx, email: Row) -> frozenset[int]:
    contents = tx.sql.get_contents(account_id=email["account_id"], email_id=email["email_id"])
    targets = [target for _, target in json.loads(contents["links_json"])]
    return _buckets(email["from_address"], email["subject"], contents["markdown"], targets)


def counts_of(tx: Tx, account_id: str, found: frozenset[int]) -> bayes.Counts:
    names = to_json(dict.fromkeys(map(str, (*found, bayes.EMAILS)), 0))
    rows = tx.sql.list_spam_tokens(account_id=account_id, tokens=names)
    return {row["token"]: (row["spam"], row["ham"]) for row in rows}


def to_learn(ctx: Context, email_id: str) -> None:
    """In the transaction that changed the verdict: a job that learns it."""
    ctx.sql.add_job(account_id=ctx.account_id, kind="learn", subject_id=email_id, run_at=ctx.now)
    ctx.tx.notify("jobs", "learn")


async def learn(services: Services, lease: Lease) -> None:
    """Ends the job. Done again, it changes nothing the second time."""

    def unit(tx: Tx) -> None:
        ctx = Context(services, tx, system(lease.account_id, "learn"), services.clock())
        tx.sql.finish_job(**lease.name)
        email = tx.sql.get_email(account_id=lease.account_id, email_id=lease.subject_id)
        wanted = CLASS.get(email["spam_verdict"] or "") if email else None
        if email is None or wanted is None or email["erased_at"] is not None:
            return
        if _learn_as(ctx, email, wanted) and wanted == "spam":
            name = {"account_id": lease.account_id, "mailbox_id": email["mailbox_id"]}
            for row in tx.sql.list_answered_unlearned(**name, looked_at=LOOKED_AT, limit=BALANCE):
                _learn_as(ctx, ctx.email(row["email_id"]), "ham")

    await services.db.write(unit)


def _learn_as(ctx: Context, email: Row, wanted: str) -> bool:
    """False where it is known already. What was learned otherwise is taken back."""
    was = email["learned"] or ""
    name = {"account_id": ctx.account_id, "email_id": email["email_id"]}
    if was == wanted or not ctx.sql.set_learned(**name, learned=wanted, was=was):
        return False
    change = {kind: int(wanted == kind) - int(was == kind) for kind in ("spam", "ham")}
    _count(ctx, buckets_of_row(ctx.tx, email) | {bayes.EMAILS}, change)
    return True


def _count(ctx: Context, found: frozenset[int], change: Mapping[str, int]) -> None:
    rows = [{"account_id": ctx.account_id, "token": token, **change} for token in sorted(found)]
    ctx.sql.count_spam_tokens(rows)
