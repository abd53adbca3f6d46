"""Identifiers: a prefix that says what it is, then a UUIDv7 (RFC 9562 5.7) in Crockford base32.

They are opaque to clients and sort by creation time. The shell supplies the time and the randomness.
"""

import re
from functools import lru_cache
from typing import Final

ALPHABET: Final = "0123456789abcdefghjkmnpqrstvwxyz"
PREFIXES: Final = frozenset(
    "acc mbx eml thr att key whk evt dlv ctc dom sup aud upg rul opr ses job cod req ntc drf ers viw psh blb".split()
)
_PAIRS: Final = tuple(first + second for first in ALPHABET for second in ALPHABET)
_PATTERN: Final = re.compile(r"([a-z]{3})_([0-7][0-9abcdefghjkmnpqrstvwxyz]{25})", re.ASCII)


def make_id(prefix: str, unix_ms: int, random: int) -> str:
    """`random` is 80 bits: 74 are used, 6 become the version and variant of the UUID."""
    assert prefix in PREFIXES, prefix
    number = 0x7 << 76 | (random >> 62 & 0xFFF) << 64 | 0b10 << 62 | random & (1 << 62) - 1
    return f"{prefix}_{_time(unix_ms)}{_base32(number, 80)}"


@lru_cache(1)  # ids come in bursts
def _time(unix_ms: int) -> str:
    """Of 130 bits, the first fifty: two that are none, and the time's 48."""
    return _base32(unix_ms & (1 << 48) - 1, 50)


def _base32(number: int, bits: int) -> str:
    return "".join([_PAIRS[number >> shift & 1023] for shift in range(bits - 10, -1, -10)])


def is_id(text: str, prefix: str) -> bool:
    """Whether `text` has the shape of an id of this kind; says nothing of whether it exists."""
    match = _PATTERN.fullmatch(text)
    return match is not None and match[1] == prefix
