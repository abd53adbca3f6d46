"""Build outbound messages (RFC 5322, RFC 2045 to 2047, RFC 2183, RFC 2231, RFC 6532).

The same draft gives the same bytes, so that a revision can be computed, shown and sent. `Date`, signatures
and trace headers are put on top at hand-off, by `prepend`. Every header value of every kind ends in
`_fold_header`, which refuses control characters: there is no other way to write a header line here.
"""

import binascii
import hashlib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from urllib.parse import quote

from multimail.core.address import Address, AddressError, ascii_domain, parse_address
from multimail.core.carried import carried
from multimail.mail.render import RenderError, check_size, markdown_to_html, sanitised_page

MAX_FILENAME = 255
MAX_REFERENCES = 40

_FOLD_AT = 76  # RFC 2047 section 2: a line with an encoded word is at most 76 characters
_HARD_LIMIT = 998
_LONGEST_WORD = 900
_ENCODED_WORD_OCTETS = 39  # 64 characters once encoded, so that one fits beside any of our header names
_TEXT_LINE = 78

_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_HEADER_NAME = re.compile(r"[A-Za-z][A-Za-z0-9-]{0,63}")
_MESSAGE_ID = re.compile(r"[!-;=?-~]{1,250}@[!-;=?-~]{1,250}")
_CONTENT_TYPE = re.compile(r"[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,63}/[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,63}")
_PLAIN_PHRASE = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?: [A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*")
_PLAIN_FILENAME = re.compile(r"[A-Za-z0-9!#$%&'()+,;@^_`{}~ .\[\]-]{1,60}")
_LINE_END = re.compile(r"\r\n?")
_VISIBLE = b"\t\n" + bytes(range(32, 127))

# What compose or the hand-off writes itself; a draft's extra headers can't.
_RESERVED = frozenset(
    {
        "from", "to", "cc", "bcc", "sender", "reply-to", "subject", "message-id", "in-reply-to",
        "references", "date", "mime-version", "return-path", "received", "dkim-signature",
        "x-multimail-identity",
    }
)  # fmt: skip


class ComposeError(ValueError):
    """The draft can't become a message; the text says why, for a person."""


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file. `content_type` is type/subtype without parameters; multipart and message types are sent as
    application/octet-stream, because a file of those types could not be sent unchanged (RFC 2045 6.4)."""

    name: str
    content_type: str
    content: bytes


@carried
@dataclass(frozen=True, slots=True)
class Draft:
    """What a message is made of. Message ids are without angle brackets; malformed ones in `in_reply_to` and
    `references` are left out, since a correspondent wrote them. `html` replaces the rendered markdown."""

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
    """The message, CRLF throughout, without Date, Bcc and signatures; the same draft gives the same bytes.

    The text part is the markdown as typed, line ends aside. Header lines are ASCII unless an address has a
    local part that is not (RFC 6532). Raises ComposeError.
    """
    try:
        check_size(draft.markdown)
        page = markdown_to_html(draft.markdown) if draft.html is None else sanitised_page(draft.html)
    except RenderError as error:
        raise ComposeError(str(error)) from error
    text, html = _text_part("plain", draft.markdown), _text_part("html", page)
    digest = hashlib.sha256(text + html).hexdigest()[:24]
    # "=_" can't occur in base64 or quoted-printable (RFC 2045 6.7); a 7bit part would need its own hash.
    inner, outer = f"=_a_{digest}", f"=_m_{digest}"
    if inner.encode() in text or inner.encode() in html:
        raise ComposeError("The body contains its own boundary.")
    content_type = f'multipart/alternative; boundary="{inner}"'
    body = _multipart(inner, (text, html))
    if draft.attachments:
        first = _fold_header("Content-Type", [content_type]).encode() + b"\r\n" + body
        content_type = f'multipart/mixed; boundary="{outer}"'
        body = _multipart(outer, (first, *map(_attachment_part, draft.attachments)))
    headers = _headers(draft)
    headers.append(_fold_header("MIME-Version", ["1.0"]))
    headers.append(_fold_header("Content-Type", [content_type]))
    return "".join(headers).encode() + b"\r\n" + body


def compose_text(draft: Draft) -> bytes:
    """The same of the draft's text alone: for words that nothing else may be made from. Raises ComposeError."""
    headers = [*_headers(draft), _fold_header("MIME-Version", ["1.0"])]
    return "".join(headers).encode() + _text_part("plain", draft.markdown)


def prepend(raw: bytes, headers: Sequence[tuple[str, str]]) -> bytes:
    """The message with these headers on top, in this order, encoded and folded. Raises ComposeError."""
    return "".join(_unstructured(name, value) for name, value in headers).encode() + raw


def needs_smtputf8(sender: str, recipients: Iterable[str], raw: bytes) -> bool:
    """Whether the transmission needs SMTPUTF8 (RFC 6531): a local part or a header line is not ASCII.

    A domain alone never needs it: it is sent in A-labels.
    """
    if not all(address.rpartition("@")[0].isascii() for address in (sender, *recipients)):
        return True
    return not raw.partition(b"\r\n\r\n")[0].isascii()


def _headers(draft: Draft) -> list[str]:
    lines = [_addresses("From", (draft.from_,))]
    if draft.to:
        lines.append(_addresses("To", draft.to))
    if draft.cc:
        lines.append(_addresses("Cc", draft.cc))
    if not draft.to and not draft.cc:
        lines.append(_fold_header("To", ["undisclosed-recipients:;"]))
    if draft.reply_to:
        lines.append(_addresses("Reply-To", draft.reply_to))
    lines.append(_unstructured("Subject", draft.subject))
    if not _MESSAGE_ID.fullmatch(draft.message_id):
        raise ComposeError("The message id is malformed.")
    lines.append(_fold_header("Message-ID", [f"<{draft.message_id}>"]))
    if draft.in_reply_to and _MESSAGE_ID.fullmatch(draft.in_reply_to):
        lines.append(_fold_header("In-Reply-To", [f"<{draft.in_reply_to}>"]))
    references = [f"<{one}>" for one in draft.references if _MESSAGE_ID.fullmatch(one)]
    if len(references) > MAX_REFERENCES:  # the thread's root and its newest are what threading needs
        references = [references[0], *references[-MAX_REFERENCES + 1 :]]
    if references:
        lines.append(_fold_header("References", references))
    for name, value in draft.extra_headers:
        if name.lower() in _RESERVED or name.lower().startswith("content-"):
            raise ComposeError(f"The header {name[:64]!r} is set by the server.")
        lines.append(_unstructured(name, value))
    return lines


def _fold_header(name: str, tokens: Sequence[str]) -> str:
    """A header field, folded between the tokens, with its CRLF: the only place that makes one."""
    if not _HEADER_NAME.fullmatch(name):
        raise ComposeError(f"{name[:64]!r} is not a header name.")
    value = " ".join(tokens)
    bad = None if value.isprintable() else _CONTROL.search(value)
    if bad:
        raise ComposeError(f"The header {name} contains the control character U+{ord(bad[0]):04X}.")
    if len(name) + 2 + len(value) <= _FOLD_AT:
        return f"{name}: {value}\r\n"
    lines: list[str] = []
    line = f"{name}:"
    for position, token in enumerate(tokens):
        if position and len(line) + 1 + len(token) > _FOLD_AT:
            lines.append(line)
            line = ""
        line += f" {token}"
        if len(line.encode()) > _HARD_LIMIT:
            raise ComposeError(f"The header {name} has a word that is too long.")
    lines.append(line)
    return "\r\n".join(lines) + "\r\n"


def _unstructured(name: str, value: str) -> str:
    plain = value.isascii() and "=?" not in value and value == value.strip(" ")
    if plain and len(name) + 2 + len(value) <= _FOLD_AT:
        return _fold_header(name, [value])
    words = value.split(" ")
    if plain and all(0 < len(word) <= _LONGEST_WORD for word in words):
        return _fold_header(name, words)
    return _fold_header(name, _encoded_words(name, value))


def _encoded_words(name: str, value: str) -> list[str]:
    """RFC 2047 encoded words in base64, none of which splits a character."""
    if _CONTROL.search(value):
        raise ComposeError(f"The header {name} contains a control character.")
    data = value.encode()
    words = []
    start = 0
    while start < len(data):
        end = min(start + _ENCODED_WORD_OCTETS, len(data))
        while end < len(data) and data[end] & 0xC0 == 0x80:
            end -= 1
        words.append(f"=?utf-8?B?{binascii.b2a_base64(data[start:end], newline=False).decode()}?=")
        start = end
    return words


def _addresses(name: str, addresses: Sequence[Address]) -> str:
    tokens: list[str] = []
    for address in addresses:
        tokens += _mailbox(name, address)
        tokens[-1] += ","
    tokens[-1] = tokens[-1][:-1]
    return _fold_header(name, tokens)


def _mailbox(name: str, address: Address) -> list[str]:
    try:
        addr_spec = _addr_spec(address.address)
    except AddressError as error:
        raise ComposeError(f"The header {name} has an address that can't be used: {error}") from error
    if not address.name:
        return [addr_spec]
    if not address.name.isascii() or "=?" in address.name or len(address.name) > _FOLD_AT - 16:
        return [*_encoded_words(name, address.name), f"<{addr_spec}>"]
    if _PLAIN_PHRASE.fullmatch(address.name):
        return [address.name, f"<{addr_spec}>"]
    quoted = address.name.replace("\\", "\\\\").replace('"', '\\"')
    return [f'"{quoted}"', f"<{addr_spec}>"]


@lru_cache(maxsize=4096)  # an agent writes as one address all day, and to few; what is refused is not kept
def _addr_spec(address: str) -> str:
    """As it stands in a header: with the domain in A-labels if the local part is ASCII. Raises AddressError."""
    if parse_address(address) != Address("", address):
        raise AddressError("It is not a bare address.")
    local, _, domain = address.rpartition("@")
    return f"{local}@{ascii_domain(domain)}" if local.isascii() else address


def _text_part(subtype: str, text: str) -> bytes:
    data = (_LINE_END.sub("\n", text) if "\r" in text else text).encode()
    encoding, body = _shortest(data)
    return _text_part_header(subtype, "us-ascii" if data.isascii() else "utf-8", encoding) + body


@cache
def _text_part_header(subtype: str, charset: str, encoding: str) -> bytes:
    header = _fold_header("Content-Type", [f"text/{subtype}; charset={charset}"])
    header += _fold_header("Content-Transfer-Encoding", [encoding])
    return header.encode() + b"\r\n"


def _shortest(data: bytes) -> tuple[str, bytes]:
    """The content transfer encoding for text with LF line ends, and the encoded text with CRLF."""
    lines = data.split(b"\n")
    if max(map(len, lines)) <= _TEXT_LINE and _is_7bit(data):
        return "7bit", data.replace(b"\n", b"\r\n")
    # The line ends of the text are LF here: b2a_qp takes its own from the first it sees.
    body = binascii.b2a_qp(data).replace(b"\n", b"\r\n")
    if len(body) > (len(data) + len(lines) - 1) * 4 // 3 * 78 // 76 + 4:
        return "base64", _base64_lines(data.replace(b"\n", b"\r\n"))
    return "quoted-printable", body


def _is_7bit(data: bytes) -> bool:
    """No control characters, no white space that a relay may strip, no line that an mbox would change."""
    return not (
        data.translate(None, _VISIBLE)
        or b" \n" in data
        or b"\t\n" in data
        or data.startswith(b"From ")
        or b"\nFrom " in data
    )


def _attachment_part(attachment: Attachment) -> bytes:
    content_type = attachment.content_type.lower()
    if not _CONTENT_TYPE.fullmatch(content_type):
        raise ComposeError(f"{attachment.content_type[:80]!r} is not a content type.")
    if content_type.startswith(("multipart/", "message/")):
        content_type = "application/octet-stream"
    header = _fold_header("Content-Type", [content_type])
    header += _fold_header("Content-Transfer-Encoding", ["base64"])
    header += _fold_header("Content-Disposition", ["attachment;", *_filename(attachment.name)])
    return header.encode() + b"\r\n" + _base64_lines(attachment.content)


def _filename(name: str) -> list[str]:
    """The filename parameter, in RFC 2231 sections where it is not short plain ASCII."""
    if not name.strip() or len(name) > MAX_FILENAME or _CONTROL.search(name):
        raise ComposeError(f"The attachment name {name[:80]!r} is empty, too long or has control characters.")
    if _PLAIN_FILENAME.fullmatch(name):
        return [f'filename="{name}"']
    sections = [""]
    for character in name:
        escaped = quote(character, safe="")
        if len(sections[-1]) + len(escaped) > 48:
            sections.append("")
        sections[-1] += escaped
    if len(sections) == 1:
        return [f"filename*=utf-8''{sections[0]}"]
    numbered = [f"filename*{n}*={section}" for n, section in enumerate(sections)]
    numbered[0] = f"filename*0*=utf-8''{sections[0]}"
    return [f"{section};" for section in numbered[:-1]] + [numbered[-1]]


def _base64_lines(data: bytes) -> bytes:
    encoded = binascii.b2a_base64(data, newline=False)
    return b"".join([encoded[start : start + 76] + b"\r\n" for start in range(0, len(encoded), 76)])


def _multipart(boundary: str, parts: Iterable[bytes]) -> bytes:
    line = f"\r\n--{boundary}".encode()
    # The CRLF before a boundary belongs to the boundary (RFC 2046 5.1.1), so each part's bytes stay whole.
    return b"".join([b"".join([line, b"\r\n", part]) for part in parts])[2:] + line + b"--\r\n"
