"""What an account's plan lets it use (contract §12). What comes in is never refused: others would lose mail."""

from typing import Final

from multimail.core.errors import Refused
from multimail.core.plans import PLANS, Plan
from multimail.core.times import DAY, SECOND, from_datetime, to_datetime, to_rfc3339
from multimail.operations.context import Context

NO_END: Final = DAY // SECOND  # Retry-After of what time alone doesn't heal


def plan_name(ctx: Context) -> str:
    """A key brings its account's plan along; for everyone else it is looked up."""
    return ctx.actor.plan or str(ctx.sql.get_account(account_id=ctx.account_id)["plan"])


def plan_of(ctx: Context) -> Plan:
    return PLANS.get(plan_name(ctx), ctx.services.site.self_hosted)


def require_mailbox(ctx: Context) -> None:
    """Room for one more mailbox. Raises Refused("quota_exceeded")."""
    quota = plan_of(ctx).mailboxes
    if quota is None:
        return
    ctx.sql.lock_message(name=f"mailboxes/{ctx.account_id}")  # two that are created at once count each other
    if ctx.sql.count_mailboxes(account_id=ctx.account_id) >= quota:
        raise Refused(
            "quota_exceeded",
            f"The plan has {quota} mailboxes, and they exist.",
            quota="mailboxes",
            limit=quota,
            retry_after=NO_END,
        )


def take_email(ctx: Context) -> None:
    """One live email more this month, by an account that has room for it. Raises Refused("quota_exceeded")."""
    plan = plan_of(ctx)
    if plan.storage is not None:
        _require_storage(ctx, plan.storage)
    if plan.emails is None or ctx.actor.test:
        return
    month = to_datetime(ctx.now).strftime("%Y-%m")
    ctx.sql.start_month(account_id=ctx.account_id, month=month)
    if not ctx.sql.take_email(account_id=ctx.account_id, month=month, quota=plan.emails):
        resets_at = _next_month(ctx.now)
        raise Refused(
            "quota_exceeded",
            f"The plan has {plan.emails} emails a month, and they are used up.",
            quota="emails",
            limit=plan.emails,
            resets_at=to_rfc3339(resets_at),
            retry_after=-((ctx.now - resets_at) // SECOND),
        )


def _require_storage(ctx: Context, quota: int) -> None:
    everything = {"any_kind": True, "test": False, "any_mailbox": True, "mailbox_id": "", "unlimited": True}
    held = ctx.sql.get_holdings(account_id=ctx.account_id, key_id="", **everything)
    if held["bytes"] + held["held_bytes"] >= quota:
        raise Refused(
            "quota_exceeded",
            f"The plan has {quota} bytes of storage, and they are used up.",
            quota="storage",
            limit=quota,
            retry_after=NO_END,
        )


def _next_month(now: int) -> int:
    today = to_datetime(now)
    year, month = divmod(today.year * 12 + today.month, 12)
    first = today.replace(year=year, month=month + 1, day=1, hour=0, minute=0, second=0, microsecond=0)
    return from_datetime(first)
