"""Warm-up: a sending domain that nobody knows yet starts small, or its mail is taken for spam.

Counted where mail goes straight to the recipients' servers (`--deliver mx`), by account and domain: at acceptance,
and again as it leaves, for what was approved in one go may have been accepted over many days.
"""

import json
from collections.abc import Iterable

from multimail.core.errors import Refused
from multimail.core.plans import warm_up_limit
from multimail.core.times import DAY, SECOND, to_rfc3339
from multimail.operations import quotas
from multimail.operations.context import Context
from multimail.operations.served import is_simulated
from multimail.storage.database import Row


def take_acceptance(ctx: Context, sender: str, addresses: Iterable[str]) -> None:
    """One email more today. Raises Refused("warmup_limit")."""
    if ctx.actor.test or not _leaves(ctx, addresses):
        return
    domain = sender.rpartition("@")[2]
    limit = _limit(ctx, domain)
    if limit is None or _take(ctx, domain, "accepted", limit):
        return
    tomorrow = (ctx.now // DAY + 1) * DAY
    raise Refused(
        "warmup_limit",
        f"{domain} is new: it may send {limit} emails a day for now, and they are used up.",
        domain=domain,
        limit=limit,
        resets_at=to_rfc3339(tomorrow),
        retry_after=-((ctx.now - tomorrow) // SECOND),
    )


def must_wait(ctx: Context, email: Row) -> bool:
    """Whether an email that is about to leave is beyond today's; else it is counted, once and not for each attempt."""
    recipients = json.loads(email["recipients_json"])
    if email["test"] or any(one["status"] != "pending" for one in recipients):
        return False
    if not _leaves(ctx, (one["address"] for one in recipients)):
        return False
    domain = email["from_address"].rpartition("@")[2]
    limit = _limit(ctx, domain)
    return limit is not None and not _take(ctx, domain, "left", limit)


def _leaves(ctx: Context, addresses: Iterable[str]) -> bool:
    """Whether any of it goes to a stranger's mail server, for an account that is held to warming up."""
    site = ctx.services.site
    if site.delivery != "mx" or not quotas.plan_of(ctx).warm_up:
        return False
    return any(
        not is_simulated(address, site.domain) and ctx.sql.find_address(address=address) is None
        for address in addresses
    )


def _limit(ctx: Context, domain: str) -> int | None:
    """Today's, None once the domain is warm. Its first email starts its days."""
    name = {"account_id": ctx.account_id, "domain": domain}
    ctx.sql.start_warm_up(**name, now=ctx.now)
    return warm_up_limit((ctx.now - ctx.sql.get_warm_up_start(**name)) // DAY)


def _take(ctx: Context, domain: str, step: str, limit: int) -> bool:
    name = {"account_id": ctx.account_id, "domain": domain, "step": step, "day": ctx.now // DAY}
    ctx.sql.start_warm_up_day(**name)
    return bool(ctx.sql.take_warm_up(**name, limit=limit))
