"""What leaves is verified by OpenDKIM: both algorithms, the shapes that mail comes in, and no change goes unseen."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519

from multimail.core.address import Address
from multimail.core.identity import Statement
from multimail.mail import dkim, identity
from multimail.mail.compose import Attachment, Draft, compose
from multimail.mail.sign import Keys, finish
from tests.support.opendkim import verdicts

NOW = 1_790_000_000
ME = "agent@acme.multimail.test"
PRIVATE: dict[str, dkim.PrivateKey] = {
    "mm1": dkim.generate_key(),
    "mm1-ed25519": ed25519.Ed25519PrivateKey.generate(),
}
RECORDS = {f"{name}._domainkey.multimail.test": dkim.dns_record(key) for name, key in PRIVATE.items()}
KEYS = Keys(
    identity.private_pem(identity.generate_key()),
    tuple(("multimail.test", name, dkim.private_pem(key)) for name, key in PRIVATE.items()),
)
STATEMENT = Statement(
    ME, True, "key:key_1", ("read",), NOW + 60, NOW, "Acme", "gated_send", "multimail.test", False
)
PASS = {"mm1": ("rsa-sha256", "pass"), "mm1-ed25519": ("ed25519-sha256", "pass")}
FAIL = {"mm1": ("rsa-sha256", "fail"), "mm1-ed25519": ("ed25519-sha256", "fail")}


def leaving(markdown: str = "Five **euros**.", **more: object) -> bytes:
    given: dict[str, object] = {
        "from_": Address("Agent", ME),
        "to": (Address("Bob", "bob@example.test"),),
        "cc": (),
        "reply_to": (),
        "subject": "An offer",
        "markdown": markdown,
        "html": None,
        "attachments": (),
        "message_id": "eml_1@multimail.test",
        "in_reply_to": None,
        "references": (),
    }
    raw = compose(Draft(**(given | more)))  # type: ignore[arg-type]  # as the callers give it
    return finish(raw, datetime(2026, 9, 21, 7, 30, tzinfo=UTC), STATEMENT, KEYS, "https://a.test/u/1")


@pytest.mark.debian("opendkim")
def test_opendkim_verifies_both_signatures_of_what_leaves(tmp_path: Path) -> None:
    people = tuple(Address(f"Person {number} Ü", f"p{number}@example.test") for number in range(40))
    messages = [
        leaving(),
        leaving(""),
        leaving("a\n\n\n\n\n\n"),
        leaving("trailing  \n \t\n=20\n.\n..\nFrom here\n" + "x" * 3000),
        leaving("Grüße 🎈", subject="Grüße  an   alle " * 20, to=people),
        leaving(attachments=(Attachment("Rechnung ü.pdf", "application/pdf", bytes(range(256)) * 400),)),
        leaving(in_reply_to="q1@example.test", references=tuple(f"q{n}@example.test" for n in range(60))),
    ]
    assert verdicts(tmp_path, messages, RECORDS) == [PASS] * len(messages)


@pytest.mark.debian("opendkim")
def test_opendkim_sees_each_change(tmp_path: Path) -> None:
    sent = leaving()
    changed = [
        sent.replace(b"Five", b"Nine"),
        sent.replace(b"Subject: An offer", b"Subject: My offer"),
        sent.replace(b"X-MultiMail-Identity: ", b"X-MultiMail-Identity: a"),
        sent.replace(b"https://a.test/u/1", b"https://b.test/u/1"),
        b"From: eve@example.test\r\n" + sent,
        b"Reply-To: eve@example.test\r\n" + sent,
        sent + b"more\r\n",
    ]
    assert all(one != sent for one in changed)
    assert verdicts(tmp_path, changed, RECORDS) == [FAIL] * len(changed)
    other = dict.fromkeys(RECORDS, dkim.dns_record(dkim.generate_key()))
    assert "pass" not in [result for _, result in verdicts(tmp_path, [sent], other)[0].values()]
