"""Estimates, and cuts that keep to them."""

from hypothesis import given
from hypothesis import strategies as st

from multimail.core.tokens import cut, estimate


@given(st.text(), st.integers(0, 50))
def test_a_cut_keeps_to_the_estimate(text: str, tokens: int) -> None:
    short = cut(text, tokens)
    assert estimate(short) <= tokens
    assert text.encode("utf-8", "replace").decode().startswith(short)


def test_cuts_end_with_a_line_or_a_word() -> None:
    assert cut("one two three four five", 4) == "one two three"
    assert cut("a line\nof many words and then more", 2) == "a line"
    assert cut("short", 2) == "short" and cut("x" * 100, 2) == "x" * 8
    assert (estimate(""), estimate("abcde"), estimate("漢字")) == (0, 2, 2)
