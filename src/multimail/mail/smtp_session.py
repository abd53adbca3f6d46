"""One SMTP connection and the mail transactions on it (RFC 5321 section 3.3), over aiosmtplib.

The commands are sent one by one, not through the library's sendmail: who was refused by which reply, and
whether the final dot had been sent when the connection died, must be known for every recipient.
"""

import asyncio
import datetime
import ipaddress
import re
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from aiosmtplib import SMTP, SMTPException, SMTPHeloError, SMTPResponse, SMTPResponseException
from aiosmtplib.protocol import normalize_message_line_endings

from multimail.mail.dane import Tlsa, vouches

Tls = Literal["none", "starttls", "implicit", "opportunistic", "dane"]

MAX_MESSAGE = 500

_ENHANCED = re.compile(r"([245])\.\d{1,3}\.\d{1,3}(?![\d.])")
_UNPRINTABLE = re.compile(
    r"[^ -~\u00a0-\ud7ff\ue000-\U0010ffff]|[\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]"
)


@dataclass(frozen=True, slots=True)
class Result:
    """What became of one recipient. `code` and `enhanced` are the reply's (RFC 5321 4.2, RFC 3463), or None;
    `message` is one printable line of at most 500 characters; `host` is who was asked."""

    outcome: Literal["delivered", "deferred", "failed"]
    code: int | None
    enhanced: str | None
    message: str
    host: str


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Seconds: for a connection, for a command's reply, for the reply to the final dot (RFC 5321 section
    4.5.3.2), and for everything before that dot together."""

    connect: float = 30.0
    command: float = 120.0
    final_dot: float = 600.0
    transaction: float = 900.0


@dataclass(frozen=True, slots=True)
class Dane:
    """What vouches for a host's certificate; without a usable record any will do, as long as there is TLS (RFC 7672
    section 2.2). `names` are whose it may be; the first is what the host is called in the handshake."""

    records: tuple[Tlsa, ...]
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where to connect: `address` is what the socket gets, `name` what TLS and reports call it.

    `by` says who demands TLS, where it is not us. With `lenient` what fails of it is only told.
    """

    address: str
    port: int
    name: str
    tls: Tls
    username: str | None = None
    password: str | None = None
    by: str = ""
    lenient: bool = False
    dane: Dane | None = None


@dataclass(frozen=True, slots=True)
class Envelope:
    """What is handed over: paths checked and encoded already, by the recipient as the caller wrote it."""

    sender: bytes
    recipients: dict[str, bytes]
    raw: bytes
    smtputf8: bool


@dataclass(frozen=True, slots=True)
class Outcome:
    """A result for each recipient. When `settled`, no other host may be tried for those deferred: this one
    may have taken the message already."""

    results: dict[str, Result]
    settled: bool = False


class ConnectionDead(Exception):
    """The connection was gone before MAIL was answered, so nothing has happened yet; the cause says why."""


class HandshakeFailed(Exception):
    """Opportunistic TLS did not come about; the same host may be tried without it (RFC 7435)."""


class NotOffered(Exception):
    """The server lacks what the route demands of it: STARTTLS, or TLS before credentials."""


class TlsFailed(Exception):
    """TLS that is demanded did not come about; the cause says why."""


class Untrusted(Exception):
    """No record vouches for the server's certificate."""


def one_line(text: str) -> str:
    """Printable, one line, bounded: what a server said may be shown in logs and pages."""
    return _UNPRINTABLE.sub("?", " ".join(text[: 4 * MAX_MESSAGE].split()))[:MAX_MESSAGE]


def from_reply(code: int, text: str, host: str) -> Result:
    """The result that a reply means."""
    match = _ENHANCED.match(text.lstrip())
    enhanced = match[0] if match else None
    outcome: Literal["delivered", "deferred", "failed"] = "deferred"
    if 200 <= code < 300:
        outcome = "delivered"
    elif 500 <= code < 600 and (enhanced is None or enhanced[0] == "5"):
        outcome = "failed"
    return Result(outcome, code if 100 <= code < 600 else None, enhanced, one_line(text) or str(code), host)


def deferred(message: str, host: str) -> Result:
    """A result of ours, without a reply."""
    return Result("deferred", None, None, one_line(message), host)


class Session:
    """A connection that takes one transaction after another. Not for concurrent use."""

    def __init__(self, client: SMTP, host: str, timeouts: Timeouts) -> None:
        self._client = client
        self._host = host
        self._timeouts = timeouts
        self.transactions = 0

    @property
    def usable(self) -> bool:
        """Whether another transaction can be begun."""
        return bool(self._client.is_connected)

    async def transact(self, envelope: Envelope) -> Outcome:
        """One mail transaction. Raises ConnectionDead while the message is untouched, and nothing else."""
        self.transactions += 1
        results: dict[str, Result] = {}
        sent = False
        deadline = asyncio.get_running_loop().time() + self._timeouts.transaction
        try:
            refusal = self._unsuitable(envelope) or await self._mail(envelope)
            if refusal is None:
                results = await self._recipients(envelope, deadline)
                refusal = await self._start_data() if len(results) < len(envelope.recipients) else None
            if refusal is not None or len(results) == len(envelope.recipients):
                await self._reset()
            else:
                sent = True
                reply = await self._content(envelope.raw)
                refusal = from_reply(reply.code, reply.message, self._host)
        except (SMTPException, OSError) as error:
            self.close()
            what = "the outcome is unknown after the message was sent" if sent else "the connection failed"
            refusal = deferred(f"{self._host}: {what}: {_words(error)}", self._host)
            return Outcome(_fill(results, envelope, refusal), settled=sent)
        except BaseException:
            self.close()
            raise
        return Outcome(_fill(results, envelope, refusal))

    async def quit(self) -> None:
        """Say goodbye, or just close."""
        try:
            await self._client.quit(timeout=5.0)
        except (SMTPException, OSError):
            pass
        finally:
            self.close()

    def close(self) -> None:
        """Close at once."""
        self._client.close()

    def _unsuitable(self, envelope: Envelope) -> Result | None:
        size = self._client.esmtp_extensions.get("size", "")
        if envelope.smtputf8 and not self._client.supports_extension("smtputf8"):
            what = f"{self._host} can't take addresses that are not ASCII (no SMTPUTF8)."
            return Result("failed", None, "5.6.7", what, self._host)
        if size.isascii() and size.isdigit() and 0 < int(size[:18]) < len(envelope.raw):
            what = f"{self._host} takes at most {size[:18]} octets."
            return Result("failed", None, "5.3.4", what, self._host)
        return None

    async def _mail(self, envelope: Envelope) -> Result | None:
        options = []
        if "size" in self._client.esmtp_extensions:
            options.append(b"SIZE=%d" % len(envelope.raw))
        if envelope.smtputf8:
            options.append(b"SMTPUTF8")
        if not envelope.raw.isascii() and self._client.supports_extension("8bitmime"):
            options.append(b"BODY=8BITMIME")
        try:
            path = b"FROM:<" + envelope.sender + b">"
            reply = await self._client.execute_command(
                b"MAIL", path, *options, timeout=self._timeouts.command
            )
        except (SMTPException, OSError) as error:
            self.close()
            raise ConnectionDead from error
        if reply.code == 421:
            self.close()
            raise ConnectionDead from SMTPResponseException(reply.code, reply.message)
        return None if 200 <= reply.code < 300 else from_reply(reply.code, reply.message, self._host)

    async def _recipients(self, envelope: Envelope, deadline: float) -> dict[str, Result]:
        """The results of those that were refused."""
        refused: dict[str, Result] = {}
        loop = asyncio.get_running_loop()
        for recipient, path in envelope.recipients.items():
            timeout = max(0.1, min(self._timeouts.command, deadline - loop.time()))
            reply = await self._client.execute_command(b"RCPT", b"TO:<" + path + b">", timeout=timeout)
            if not 200 <= reply.code < 300:
                result = from_reply(reply.code, reply.message, self._host)
                if reply.code == 552 and result.enhanced in (None, "5.5.3"):
                    # Too many recipients, from an old server: RFC 5321 section 4.5.3.1.10.
                    result = Result("deferred", 552, result.enhanced, result.message, self._host)
                refused[recipient] = result
        return refused

    async def _start_data(self) -> Result | None:
        reply = await self._client.execute_command(b"DATA", timeout=self._timeouts.command)
        if reply.code == 354:
            return None
        result = from_reply(reply.code, reply.message, self._host)
        return (
            result if result.outcome != "delivered" else deferred(f"Unexpected: {result.message}", self._host)
        )

    async def _content(self, raw: bytes) -> SMTPResponse:
        """Send the message dot-stuffed (RFC 5321 section 4.5.2); no line end but CRLF ever leaves."""
        if not raw.count(b"\n") == raw.count(b"\r") == raw.count(b"\r\n") or not raw.endswith(b"\r\n"):
            raw = normalize_message_line_endings(raw)
        stuffed = raw.replace(b"\r\n.", b"\r\n..")
        protocol = self._client.protocol
        if protocol is None:
            raise SMTPException("the connection was closed")
        protocol.write((b"." if stuffed.startswith(b".") else b"") + stuffed + b".\r\n")
        return await protocol.read_response(timeout=self._timeouts.final_dot)

    async def _reset(self) -> None:
        if not self._client.is_connected:
            return
        try:
            reply = await self._client.execute_command(b"RSET", timeout=self._timeouts.command)
            if reply.code != 250:
                self.close()
        except (SMTPException, OSError):
            self.close()


class Contexts:
    """The two TLS client contexts: one that verifies the peer, one for opportunistic TLS (RFC 7435) and for DANE,
    which verifies it by records of its own."""

    def __init__(self) -> None:
        self.verified = ssl.create_default_context()
        self.unverified = ssl.create_default_context()
        self.unverified.check_hostname = False
        self.unverified.verify_mode = ssl.CERT_NONE


async def connect(endpoint: Endpoint, helo: str, timeouts: Timeouts, contexts: Contexts) -> Session:
    """A session that is greeted, encrypted and signed in as the endpoint wants.

    Raises SMTPException or OSError for what the far side did, NotOffered for what it lacks, HandshakeFailed,
    TlsFailed.
    """
    client = SMTP(
        hostname=endpoint.address,
        port=endpoint.port,
        local_hostname=helo,
        timeout=timeouts.connect,
        use_tls=endpoint.tls == "implicit",
        start_tls=False,
        tls_context=contexts.verified if endpoint.tls == "implicit" else None,
    )
    try:
        await client.connect()
        await _greet(client)
        encrypted = endpoint.tls == "implicit" or await _start_tls(client, endpoint, contexts)
        if endpoint.username is not None:
            if not encrypted and not is_loopback(endpoint.address):
                raise NotOffered(f"{endpoint.name} offers no TLS, and credentials are not sent without it.")
            await client.login(endpoint.username, endpoint.password or "")
    except BaseException:
        client.close()
        raise
    return Session(client, endpoint.name, timeouts)


def is_loopback(host: str) -> bool:
    """Whether a host is this machine: its name or an address of 127.0.0.0/8 or ::1."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"


async def _greet(client: SMTP) -> None:
    try:
        await client.ehlo()
    except SMTPHeloError:
        await client.helo()


async def _start_tls(client: SMTP, endpoint: Endpoint, contexts: Contexts) -> bool:
    if endpoint.tls == "none":
        return False
    if not client.supports_extension("starttls"):
        if endpoint.tls == "opportunistic":
            return False
        demanded = f", which {endpoint.by} demands" if endpoint.by else ""
        raise NotOffered(f"{endpoint.name} does not offer STARTTLS{demanded}.")
    name = endpoint.dane.names[0] if endpoint.dane else endpoint.name
    context = contexts.verified if endpoint.tls == "starttls" else contexts.unverified
    try:
        await client.starttls(server_hostname=name, tls_context=context)
        if endpoint.dane is not None:
            _verify(client, endpoint.dane)
    except (SMTPException, OSError, Untrusted) as error:
        failed = HandshakeFailed if endpoint.tls == "opportunistic" else TlsFailed
        raise failed(_words(error)) from error
    await _greet(client)
    return True


def _verify(client: SMTP, dane: Dane) -> None:
    now = datetime.datetime.now(datetime.UTC)
    if dane.records and not vouches(dane.records, presented(client), dane.names, now):
        raise Untrusted("no TLSA record vouches for its certificate")


def presented(client: SMTP) -> Sequence[bytes]:
    """The certificates that the server sent in the handshake, in DER, its own first."""
    tls: Any = client.get_transport_info("ssl_object")
    if hasattr(tls, "get_unverified_chain"):  # from Python 3.13 on
        return list(tls.get_unverified_chain())
    return [ssl.PEM_cert_to_DER_cert(one.public_bytes()) for one in tls._sslobj.get_unverified_chain() or ()]


def _fill(results: dict[str, Result], envelope: Envelope, rest: Result | None) -> dict[str, Result]:
    return {one: results[one] if one in results or rest is None else rest for one in envelope.recipients}


def _words(error: BaseException) -> str:
    if isinstance(error, SMTPResponseException):
        return f"{error.code} {error.message}"
    return str(error) or type(error).__name__


def failure(error: BaseException, endpoint: Endpoint) -> Result:
    """The deferral that an error before the transaction means: it may be better next time."""
    host, words, enhanced = endpoint.name, "", None
    if isinstance(error, TlsFailed):
        words = f"TLS failed, which {endpoint.by} demands: " if endpoint.by else "TLS failed: "
        enhanced = "4.7.5"  # RFC 3463 section 3.8: cryptographic failure
    elif isinstance(error, NotOffered):
        enhanced = "4.7.4"  # security features not supported
    cause = error.__cause__ if isinstance(error, (ConnectionDead, TlsFailed)) else None
    error = cause or error
    code = error.code if isinstance(error, SMTPResponseException) and 100 <= error.code < 600 else None
    match = _ENHANCED.match(error.message.lstrip()) if isinstance(error, SMTPResponseException) else None
    enhanced = match[0] if match else enhanced
    return Result("deferred", code, enhanced, one_line(f"{host}: {words}{_words(error)}"), host)
