"""An owner's consent to what loosens, destroys or reveals (contract §3).

A program that asks gets `pending_approval`, the owner a code; the same call with `approval_code` completes. A
code is bound to account, key, operation and input, single use, and dies after ten minutes or five attempts.
"""

import hmac
from typing import Any, Final

from multimail.core.errors import Refused
from multimail.core.times import MINUTE
from multimail.operations.authenticate import hash_secret
from multimail.operations.context import Context
from multimail.storage.database import Row

LIFE: Final = 10 * MINUTE
DIGITS: Final = 8
UNSHOWN: Final = ""  # no hash: what no owner was shown can't be guessed, however many requests are filed


def new_code(ctx: Context, request_id: str) -> tuple[str, str]:
    """(code, its hash). The hash covers the request too, so that equal codes don't show."""
    code = f"{int.from_bytes(ctx.services.random(8)) % 10**DIGITS:0{DIGITS}d}"
    return code, hash_secret(f"{request_id}:{code}")


def require(
    ctx: Context, operation: str, digest: str, asked: str, code: str | None
) -> dict[str, Any] | Refused | None:
    """None once an owner's code for exactly this call was given; else the 202 answer, with the request filed.

    A wrong code is returned, not raised: the attempt must be committed to count.
    """
    name = {
        "account_id": ctx.account_id,
        "key_id": ctx.actor.id,
        "operation": operation,
        "input_sha256": digest,
    }
    request = ctx.sql.get_approval_request(**name, now=ctx.now)
    if code is not None:
        return _redeem(ctx, request, code)
    if request is None:
        request_id = ctx.new_id("cod")
        ctx.sql.add_approval_request(
            **name,
            request_id=request_id,
            summary=asked,
            code_hash=UNSHOWN,
            created_at=ctx.now,
            expires_at=ctx.now + LIFE,
        )
    else:
        request_id = request["request_id"]
    hint = "an owner gets the code with `multimail operator code`; repeat this call with approval_code"
    return {"status": "pending_approval", "request_id": request_id, "asks": asked, "hint": hint}


def _redeem(ctx: Context, request: Row | None, code: str) -> Refused | None:
    if request is None:
        return Refused("invalid_approval_code")
    name = {"account_id": ctx.account_id, "request_id": request["request_id"]}
    if not ctx.sql.count_approval_attempt(**name):
        return Refused("invalid_approval_code")
    if not hmac.compare_digest(hash_secret(f"{request['request_id']}:{code}"), request["code_hash"]):
        return Refused("invalid_approval_code")
    ctx.sql.use_approval_request(**name, now=ctx.now)
    return None
