"""Whether two texts say nearly the same: MinHash over pairs of words (Broder 1997), the same on every machine.

Eight hashes estimate how much of two texts' word pairs is common; bands of two make alike texts meet in an index.
"""

import hashlib
from itertools import pairwise
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
    return [f"{number}:{band}" for number, band in enumerate(_cut(one, BAND))]


def alike(one: str, other: str) -> bool:
    """Of two sketches."""
    return sum(a == b for a, b in zip(_cut(one, 1), _cut(other, 1), strict=True)) >= ALIKE


def _cut(one: str, hashes: int) -> list[str]:
    width = 2 * OCTETS * hashes
    return [one[start : start + width] for start in range(0, len(one), width)]
