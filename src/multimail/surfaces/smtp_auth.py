"""What a mail program may say when that hands mail in: nothing before AUTH, and AUTH only where nobody listens.

RFC 4954 (AUTH), RFC 4616 (PLAIN), RFC 6409 (submission), RFC 8314 (TLS). LOGIN was never a standard and is spoken by
everything. The password is an API key; the user's name is not looked at, as the key says who it is.
"""

import base64
import binascii
import ipaddress
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, NamedTuple, Protocol

from multimail.surfaces.smtp_conversation import (
    HELLO_FIRST,
    SENDER_OK,
    TOO_MANY_ERRORS,
    Conversation,
    Hello,
    Question,
)
from multimail.surfaces.smtp_envelope import Envelope, Intake, Reply
from multimail.surfaces.smtp_syntax import Mail

AUTHENTICATED: Final = Reply(235, "2.7.0", "Authentication successful")
AUTH_FIRST: Final = Reply(530, "5.7.0", "Authentication required")
TLS_FIRST: Final = Reply(530, "5.7.0", "Must issue a STARTTLS command first")
NO_TLS: Final = Reply(538, "5.7.11", "Encryption required for requested authentication mechanism")
UNKNOWN_MECHANISM: Final = Reply(504, "5.5.4", "Mechanism not supported")
AUTH_ALREADY: Final = Reply(503, "5.5.1", "Already authenticated")
AUTH_IN_MAIL: Final = Reply(503, "5.5.1", "Not during a mail transaction")
CANCELLED: Final = Reply(501, "5.7.0", "Authentication cancelled")
NOT_BASE64: Final = Reply(501, "5.5.2", "Cannot read that response")
FAILED_LOGINS: Final = 3  # in one connection


class SubmissionIntake(Intake, Protocol):
    """An intake that knows who hands in. None is a yes, else it is the refusal."""

    async def login(self, peer: str, key: str) -> Reply | None:
        """Whether `key` is good now."""

    async def sender(self, key: str, address: str) -> Reply | None:
        """Whether `key` may send as `address`, "" for the null reverse-path."""


@dataclass(frozen=True, slots=True)
class Login:
    peer: str
    key: str = field(repr=False)

    def ask(self, intake: SubmissionIntake) -> Awaitable[Reply | None]:
        return intake.login(self.peer, self.key)


@dataclass(frozen=True, slots=True)
class Sender:
    mail: Mail
    key: str = field(repr=False)

    def ask(self, intake: SubmissionIntake) -> Awaitable[Reply | None]:
        return intake.sender(self.key, self.mail.sender)


def _password_of_plain(responses: Sequence[str]) -> str | None:
    """None where it is malformed, or somebody wants to be somebody else (RFC 4616 2)."""
    parts = responses[0].split("\0")
    if len(parts) != 3 or parts[0] not in ("", parts[1]):
        return None
    return parts[2]


class Mechanism(NamedTuple):
    """`prompts` are what is said for each response, base64; `password` reads it from all of them."""

    prompts: tuple[str, ...]
    password: Callable[[Sequence[str]], str | None]


MECHANISMS: Final = {
    "PLAIN": Mechanism(("",), _password_of_plain),
    "LOGIN": Mechanism(("VXNlcm5hbWU6", "UGFzc3dvcmQ6"), lambda responses: responses[1]),
}


class SubmissionConversation(Conversation):
    """The session of a mail program: AUTH, then mail from what its key may send as."""

    _mail_parameters = frozenset({"AUTH"})  # who wrote it, says the client: believed by nobody (RFC 4954 5)
    _mark = "A"

    def __init__(
        self, hostname: str, max_size: int, max_recipients: int, offers_tls: bool, peer: str = ""
    ) -> None:
        super().__init__(hostname, max_size, max_recipients, offers_tls, peer)
        self._key = ""
        self._failed = 0
        self._mechanism: Mechanism | None = None
        self._responses: list[str] = []

    def command(self, line: bytes, more: bool) -> Reply | Hello | Question:
        return super().command(line, more) if self._mechanism is None else self._response(line)

    def secured(self, tls: str = "TLS") -> None:
        super().secured(tls)
        self._key = ""

    def checked(self, question: Question, refusal: Reply | None) -> Reply:
        if isinstance(question, Login):
            return self._logged_in(question, refusal)
        if isinstance(question, Sender):
            if refusal is None:
                self._mail = question.mail
            return refusal or SENDER_OK
        return super().checked(question, refusal)

    def finish(self, peer: str) -> Envelope:
        return replace(super().finish(peer), key=self._key)

    @property
    def _private(self) -> bool:
        """Whether nobody else can read along (RFC 4954 4, RFC 8314 3.3)."""
        try:
            return bool(self._tls) or ipaddress.ip_address(self._peer).is_loopback
        except ValueError:
            return False

    def _extensions(self) -> tuple[str, ...]:
        mechanisms = (f"AUTH {' '.join(MECHANISMS)}",) if self._private else ()
        return (*super()._extensions(), *mechanisms)

    def _auth(self, argument: str) -> Reply | Question:
        if not self._extended:
            return HELLO_FIRST
        if self._key:
            return AUTH_ALREADY
        if self._mail is not None:
            return AUTH_IN_MAIL
        if not self._private:
            return NO_TLS
        name, _, initial = argument.partition(" ")
        mechanism = MECHANISMS.get(name.upper())
        if mechanism is None:
            return UNKNOWN_MECHANISM
        self._mechanism, self._responses = mechanism, []
        if initial:
            return self._response(b"" if initial == "=" else initial.encode())
        return Reply(334, "", mechanism.prompts[0])

    def _response(self, line: bytes) -> Reply | Question:
        mechanism = self._mechanism
        assert mechanism is not None
        self._mechanism = None
        if line == b"*":
            return CANCELLED
        try:
            self._responses.append(base64.b64decode(line, validate=True).decode())
        except (binascii.Error, UnicodeDecodeError):
            return NOT_BASE64
        if len(self._responses) < len(mechanism.prompts):
            self._mechanism = mechanism
            return Reply(334, "", mechanism.prompts[len(self._responses)])
        password = mechanism.password(self._responses)
        self._responses = []
        return NOT_BASE64 if password is None else Login(self._peer, password)

    def _logged_in(self, login: Login, refusal: Reply | None) -> Reply:
        if refusal is None:
            self._key = login.key
            return AUTHENTICATED
        self._failed += 1
        return TOO_MANY_ERRORS if self._failed >= FAILED_LOGINS else refusal

    def _submit(self, argument: str) -> Reply | Question:
        if not self._key:
            return AUTH_FIRST if self._private else TLS_FIRST
        mail = self._parsed_mail(argument)
        return mail if isinstance(mail, Reply) else Sender(mail, self._key)


SubmissionConversation.commands = {
    **Conversation.commands,
    "AUTH": SubmissionConversation._auth,
    "MAIL": SubmissionConversation._submit,
}
