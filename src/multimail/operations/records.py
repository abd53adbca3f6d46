"""What stands on record: how a mailbox has done under its mode, and whether the audit log is whole."""

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

from typing_extensions import TypedDict

from multimail.core.audit_chain import START, Verdict, verify
from multimail.core.oversight import STRICTNESS, Mode
from multimail.core.scopes import Scope
from multimail.core.times import optional_rfc3339, to_rfc3339
from multimail.operations import lifecycle
from multimail.operations.account import audit_view
from multimail.operations.context import Context, require_whole_account
from multimail.operations.mailboxes import ALLOWS, NAME_ALIASES, MailboxName
from multimail.operations.operation import Input, Operation
from multimail.storage.database import Row

LOOKED_AT: Final = 1000  # the newest decisions
CHANGES: Final = 50
PIECE: Final = 2000  # entries in memory at once
LONGEST: Final = 200_000  # entries checked in one answer


class ModeChange(TypedDict):
    """`was` is null for the mode that the mailbox was created with; to programs `by` gives nobody's name."""

    at: str
    by: str
    mode: str
    was: str | None


class Rung(TypedDict):
    """`allows` says what the mode means; `lacks` what keeps the mailbox from it beside an owner's word."""

    mode: str
    allows: str
    looser: bool
    lacks: str | None


class MailboxRecord(TypedDict):
    """Of the newest thousand decisions: `edited` were changed by a person before they were approved, `approval_rate`
    is from 0 to 1, null without a decision. `ladder` goes from the strictest to the loosest mode."""

    mailbox_id: str
    oversight_mode: str
    wanted_mode: str | None
    approved: int
    rejected: int
    edited: int
    approval_rate: float | None
    last_decided_at: str | None
    history: list[ModeChange]
    ladder: list[Rung]


def get_mailbox_record(ctx: Context, given: MailboxName) -> Mapping[str, Any]:
    """Shows how a mailbox has done: decisions on its outbound mail, changes of its mode, and what each mode needs."""
    box = ctx.mailbox(given.mailbox_id)
    name = {"account_id": ctx.account_id, "mailbox_id": box["mailbox_id"]}
    counted = ctx.sql.count_decisions(**name, limit=LOOKED_AT)
    decided = counted["approved"] + counted["rejected"]
    mode = Mode(box["oversight_mode"])
    return {
        "mailbox_id": box["mailbox_id"],
        "oversight_mode": mode,
        "wanted_mode": box["wanted_mode"],
        "approved": counted["approved"],
        "rejected": counted["rejected"],
        "edited": counted["edited"],
        "approval_rate": round(counted["approved"] / decided, 3) if decided else None,
        "last_decided_at": optional_rfc3339(counted["last_decided_at"]),
        "history": [
            _change(ctx, row) for row in ctx.sql.list_mode_changes(**name, limit=CHANGES) if _mode(row)
        ],
        "ladder": [
            {
                "mode": rung,
                "allows": ALLOWS[rung],
                "looser": STRICTNESS.index(rung) > STRICTNESS.index(mode),
                "lacks": _lacks(ctx, rung),
            }
            for rung in STRICTNESS
        ],
    }


def _mode(row: Row) -> str | None:
    """The mode that an entry of the audit log tells of."""
    told = json.loads(row["metadata_json"])
    mode: str | None = told.get("oversight_mode") or told.get("changes", {}).get("oversight_mode")
    return mode


def _change(ctx: Context, row: Row) -> dict[str, Any]:
    """Who oversees it is not an agent's to know (people.py): of many an address is the name."""
    hidden = row["actor_kind"] == "operator" and ctx.actor.kind != "operator"
    return {
        "at": to_rfc3339(row["at"]),
        "by": row["actor_id"] if hidden else row["actor_name"],
        "mode": _mode(row),
        "was": json.loads(row["metadata_json"]).get("was"),
    }


def _lacks(ctx: Context, mode: Mode) -> str | None:
    if mode is Mode.MONITORED and not lifecycle.is_overseen(ctx):
        return "a verified oversight address, to which the copies go"
    return None


class Nothing(Input):
    """No input."""


class ChainCheck(TypedDict):
    """`whole` says that `count` entries follow one another unchanged up to `head`; `broken` names the first that does
    not. That nothing was cut off at the end is told by a head that was kept elsewhere (`audit verify --head`)."""

    whole: bool
    count: int
    head: str
    broken: str | None
    unsealed: int


def check_audit_chain(ctx: Context, given: Nothing) -> Mapping[str, Any]:
    """Checks the audit log's hash chain here and now, entry by entry, up to 200,000 of them."""
    require_whole_account(ctx.actor)
    verdict = START
    for piece in _pieces(ctx):
        verdict = verify(map(audit_view, piece), verdict)
        if verdict.broken is not None or verdict.count >= LONGEST:
            break
    head = ctx.sql.get_audit_head(account_id=ctx.account_id)
    # What lies beyond the entries that were looked at may say that something was erased.
    broken = verdict.broken if verdict.count >= LONGEST else verdict.fault
    return {
        "whole": broken is None and (head is None or _reaches(verdict, head)),
        "count": verdict.count,
        "head": verdict.head,
        "broken": broken,
        "unsealed": ctx.sql.count_unsealed(account_id=ctx.account_id),
    }


def _pieces(ctx: Context) -> Iterator[list[Row]]:
    after = 0
    while piece := ctx.sql.list_chain(account_id=ctx.account_id, after=after, limit=PIECE):
        yield piece
        after = piece[-1]["seq"]


def _reaches(verdict: Verdict, head: Row) -> bool:
    """A log that was too long to be checked whole is whole as far as it was checked."""
    return verdict.count >= LONGEST or (verdict.count, verdict.head) == (head["seq"], head["hash"])


GET_MAILBOX_RECORD = Operation(
    name="get_mailbox_record",
    run=get_mailbox_record,
    input=MailboxName,
    output=MailboxRecord,
    scopes=(Scope.READ,),
    effect="read",
    audited=False,
    method="GET",
    path="/v1/mailboxes/{mailbox_id}/record",
    aliases=NAME_ALIASES,
    errors=("not_found",),
)
CHECK_AUDIT_CHAIN = Operation(
    name="check_audit_chain",
    run=check_audit_chain,
    input=Nothing,
    output=ChainCheck,
    scopes=(Scope.ADMIN,),
    effect="read",
    audited=False,
    method="GET",
    path="/v1/audit-log/chain",
    errors=("mailbox_limited",),
)
