"""Pages from templates: everything is escaped, and what nobody could see is shown as what it is."""

import asyncio
import gzip
import hashlib
import json
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape
from starlette.responses import Response

from multimail.core.address import AddressError, ascii_domain, normalise
from multimail.core.risk import weight_of
from multimail.mail.charsets import strip_unseen
from multimail.surfaces.http_answers import disposition

FOLDER: Final = Path(__file__).parent
MARKS: Final = 100  # in one text: beyond that, hidden characters are counted and not shown one by one
RUN: Final = 3  # of a run of hidden characters, how many are named
CLIP: Final = 256 * 1024  # characters of one text: outbound bodies are never longer, inbound ones may be

KINDS: Final = {
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
    ".js": "text/javascript; charset=utf-8",
}


@dataclass(frozen=True, slots=True)
class Static:
    """A file of ours. `packed` is it in gzip; pages are never packed: they hold secrets beside strangers' words."""

    kind: str
    content: bytes
    packed: bytes
    version: str


def _static(path: Path) -> Static:
    content = path.read_bytes()
    packed = gzip.compress(content, 9, mtime=0)
    return Static(KINDS[path.suffix], content, packed, hashlib.sha256(content).hexdigest()[:12])


STATIC: Final = {
    path.name: _static(path) for path in sorted((FOLDER / "static").rglob("*")) if path.suffix in KINDS
}
PAGE_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; frame-src 'self'; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
# Of a message's HTML nothing runs, nothing loads, and it has an origin of its own. Its styles are in the text.
FRAME_POLICY: Final = (
    "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; form-action 'none'; "
    "base-uri 'none'; frame-ancestors 'self'"
)
# A stranger's picture or text: nothing of it is markup.
FILE_POLICY: Final = "sandbox; default-src 'none'; frame-ancestors 'self'"


def reveal(text: str) -> Markup:
    """Escaped text in which control, bidi and invisible characters stand as marks like U+202E."""
    text = text.replace("\r\n", "\n")
    rest = f" … {len(text) - CLIP} more characters are not shown here." if len(text) > CLIP else ""
    text = text[:CLIP]
    seen, _ = strip_unseen(text)
    return (escape(text) if seen == text else _marked(text, seen)) + escape(rest)


def _marked(text: str, seen: str) -> Markup:
    """`seen` is `text` without some of its characters: those that are missing become marks."""
    out: list[Markup] = []
    plain: list[str] = []
    run: list[str] = []
    marks, uncounted, at = 0, 0, 0

    def end_run() -> None:
        nonlocal marks, uncounted
        if run and marks < MARKS:
            out.append(escape("".join(plain)) + _mark(run))
            plain.clear()
            marks += 1
        else:
            uncounted += len(run)
        run.clear()

    for character in text:
        if at < len(seen) and character == seen[at]:
            end_run()
            plain.append(character)
            at += 1
        else:
            run.append(character)
    end_run()
    out.append(escape("".join(plain)))
    if uncounted:
        out.append(Markup('<span class="unseen">and {} more unseen characters</span>').format(uncounted))
    return Markup("").join(out)


def _mark(run: list[str]) -> Markup:
    names = " ".join(f"U+{ord(character):04X}" for character in run[:RUN])
    more = f" and {len(run) - RUN} more" if len(run) > RUN else ""
    return Markup('<span class="unseen">{}{}</span>').format(names, more)


def address(text: str) -> Markup:
    """An address, with the domain's A-labels beside it where letters of other scripts could look alike."""
    domain = text.rpartition("@")[2]
    if domain.isascii():
        return reveal(text)
    try:
        exact = ascii_domain(domain)
    except AddressError:
        exact = "not a domain name"
    return reveal(text) + Markup(' <span class="unseen">{}</span>').format(exact)


def host(text: str) -> str:
    """The domain of an address as it is compared, '' where there is none."""
    try:
        return normalise(text).rpartition("@")[2]
    except AddressError:
        return ""


def moment(rfc3339: str) -> str:
    """`21 Sep 2026, 10:13 UTC` of `2026-09-21T10:13:20.123Z`."""
    return datetime.fromisoformat(rfc3339).strftime("%-d %b %Y, %H:%M UTC")


def size(octets: int) -> str:
    amount, unit = float(octets), "bytes"
    for larger in ("KiB", "MiB"):
        if amount < 1000:
            break
        amount, unit = amount / 1024, larger
    return f"{amount:.0f} {unit}" if unit == "bytes" or amount >= 10 else f"{amount:.1f} {unit}"


def words(value: object) -> str:
    """A metadata value: text as it is, anything else as JSON."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def pretty(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, indent=2)


def header_text(headers: list[list[str]]) -> str:
    return "\n".join(f"{name}: {value}" for name, value in headers)


def plain(text: str) -> str:
    """Text for a title or a label, where marks can't stand: what is not seen is left out."""
    return strip_unseen(text[:CLIP])[0]


def quoted(text: str) -> str:
    """For a value in a URL."""
    return quote(text.encode("utf-8", "replace"), safe="")


# sign (core/risk.py) → the word on a chip
SIGN_WORDS: Final = {
    "look_alike": "look-alike",
    "leak": "leak",
    "tells_on_reader": "tracking",
    "machine": "answers a machine",
    "hidden": "hidden words",
    "defect": "unreadable part",
    "reply_to_differs": "Reply-To differs",
    "sender_unproven": "sender unproven",
    "read_elsewhere": "read others' mail",
    "new_link": "new link",
    "first_contact": "first contact",
    "near_duplicate": "near duplicate",
    "bcc": "Bcc",
    "html_given": "own HTML",
    "attachment": "attachment",
    "edited": "edited",
    "read_before": "read before",
    "listed_before": "saw subjects",
    "read_unknown": "read before?",
}


def sign_word(sign: str) -> str:
    return SIGN_WORDS.get(sign, sign.replace("_", " "))


def weight(sign: str) -> str:
    return weight_of(sign).value


def _environment() -> Environment:
    made = Environment(
        loader=FileSystemLoader(FOLDER / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    made.filters |= {
        "reveal": reveal,
        "plain": plain,
        "quoted": quoted,
        "address": address,
        "host": host,
        "moment": moment,
        "size": size,
        "words": words,
        "pretty": pretty,
        "header_text": header_text,
        "sign": sign_word,
        "weight": weight,
    }
    made.globals["versions"] = {name: file.version for name, file in STATIC.items()}
    return made


ENVIRONMENT: Final = _environment()


async def page(template: str, status: int = 200, **values: Any) -> Response:
    """A page of ours. Large mail takes a while to escape, so that happens on a thread.

    No-store, no-referrer and the ban on frames come from the headers that every answer gets (surfaces/http.py).
    """
    text = await asyncio.to_thread(ENVIRONMENT.get_template(template).render, **values)
    headers = {"Content-Security-Policy": PAGE_POLICY, "Cross-Origin-Opener-Policy": "same-origin"}
    return Response(text.encode("utf-8", "replace"), status, headers, "text/html; charset=utf-8")


def frame(html: str, status: int = 200) -> Response:
    """A message's own HTML, for a sandboxed frame on our pages and nowhere else."""
    headers = {"Content-Security-Policy": FRAME_POLICY, "X-Frame-Options": "SAMEORIGIN"}
    return Response(html.encode("utf-8", "replace"), status, headers, "text/html; charset=utf-8")


def file(content: bytes, kind: str, name: str | None = None) -> Response:
    """A stranger's file: with a name it is downloaded, without one shown as a picture or as plain text."""
    headers = {"Content-Security-Policy": FILE_POLICY, "X-Frame-Options": "SAMEORIGIN"}
    if name is not None:
        headers["Content-Disposition"] = disposition(name).decode("ascii")
    return Response(content, 200, headers, kind)
