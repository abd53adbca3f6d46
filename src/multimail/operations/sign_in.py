"""Signing in by a code that is mailed: to an operator's own address, for one browser, once."""

import hashlib
from typing import Final

from multimail.core.address import AddressError, normalise, parse_address
from multimail.core.times import HOUR, MINUTE
from multimail.operations import consent
from multimail.operations.authenticate import operator_actor
from multimail.operations.consent import SIGN_IN
from multimail.operations.context import Context, Services
from multimail.operations.notices import notify, quoted
from multimail.operations.operators import SESSION_LIFE, new_token
from multimail.storage.database import Row, Tx

CODE_LIFE: Final = 10 * MINUTE
CODES_PER_HOUR: Final = 5
MAIL: Final = """To sign in to {account} as {name}, type this code where you asked for it, within ten minutes:
    {code}

It works once, in that browser alone. Nobody of us asks for it.
If you did not ask, do nothing.
"""


def mail_codes(services: Services, tx: Tx, email: str, browser: str) -> None:
    """A unit of work: a code for each account of which the address is an operator's, at most five an hour.

    Whoever asks is told the same either way. `browser` is the secret of the browser that asks.
    """
    for operator in _operators(tx, email):
        ctx = Context(services, tx, operator_actor(operator), services.clock())
        name = _name(operator, browser)
        bound = {"account_id": ctx.account_id, "bound_to": name["bound_to"], "operation": SIGN_IN}
        if ctx.sql.count_approval_requests(**bound, after=ctx.now - HOUR) >= CODES_PER_HOUR:
            continue
        ctx.sql.void_approval_requests(**bound, now=ctx.now)
        _, code = consent.file_request(ctx, name, "a person signs in", shown=True)
        account = ctx.sql.get_account(account_id=ctx.account_id)
        text = MAIL.format(account=quoted(account["name"]), name=quoted(operator["name"]), code=code)
        notify(ctx, operator["email"], "Your code to sign in", text, "code")


def by_code(services: Services, tx: Tx, email: str, browser: str, code: str) -> str | None:
    """A unit of work: a session's token for the right code, None for any other. Five attempts count."""
    for operator in _operators(tx, email):
        ctx = Context(services, tx, operator_actor(operator), services.clock())
        if consent.redeem(ctx, _name(operator, browser), code.replace(" ", "").strip()) is None:
            tx.sql.note_joined(account_id=ctx.account_id, operator_id=ctx.actor.id, now=ctx.now)
            return new_token(ctx, "session", SESSION_LIFE)
    return None


def _operators(tx: Tx, email: str) -> list[Row]:
    try:
        address = normalise(parse_address(email).address)
    except AddressError:
        return []
    found: list[Row] = tx.sql.list_operators_by_email(email=address)
    return found


def _name(operator: Row, browser: str) -> dict[str, str]:
    digest = hashlib.sha256(f"{operator['operator_id']} {browser}".encode()).hexdigest()
    return {"bound_to": operator["operator_id"], "operation": SIGN_IN, "input_sha256": digest}
