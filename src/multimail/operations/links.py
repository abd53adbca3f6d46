"""Links that we signed: whoever has one may do what it names, without a key. Each kind is good for one purpose."""

import base64
import hashlib
import hmac
import json
from typing import Any

from multimail.core.jsontext import to_json


def sign_link(secret: bytes, purpose: str, claims: list[Any]) -> str:
    """The link's token, safe in a URL."""
    body = base64.urlsafe_b64encode(to_json(claims).encode()).rstrip(b"=")
    return f"{body.decode()}.{_mac(secret, purpose, body)}"


def open_link(secret: bytes, purpose: str, token: str) -> list[Any] | None:
    """The claims of a link that we signed for this purpose, None for any other."""
    body, _, mac = token.partition(".")
    expected = _mac(secret, purpose, body.encode("utf-8", "replace"))
    if not hmac.compare_digest(mac.encode("utf-8", "replace"), expected.encode()):
        return None
    claims: list[Any] = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
    return claims


def _mac(secret: bytes, purpose: str, body: bytes) -> str:
    """The colon is in no base64url: no purpose runs over into what is signed."""
    return hmac.new(secret, purpose.encode() + b":" + body, hashlib.sha256).hexdigest()
