"""The last touch: what a receiver verifies, and nothing changed below it."""

import email
import email.policy
from datetime import UTC, datetime

import dkim as oracle
import pytest

from multimail.core.identity import IdentityError, Statement, reputation_hash
from multimail.mail import dkim, identity
from multimail.mail.sign import Keys, finish

RAW = (
    b"From: Agent <agent@acme.multimail.test>\r\nTo: bob@example.test\r\nSubject: Hi\r\n"
    b"Message-ID: <eml_1@multimail.test>\r\nMIME-Version: 1.0\r\nContent-Type: text/plain\r\n\r\nFive.\r\n"
)
SIGNED_AT = 1_790_000_000
STATEMENT = Statement(
    "agent@acme.multimail.test", True, "key:key_1", ("read",), SIGNED_AT + 60, SIGNED_AT, "Acme", "gated_send",
    "multimail.test", False,
)  # fmt: skip
IDENTITY = identity.generate_key()
DKIM = {"one": dkim.generate_key(), "two": dkim.generate_key()}
KEYS = Keys(
    identity.private_pem(IDENTITY),
    tuple(("multimail.test", selector, dkim.private_pem(key)) for selector, key in DKIM.items()),
)
DATE = datetime(2026, 9, 21, 7, 30, tzinfo=UTC)


def test_every_signature_verifies_and_the_message_is_as_it_was() -> None:
    sent = finish(RAW, DATE, STATEMENT, KEYS)
    assert sent.endswith(RAW)
    for index, selector in enumerate(DKIM):
        record = dkim.dns_record(DKIM[selector]).encode()
        verifier = oracle.DKIM(sent)
        assert verifier.verify(index, dnsfunc=lambda name, timeout=5, record=record: record)
    key = IDENTITY.public_key()
    verdict = identity.verify(sent, {identity.thumbprint(key): key}, at=SIGNED_AT)
    assert verdict.ok, verdict.reason


def test_what_is_added() -> None:
    message = email.message_from_bytes(finish(RAW, DATE, STATEMENT, KEYS), policy=email.policy.default)
    assert message["Date"].datetime == DATE
    assert message["X-MultiMail-Reputation"] == reputation_hash("agent@acme.multimail.test")
    assert len(message.get_all("DKIM-Signature", [])) == 2


def test_without_an_author_it_is_not_signed() -> None:
    with pytest.raises(IdentityError):
        finish(RAW.replace(b"From: Agent <agent@acme.multimail.test>\r\n", b""), DATE, STATEMENT, KEYS)
