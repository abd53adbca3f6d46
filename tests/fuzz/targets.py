"""What is fuzzed: functions of bytes that must not raise, and what holds of their answers whatever the bytes are."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from multimail.mail.authenticate import read_evidence
from multimail.mail.markdown import MAX_HIDDEN, MAX_LINKS, read_html
from multimail.mail.mta_sts import PolicyError, read_policy, read_record
from multimail.mail.parse import MAX_SUBJECT, parse
from multimail.mail.quoting import QUOTE_CLOSE, QUOTE_OPEN, SIGNATURE_CLOSE, SIGNATURE_OPEN, split
from multimail.mail.reports import read_report
from multimail.surfaces.smtp_conversation import START_DATA, START_TLS, Conversation, Hello, encode
from multimail.surfaces.smtp_data import DataReader
from multimail.surfaces.smtp_envelope import Reply

CORPUS = Path(__file__).parent.parent / "corpus"
MARKS = (QUOTE_OPEN, QUOTE_CLOSE, SIGNATURE_OPEN, SIGNATURE_CLOSE)


def texts(value: Any) -> Iterator[str]:
    """Every text in what a parser answered."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for one in value.values():
            yield from texts(one)
    elif isinstance(value, (list, tuple)):
        for one in value:
            yield from texts(one)


def mail(raw: bytes) -> None:
    """A message from anybody: read as the worker reads it."""
    message = parse(raw)
    read_evidence(raw, message.authors, 1_790_000_000)
    read_report(raw)
    for text in texts(asdict(message)):
        text.encode()  # no half of a surrogate pair
    for text in (message.subject, message.from_.name, message.from_.address, message.message_id):
        assert not any(character < " " for character in text), text
    for text in (message.markdown, message.quoted, message.signature, *message.hidden):
        assert not any(mark in text for mark in MARKS), text
    assert len(message.subject) <= MAX_SUBJECT
    assert len(message.hidden) <= MAX_HIDDEN and len(message.links) <= MAX_LINKS
    for part in message.attachments:
        assert part.name and part.name not in (".", "..") and not set(part.name) & set("/\\\0\r\n"), part.name


def html(raw: bytes) -> None:
    """A page: what is shown, and that no word of it pretends to be ours."""
    page = raw.decode("utf-8", "replace")
    reading = read_html(page)
    cut = split(reading.markdown, rich=True)
    assert not any(mark in text for mark in MARKS for text in (cut.new, cut.quoted, cut.signature))
    assert "converted" not in "".join(reading.defects), reading.defects
    assert len(reading.hidden) <= MAX_HIDDEN and len(reading.links) <= MAX_LINKS


def smtp(raw: bytes) -> None:
    """A client's octets: each line gets one reply, and DATA ends where it ends however it comes in."""
    conversation = Conversation("mx.test", 1_000, 2, offers_tls=True)
    left = raw
    while b"\r\n" in left:
        line, _, left = left.partition(b"\r\n")
        step = conversation.command(line, more=False)
        if not isinstance(step, Reply | Hello):
            step = conversation.checked(step, None)
        assert encode(step).endswith(b"\r\n") and encode(step).count(b"\r") == encode(step).count(b"\n")
        if step is START_TLS:
            conversation.secured()
        elif step is START_DATA:
            conversation.finish("192.0.2.1")
            left = _data(left)


def _data(octets: bytes) -> bytes:
    """What follows the message. In one piece and in many it is the same message."""
    whole, pieces = DataReader(1_000), DataReader(1_000)
    used, taken = whole.feed(octets), 0
    for at in range(len(octets)):
        end = pieces.feed(octets[at : at + 1])
        taken += 1
        if end is not None:
            break
    else:
        assert used is None
        return b""
    assert used == taken
    first, second = whole.message(), pieces.message()
    assert first == second, (first, second)
    assert isinstance(first, Reply) or first.count(b"\r") == first.count(b"\n") == first.count(b"\r\n")
    return octets[taken:]


def policy(raw: bytes) -> None:
    """A stranger's MTA-STS policy and record."""
    read_record(raw.split(b"\n"))
    try:
        found = read_policy(raw)
    except PolicyError:
        return
    assert all(host.isascii() for host in found.mx) and found.max_age >= 0


TARGETS: Mapping[str, Callable[[bytes], None]] = {"mail": mail, "html": html, "smtp": smtp, "policy": policy}


def seeds(name: str) -> Iterator[bytes]:
    """Where the search begins: the corpus of messages, or what the other targets read."""
    mails = (path.read_bytes() for path in sorted(CORPUS.glob("*.eml")))
    if name == "mail":
        yield from mails
    elif name == "html":
        yield from (page.encode() for raw in mails if (page := parse(raw).html))
    elif name == "smtp":
        yield b"EHLO c.test\r\nMAIL FROM:<a@b.test> SIZE=9 SMTPUTF8\r\nRCPT TO:<\xc3\xa4@x.test>\r\nDATA\r\n..\r\n.\r\n"
        yield b'HELO c.test\r\nMAIL FROM:<>\r\nRCPT TO:<"a b"@[192.0.2.1]>\r\nRSET\r\nSTARTTLS\r\nNOOP\r\nVRFY a\r\n'
    else:
        yield b"version: STSv1\r\nmode: enforce\r\nmx: *.b.example\r\nmax_age: 604800\r\n"
        yield b"v=STSv1; id=20160831085700Z;"
