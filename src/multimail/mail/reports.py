"""What machines say about mail that we sent: bounces (RFC 3464, RFC 6533, and in prose) and complaints (RFC 5965).

Pure reading of a stranger's bytes: whether a report counts is not decided here.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from multimail.mail import mime
from multimail.mail.charsets import decode, decode_words

MAX_PROSE: Final = 64 * 1024  # characters of text that are searched
MAX_RECIPIENTS: Final = 100
MAX_SUBJECT: Final = 998  # characters
MAX_DIAGNOSTIC: Final = 500  # characters

# A permanent refusal of this message, or for now, says nothing against the address (RFC 3463 3).
_SOFT: Final = re.compile(r"4\.\d+\.\d+|5\.2\.[23]|5\.3\.[14]|5\.4\.[1567]|5\.6\.\d+|5\.7\.\d+")
_ADDRESS: Final = re.compile(
    r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]{1,64}@[A-Za-z0-9](?:[A-Za-z0-9.-]{0,251}[A-Za-z0-9])?"
)
_STATUS: Final = re.compile(r"(?<![\d.])([245]\.\d{1,3}\.\d{1,3})(?![\d.])")
_REPLY: Final = re.compile(r"(?<![\d.:-])([45])\d\d(?=[ -]|$)", re.MULTILINE)
_MACHINE: Final = re.compile(
    r"mailer-?daemon|po+stmaster|\bmmsc|no-?reply@\d+\.|mail[- ]?delivery|mail administrator"
    r"|delivery subsystem|mmdf|bounce|smtp server",
    re.IGNORECASE,
)
# What a machine's words say where its subject says nothing.
_UNDELIVERED: Final = re.compile(
    r"(?:could|can) ?not be delivered|not a member of this mailing list|delivery .{0,40}fail", re.IGNORECASE
)
# A notice of Amazon SES as its mail topics forward it: JSON, within JSON or broken by the line length.
_NOTICE: Final = re.compile(r'"emailAddress":"([^"]{3,320})"([^}]{0,1000})')
_NOTICE_FIELD: Final = re.compile(r'"(action|status|diagnosticCode)":"([^"]{0,500})"')
_SUBJECT: Final = re.compile(
    r"undeliver|deliver(?:y|ed)[^a-z]{0,3}(?:status|fail|problem|error|notification|report|delay|incomplete)"
    r"|(?:not|un|fail\w{0,10})[ -](?:be )?deliver|non-?deliver|returned (?:mail|to sender|message)"
    r"|mail (?:error|failure)|failure (?:notice|delivery)|delivery|deferred|rejected|mail system error"
    r"|user unknown|message you sent|error sending your mail|mail failed|delayed \d+ hours"
    r"|не доставлено|配信できません",
    re.IGNORECASE,
)
_TEMPORARY: Final = re.compile(
    r"temporar|try(?:ing)? again|will (?:be )?retr|delayed|still being|not yet been"
    r"|(?:quota|storage|mailbox|disk)\b.{0,40}(?:full|exceed|over)|over ?quota|timed? ?out"
    r"|too (?:large|big|busy)|exceeds? .{0,30}size|spam|blocked|blacklist|refused",
    re.IGNORECASE,
)
_DELAYED: Final = re.compile(
    r"warning message only|has been delayed|not yet been delivered|delayed \d+ hours", re.IGNORECASE
)
_RETURNED: Final = re.compile(
    r"^[ >|]*+(?:-{2,}+.*(?:original|copy|return|headers|message|mail|undeliver)"
    r"|(?:return-path|received|message-id|from|date):)",
    re.IGNORECASE | re.MULTILINE,
)
_ORIGINAL_TO: Final = re.compile(
    r"^[ >|]*(?:to|x-original-to|delivered-to):(.*)$", re.IGNORECASE | re.MULTILINE
)
_BLANK: Final = re.compile(r"\r?\n[ \t]*\r?\n")
_COMPLAINTS: Final = ("abuse", "fraud", "virus", "other", "opt-out", "miscategorized", "")
STATUS_TYPES: Final = ("message/delivery-status", "message/global-delivery-status")


@dataclass(frozen=True, slots=True)
class Failure:
    """One recipient. `hard` says that the address takes no mail; soft is about the moment or about this message.

    `delayed` is a notice only: the message is still on its way (RFC 3464 2.3.3).
    """

    address: str
    hard: bool
    delayed: bool
    status: str  # RFC 3463, '' where the report has none
    diagnostic: str


@dataclass(frozen=True, slots=True)
class Report:
    """`return_paths` are the ones that the report says the message had. A report in prose is a guess."""

    kind: Literal["bounce", "complaint"]
    in_prose: bool
    failures: tuple[Failure, ...]
    return_paths: tuple[str, ...]


def read_report(raw: bytes) -> Report | None:
    """The report that a message is, None for any other mail. Never raises; linear in the size of the message."""
    trouble = mime.Trouble()
    fields, body = mime.read_headers(raw, trouble)
    entities = list(mime.leaves(fields, body, trouble))
    returned = [pair for entity in entities for pair in _returned(entity)]
    paths = tuple(value.strip(" <>") for name, value in returned if name == "return-path")
    for entity in entities:
        if entity.content_type == "message/feedback-report":
            return _complaint(next(_blocks(entity), {}), returned, paths)
    blocks = [
        block for entity in entities if entity.content_type in STATUS_TYPES for block in _blocks(entity)
    ]
    failures = [
        _stated(block) for block in blocks if "final-recipient" in block or "original-recipient" in block
    ]
    found = tuple(one for one in failures if one is not None)[:MAX_RECIPIENTS]
    if found:
        return Report("bounce", False, found, paths)
    noticed = _in_json(entities)
    if noticed:
        return Report("bounce", True, noticed, paths)
    forwarded_complaint = dict(returned).get("x-hmxmroriginalrecipient", "")
    if forwarded_complaint:  # Hotmail's, older than RFC 5965
        return _complaint(
            {"feedback-type": "abuse", "original-rcpt-to": forwarded_complaint}, returned, paths
        )
    guessed = _in_prose(fields, entities, returned)
    return Report("bounce", True, (guessed,), paths) if guessed else None


def _complaint(
    block: dict[str, str], returned: Sequence[tuple[str, str]], paths: tuple[str, ...]
) -> Report | None:
    if block.get("feedback-type", "").strip().lower() not in _COMPLAINTS:
        return None  # not-spam, auth-failure, dmarc: nobody complains
    told = block.get("original-rcpt-to", "") or " ".join(value for name, value in returned if name == "to")
    addresses = dict.fromkeys(match[0] for match in _ADDRESS.finditer(told[: mime.MAX_HEADER]))
    failures = tuple(Failure(one, False, False, "", "") for one in addresses)[:MAX_RECIPIENTS]
    sender = block.get("original-mail-from", "").strip(" <>")
    return Report("complaint", False, failures, (sender, *paths) if sender else paths)


def _stated(block: dict[str, str]) -> Failure | None:
    """A recipient of RFC 3464 2.3; None where it was delivered, relayed or expanded."""
    action = block.get("action", "failed").partition("(")[0].strip().lower()
    recipient = block.get("original-recipient") or block.get("final-recipient", "")
    recipient = recipient.partition(";")[2] or recipient
    address = _ADDRESS.search(recipient) or _ADDRESS.search(block.get("final-recipient", ""))
    if address is None or action not in ("failed", "delayed", "fail", "failure", "error", "expired"):
        return None
    diagnostic = block.get("diagnostic-code", "")
    told = _STATUS.search(block.get("status", ""))
    status, hard = _judge(told[1] if told else "", diagnostic)
    delayed = action == "delayed"
    return Failure(address[0], hard and not delayed, delayed, status, _short(diagnostic))


def _judge(status: str, words: str) -> tuple[str, bool]:
    """The status that says most (x.0.0 says nothing), and whether it is hard."""
    told = _STATUS.search(words)
    if told and (not status or status.endswith(".0.0")):
        status = told[1]
    if status and not status.endswith(".0.0"):
        return status, not _SOFT.fullmatch(status)
    reply = _REPLY.search(words)
    temporary = status.startswith("4") or (not status and reply is not None and reply[1] == "4")
    return status, not temporary and not _TEMPORARY.search(words)


def _in_prose(
    fields: Sequence[tuple[str, str]], entities: Sequence[mime.Entity], returned: Sequence[tuple[str, str]]
) -> Failure | None:
    first: dict[str, str] = {}
    for name, value in fields:
        first.setdefault(name.lower(), decode_words(value))
    named = first.get("x-failed-recipients", "")
    nobody = not first.get("from", "").strip("<> ")
    machine = nobody or _MACHINE.search(first.get("from", "")) or "x-mlserver" in first
    if not (named or machine):
        return None
    texts = [_text(entity) for entity in entities if entity.content_type in ("text/plain", "text/html")]
    whole = "\n".join(texts)[:MAX_PROSE]
    told = _SUBJECT.search(first.get("subject", "")[:MAX_SUBJECT]) or _UNDELIVERED.search(whole[:1000])
    if not (named or told):
        return None
    own = {match[0].lower() for name in ("to", "from") for match in _ADDRESS.finditer(first.get(name, ""))}
    cut = _RETURNED.search(whole, 1)
    words = whole[: cut.start()] if cut else whole
    to = " ".join(value for name, value in returned if name == "to")
    after = " ".join(match[1] for match in _ORIGINAL_TO.finditer(whole))
    for place in (named, words, to, after, whole):
        for match in _ADDRESS.finditer(place):
            if match[0].lower() not in own and "." in match[0].rpartition("@")[2]:
                status, hard = _judge("", words)
                delayed = _DELAYED.search(words) is not None
                return Failure(match[0], hard and not delayed, delayed, status, _short(words))
    return None


def _in_json(entities: Sequence[mime.Entity]) -> tuple[Failure, ...]:
    """The recipients that a notice of Amazon SES says bounced."""
    failures = []
    for entity in entities:
        text = _text(entity).replace('\\"', '"') if entity.content_type == "text/plain" else ""
        _, found, bounced = text.partition('"bouncedRecipients":[')
        for match in _NOTICE.finditer(bounced.partition("]")[0] if found else ""):
            field = dict(_NOTICE_FIELD.findall(match[2]))
            status, hard = _judge(field.get("status", ""), field.get("diagnosticCode", ""))
            delayed = field.get("action") == "delayed"
            diagnostic = _short(field.get("diagnosticCode", ""))
            failures.append(Failure(match[1], hard and not delayed, delayed, status, diagnostic))
    return tuple(failures[:MAX_RECIPIENTS])


def _returned(entity: mime.Entity) -> Iterator[tuple[str, str]]:
    """The header of the message that the report is about."""
    if entity.content_type in (
        "message/rfc822",
        "text/rfc822-headers",
        "message/global",
        "message/global-headers",
    ):
        fields, _ = mime.read_headers(entity.content[: mime.MAX_HEADER_BLOCK], mime.Trouble())
        yield from ((name.lower(), value) for name, value in fields)


def _blocks(entity: mime.Entity) -> Iterator[dict[str, str]]:
    """The groups of fields of a report part, separated by empty lines (RFC 3464 2.1)."""
    text = _text(entity)
    for block in _BLANK.split(text)[: MAX_RECIPIENTS + 1]:
        fields, _ = mime.read_headers(block.strip().encode() + b"\r\n\r\n", mime.Trouble())
        yield {name.lower(): value for name, value in fields}


def _text(entity: mime.Entity) -> str:
    return decode(entity.content[: MAX_PROSE * 4], entity.charset)[0][:MAX_PROSE]


def _short(words: str) -> str:
    return " ".join(words.split())[:MAX_DIAGNOSTIC]
