import dataclasses
import json

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given, settings
from hypothesis import strategies as st

from multimail.core.address import Address
from multimail.core.identity import IdentityError, Statement, base64url, canonical_json, read_value
from multimail.mail.compose import Draft, compose, prepend
from multimail.mail.identity import (
    HEADER,
    generate_key,
    jwks,
    load_keys,
    load_private_pem,
    private_pem,
    sign_identity,
    thumbprint,
    verify,
)

KEY = generate_key()
KEYS = {thumbprint(KEY.public_key()): KEY.public_key()}
STATEMENT = Statement(
    address="ada@example.org",
    ai_generated=True,
    approval="eml_1:opr_1",
    capabilities=("send", "read"),
    exp=2_000,
    iat=1_000,
    operator="acc_1",
    oversight_mode="gated_send",
    service="multimail.test",
    verified_operator=False,
)


def message(subject="Grüße", body="Hi  Bob\n\n", number=1):
    return compose(
        Draft(
            from_=Address("Ada", "ada@example.org"),
            to=(Address("Bob, B", "Bob@example.net"), Address("", "x@münchen.example")),
            cc=(Address("", "cc@example.net"),),
            reply_to=(),
            subject=subject,
            markdown=body,
            html=None,
            attachments=(),
            message_id=f"{number}@example.org",
            in_reply_to=None,
            references=(),
        )
    )


def signed(raw=None, statement=STATEMENT):
    raw = message() if raw is None else raw
    return prepend(raw, [(HEADER, sign_identity(raw, statement, KEY))])


def test_a_signed_message_verifies_and_says_what_was_signed():
    verdict = verify(signed(), KEYS, at=1_999)
    assert verdict.ok and verdict.claims is not None
    assert verdict.claims["from"] == "ada@example.org" and verdict.claims["message_id"] == "1@example.org"
    assert verdict.claims["kid"] in KEYS and len(verdict.claims) == 16


@given(
    st.text(st.characters(exclude_categories=["Cc", "Cs", "Zl", "Zp"]), max_size=120), st.text(max_size=80)
)
@settings(max_examples=50)
def test_any_message_verifies(subject, body):
    try:
        raw = message(subject, body)
    except ValueError:
        return
    verdict = verify(signed(raw), KEYS)
    assert verdict.ok, verdict.reason


@pytest.mark.parametrize(
    ("before", "after", "reason"),
    [
        (b"From: Ada <ada@", b"From: Ada <eve@", "From address"),
        (b"Bob@example.net", b"Eve@example.net", "To and Cc"),
        (b"Cc: cc@example.net\r\n", b"", "To and Cc"),
        (b"Cc: cc@example.net", b"Cc: cc@example.net, more@example.net", "To and Cc"),
        (b"Subject: =?utf-8?B?R3LDvMOfZQ==?=", b"Subject: Pay now", "subject"),
        (b"Hi  Bob", b"Hi Eve", "body"),
        (b"<1@example.org>", b"<2@example.org>", "another message"),
        (b"Subject:", b"From: eve@example.org\r\nSubject:", "more than one From"),
        (b"Subject:", b"Subject: x\r\nSubject:", "more than one Subject"),
        (b"X-MultiMail-Identity:", b"X-MultiMail-Identity: a.b\r\nX-MultiMail-Identity:", "more than one X-"),
        (b"X-MultiMail-Identity:", b"X-Other:", "no X-MultiMail-Identity"),
        (b"From: Ada", b"X-From: Ada", "no single From"),
        (b"Message-ID:", b"X-Message-ID:", "no Message-ID"),
        (b"To: ", b"To: <<", "To header can't be read"),
        (
            b"Subject: =?utf-8?B?R3LDvMOfZQ==?=",
            b"Subject: =?x-none?B?R3LDvMOfZQ==?=",
            "subject can't be decoded",
        ),
        (b"Subject: =?utf-8?B?R3LDvMOfZQ==?=", b"Subject: \xff", "not UTF-8"),
        (b"Subject: ", b"Subject: " + b"=?a?b?" * 5_000, "subject is too long"),
    ],
)
def test_tampering_is_named(before, after, reason):
    raw = signed()
    tampered = raw.replace(before, after, 1)
    assert tampered != raw
    verdict = verify(tampered, KEYS)
    assert not verdict.ok and reason in verdict.reason


def test_the_header_fails_on_another_message():
    value = sign_identity(message(), STATEMENT, KEY)
    verdict = verify(prepend(message(number=2), [(HEADER, value)]), KEYS)
    assert not verdict.ok and "another message" in verdict.reason


def test_what_a_relay_may_do_is_forgiven():
    raw = signed().replace(b"Hi  Bob", b"Hi Bob").replace(b"Subject:", b"SUBJECT: ")
    assert verify(b"Received: by relay\r\n" + raw + b"\r\n\r\n", KEYS).ok


def test_changed_claims_and_foreign_keys_fail():
    raw = message()
    said, signature = read_value(sign_identity(raw, STATEMENT, KEY))
    changed = said.replace(b'"verified_operator":false', b'"verified_operator":true')
    assert changed != said
    value = f"{base64url(changed)}.{base64url(signature)}"
    assert "claims were changed" in verify(prepend(raw, [(HEADER, value)]), KEYS).reason
    value = f"{base64url(said)}.{base64url(signature[:-1])}"
    assert "64 bytes" in verify(prepend(raw, [(HEADER, value)]), KEYS).reason
    value = f"{base64url(said)}.{base64url(bytes(64))}"
    assert not verify(prepend(raw, [(HEADER, value)]), KEYS).ok
    other = generate_key().public_key()
    assert "not known" in verify(signed(), {thumbprint(other): other}).reason


def test_each_key_signs_under_its_own_name():
    other = generate_key()
    for key in (KEY, other, KEY, other):
        said, _ = read_value(sign_identity(message(), STATEMENT, key))
        assert json.loads(said)["kid"] == thumbprint(key.public_key())


def test_an_identity_expires():
    assert verify(signed(), KEYS, at=1_999).ok
    assert "expired" in verify(signed(), KEYS, at=2_000).reason


def test_a_long_header_folds():
    long = dataclasses.replace(STATEMENT, service="s" * 2_000)
    raw = signed(statement=long)
    assert max(map(len, raw.partition(b"\r\n\r\n")[0].split(b"\r\n"))) <= 100
    assert verify(raw, KEYS).ok


def test_nothing_is_signed_without_a_sender_and_an_id():
    for raw in (b"", b"From: a@b.example\r\n\r\n", b"Message-ID: <1@b>\r\n\r\n"):
        with pytest.raises(IdentityError):
            sign_identity(raw, STATEMENT, KEY)


@given(st.binary(max_size=200))
def test_any_bytes_get_a_verdict(junk):
    assert not verify(junk, KEYS).ok
    assert not verify(HEADER.encode() + b": " + junk + b"\r\n\r\n", KEYS).ok


def test_keys_travel_as_a_set_and_as_pem():
    public = KEY.public_key()
    pem = public.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    document = jwks([public])
    assert document["keys"][0].keys() == {"kty", "crv", "x", "y", "kid", "alg", "use"}
    for text in (
        json.dumps(document),
        json.dumps(document["keys"][0]),
        pem.decode(),
        f"{pem.decode()}\n" * 2,
    ):
        assert list(load_keys(text)) == list(KEYS)
    assert verify(signed(), load_keys(json.dumps(document))).ok
    assert thumbprint(load_private_pem(private_pem(KEY)).public_key()) in KEYS


def test_the_thumbprint_is_rfc_7638():
    jwk = jwks([KEY.public_key()])["keys"][0]
    required = canonical_json({name: jwk[name] for name in ("crv", "kty", "x", "y")})
    assert list(json.loads(required)) == ["crv", "kty", "x", "y"]
    assert jwk["kid"] == thumbprint(KEY.public_key()) and len(jwk["kid"]) == 43


@pytest.mark.parametrize(
    "text",
    [
        "", "[]", "{}", '{"keys": 1}', '{"keys": [1, {"kty": "RSA"}]}', '{"keys": [{"crv": "P-256"}]}',
        '{"keys": [{"crv": "P-256", "x": "AQ", "y": "AQ"}]}', '{"crv": "P-256", "x": 1, "y": 2}',
        "[" * 20_000,
        "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----",
        ec.generate_private_key(ec.SECP384R1()).public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        ).decode(),
    ],
)  # fmt: skip
def test_key_files_that_are_refused(text):
    with pytest.raises(ValueError):
        load_keys(text)
