"""Learning by words, in a table of fixed size."""

from hypothesis import given
from hypothesis import strategies as st

from multimail.core.bayes import BUCKETS, EMAILS, ENOUGH, LEAST, MAX_WORDS, MOST, buckets, weigh

SPAM = [
    "cheap pills cheap watches",
    "pills for you, cheap",
    "win a watch, cheap pills",
    "pills pills cheap",
] * 3
HAM = ["the invoice of october", "lunch on friday?", "the contract is signed", "october figures, friday"] * 3


def learned() -> dict[int, tuple[int, int]]:
    counts: dict[int, tuple[int, int]] = {EMAILS: (len(SPAM), len(HAM))}
    for texts, spam in ((SPAM, 1), (HAM, 0)):
        for text in texts:
            for bucket in buckets(body=text):
                before = counts.get(bucket, (0, 0))
                counts[bucket] = (before[0] + spam, before[1] + 1 - spam)
    return counts


def test_words_weigh_by_where_they_were() -> None:
    spam, ham = (
        weigh(buckets(body="cheap pills today"), learned()),
        weigh(buckets(body="october invoice"), learned()),
    )
    unknown = weigh(buckets(body="something else entirely"), learned())
    assert spam is not None and ham is not None and spam > 1 and ham < -1 and unknown == 0
    assert weigh(buckets(subject="cheap pills"), learned()) == 0  # another place is another word


def test_nothing_is_said_before_enough_was_learned() -> None:
    assert weigh(buckets(body="cheap"), {EMAILS: (ENOUGH - 1, 1000)}) is None
    assert weigh(buckets(body="cheap"), {EMAILS: (1000, ENOUGH - 1)}) is None
    assert weigh(buckets(body="cheap"), {}) is None


@given(st.text(), st.dictionaries(st.integers(0, BUCKETS), st.tuples(st.integers(0, 99), st.integers(0, 99))))
def test_all_is_bounded(text: str, counts: dict[int, tuple[int, int]]) -> None:
    found = buckets(body=text)
    assert len(found) <= MAX_WORDS and all(0 <= bucket < BUCKETS for bucket in found)
    said = weigh(found, counts | {EMAILS: (99, 99)})
    assert said is not None and LEAST <= said <= MOST
    assert len(buckets(body=" ".join(map(str, range(10_000, 20_000))))) <= MAX_WORDS
