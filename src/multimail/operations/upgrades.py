"""The way up the trust ladder: an agent asks for a looser mode, an owner's code grants it (contract §4)."""

from collections.abc import Mapping
from typing import Any, Final, Literal

from pydantic import Field
from typing_extensions import TypedDict

from multimail.core.errors import Refused
from multimail.core.oversight import Mode
from multimail.core.scopes import Scope
from multimail.core.times import HOUR, SECOND
from multimail.operations import consent
from multimail.operations.context import Context
from multimail.operations.mailboxes import (
    UpdateMailbox,
    loosens,
    require_oversight_address,
    to_change,
    update_mailbox,
)
from multimail.operations.operation import Input, Operation

REQUESTS_PER_HOUR: Final = 3


class RequestUpgrade(Input):
    mailbox_id: str = Field(description="The mailbox's id or address.")
    target_mode: Mode = Field(description="A stricter mode than now holds at once.")


class ApplyUpgrade(Input):
    mailbox_id: str = Field(description="The mailbox's id or address.")
    code: str = Field(max_length=64, description="The code that the owner was mailed.")


class UpgradeAnswer(TypedDict):
    """`wanted_mode` waits for an owner's code; it is null once `status` is `applied`."""

    id: str
    mailbox_id: str
    status: Literal["pending_approval", "applied"]
    oversight_mode: str
    wanted_mode: str | None
    request_id: str | None


def _view(box: Mapping[str, Any], request_id: str | None = None) -> dict[str, Any]:
    return {
        "id": box["mailbox_id"],
        "mailbox_id": box["mailbox_id"],
        "status": "pending_approval" if request_id else "applied",
        "oversight_mode": box["oversight_mode"],
        "wanted_mode": box["wanted_mode"],
        "request_id": request_id,
    }


def request_upgrade(ctx: Context, given: RequestUpgrade) -> Mapping[str, Any]:
    """Asks an owner for a looser oversight mode. A stricter one holds at once.

    The owner gets a code: by mail to the verified oversight address, or with `multimail operator code`. Bring
    it with apply_upgrade within 24 hours. A new request voids the one before; three an hour are taken.
    """
    row = to_change(ctx, given.mailbox_id)
    change = UpdateMailbox(mailbox_id=row["mailbox_id"], oversight_mode=given.target_mode)
    asked = loosens(ctx, change)
    if asked is None:
        return _view(update_mailbox(ctx, change))
    require_oversight_address(ctx, row, given.target_mode)
    bound = {"account_id": ctx.account_id, "bound_to": row["mailbox_id"], "operation": consent.UPGRADE}
    if ctx.sql.count_approval_requests(**bound, after=ctx.now - HOUR) >= REQUESTS_PER_HOUR:
        raise Refused("rate_limited", "Three requests an hour are taken.", retry_after=HOUR // SECOND)
    request_id = consent.ask_upgrade(ctx, row, given.target_mode, asked)
    modes = {"wanted_mode": given.target_mode, "oversight_mode": row["oversight_mode"]}
    ctx.about("mailbox", row["mailbox_id"], row["mailbox_id"], request_id=request_id, **modes)
    return _view(ctx.mailbox(row["mailbox_id"]), request_id)


def apply_upgrade(ctx: Context, given: ApplyUpgrade) -> Mapping[str, Any] | Refused:
    """Brings the owner's code for the mode that was asked for last. It is good once, for five tries.

    A looser mode releases nothing that is already held.
    """
    row = to_change(ctx, given.mailbox_id)
    if row["wanted_mode"] is None:
        return Refused("invalid_approval_code", "No upgrade was asked for.", hint="request_upgrade")
    refused = consent.redeem(ctx, consent.upgrade_name(row["mailbox_id"], row["wanted_mode"]), given.code)
    if refused is not None:
        return refused
    change = UpdateMailbox(mailbox_id=row["mailbox_id"], oversight_mode=row["wanted_mode"])
    return _view(update_mailbox(ctx, change))


ALIASES: Final = {"mailbox": "mailbox_id", "id": "mailbox_id"}

REQUEST_UPGRADE = Operation(
    name="request_upgrade",
    run=request_upgrade,
    input=RequestUpgrade,
    output=UpgradeAnswer,
    scopes=(Scope.SEND,),
    effect="write",
    method="POST",
    path="/v1/mailboxes/{mailbox_id}/request-upgrade",
    aliases=ALIASES | {"mode": "target_mode", "oversight_mode": "target_mode", "wanted_mode": "target_mode"},
    errors=("not_found", "no_oversight_address", "rate_limited"),
)
APPLY_UPGRADE = Operation(
    name="apply_upgrade",
    run=apply_upgrade,
    input=ApplyUpgrade,
    output=UpgradeAnswer,
    scopes=(Scope.SEND,),
    effect="write",
    method="POST",
    path="/v1/mailboxes/{mailbox_id}/upgrade",
    aliases=ALIASES | {"approval_code": "code", "upgrade_code": "code"},
    errors=("not_found", "invalid_approval_code", "no_oversight_address"),
)
