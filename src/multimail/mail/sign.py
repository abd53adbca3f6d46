"""The last touch before a message leaves: Date, identity and reputation, DKIM (contract §7, §10)."""

from dataclasses import dataclass
from datetime import datetime
from email.utils import format_datetime
from functools import lru_cache

from cryptography.hazmat.primitives.asymmetric import ec

from multimail.core.identity import Statement, body_sha256, reputation_hash
from multimail.mail import dkim, identity
from multimail.mail.compose import prepend


@dataclass(frozen=True, slots=True)
class Keys:
    """What a message is signed with, as text, so that it can be handed to another process: private keys in PEM.

    `dkim` has domain, selector and key of each signature.
    """

    identity: str
    dkim: tuple[tuple[str, str, str], ...]


def finish(
    raw: bytes, date: datetime, statement: Statement, keys: Keys, unsubscribe_url: str | None = None
) -> bytes:
    """The message as it leaves: what was approved, with what is outside its revision on top.

    `date` is an aware time in UTC; the signatures are made at `statement.iat`. `unsubscribe_url` takes a POST
    (RFC 8058): both of its fields are under the DKIM signature, as section 4 demands.
    """
    identity_key, dkim_keys = _loaded(keys)
    dated = prepend(raw, [("Date", format_datetime(date))])
    body = body_sha256(dkim.relaxed_body(raw))  # no header changes it, and both kinds of signature cover it
    trace = [
        ("X-MultiMail-Identity", identity.sign_identity(dated, statement, identity_key, body)),
        ("X-MultiMail-Reputation", reputation_hash(statement.address)),
    ]
    if unsubscribe_url is not None:
        trace.append(("List-Unsubscribe", f"<{unsubscribe_url}>"))
        trace.append(("List-Unsubscribe-Post", "List-Unsubscribe=One-Click"))
    identified = prepend(dated, trace)
    return dkim.sign(identified, dkim_keys, at=statement.iat, body=bytes.fromhex(body)) + identified


def stamp(raw: bytes, date: datetime, at: int, keys: Keys) -> bytes:
    """The same for what no mailbox sent: `Date` and DKIM alone, made at `at` (seconds since the epoch)."""
    dated = prepend(raw, [("Date", format_datetime(date))])
    return dkim.sign(dated, _loaded(keys)[1], at=at) + dated


@lru_cache(maxsize=512)  # reading an RSA key takes as long as signing with it
def _loaded(keys: Keys) -> tuple[ec.EllipticCurvePrivateKey, tuple[dkim.SigningKey, ...]]:
    signing = tuple(
        dkim.SigningKey(domain, selector, dkim.load_private_pem(pem)) for domain, selector, pem in keys.dkim
    )
    return identity.load_private_pem(keys.identity), signing
