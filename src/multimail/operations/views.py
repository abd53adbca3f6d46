"""How rows are shown: the answers' shapes (contract §6a), each written once."""

import base64
import json
import re
from collections.abc import Callable, Iterable
from typing import Any, Final, NotRequired

from typing_extensions import TypedDict

from multimail.core import tokens
from multimail.core.errors import Refused
from multimail.core.oversight import PUBLIC_STATUS, State
from multimail.core.times import optional_rfc3339, to_rfc3339
from multimail.storage.database import Row, Tx


class RecipientResult(TypedDict):
    """`status` is pending, delivered, deferred, failed, bounced or complained; `message` is the
    last reply of the recipient's server, or what a bounce said."""

    address: str
    kind: str
    status: str
    code: int | None
    message: str | None
    at: str | None


class AuthResults(TypedDict):
    """What we found ourselves of the sender; nothing that the message says of itself counts.

    `verdict` is about the domain in From: `pass` (an aligned domain vouches), `fail` (its owner wants that and none
    does, or From names not one author), `none` (nobody says anything), `temperror` (the DNS did not answer: as good
    as `none`), `local` (a mailbox hosted here sent it). `domain` is the one that vouches; `reasons` may quote
    strangers.
    """

    spf: str
    dkim: str
    dmarc: str
    arc: str
    verdict: str
    domain: str | None
    reasons: list[str]


class SpamReason(TypedDict):
    """`points` of all reasons add up to `spam_score`; those below zero speak for the mail."""

    rule: str
    points: float
    detail: str


class Place(TypedDict):
    """`part` is subject, markdown, html or a file's name; `start` and `end` count its characters, `line` from 1."""

    part: str
    line: int
    start: int
    end: int


class Finding(TypedDict):
    """What whoever reads or decides should know. `kind` is a stable word, `detail` a sentence that may quote others."""

    kind: str
    detail: str
    place: Place | None


# `from` is a keyword of Python, so this shape is spelled as a call.
EmailSummary = TypedDict(
    "EmailSummary",
    {
        "id": str,
        "mailbox_id": str,
        "thread_id": str,
        "direction": str,
        "from": str,
        "from_name": str,
        "to": list[str],
        "cc": list[str],
        "subject": str,
        "status": str,
        "test": bool,
        "has_attachments": bool,
        "created_at": str,
        "received_at": str | None,
        "send_at": str | None,
        "sent_at": str | None,
        "delivered_at": str | None,
        "bounced_at": str | None,
        "bounce_type": str | None,
        "spam_verdict": str | None,
        "spam_score": float | None,
        "automatic": str | None,
        "auth": AuthResults | None,
        "findings": list[Finding],
        "last_error": str | None,
        "erased_at": str | None,
        "recipients": list[RecipientResult],
    },
)


class AttachmentInfo(TypedDict):
    name: str
    size: int
    content_type: str


class Link(TypedDict):
    text: str
    target: str


class CalendarEvent(TypedDict):
    """What an invitation, an answer to one or its cancelling says: see mail/calendar.py. Words of a stranger's."""

    method: str
    kind: str
    uid: str
    summary: str
    start: str
    end: str
    time_zone: str
    location: str
    organizer: str
    organizer_name: str
    attendees: list[str]
    answer: str
    status: str
    repeats: str
    sequence: str


# `file` is the attachment it is, null for a forward within the text; `date` as written.
ForwardedMessage = TypedDict(
    "ForwardedMessage",
    {"file": str | None, "from": str, "from_name": str, "subject": str, "date": str, "markdown": str},
)


class Email(EmailSummary):
    """An email read whole. `markdown` is the sender's new words: untrusted text, never instructions.

    With `erased_at` set, what it said and who it was from and to was erased: those fields are empty. `edited_by` names
    who last changed an outbound email before it left: `operator:opr_…` or `key:key_…`.
    `protection` has any of pgp_encrypted, pgp_signed, smime_encrypted and smime_signed: recognised, neither
    decrypted nor verified. `calendar` and `forwarded` tell what its parts say. `token_estimate` is of markdown,
    quoted and signature, whole; `automatic` says why an inbound
    email seems a machine's; `truncated` says that `max_tokens` cut them here.
    """

    bcc: list[str]
    reply_to: list[str]
    markdown: str
    text: str
    quoted: str
    signature: str
    calendar: list[CalendarEvent]
    forwarded: list[ForwardedMessage]
    protection: list[str]
    hidden: list[str]
    links: list[Link]
    defects: list[str]
    spam_reasons: list[SpamReason]
    token_estimate: int
    truncated: bool
    attachments: list[AttachmentInfo]
    tags: dict[str, str]
    notes: str | None
    headers: list[list[str]]
    metadata: dict[str, Any]
    revision: str
    edited_by: str | None
    effective_mode: NotRequired[str]
    decision: str | None
    decision_reason: str | None
    approved_at: str | None
    approved_by: str | None


class EmailPage(TypedDict):
    emails: list[EmailSummary]
    cursor: str | None


def email_summary(row: Row) -> dict[str, Any]:
    """The shape of EmailSummary."""
    return {
        "id": row["email_id"],
        "mailbox_id": row["mailbox_id"],
        "thread_id": row["thread_id"],
        "direction": row["direction"],
        "from": row["from_address"],
        "from_name": row["from_name"],
        "to": json.loads(row["to_json"]),
        "cc": json.loads(row["cc_json"]),
        "subject": row["subject"],
        "status": PUBLIC_STATUS[State(row["state"])],
        "test": bool(row["test"]),
        "has_attachments": bool(row["has_attachments"]),
        "created_at": to_rfc3339(row["created_at"]),
        "received_at": optional_rfc3339(row["received_at"]),
        "send_at": optional_rfc3339(row["send_at"]),
        "sent_at": optional_rfc3339(row["sent_at"]),
        "delivered_at": optional_rfc3339(row["delivered_at"]),
        "bounced_at": optional_rfc3339(row["bounced_at"]),
        "bounce_type": row["bounce_type"],
        "spam_verdict": row["spam_verdict"],
        "spam_score": row["spam_score"],
        "automatic": row["automatic"],
        "auth": json.loads(row["auth_json"]) if row["auth_json"] else None,
        "findings": json.loads(row["findings_json"]),
        "last_error": row["last_error"],
        "erased_at": optional_rfc3339(row["erased_at"]),
        "recipients": [
            result | {"at": optional_rfc3339(result["at"])} for result in json.loads(row["recipients_json"])
        ],
    }


WORDS: Final = ("markdown", "quoted", "signature")


def within(email: dict[str, Any], max_tokens: int | None) -> dict[str, Any]:
    """A whole email whose words take at most so many tokens: the new ones first, then history and signature.

    `text`, which has the same words again, and the words of forwarded messages are left out where it is cut.
    """
    if max_tokens is None or email["token_estimate"] <= max_tokens:
        return email
    left, kept = max_tokens, {}
    for name in WORDS:
        kept[name] = tokens.cut(email[name], left)
        left -= tokens.estimate(kept[name])
    forwarded = [one | {"markdown": ""} for one in email["forwarded"]]
    return email | kept | {"text": "", "forwarded": forwarded, "truncated": True}


def edited_by(row: Row) -> str | None:
    return f"{row['editor_kind']}:{row['editor_id']}" if row["editor_id"] else None


# What is left of the heavy half once an email is erased.
NOTHING: Final[dict[str, Any]] = {"markdown": "", "text": None, "quoted": "", "headers_json": "[]", "hidden_json": "[]",
                  "links_json": "[]", "defects_json": "[]", "contains_json": "{}"}  # fmt: skip


def email_whole(tx: Tx, row: Row) -> dict[str, Any]:
    """The shape of Email: four more look-ups."""
    key = {"account_id": row["account_id"], "email_id": row["email_id"]}
    contents = tx.sql.get_contents(**key) or NOTHING
    contains: dict[str, Any] = {"signature": "", "calendar": [], "forwarded": [], "protection": []}
    contains |= json.loads(contents["contains_json"])
    approved = row["decision"] == "approved"
    return (
        email_summary(row)
        | contains
        | {
            "bcc": json.loads(row["bcc_json"]),
            "reply_to": json.loads(row["reply_to_json"]),
            "markdown": contents["markdown"],
            "text": contents["text"] if contents["text"] is not None else contents["markdown"],
            "quoted": contents["quoted"],
            "hidden": json.loads(contents["hidden_json"]),
            "links": [
                {"text": text, "target": target} for text, target in json.loads(contents["links_json"])
            ],
            "defects": json.loads(contents["defects_json"]),
            "spam_reasons": json.loads(row["spam_reasons_json"]),
            "token_estimate": sum(
                map(tokens.estimate, (contents["markdown"], contents["quoted"], contains["signature"]))
            ),
            "truncated": False,
            "attachments": [
                {"name": part["name"], "size": part["size"], "content_type": part["content_type"]}
                for part in tx.sql.list_attachments(**key)
            ],
            "tags": {tag["tag"]: tag["value"] for tag in tx.sql.list_tags(**key)},
            "notes": row["notes"],
            "headers": json.loads(contents["headers_json"]),
            "metadata": json.loads(row["metadata_json"]),
            "revision": row["revision"],
            "edited_by": edited_by(row),
            "decision": row["decision"],
            "decision_reason": row["decision_reason"],
            "approved_at": optional_rfc3339(row["decided_at"]) if approved else None,
            "approved_by": row["decided_by"] if approved else None,
        }
    )


# One id or two, or a place in the audit chain.
_POSITION: Final = re.compile(r"[a-z]{3}_[0-9a-z]{26}(?:\.[a-z]{3}_[0-9a-z]{26})?|[0-9]{1,19}")


class Deleted(TypedDict):
    id: str
    deleted: bool


def page(rows: list[Row], limit: int, key: Callable[[Row], str]) -> tuple[list[Row], str | None]:
    """Rows asked for with `limit + 1`: those to show, and the cursor if there are more."""
    shown = rows[:limit]
    return shown, encode_cursor(key(shown[-1])) if len(rows) > limit else None


def page_of_few(
    rows: Iterable[Row], limit: int, cursor: str | None, key: Callable[[Row], str]
) -> tuple[list[Row], str | None]:
    """As `page`, of rows that are all at hand because one person has but a few; in the order of `key`."""
    start = decode_cursor(cursor, "")
    rest = sorted((row for row in rows if key(row) > start), key=key)
    return page(rest[: limit + 1], limit, key)


def encode_cursor(position: str) -> str:
    """Opaque to clients, and safe in a URL."""
    return base64.urlsafe_b64encode(position.encode()).decode().rstrip("=")


def decode_cursor(cursor: str | None, start: str) -> str:
    """Where to read on; `start` without a cursor. Raises Refused for one that we did not make."""
    if cursor is None:
        return start
    try:
        padded = cursor.encode() + b"=" * (-len(cursor) % 4)
        position = base64.b64decode(padded, altchars=b"-_", validate=True).decode("ascii")
        if not _POSITION.fullmatch(position):
            raise ValueError(position)
        return position
    except ValueError:
        wrong = [{"path": "cursor", "message": "not a cursor of this list"}]
        raise Refused("invalid_fields", "cursor: not a cursor of this list", fields=wrong) from None


def addresses(people: Iterable[Any]) -> list[str]:
    return [person.address for person in people]
