"""What the product itself writes to people: plain text, because words of others may be quoted in it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from multimail.core.address import Address
from multimail.mail.compose import Draft, compose_text, prepend
from multimail.mail.sign import Keys, stamp

PRODUCT = "MultiMail"


@dataclass(frozen=True, slots=True)
class Notice:
    """`domain` is the platform's: the notice comes from multimail@ it."""

    notice_id: str
    domain: str
    to: str
    subject: str
    text: str


def craft_notice(notice: Notice, date: datetime, at: int, keys: Keys) -> bytes:
    """The whole message, signed. `date` is aware, `at` in seconds. No answer is wanted (RFC 3834 section 5).

    Raises ComposeError.
    """
    draft = Draft(
        from_=Address(PRODUCT, f"multimail@{notice.domain}"),
        to=(Address("", notice.to),),
        cc=(),
        reply_to=(),
        subject=notice.subject,
        markdown=notice.text,
        html=None,
        attachments=(),
        message_id=f"{notice.notice_id}@{notice.domain}",
        in_reply_to=None,
        references=(),
        extra_headers=(("Auto-Submitted", "auto-generated"),),
    )
    return stamp(compose_text(draft), date, at, keys)


def mark_copy(sent: bytes, email_id: str, recipients: Sequence[str]) -> bytes:
    """A message as it left, with what its own headers don't tell: all whom it went to, blind copies too."""
    trace = [("X-MultiMail-Copy-Of", email_id), ("X-MultiMail-Recipients", ", ".join(recipients))]
    return prepend(sent, trace)
