"""Signatures on webhook calls: Standard Webhooks 1.0, and a plain one for receivers without a library.

https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Mapping

PREFIX = "whsec_"
MIN_KEY_BYTES, MAX_KEY_BYTES = 24, 64
TOLERANCE_SECONDS = 300
WEBHOOK_ID = re.compile(r"[A-Za-z0-9_-]+")


def new_secret(random: bytes) -> str:
    """`whsec_` and the base64 of 24 to 64 random bytes, from the caller. ValueError on any other length."""
    if not MIN_KEY_BYTES <= len(random) <= MAX_KEY_BYTES:
        raise ValueError(f"a webhook secret needs {MIN_KEY_BYTES} to {MAX_KEY_BYTES} random bytes")
    return PREFIX + base64.b64encode(random).decode()


def sign(secret: str, webhook_id: str, timestamp: int, body: bytes) -> dict[str, str]:
    """The headers that go with `body`, the exact bytes of the request.

    `webhook-signature` is `v1,` and the base64 HMAC-SHA256 of `id.timestamp.body`, keyed with the decoded
    secret; `X-MultiMail-Signature` is the hex HMAC-SHA256 of `body`, keyed with the UTF-8 bytes of the whole
    `whsec_…` string.
    `timestamp` is in seconds since the epoch. ValueError for a malformed secret, and for an id with a dot
    (the signed text would be ambiguous) or with characters that no header may carry.
    """
    if not WEBHOOK_ID.fullmatch(webhook_id):
        raise ValueError("a webhook id consists of ASCII letters, digits, '_' and '-'")
    return {
        "webhook-id": webhook_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": "v1," + _standard_signature(secret, webhook_id, timestamp, body),
        "X-MultiMail-Signature": hmac.new(secret.encode(), body, hashlib.sha256).hexdigest(),
    }


def verify(secret: str, headers: Mapping[str, str], body: bytes, *, now: int) -> bool:
    """Whether a call is signed with `secret`, no more than five minutes from `now` (seconds since the epoch).

    Header names are compared without regard to case; any one of several `v1` signatures may match, as during
    a change of secrets. Every malformed input is False; ValueError only for a malformed secret.
    """
    given = {name.lower(): value for name, value in headers.items()}
    stamp = given.get("webhook-timestamp", "")
    if not (stamp.isascii() and stamp.isdigit() and len(stamp) <= 12):
        return False
    timestamp = int(stamp)
    if abs(now - timestamp) > TOLERANCE_SECONDS or str(timestamp) != stamp:
        return False
    expected = _standard_signature(secret, given.get("webhook-id", ""), timestamp, body).encode()
    candidates = (one.partition(",") for one in given.get("webhook-signature", "").split(" "))
    return any(
        version == "v1" and hmac.compare_digest(expected, signature.encode(errors="replace"))
        for version, _, signature in candidates
    )


def _standard_signature(secret: str, webhook_id: str, timestamp: int, body: bytes) -> str:
    try:
        key = base64.b64decode(secret.removeprefix(PREFIX), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if not secret.startswith(PREFIX) or not key:
        raise ValueError("a webhook secret is 'whsec_' and base64")
    signed = f"{webhook_id}.{timestamp}.".encode(errors="replace") + body
    return base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
