"""Whether two texts say nearly the same: MinHash over pairs of words (Broder 1997), the same on every machine.

Eight hashes estimate how much of two texts' word pairs is common; bands of two make alike texts meet in an index.
"""

import hashlib
import re
import unicodedata
from itertools import pairwise
from typing import Final

HASHES: Final = 8
OCTETS: Final = 4  # of each hash
BAND: Final = 2  # hashes in a row: texts with three quarters in common share one of four with 96 %
ALIKE: Final = 5  # equal hashes of the eight: more than half of the word pairs are common
READ: Final = 4000  # characters: what is alike that far is alike

_WORD: Final = re.compile(r"\w+")


def sketch(text: str) -> str:
    """Hexadecimal, of HASHES * OCTETS octets. Case, punctuation, space and Unicode's spellings don't matter."""
    words = _WORD.findall(unicodedata.normalize("NFKC", text[:READ]).casefold())
    pairs = set(pairwise(words)) or {tuple(words)}
    digests = [
        hashlib.blake2b(" ".join(pair).encode(), digest_size=HASHES * OCTETS).digest() for pair in pairs
    ]
    starts = range(0, HASHES * OCTETS, OCTETS)
    return b"".join(min(digest[start : start + OCTETS] for digest in digests) for start in starts).hex()


def bands(one: str) -> list[str]:
    """Texts that are alike have most likely one of these in common."""
    return [f"{number}:{band}" for number, band in enumerate(_cut(one, BAND))]


def alike(one: str, other: str) -> bool:
    """Of two sketches."""
    return sum(a == b for a, b in zip(_cut(one, 1), _cut(other, 1), strict=True)) >= ALIKE


def _cut(one: str, hashes: int) -> list[str]:
    width = 2 * OCTETS * hashes
    return [one[start : start + width] for start in range(0, len(one), width)]
