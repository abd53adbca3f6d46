"""The end of data: exact, whatever the chunks; dirty octets refused after it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from multimail.surfaces.smtp_data import BARE_LINE_BREAK, NUL_OCTET, DataReader
from multimail.surfaces.smtp_envelope import Reply
from multimail.surfaces.smtp_syntax import TOO_BIG


def read(wire: bytes, *, size: int = 10_000, chunk: int = 0) -> tuple[bytes | Reply | None, bytes]:
    """The message (None if its end did not come) and what followed it."""
    reader = DataReader(size)
    step = chunk or len(wire)
    for at in range(0, len(wire), step):
        used = reader.feed(wire[at : at + step])
        if used is not None:
            return reader.message(), wire[at + used :]
    return None, b""


@pytest.mark.parametrize(
    ("wire", "message"),
    [
        (b".\r\n", b""),
        (b"a\r\n.\r\n", b"a\r\n"),
        (b"..\r\n.\r\n", b".\r\n"),
        (b"..a\r\n...\r\nb.\r\n.\r\n", b".a\r\n..\r\nb.\r\n"),
        (b".a\r\n.\r\n", b"a\r\n"),  # RFC 5321 4.5.2: the first period goes, stuffed or not
        (b"\r\n\r\n.\r\n", b"\r\n\r\n"),
        (b"long" * 2000 + b"\r\n.\r\n", b"long" * 2000 + b"\r\n"),
    ],
)
@pytest.mark.parametrize("chunk", [0, 1, 2, 3, 5])
def test_message_between_data_and_its_end(wire: bytes, message: bytes, chunk: int) -> None:
    assert read(wire + b"QUIT\r\n", chunk=chunk)[0] == message


SMUGGLED = [
    b"\n.\n",
    b"\n.\r\n",
    b"\r\n.\n",
    b"\r.\r",
    b"\r.\r\n",
    b"\r\n.\r",
    b"\r.\n",
    b"\n.\r",
    b"\n\n.\r\n",
    b"\r\r\n.\r\r\n",
    b"\n\r.\n\r",
    b"\r\n\0.\r\n",
    b"\r\n.\0\r\n",
    b"\r\n\0.\0\r\n",
    b"\0\r\n..\r\n",
    b"\n.\0\r\n",
]


@pytest.mark.parametrize("form", SMUGGLED)
@pytest.mark.parametrize("chunk", [0, 1, 3])
def test_no_form_of_smuggling_ends_a_message_or_gets_in(form: bytes, chunk: int) -> None:
    inner = b"MAIL FROM:<forged@bank.test>\r\nRCPT TO:<b@x.test>\r\nDATA\r\nforged"
    result, rest = read(b"a" + form + inner + b"\r\n.\r\nRSET\r\n", chunk=chunk)
    assert result in (BARE_LINE_BREAK, NUL_OCTET)
    assert b"RSET\r\n".startswith(rest[:1]) and b"forged" not in rest


def test_size_counts_what_remains_after_unstuffing() -> None:
    body = b".\r\n" * 100
    stuffed = b"..\r\n" * 100 + b".\r\n"
    for chunk in (0, 1, 7):
        assert read(stuffed, size=300, chunk=chunk)[0] == body
        assert read(stuffed, size=299, chunk=chunk)[0] == TOO_BIG


def test_oversize_is_drained_in_constant_memory() -> None:
    reader = DataReader(100)
    for _ in range(100):
        assert reader.feed(b"x" * 998 + b"\r\n") is None
        assert reader.held < 1100
    assert reader.feed(b".\r\nRSET\r\n") == 3
    assert reader.message() == TOO_BIG


def test_a_first_refusal_stands() -> None:
    reader, busy = DataReader(10), Reply(452, "4.3.1", "busy")
    reader.feed(b"ab")
    reader.refuse(busy)
    assert reader.feed(b"c" * 100 + b"\n\r\n.\r\n") == 106
    assert reader.message() == busy


LINES = st.lists(st.text(".a\t é", max_size=6).map(str.encode), max_size=8)


@given(LINES, st.integers(1, 9), st.binary(max_size=8))
def test_stuffing_and_reading_round_trip(lines: list[bytes], chunk: int, after: bytes) -> None:
    message = b"".join(line + b"\r\n" for line in lines)
    wire = b"".join((b"." if line.startswith(b".") else b"") + line + b"\r\n" for line in lines) + b".\r\n"
    result, _ = read(wire + after, chunk=chunk)
    assert result == message
    assert read(wire + after) == (message, after)


@given(
    st.lists(st.sampled_from([b"\r", b"\n", b"\r\n", b".", b"a", b"\0", b"\r\n.\r\n"]), max_size=14),
    st.integers(1, 4),
)
def test_agrees_with_a_reference_in_every_chunking(parts: list[bytes], chunk: int) -> None:
    wire = b"".join(parts)
    data, end, _ = (b"\r\n" + wire).partition(b"\r\n.\r\n")
    expected: bytes | Reply | None = None
    if end:
        text = data + b"\r\n"
        lone = text.replace(b"\r\n", b"")
        if b"\r" in lone or b"\n" in lone:
            expected = BARE_LINE_BREAK
        else:
            expected = NUL_OCTET if b"\0" in text else text.replace(b"\r\n.", b"\r\n")[2:]
    assert read(wire, chunk=chunk)[0] == expected
