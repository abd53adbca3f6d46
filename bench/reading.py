"""How fast mail that came in is read, on one core: ordinary mail of 40 KB, and 25 MiB made to be slow.

Everything that a message costs before the transaction that keeps it is counted: parsing, authentication's evidence,
reports, leaks of nothing.
"""

import statistics
import time
from collections.abc import Callable, Iterator

from multimail.mail.authenticate import read_evidence
from multimail.mail.parse import parse
from multimail.mail.reports import read_report

SIZE = 40 * 1024
MAILS = 60
LARGEST = 25 * 1024 * 1024

_TOP = "From: Ann <ann@a.example>\r\nTo: me@b.example\r\nSubject: {}\r\nMessage-ID: <{}@a.example>\r\nMIME-Version: 1.0\r\n"
_WORDS = (
    "The quick brown fox jumps over the lazy dog, and nobody minds; see https://shop.example/fox for more. "
)


def _newsletter(number: int) -> bytes:
    """Layout tables with inline styles, a preheader, links and pictures, as newsletters are."""
    cell = (
        '<tr><td style="font-family:Arial;font-size:14px;color:#333333;padding:8px 24px" align="left"><p style="margin:0">'
        f'{_WORDS}</p><a href="https://shop.example/p?id={number}" style="color:#0055aa"><b>Look</b></a>'
        '<img src="https://shop.example/i.png" width="560" alt="A fox"></td></tr>'
    )
    rows = cell * (SIZE // len(cell))
    page = f'<div style="display:none">Preview</div><table width="600" role="presentation">{rows}</table>'
    return (_TOP.format("News", number) + "Content-Type: text/html; charset=utf-8\r\n\r\n" + page).encode()


def _conversation(number: int) -> bytes:
    """A plain answer above a long history, and the same as HTML."""
    line = "> " + _WORDS + "\r\n"
    text = "Yes.\r\n\r\nOn 2 Nov 2026 10:00, Bob <bob@b.example> wrote:\r\n" + line * (SIZE // 3 // len(line))
    paragraph = f"<div>{_WORDS}</div>"
    quote = paragraph * (SIZE * 2 // 3 // len(paragraph))
    html = (
        f'<div>Yes.</div><div class="gmail_quote"><blockquote class="gmail_quote">{quote}</blockquote></div>'
    )
    kind = 'Content-Type: multipart/alternative; boundary="b"\r\n\r\n'
    parts = f"--b\r\nContent-Type: text/plain\r\n\r\n{text}\r\n--b\r\nContent-Type: text/html\r\n\r\n{html}\r\n--b--\r\n"
    return (_TOP.format("Re: News", number) + kind + parts).encode()


def _with_file(number: int) -> bytes:
    body = "QUJD" * 19 + "\r\n"
    file = "Content-Type: application/pdf; name=a.pdf\r\nContent-Transfer-Encoding: base64\r\n\r\n" + body * (
        SIZE // 78
    )
    kind = 'Content-Type: multipart/mixed; boundary="b"\r\n\r\n'
    return (_TOP.format("File", number) + f"{kind}--b\r\n\r\n{_WORDS}\r\n--b\r\n{file}--b--\r\n").encode()


def throughput() -> float:
    """Mails a second: a third each of newsletters, conversations and mails with a file; the median of three rounds."""
    mails = [
        make(number) for number in range(MAILS // 3) for make in (_newsletter, _conversation, _with_file)
    ]
    rounds = []
    for _ in range(3):
        began = time.process_time()
        for raw in mails:
            read(raw)
        rounds.append(len(mails) / (time.process_time() - began))
    return statistics.median(rounds)


def read(raw: bytes) -> None:
    message = parse(raw)
    read_evidence(raw, message.authors, 0)
    read_report(raw)


_HTML = b"From: a@b.example\r\nContent-Type: text/html\r\n\r\n"
_PLAIN = b"From: a@b.example\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n"
_PARTS = b"From: a@b.example\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n"
_REPORT = b"From: mailer-daemon@b.example\r\nSubject: Delivery failure\r\n\r\n"
# what each is, its beginning, and the piece that is repeated up to 25 MiB
HOSTILE: tuple[tuple[str, bytes, bytes], ...] = (
    ("paragraphs", _HTML, b"<p>hello</p>"), ("brackets", _HTML, b"<"), ("ampersands", _HTML, b"&"), ("divs", _HTML, b"<div>"),
    ("tables", _HTML, b"<table><tr><td>a"), ("comments", _HTML, b"<!-- x -->"), ("hidden words", _HTML, b"<i hidden>x</i>y"),
    ("style sheets", _HTML, b"<style>.a{display:none}</style>"),
    ("rules", _HTML, b"<style>.a .b{color:red}</style><i class=b>x"), ("links", _HTML, b"<a href='x'>z</a> "),
    ("quotes", _PLAIN, b"> a\r\n"), ("attributions", _PLAIN, b"On 1 Jan 2020 10:10, a@b.c wrote:\r\n"), ("lines", _PLAIN, b"\r\n"),
    ("invisible characters", _PLAIN, "a\u200b".encode()), ("armor", _PLAIN, b"-----BEGIN PGP SIGNED MESSAGE-----\r\n\r\n"),
    ("header fields", b"", b"A: b\r\n"), ("one field", b"Subject: ", b"=?utf-8?q?a?= "), ("addresses", b"To: ", b"a@b.c,"),
    ("parts", _PARTS, b"--b\r\n\r\nx\r\n"), ("near boundaries", _PARTS, b"--bx\r\n"),
    ("messages within", _PARTS, b"--b\r\nContent-Type: message/rfc822\r\n\r\nSubject: x\r\n\r\n<p>\r\n"),
    ("events", b"Content-Type: text/calendar\r\n\r\nBEGIN:VCALENDAR\r\n", b"BEGIN:VEVENT\r\nEND:VEVENT\r\n"),
    ("base64", b"Content-Type: text/html\r\nContent-Transfer-Encoding: base64\r\n\r\n", b"PHA+" * 18 + b"\r\n"),
    ("prose of a bounce", _REPORT, b"550 5.1.1 <a@b.example> "),
)  # fmt: skip


def hostile() -> Iterator[tuple[str, bytes]]:
    for what, beginning, piece in HOSTILE:
        yield what, beginning + piece * ((LARGEST - len(beginning)) // len(piece))
    style = "".join(f"<i style='color:#{n:06x};font-size:{n}px'>x</i>" for n in range(480_000))
    yield "styles, none alike", _HTML + style.encode()[: LARGEST - len(_HTML)]


def worst(told: Callable[[str], None]) -> tuple[float, str]:
    """The slowest of the hostile ones: seconds of CPU, and which it is."""
    slowest = (0.0, "")
    for what, raw in hostile():
        began = time.process_time()
        read(raw)
        seconds = time.process_time() - began
        told(f"  25 MiB of {what}: {seconds:.2f} s")
        slowest = max(slowest, (seconds, what))
    return slowest
