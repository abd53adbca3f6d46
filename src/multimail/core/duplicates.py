"""Whether two texts say nearly the same: MinHash over pairs of words (Broder 1997), the same on every machine.

Eight hashes estimate how much of two texts' word pairs is common; bands of two make alike texts meet in an index.
They are those that follow eight points of the ring on which every pair has its place: with one permutation (Li, Owen
and Zhang 2012) that estimates what eight permutations do, and each pair is hashed once.
"""

from bisect import bisect_left
from operator import eq
from struct import Struct
from typing import Final
from zlib import crc32

from multimail.core.search import plain_words, words

HASHES: Final = 8
OCTETS: Final = 4  # of each hash
BAND: Final = 2  # hashes in a row: texts with three quarters in common share one of four with 96 %
ALIKE: Final = 5  # equal hashes of the eight: more than half of the word pairs are common
READ: Final = 2000  # characters: what is alike that far is alike

_LAYOUT: Final = Struct(f">{HASHES}I")  # one integer for each OCTETS of a sketch
_POINTS: Final = range(0, 256**OCTETS, 256**OCTETS // HASHES)


def sketch(text: str) -> str:
    """Hexadecimal, of HASHES * OCTETS octets. Case, punctuation, space and accents don't matter."""
    ring = sorted(_hashed_pairs(text[:READ]))
    following = (ring[bisect_left(ring, point) % len(ring)] for point in _POINTS)
    return _LAYOUT.pack(*following).hex()


def _hashed_pairs(text: str) -> set[int]:
    """One integer of OCTETS for each pair of words in a row; of a single word or none its own."""
    plain = plain_words(text)
    kept = plain.split() if plain is not None else [word.encode() for word in words(text)]
    first = map(crc32, kept)
    # The second word's checksum goes on from the first's: no pair is put together, no line of Python runs for it.
    return set(map(crc32, kept[1:], first)) or {crc32(b"".join(kept))}


def bands(one: str) -> list[str]:
    """Texts that are alike have most likely one of these in common."""
    width = 2 * OCTETS * BAND
    return [f"{number}:{one[number * width :][:width]}" for number in range(HASHES // BAND)]


def alike(one: str, other: str) -> bool:
    """Of two sketches; "", that of mail from outside, is like nothing."""
    return bool(one and other) and sum(map(eq, _hashes(one), _hashes(other))) >= ALIKE


def _hashes(one: str) -> tuple[int, ...]:
    return _LAYOUT.unpack(bytes.fromhex(one))
