"""Whether two texts say nearly the same: MinHash over pairs of words (Broder 1997), the same on every machine.

Eight hashes estimate how much of two texts' word pairs is common; bands of two make alike texts meet in an index.
"""

import hashlib
from itertools import pairwise
from operator import eq
from struct import Struct
from typing import Final

from multimail.core.search import words

HASHES: Final = 8
OCTETS: Final = 4  # of each hash
BAND: Final = 2  # hashes in a row: texts with three quarters in common share one of four with 96 %
ALIKE: Final = 5  # equal hashes of the eight: more than half of the word pairs are common
READ: Final = 2000  # characters: what is alike that far is alike

_LAYOUT: Final = Struct(f">{HASHES}I")  # one integer for each OCTETS of a digest


def sketch(text: str) -> str:
    """Hexadecimal, of HASHES * OCTETS octets. Case, punctuation, space and accents don't matter."""
    kept = words(text[:READ])
    pairs: set[tuple[str, ...]] = set(pairwise(kept)) or {tuple(kept)}
    hashed = (
        _LAYOUT.unpack(hashlib.blake2b(" ".join(pair).encode(), digest_size=_LAYOUT.size).digest())
        for pair in pairs
    )
    return _LAYOUT.pack(*map(min, zip(*hashed, strict=True))).hex()


def bands(one: str) -> list[str]:
    """Texts that are alike have most likely one of these in common."""
    width = 2 * OCTETS * BAND
    return [f"{number}:{one[number * width :][:width]}" for number in range(HASHES // BAND)]


def alike(one: str, other: str) -> bool:
    """Of two sketches; "", that of mail from outside, is like nothing."""
    return bool(one and other) and sum(map(eq, _hashes(one), _hashes(other))) >= ALIKE


def _hashes(one: str) -> tuple[int, ...]:
    return _LAYOUT.unpack(bytes.fromhex(one))
