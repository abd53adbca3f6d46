"""Names that are made to be taken for others: domains and people's names that look like ones that are known.

The skeleton follows UTS 39 4 (two strings are confusable when their skeletons are equal) with a table of our own:
what can be mistaken for a letter or digit of ASCII, which is what known domains are written in. The whole of the
consortium's table has ten thousand lines, nearly all of them about scripts that imitate nobody's domain.
"""

import unicodedata
from collections.abc import Iterable
from typing import Final

NEAR: Final = 6  # letters that a name needs before one wrong letter is no accident

# one letter of ASCII, and what looks like it: Cyrillic, Greek, Armenian, Latin beyond ASCII, letterlike signs
_LOOKS: Final = {
    "a": "аɑαａ⍺", "b": "ЬьƅβБ", "c": "сϲⅽᴄ", "d": "ԁⅾɗ", "e": "еҽ℮єεẹ", "f": "ſƒẝ", "g": "ɡցǥ", "h": "һհн",
    "i": "іɪıӏΙιاⅰ∣ǀ|", "j": "јϳ", "k": "кκᴋ", "l": "ⅼƖɭ", "m": "мⅿ", "n": "ոпηռ", "o": "оοօσᴏөѳ０", "p": "рρ⍴",
    "q": "ԛգ", "r": "гᴦꭇ", "s": "ѕꜱ", "t": "тτᴛ", "u": "υսцᴜ", "v": "ѵνᴠⅴ", "w": "ԝωѡɯᴡ", "x": "хχⅹ×", "y": "уүγʏ",
    "z": "ᴢʐ",
}  # fmt: skip
# digits, letters and pairs of them that are taken for one another in the fonts of mail programs
_FOLDED: Final = str.maketrans(
    {other: letter for letter, others in _LOOKS.items() for other in others}
    | {"0": "o", "1": "i", "l": "i", "3": "e", "5": "s", "ł": "i", "ø": "o", "đ": "d", "ß": "b", "æ": "ae"}
)
_PAIRS: Final = (("rn", "m"), ("vv", "w"), ("ci", "d"))  # ci: what cl has become by then
_SCRIPTS: Final = ("LATIN", "CYRILLIC", "GREEK", "ARMENIAN", "HEBREW", "ARABIC", "CHEROKEE")


def skeleton(text: str) -> str:
    """What a glance sees. Equal skeletons of unequal texts are confusable; it is not for showing."""
    if text.isascii():  # nearly all that is known: it has no marks to take off
        bare = text.lower()
    else:
        folded = unicodedata.normalize("NFKD", text).casefold()
        bare = "".join(mark for mark in folded if not unicodedata.combining(mark))
    bare = bare.translate(_FOLDED)
    for pair, letter in _PAIRS:
        bare = bare.replace(pair, letter)
    return bare


def readable(domain: str) -> str:
    """A domain with its A-labels as they are shown (RFC 5890 2.3.2.1); what is no A-label stays."""
    return ".".join(_shown(label) for label in domain.lower().split("."))


def _shown(label: str) -> str:
    if not label.startswith("xn--"):
        return label
    try:
        return label[4:].encode("ascii").decode("punycode")
    except UnicodeError:
        return label


def scripts(label: str) -> set[str]:
    """The alphabets of a label's letters, of those whose letters imitate each other's."""
    names = (unicodedata.name(letter, "").partition(" ")[0] for letter in label if letter.isalpha())
    return {name for name in names if name in _SCRIPTS}


def mixes_scripts(domain: str) -> bool:
    """Whether one label is written in several alphabets (UTS 39 5.1): no language needs that of these."""
    return any(len(scripts(label)) > 1 for label in readable(domain).split("."))


class Domains:
    """Registrable domains that are known, so arranged that a name is compared with few of them however many there are.

    Whoever is one letter off has one half of the look right, so that each is found by its halves.
    """

    def __init__(self, known: Iterable[str] = ()) -> None:
        self._found: dict[str, set[str]] = {}
        for domain in known:
            self.add(domain)

    def add(self, domain: str) -> None:
        label = readable(domain.partition(".")[0])
        look = skeleton(label)
        self._note(look, domain)
        if len(label) >= NEAR:
            size, half = len(look), len(look) // 2
            self._note(_first(size, look[:half]), domain)
            self._note(_second(size, look[half:]), domain)

    def _note(self, key: str, domain: str) -> None:
        self._found.setdefault(key, set()).add(domain)

    def like(self, name: str) -> list[str]:
        """Itself, and all that `imitated` could find it to resemble, in order."""
        look = skeleton(readable(name.partition(".")[0]))
        keys = {look, *look.split("-"), *_swapped(look)}
        for size in (len(look) - 1, len(look), len(look) + 1):
            half = size // 2
            keys |= {_first(size, look[:half]), _second(size, look[len(look) - (size - half) :])}
        return sorted(set().union(*(self._found.get(key, ()) for key in keys)))


def _first(size: int, half: str) -> str:
    return f"{size} {half}…"


def _second(size: int, half: str) -> str:
    return f"{size} …{half}"


def _swapped(look: str) -> tuple[str, ...]:
    """The one change that is in both halves."""
    at = len(look) // 2
    return (look[: at - 1] + look[at] + look[at - 1] + look[at + 1 :],) if at else ()


def imitated(name: str, known: Iterable[str]) -> tuple[str, str] | None:
    """The known registrable domain that `name`, another one, resembles, and how; None where it resembles none.

    How is confusable (equal to a glance), misspelled (one letter off), other_suffix (the same name elsewhere) or
    extended (the name with words added). Time is linear in the number of known domains: `Domains.like` finds the few.
    """
    label, _, suffix = name.partition(".")
    label = readable(label)
    look = skeleton(label)
    best: tuple[int, str, str] | None = None
    for other in known:
        if other == name:
            return None
        how = _resembles(label, look, suffix, other)
        if how and (best is None or (ORDER.index(how), other) < best[:2]):
            best = (ORDER.index(how), other, how)
    return (best[1], best[2]) if best else None


def look_alike(domain: str, known: Iterable[str]) -> str | None:
    """The known domain, subdomains and all, that this one could be taken for; None for a known one."""
    known = set(known)
    if domain in known:
        return None
    look = skeleton(readable(domain))
    for other in sorted(known):
        if domain.endswith("." + other) or other.endswith("." + domain):
            continue
        near = len(other) >= NEAR and one_off(domain, other)
        if near or skeleton(readable(other)) == look:
            return other
    return None


ORDER: Final = ("confusable", "misspelled", "other_suffix", "extended")


def _resembles(label: str, look: str, suffix: str, other: str) -> str:
    theirs, _, their_suffix = other.partition(".")
    theirs = readable(theirs)
    if label == theirs:
        return "other_suffix" if len(label) >= NEAR - 2 and suffix != their_suffix else ""
    their_look = skeleton(theirs)
    if look == their_look:
        return "confusable"
    if len(theirs) < NEAR:
        return ""
    if abs(len(look) - len(their_look)) <= 1 and one_off(look, their_look):
        return "misspelled"
    words = look.split("-")
    return "extended" if len(words) > 1 and their_look in words else ""


def one_off(one: str, other: str) -> bool:
    """Whether one letter added, left out, replaced, or swapped with its neighbour makes one the other."""
    if len(one) > len(other):
        one, other = other, one
    start = next((at for at, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), len(one))
    if len(one) < len(other):
        return len(other) - len(one) == 1 and one[start:] == other[start + 1 :]
    rest, others = one[start:], other[start:]
    swapped = len(rest) > 1 and rest[:2] == others[1::-1] and rest[2:] == others[2:]
    return bool(rest) and (rest[1:] == others[1:] or swapped)
