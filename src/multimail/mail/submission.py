"""What a mail program hands in (RFC 6409), as the fields of a send: read strictly, because it leaves in other words.

The message is composed anew from these fields, so that what was approved is what is sent. Whatever they can't hold is
refused in a sentence, or named in `left_out`; what the server writes itself anyway is in REMADE.
"""

import base64
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass
from typing import Any, Final

from multimail.core.address import Address, AddressError, format_address, normalise, parse_address_list
from multimail.mail import mime
from multimail.mail.charsets import decode, decode_words
from multimail.mail.files import name_files
from multimail.mail.parse import unflowed
from multimail.mail.people import header_ids
from multimail.mail.render import MAX_BODY_OCTETS

REMADE: Final = frozenset(
    {"date", "mime-version", "received", "return-path", "user-agent", "x-mailer", "x-originating-ip"}
)
"""Headers without a word to a reader: the server writes its own, or none."""

# They ask for something, or vouch for something, that would not happen: nobody is to believe that it did.
_REFUSED: Final = re.compile(
    r"resent-.*|list-.*|disposition-notification-to|return-receipt-to|deferred-delivery|dkim-signature|arc-.*"
)
_ONCE: Final = frozenset(
    {"from", "sender", "reply-to", "to", "cc", "bcc", "message-id", "in-reply-to", "references", "subject"}
)  # RFC 5322 3.6
_BODY_TYPES: Final = frozenset({"text/plain", "text/markdown", "text/x-markdown", "text/html"})
_CONTAINERS: Final = frozenset({"", "mixed", "alternative", "related"})
_WHOLE_ONLY: Final = frozenset({"application/pkcs7-mime", "application/x-pkcs7-mime"})
_EMBEDDED: Final = re.compile(r"[\"'(=]\s{0,9}cid:", re.IGNORECASE)  # RFC 2392
_MESSAGE_ID: Final = re.compile(r"[!-;=?-~]{1,250}@[!-;=?-~]{1,250}")
MAX_METADATA: Final = 512
MAX_BODIES: Final = 8 * MAX_BODY_OCTETS  # octets, undecoded: what no charset can make two bodies of

CONTENT: Final = "5.6.0"  # RFC 3463 3.7: other or undefined media error
UNSUPPORTED: Final = "5.6.1"  # media not supported
TOO_LARGE: Final = "5.3.4"
NOT_ALLOWED: Final = "5.7.1"


class NotSendable(ValueError):
    """It can't be sent as it was meant. Its arguments: an enhanced status code and a sentence for a person."""


@dataclass(frozen=True, slots=True)
class Submission:
    """`fields` are send_email's and `in_reply_to` and `references`, ids without <>. `message_id` is "" where the client
    gave none that can be used; `left_out` names the headers that will not be sent."""

    fields: Mapping[str, Any]
    message_id: str
    metadata: Mapping[str, str]
    left_out: tuple[str, ...]


def read_submission(
    raw: bytes, sender: str, recipients: Sequence[str], metadata_headers: Mapping[str, str]
) -> Submission:
    """`sender` and `recipients` are the envelope's; whom no header names gets a blind copy. `metadata_headers` has the
    names of metadata by header, in small letters. Raises NotSendable."""
    trouble = mime.Trouble()
    fields, body = mime.read_headers(raw, trouble)
    headers = _headers(fields, _ONCE | metadata_headers.keys())
    entities = list(mime.leaves(fields, body, trouble))
    markdown, html, files = _parts(entities, trouble)
    if trouble.defects:
        raise NotSendable(CONTENT, trouble.defects[0])
    _require_author(headers, sender)
    people = {kind: _people(headers, kind) for kind in ("to", "cc", "bcc", "reply-to")}
    bcc = _blind(recipients, people)
    message_id = next(iter(header_ids(headers.get("message-id", ""))), "")
    given = {
        "mailbox_id": sender,
        "to": [format_address(person) for person in people["to"]],
        "cc": [format_address(person) for person in people["cc"]],
        "bcc": bcc,
        "reply_to": [format_address(person) for person in people["reply-to"]],
        "subject": decode_words(headers.get("subject", "")),
        "markdown": markdown,
        "html": html,
        "attachments": [
            {
                "name": file.name,
                "content_type": file.content_type,
                "content_base64": base64.b64encode(file.content).decode(),
            }
            for file in name_files(files)
        ],
        "in_reply_to": header_ids(headers.get("in-reply-to", "")),
        "references": header_ids(headers.get("references", "")),
    }
    known = _ONCE | REMADE | metadata_headers.keys()
    return Submission(
        fields=given,
        message_id=message_id if _MESSAGE_ID.fullmatch(message_id) else "",
        metadata=_metadata(headers, metadata_headers),
        left_out=tuple(name for name in headers if name not in known and not name.startswith("content-")),
    )


def _headers(fields: Iterable[tuple[str, str]], once: Set[str]) -> dict[str, str]:
    """By name in small letters. Raises NotSendable for one of `once` that is there twice, and for what asks for
    something, or vouches for it, that would not happen."""
    headers: dict[str, str] = {}
    counted = Counter(name.lower() for name, _ in fields)
    for name, value in fields:
        key = name.lower()
        if counted[key] > 1 and (key in once or key.startswith("content-")):
            raise NotSendable(CONTENT, f"There is more than one {name} header (RFC 5322 3.6).")
        if _REFUSED.fullmatch(key):
            raise NotSendable(UNSUPPORTED, f"The header {name} can't be sent from here: leave it out.")
        headers.setdefault(key, value)
    return headers


def _people(headers: Mapping[str, str], kind: str) -> list[Address]:
    try:
        found = parse_address_list(headers.get(kind, ""))
    except AddressError as error:
        raise NotSendable(CONTENT, f"{kind.capitalize()}: {error}") from None
    # Names alone are decoded, after the list was read: an encoded word must not become an address (RFC 2047 5).
    return [Address(" ".join(decode_words(person.name).split()), person.address) for person in found]


def _require_author(headers: Mapping[str, str], sender: str) -> None:
    """From, and Sender where there is one, are the mailbox that MAIL FROM named (RFC 6409 6.1)."""
    for kind in ("from", "sender"):
        people = _people(headers, kind) if kind == "from" or kind in headers else None
        if people is not None and [normalise(person.address) for person in people] != [normalise(sender)]:
            raise NotSendable(
                NOT_ALLOWED, f"{kind.capitalize()} has to be {sender} alone, as MAIL FROM said."
            )


def _blind(recipients: Sequence[str], people: Mapping[str, Sequence[Address]]) -> list[str]:
    envelope = {normalise(address): address for address in recipients}
    shown = {normalise(person.address) for kind in ("to", "cc") for person in people[kind]}
    named = shown | {normalise(person.address) for person in people["bcc"]}
    missing = sorted(named - envelope.keys())
    if missing:
        raise NotSendable(
            CONTENT, f"A header names {missing[0]}, and no RCPT does: it goes to all or to none."
        )
    return [address for key, address in envelope.items() if key not in shown]


def _parts(
    entities: Sequence[mime.Entity], trouble: mime.Trouble
) -> tuple[str, str | None, list[mime.Entity]]:
    """The text, the HTML if there is some, and the files."""
    for entity in entities:
        if entity.container not in _CONTAINERS or (
            entity.content_type in _WHOLE_ONLY and not entity.container
        ):
            what = f"multipart/{entity.container}" if entity.container else entity.content_type
            raise NotSendable(UNSUPPORTED, f"{what} can't be sent: the message is composed and signed here.")
    bodies = [entity for entity in entities if _is_body(entity)]
    files = [entity for entity in entities if not _is_body(entity)]
    texts = [entity for entity in bodies if entity.content_type != "text/html"]
    pages = [entity for entity in bodies if entity.content_type == "text/html"]
    if any(entity.container == "alternative" for entity in files):
        raise NotSendable(UNSUPPORTED, "Of alternatives only plain text, markdown and HTML can be sent.")
    if sum(len(entity.content) for entity in bodies) > MAX_BODIES:
        raise NotSendable(
            TOO_LARGE, f"A body has at most {MAX_BODY_OCTETS // 1024} KiB; attach what is longer."
        )
    if not _is_one_body(texts, pages):
        raise NotSendable(
            UNSUPPORTED, "The body may be texts, or one HTML part, or one of each as alternatives."
        )
    html = _text(pages[0], trouble) if pages else None
    if html is not None and _EMBEDDED.search(html):
        raise NotSendable(
            UNSUPPORTED, "Pictures inside HTML (cid:) can't be sent: attach them, or leave them out."
        )
    return "\n\n".join(_text(entity, trouble) for entity in texts), html, files


def _is_one_body(texts: Sequence[mime.Entity], pages: Sequence[mime.Entity]) -> bool:
    if not pages:
        return len(texts) < 2 or not any(text.group for text in texts)
    return len(pages) == 1 and all(text.group == pages[0].group != 0 for text in texts) and len(texts) < 2


def _is_body(entity: mime.Entity) -> bool:
    return entity.content_type in _BODY_TYPES and entity.disposition != "attachment" and not entity.filename


def _text(entity: mime.Entity, trouble: mime.Trouble) -> str:
    text, wrong = decode(entity.content, entity.charset)
    trouble.note(wrong)
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    if entity.flowed and entity.content_type == "text/plain":
        text = unflowed(text, entity.delete_space)
    return text


def _metadata(headers: Mapping[str, str], names: Mapping[str, str]) -> dict[str, str]:
    found = {name: decode_words(headers[header]) for header, name in names.items() if header in headers}
    for name, value in found.items():
        if len(value) > MAX_METADATA:
            raise NotSendable(CONTENT, f"The metadata {name} is longer than {MAX_METADATA} characters.")
    return found
