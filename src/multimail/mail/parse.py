"""Inbound mail read once, whatever the bytes: people, subject, the sender's words, files, and what was wrong.

Never raises, takes time in proportion to the bytes, fetches nothing. All of it is a stranger's text.
"""

import calendar as months
import email.utils
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from multimail.mail import calendar, mime, tnef
from multimail.mail.charsets import decode, decode_words, one_line, strip_unseen, whole_characters
from multimail.mail.files import Part, name_files
from multimail.mail.markdown import MAX_HIDDEN, MAX_HTML, MAX_LINKS, read_html
from multimail.mail.people import Person, header_ids, read_people
from multimail.mail.protection import protection, without_armor
from multimail.mail.quoting import Split, inline_forward, split, without_marks

MAX_TEXT = 2_000_000  # characters of text or HTML kept
MAX_SUBJECT = 998  # characters
MAX_FORWARDED = 10  # messages inside that are read
MAX_FORWARDED_WORDS = 20_000  # characters of each

_URL = re.compile(r"https?://[^\s<>\"\u0000-\u001f]{1,2000}+", re.IGNORECASE)
PACKAGED = -2  # the group of what stood in a package: readings of one body
_LINK = re.compile(r"\[([^\[\]]{0,400})\]\([^()\s]{0,1000}\)")


@dataclass(frozen=True, slots=True)
class Forwarded:
    """A message within the message: a file of it called `file`, or text of it, and then `file` is ''.

    `date` is as written. `markdown` is what its sender wrote; of text it is in the message's own words already.
    """

    file: str
    from_: Person
    subject: str
    date: str
    markdown: str


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
    calendar: tuple[calendar.Event, ...]
    forwarded: tuple[Forwarded, ...]
    protection: tuple[str, ...]  # see mail/protection.py
    defects: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Body:
    """The two readings of one piece of the body; either may be ''."""

    text: str
    html: str


def parse(raw: bytes, *, inside: bool = False) -> Message:
    """Read a message of RFC 5322 and MIME. Anything is accepted; see `defects` for what was wrong.

    `inside` is for a message that another carries: what is inside that one stays a file.
    """
    trouble = mime.Trouble()
    if b"\n" not in raw and b"\r" in raw:
        raw = raw.replace(b"\r", b"\n")
    fields, body = mime.read_headers(raw, trouble)
    if not fields:
        trouble.note("The message has no headers.")
    first: dict[str, str] = {}
    for name, value in fields:
        first.setdefault(name.lower(), value)
    entities = list(_unpacked(mime.leaves(fields, body, trouble), trouble))
    bodies, attachments = _contents(entities, trouble)
    text = _bounded("\n\n".join(b.text for b in bodies if b.text), "text", trouble)
    html = "\n".join(b.html for b in bodies if b.html)[:MAX_HTML]
    words, hidden, links = _words(bodies, trouble)
    subject, unseen = strip_unseen(one_line(decode_words(first.get("subject", ""))))
    hidden = (*hidden, *(f"in the subject: {report}" for report in unseen))
    senders = read_people(first.get("from", ""), trouble)
    return Message(
        message_id=next(iter(header_ids(first.get("message-id", ""))), ""),
        in_reply_to=header_ids(first.get("in-reply-to", "")),
        references=header_ids(first.get("references", "")),
        from_=senders[0] if senders else Person("", ""),
        authors=read_people(_all(fields, "from"), trouble),
        reply_to=read_people(first.get("reply-to", ""), trouble),
        to=read_people(_all(fields, "to"), trouble),
        cc=read_people(_all(fields, "cc"), trouble),
        subject=subject[:MAX_SUBJECT].strip(),
        date=_microseconds(first.get("date", ""), trouble),
        headers=tuple((name, one_line(decode_words(value))) for name, value in fields),
        text=text,
        html=html,
        markdown=words.new,
        quoted=words.quoted,
        signature=words.signature,
        hidden=hidden[:MAX_HIDDEN],
        links=links[:MAX_LINKS],
        attachments=attachments,
        calendar=_calendar(entities),
        forwarded=() if inside else tuple(_forwarded(attachments, words)),
        protection=protection(entities, text),
        defects=tuple(trouble.defects),
    )


def unreadable(why: str) -> Message:
    """In place of a message that our own reading failed on: only its source can be read."""
    nobody = Person("", "")
    defect = f"The message could not be read ({why}): look at its source."
    return replace(parse(b"\n"), from_=nobody, defects=(defect,))


def _all(fields: Iterable[tuple[str, str]], wanted: str) -> str:
    """Repeated address fields are one list: RFC 5322 3.6 forbids them, mailers write them."""
    return ", ".join(value for name, value in fields if name.lower() == wanted)


def _microseconds(value: str, trouble: mime.Trouble) -> int | None:
    if not value:
        return None
    try:
        parsed = email.utils.parsedate_tz(value[:200])
        if parsed and 1 <= parsed[0] <= 9999:
            return (months.timegm(parsed[:6]) - (parsed[9] or 0)) * 1_000_000
    except (ValueError, OverflowError, IndexError, TypeError):
        pass  # the library raises all of these on broken dates
    trouble.note("The Date header could not be read.")
    return None


def _unpacked(entities: Iterable[mime.Entity], trouble: mime.Trouble) -> Iterator[mime.Entity]:
    """The same, with what was inside winmail.dat in its place; its words only where no part has any."""
    worded, files = False, 0
    for entity in entities:
        package = None
        if entity.content_type in tnef.TYPES or entity.filename.lower() == "winmail.dat":
            package = tnef.read_tnef(entity.content)
        if package is None:
            worded = worded or (_is_body(entity, False) and not entity.content.isspace())
            yield entity
            continue
        for sentence in package.defects:
            trouble.note(sentence)
        words = {} if worded else {"text/plain": package.text, "text/html": package.html}
        for kind, text in words.items():
            if text.strip():
                yield _packed(kind, text.encode("utf-8", "replace"))
        files += len(package.files)
        if files > mime.MAX_PARTS:
            trouble.note(f"There were more than {mime.MAX_PARTS} files in winmail.dat; others stay packed.")
            yield entity
            continue
        for file in package.files:
            yield _packed(file.content_type, file.content, file)


def _packed(kind: str, content: bytes, file: tnef.File | None = None) -> mime.Entity:
    """A file of a package, or one reading of its words."""
    return mime.Entity(
        content_type=mime.plain_type(kind) or "application/octet-stream",
        charset="utf-8",
        filename=file.name if file else "",
        disposition="attachment" if file else "",
        content_id=file.content_id.strip("<> ") if file else "",
        flowed=False,
        delete_space=False,
        content=content,
        container="tnef",
        group=0 if file else PACKAGED,
    )


def _calendar(entities: Iterable[mime.Entity]) -> tuple[calendar.Event, ...]:
    """Of the parts that say so; the same invitation is often there as a part and as a file."""
    events: list[calendar.Event] = []
    for entity in entities:
        if entity.content_type in calendar.TYPES and len(events) < calendar.MAX_EVENTS:
            text = decode(entity.content[: calendar.MAX_TEXT * 4], entity.charset)[0]
            events.extend(one for one in calendar.read_calendar(text) if one not in events)
    return tuple(events[: calendar.MAX_EVENTS])


def _forwarded(attachments: Iterable[Part], words: Split) -> Iterator[Forwarded]:
    files = [part for part in attachments if part.content_type in ("message/rfc822", "message/global")]
    for part in files[:MAX_FORWARDED]:
        inner = parse(part.content, inside=True)
        date = next((value for name, value in inner.headers if name.lower() == "date"), "")
        yield Forwarded(part.name, inner.from_, inner.subject, date, inner.markdown[:MAX_FORWARDED_WORDS])
    block = inline_forward(words.quoted or words.new)
    if block:
        sender = read_people(_LINK.sub(r"\1", block.get("from", "")), mime.Trouble())
        author = sender[0] if sender else Person("", "")
        yield Forwarded("", author, block.get("subject", "")[:MAX_SUBJECT], block.get("sent", "")[:200], "")


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
    return tuple(bodies), name_files(files)


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
    text = whole_characters(text).replace("\r\n", "\n").replace("\r", "\n").replace("\x00", "")
    text = text[:MAX_HTML] if entity.content_type == "text/html" else _bounded(text, "text", trouble)
    return (
        unflowed(text, entity.delete_space) if entity.flowed and entity.content_type == "text/plain" else text
    )


def _bounded(text: str, what: str, trouble: mime.Trouble) -> str:
    if len(text) > MAX_TEXT:
        trouble.note(f"The {what} was longer than {MAX_TEXT} characters and was cut.")
    return text[:MAX_TEXT]


def unflowed(text: str, delete_space: bool) -> str:
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
        letters = _letters(reading.markdown) if reading else 0
        if reading and (letters * 2 >= _letters(body.text) or reading.hidden):
            pieces.append(reading.markdown)
            rich = True
        else:
            pieces.append(without_marks(without_armor(body.text)))
        if reading:
            hidden.extend(strip_unseen(one_line(entry))[0] for entry in reading.hidden)
            links.extend(reading.links)
            for defect in reading.defects:
                trouble.note(defect)
        else:
            links.extend((url.rstrip(".,;:!?)'"), url.rstrip(".,;:!?)'")) for url in _urls(body.text))
    whole, unseen = strip_unseen("\n\n".join(pieces).replace("\u00a0", " ").replace("\u2028", "\n"))
    words = split(whole, rich=rich)
    shown = tuple((strip_unseen(one_line(text))[0], one_line(target)) for text, target in links[:MAX_LINKS])
    return words, (*hidden, *unseen), tuple(dict.fromkeys(shown))


def _letters(text: str) -> int:
    """How much is written, roughly: all but white space."""
    return sum(map(len, text[:MAX_TEXT].split()))


def _urls(text: str) -> list[str]:
    return [match[0] for match, _ in zip(_URL.finditer(text), range(MAX_LINKS), strict=False)]
