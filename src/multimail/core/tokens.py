"""How much of a model's context a text takes: an estimate that needs no model's tables.

Common tokenisers give 3.5 to 4.5 octets of UTF-8 a token over English, German, Russian, Chinese and code; numbers
and rare scripts take more tokens than is said here.
"""

from typing import Final

OCTETS: Final = 4  # of UTF-8, one token


def estimate(text: str) -> int:
    """Tokens, rounded up."""
    return -(-len(text.encode("utf-8", "replace")) // OCTETS)


def cut(text: str, tokens: int) -> str:
    """At most so many tokens by `estimate`, ending where a line or a word ends if one does in the last quarter."""
    if estimate(text) <= tokens:
        return text
    short = text.encode("utf-8", "replace")[: tokens * OCTETS].decode("utf-8", "ignore")
    for stop in ("\n", " "):
        at = short.rfind(stop)
        if at >= len(short) * 3 // 4:
            return short[:at].rstrip()
    return short
