"""The suppression list: addresses that bounced, complained or unsubscribed; no mail of the account goes there."""

from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal

from pydantic import Field, field_validator
from typing_extensions import TypedDict

from multimail.core.address import AddressError, normalise, parse_address
from multimail.core.errors import Refused, not_found
from multimail.core.jsontext import to_json
from multimail.core.scopes import Scope
from multimail.core.times import to_rfc3339
from multimail.operations.context import Context
from multimail.operations.operation import Input, Operation
from multimail.operations.served import is_simulated
from multimail.operations.views import Deleted, decode_cursor, page
from multimail.storage.database import Row

LAST: Final = "~"
Reason = Literal["hard_bounce", "complaint", "unsubscribe"]


def suppress(ctx: Context, address: str, reason: Reason, email_id: str) -> bool:
    """Puts a recipient of an email on the list; False where it stays off, or is on it already.

    Test mail and the simulator's addresses never get there: what they play says nothing about a person. Of an email
    that is erased already only a person can still speak.
    """
    email = ctx.sql.get_email(account_id=ctx.account_id, email_id=email_id)
    counts = reason == "unsubscribe" if email is None else not email["test"]
    if not counts or is_simulated(address, ctx.services.site.domain):
        return False
    return bool(
        ctx.sql.add_suppression(
            account_id=ctx.account_id,
            address=normalise(address),
            suppression_id=ctx.new_id("sup"),
            reason=reason,
            email_id=email_id,
            mailbox_id=email["mailbox_id"] if email else "",
            created_at=ctx.now,
        )
    )


def suppressed_among(ctx: Context, addresses: Sequence[str], asked: str | None = None) -> list[str]:
    """Those that are on the list, as they were written. `asked` is a JSON object among whose names they are as they are
    compared, where whoever asks has one."""
    wanted = asked or to_json({normalise(address): 0 for address in addresses})
    rows = ctx.sql.list_suppressed_among(account_id=ctx.account_id, addresses=wanted)
    if not rows:
        return []
    listed = {row["address"] for row in rows}
    return [address for address in addresses if normalise(address) in listed]


def refuse_suppressed(ctx: Context, addresses: Sequence[str], asked: str | None = None) -> None:
    """Raises Refused("suppressed") that names them."""
    found = suppressed_among(ctx, addresses, asked)
    if found:
        sentence = f"On the suppression list, so nothing is sent to: {', '.join(found)}."
        raise Refused("suppressed", sentence, addresses=found)


class Suppression(TypedDict):
    """`reason` is hard_bounce, complaint or unsubscribe; `email_id` the email that met it."""

    id: str
    address: str
    reason: str
    email_id: str
    created_at: str


class SuppressionPage(TypedDict):
    suppressions: list[Suppression]
    cursor: str | None


def suppression_view(row: Row) -> dict[str, Any]:
    return {
        "id": row["suppression_id"],
        "address": row["address"],
        "reason": row["reason"],
        "email_id": row["email_id"],
        "created_at": to_rfc3339(row["created_at"]),
    }


class OneAddress(Input):
    @field_validator("address", check_fields=False)
    @classmethod
    def _comparable(cls, address: str | None) -> str | None:
        try:
            return None if address is None else normalise(parse_address(address).address)
        except AddressError as error:
            raise ValueError(str(error)) from None


class CheckSuppression(OneAddress):
    address: str | None = Field(None, max_length=320, description="Only this address, if it is on the list.")
    limit: int = Field(20, ge=1, le=100)
    cursor: str | None = None


def check_suppression(ctx: Context, given: CheckSuppression) -> Mapping[str, Any]:
    """Lists the addresses that bounced, complained or unsubscribed, newest first: sending to them is refused.

    A key limited to mailboxes sees those that its mailboxes' emails met.
    """
    rows = ctx.sql.list_suppressions(
        account_id=ctx.account_id,
        before=decode_cursor(given.cursor, LAST),
        any_address=given.address is None,
        address=given.address or "",
        limit=given.limit + 1,
        **ctx.actor.filter,
    )
    shown, cursor = page(rows, given.limit, lambda row: str(row["suppression_id"]))
    return {"suppressions": [suppression_view(row) for row in shown], "cursor": cursor}


class RemoveSuppression(OneAddress):
    address: str = Field(max_length=320)
    approval_code: str | None = None


def _find(ctx: Context, address: str) -> Row:
    row = ctx.sql.get_suppression(account_id=ctx.account_id, address=address)
    if row is None or not ctx.actor.reaches(row["mailbox_id"]):
        raise not_found("suppression")
    return row


def writes_again(ctx: Context, given: RemoveSuppression) -> str | None:
    row = _find(ctx, given.address)
    return (
        f"mail may be sent to {row['address']} again, which is suppressed: {row['reason'].replace('_', ' ')}"
    )


def remove_suppression(ctx: Context, given: RemoveSuppression) -> Mapping[str, Any]:
    """Takes an address off the list; takes an owner's approval_code."""
    row = _find(ctx, given.address)
    ctx.sql.remove_suppression(account_id=ctx.account_id, address=given.address)
    facts = {"address": row["address"], "reason": row["reason"], "email_id": row["email_id"]}
    ctx.about("suppression", row["suppression_id"], row["mailbox_id"], **facts)
    return {"id": row["suppression_id"], "deleted": True}


CHECK_SUPPRESSION = Operation(
    name="check_suppression",
    run=check_suppression,
    input=CheckSuppression,
    output=SuppressionPage,
    scopes=(Scope.READ,),
    effect="read",
    audited=False,
    method="GET",
    path="/v1/suppression",
    aliases={"email": "address"},
)
REMOVE_SUPPRESSION = Operation(
    name="remove_suppression",
    run=remove_suppression,
    input=RemoveSuppression,
    output=Deleted,
    scopes=(Scope.ADMIN,),
    effect="destructive",
    method="DELETE",
    path="/v1/suppression/{address}",
    aliases={"email": "address"},
    needs_owner=writes_again,
    errors=("not_found", "invalid_approval_code"),
)
