"""The keys that stored secrets are sealed with, as a person writes them down, and the names they go by."""

import base64
import hashlib
import hmac
import re
from typing import Final

SIZE: Final = 32  # bytes
TAKES: Final = "32 random bytes in base64 or hexadecimal, such as `openssl rand -base64 32` prints"
_HEX: Final = re.compile("[0-9a-fA-F]{64}")
_URL_SAFE: Final = str.maketrans("-_", "+/")  # its alphabet is taken too (RFC 4648 section 5)


def parse_keys(text: str) -> tuple[bytes, ...]:
    """Keys between commas, blanks or line ends, the first of which seals; lines that start with # are remarks.

    Raises ValueError, whose message holds nothing of a key.
    """
    lines = (line for line in text.splitlines() if not line.lstrip().startswith("#"))
    words = (word for line in lines for word in re.split(r"[\s,]+", line) if word)
    return tuple(dict.fromkeys(_key(word) for word in words))


def _key(word: str) -> bytes:
    if _HEX.fullmatch(word):
        return bytes.fromhex(word)
    bare = word.rstrip("=")
    try:
        key = base64.b64decode(bare.translate(_URL_SAFE) + "=" * (-len(bare) % 4), validate=True)
    except ValueError:
        key = b""
    if len(key) != SIZE:
        raise ValueError(f"each is {TAKES}")
    return key


def write_key(key: bytes) -> str:
    """As `parse_keys` takes it."""
    return base64.b64encode(key).decode()


def key_id(key: bytes) -> str:
    """What a key is called, in envelopes and to people: it tells nothing of the key, and no other key has it."""
    return derive(key, "id").hex()[:16]


def derive(key: bytes, use: str) -> bytes:
    """32 bytes for one use, as HKDF-Expand makes its first block (RFC 5869 section 2.3)."""
    return hmac.digest(key, f"multimail secret {use}\x01".encode(), hashlib.sha256)
