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
from urllib.parse import quote

import nh3
from cmarkgfm import cmark  # type: ignore[import-untyped]  # it ships no types

from multimail.core.address import Address, AddressError, ascii_domain, parse_address

MAX_BODY_OCTETS = 256 * 1024
MAX_RENDERED_OCTETS = 1024 * 1024
# nh3 takes time quadratic in the depth of nesting: these bound it to well under a second.
MAX_NESTING = 100
MAX_HTML_TAGS = 10_000
MAX_TAG_LENGTH = 16 * 1024
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
_NOT_7BIT = re.compile(rb"[^\t\n -~]|[\t ]\n|^From |\nFrom ")
_NESTING = re.compile(r"<(/?)(?:blockquote|ul|ol|em|strong|del)\b")
_TAG = re.compile(r"<[A-Za-z]")

# What compose or the hand-off writes itself; a draft's extra headers can't.
_RESERVED = frozenset(
    {
        "from", "to", "cc", "bcc", "sender", "reply-to", "subject", "message-id", "in-reply-to",
        "references", "date", "mime-version", "return-path", "received", "dkim-signature",
        "x-multimail-identity",
    }
)  # fmt: skip

_STYLES = {
    "a": "color:#0b57d0",
    "blockquote": "margin:0 0 16px;padding:0 0 0 12px;border-left:3px solid #c8ccd1;color:#57606a",
    "code": "font-family:ui-monospace,Menlo,Consolas,monospace;font-size:90%",
    "h1": "font-size:24px;line-height:1.25;margin:24px 0 12px",
    "h2": "font-size:20px;line-height:1.25;margin:24px 0 12px",
    "h3": "font-size:17px;line-height:1.25;margin:20px 0 8px",
    "hr": "border:0;border-top:1px solid #d0d7de;margin:24px 0",
    "img": "max-width:100%",
    "p": "margin:0 0 16px",
    "pre": "background-color:#f6f8fa;padding:12px;white-space:pre-wrap",
    "table": "border-collapse:collapse;margin:0 0 16px",
    "td": "border:1px solid #d0d7de;padding:6px 12px",
    "th": "border:1px solid #d0d7de;padding:6px 12px;background-color:#f6f8fa",
}
_BODY_STYLE = "font-family:-apple-system,'Segoe UI',Helvetica,Arial,sans-serif;font-size:15px;line-height:1.5"
_MARKDOWN_TAGS = {
    "a", "blockquote", "br", "code", "del", "em", "h1", "h2", "h3", "h4", "h5", "h6", "hr", "img", "li",
    "ol", "p", "pre", "strong", "table", "tbody", "td", "th", "thead", "tr", "ul",
}  # fmt: skip
_ATTRIBUTES = {
    "a": {"href", "title"},
    "img": {"src", "alt", "title", "width", "height"},
    "ol": {"start"},
    "td": {"align", "colspan", "rowspan"},
    "th": {"align", "colspan", "rowspan"},
}
_MORE_TAGS = {
    "abbr", "b", "big", "caption", "center", "col", "colgroup", "dd", "div", "dl", "dt", "font", "i", "s",
    "small", "span", "sub", "sup", "tfoot", "u",
}  # fmt: skip
# No property here takes a url(), leaves the flow of the text or hides what it holds.
_STYLE_PROPERTIES = {
    "background-color", "border", "border-bottom", "border-collapse", "border-color", "border-left",
    "border-radius", "border-right", "border-spacing", "border-style", "border-top", "border-width",
    "color", "font-family", "font-size", "font-style", "font-variant", "font-weight", "height",
    "letter-spacing", "line-height", "margin", "margin-bottom", "margin-left", "margin-right", "margin-top",
    "max-width", "min-width", "padding", "padding-bottom", "padding-left", "padding-right", "padding-top",
    "text-align", "text-decoration", "text-indent", "text-transform", "vertical-align", "white-space",
    "width", "word-break",
}  # fmt: skip
_URL_SCHEMES = {"http", "https", "mailto", "tel", "cid"}
_markdown_cleaner = nh3.Cleaner(
    tags=_MARKDOWN_TAGS,
    attributes=_ATTRIBUTES,
    set_tag_attribute_values={tag: {"style": style} for tag, style in _STYLES.items()},
    url_schemes=_URL_SCHEMES,
    url_relative="deny",
    link_rel=None,
)
_html_cleaner = nh3.Cleaner(
    tags=_MARKDOWN_TAGS | _MORE_TAGS,
    attributes={
        **_ATTRIBUTES,
        "*": {"style", "dir", "lang"},
        "table": {"align", "border", "cellpadding", "cellspacing", "width"},
        "font": {"color", "face", "size"},
    },
    filter_style_properties=_STYLE_PROPERTIES,
    url_schemes=_URL_SCHEMES,
    url_relative="deny",
    link_rel=None,
)


class ComposeError(ValueError):
    """The draft can't become a message; the text says why, for a person."""


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file. `content_type` is type/subtype without parameters; multipart and message types are sent as
    application/octet-stream, because a file of those types could not be sent unchanged (RFC 2045 6.4)."""

    name: str
    content_type: str
    content: bytes


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
    _check_size(draft.markdown)
    text = _text_part("plain", draft.markdown)
    html = _text_part("html", markdown_to_html(draft.markdown) if draft.html is None else _page(draft.html))
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


def prepend(raw: bytes, headers: Sequence[tuple[str, str]]) -> bytes:
    """The message with these headers on top, in this order, encoded and folded. Raises ComposeError."""
    return "".join(_unstructured(name, value) for name, value in headers).encode() + raw


def markdown_to_html(markdown: str) -> str:
    """A whole HTML page from GitHub-flavoured markdown: raw HTML dropped, sanitised, styles inlined.

    A line break stays one. Raises ComposeError for more than 256 KiB or 100 levels of nesting.
    """
    _check_size(markdown)
    rendered = cmark.markdown_to_html_with_extensions(
        markdown,
        options=cmark.Options.CMARK_OPT_HARDBREAKS | cmark.Options.CMARK_OPT_VALIDATE_UTF8,
        extensions=["table", "autolink", "strikethrough", "tagfilter"],
    )
    if len(rendered) > MAX_RENDERED_OCTETS:
        raise ComposeError("The body is too large once it is rendered.")
    depth = 0
    for tag in _NESTING.finditer(rendered):
        depth += -1 if tag[1] else 1
        if depth > MAX_NESTING:
            raise ComposeError(f"The body is nested more than {MAX_NESTING} levels deep.")
    return _wrap(_markdown_cleaner.clean(rendered))


def needs_smtputf8(sender: str, recipients: Iterable[str], raw: bytes) -> bool:
    """Whether the transmission needs SMTPUTF8 (RFC 6531): a local part or a header line is not ASCII.

    A domain alone never needs it: it is sent in A-labels.
    """
    if not all(address.rpartition("@")[0].isascii() for address in (sender, *recipients)):
        return True
    return not raw.partition(b"\r\n\r\n")[0].isascii()


def _page(html: str) -> str:
    """HTML that the author gave, as a whole page, sanitised. Raises ComposeError for what is too large."""
    _check_size(html)
    if len(_TAG.findall(html)) > MAX_HTML_TAGS:
        raise ComposeError(f"The HTML has more than {MAX_HTML_TAGS} elements.")
    for piece in html.split(">"):
        tag = _TAG.search(piece)
        if tag and len(piece) - tag.start() > MAX_TAG_LENGTH:
            raise ComposeError(f"The HTML has a tag longer than {MAX_TAG_LENGTH} characters.")
    return _wrap(_html_cleaner.clean(html))


def _wrap(fragment: str) -> str:
    return (
        '<!DOCTYPE html>\n<html><head><meta charset="utf-8"></head>\n'
        f'<body style="{_BODY_STYLE}">\n{fragment.rstrip()}\n</body></html>\n'
    )


def _check_size(body: str) -> None:
    try:
        octets = len(body.encode())
    except UnicodeEncodeError as error:
        raise ComposeError("The body contains a lone surrogate, which is not a character.") from error
    if octets > MAX_BODY_OCTETS:
        raise ComposeError(f"The body is longer than {MAX_BODY_OCTETS // 1024} KiB.")


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
    bad = _CONTROL.search(" ".join(tokens))
    if bad:
        raise ComposeError(f"The header {name} contains the control character U+{ord(bad[0]):04X}.")
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
        if parse_address(address.address) != Address("", address.address):
            raise AddressError("It is not a bare address.")
        local, domain = address.local, address.domain
        addr_spec = f"{local}@{ascii_domain(domain)}" if local.isascii() else address.address
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


def _text_part(subtype: str, text: str) -> bytes:
    data = _LINE_END.sub("\n", text).encode()
    if not _NOT_7BIT.search(data) and max(map(len, data.split(b"\n"))) <= _TEXT_LINE:
        encoding, body = "7bit", data.replace(b"\n", b"\r\n")
    else:
        # The line ends of the text are LF here: b2a_qp takes its own from the first it sees.
        encoding, body = "quoted-printable", binascii.b2a_qp(data).replace(b"\n", b"\r\n")
        as_base64 = data.replace(b"\n", b"\r\n")
        if len(body) > len(as_base64) * 4 // 3 * 78 // 76 + 4:
            encoding, body = "base64", _base64_lines(as_base64)
    charset = "us-ascii" if data.isascii() else "utf-8"
    header = _fold_header("Content-Type", [f"text/{subtype}; charset={charset}"])
    header += _fold_header("Content-Transfer-Encoding", [encoding])
    return header.encode() + b"\r\n" + body


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
