"""Telling people in their browsers that mail waits: one POST to each browser's push service (RFC 8030).

What it says is encrypted for the browser alone (RFC 8291, one record of RFC 8188), and who sends it is signed
(VAPID, RFC 8292). The endpoints are strangers' URLs.
"""

import json
import os
import random
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Final
from urllib.parse import urlsplit

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from multimail.core.retry import webhook_delay
from multimail.core.times import HOUR, SECOND
from multimail.net.guarded import CallFailed
from multimail.net.guarded_client import GuardedClient
from multimail.operations.context import Services
from multimail.operations.push import Push, public_octets, push_message, settle_push
from multimail.workers.runner import Handler, Job

RECORD: Final = 4096  # octets: ours is the only one
LIFE: Final = (
    12 * HOUR
)  # that a push service keeps it for a browser that is closed, and that the signature holds
GONE: Final = (404, 410)  # RFC 8030 7.3: the subscription has ended
AGAIN: Final = (408, 425, 429)


def handler(services: Services, client: GuardedClient) -> Handler:
    """The handler of `push` jobs. What was decided meanwhile is told no more."""

    async def tell(job: Job) -> None:
        found = await services.db.write(lambda tx: push_message(services, tx, job.lease))
        if found is None:
            return
        body = encrypt(json.dumps(found.told).encode(), found.p256dh, found.auth)
        try:
            status = (
                await client.post(found.endpoint, body, headers(found, services.clock() // SECOND))
            ).status
        except CallFailed:
            status = 0
        delay = None
        if not status or status >= 500 or status in AGAIN:
            delay = webhook_delay(job.attempts + 1, random.random())  # noqa: S311  # jitter is no secret
        again = None if delay is None else services.clock() + int(delay * SECOND)
        await services.db.write(
            lambda tx: settle_push(
                services, tx, job.lease, gone=status in GONE, sent=200 <= status < 300, retry_at=again
            )
        )

    return tell


def headers(push: Push, now: int) -> dict[str, str]:
    """`now` is in seconds. A newer message takes the place of one that the browser has not fetched (RFC 8030 5.4)."""
    return {
        "Authorization": f"vapid t={_token(push, now)}, k={push.public_key}",
        "Content-Encoding": "aes128gcm",
        "Content-Type": "application/octet-stream",
        "TTL": str(LIFE // SECOND),
        "Topic": "queue",
        "Urgency": "high",
    }


def _token(push: Push, now: int) -> str:
    """RFC 8292 2: for the push service alone, and for at most 24 hours."""
    url = urlsplit(push.endpoint)
    claims = {"aud": f"{url.scheme}://{url.netloc}", "exp": now + LIFE // SECOND, "sub": push.contact}
    parts = ({"typ": "JWT", "alg": "ES256"}, claims)
    signed = ".".join(_text(json.dumps(part, separators=(",", ":")).encode()) for part in parts)
    r, s = decode_dss_signature(push.key.sign(signed.encode(), ec.ECDSA(hashes.SHA256())))
    return f"{signed}.{_text(r.to_bytes(32, 'big') + s.to_bytes(32, 'big'))}"


def encrypt(
    text: bytes,
    p256dh: str,
    auth: str,
    *,
    key: ec.EllipticCurvePrivateKey | None = None,
    salt: bytes | None = None,
) -> bytes:
    """RFC 8291 3.4: for the browser with this public key and secret, both in base64url. A key and a salt are used
    once; a test gives those of the RFC."""
    key, salt = key or ec.generate_private_key(ec.SECP256R1()), salt or os.urandom(16)
    theirs, ours = _octets(p256dh), public_octets(key)
    browser = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), theirs)
    shared = _hkdf(_octets(auth), key.exchange(ec.ECDH(), browser), b"WebPush: info\0" + theirs + ours, 32)
    secret = _hkdf(salt, shared, b"Content-Encoding: aes128gcm\0", 16)
    nonce = _hkdf(salt, shared, b"Content-Encoding: nonce\0", 12)
    head = salt + RECORD.to_bytes(4, "big") + bytes([len(ours)]) + ours
    return head + AESGCM(secret).encrypt(nonce, text + b"\x02", None)


def _hkdf(salt: bytes, secret: bytes, info: bytes, length: int) -> bytes:
    return HKDF(hashes.SHA256(), length, salt, info).derive(secret)


def _text(octets: bytes) -> str:
    return urlsafe_b64encode(octets).decode().rstrip("=")


def _octets(text: str) -> bytes:
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))
