"""Build outbound messages."""

from collections.abc import Sequence
from dataclasses import dataclass

from multimail.core.address import Address


class ComposeError(ValueError):
    """The draft can't become a message; the text says why."""


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file: `content_type` is type/subtype without parameters."""

    name: str
    content_type: str
    content: bytes


@dataclass(frozen=True, slots=True)
class Draft:
    """What a message is made of. Message ids are without angle brackets."""

    from_: Address
    to: tuple[Address, ...]
    cc: tuple[Address, ...]
    reply_to: tuple[Address, ...]
    subject: str
    markdown: str
    html: str | None
    attachments: tuple[Attachment, ...]
    message_id: str
    in_reply_to: str | None
    references: tuple[str, ...]
    extra_headers: tuple[tuple[str, str], ...] = ()


def compose(draft: Draft) -> bytes:
    """The message. Raises ComposeError."""
    raise NotImplementedError


def prepend(raw: bytes, headers: Sequence[tuple[str, str]]) -> bytes:
    """The message with headers put on top. Raises ComposeError."""
    raise NotImplementedError


def markdown_to_html(markdown: str) -> str:
    """Sanitised HTML."""
    raise NotImplementedError


def needs_smtputf8(sender: str, recipients: Sequence[str], raw: bytes) -> bool:
    """Whether SMTPUTF8 (RFC 6531) is needed to transmit this."""
    raise NotImplementedError
