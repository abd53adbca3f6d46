"""Full-text search as far as it is the same on every database: what a word is, and what a query asks for.

The databases are handed words, never text, and no stemmer or stop list of theirs sees them: so all find the
same. A word is a run of letters and digits without case, accents of Latin, Greek and Cyrillic, or
compatibility forms (Unicode NFKD); in scripts that put no spaces between words each character is one.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

# PostgreSQL keeps positions up to 16,383 and 255 of one word (its documentation, 12.11 "Limitations").
WORDS: Final = 16_000
REPEATS: Final = 255
LONGEST: Final = 64  # characters of a word, the rest is cut off
TEXT: Final = 100_000  # characters of one text, the rest is not indexed
SIZE: Final = 200_000  # characters of all words of an email: in UTF-8 less than the megabyte of a tsvector
TERMS: Final = 16
PREFIX: Final = 2  # characters at least: a shorter one is the beginning of everything
GAP: Final = "·"  # in the place of a word: never a part of one, so that no phrase reaches across it

_UNSPACED: Final = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
)
_WORD: Final = re.compile(rf"[{_UNSPACED}]|[^\W_{_UNSPACED}]+")
_LOWER: Final = (chr(code).lower() if chr(code).isalnum() else " " for code in range(128))
_PLAIN: Final = "".join(_LOWER).encode().ljust(256)
# Anything but ASCII and the marks that people and models set in plain English, none of which is in a word.
_RICHER: Final = re.compile("[^\x00-\x7f\xa0·‑–—‘’“”•…→€]")
_ACCENT: Final = re.compile("[\u0300-\u036f]+")
_TERM: Final = re.compile(r'(?P<minus>-?)(?:"(?P<phrase>[^"]*)"?|(?P<word>[^\s"*]+))(?P<star>\*?)')


def words(text: str) -> list[str]:
    """The words of a text, in order."""
    text = text[:TEXT]
    plain = plain_words(text)
    if plain is not None:
        found = plain.decode().split()
    else:
        text = _ACCENT.sub("", unicodedata.normalize("NFKD", text).casefold())
        found = _WORD.findall(unicodedata.normalize("NFC", text)[:TEXT])
    found = found[:WORDS]
    return found if max(map(len, found), default=0) <= LONGEST else [word[:LONGEST] for word in found]


def plain_words(text: str) -> bytes | None:
    """The words of a text in ASCII, white space between them; None where `words` has to look closer.

    An eighth of what the pattern takes.
    """
    if not text.isascii():
        if _RICHER.search(text):
            return None
        text = text.replace("…", "...")[:TEXT]  # the form that it has in NFKD is the longer one
    return text.encode("ascii", "replace").translate(_PLAIN)


def document(texts: Iterable[str]) -> str:
    """What is indexed of one email: the words of its texts with spaces between, and a gap after each text."""
    kept: list[str] = []
    for text in texts:
        kept += words(text)
        kept.append(GAP)
    joined = " ".join(kept)
    most = max(Counter(kept).values(), default=0)
    fits = most <= REPEATS and len(kept) <= WORDS and len(joined) <= SIZE
    return joined if fits else " ".join(_bounded(kept))


def _bounded(kept: list[str]) -> Iterator[str]:
    """As much as every database keeps; what is one too many of a word leaves a gap, so that the rest stays put."""
    counted: Counter[str] = Counter()
    size = 0
    for word in kept[:WORDS]:
        size += len(word)
        if size > SIZE:
            return
        counted[word] += 1
        yield word if counted[word] <= REPEATS else GAP


@dataclass(frozen=True, slots=True)
class Term:
    """Words that stand side by side. `prefix`: the last one may go on; `excluded`: it must not be there."""

    words: tuple[str, ...]
    prefix: bool
    excluded: bool


def read_query(text: str) -> tuple[Term, ...]:
    """`invoice "due soon" pay* -draft`: all must be there, in any order, but for what follows a minus.

    What holds together without spaces (`ann@example.test`) is a phrase. Raises ValueError, in words for the
    caller, for a query that asks for nothing or for too much.
    """
    terms = []
    for found in _TERM.finditer(text):
        asked = tuple(words(found["word"] or found["phrase"] or ""))
        if asked:
            prefix = bool(found["star"])
            if prefix and len(asked[-1]) < PREFIX:
                raise ValueError(f"at least {PREFIX} characters are needed before a *")
            terms.append(Term(asked, prefix, bool(found["minus"])))
    if all(term.excluded for term in terms):
        raise ValueError("at least one word to look for is needed")
    if len(terms) > TERMS:
        raise ValueError(f"at most {TERMS} words or phrases")
    return tuple(terms)
