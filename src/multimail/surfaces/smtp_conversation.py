"""What an SMTP client may say when, and what it is told: the state of one session, no I/O (RFC 5321 4.1)."""

import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Final, Protocol

from multimail.surfaces.smtp_envelope import Envelope, Intake, Reply
from multimail.surfaces.smtp_syntax import Mail, parse_mail, parse_rcpt

OK: Final = Reply(250, "2.0.0", "OK")
START_DATA: Final = Reply(354, "", "End data with <CR><LF>.<CR><LF>")
START_TLS: Final = Reply(220, "2.0.0", "Ready to start TLS")
BAD_LINE: Final = Reply(500, "5.5.2", "Syntax error")
LINE_TOO_LONG: Final = Reply(500, "5.5.2", "Line too long")
UNKNOWN_COMMAND: Final = Reply(500, "5.5.2", "Command not recognised")
NOT_IMPLEMENTED: Final = Reply(502, "5.5.1", "Command not implemented")
NO_ARGUMENT: Final = Reply(501, "5.5.4", "Command takes no argument")
BAD_HELLO: Final = Reply(501, "5.5.4", "Domain or address literal needed")
HELLO_FIRST: Final = Reply(503, "5.5.1", "EHLO or HELO first")
MAIL_FIRST: Final = Reply(503, "5.5.1", "MAIL first")
MAIL_TWICE: Final = Reply(503, "5.5.1", "Sender already given")
RCPT_FIRST: Final = Reply(503, "5.5.1", "RCPT first")
NO_RECIPIENTS: Final = Reply(554, "5.5.1", "No valid recipients")
SENDER_OK: Final = Reply(250, "2.1.0", "Sender OK")
RECIPIENT_OK: Final = Reply(250, "2.1.5", "Recipient OK")
TOO_MANY_RECIPIENTS: Final = Reply(452, "4.5.3", "Too many recipients")
LOCAL_ERROR: Final = Reply(451, "4.3.0", "Local error, try again later")
NO_MEMORY: Final = Reply(452, "4.3.1", "Short of memory, try again later")
TLS_ALREADY: Final = Reply(503, "5.5.1", "TLS already active")
CLOSING: Final = Reply(221, "2.0.0", "Closing connection")
STOPPING: Final = Reply(421, "4.3.2", "Service shutting down")
TIMED_OUT: Final = Reply(421, "4.4.2", "Timed out")
TOO_MANY_ERRORS: Final = Reply(421, "4.7.0", "Too many errors")
TOO_MANY_CONNECTIONS: Final = Reply(421, "4.7.0", "Too many connections")
OUT_OF_STEP: Final = Reply(421, "4.5.0", "Data before 354")
NOT_SMTP: Final = Reply(421, "4.7.0", "This is not HTTP")
NO_PROXY: Final = Reply(421, "4.7.0", "You are no proxy that is trusted here")
OUT_OF_MEMORY: Final = Reply(421, "4.3.1", "Short of memory, try again later")

PROXY_V2_LINE: Final = b"\0"  # the third line, and the first of its own kind, of a PROXY header of version 2

_HELLO_NAME = re.compile(r"[!-~]{1,255}")
_UNPRINTABLE = re.compile(r"[^ -~]")


class Question(Protocol):
    """Something that the intake is to decide: None for yes, else the refusal; then `Conversation.checked`."""

    def ask(self, intake: Any) -> Awaitable[Reply | None]: ...


@dataclass(frozen=True, slots=True)
class Check:
    """Whether it takes mail for `address`."""

    sender: str
    address: str

    def ask(self, intake: Intake) -> Awaitable[Reply | None]:
        return intake.recipient(self.sender, self.address)


@dataclass(frozen=True, slots=True)
class Hello:
    """The reply to EHLO: one line each."""

    lines: tuple[str, ...]


def encode(step: Reply | Hello) -> bytes:
    """On the wire: printable ASCII whatever the text, lines of at most 512 octets (RFC 5321 4.5.3.1.5)."""
    if isinstance(step, Hello):
        *first, last = (_UNPRINTABLE.sub("?", line)[:480] for line in step.lines)
        return "".join([*(f"250-{line}\r\n" for line in first), f"250 {last}\r\n"]).encode()
    status = f"{step.enhanced} " if step.enhanced else ""
    return f"{step.code} {_UNPRINTABLE.sub('?', status + step.text)[:480]}\r\n".encode()


class Conversation:
    """The session as RFC 5321 4.1.4 orders it: hello, then transactions of MAIL, RCPT and DATA.

    `command` gives the next step: a reply to send (`START_DATA` and `START_TLS` also change what comes
    next on the wire; 221 and 421 end the session), or a question for the intake.
    """

    commands: ClassVar[Mapping[str, "_Run"]]
    _mail_parameters: ClassVar[frozenset[str]] = frozenset()
    _mark: ClassVar[str] = ""  # what is added to the protocol's keyword (RFC 3848)

    def __init__(
        self, hostname: str, max_size: int, max_recipients: int, offers_tls: bool, peer: str = ""
    ) -> None:
        self.refused = 0
        """Recipients the intake refused, in the whole session."""
        self._hostname = hostname
        self._max_size = max_size
        self._max_recipients = max_recipients
        self._offers_tls = offers_tls
        self._peer = peer
        self._tls, self._extended = "", False
        self._helo = ""
        self.reset()

    def reset(self) -> None:
        """Forget the mail transaction."""
        self._mail: Mail | None = None
        self._recipients: dict[str, None] = {}
        self._refused_before = self.refused

    def secured(self, tls: str = "TLS") -> None:
        """TLS is on, of this version and cipher: what was said before it counts for nothing (RFC 3207 4.2)."""
        self._tls, self._extended, self._helo = tls, False, ""
        self.reset()

    def command(self, line: bytes, more: bool) -> Reply | Hello | Question:
        """Take a command line (without its CRLF); `more` says that further input is already there."""
        if line == PROXY_V2_LINE:
            return NO_PROXY
        try:
            text = line.decode()
        except UnicodeDecodeError:
            return BAD_LINE
        verb, _, argument = text.partition(" ")
        if not (text.isprintable() and verb.isascii()):
            return BAD_LINE
        run = self.commands.get(verb.upper())
        if run is _data and more:
            # A body sent unasked would be read as commands where DATA is refused (RFC 2920 3.1).
            return OUT_OF_STEP
        return run(self, argument.strip(" ")) if run is not None else UNKNOWN_COMMAND

    def checked(self, question: Question, refusal: Reply | None) -> Reply:
        """The intake's answer to what `command` gave, and the reply."""
        assert isinstance(question, Check)
        if refusal is not None:
            self.refused += 1
            return refusal
        self._recipients[question.address] = None
        return RECIPIENT_OK

    def finish(self, peer: str) -> Envelope:
        """The data has ended: the envelope it came in; the transaction is over."""
        assert self._mail is not None
        smtputf8 = self._mail.smtputf8
        extended = ("UTF8SMTP" if smtputf8 else "ESMTP") + ("S" if self._tls else "") + self._mark
        envelope = Envelope(
            sender=self._mail.sender,
            recipients=tuple(self._recipients),
            helo=self._helo,
            peer=peer,
            protocol=extended if self._extended else "SMTP",
            smtputf8=smtputf8,
            body_8bit=self._mail.body_8bit,
            tls=self._tls,
        )
        self.reset()
        return envelope

    def _greeted(self, name: str, extended: bool) -> bool:
        if not _HELLO_NAME.fullmatch(name):
            return False
        self.reset()
        self._helo, self._extended = name, extended
        return True

    def _helo_command(self, argument: str) -> Reply:
        return Reply(250, "", self._hostname) if self._greeted(argument, False) else BAD_HELLO

    def _ehlo(self, argument: str) -> Reply | Hello:
        if not self._greeted(argument, True):
            return BAD_HELLO
        return Hello((self._hostname, *self._extensions()))

    def _extensions(self) -> tuple[str, ...]:
        starttls = ("STARTTLS",) if self._offers_tls and not self._tls else ()
        size = f"SIZE {self._max_size}"
        return ("PIPELINING", size, *starttls, "8BITMIME", "SMTPUTF8", "ENHANCEDSTATUSCODES")

    def _mail_command(self, argument: str) -> Reply | Question:
        mail = self._parsed_mail(argument)
        if isinstance(mail, Reply):
            return mail
        self._mail = mail
        return SENDER_OK

    def _parsed_mail(self, argument: str) -> Mail | Reply:
        if not self._helo:
            return HELLO_FIRST
        if self._mail is not None:
            return MAIL_TWICE
        return parse_mail(argument, self._max_size, self._mail_parameters)

    def _rcpt(self, argument: str) -> Reply | Question:
        if self._mail is None:
            return MAIL_FIRST if self._helo else HELLO_FIRST
        address = parse_rcpt(argument, self._mail.smtputf8)
        if isinstance(address, Reply):
            return address
        if address in self._recipients:
            return RECIPIENT_OK
        if len(self._recipients) >= self._max_recipients:
            return TOO_MANY_RECIPIENTS
        return Check(self._mail.sender, address)

    def _data(self, argument: str) -> Reply:
        if argument:
            return NO_ARGUMENT
        if self._mail is None:
            return MAIL_FIRST if self._helo else HELLO_FIRST
        if not self._recipients:
            return NO_RECIPIENTS if self.refused > self._refused_before else RCPT_FIRST
        return START_DATA

    def _rset(self, argument: str) -> Reply:
        if argument:
            return NO_ARGUMENT
        self.reset()
        return OK

    def _starttls(self, argument: str) -> Reply:
        if not self._offers_tls:
            return NOT_IMPLEMENTED
        if self._tls:
            return TLS_ALREADY
        return NO_ARGUMENT if argument else START_TLS


def _always(reply: Reply) -> Callable[[Conversation, str], Reply]:
    return lambda conversation, argument: reply


_Run = Callable[[Any, str], Reply | Hello | Question]
_data: Final[_Run] = Conversation._data

Conversation.commands = {
    "EHLO": Conversation._ehlo,
    "HELO": Conversation._helo_command,
    "MAIL": Conversation._mail_command,
    "RCPT": Conversation._rcpt,
    "DATA": _data,
    "RSET": Conversation._rset,
    "QUIT": _always(CLOSING),
    "STARTTLS": Conversation._starttls,
    "NOOP": _always(OK),
    "VRFY": _always(Reply(252, "2.5.0", "Cannot verify; send the mail and see")),
    "HELP": _always(Reply(214, "2.0.0", "See RFC 5321")),
    **dict.fromkeys(
        ("EXPN", "AUTH", "BDAT", "ETRN", "TURN", "SEND", "SAML", "SOML"), _always(NOT_IMPLEMENTED)
    ),
    # A browser or a forged request: its body must not get a chance to be commands.
    **dict.fromkeys(("GET", "POST", "PUT", "HEAD", "OPTIONS", "CONNECT"), _always(NOT_SMTP)),
    "PROXY": _always(NO_PROXY),
}
