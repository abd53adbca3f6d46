"""A message cut into headers and parts (RFC 5322, RFC 2045-2047, RFC 2183, RFC 2231), bounded on every side.

The standard library reads structured values (compat32, one header at a time); the cutting is ours because its
parser is recursive and takes time in parts times depth.
"""

import binascii
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from email.message import Message as Header

from multimail.mail.charsets import decode, decode_words, from_base64, from_uuencode

MAX_HEADERS = 500
MAX_HEADER = 64 * 1024  # octets of one value
MAX_HEADER_BLOCK = 512 * 1024  # octets of all headers of one entity
MAX_STRUCTURED, MAX_PARAMETERS = 4_096, 50  # of a Content-* value: the library's reader is quadratic
MAX_PARTS = 500
MAX_NESTING = 20
MAX_PROBES = 50_000  # places looked at for boundaries, over the whole message
MAX_DEFECTS = 50

_FIELD = re.compile(rb"([!-9;-~]{1,200})[ \t]*+:([^\n]*+(?:\n[ \t][^\n]*+)*+)(?:\n|\Z)")
_BLANK = re.compile(rb"\r?\n")
_BLANK_LINE = re.compile(rb"\n\r?\n")
_FOLD = re.compile(r"[\r\n]+[ \t]*")
_TYPE = re.compile(r"[a-z0-9!#$&^_.+-]{1,100}/[a-z0-9!#$&^_.+-]{1,100}")


@dataclass(slots=True)
class Trouble:
    """What was wrong, as sentences, and how much of the message's allowance is used."""

    defects: list[str] = field(default_factory=list)
    parts: int = 0
    probes: int = 0

    def note(self, sentence: str) -> None:
        if sentence and sentence not in self.defects and len(self.defects) < MAX_DEFECTS:
            self.defects.append(sentence)


@dataclass(frozen=True, slots=True)
class Entity:
    """One leaf of the tree: its type, parameters and bytes, and where it stood."""

    content_type: str
    charset: str
    filename: str  # decoded, as claimed: not yet safe
    disposition: str  # 'attachment', 'inline' or ''
    content_id: str
    flowed: bool  # RFC 3676
    delete_space: bool
    content: bytes
    container: str  # the multipart it stood in: 'alternative', 'related', … or ''
    group: int  # leaves of one multipart/alternative share a number; 0 outside


def read_headers(raw: bytes, trouble: Trouble) -> tuple[list[tuple[str, str]], bytes]:
    """The header fields in order (unfolded, not yet decoded from RFC 2047) and the body after them."""
    fields: list[tuple[str, str]] = []
    at = raw.index(b"\n") + 1 if raw.startswith((b"From ", b">From ")) and b"\n" in raw[:1_000] else 0
    while at < len(raw):
        blank = _BLANK.match(raw, at)
        if blank:
            return fields, raw[blank.end() :]
        found = _FIELD.match(raw, at)
        if found is None:
            trouble.note("The headers end without an empty line.")
            break
        if len(fields) < MAX_HEADERS and at < MAX_HEADER_BLOCK:
            if len(found[2]) > MAX_HEADER:
                trouble.note(f"A header was longer than {MAX_HEADER} octets and was cut.")
            value, wrong = _text(found[2][:MAX_HEADER])
            trouble.note(wrong)
            fields.append((found[1].decode("ascii"), value))
        else:
            trouble.note("There were more headers than are read; the rest was left out.")
            empty = _BLANK_LINE.search(raw, at)
            return fields, raw[empty.end() :] if empty else b""
        at = found.end()
    return fields, raw[at:]


def _text(value: bytes) -> tuple[str, str]:
    if value.isascii():
        text, wrong = value.decode("ascii"), ""
    else:
        text, wrong = decode(value, "utf-8")
        wrong = wrong and "A header holds raw bytes that are not UTF-8."
    return (_FOLD.sub(" ", text) if "\n" in text or "\r" in text else text).strip(), wrong


def leaves(fields: list[tuple[str, str]], body: bytes, trouble: Trouble) -> Iterator[Entity]:
    """The leaves of the tree, in order. What exceeds a bound comes as one leaf or not at all, noted."""
    yield from _walk(fields, body, trouble, (), "", 0)


def _walk(
    fields: list[tuple[str, str]],
    body: bytes,
    trouble: Trouble,
    above: tuple[str, ...],
    default: str,
    group: int,
) -> Iterator[Entity]:
    header = Header()
    for name, value in fields:
        if name.lower().startswith("content-") and name.lower() not in header:
            header[name] = ";".join(value[:MAX_STRUCTURED].split(";", MAX_PARAMETERS)[:MAX_PARAMETERS])
    kind = _content_type(header, default, trouble)
    if kind.startswith("multipart/"):
        boundary = _parameter(header, "boundary")
        children = _children(body, boundary, trouble) if boundary and len(above) < MAX_NESTING else []
        if children:
            subtype = kind.partition("/")[2]
            inner = trouble.parts + 1 if subtype == "alternative" and not group else group
            for child in children:
                if trouble.parts >= MAX_PARTS:
                    trouble.note(f"There were more than {MAX_PARTS} parts; the rest was left out.")
                    return
                trouble.parts += 1
                child_fields, child_body = read_headers(child, Trouble())
                inner_default = "message/rfc822" if subtype == "digest" else ""
                yield from _walk(child_fields, child_body, trouble, (*above, subtype), inner_default, inner)
            return
        trouble.note("A multipart body could not be cut into its parts; it is read as text.")
        kind = "text/plain"
    yield _leaf(header, kind, body, trouble, above, group)


def _leaf(
    header: "Header[str, str]", kind: str, body: bytes, trouble: Trouble, above: tuple[str, ...], group: int
) -> Entity:
    disposition = str(header.get("Content-Disposition", "")).partition(";")[0].strip().lower()
    return Entity(
        content_type=kind,
        charset=_parameter(header, "charset"),
        filename=_parameter(header, "filename", "Content-Disposition") or _parameter(header, "name"),
        disposition=disposition if disposition in ("attachment", "inline", "") else "attachment",
        content_id=str(header.get("Content-ID", "")).strip().strip("<>").strip(),
        flowed=_parameter(header, "format").lower() == "flowed",
        delete_space=_parameter(header, "delsp").lower() == "yes",
        content=_transfer_decoded(str(header.get("Content-Transfer-Encoding", "")), body, trouble),
        container=above[-1] if above else "",
        group=group,
    )


def _content_type(header: "Header[str, str]", default: str, trouble: Trouble) -> str:
    if "Content-Type" not in header:
        return default or "text/plain"
    claimed = str(header["Content-Type"]).partition(";")[0].strip().lower()
    if plain_type(claimed):
        return claimed
    trouble.note("A Content-Type could not be read; text/plain was assumed.")
    return "text/plain" if claimed in ("text", "") else "application/octet-stream"


def plain_type(claimed: str) -> str:
    """A media type (RFC 6838 4.2) without parameters in small letters; '' for anything else."""
    claimed = claimed.lower()
    return claimed if _TYPE.fullmatch(claimed) else ""


def _parameter(header: "Header[str, str]", name: str, of: str = "Content-Type") -> str:
    """One parameter, RFC 2231 and (though RFC 2047 5 forbids them) encoded words decoded, or nothing."""
    if of not in header:
        return ""
    try:
        value = header.get_param(name, "", of)
    except Exception:  # noqa: BLE001 the library trips over several broken forms of RFC 2231
        return ""
    if isinstance(value, tuple):
        raw = (
            value[2].encode("latin-1", "replace") if value[2].isascii() is False else value[2].encode("ascii")
        )
        return decode(raw, value[0] or "utf-8")[0]
    return decode_words(str(value))


def _children(body: bytes, boundary: str, trouble: Trouble) -> list[bytes]:
    """The parts between boundary lines (RFC 2046 5.1.1); a missing last boundary ends at the body's end."""
    mark = b"--" + boundary.strip().encode("utf-8", "surrogateescape")
    starts: list[int] = []
    children: list[bytes] = []
    at, closed = (0 if body.startswith(mark) else body.find(b"\n" + mark) + 1 or -1), False
    while at >= 0:
        trouble.probes += 1
        if trouble.probes > MAX_PROBES or len(children) > MAX_PARTS:
            trouble.note("There were more boundaries than are read; the rest was left out.")
            break
        line_end = body.find(b"\n", at)
        line_end = len(body) if line_end < 0 else line_end
        tail = body[at + len(mark) : min(line_end, at + len(mark) + 1_000)].strip()
        if tail in (b"", b"--"):
            if starts:
                children.append(body[starts[-1] : max(at - 1, starts[-1])].removesuffix(b"\r"))
            starts.append(line_end + 1)
            if tail:
                closed = True
                break
        at = body.find(b"\n" + mark, line_end) + 1 or -1
    if starts and not closed:
        trouble.note("The last boundary of a multipart body is missing.")
        children.append(body[starts[-1] :])
    return children


def _transfer_decoded(encoding: str, body: bytes, trouble: Trouble) -> bytes:
    encoding = encoding.partition(";")[0].strip().strip('"').lower()
    if encoding == "base64":
        data, wrong = from_base64(body)
        trouble.note(wrong)
        return data
    if encoding == "quoted-printable":
        return binascii.a2b_qp(body)
    if encoding in ("x-uuencode", "uuencode", "x-uue", "uue"):
        data, wrong = from_uuencode(body)
        trouble.note(wrong)
        return data
    if encoding not in ("", "7bit", "8bit", "binary", "7-bit", "8-bit"):
        trouble.note(
            f"The transfer encoding {encoding[:40]!a} is not known; the bytes were left as they are."
        )
    return body
