"""Learning what an account calls spam: naive Bayes over the words of an email, in a table of fixed size.

A word is one of 2^18 buckets, so an account's table never has more rows, whatever strangers write; two words in one
bucket cost a little sharpness. Only the words that say most count, and together they say a bounded amount.
"""

import hashlib
import math
import re
from collections.abc import Iterable, Mapping
from typing import Final

BUCKETS: Final = 2**18
EMAILS: Final = -1  # the bucket that counts the emails themselves
MAX_WORDS: Final = 400  # of one email
MAX_TEXT: Final = 20_000  # characters of it
ENOUGH: Final = 8  # emails of each kind before anything is said
TELLING: Final = 30  # words that count
LEAST: Final = -3.0
MOST: Final = 6.0

_WORD: Final = re.compile(r"[^\W_]{3,24}|[€$£¥%]")

Counts = Mapping[int, tuple[int, int]]  # bucket → how many emails that were spam, and that were not, had it


def buckets(**places: str) -> frozenset[int]:
    """The buckets of an email's words, each word with the place where it stands: `buckets(subject=…, body=…)`."""
    words: dict[str, None] = {}
    for place, text in places.items():
        for match in _WORD.finditer(text[:MAX_TEXT].casefold()):
            words[f"{place}:{match[0]}"] = None
            if len(words) >= MAX_WORDS:
                break
    return frozenset(_bucket(word) for word in words)


def _bucket(word: str) -> int:
    digest = hashlib.blake2b(word.encode("utf-8", "replace"), digest_size=4).digest()
    return int.from_bytes(digest, "big") % BUCKETS


def weigh(found: Iterable[int], counts: Counts) -> float | None:
    """From LEAST (surely none) to MOST (surely spam); None while too little was learned."""
    spam, ham = counts.get(EMAILS, (0, 0))
    if spam < ENOUGH or ham < ENOUGH:
        return None
    says = [_says(counts[bucket], spam, ham) for bucket in found if bucket in counts]
    telling = sorted(says, key=abs, reverse=True)[:TELLING]
    return round(max(LEAST, min(MOST, sum(telling) / 3)), 1)


def _says(seen: tuple[int, int], spam: int, ham: int) -> float:
    """The logarithm of how much likelier the word is in spam, drawn towards nothing where it was seen seldom."""
    return math.log((seen[0] + 0.5) / (spam + 1)) - math.log((seen[1] + 0.5) / (ham + 1))
