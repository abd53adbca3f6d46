"""Identifiers (contract §2): prefixed, opaque, sorted by creation time; a UUIDv7 (RFC 9562 5.7) inside."""

import uuid
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from multimail.core.ids import ALPHABET, PREFIXES, Ids, is_id, make_id

CONTRACT_PREFIXES = "acc mbx eml thr att key whk evt dlv ctc dom sup aud upg rul".split()
prefixes = st.sampled_from(sorted(PREFIXES))
times = st.integers(0, 2**48 - 1)
randoms = st.integers(0, 2**80 - 1)


def uuid_of(text):
    number = 0
    for letter in text.split("_")[1]:
        number = number << 5 | ALPHABET.index(letter)
    return uuid.UUID(int=number)


def test_every_prefix_of_the_contract_exists():
    assert set(CONTRACT_PREFIXES) <= PREFIXES
    assert all(len(prefix) == 3 and prefix.isalpha() and prefix.islower() for prefix in PREFIXES)


def test_a_known_id():
    """The example UUIDv7 of RFC 9562 A.6, in Crockford base32."""
    number = uuid.UUID("017F22E2-79B0-7CC3-98C4-DC0C0C07398F")
    text = make_id("eml", 0x017F22E279B0, 0xCC3 << 62 | 0x18C4DC0C0C07398F)
    assert uuid_of(text) == number
    assert text == "eml_01fwhe4ydgfk1shh6w1g60eecf"


@given(prefixes, times, randoms)
def test_an_id_is_a_prefix_and_a_uuid_version_7_that_holds_its_time(prefix, unix_ms, random):
    text = make_id(prefix, unix_ms, random)
    inside = uuid_of(text)
    assert is_id(text, prefix)
    assert inside.version == 7 and inside.variant == uuid.RFC_4122
    assert inside.int >> 80 == unix_ms
    assert inside.int & (1 << 62) - 1 == random & (1 << 62) - 1
    assert inside.int >> 64 & 0xFFF == random >> 62 & 0xFFF


@given(times, times, randoms, randoms)
def test_ids_sort_by_time_whatever_the_randomness(one, other, random_one, random_other):
    if one != other:
        assert (make_id("eml", one, random_one) < make_id("eml", other, random_other)) == (one < other)


@given(times, randoms, randoms)
def test_the_74_bits_that_are_used_make_it_unique(unix_ms, one, other):
    same = make_id("eml", unix_ms, one) == make_id("eml", unix_ms, other)
    assert same == (one % 2**74 == other % 2**74)


def test_each_used_bit_changes_the_id_and_the_others_do_not():
    bare = make_id("eml", 0, 0)
    single = [make_id("eml", 0, 1 << bit) for bit in range(80)]
    assert len({bare, *single[:74]}) == 75
    assert set(single[74:]) == {bare}


def test_an_unknown_prefix_is_a_programming_error():
    with pytest.raises(AssertionError, match="xyz"):
        make_id("xyz", 0, 0)


GOOD = make_id("eml", 1_795_240_060_000, 123456789)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "eml_",
        GOOD[:-1],
        GOOD + "0",
        GOOD + "\n",
        " " + GOOD,
        GOOD.upper(),
        GOOD.replace("_", "-"),
        GOOD[:4] + "8" + GOOD[5:],  # 129 bits
        GOOD[:-1] + "u",
        GOOD[:-1] + "i",
        GOOD[:-1] + "٣",
        GOOD[:-1] + "\x00",
        "../" + GOOD,
        GOOD + "/..",
        "eml_" + "0" * 100_000,
    ],
)
def test_other_text_is_no_id(text):
    assert is_id(GOOD, "eml")
    assert not is_id(text, "eml")


@given(prefixes, prefixes)
def test_an_id_of_one_kind_is_none_of_another(prefix, other):
    assert is_id(make_id(prefix, 1, 1), other) == (prefix == other)


def test_ids_of_one_millisecond_sort_as_they_were_made_and_the_next_are_random_again() -> None:
    drawn = iter([(1 << 80) - 1, 5, 5])
    ids = Ids(lambda bits: next(drawn))
    made = [ids.make("eml", 7) for _ in range(3000)]
    assert made == sorted(set(made)) and made[0][:-4] == make_id("eml", 7, (1 << 80) - 1)[:-4]
    assert all(is_id(one, "eml") for one in made)
    assert ids.make("thr", 8) == make_id("thr", 8, 5)
    assert ids.make("evt", 8) == make_id("evt", 8, 6)
    assert ids.make("evt", 7) == make_id("evt", 7, 5)  # a clock that was set back


def test_threads_that_share_a_maker_make_no_id_twice() -> None:
    ids = Ids(Random().getrandbits)
    clock = count()
    with ThreadPoolExecutor(8) as threads:
        made = list(threads.map(lambda _: ids.make("eml", next(clock) // 500), range(20_000)))
    assert len(set(made)) == len(made)
