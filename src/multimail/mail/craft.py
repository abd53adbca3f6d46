"""A whole message from a draft, with all that is said about it: what goes into the transaction that keeps it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from multimail.core.address import normalise
from multimail.core.duplicates import sketch
from multimail.core.findings import Finding
from multimail.core.revision import revision
from multimail.mail.compose import Draft, compose
from multimail.mail.leaks import find_leaks
from multimail.mail.markdown import read_html
from multimail.mail.parse import parse
from multimail.mail.people import header_ids
from multimail.mail.render import sanitised_page


@dataclass(frozen=True, slots=True)
class Crafted:
    """`headers` are name and value, unfolded, in order; `hidden` names what no reader would see of given HTML;
    `sketch` is what near duplicates are known by (core/duplicates.py)."""

    raw: bytes
    headers: list[list[str]]
    hidden: tuple[str, ...]
    revision: str
    sketch: str
    findings: tuple[Finding, ...] = ()


def craft(draft: Draft, envelope: Sequence[str], quotable: str | None = None) -> Crafted:
    """The message for the recipients of `envelope`, Bcc included. `quotable` is what it may quote, None where that is
    not known. Raises ComposeError."""
    raw = compose(draft)
    return Crafted(
        raw=raw,
        headers=header_list(raw),
        hidden=() if draft.html is None else tuple(read_html(sanitised_page(draft.html)).hidden),
        revision=revision(draft.from_.address, envelope, raw),
        sketch=sketch(f"{draft.subject}\n{draft.markdown or draft.html or ''}"),
        findings=_leaks(draft, envelope, quotable),
    )


def _leaks(draft: Draft, envelope: Sequence[str], quotable: str | None) -> tuple[Finding, ...]:
    given = (("subject", draft.subject), ("html", draft.html), ("markdown", draft.markdown))
    texts = [(part, text) for part, text in given if text]
    files = [(file.name, file.content_type, file.content) for file in draft.attachments]
    return find_leaks(texts, files, envelope, quotable)


def header_list(raw: bytes) -> list[list[str]]:
    """The headers of a message that we composed ourselves."""
    head = raw[: raw.index(b"\r\n\r\n")].decode("utf-8").replace("\r\n ", " ").replace("\r\n\t", " ")
    return [[name, value] for name, _, value in (line.partition(": ") for line in head.split("\r\n"))]


def names_in(headers: Sequence[Sequence[str]]) -> Mapping[str, str]:
    """Normalised address to display name, of everybody whom the headers of a message of ours name."""
    head = "".join(f"{name}: {value}\r\n" for name, value in headers).encode()
    message = parse(head + b"\r\n")
    people = (*message.to, *message.cc, *message.reply_to)
    return {normalise(person.address): person.name for person in people}


def references_in(headers: Sequence[Sequence[str]]) -> tuple[str, ...]:
    """The message ids that our own message refers to, without angle brackets."""
    return header_ids(next((value for name, value in headers if name == "References"), ""))
