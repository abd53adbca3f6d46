"""Usage: counters kept in the transaction of whatever is counted, and what get_usage makes of them.

Nothing is scanned: `usage` counts what happened by day, `holdings` what a mailbox holds now. Held inbound mail is
counted apart, for it exists for nobody without `oversight` (contract §4).
"""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any, Final, Literal

from pydantic import Field
from typing_extensions import TypedDict

from multimail.core.errors import invalid
from multimail.core.oversight import State
from multimail.core.scopes import Scope
from multimail.core.times import DAY, moment, to_datetime
from multimail.operations import quotas
from multimail.operations.context import Context
from multimail.operations.operation import Input, Operation
from multimail.storage.database import Row

SHARDS: Final = 7  # a prime, so that times of any grain spread over them
LONGEST: Final = 366  # days in one answer

EVENTS: Final = ("sent", "received", "failed", "bounced", "complained")
ENTERED: Final = {State.SENT: "sent", State.FAILED: "failed", State.BOUNCED: "bounced"}


def count_transition(ctx: Context, email: Row | Mapping[str, Any], state: State) -> None:
    """What an email's step from `email["state"]` to `state` changes in the counters."""
    before, size = State(email["state"]), email["size"]
    if before is state:
        return
    happened = ENTERED.get(state)
    holds = dict.fromkeys(("pending", "held", "bytes", "held_bytes"), 0)
    holds["pending"] = (state is State.PENDING_APPROVAL) - (before is State.PENDING_APPROVAL)
    holds["held"] = (state is State.HELD) - (before is State.HELD)
    if before is State.COMPOSED:
        holds["bytes"] = size
    elif before is State.ARRIVED and state is State.HELD:
        holds["held_bytes"] = size
    elif before is State.ARRIVED or (before is State.HELD and state is not State.DECLINED):
        happened = "received"
        holds |= {"bytes": size, "held_bytes": -size if before is State.HELD else 0}
    if happened is not None:
        count_event(ctx, email, happened)
    if any(holds.values()):
        ctx.sql.add_holdings(**_counter(ctx, email), **holds)


def count_event(ctx: Context, email: Row | Mapping[str, Any], happened: str) -> None:
    """One more of EVENTS, today."""
    counts = dict.fromkeys(EVENTS, 0) | {happened: 1}
    ctx.sql.add_usage(**_counter(ctx, email), day=ctx.now // DAY, **counts)


def count_edit(ctx: Context, before: Row, after: Row) -> None:
    """What an outbound email takes by its new words in place of those before."""
    grown = after["size"] - before["size"]
    if grown:
        ctx.sql.add_holdings(**_counter(ctx, after), pending=0, held=0, bytes=grown, held_bytes=0)


def count_draft(ctx: Context, draft: Row, grown: int) -> None:
    """What a draft's files take more than before."""
    if grown:
        ctx.sql.add_holdings(**_counter(ctx, draft), pending=0, held=0, bytes=grown, held_bytes=0)


def forget_storage(ctx: Context, email: Row) -> None:
    """For whoever erases an email's contents: they take no room any more."""
    hidden = State(email["state"]) in (State.HELD, State.DECLINED)
    freed = (
        {"bytes": 0, "held_bytes": -email["size"]} if hidden else {"bytes": -email["size"], "held_bytes": 0}
    )
    ctx.sql.add_holdings(**_counter(ctx, email), pending=0, held=0, **freed)


def _counter(ctx: Context, email: Row | Mapping[str, Any]) -> dict[str, Any]:
    """One shard for a whole transaction, so that two that count much can't wait for each other."""
    return {
        "account_id": email["account_id"],
        "mailbox_id": email["mailbox_id"],
        "test": bool(email["test"]),
        "shard": ctx.now % SHARDS,
    }


class GetUsage(Input):
    from_date: datetime | None = Field(
        None, description="The first day (UTC), as a date or a time; by default the first of this month."
    )
    to_date: datetime | None = Field(None, description="The last day, counted too; by default today.")
    breakdown: Literal["daily"] | None = Field(None, description="`daily` adds each day that had mail.")
    mailbox_id: str | None = Field(None, description="Only this mailbox: its id or address.")
    test: bool | None = Field(None, description="Test mail or live mail; by default what the key is for.")


class PlanLimits(TypedDict):
    """Null where there is no limit. `emails` counts the live emails accepted for sending in a calendar month."""

    mailboxes: int | None
    emails: int | None
    storage_bytes: int | None
    requests_per_minute: int | None


class DayUsage(TypedDict):
    date: str
    sent: int
    received: int
    failed: int
    bounced: int
    complained: int


# `from` is a keyword of Python, so this shape is spelled as a call.
UsageAnswer = TypedDict(
    "UsageAnswer",
    {
        "from": str,
        "to": str,
        "test": bool,
        "sent": int,
        "received": int,
        "failed": int,
        "bounced": int,
        "complained": int,
        "pending": int,
        "storage_bytes": int,
        "plan": str,
        "limits": PlanLimits,
        "daily": list[DayUsage] | None,
    },
)


def get_usage(ctx: Context, given: GetUsage) -> Mapping[str, Any]:
    """Counts what was sent, received, failed, bounced and complained about, from one day to another.

    `pending` and `storage_bytes` are what is there now. A key that is limited to mailboxes counts those alone.
    """
    first, last = _days(ctx, given)
    chosen = {
        "account_id": ctx.account_id,
        "test": ctx.actor.test if given.test is None else given.test,
        "any_mailbox": given.mailbox_id is None,
        "mailbox_id": "" if given.mailbox_id is None else ctx.mailbox(given.mailbox_id)["mailbox_id"],
        **ctx.actor.filter,
    }
    days = ctx.sql.list_usage(**chosen, first=first, last=last)
    held = ctx.sql.get_holdings(**chosen, any_kind=False)
    sees = ctx.actor.sees_held
    plan = asdict(quotas.plan_of(ctx))
    return {
        "from": _date(first),
        "to": _date(last),
        "test": chosen["test"],
        **{name: sum(day[name] for day in days) for name in EVENTS},
        "pending": held["pending"] + (held["held"] if sees else 0),
        "storage_bytes": held["bytes"] + (held["held_bytes"] if sees else 0),
        "plan": quotas.plan_name(ctx),
        "limits": {
            "mailboxes": plan["mailboxes"],
            "emails": plan["emails"],
            "storage_bytes": plan["storage"],
            "requests_per_minute": plan["requests"],
        },
        "daily": None
        if given.breakdown is None
        else [{"date": _date(day["day"])} | {name: day[name] for name in EVENTS} for day in days],
    }


def _days(ctx: Context, given: GetUsage) -> tuple[int, int]:
    last = ctx.now // DAY if given.to_date is None else _day(given.to_date)
    first = _day(to_datetime(last * DAY).replace(day=1)) if given.from_date is None else _day(given.from_date)
    if not 0 <= last - first < LONGEST:
        raise invalid("from", f"not after `to`, and at most {LONGEST} days before it")
    return first, last


def _day(given: datetime) -> int:
    return moment(given, 0) // DAY


def _date(day: int) -> str:
    return to_datetime(day * DAY).date().isoformat()


GET_USAGE = Operation(
    name="get_usage",
    run=get_usage,
    input=GetUsage,
    output=UsageAnswer,
    scopes=(Scope.READ,),
    effect="read",
    audited=False,
    method="GET",
    path="/v1/usage",
    aliases={"from": "from_date", "to": "to_date", "period": "breakdown", "mailbox": "mailbox_id"},
    errors=("not_found",),
)
