"""Secret keys as people write them: base64, hexadecimal, several, and nothing weaker."""

import base64

import pytest

from multimail.core.secret_keys import key_id, parse_keys, write_key

ONE, TWO = bytes(range(32)), bytes(range(200, 232))


@pytest.mark.parametrize(
    "text",
    [
        write_key(TWO),
        TWO.hex(),
        TWO.hex().upper(),
        base64.urlsafe_b64encode(TWO).decode(),
        write_key(TWO).rstrip("="),
        f"# a remark\n  {write_key(TWO)}  \n",
    ],
)
def test_one_key(text: str) -> None:
    assert parse_keys(text) == (TWO,)


def test_several_in_their_order_each_once() -> None:
    assert parse_keys(f"{write_key(TWO)}, {ONE.hex()}\n{write_key(TWO)}") == (TWO, ONE)
    assert parse_keys("") == parse_keys(" \n# none\n") == ()


@pytest.mark.parametrize(
    "text", ["correct horse battery staple", ONE[:31].hex(), write_key(ONE + b"x"), "päßwort"]
)
def test_what_is_no_key_is_refused_and_not_repeated(text: str) -> None:
    with pytest.raises(ValueError, match="32 random bytes") as caught:
        parse_keys(text)
    assert not any(word in str(caught.value) for word in text.split())


def test_names_differ_and_tell_nothing() -> None:
    assert key_id(ONE) != key_id(TWO)
    assert len(key_id(ONE)) == 16
    assert key_id(ONE) not in ONE.hex()
