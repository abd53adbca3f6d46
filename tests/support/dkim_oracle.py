"""dkimpy, which no one here wrote, as the judge of signatures: RSA, and Ed25519 without PyNaCl."""

import base64
from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

import dkim
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ed25519


class VerifyKey:
    """What dkimpy wants from PyNaCl to check Ed25519, made of `cryptography`."""

    def __init__(self, encoded: bytes, encoder: Any) -> None:
        self.key = ed25519.Ed25519PublicKey.from_public_bytes(base64.b64decode(encoded))

    def verify(self, message: bytes, signature: bytes) -> None:
        self.key.verify(signature, message)


dkim.nacl = SimpleNamespace(
    signing=SimpleNamespace(VerifyKey=VerifyKey),
    encoding=SimpleNamespace(Base64Encoder=None),
    exceptions=SimpleNamespace(BadSignatureError=InvalidSignature, ValueError=ValueError),
)


def verifies(raw: bytes, records: Mapping[bytes, bytes], number: int = 0) -> bool:
    """Whether the signature with this number, from the top, holds. `records` are by name, with its last dot."""
    try:
        return bool(dkim.DKIM(raw).verify(number, dnsfunc=lambda name, timeout=5: records.get(name)))
    except dkim.ValidationError:
        return False
