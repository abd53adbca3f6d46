"""The revision (contract §4): a SHA-256 over envelope recipients, headers, body and attachments."""

import re

from hypothesis import given
from hypothesis import strategies as st

from multimail.core.revision import revision

SENDER = "agent@local.multimail.test"
MESSAGE = b"From: agent@local.multimail.test\r\nTo: ann@example.com\r\nSubject: Hi\r\n\r\nHello\r\n"
KNOWN = "c67f5abd6a117a85ef55f0987849e1871db8a3c6974bfa8b11997ffd618dbbe6"
addresses = st.lists(st.text('abc@.,"[] \\é', max_size=6), max_size=4)


def test_it_is_a_sha256_in_hex_and_stays_the_same():
    shown = revision(SENDER, ["ann@example.com"], MESSAGE)
    assert re.fullmatch(r"[0-9a-f]{64}", shown)
    assert shown == revision(SENDER, ("ann@example.com",), bytes(MESSAGE))


def test_known_value():
    """Stored revisions must mean the same in every later version."""
    assert revision("a@x.test", ["b@y.test"], b"m") == KNOWN


def test_a_bcc_changes_it_though_no_header_shows_it():
    assert revision(SENDER, ["ann@example.com"], MESSAGE) != revision(
        SENDER, ["ann@example.com", "bcc@example.com"], MESSAGE
    )


@given(st.integers(0, len(MESSAGE) - 1), st.integers(1, 255))
def test_any_changed_byte_of_the_message_changes_it(at, flip):
    other = MESSAGE[:at] + bytes([MESSAGE[at] ^ flip]) + MESSAGE[at + 1 :]
    assert revision(SENDER, [SENDER], other) != revision(SENDER, [SENDER], MESSAGE)


@given(st.integers(0, len(MESSAGE) - 1))
def test_a_cut_message_changes_it(length):
    assert revision(SENDER, [], MESSAGE[:length]) != revision(SENDER, [], MESSAGE)


def test_the_sender_is_in_it_and_is_no_recipient():
    assert revision("a@x.test", ["b@x.test"], b"") != revision("b@x.test", ["a@x.test"], b"")
    assert revision("a@x.test", [], b"") != revision("b@x.test", [], b"")


@given(addresses.flatmap(lambda some: st.tuples(st.just(some), st.permutations(some))))
def test_the_order_of_recipients_says_nothing(orders):
    assert revision(SENDER, orders[0], MESSAGE) == revision(SENDER, orders[1], MESSAGE)


@given(addresses, addresses)
def test_other_recipients_are_another_revision_however_they_are_spelled(one, other):
    same = revision(SENDER, one, MESSAGE) == revision(SENDER, other, MESSAGE)
    assert same == (sorted(one) == sorted(other))


@given(st.binary(max_size=8), st.binary(max_size=8))
def test_no_byte_moves_between_envelope_and_message(left, right):
    """The envelope is framed by its length, so that a message cannot pose as more recipients."""
    head = revision(SENDER, ["a@x.test"], left + right)
    tail = revision(SENDER, ["a@x.test" + left.decode("latin-1")], right)
    assert (head == tail) == (left == b"")
