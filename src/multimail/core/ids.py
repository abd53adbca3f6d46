"""Identifiers: a prefix that says what it is, then a UUIDv7 (RFC 9562 5.7) in Crockford base32.

They are opaque to clients and sort by creation time. The shell supplies the time and the randomness.
"""

import re
from collections.abc import Callable, Iterator
from itertools import count
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
    number = (unix_ms & (1 << 48) - 1) << 80 | 0x7 << 76 | (random >> 62 & 0xFFF) << 64
    number |= 0b10 << 62 | random & (1 << 62) - 1
    return prefix + "_" + "".join([_PAIRS[number >> shift & 1023] for shift in range(120, -1, -10)])


class Ids:
    """Makes ids that sort as they were made within a millisecond too: its first is random, and the next ones count on
    from it (RFC 9562 6.2, method 2). `bits` gives so many random bits. Threads may share it."""

    def __init__(self, bits: Callable[[int], int]) -> None:
        self._bits = bits
        self._burst: tuple[int, str, Iterator[int]] = (-1, "", count())

    def make(self, prefix: str, unix_ms: int) -> str:
        assert prefix in PREFIXES, prefix
        started, head, numbers = self._burst
        if started != unix_ms:
            random = self._bits(80)
            head = make_id(prefix, unix_ms, random).removeprefix(prefix)[:-4]
            numbers = count(random & 0x7FFFF)  # of the last 20 bits half are left to count in
            self._burst = (unix_ms, head, numbers)
        number = next(numbers)
        return f"{prefix}{head}{_PAIRS[number >> 10]}{_PAIRS[number & 1023]}"


def is_id(text: str, prefix: str) -> bool:
    """Whether `text` has the shape of an id of this kind; says nothing of whether it exists."""
    match = _PATTERN.fullmatch(text)
    return match is not None and match[1] == prefix
