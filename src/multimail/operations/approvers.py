"""Who may decide on a mailbox's mail: its approvers where it has some, and the owners always (contract §3)."""

from collections.abc import Iterable

from multimail.core.errors import Refused, invalid, not_found
from multimail.core.scopes import Role, Scope
from multimail.operations.context import Context
from multimail.storage.database import Row


def decider(ctx: Context, operator_id: str, path: str) -> Row:
    """An operator who may decide. Raises Refused."""
    row = ctx.sql.get_operator(account_id=ctx.account_id, operator_id=operator_id)
    if row is None:
        raise not_found("operator")
    if row["role"] not in (Role.OWNER, Role.APPROVER):
        raise invalid(path, f"{row['name']} is a {row['role']}, who never decides")
    return row


def add_approvers(ctx: Context, mailbox_id: str, operator_ids: Iterable[str], path: str) -> None:
    """Raises Refused for somebody who never decides."""
    for operator_id in operator_ids:
        decider(ctx, operator_id, path)
        ctx.sql.add_approver(account_id=ctx.account_id, mailbox_id=mailbox_id, operator_id=operator_id)


def require_may_decide(ctx: Context, mailbox_id: str) -> None:
    """Raises Refused for a person who is no approver of a mailbox that has some; whom a wait escalates to is one."""
    if ctx.actor.kind != "operator" or Scope.OWNER in ctx.actor.grants:
        return
    named = ctx.sql.list_mailbox_approvers(account_id=ctx.account_id, mailbox_id=mailbox_id)
    approvers = {row["operator_id"] for row in named}
    if not approvers or ctx.actor.id in approvers:
        return
    row = ctx.sql.get_oversight_settings(account_id=ctx.account_id)
    if row is None or ctx.actor.id != row["escalate_to"]:
        raise Refused(
            "insufficient_scope",
            "Other people decide on this mailbox's mail.",
            hint="an owner names a mailbox's approvers with update_notifications",
        )
