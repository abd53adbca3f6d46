"""Rules: whom mail may reach without a human, whom never, and how much leaves (contract §4)."""

from collections.abc import Mapping
from typing import Any, Final

from pydantic import Field, field_validator, model_validator
from typing_extensions import TypedDict

from multimail.core.address import AddressError
from multimail.core.errors import not_found
from multimail.core.rules import RuleKind, read_pattern
from multimail.core.scopes import Scope
from multimail.core.times import to_rfc3339
from multimail.operations.context import Context, require_whole_account
from multimail.operations.operation import Input, Operation
from multimail.operations.views import Deleted, decode_cursor, page
from multimail.operations.written import CAPPED
from multimail.storage.database import Row

LAST: Final = "~"
EVERY_MAILBOX: Final = ""


class RuleAnswer(TypedDict):
    """`pattern` is an address or `*@domain`, null for a cap; `mailbox_id` null where it is for each mailbox."""

    id: str
    rule_id: str
    kind: str
    pattern: str | None
    mailbox_id: str | None
    per_hour: int | None
    per_day: int | None
    created_at: str
    created_by: str


class RulePage(TypedDict):
    rules: list[RuleAnswer]
    cursor: str | None


def rule_view(row: Row) -> dict[str, Any]:
    return {
        "id": row["rule_id"],
        "rule_id": row["rule_id"],
        "kind": row["kind"],
        "pattern": row["pattern"] or None,
        "mailbox_id": row["mailbox_id"] or None,
        "per_hour": row["per_hour"],
        "per_day": row["per_day"],
        "created_at": to_rfc3339(row["created_at"]),
        "created_by": row["created_by"],
    }


class ListRules(Input):
    mailbox_id: str | None = Field(None, description="Only what holds for this mailbox: its id or address.")
    limit: int = Field(20, ge=1, le=100)
    cursor: str | None = None


def list_rules(ctx: Context, given: ListRules) -> Mapping[str, Any]:
    """Lists the rules, newest first: those of the mailboxes that this key can see, and those for all mailboxes."""
    rows = ctx.sql.list_rules(
        account_id=ctx.account_id,
        before=decode_cursor(given.cursor, LAST),
        any_mailbox=given.mailbox_id is None,
        mailbox_id=_mailbox_id(ctx, given.mailbox_id),
        limit=given.limit + 1,
        **ctx.actor.filter,
    )
    shown, cursor = page(rows, given.limit, lambda row: str(row["rule_id"]))
    return {"rules": [rule_view(row) for row in shown], "cursor": cursor}


class AddRule(Input):
    kind: RuleKind
    pattern: str | None = Field(
        None, max_length=320, description="For allow and deny: an address, or `*@domain` for all of a domain."
    )
    mailbox_id: str | None = Field(
        None, description="Only for mail of this mailbox: its id or address; by default each mailbox."
    )
    per_hour: int | None = Field(None, ge=1, le=10**9, description="For a cap: emails in any 60 minutes.")
    per_day: int | None = Field(None, ge=1, le=10**9, description="For a cap: emails in any 24 hours.")
    approval_code: str | None = None

    @field_validator("pattern")
    @classmethod
    def _comparable(cls, pattern: str | None) -> str | None:
        try:
            return None if pattern is None else read_pattern(pattern)
        except AddressError as error:
            raise ValueError(str(error)) from None

    @model_validator(mode="after")
    def _whole(self) -> "AddRule":
        capped = self.per_hour is not None or self.per_day is not None
        if self.kind is RuleKind.CAP and (self.pattern is not None or not capped):
            raise ValueError("a cap has per_hour, per_day or both, and no pattern")
        if self.kind is not RuleKind.CAP and (self.pattern is None or capped):
            raise ValueError(f"{self.kind} has a pattern, and neither per_hour nor per_day")
        return self


def opens_the_gate(ctx: Context, given: AddRule) -> str | None:
    """An allow rule lets mail leave that no human has seen."""
    whose = _whose(ctx, _mailbox_id(ctx, given.mailbox_id))
    if given.kind is not RuleKind.ALLOW:
        return None
    return f"mail {whose} to {given.pattern} leaves without approval where the mode is gated_send"


def add_rule(ctx: Context, given: AddRule) -> Mapping[str, Any]:
    """Adds a rule: `allow` and `deny` name an address or `*@domain`, `cap` says how much a mailbox may send.

    Mail of a gated_send mailbox skips the gate if every recipient, Bcc included, is allowed; an allow rule takes
    an owner's approval_code. One denied recipient is enough to refuse an email, and to block it before it
    leaves. Over a cap, sends are answered 429 `quota_exceeded` with Retry-After; of several the lowest holds.
    """
    mailbox_id = _mailbox_id(ctx, given.mailbox_id)
    if mailbox_id == EVERY_MAILBOX:
        require_whole_account(ctx.actor)
    row = {
        "account_id": ctx.account_id,
        "rule_id": ctx.new_id("rul"),
        "mailbox_id": mailbox_id,
        "kind": given.kind,
        "pattern": given.pattern or CAPPED,
        "per_hour": given.per_hour,
        "per_day": given.per_day,
        "created_at": ctx.now,
        "created_by": f"{ctx.actor.kind}:{ctx.actor.id}",
    }
    ctx.sql.add_rule(**row)
    _tell(ctx, row)
    return rule_view(row)


class RemoveRule(Input):
    rule_id: str
    approval_code: str | None = None


def loosens(ctx: Context, given: RemoveRule) -> str | None:
    """What denied or capped was a brake; an allow rule less is one more."""
    row = _find(ctx, given.rule_id)
    whose = _whose(ctx, row["mailbox_id"])
    return {
        RuleKind.ALLOW: None,
        RuleKind.DENY: f"mail {whose} to {row['pattern']} is no longer denied",
        RuleKind.CAP: f"mail {whose} is no longer capped at {_cap(row)}",
    }[RuleKind(row["kind"])]


def remove_rule(ctx: Context, given: RemoveRule) -> Mapping[str, Any]:
    """Removes a rule. Removing a deny rule or a cap takes an owner's approval_code.

    What an allow rule let through and has not left is held again.
    """
    row = _find(ctx, given.rule_id)
    ctx.sql.remove_rule(account_id=ctx.account_id, rule_id=given.rule_id)
    _tell(ctx, row)
    return {"id": given.rule_id, "deleted": True}


def _find(ctx: Context, rule_id: str) -> Row:
    row = ctx.sql.get_rule(account_id=ctx.account_id, rule_id=rule_id)
    if row is None or not (row["mailbox_id"] == EVERY_MAILBOX or ctx.actor.reaches(row["mailbox_id"])):
        raise not_found("rule")
    if row["mailbox_id"] == EVERY_MAILBOX:
        require_whole_account(ctx.actor)
    return row


def _mailbox_id(ctx: Context, id_or_address: str | None) -> str:
    return EVERY_MAILBOX if id_or_address is None else ctx.mailbox(id_or_address)["mailbox_id"]


def _whose(ctx: Context, mailbox_id: str) -> str:
    if mailbox_id == EVERY_MAILBOX:
        return "from every mailbox"
    name = {"account_id": ctx.account_id, "mailbox_id": mailbox_id}
    return f"from {ctx.sql.get_mailbox_even_deleted(**name)['address']}"


def _cap(row: Row) -> str:
    asked = ((row["per_hour"], "an hour"), (row["per_day"], "a day"))
    return " and ".join(f"{number} emails {words}" for number, words in asked if number is not None)


def _tell(ctx: Context, row: Row | Mapping[str, Any]) -> None:
    facts = {name: row[name] for name in ("kind", "pattern", "per_hour", "per_day") if row[name]}
    ctx.about("rule", row["rule_id"], row["mailbox_id"] or None, **facts)


LIST_RULES = Operation(
    name="list_rules",
    run=list_rules,
    input=ListRules,
    output=RulePage,
    scopes=(Scope.READ,),
    effect="read",
    audited=False,
    method="GET",
    path="/v1/rules",
    aliases={"mailbox": "mailbox_id"},
    errors=("not_found",),
)
ADD_RULE = Operation(
    name="add_rule",
    run=add_rule,
    input=AddRule,
    output=RuleAnswer,
    scopes=(Scope.ADMIN,),
    effect="write",
    method="POST",
    path="/v1/rules",
    status=201,
    aliases={"mailbox": "mailbox_id", "address": "pattern", "recipient": "pattern"},
    needs_owner=opens_the_gate,
    errors=("not_found", "mailbox_limited", "invalid_approval_code"),
)
REMOVE_RULE = Operation(
    name="remove_rule",
    run=remove_rule,
    input=RemoveRule,
    output=Deleted,
    scopes=(Scope.ADMIN,),
    effect="destructive",
    method="DELETE",
    path="/v1/rules/{rule_id}",
    aliases={"id": "rule_id"},
    needs_owner=loosens,
    errors=("not_found", "mailbox_limited", "invalid_approval_code"),
)
