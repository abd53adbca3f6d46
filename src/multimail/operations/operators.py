"""People: the first account, and what an owner does on the server's own command line or by a one-time link."""

import base64
from dataclasses import dataclass
from typing import Any, Final

from multimail.core.errors import not_found
from multimail.core.oversight import Mode
from multimail.core.scopes import Role, Scope
from multimail.core.times import DAY, MINUTE, to_rfc3339
from multimail.operations import consent
from multimail.operations.api_keys import add_key
from multimail.operations.authenticate import hash_secret, operator_actor
from multimail.operations.context import Actor, Context, Services, system
from multimail.operations.mailboxes import add_mailbox
from multimail.operations.operation import write_audit
from multimail.storage.database import Tx

SLUG: Final = "local"
LINK_LIFE: Final = 15 * MINUTE
SESSION_LIFE: Final = 14 * DAY


@dataclass(frozen=True, slots=True)
class FirstKeys:
    """Shown once, in the two files of the first run."""

    mailbox_id: str
    address: str
    api_key: str
    test_key: str
    oversight_key: str
    admin_key: str


def first_run(services: Services, tx: Tx) -> FirstKeys | None:
    """A unit of work: account, owner, mailbox and keys; None where they are already."""
    if tx.sql.get_account_by_slug(slug=SLUG) is not None:
        return None
    account_id, now = services.new_id("acc"), services.clock()
    ctx = Context(services, tx, system(account_id, "first run"), now)
    row = {"account_id": account_id, "slug": SLUG, "name": "Local", "plan": "self_hosted"}
    if not tx.sql.add_account(**row, created_at=now):
        return None  # another process was first
    tx.sql.add_operator(
        account_id=account_id,
        operator_id=services.new_id("opr"),
        role=Role.OWNER,
        name="owner",
        email=None,
        created_at=now,
    )
    address = f"agent@{SLUG}.{services.site.domain}"
    mode = Mode.GATED_SEND
    box = add_mailbox(
        ctx, address, name="Agent", mode=mode, wanted_mode=None, human_written=False, test=False
    )
    write_audit(ctx, "create_mailbox")
    made = {
        name: _key(Context(services, tx, ctx.actor, now), name, scopes, test=name == "test")
        for name, scopes in (
            ("agent", [Scope.READ, Scope.SEND]),
            ("test", [Scope.READ, Scope.SEND]),
            ("oversight", [Scope.READ, Scope.OVERSIGHT]),
            ("admin", [Scope.ADMIN]),
        )
    }
    return FirstKeys(
        box["mailbox_id"], address, made["agent"], made["test"], made["oversight"], made["admin"]
    )


def _key(ctx: Context, name: str, scopes: list[Scope], *, test: bool) -> str:
    secret: str = add_key(ctx, name, scopes, None, test=test)["api_key"]
    write_audit(ctx, "create_api_key")
    return secret


def local_owner(tx: Tx) -> Actor:
    """Whoever has the data folder is the owner of the first account. Raises Refused("not_found")."""
    account = tx.sql.get_account_by_slug(slug=SLUG)
    owner = account and tx.sql.get_owner(account_id=account["account_id"])
    if not owner:
        raise not_found("owner")
    return operator_actor(owner)


def pending_codes(ctx: Context) -> list[dict[str, Any]]:
    """What programs have asked an owner for, each with a fresh code. Codes given out before are void."""
    found = []
    requests = ctx.sql.list_approval_requests(account_id=ctx.account_id, now=ctx.now)
    for request in (one for one in requests if one["operation"] not in (consent.VERIFY, consent.SIGN_IN)):
        code, code_hash = consent.new_code(ctx, request["request_id"])
        name = {"account_id": ctx.account_id, "request_id": request["request_id"]}
        ctx.sql.set_approval_code(
            **name, code_hash=code_hash, expires_at=ctx.now + consent.life_of(request["operation"])
        )
        found.append(
            {"code": code, "asks": request["summary"], "asked_at": to_rfc3339(request["created_at"])}
        )
    return found


def new_token(ctx: Context, purpose: str, life: int, operator_id: str | None = None) -> str:
    """A secret that stands for an operator, by default for the one who asks.

    `sign-in` links are used once, `session` cookies until they end.
    """
    operator_id = operator_id or ctx.actor.id
    token = base64.urlsafe_b64encode(ctx.services.random(24)).decode().rstrip("=")
    ctx.sql.add_operator_token(
        hash=hash_secret(token),
        account_id=ctx.account_id,
        operator_id=operator_id,
        token_id=ctx.new_id("ses"),
        purpose=purpose,
        created_at=ctx.now,
        expires_at=ctx.now + life,
    )
    ctx.about("operator", operator_id, purpose=purpose)
    write_audit(ctx, "create_operator_token")
    return token


def sign_in(services: Services, tx: Tx, token: str) -> str | None:
    """A unit of work: a sign-in link's token, used up, becomes a session's; None if it is no good any more."""
    now = services.clock()
    row = tx.sql.get_operator_token(hash=hash_secret(token), purpose="sign-in", now=now)
    if row is None or not tx.sql.use_operator_token(hash=row["hash"], purpose="sign-in", now=now):
        return None
    operator = tx.sql.get_operator(account_id=row["account_id"], operator_id=row["operator_id"])
    if operator is None:
        return None
    tx.sql.note_joined(account_id=row["account_id"], operator_id=row["operator_id"], now=now)
    return new_token(Context(services, tx, operator_actor(operator), now), "session", SESSION_LIFE)


def sign_out(services: Services, tx: Tx, token: str) -> None:
    """A unit of work: the session ends now."""
    tx.sql.use_operator_token(hash=hash_secret(token), purpose="session", now=services.clock())


def session_actor(services: Services, tx: Tx, token: str) -> Actor | None:
    """The person behind a session's token, None once it has ended or the operator was removed."""
    row = tx.sql.get_operator_token(hash=hash_secret(token), purpose="session", now=services.clock())
    operator = row and tx.sql.get_operator(account_id=row["account_id"], operator_id=row["operator_id"])
    return operator_actor(operator) if operator else None
