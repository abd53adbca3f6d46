"""The audit chain (contract §11): every change, gap and swap is found, and what cannot be found is said."""

import copy
import hashlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from multimail.core.audit_chain import (
    GENESIS,
    SEALED_FIELDS,
    Verdict,
    commit,
    commit_stored,
    entry_hash,
    verify,
)
from multimail.core.jsontext import sorted_json

FIELDS = "id seq at actor action resource_type resource_id metadata prev hash".split()


def chain(length, metadata=None):
    entries, prev = [], GENESIS
    for seq in range(1, length + 1):
        entry = {
            "id": f"aud_{seq}",
            "seq": seq,
            "at": f"2026-11-21T05:47:40.{seq:03d}Z",
            "actor": {"kind": "key", "id": "key_1", "name": "Ünal's agent"},
            "action": "send_email",
            "resource_type": "email",
            "resource_id": f"eml_{seq}",
            "metadata": metadata or {"run": seq, "nested": {"b": [1, None], "a": "é\u2028"}},
            "prev": prev,
        }
        prev = entry["hash"] = entry_hash(entry)
        entries.append(entry)
    return entries


def changed(value):
    """Something else of the same type, so that only the content gives it away."""
    if isinstance(value, dict):
        return {**value, "name": "someone else"}
    return value + 1 if isinstance(value, int) else value[:-1] + ("0" if value[-1] != "0" else "1")


def test_an_untouched_chain_holds_and_names_its_head():
    entries = chain(5)
    assert verify(entries) == Verdict(5, entries[-1]["hash"], None)
    assert verify(iter(entries)) == verify(entries)
    assert verify([]) == Verdict(0, GENESIS, None)


def test_the_hash_is_what_the_docs_say_so_that_anyone_can_recompute_it():
    entry = chain(1)[0]
    sealed = {name: value for name, value in entry.items() if name != "hash"}
    canonical = json.dumps(sealed, sort_keys=True, separators=(",", ":")).encode("utf-8")
    assert entry["hash"] == hashlib.sha256(canonical).hexdigest()
    assert set(SEALED_FIELDS) | {"hash"} == set(FIELDS)


def test_the_order_of_keys_says_nothing():
    entries = [dict(reversed(entry.items())) for entry in chain(3)]
    assert verify(entries).broken is None
    assert verify(json.loads(json.dumps(entries))).broken is None


@pytest.mark.parametrize("field", FIELDS)
@pytest.mark.parametrize("at", [0, 2, 4])
def test_a_changed_field_is_found_at_its_entry(field, at):
    entries = chain(5)
    entries[at][field] = changed(entries[at][field])
    verdict = verify(entries)
    assert verdict.broken is not None and f"entry {at + 1} " in verdict.broken
    assert (verdict.count, verdict.head) == (at, entries[at - 1]["hash"] if at else GENESIS)


@pytest.mark.parametrize("field", [name for name in FIELDS if name not in ("hash", "seq", "prev")])
def test_a_changed_field_with_a_hash_made_to_match_breaks_the_next_entry(field):
    entries = chain(4)
    entries[1][field] = changed(entries[1][field])
    entries[1]["hash"] = entry_hash(entries[1])
    verdict = verify(entries)
    assert verdict.count == 2
    assert verdict.broken == "entry 3 (aud_3) does not follow the one before it"


@pytest.mark.parametrize("at", range(4))
def test_a_dropped_entry_is_named_as_missing(at):
    entries = chain(5)
    del entries[at]
    assert verify(entries).broken == f"entry {at + 1} is missing (found {at + 2} in its place)"
    assert verify(entries).count == at


def test_a_dropped_entry_is_found_even_when_the_rest_is_renumbered():
    entries = chain(5)
    del entries[1]
    for seq, entry in enumerate(entries, 1):
        entry["seq"] = seq
    assert verify(entries).broken == "entry 2 (aud_3) does not follow the one before it"


@given(st.permutations(range(5)))
def test_any_other_order_is_found_at_the_first_entry_out_of_place(order):
    entries = chain(5)
    first = next((place for place, index in enumerate(order) if place != index), None)
    verdict = verify([entries[index] for index in order])
    if first is None:
        assert verdict.broken is None
    else:
        assert verdict.count == first
        assert verdict.broken == f"entry {first + 1} is missing (found {order[first] + 1} in its place)"


@pytest.mark.parametrize("at", range(3))
def test_a_duplicate_is_found(at):
    entries = chain(3)
    entries.insert(at, copy.deepcopy(entries[at]))
    verdict = verify(entries)
    assert verdict.count == at + 1
    assert verdict.broken == f"entry {at + 2} is missing (found {at + 1} in its place)"


@pytest.mark.parametrize("kept", range(5))
def test_truncation_shows_only_in_the_head_and_the_count(kept):
    """The contract says so: without a signed head, truncation is not excluded."""
    entries = chain(5)
    verdict = verify(entries[:kept])
    assert verdict == Verdict(kept, entries[kept - 1]["hash"] if kept else GENESIS, None)
    assert verdict.head != entries[-1]["hash"]


def test_a_chain_written_anew_shows_only_in_the_head():
    forged = chain(3, metadata={"run": "forged"})
    assert verify(forged).broken is None
    assert verify(forged).head != verify(chain(3)).head


@pytest.mark.parametrize("inserted", range(3))
def test_an_entry_of_another_chain_does_not_fit_in(inserted):
    entries = chain(3)
    entries[inserted] = chain(3, metadata={"other": "account"})[inserted]
    verdict = verify(entries)
    assert verdict.broken is not None
    # The first of a chain has no predecessor to contradict: the second gives it away.
    assert verdict.count == max(inserted, 1)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(st.characters(exclude_categories=["Cs"]), max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(max_size=4).filter(str.isascii), inner, max_size=3)
    ),
    max_leaves=6,
)


@given(json_values, json_values)
def test_two_metadata_have_one_hash_only_if_they_are_one_json_value(one, other):
    entry = chain(1)[0]
    hashes = [entry_hash({**entry, "metadata": metadata}) for metadata in (one, other)]
    same = json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)
    assert (hashes[0] == hashes[1]) == same


@given(json_values)
def test_what_was_stored_as_json_still_verifies(metadata):
    entries = chain(2, metadata={"value": metadata})
    assert verify(json.loads(json.dumps(entries))).broken is None


@given(st.integers(0, 7), st.integers(0, 7))
def test_a_log_in_pieces_is_judged_as_the_whole_is(cut, fault):
    entries = chain(7)
    if fault:
        entries[fault - 1]["action"] = "something else"
    first = verify(entries[:cut])
    assert (first if first.broken else verify(entries[cut:], first)) == verify(entries)


def committed(length, erase=(), explain=()):
    """As chain(), with commitments. Entries in `erase` lose what they say; those in `explain` say that an earlier
    one's resource (seq → seq) was erased."""
    entries, prev, explain = [], GENESIS, dict(explain)
    for entry in chain(length):
        salt = f"{entry['seq']:032x}"
        if entry["seq"] in explain:
            entry |= {"action": "erase_email", "resource_id": f"eml_{explain[entry['seq']]}"}
        entry |= {"prev": prev, "salt": salt, "commitment": commit(salt, entry["metadata"])}
        prev = entry["hash"] = entry_hash(entry)
        entries.append(entry)
    for entry in entries:
        if entry["seq"] in erase:
            entry |= {"metadata": {}, "salt": None}
    return entries


def test_what_an_entry_says_can_be_erased_and_the_chain_holds():
    verdict = verify(committed(5, erase={2, 3}, explain={4: 2, 5: 3}))
    assert (verdict.broken, verdict.fault, verdict.erased, verdict.count) == (None, None, 2, 5)


def test_what_is_gone_and_nobody_erased_is_named():
    for explain in ({}, {1: 2}, {4: 3}):
        verdict = verify(committed(5, erase={2}, explain=explain))
        assert (
            verdict.fault == "what entry 2 (aud_2) said is gone, and no later entry says that it was erased"
        )
    assert verify(committed(5)).fault is None


def test_it_is_explained_across_pieces():
    entries = committed(6, erase={2}, explain={5: 2})
    first = verify(entries[:3])
    assert first.broken is None and first.fault is not None
    assert verify(entries[3:], first) == verify(entries)
    assert verify(entries).fault is None


@pytest.mark.parametrize(
    "change",
    [
        {"metadata": {}},
        {"metadata": {"run": 4}},
        {"salt": "0" * 32},
        {"salt": None},
        {"salt": None, "metadata": {"run": 4}},
        {"commitment": None},
        {"commitment": None, "salt": None},
        {"commitment": commit("s", {"run": 4}), "salt": "s", "metadata": {"run": 4}},
    ],
)
def test_metadata_is_exchanged_for_nothing_else(change):
    entries = committed(4)
    entries[2] |= change
    assert verify(entries).broken == "entry 3 (aud_3) was changed"


def test_a_commitment_does_not_tell_equal_metadata():
    assert commit("a", {"to": "ann@example.test"}) != commit("b", {"to": "ann@example.test"})


@given(
    st.dictionaries(
        st.text(),
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(), st.lists
        ),
    )
)
def test_what_is_stored_is_committed_to_as_what_it_says(metadata):
    assert commit_stored("salt", sorted_json(metadata)) == commit("salt", metadata)


def test_what_canonical_json_escapes_is_escaped_before_it_is_committed_to():
    for text in ("\x7f", "é", "\u2028", "plain"):
        assert commit_stored("salt", sorted_json({"to": text})) == commit("salt", {"to": text})
