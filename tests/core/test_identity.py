import hashlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from multimail.core.identity import (
    Binding,
    IdentityError,
    Statement,
    base64url,
    base64url_decode,
    canonical_json,
    claims,
    read_claims,
    read_value,
    recipients_sha256,
    subject_sha256,
    write_value,
)

STATEMENT = Statement(
    "a@b.example", True, "dec_1", ("send", "read"), 20, 10, "acc_1", "gated_send", "x", False
)
BINDING = Binding("b0", "a@b.example", "1@b.example", "c0", "d0")


def test_the_claims_are_those_of_the_contract():
    made = claims(STATEMENT, BINDING, "key")
    assert (
        sorted(made)
        == (
            "address ai_generated approval body_sha256 capabilities exp from iat kid message_id operator "
            "oversight_mode recipients_sha256 service subject_sha256 verified_operator"
        ).split()
    )
    assert (made["from"], made["kid"], made["capabilities"]) == ("a@b.example", "key", ["read", "send"])


def test_canonical_json_has_sorted_keys_and_no_spaces():
    assert canonical_json({"b": 1, "a": "ü", "c": [True, None]}) == '{"a":"ü","b":1,"c":[true,null]}'.encode()


def test_the_subject_is_hashed_in_nfc():
    assert (
        subject_sha256("Gru\u0308ße")
        == subject_sha256("Grüße")
        == hashlib.sha256("Grüße".encode()).hexdigest()
    )


def test_recipients_are_hashed_sorted_and_in_lower_case():
    wanted = hashlib.sha256(b"a@x.example\nb@x.example").hexdigest()
    assert recipients_sha256(["B@x.example", "a@X.example"]) == wanted
    assert recipients_sha256(["a@x.example"]) != wanted


@given(st.binary(min_size=1), st.binary(min_size=1))
def test_values_survive_folding(one, two):
    value = write_value(one, two)
    assert read_value(value) == (one, two)
    assert read_value("\r\n ".join(value)) == (one, two)


@pytest.mark.parametrize(
    "value", ["", ".", "a", "YQ", "YQ.", ".YQ", "YQ.YQ.YQ", "YQ==.YQ", "Y+.YQ", "YR.YQ", "A.YQ"]
)
def test_values_that_are_refused(value):
    with pytest.raises(IdentityError, match=r"base64url|two parts"):
        read_value(value)


def test_an_endless_value_is_refused():
    with pytest.raises(IdentityError, match="too long"):
        read_value("a" * 40_000)


@given(st.binary(min_size=1))
def test_base64url_is_strict_and_unpadded(data):
    assert base64url_decode(base64url(data)) == data
    assert "=" not in base64url(data)


@pytest.mark.parametrize("text", [b"", b"[", b"[]", b"{}", b'{"kid": 1}', b"\xff", b"[" * 20_000])
def test_claims_that_are_refused(text):
    with pytest.raises(IdentityError):
        read_claims(text)


def test_claims_read():
    assert read_claims(json.dumps({"kid": "k"}).encode()) == {"kid": "k"}
