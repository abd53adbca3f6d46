"""The revision of an email: what a decision names, and what a send must still be (contract §4)."""

import hashlib
from collections.abc import Sequence

from multimail.core.jsontext import to_json


def revision(sender: str, recipients: Sequence[str], message: bytes) -> str:
    """SHA-256, in hex, over the envelope and the message as composed: headers, body and attachments.

    `Date`, `DKIM-Signature`, `Received`, `X-MultiMail-*` and `List-Unsubscribe*` are added at hand-off, so
    they are outside it. The envelope is in it too: a Bcc changes the revision though no header shows it.
    """
    envelope = to_json([sender, sorted(recipients)]).encode()
    digest = hashlib.sha256(len(envelope).to_bytes(8, "big") + envelope)
    digest.update(message)
    return digest.hexdigest()
