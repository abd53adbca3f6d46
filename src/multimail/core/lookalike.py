"""Domains that read alike and are not the same: one letter of another script, a digit for a letter, one slip."""

import unicodedata
from collections.abc import Iterable
from typing import Final

# What eyes take for one another, each by the simplest of its kind (after Unicode TS 39, the part that mail meets).
CONFUSED: Final = str.maketrans(
    {
        **dict(zip("аеорсухіјԁѕһқԛԝɡɩοαρντυ", "aeopcyxijdshkqwgioapvtu", strict=True)),
        "0": "o",
        "1": "l",
        "i": "l",
        "3": "e",
        "5": "s",
        "-": "",
        "ı": "l",
    }
)
SHORT: Final = 6  # a slip in a shorter name makes another word, and proves nothing
PAIRS: Final = (("rn", "m"), ("vv", "w"), ("cl", "d"))


def skeleton(domain: str) -> str:
    """What a hurried reader sees. Equal skeletons of different domains are look-alikes."""
    plain = "".join(
        character
        for character in unicodedata.normalize("NFKD", domain.lower())
        if not unicodedata.combining(character)
    )
    seen = plain.translate(CONFUSED)
    for pair, single in PAIRS:
        seen = seen.replace(pair, single)
    return seen


def look_alike(domain: str, known: Iterable[str]) -> str | None:
    """The known domain that this one could be taken for, None for a known one and for one like no other."""
    known = set(known)
    if domain in known:
        return None
    seen = skeleton(domain)
    for other in sorted(known):
        if domain.endswith("." + other) or other.endswith("." + domain):
            continue
        if skeleton(other) == seen or (len(other) >= SHORT and _one_slip(domain, other)):
            return other
    return None


def _one_slip(one: str, other: str) -> bool:
    """One letter more, less, other, or two in a row swapped: Damerau's distance is 1."""
    if len(one) > len(other):
        one, other = other, one
    if len(other) - len(one) > 1:
        return False
    start = next((at for at, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), len(one))
    if len(one) < len(other):
        return one[start:] == other[start + 1 :]
    swapped = one[start + 1 : start + 2] + one[start : start + 1] + one[start + 2 :]
    return one[start + 1 :] == other[start + 1 :] or swapped == other[start:]
