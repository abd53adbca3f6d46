"""The grammar of MAIL and RCPT (RFC 5321 4.1.2, RFC 6531 3.3): pure, linear in the length of the line."""

import ipaddress
import re
from collections.abc import Collection
from dataclasses import dataclass

from multimail.surfaces.smtp_envelope import Reply

_ATEXT = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~\u0080-\U0010ffff-]+"
_LET_DIG = r"[A-Za-z0-9\u0080-\U0010ffff]+"
_DOT_STRING = rf"{_ATEXT}(?:\.{_ATEXT})*"
_QUOTED = r'"(?:[ !#-\[\]-~\u0080-\U0010ffff]|\\[ -~])*"'
_LABEL = rf"{_LET_DIG}(?:-+{_LET_DIG})*"
_DOMAIN = rf"{_LABEL}(?:\.{_LABEL})*"
_LITERAL = (
    r"\[(?:[Ii][Pp][Vv]6:[0-9A-Fa-f:.]+|[0-9.]+)\]"  # not IGNORECASE: it makes the rest slow to compile
)
_PATH = re.compile(
    rf"<(?:@{_DOMAIN}(?:,@{_DOMAIN})*:)?"
    rf"(?:(?P<local>{_DOT_STRING}|{_QUOTED})@(?P<domain>{_DOMAIN}|{_LITERAL}))>"
)
_PARAMETER = re.compile(r"([A-Za-z0-9][A-Za-z0-9-]*)(?:=([!-<>-~\u0080-\U0010ffff]+))?")
_IS_DOT_STRING = re.compile(_DOT_STRING)

MAX_LOCAL, MAX_DOMAIN, MAX_LABEL, MAX_PATH = 64, 255, 63, 256

SYNTAX = Reply(501, "5.5.4", "Syntax error in parameters")
BAD_SENDER = Reply(501, "5.1.7", "Bad sender address syntax")
BAD_RECIPIENT = Reply(501, "5.1.3", "Bad recipient address syntax")
NEEDS_SMTPUTF8 = Reply(553, "5.6.7", "Non-ASCII address needs SMTPUTF8")
UNKNOWN_PARAMETER = Reply(555, "5.5.4", "Parameter not recognised")
TOO_BIG = Reply(552, "5.3.4", "Message exceeds the size limit")


@dataclass(frozen=True, slots=True)
class Mail:
    """A MAIL command's meaning: `sender` "" for the null reverse-path, `size` in octets, 0 if undeclared."""

    sender: str
    size: int
    body_8bit: bool
    smtputf8: bool


def parse_mail(argument: str, max_size: int, also: Collection[str] = ()) -> Mail | Reply:
    """Read what follows "MAIL " (`FROM:<path> [parameters]`), or say what to answer. Parameters named in `also` are
    allowed and mean nothing here."""
    if argument[:5].upper() != "FROM:":
        return SYNTAX
    text = argument[5:].lstrip(" ")
    found = ("", text[2:]) if text.startswith("<>") else _path(text)
    if found is None:
        return BAD_SENDER
    sender, rest = found
    parameters = _parameters(rest)
    if parameters is None:
        return SYNTAX
    mail = _mail(sender, {name: value for name, value in parameters.items() if name not in also})
    if isinstance(mail, Mail) and mail.size > max_size:
        return TOO_BIG
    return mail


def parse_rcpt(argument: str, smtputf8: bool) -> str | Reply:
    """Read what follows "RCPT " (`TO:<path>`): the address, or what to answer."""
    if argument[:3].upper() != "TO:":
        return SYNTAX
    text = argument[3:].lstrip(" ")
    if text[:12].lower() == "<postmaster>":
        found: tuple[str, str] | None = ("postmaster", text[12:])
    else:
        found = _path(text)
    if found is None:
        return BAD_RECIPIENT
    address, rest = found
    parameters = _parameters(rest)
    if parameters is None:
        return SYNTAX
    if parameters:
        return UNKNOWN_PARAMETER
    return address if smtputf8 or address.isascii() else NEEDS_SMTPUTF8


def _mail(sender: str, parameters: dict[str, str | None]) -> Mail | Reply:
    size, body = parameters.get("SIZE", "0"), parameters.get("BODY", "7BIT")
    if not parameters.keys() <= {"SIZE", "BODY", "SMTPUTF8"}:
        return UNKNOWN_PARAMETER
    # RFC 1870 5: at most 20 digits. isdigit() alone would take other scripts' digits.
    if size is None or not (size.isascii() and size.isdigit()) or len(size) > 20:
        return SYNTAX
    if body is None or body.upper() not in ("7BIT", "8BITMIME") or parameters.get("SMTPUTF8") is not None:
        return SYNTAX
    smtputf8 = "SMTPUTF8" in parameters
    if not smtputf8 and not sender.isascii():
        return NEEDS_SMTPUTF8
    return Mail(sender, int(size), body.upper() == "8BITMIME", smtputf8)


def _path(text: str) -> tuple[str, str] | None:
    """The mailbox of the path that `text` starts with, and the rest; a source route is ignored."""
    match = _PATH.match(text)
    if match is None:
        return None
    local, domain = _simplest(match["local"]), match["domain"]
    fits = (
        len(local.encode()) <= MAX_LOCAL
        and len(domain.encode()) <= MAX_DOMAIN
        and len(local.encode()) + len(domain.encode()) + 3 <= MAX_PATH
        and (_is_address(domain) if domain.startswith("[") else all(map(_fits_label, domain.split("."))))
    )
    return (f"{local}@{domain}", text[match.end() :]) if fits else None


def _simplest(local: str) -> str:
    """Unquoted where quoting means nothing (RFC 5321 4.1.2), so that one mailbox has one spelling."""
    if not local.startswith('"'):
        return local
    content = re.sub(r"\\(.)", r"\1", local[1:-1])
    if _IS_DOT_STRING.fullmatch(content):
        return content
    return '"' + re.sub(r'(["\\])', r"\\\1", content) + '"'


def _fits_label(label: str) -> bool:
    return len(label.encode()) <= MAX_LABEL


def _is_address(literal: str) -> bool:
    text = literal[1:-1]
    try:
        if text[:5].upper() == "IPV6:":
            ipaddress.IPv6Address(text[5:])
        else:
            ipaddress.IPv4Address(text)
    except ValueError:
        return False
    return True


def _parameters(rest: str) -> dict[str, str | None] | None:
    """Esmtp-params by upper-case keyword, None for one without a value; None if malformed or repeated."""
    if rest and not rest.startswith(" "):
        return None
    parameters: dict[str, str | None] = {}
    for word in rest.split():
        match = _PARAMETER.fullmatch(word)
        if match is None or match[1].upper() in parameters:
            return None
        parameters[match[1].upper()] = match[2]
    return parameters
