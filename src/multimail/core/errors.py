"""The one closed set of errors: every surface answers with these codes and no others.

`ERRORS` maps a stable code to its HTTP status (RFC 9110), its SMTP reply (RFC 5321 4.2, RFC 3463) and
whether a caller may try the same again. `Refused` is how anything below a surface says no.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final


@dataclass(frozen=True, slots=True)
class ErrorKind:
    """`status` is HTTP, `smtp` a reply code with its enhanced code, `sentence` the default for a person.

    `told` is what every answer has beside them unless it says its own: of a 403 what would allow it (`hint`), of a 409
    the state that is in the way (`status`), where it is always the same one (contract §2).
    """

    status: int
    smtp: str
    sentence: str
    told: Mapping[str, str] = field(default_factory=dict)

    @property
    def temporary(self) -> bool:
        return self.smtp.startswith("4")


def _forbidden(sentence: str, hint: str) -> ErrorKind:
    return ErrorKind(403, "550 5.7.1", sentence, {"hint": hint})


ERRORS: Final[Mapping[str, ErrorKind]] = {
    "malformed_request": ErrorKind(400, "501 5.5.2", "The request could not be read."),
    "unauthenticated": ErrorKind(401, "535 5.7.8", "A valid API key is needed."),
    "insufficient_scope": _forbidden(
        "This key's scopes do not allow that.", "use a key, or sign in as somebody, who may"
    ),
    "read_only": _forbidden(
        "This mailbox is read_only: it never sends.", "an operator must change the mailbox's oversight_mode"
    ),
    "self_approval": _forbidden(
        "Whoever composes an email can't decide it.", "a person, or another key with oversight, decides"
    ),
    "four_eyes": _forbidden(
        "Another person must approve what this person wrote.",
        "another operator who decides for this mailbox approves it",
    ),
    "mailbox_limited": _forbidden(
        "This key is limited to mailboxes and can't act on the account.",
        "use a key that is not limited to mailboxes",
    ),
    "invalid_approval_code": _forbidden(
        "That approval code is not valid for this request.",
        "call again without a code: an owner is asked anew",
    ),
    "invalid_confirmation_code": _forbidden(
        "That code is not valid any more, or never was.", "ask for a new one with resend_confirmation"
    ),
    "sending_suspended": _forbidden(
        "Too much of this account's mail bounced or was complained about.",
        "whoever runs this server lifts it with `multimail operator lift-suspension`",
    ),
    "sign_up_closed": _forbidden(
        "This server opens no accounts by itself.", "whoever runs this server opens it with --sign-up PLAN"
    ),
    "recipient_denied": _forbidden(
        "A rule of the operator denies this recipient.",
        "an owner may remove the rule: see list_rules, remove_rule",
    ),
    "not_found": ErrorKind(404, "550 5.1.1", "There is no such thing here."),
    "method_not_allowed": ErrorKind(405, "502 5.5.1", "This address does not take that method."),
    "conflict": ErrorKind(409, "554 5.5.0", "The current state does not allow that."),
    "stale_revision": ErrorKind(
        409, "554 5.5.0", "The email has changed since the revision that was decided on."
    ),
    "not_opened": ErrorKind(
        409, "554 5.5.0", "Open an email before you decide on it, or one that says nearly the same."
    ),
    "revision_required": ErrorKind(
        409, "554 5.5.0", "The email has had more than one revision: name the one decided on."
    ),
    "idempotency_mismatch": ErrorKind(
        409, "554 5.5.0", "This idempotency key was used for other content.", {"status": "used"}
    ),
    "no_oversight_address": ErrorKind(
        409, "554 5.7.1", "monitored needs a verified oversight address.", {"status": "not_overseen"}
    ),
    "ambiguous_reply": ErrorKind(
        409,
        "554 5.5.0",
        "The thread has no inbound email that can be answered safely.",
        {"status": "ambiguous"},
    ),
    "address_taken": ErrorKind(
        409, "554 5.5.0", "That address belongs to a mailbox already.", {"status": "taken"}
    ),
    "domain_taken": ErrorKind(409, "554 5.5.0", "An account has that domain already.", {"status": "taken"}),
    "domain_not_verified": ErrorKind(
        409, "550 5.7.1", "The mailbox's domain is not verified, or not any more: it sends nothing."
    ),
    "domain_in_use": ErrorKind(409, "554 5.5.0", "Mailboxes live on that domain: delete them first."),
    "slug_taken": ErrorKind(409, "554 5.5.0", "Another account has that slug.", {"status": "taken"}),
    "too_large": ErrorKind(413, "552 5.3.4", "The request is too large."),
    "unsupported_media_type": ErrorKind(415, "554 5.6.1", "Send JSON: Content-Type application/json."),
    "invalid_fields": ErrorKind(422, "501 5.5.4", "Some fields are not valid."),
    "conflicting_fields": ErrorKind(422, "501 5.5.4", "Two spellings of one field have different values."),
    "suppressed": ErrorKind(422, "550 5.7.1", "A recipient is on the suppression list."),
    "operator_address": ErrorKind(
        422, "550 5.7.1", "No mailbox may have an operator's or oversight address."
    ),
    "leak_blocked": ErrorKind(
        422, "550 5.7.1", "The account does not let mail leave that holds what was found in it."
    ),
    "url_refused": ErrorKind(422, "554 5.5.4", "That URL may not be called."),
    "rate_limited": ErrorKind(429, "452 4.7.1", "Too many requests: wait and try again."),
    "quota_exceeded": ErrorKind(429, "452 4.2.2", "The plan's quota is used up."),
    "warmup_limit": ErrorKind(429, "452 4.7.1", "The sending domain is new: its limit for today is reached."),
    "internal_error": ErrorKind(500, "451 4.3.0", "Something went wrong here; nothing was lost."),
    "unavailable": ErrorKind(503, "421 4.3.2", "The server is starting or stopping: try again."),
    "storage_full": ErrorKind(507, "452 4.3.1", "The server's storage is full; nothing was accepted."),
}


class Refused(Exception):
    """An operation's no. `code` is a key of ERRORS; `details` goes into the JSON body beside it."""

    def __init__(self, code: str, sentence: str | None = None, **details: object) -> None:
        self.code = code
        self.kind = ERRORS[code]
        self.sentence = sentence or self.kind.sentence
        self.details: dict[str, object] = {**self.kind.told, **details}
        super().__init__(f"{code}: {self.sentence}")


def not_found(noun: str) -> Refused:
    """The same answer for what is absent and for what is another account's (contract §2)."""
    return Refused("not_found", f"There is no such {noun} here.")


def invalid(path: str, message: str) -> Refused:
    """One field error, in the shape of contract §2."""
    return Refused("invalid_fields", f"{path}: {message}", fields=[{"path": path, "message": message}])
