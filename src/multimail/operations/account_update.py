"""Changing the account: its name, and the oversight address that a person proves to read."""

import hashlib
from collections.abc import Mapping
from typing import Any, Final, Literal

from pydantic import Field

from multimail.core.errors import Refused
from multimail.core.scopes import Scope
from multimail.core.times import HOUR
from multimail.operations import consent
from multimail.operations.account import AccountAnswer, Nothing, get_account
from multimail.operations.consent import VERIFY
from multimail.operations.context import Context, require_whole_account
from multimail.operations.mailboxes import DisplayName
from multimail.operations.notices import notify, outside_address, quoted
from multimail.operations.operation import Operation
from multimail.storage.database import Row

LeakKind = Literal[
    "secret", "personal_data", "remote_image", "tracking_link", "foreign_quote"
]  # mail/leaks.py

REMOVED: Final = ""
PROOFS_PER_HOUR: Final = 3
MOST_DAYS: Final = 36_500

PROOF: Final = """This address is to oversee {account}: codes, notices and copies of mail would come here.

If that is right, give whoever set it up this code within ten minutes:
    {code}

If you know nothing of it, do nothing: without the code nothing is sent here.
"""
MOVED: Final = """This address no longer oversees {account}. {instead}

An owner has agreed to that. If it was not you, look at the account's audit log.
"""


class UpdateAccount(DisplayName):
    name: str | None = Field(None, min_length=1, max_length=128)
    oversight_email: str | None = Field(
        None,
        max_length=254,
        description="Where codes, notices and copies go, once verified. Empty removes it. Takes an owner.",
    )
    oversight_email_code: str | None = Field(
        None, max_length=64, description="The code that was mailed to the oversight address: verifies it."
    )
    retention_days: int | None = Field(
        None,
        ge=0,
        le=MOST_DAYS,
        description="What emails say is erased once they are so many days old; 0: never. Shorter takes an owner.",
    )
    blocked_leaks: list[LeakKind] | None = Field(
        None,
        description="Mail in which these are found is refused, whoever sends it; other findings are only shown. "
        "To block less takes an owner.",
    )
    approval_code: str | None = None


def loosens(ctx: Context, given: UpdateAccount) -> str | None:
    """What an owner is to agree to, of all that is asked for."""
    require_whole_account(ctx.actor)
    account = ctx.sql.get_account(account_id=ctx.account_id)
    asked = [moves_oversight(ctx, given, account), _shortens(given, account), _unblocks(given, account)]
    return "; ".join(one for one in asked if one) or None


def _shortens(given: UpdateAccount, account: Row) -> str | None:
    """Whoever keeps mail for a shorter time destroys evidence; to keep it longer is free."""
    days, now = given.retention_days, account["retention_days"]
    if not days or (now is not None and days >= now):
        return None
    return f"what emails say, and who they are from and to, is erased for ever once they are {days} days old"


def _unblocks(given: UpdateAccount, account: Row) -> str | None:
    if given.blocked_leaks is None:
        return None
    freed = sorted(set(account["blocked_leaks"].split()) - set(given.blocked_leaks))
    return f"mail in which these are found may leave: {', '.join(freed)}" if freed else None


def moves_oversight(ctx: Context, given: UpdateAccount, account: Row) -> str | None:
    """Whoever moves the oversight address takes a human's eyes away, or gives the codes to somebody else.

    An owner, who is not asked, is never limited to mailboxes.
    """
    wanted = _wanted_address(ctx, given, account)
    if wanted == account["oversight_email"]:
        return None
    was = f" instead of {account['oversight_email']}" if account["oversight_email"] else ""
    if wanted is None:
        return f"codes, notices and copies of mail are no longer mailed to {account['oversight_email']}"
    return f"codes, notices and copies of mail go to {wanted}{was}"


def _wanted_address(ctx: Context, given: UpdateAccount, account: Row) -> str | None:
    if given.oversight_email is None:
        wanted: str | None = account["oversight_email"]
        return wanted
    if given.oversight_email == REMOVED:
        return None
    return outside_address(ctx.services, ctx.tx, given.oversight_email, "oversight_email")


def update_account(ctx: Context, given: UpdateAccount) -> Mapping[str, Any] | Refused:
    """Changes the account's name, its oversight address, how long what emails say is kept, or which leaks are refused.

    A new oversight address takes an owner, and counts once it is verified: a code is mailed to it, to be given
    as `oversight_email_code`. Until then no code is mailed anywhere, and `monitored` mailboxes send as
    `gated_send` ones do. Giving the same unverified address again mails a new code, three times an hour.
    """
    account = ctx.sql.get_account(account_id=ctx.account_id)
    wanted = _wanted_address(ctx, given, account)
    ctx.about("account", ctx.account_id)
    if given.name is not None and given.name != account["name"]:
        ctx.sql.rename_account(account_id=ctx.account_id, name=given.name)
        ctx.facts |= {"name": given.name}
    if given.retention_days is not None:
        ctx.sql.set_retention(account_id=ctx.account_id, retention_days=given.retention_days or None)
        ctx.facts |= {"retention_days": given.retention_days, "retained_before": account["retention_days"]}
    if given.blocked_leaks is not None:
        blocked = sorted(set(given.blocked_leaks))
        ctx.sql.set_blocked_leaks(account_id=ctx.account_id, blocked_leaks=" ".join(blocked))
        ctx.facts |= {"blocked_leaks": blocked, "blocked_before": account["blocked_leaks"].split()}
    if wanted != account["oversight_email"]:
        _move(ctx, account, wanted)
    elif given.oversight_email_code is None and given.oversight_email and not _verified(account):
        _mail_proof(ctx, account, str(wanted))
    if given.oversight_email_code is not None:
        refused = _verify(ctx, given.oversight_email_code)
        if refused is not None:
            return refused
    return get_account(ctx, Nothing())


def _move(ctx: Context, account: Row, wanted: str | None) -> None:
    ctx.sql.set_oversight_email(account_id=ctx.account_id, oversight_email=wanted)
    ctx.facts |= {"oversight_email": wanted, "was": account["oversight_email"]}
    if _verified(account):
        instead = f"It is {wanted} from now on." if wanted else "No address does from now on."
        text = MOVED.format(account=quoted(account["name"]), instead=quoted(instead))
        notify(ctx, account["oversight_email"], "The oversight address was changed", text, "notice")
    if wanted is not None:
        _mail_proof(ctx, account, wanted)


def _verified(account: Row) -> bool:
    return account["oversight_email_verified_at"] is not None


def _proof(ctx: Context, address: str) -> dict[str, str]:
    digest = hashlib.sha256(address.encode()).hexdigest()
    return {"bound_to": ctx.account_id, "operation": VERIFY, "input_sha256": digest}


def _mail_proof(ctx: Context, account: Row, address: str) -> None:
    name = {"account_id": ctx.account_id, "bound_to": ctx.account_id, "operation": VERIFY}
    if ctx.sql.count_approval_requests(**name, after=ctx.now - HOUR) >= PROOFS_PER_HOUR:
        raise Refused(
            "rate_limited", "Three codes an hour are mailed to verify an address.", retry_after=3600
        )
    ctx.sql.void_approval_requests(**name, now=ctx.now)
    _, code = consent.file_request(ctx, _proof(ctx, address), f"{address} is verified", shown=True)
    text = PROOF.format(account=quoted(account["name"]), code=code)
    notify(ctx, address, "Is this address to oversee an account?", text, "code")


def _verify(ctx: Context, code: str) -> Refused | None:
    account = ctx.sql.get_account(account_id=ctx.account_id)
    refused = consent.redeem(ctx, _proof(ctx, account["oversight_email"] or ""), code)
    if refused is None:
        ctx.sql.verify_oversight_email(account_id=ctx.account_id, now=ctx.now)
        ctx.facts |= {"verified": account["oversight_email"]}
    return refused


UPDATE_ACCOUNT = Operation(
    name="update_account",
    run=update_account,
    input=UpdateAccount,
    output=AccountAnswer,
    scopes=(Scope.ADMIN,),
    effect="write",
    method="PATCH",
    path="/v1/account",
    needs_owner=loosens,
    errors=("mailbox_limited", "operator_address", "invalid_approval_code", "rate_limited"),
)
