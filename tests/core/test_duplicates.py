"""Near duplicates: what a person would call the same letter again is alike, and what is another is not."""

from multimail.core.duplicates import READ, alike, bands, sketch

LETTER = (
    "Dear Bob, your invoice 4711 over five hundred euros has been due since the third of May. Please transfer the "
    "amount to our account within ten days, or write to us if you need more time. We are glad to help with any "
    "question that you may have about the goods that we delivered in April. Kind regards, the desk."
)
OTHER = (
    "Hello Bob, the meeting on Tuesday moves to three o'clock because the large room is taken in the morning. Bring "
    "the drawings of the second floor if they are ready, and tell Carol that she is welcome to join us there."
)


def met(one: str, other: str) -> bool:
    return bool(set(bands(sketch(one))) & set(bands(sketch(other))))


def test_the_same_words_are_the_same_sketch() -> None:
    assert sketch(LETTER) == sketch(f"  {LETTER.upper()}\n\n".replace(", ", " ,\n"))
    assert sketch("ﬁve cafe\u0301s") == sketch("five cafés")


def test_a_word_changed_is_alike_and_another_letter_is_not() -> None:
    for again in (LETTER.replace("Dear", "Hi"), LETTER + " PS: Thanks!", LETTER.replace("ten", "fourteen")):
        assert sketch(again) != sketch(LETTER) or again != LETTER
        assert alike(sketch(LETTER), sketch(again)) and met(LETTER, again)
    assert not alike(sketch(LETTER), sketch(OTHER)) and not met(LETTER, OTHER)


def test_short_and_empty_texts() -> None:
    assert alike(sketch(""), sketch(" … "))
    assert not alike(sketch("Yes"), sketch("No"))
    assert not alike(sketch(""), sketch("Yes"))
    assert not alike("", sketch("Yes")) and not alike("", "")


def test_only_the_beginning_is_read() -> None:
    start = "word " * (READ // 5)
    assert sketch(start + "one") == sketch(start + "another " * 1000)


def test_it_is_the_same_on_every_machine() -> None:
    assert sketch("five euros") == sketch("Five EUROS!") and len(sketch("five euros")) == 64
    assert sketch("five euros")[:16] == "a07a6faba07a6fab"
