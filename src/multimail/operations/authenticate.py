"""From a credential to an actor. Only hashes are kept, so a look-up by hash tells nothing by its timing."""

import hashlib
import json
from functools import cache
from typing import Final

from multimail.core.errors import Refused
from multimail.core.scopes import ROLE_GRANTS, Role, Scope, key_grants
from multimail.core.times import MINUTE
from multimail.operations.context import PUBLIC, Actor
from multimail.storage.database import Row, Tx

UNKNOWN_KEY: Final = "That API key is not known here, was revoked or has expired."
KEY_PREFIXES: Final = {False: "mm_live_", True: "mm_test_"}


def hash_secret(secret: str) -> str:
    """Keys and tokens have 160 bits or more of randomness, so a plain SHA-256 can't be searched."""
    return hashlib.sha256(secret.encode()).hexdigest()


def authenticate(tx: Tx, credential: str | Actor | None) -> Actor:
    """Raises Refused("unauthenticated") for a key that is unknown or revoked; no credential is the public."""
    if credential is None:
        return PUBLIC
    if isinstance(credential, Actor):
        return credential
    row = tx.sql.get_key_by_hash(hash=hash_secret(credential))
    if row is None:
        raise Refused("unauthenticated", UNKNOWN_KEY)
    return key_actor(tx, row)


def key_actor(tx: Tx, key: Row) -> Actor:
    limits = None
    if key["limited"]:
        found = tx.sql.list_key_mailboxes(account_id=key["account_id"], key_id=key["key_id"])
        limits = frozenset(row["mailbox_id"] for row in found)
    return Actor(
        "key",
        key["key_id"],
        key["name"],
        key["account_id"],
        _grants(key["scopes"]),
        bool(key["test"]),
        limits,
        key["plan"],
        key["token_ends_at"],
    )


@cache
def _grants(scopes_json: str) -> frozenset[Scope]:
    """There are a dozen combinations at most, and every request asks for one."""
    return key_grants(frozenset(Scope(name) for name in json.loads(scopes_json)))


def operator_actor(operator: Row) -> Actor:
    grants = ROLE_GRANTS[Role(operator["role"])]
    return Actor("operator", operator["operator_id"], operator["name"], operator["account_id"], grants)


def revocations(key_id: str) -> str:
    """The channel on which a key's end is told to whoever waits with it."""
    return f"revocations/{key_id}"


def _require_same_role(tx: Tx, actor: Actor) -> None:
    row = tx.sql.get_operator(account_id=actor.account_id, operator_id=actor.id)
    if row is None or ROLE_GRANTS[Role(row["role"])] != actor.grants:
        raise Refused("unauthenticated", "This operator was removed, or has another role now.")


def live_key(tx: Tx, account_id: str, key_id: str, now: int) -> Row | None:
    """None for a key that is unknown, was revoked or has expired."""
    key = tx.sql.get_live_key(account_id=account_id, key_id=key_id)
    return None if key is None or (key["expires_at"] or now + 1) <= now else key


def require_valid(tx: Tx, actor: Actor, now: int, *, note_use: bool) -> bool:
    """Asked again inside the transaction, so that a revocation counts for requests already under way.

    With `note_use` it notes the key's last use too, to the minute; without, whether that is to be done is what it
    answers. Raises Refused("unauthenticated").
    """
    if actor.kind == "operator":
        _require_same_role(tx, actor)
    if actor.kind != "key":
        return False
    key = live_key(tx, actor.account_id, actor.id, now)
    if key is None or (actor.ends_at is not None and actor.ends_at <= now):
        raise Refused("unauthenticated", UNKNOWN_KEY)
    stale = (key["last_used_at"] or 0) < now - MINUTE
    if note_use and stale:
        tx.sql.touch_key(account_id=actor.account_id, key_id=actor.id, now=now)
    return stale and not note_use
