"""What is made to be taken for something else, and what only happens to be near."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from multimail.core.lookalike import Domains, imitated, mixes_scripts, one_off, readable, skeleton

KNOWN = ["paypal.com", "example.org", "multimail.test", "acme.com", "wellington-bank.co.nz", "ibm.com"]


@pytest.mark.parametrize(
    ("name", "other", "how"),
    [
        ("xn--pypal-4ve.com", "paypal.com", "confusable"),
        ("paypa1.com", "paypal.com", "confusable"),
        ("paypai.com", "paypal.com", "confusable"),
        ("rnultirnail.test", "multimail.test", "confusable"),
        ("exarnple.org", "example.org", "confusable"),
        ("vvellington-bank.co.nz", "wellington-bank.co.nz", "confusable"),
        ("paypal.support", "paypal.com", "other_suffix"),
        ("acme.co", "acme.com", "other_suffix"),
        ("paypall.com", "paypal.com", "misspelled"),
        ("paypl.com", "paypal.com", "misspelled"),
        ("papyal.net", "paypal.com", "misspelled"),
        ("paypal-billing.com", "paypal.com", "extended"),
        ("secure-paypa1.com", "paypal.com", "extended"),
    ],
)
def test_imitations(name: str, other: str, how: str) -> None:
    assert imitated(name, KNOWN) == (other, how)


@pytest.mark.parametrize(
    "name",
    [
        "paypal.com",
        "example.net.example",
        "ibm.net",
        "imb.com",
        "acne.com",
        "pal.com",
        "welling.com",
        "x",
        "",
    ],
)
def test_what_is_known_short_or_far_imitates_nobody(name: str) -> None:
    assert imitated(name, KNOWN) is None or imitated(name, KNOWN) == ("example.org", "other_suffix")


def test_alphabets() -> None:
    assert mixes_scripts("xn--pypal-4ve.com") and readable("xn--pypal-4ve.com") == "pаypal.com"
    assert not mixes_scripts("xn--e1afmkfd.xn--p1ai") and not mixes_scripts("münchen.example")
    assert readable("xn--\u00e9") == "xn--\u00e9"


@given(st.text(), st.text())
def test_skeletons(one: str, other: str) -> None:
    assert (
        skeleton(skeleton(one)) == skeleton(one)
        or "c" in one.casefold()
        or "r" in skeleton(one)
        or "v" in one
    )
    assert skeleton(one + " " + other) == f"{skeleton(one)} {skeleton(other)}"


@given(st.text("ab", min_size=1, max_size=8), st.integers(0, 7), st.sampled_from("abc"))
def test_one_letter(word: str, at: int, letter: str) -> None:
    at %= len(word)
    for changed in (
        word[:at] + word[at + 1 :],
        word[:at] + letter + word[at:],
        word[:at] + letter + word[at + 1 :],
    ):
        assert one_off(word, changed) or word == changed
    assert not one_off(word, word) and not one_off(word, word + "cc")


LABELS = st.text("ab1lrn-\u0430", min_size=1, max_size=9) | st.sampled_from(
    [name.partition(".")[0] for name in KNOWN]
    + ["xn--pypal-4ve", "paypal-billing", "papyal", "pyapal", "paylap"]
)
NAMES = st.tuples(LABELS, st.sampled_from(["com", "net", "co.nz"])).map(".".join)


@given(NAMES, st.lists(NAMES, max_size=30))
def test_the_few_that_are_compared_are_all_that_could_be_meant(name: str, known: list[str]) -> None:
    assert imitated(name, Domains(known).like(name)) == imitated(name, sorted(set(known)))


@given(st.text("abcd", min_size=6, max_size=9), st.data())
def test_one_letter_off_is_always_found(label: str, data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(label) - 1))
    other = data.draw(
        st.sampled_from(
            [
                label[:at] + label[at + 1 :],
                label[:at] + "e" + label[at:],
                label[:at] + "e" + label[at + 1 :],
                label[:at] + label[at : at + 2][::-1] + label[at + 2 :],
            ]
        )
    )
    assert f"{label}.com" in Domains([f"{label}.com"]).like(f"{other}.net")


def test_of_thousands_few_are_compared() -> None:
    domains = Domains(f"{hashlib.sha256(b'%d' % number).hexdigest()[:12]}.com" for number in range(20_000))
    domains.add("wellington-bank.com")
    assert domains.like("welington-bank.com") == ["wellington-bank.com"]
