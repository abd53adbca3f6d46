"""An owner's consent to what loosens, destroys or reveals (contract §3).

A program that asks gets `pending_approval`, the owner a code; the same call with `approval_code` completes. A
code is bound to account, key, operation and input, single use, and dies after ten minutes or five attempts. It
is mailed to the verified oversight address, and shown by `multimail operator code`.
"""

import hashlib
import hmac
from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal

from pydantic import Field
from typing_extensions import TypedDict

from multimail.core.errors import Refused
from multimail.core.rate import seconds
from multimail.core.times import DAY, HOUR, MINUTE
from multimail.operations.context import Context
from multimail.operations.notices import notify, quoted
from multimail.storage.database import Row

LIFE: Final = 10 * MINUTE
UPGRADE: Final = "apply_upgrade"
UPGRADE_LIFE: Final = DAY
SIGN_IN: Final = "sign_in"  # as the next: shown nowhere but in its mail
VERIFY: Final = "verify_oversight_email"  # proves that mail arrives: shown nowhere but in that mail
DIGITS: Final = 8
UNSHOWN: Final = ""  # no hash: what no owner was shown can't be guessed, however many requests are filed
OPEN: Final = 50  # requests of one key, or wishes for one mailbox, that no owner has answered yet
OPEN_IN_ALL: Final = 200  # of an account, so that many keys are no way around it
MAILED_PER_HOUR: Final = 10  # then codes are had on the server alone: a program must not flood its owner

MAIL: Final = """A program asks for your consent, as the owner of {account}.

It asks for this:
    {asked}.

To let exactly that happen, once, give it this code within {life}:
    {code}

Asked by: {asker}
If you do not want it, do nothing: without the code nothing happens.
"""


class PendingApproval(TypedDict):
    """What a program is answered until an owner agrees."""

    status: Literal["pending_approval"]
    request_id: str
    asks: Annotated[str, Field(description="What an owner is asked to allow.")]
    hint: str


def life_of(operation: str) -> int:
    return UPGRADE_LIFE if operation == UPGRADE else LIFE


def new_code(ctx: Context, request_id: str) -> tuple[str, str]:
    """(code, what is kept of it)."""
    code = f"{int.from_bytes(ctx.services.random(8)) % 10**DIGITS:0{DIGITS}d}"
    return code, hash_code(ctx, request_id, code)


def hash_code(ctx: Context, request_id: str, code: str) -> str:
    """Keyed: whoever reads the database could try all codes. Over the request too, so that equal ones don't show."""
    secret = ctx.services.link_secret
    return hmac.new(secret, f"code:{request_id}:{code}".encode(), hashlib.sha256).hexdigest()


def require(
    ctx: Context, operation: str, digest: str, asked: str, code: str | None
) -> dict[str, Any] | Refused | None:
    """None once an owner's code for exactly this call was given; else the 202 answer, with the request filed.

    A wrong code is returned, not raised: the attempt must be committed to count.
    """
    name = {"bound_to": ctx.actor.id, "operation": operation, "input_sha256": digest}
    if code is not None:
        return redeem(ctx, name, code)
    request = _open_request(ctx, name)
    request_id = request["request_id"] if request else ask_owner(ctx, name, asked)
    hint = (
        "an owner gets the code by mail to the verified oversight address, or with `multimail operator code`; "
        "repeat this call with approval_code"
    )
    return {"status": "pending_approval", "request_id": request_id, "asks": asked, "hint": hint}


def ask_owner(ctx: Context, name: Mapping[str, str], asked: str) -> str:
    """Files a request, and mails its code where there is a verified address; the request's id."""
    _require_room(ctx, name["bound_to"])
    account = ctx.sql.get_account(account_id=ctx.account_id)
    mailed = {"account_id": ctx.account_id, "kind": "code", "after": ctx.now - HOUR}
    if (
        account["oversight_email_verified_at"] is None
        or ctx.sql.count_operator_mail(**mailed) >= MAILED_PER_HOUR
    ):
        return file_request(ctx, name, asked)[0]
    request_id, code = file_request(ctx, name, asked, shown=True)
    life = "24 hours" if life_of(name["operation"]) == UPGRADE_LIFE else "ten minutes"
    text = MAIL.format(
        account=quoted(account["name"]),
        asked=quoted(asked, 1000),
        life=life,
        code=code,
        asker=quoted(f"{ctx.actor.kind} {ctx.actor.name} ({ctx.actor.id})"),
    )
    notify(ctx, account["oversight_email"], "A program asks for your consent", text, "code")
    return request_id


def _require_room(ctx: Context, bound_to: str) -> None:
    """Raises Refused("rate_limited"): an owner is to find in `operator code` what they look for."""
    for anybody, most in ((False, OPEN), (True, OPEN_IN_ALL)):
        asker = {"account_id": ctx.account_id, "anybody": anybody, "bound_to": bound_to}
        found = ctx.sql.count_open_requests(**asker, now=ctx.now)
        if found["requests"] >= most:
            whose = "of the account" if anybody else "of this key"
            raise Refused(
                "rate_limited",
                f"{most} requests {whose} wait for an owner already: no more are filed until one is answered or ends.",
                retry_after=seconds(found["until"] - ctx.now),
            )


def ask_upgrade(ctx: Context, mailbox: Row, mode: str, asked: str) -> str:
    """Files the wish for a looser mode, in place of an earlier one; the request's id."""
    mailbox_id = mailbox["mailbox_id"]
    void_upgrade(ctx, mailbox_id)
    ctx.sql.set_wanted_mode(account_id=ctx.account_id, mailbox_id=mailbox_id, wanted_mode=mode)
    return ask_owner(ctx, upgrade_name(mailbox_id, mode), asked)


def void_upgrade(ctx: Context, mailbox_id: str) -> None:
    """Ends what was asked for: it was granted, or something else is wanted."""
    name = {"account_id": ctx.account_id, "bound_to": mailbox_id, "operation": UPGRADE}
    ctx.sql.void_approval_requests(**name, now=ctx.now)


def upgrade_name(mailbox_id: str, mode: str) -> dict[str, str]:
    """Its code is good for this mailbox and this mode, whichever key brings it."""
    digest = hashlib.sha256(f"{mailbox_id} {mode}".encode()).hexdigest()
    return {"bound_to": mailbox_id, "operation": UPGRADE, "input_sha256": digest}


def file_request(
    ctx: Context, name: Mapping[str, str], asked: str, *, shown: bool = False
) -> tuple[str, str]:
    """(the request's id, its code). Unless the code is `shown` to somebody it counts for nothing."""
    request_id = ctx.new_id("upg" if name["operation"] == UPGRADE else "cod")
    code, code_hash = new_code(ctx, request_id) if shown else ("", UNSHOWN)
    ctx.sql.add_approval_request(
        **name,
        account_id=ctx.account_id,
        request_id=request_id,
        summary=asked,
        code_hash=code_hash,
        created_at=ctx.now,
        expires_at=ctx.now + life_of(name["operation"]),
    )
    return request_id, code


def redeem(ctx: Context, name: Mapping[str, str], code: str) -> Refused | None:
    """None for the right code, which is used up by it. The Refused is to be returned: the attempt counts."""
    request = _open_request(ctx, name)
    if request is None:
        return Refused("invalid_approval_code")
    row = {"account_id": ctx.account_id, "request_id": request["request_id"]}
    if not ctx.sql.count_approval_attempt(**row):
        return Refused("invalid_approval_code")
    if not hmac.compare_digest(hash_code(ctx, request["request_id"], code), request["code_hash"]):
        return Refused("invalid_approval_code")
    ctx.sql.use_approval_request(**row, now=ctx.now)
    return None


def _open_request(ctx: Context, name: Mapping[str, str]) -> Row | None:
    row: Row | None = ctx.sql.get_approval_request(account_id=ctx.account_id, **name, now=ctx.now)
    return row
