"""Sealing the audit log: entries get their place in the chain within a second of their transaction.

Concurrent transactions never queue on a chain head. Sealers race by compare-and-swap on the account's head row;
the one that loses changes nothing.
"""

import json
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from functools import partial
from typing import Any, Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from multimail.core.audit_chain import GENESIS, commit_stored, entry_hash
from multimail.core.event_types import EventType
from multimail.core.identity import base64url_decode
from multimail.core.times import HOUR, to_rfc3339
from multimail.operations.account import chained_view
from multimail.operations.context import Context, Services, system
from multimail.operations.events import emit
from multimail.storage.database import Tx

BATCH: Final = 50  # entries in one transaction, about 2 ms: whoever decides meanwhile waits for it
PUBLISH_EVERY: Final = HOUR
SALT: Final = 16  # bytes

Sign = Callable[[bytes], str]


class LostTheRace(Exception):
    """Another sealer was faster; its work stands."""


async def seal_all(services: Services, sign: Sign) -> None:
    """Seals whatever waits, in every account."""
    rows = await services.db.read(lambda tx: tx.sql.list_accounts_to_seal())
    await seal_accounts(services, sign, [row["account_id"] for row in rows])


async def seal_accounts(services: Services, sign: Sign, accounts: Iterable[str]) -> None:
    """Seals what waits in these accounts, in short transactions."""
    for account_id in accounts:
        unit = partial(seal, services, account_id=account_id, sign=sign)
        with suppress(LostTheRace):
            while await services.db.write(unit):
                pass


def seal(services: Services, tx: Tx, account_id: str, sign: Sign) -> bool:
    """A unit of work: chains up to BATCH entries; whether there may be more."""
    tx.sql.start_audit_head(account_id=account_id, hash=GENESIS)
    # The head first: what another sealer seals after this look moves the head on, and the swap below fails.
    head = tx.sql.get_audit_head(account_id=account_id)
    waiting = tx.sql.list_unsealed(account_id=account_id, limit=BATCH)
    if not waiting:
        return False
    seq, prev, sealed = head["seq"], head["hash"], []
    salts = services.random(SALT * len(waiting)).hex()
    for place, row in enumerate(waiting):
        seq += 1
        salt = salts[2 * SALT * place :][: 2 * SALT]
        link = {
            "seq": seq,
            "prev": prev,
            "salt": salt,
            "commitment": commit_stored(salt, row["metadata_json"]),
        }
        prev = entry_hash(chained_view(dict(row) | link))
        sealed.append({"account_id": account_id, "entry_id": row["entry_id"], **link, "hash": prev})
    now = services.clock()
    publish = now - head["published_at"] > PUBLISH_EVERY
    moved = tx.sql.move_audit_head(
        account_id=account_id,
        seq=seq,
        hash=prev,
        published_at=now if publish else head["published_at"],
        expected=head["seq"],
    )
    if not moved:
        raise LostTheRace
    tx.sql.seal_entries(sealed)
    if publish:
        ctx = Context(services, tx, system(account_id, "seal"), now)
        emit(ctx, EventType.AUDIT_HEAD, head=signed_head(account_id, seq, prev, now, sign))
    return len(waiting) == BATCH


def signed_head(account_id: str, seq: int, digest: str, at: int, sign: Sign) -> dict[str, str | int]:
    """What `multimail audit verify --head FILE` checks a log against: truncation shows."""
    claims: dict[str, str | int] = {
        "account_id": account_id,
        "seq": seq,
        "hash": digest,
        "at": to_rfc3339(at),
    }
    return claims | {"signature": sign(head_text(claims))}


def head_is_genuine(head: Mapping[str, Any], public_keys: Iterable[ec.EllipticCurvePublicKey]) -> bool:
    """Whether one of the keys signed this head: ECDSA P-256 with SHA-256, DER in base64url (app.Keys.sign_head)."""
    try:
        text, signature = head_text(head), base64url_decode(head["signature"])
    except (KeyError, TypeError, ValueError):
        return False
    for key in public_keys:
        with suppress(InvalidSignature):
            key.verify(signature, text, ec.ECDSA(hashes.SHA256()))
            return True
    return False


def head_text(claims: Mapping[str, Any]) -> bytes:
    """The canonical JSON that a head's signature is over."""
    fields = {name: claims[name] for name in ("account_id", "seq", "hash", "at")}
    return json.dumps(fields, sort_keys=True, separators=(",", ":")).encode()
