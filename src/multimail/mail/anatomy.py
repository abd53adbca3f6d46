"""What a whole message will show its readers, read from its own bytes and from nothing said about them."""

from dataclasses import dataclass

from multimail.mail import mime
from multimail.mail.charsets import decode, decode_words


@dataclass(frozen=True, slots=True)
class Part:
    """An attachment as the message carries it."""

    name: str
    content_type: str
    size: int


@dataclass(frozen=True, slots=True)
class Anatomy:
    """`headers` are decoded (RFC 2047), in their order; `text` and `html` are '' where the message has none.

    `trouble` says in sentences what could not be read.
    """

    headers: list[tuple[str, str]]
    text: str
    html: str
    parts: list[Part]
    size: int
    trouble: list[str]


def dissect(raw: bytes) -> Anatomy:
    """Of several text or HTML bodies the first counts, as it does for readers (RFC 2046 5.1.4); others are parts."""
    trouble = mime.Trouble()
    fields, body = mime.read_headers(raw, trouble)
    bodies: dict[str, str] = {}
    parts = []
    for leaf in mime.leaves(fields, body, trouble):
        kind = leaf.content_type
        if kind in ("text/plain", "text/html") and leaf.disposition != "attachment" and kind not in bodies:
            bodies[kind], wrong = decode(leaf.content, leaf.charset)
            trouble.note(wrong)
        else:
            parts.append(Part(leaf.filename or "(no name)", kind, len(leaf.content)))
    return Anatomy(
        headers=[(name, decode_words(value)) for name, value in fields],
        text=bodies.get("text/plain", ""),
        html=bodies.get("text/html", ""),
        parts=parts,
        size=len(raw),
        trouble=trouble.defects,
    )
