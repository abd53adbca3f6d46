"""Bounce and complaint thresholds: an account whose mail is refused or complained about too often stops sending.

For hosted plans, and where `--limits thresholds` says so. Counted is live mail that left the machine; the simulator's
outcomes hurt nobody's reputation and count for nothing. Only the server's own command line lifts a suspension.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from multimail.core.errors import Refused, not_found
from multimail.core.event_types import EventType
from multimail.core.plans import WINDOW, suspension
from multimail.core.times import DAY, to_rfc3339
from multimail.operations import quotas
from multimail.operations.context import Context, system
from multimail.operations.events import emit
from multimail.operations.operation import write_audit
from multimail.operations.usage import SHARDS
from multimail.storage.database import Row


def require_not_suspended(ctx: Context) -> None:
    """Raises Refused("sending_suspended") for live mail of a suspended account."""
    if ctx.actor.test or not quotas.plan_of(ctx).thresholds:
        return
    account = ctx.sql.get_account(account_id=ctx.account_id)
    if account["suspended_at"] is not None:
        raise Refused(
            "sending_suspended",
            reason=account["suspended_for"],
            suspended_at=to_rfc3339(account["suspended_at"]),
        )


def count_left(
    ctx: Context, email: Row, left: Iterable[str], recipients: Iterable[Mapping[str, Any]]
) -> None:
    """An email is final; `left` are those of its recipients that other servers answered for."""
    left = frozenset(left)
    answered = [one for one in recipients if one["address"] in left]
    refused = any(one["status"] == "failed" and (one["code"] or 0) >= 500 for one in answered)
    if answered:
        count(ctx, email, sends=1, hard_bounces=int(refused))


def count(ctx: Context, email: Row, *, sends: int = 0, hard_bounces: int = 0, complaints: int = 0) -> None:
    """Counts what became of a live email that left, and suspends sending where it is too much."""
    if email["test"] or not quotas.plan_of(ctx).thresholds:
        return
    ctx.sql.add_outcomes(
        account_id=ctx.account_id,
        day=ctx.now // DAY,
        shard=ctx.now % SHARDS,
        sends=sends,
        hard_bounces=hard_bounces,
        complaints=complaints,
    )
    if hard_bounces or complaints:
        _judge(ctx)


def _judge(ctx: Context) -> None:
    account = ctx.sql.get_account(account_id=ctx.account_id)
    first = max(ctx.now // DAY - WINDOW + 1, account["measured_from"])
    found = ctx.sql.get_outcomes(account_id=ctx.account_id, first=first)
    reason = suspension(found["sends"], found["hard_bounces"], found["complaints"])
    if reason is None or not ctx.sql.suspend_sending(account_id=ctx.account_id, now=ctx.now, reason=reason):
        return
    counted = {name: found[name] for name in ("sends", "hard_bounces", "complaints")}
    emit(ctx, EventType.ACCOUNT_SUSPENDED, reason=reason, days=WINDOW, **counted)
    ctx.about("account", ctx.account_id, reason=reason, **counted)
    write_audit(ctx, "suspend_sending")


def lift_suspension(ctx: Context, slug: str) -> None:
    """Sending goes on, and what was counted until today counts no more. Raises Refused("not_found")."""
    account = ctx.sql.get_account_by_slug(slug=slug)
    if account is None or account["suspended_at"] is None:
        raise not_found("suspended account")
    ctx.sql.lift_suspension(account_id=account["account_id"], tomorrow=ctx.now // DAY + 1)
    its = Context(ctx.services, ctx.tx, system(account["account_id"], "command line"), ctx.now)
    its.about("account", its.account_id, reason=account["suspended_for"])
    write_audit(its, "lift_suspension")
