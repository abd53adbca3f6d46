"""What a word is, what is indexed of a text, and what a query asks for."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from multimail.core import search
from multimail.core.search import GAP, Term, document, plain_words, read_query, words


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Five euros, please!", "five euros please"),
        ("ann.b@example.test", "ann b example test"),
        ("snake_case it's x-1", "snake case it s x 1"),
        ("Äpfel ÉTÉ Straße Ελλάδα ΟΔΌΣ", "apfel ete strasse ελλαδα οδοσ"),
        ("ﬁne Ⅳ ２０２６ ①", "fine iv 2026 1"),
        ("東京都 3月", "東 京 都 3 月"),
        ("がく 한국어", "が く 한국어"),
        ("สวัสดี", " ".join("สวัสดี")),
        ("naïve nai\u0308ve", "naive naive"),
        ("İstanbul", "istanbul"),
        ("· — \u00ad !!", ""),
    ],
)
def test_words(text: str, expected: str) -> None:
    assert " ".join(words(text)) == expected


@given(st.text(alphabet="aZ9_ -\n\x1c\xa0·‑–—‘’“”•…→€"))
def test_plain_text_has_the_words_that_the_pattern_finds(text: str) -> None:
    assert plain_words(text) is not None and plain_words(f"{text} é") is None
    assert words(text) == words(f"é {text}")[1:]


def test_long_texts_have_an_end() -> None:
    assert words("x" * 1000) == ["x" * 64]
    assert words("…" * 40_000 + "beyond what is read") == []
    assert len(words("a " * 1_000_000)) == 16_000
    assert len(document(["a b c d e f g h " * 10_000] * 9).split(" ")) == 16_000
    huge = document(["\U00010330" * 63 + " " for _ in range(100)] * 1000)
    assert len(huge.encode()) < 1_000_000  # octets: a tsvector of PostgreSQL ends at 1,048,575


def test_a_document_keeps_texts_apart_and_repetitions_few() -> None:
    assert document(["One two", "", "three"]) == f"one two {GAP} {GAP} three {GAP}"
    repeated = document(["a " * 300 + "b"]).split(" ")
    assert repeated.count("a") == 255 and repeated.count(GAP) == 300 - 255 + 1
    assert repeated.index("b") == 300  # where it was


@given(st.text(max_size=200))
def test_words_are_letters_and_digits_that_stay_as_they_are(text: str) -> None:
    """No space, no quote, no operator of a query language: and what is a word once is the same word again."""
    for word in words(text):
        assert not set(word) & set(" \t\n\"'\\:*()&|!<>-_\0·") and word
        assert not any(char.isascii() and not char.isalnum() for char in word)
        assert words(word) == [word]


def term(text: str, *, prefix: bool = False, excluded: bool = False) -> Term:
    return Term(tuple(text.split()), prefix, excluded)


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("Invoice due", [term("invoice"), term("due")]),
        ('"Due soon" now', [term("due soon"), term("now")]),
        ("pay* -draft", [term("pay", prefix=True), term("draft", excluded=True)]),
        ('a -"b c"', [term("a"), term("b c", excluded=True)]),
        ('"due so"*', [term("due so", prefix=True)]),
        ("ann@example.test", [term("ann example test")]),
        ("e-mail", [term("e mail")]),
        ("東京", [term("東 京")]),
        ('"not closed', [term("not closed")]),
        ("AND (x) OR NOT:y", [term("and"), term("x"), term("or"), term("not y")]),
        ("x -- !! * -", [term("x")]),
    ],
)
def test_queries(query: str, expected: list[Term]) -> None:
    assert read_query(query) == tuple(expected)


@pytest.mark.parametrize("query", ["", "  ", "-a", "!!", '""', "a*", "x y*", " ".join("abcdefghijklmnopq")])
def test_queries_that_ask_for_nothing_or_too_much(query: str) -> None:
    with pytest.raises(ValueError, match="at "):
        read_query(query)


@given(st.text(max_size=100))
def test_any_text_is_a_query_or_refused(query: str) -> None:
    try:
        terms = read_query(query)
    except ValueError:
        return
    assert 0 < len(terms) <= search.TERMS
    assert any(not one.excluded for one in terms)
