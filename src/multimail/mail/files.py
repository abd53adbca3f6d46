"""The files of a message: names that are safe to show, to store and to fetch by, and never a path."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from multimail.mail import mime
from multimail.mail.charsets import decode_words, one_line, strip_unseen
from multimail.mail.people import MAX_ID

MAX_NAME_OCTETS = 255

_SUFFIXES = {
    "application/pdf": ".pdf", "image/png": ".png", "image/jpeg": ".jpg", "image/gif": ".gif",
    "text/plain": ".txt",
    "text/html": ".html", "text/calendar": ".ics", "text/csv": ".csv", "message/rfc822": ".eml",
    "message/delivery-status": ".txt", "text/rfc822-headers": ".txt", "application/zip": ".zip",
    "application/pgp-signature": ".asc", "application/pkcs7-signature": ".p7s", "application/json": ".json",
    "text/vcard": ".vcf", "text/x-vcard": ".vcf",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Part:
    """An attachment. `name` is unique in its message, no path, no control characters, at most 255 octets."""

    name: str
    content_type: str
    content: bytes
    content_id: str | None
    inline: bool


def name_files(files: Sequence[mime.Entity]) -> tuple[Part, ...]:
    taken: set[str] = set()
    numbers: dict[str, int] = {}  # the last of each name: else many files of one name take quadratic time
    parts: list[Part] = []
    for entity in files:
        name = _safe_name(entity.filename) or _default_name(entity, len(parts) + 1)
        inline = entity.disposition != "attachment" and bool(entity.content_id)
        unique, again = name, numbers.get(name.casefold(), 1)
        while unique.casefold() in taken:
            again += 1
            stem, dot, suffix = name.rpartition(".")
            unique = _fitted(stem if dot else name, f" ({again}){dot}{suffix if dot else ''}")
        taken.add(unique.casefold())
        numbers[name.casefold()] = again
        content_id = strip_unseen(entity.content_id[:MAX_ID])[0] or None
        parts.append(Part(unique, entity.content_type, entity.content, content_id, inline))
    return tuple(parts)


def _safe_name(claimed: str) -> str:
    """A claimed file name without folders, control or unseen characters; '' when nothing is left."""
    name = strip_unseen(one_line(claimed))[0].replace("\\", "/").rpartition("/")[2]
    name = " ".join(re.sub(r'[<>:"|?*]', "_", name[:2_000]).split()).strip(". ")
    stem, dot, suffix = name.rpartition(".")
    return _fitted(stem, f".{suffix}") if dot and len(suffix) <= 20 else _fitted(name, "")


def _fitted(stem: str, suffix: str) -> str:
    room = MAX_NAME_OCTETS - len(suffix.encode())
    return stem.encode()[: max(room, 0)].decode("utf-8", "ignore").rstrip() + suffix


def _default_name(entity: mime.Entity, number: int) -> str:
    if entity.content_type == "message/rfc822":
        fields, _ = mime.read_headers(entity.content[: mime.MAX_HEADER_BLOCK], mime.Trouble())
        subject = next((value for name, value in fields if name.lower() == "subject"), "")
        title = _safe_name(decode_words(subject).replace("/", "_").replace("\\", "_"))
        return _fitted(title or f"message-{number}", ".eml")
    return f"attachment-{number}{_SUFFIXES.get(entity.content_type, '')}"
