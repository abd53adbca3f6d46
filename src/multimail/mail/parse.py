"""Inbound mail read once, whatever the bytes: people, subject, the sender's words, files, and what was wrong.

Never raises, takes time in proportion to the bytes, fetches nothing. All of it is a stranger's text.
"""

import calendar
import email.utils
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from multimail.mail import mime
from multimail.mail.charsets import decode, decode_words, strip_unseen
from multimail.mail.markdown import MAX_HIDDEN, MAX_HTML, MAX_LINKS, read_html
from multimail.mail.quoting import Split, split, without_marks

MAX_TEXT = 2_000_000  # characters of text or HTML kept
MAX_ADDRESSES = 1_000
MAX_IDS, MAX_ID = 200, 998
MAX_SUBJECT = 998  # characters
MAX_NAME_OCTETS = 255

_ID = re.compile(r"<([^<>]++)>")
_BARE_ID = re.compile(r"[^\s<>@,;\"()]{1,400}+@[^\s<>@,;\"()]{1,500}+")
_ADDRESS_TOKEN = re.compile(
    r"""("(?:[^"\\]++|\\.)*+"?)|(<[^<>]*+>?)|([()])|([,;:])|(\\.)|([^"<>(),;:\\]++|.)""", re.DOTALL
)
_QUOTED_STRING = re.compile(r'"((?:[^"\\]++|\\.)*+)"?', re.DOTALL)
_QUOTED_PAIR = re.compile(r"\\(.)", re.DOTALL)
_URL = re.compile(r"https?://[^\s<>\"\u0000-\u001f]{1,2000}+", re.IGNORECASE)
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]+")
_SURROGATE = re.compile("[\ud800-\udfff]")
_SUFFIXES = {
    "application/pdf": ".pdf", "image/png": ".png", "image/jpeg": ".jpg", "image/gif": ".gif",
    "text/plain": ".txt",
    "text/html": ".html", "text/calendar": ".ics", "text/csv": ".csv", "message/rfc822": ".eml",
    "message/delivery-status": ".txt", "text/rfc822-headers": ".txt", "application/zip": ".zip",
    "application/pgp-signature": ".asc", "application/pkcs7-signature": ".p7s", "application/json": ".json",
    "text/vcard": ".vcf", "text/x-vcard": ".vcf",
}  # fmt: skip
_AUTOMATIC_PRECEDENCE = ("bulk", "junk", "list", "auto_reply")


@dataclass(frozen=True, slots=True)
class Person:
    """A mailbox as the sender wrote it; `address` is bare with its domain in lower case, '' if absent."""

    name: str
    address: str


@dataclass(frozen=True, slots=True)
class Part:
    """An attachment. `name` is unique in its message, no path, no control characters, at most 255 octets."""

    name: str
    content_type: str
    content: bytes
    content_id: str | None
    inline: bool


@dataclass(frozen=True, slots=True)
class Message:
    """A mail read. Ids come without <>; `date` is in microseconds since 1970 UTC, as the sender claims.

    `authors` are all that From headers name, of which `from_` is shown: a message of several is nobody's.
    `text` and `html` are the bodies as received; `markdown` holds the sender's new words, `quoted` the
    history, `hidden` what no reader would see, `defects` sentences for a person.
    """

    message_id: str
    in_reply_to: tuple[str, ...]
    references: tuple[str, ...]
    from_: Person
    authors: tuple[Person, ...]
    reply_to: tuple[Person, ...]
    to: tuple[Person, ...]
    cc: tuple[Person, ...]
    subject: str
    date: int | None
    headers: tuple[tuple[str, str], ...]
    text: str
    html: str
    markdown: str
    quoted: str
    signature: str
    hidden: tuple[str, ...]
    links: tuple[tuple[str, str], ...]
    attachments: tuple[Part, ...]
    auto_submitted: bool
    defects: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Body:
    """The two readings of one piece of the body; either may be ''."""

    text: str
    html: str


def parse(raw: bytes) -> Message:
    """Read a message of RFC 5322 and MIME. Anything is accepted; see `defects` for what was wrong."""
    trouble = mime.Trouble()
    if b"\n" not in raw and b"\r" in raw:
        raw = raw.replace(b"\r", b"\n")
    fields, body = mime.read_headers(raw, trouble)
    if not fields:
        trouble.note("The message has no headers.")
    first: dict[str, str] = {}
    for name, value in fields:
        first.setdefault(name.lower(), value)
    bodies, attachments = _contents(list(mime.leaves(fields, body, trouble)), trouble)
    text = _bounded("\n\n".join(b.text for b in bodies if b.text), "text", trouble)
    html = "\n".join(b.html for b in bodies if b.html)[:MAX_HTML]
    words, hidden, links = _words(bodies, trouble)
    subject, unseen = strip_unseen(_one_line(decode_words(first.get("subject", ""))))
    hidden = (*hidden, *(f"in the subject: {report}" for report in unseen))
    senders = _people(first.get("from", ""), trouble)
    return Message(
        message_id=next(iter(header_ids(first.get("message-id", ""))), ""),
        in_reply_to=header_ids(first.get("in-reply-to", "")),
        references=header_ids(first.get("references", "")),
        from_=senders[0] if senders else Person("", ""),
        authors=_people(_all(fields, "from"), trouble),
        reply_to=_people(first.get("reply-to", ""), trouble),
        to=_people(_all(fields, "to"), trouble),
        cc=_people(_all(fields, "cc"), trouble),
        subject=subject[:MAX_SUBJECT].strip(),
        date=_microseconds(first.get("date", ""), trouble),
        headers=tuple((name, _one_line(decode_words(value))) for name, value in fields),
        text=text,
        html=html,
        markdown=words.new,
        quoted=words.quoted,
        signature=words.signature,
        hidden=hidden[:MAX_HIDDEN],
        links=links[:MAX_LINKS],
        attachments=attachments,
        auto_submitted=_is_automatic(first),
        defects=tuple(trouble.defects),
    )


def header_ids(value: str) -> tuple[str, ...]:
    """The message ids of a References or In-Reply-To value (RFC 5322 3.6.4), in order, each once, without <>.

    Ids without brackets are taken when none has them. Of more than 200 the first and the newest 199 are kept.
    """
    value = value[: mime.MAX_HEADER]
    found = [match[1] for match in _ID.finditer(value)] or _BARE_ID.findall(value)
    clean = ("".join(_CONTROL.sub("", one).split()) for one in found)
    ids = tuple(dict.fromkeys(one for one in clean if one and len(one) <= MAX_ID))
    return ids if len(ids) <= MAX_IDS else (ids[0], *ids[1 - MAX_IDS :])


def _all(fields: Iterable[tuple[str, str]], wanted: str) -> str:
    """Repeated address fields are one list: RFC 5322 3.6 forbids them, mailers write them."""
    return ", ".join(value for name, value in fields if name.lower() == wanted)


def _one_line(value: str) -> str:
    return _CONTROL.sub(" ", _SURROGATE.sub("\ufffd", value)).strip()


def _people(value: str, trouble: mime.Trouble) -> tuple[Person, ...]:
    """An address list (RFC 5322 3.4), groups flattened, read as leniently as mail clients do."""
    people: list[Person] = []
    words: list[str] = []
    comment: list[str] = []
    angle: str | None = None
    depth = 0
    for quoted, angled, paren, stop, pair, plain in _ADDRESS_TOKEN.findall(value[: mime.MAX_HEADER]):
        if paren:
            depth = max(depth + (1 if paren == "(" else -1), 0)
        elif depth:
            comment.append(quoted or angled or stop or pair or plain)
        elif stop in (",", ";"):
            _add(people, words, comment, angle)
            words, comment, angle = [], [], None
        elif stop == ":":
            words, comment = [], []  # what came before was a group's name
        elif angled and angle is None:
            angle = angled.strip("<>")
        else:
            words.append(quoted or angled or pair or plain)
        if len(people) >= MAX_ADDRESSES:
            trouble.note(
                f"There were more than {MAX_ADDRESSES} addresses in a header; the rest was left out."
            )
            return tuple(people)
    _add(people, words, comment, angle)
    return tuple(people)


def _add(people: list[Person], words: Sequence[str], comment: Sequence[str], angle: str | None) -> None:
    phrase = "".join(words).strip()
    if angle is None:
        address = _address(phrase)
        name = "".join(comment) if address else phrase
    else:
        address, name = _address(angle), phrase or "".join(comment)
        if not phrase and not address and angle.strip():
            name = angle
    if '"' in name:
        name = _QUOTED_STRING.sub(lambda match: _QUOTED_PAIR.sub(r"\1", match[1]), name)
    name = " ".join(strip_unseen(_one_line(decode_words(name)))[0].split())[:MAX_SUBJECT]
    if name or address:
        people.append(Person(name, address))


def _address(text: str) -> str:
    """local@domain with the domain in lower case; '' when this is no address or holds what nobody sees."""
    text = _SURROGATE.sub("", text).strip().removeprefix("mailto:")
    if text.startswith("@") and ":" in text:
        text = text.rpartition(":")[2]
    local, at, domain = text.rpartition("@")
    if not at or not local or not domain or len(text) > 320 or strip_unseen(text)[0] != text:
        return ""
    if " " in domain or (any(map(str.isspace, local)) and not (local[0] == local[-1] == '"')):
        return ""
    domain = domain.rstrip(".").lower()
    return f"{local}@{domain}" if domain and not set(domain) & set('<>()",;\\') else ""


def _microseconds(value: str, trouble: mime.Trouble) -> int | None:
    if not value:
        return None
    try:
        parsed = email.utils.parsedate_tz(value[:200])
        if parsed and 1 <= parsed[0] <= 9999:
            return (calendar.timegm(parsed[:6]) - (parsed[9] or 0)) * 1_000_000
    except (ValueError, OverflowError, IndexError, TypeError):
        pass  # the library raises all of these on broken dates
    trouble.note("The Date header could not be read.")
    return None


def _is_automatic(first: dict[str, str]) -> bool:
    """RFC 3834 5 (anything but 'no' is automatic), and the older fields that mean the same."""
    submitted = first.get("auto-submitted", "no").partition(";")[0].strip().lower()
    precedence = first.get("precedence", "").strip().lower()
    replies = ("x-autoreply", "x-autorespond", "x-auto-response-suppress")
    return (
        submitted not in ("no", "")
        or precedence in _AUTOMATIC_PRECEDENCE
        or any(one in first for one in replies)
    )


def _contents(
    entities: Sequence[mime.Entity], trouble: mime.Trouble
) -> tuple[tuple[_Body, ...], tuple[Part, ...]]:
    """The bodies to read, in order, and everything else as attachments."""
    bodies: list[_Body] = []
    files: list[mime.Entity] = []
    current = -1  # the multipart/alternative whose readings are being joined
    for entity in entities:
        if not _is_body(entity, bool(bodies)):
            if entity.content_type != "text/x-amp-html":
                files.append(entity)
            continue
        text = _decoded(entity, trouble)
        body = _Body("", text) if entity.content_type == "text/html" else _Body(text, "")
        if entity.group and entity.group == current:
            last = bodies[-1]
            bodies[-1] = _Body(_both(last.text, body.text), _both(last.html, body.html))
        elif text.strip():
            bodies.append(body)
            current = entity.group
    return tuple(bodies), _named(files)


def _both(first: str, second: str) -> str:
    return f"{first}\n\n{second}" if first and second else first or second


def _is_body(entity: mime.Entity, has_body: bool) -> bool:
    kind = entity.content_type
    if entity.disposition == "attachment" or not kind.startswith("text/"):
        return False
    if kind in ("text/plain", "text/html"):
        return not (has_body and entity.filename)
    return kind in ("text/enriched", "text/markdown", "text/x-markdown") and not entity.filename


def _decoded(entity: mime.Entity, trouble: mime.Trouble) -> str:
    text, wrong = decode(entity.content[: MAX_HTML * 4], entity.charset)
    trouble.note(wrong)
    text = _SURROGATE.sub("\ufffd", text).replace("\r\n", "\n").replace("\r", "\n").replace("\x00", "")
    text = text[:MAX_HTML] if entity.content_type == "text/html" else _bounded(text, "text", trouble)
    return (
        _unflowed(text, entity.delete_space)
        if entity.flowed and entity.content_type == "text/plain"
        else text
    )


def _bounded(text: str, what: str, trouble: mime.Trouble) -> str:
    if len(text) > MAX_TEXT:
        trouble.note(f"The {what} was longer than {MAX_TEXT} characters and was cut.")
    return text[:MAX_TEXT]


def _unflowed(text: str, delete_space: bool) -> str:
    """Undo format=flowed (RFC 3676 4): lines ending in a space go on in the next of the same quote depth."""
    out: list[str] = []
    depth_before, flowing = 0, False
    for line in text.split("\n"):
        content = line.lstrip(">")
        depth = len(line) - len(content)
        content = content.removeprefix(" ")
        if flowing and depth == depth_before:
            out.append(content)
        else:
            out.append(("\n" if out else "") + (">" * depth + " " if depth else "") + content)
        flowing = content.endswith(" ") and content != "-- "
        if flowing and delete_space:
            out[-1] = out[-1][:-1]
        depth_before = depth
    return "".join(out)


def _named(files: Sequence[mime.Entity]) -> tuple[Part, ...]:
    taken: set[str] = set()
    parts: list[Part] = []
    for entity in files:
        name = _safe_name(entity.filename) or _default_name(entity, len(parts) + 1)
        inline = entity.disposition != "attachment" and bool(entity.content_id)
        unique, again = name, 1
        while unique.casefold() in taken:
            again += 1
            stem, dot, suffix = name.rpartition(".")
            unique = _fitted(stem if dot else name, f" ({again}){dot}{suffix if dot else ''}")
        taken.add(unique.casefold())
        content_id = strip_unseen(entity.content_id[:MAX_ID])[0] or None
        parts.append(Part(unique, entity.content_type, entity.content, content_id, inline))
    return tuple(parts)


def _safe_name(claimed: str) -> str:
    """A claimed file name without folders, control or unseen characters; '' when nothing is left."""
    name = strip_unseen(_one_line(claimed))[0].replace("\\", "/").rpartition("/")[2]
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


def _words(
    bodies: Sequence[_Body], trouble: mime.Trouble
) -> tuple[Split, tuple[str, ...], tuple[tuple[str, str], ...]]:
    """The new words, history and signature of all bodies, what was hidden, and the links."""
    pieces: list[str] = []
    hidden: list[str] = []
    links: list[tuple[str, str]] = []
    rich = False
    for body in bodies:
        reading = read_html(body.html) if body.html else None
        letters = sum(map(str.isalnum, reading.markdown)) if reading else 0
        if reading and (letters * 2 >= sum(map(str.isalnum, body.text[:MAX_TEXT])) or reading.hidden):
            pieces.append(reading.markdown)
            rich = True
        else:
            pieces.append(without_marks(body.text))
        if reading:
            hidden.extend(strip_unseen(_one_line(entry))[0] for entry in reading.hidden)
            links.extend(reading.links)
            for defect in reading.defects:
                trouble.note(defect)
        else:
            links.extend((url.rstrip(".,;:!?)'"), url.rstrip(".,;:!?)'")) for url in _urls(body.text))
    whole, unseen = strip_unseen("\n\n".join(pieces).replace("\u00a0", " ").replace("\u2028", "\n"))
    words = split(whole, rich=rich)
    shown = tuple((strip_unseen(_one_line(text))[0], _one_line(target)) for text, target in links[:MAX_LINKS])
    return words, (*hidden, *unseen), tuple(dict.fromkeys(shown))


def _urls(text: str) -> list[str]:
    return [match[0] for match, _ in zip(_URL.finditer(text), range(MAX_LINKS), strict=False)]
