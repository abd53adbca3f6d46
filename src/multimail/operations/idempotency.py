"""The same key and content give the first answer again, for 24 hours (contract §7)."""

import json
from collections.abc import Mapping
from typing import Any, Final

from multimail.core.errors import Refused
from multimail.core.jsontext import to_json
from multimail.core.times import DAY
from multimail.operations.context import Context

LIFE: Final = DAY


def begin(ctx: Context, operation: str, key: str, fingerprint: str) -> dict[str, Any] | None:
    """Claims the key, or answers what the first request was told.

    A first request still in flight is waited for: on SQLite the units queue, on PostgreSQL the claim waits for
    the other transaction to end.
    """
    if not 0 < len(key) <= 255:
        raise Refused(
            "invalid_fields", fields=[{"path": "idempotency_key", "message": "1 to 255 characters"}]
        )
    name = {
        "account_id": ctx.account_id,
        "operation": operation,
        "test": ctx.actor.test,
        "idempotency_key": key,
    }
    ctx.sql.forget_idempotent(**name, before=ctx.now - LIFE)
    if ctx.sql.add_idempotent(**name, fingerprint=fingerprint, created_at=ctx.now):
        return None
    first = ctx.sql.get_idempotent(**name)
    if first["fingerprint"] != fingerprint:
        raise Refused("idempotency_mismatch")
    if not first["answer_json"]:
        return None  # it was not done: an owner was asked, and the repeated call brings the code
    answer: dict[str, Any] = json.loads(first["answer_json"])
    return answer


def finish(ctx: Context, operation: str, key: str, answer: Mapping[str, Any]) -> None:
    ctx.sql.answer_idempotent(
        account_id=ctx.account_id,
        operation=operation,
        test=ctx.actor.test,
        idempotency_key=key,
        answer_json=to_json(answer),
    )
