"""SPF records: their grammar (RFC 7208 section 12) and their macros (section 7)."""

import ipaddress
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote

IP = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

MAX_RECORD: Final = 8_192  # octets: far more than an answer over UDP has
MAX_DOMAIN: Final = 253

_DIRECTIVE: Final = re.compile(
    r"([+?~-]?)(all|include|a|mx|ptr|ip4|ip6|exists)(?![a-z0-9._=-])(.*)", re.IGNORECASE
)
_MODIFIER: Final = re.compile(r"([a-z][a-z0-9._-]*)=(.*)", re.IGNORECASE)
_CIDR: Final = re.compile(r"(?:/(0|[1-9]\d?))?(?://(0|[1-9]\d{0,2}))?")
_CIDR_END: Final = re.compile(r"(?<![/\d])(?:/\d+)?(?://\d+)?$")
_MACRO: Final = re.compile(r"%\{([slodipvh])(\d{0,3})(r?)([.\-+,/_=]*)\}", re.IGNORECASE)
_MACRO_STRING: Final = re.compile(rf"(?:{_MACRO.pattern}|%[%_-]|[!-$&-~])*", re.IGNORECASE)
_DOMAIN_END: Final = re.compile(
    r"(?:\.(?=[a-z0-9-]*[a-z-])[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\.?|%\{[^}]*\})$", re.IGNORECASE
)
_ESCAPES: Final = {"%%": "%", "%_": " ", "%-": "%20"}


class RecordError(ValueError):
    """The record is not well formed: permerror."""


@dataclass(frozen=True, slots=True)
class Term:
    """A directive. `domain` is a domain-spec not yet expanded, '' where there is none."""

    text: str
    qualifier: str
    name: str
    domain: str = ""
    prefix4: int = 32
    prefix6: int = 128
    network: Network | None = None


@dataclass(frozen=True, slots=True)
class Record:
    terms: tuple[Term, ...]
    redirect: str  # a domain-spec, '' where there is none or where `all` makes it void


@dataclass(frozen=True, slots=True)
class Macros:
    """What macros stand for; the domain under evaluation (d) comes with each expansion."""

    ip: IP
    local: str
    sender_domain: str
    helo: str


def parse_record(text: bytes) -> Record:
    """The whole record is read before any of it counts (RFC 7208 4.6). Raises RecordError."""
    if len(text) > MAX_RECORD or not text.isascii():
        raise RecordError("the record is too long, or not ASCII")
    terms: list[Term] = []
    modifiers: dict[str, str] = {}
    for word in text.decode().split(" ")[1:]:
        if not word:
            continue
        if directive := _DIRECTIVE.fullmatch(word):
            terms.append(_term(word, directive[1] or "+", directive[2].lower(), directive[3]))
        elif modifier := _MODIFIER.fullmatch(word):
            _modify(modifiers, modifier[1].lower(), modifier[2])
        else:
            raise RecordError(f"{word[:80]!r} is no term of SPF")
    redirect = "" if any(term.name == "all" for term in terms) else modifiers.get("redirect", "")
    return Record(tuple(terms), redirect)


def _modify(modifiers: dict[str, str], name: str, value: str) -> None:
    if name not in ("redirect", "exp"):
        if not _MACRO_STRING.fullmatch(value):
            raise RecordError(f"{name}= is not well formed")
        return
    if name in modifiers:
        raise RecordError(f"{name}= stands there twice")
    modifiers[name] = _domain_spec(value)


def _term(word: str, qualifier: str, name: str, rest: str) -> Term:
    if name == "all":
        if rest:
            raise RecordError(f"{word[:80]!r}: all takes nothing")
        return Term(word, qualifier, name)
    if name in ("ip4", "ip6"):
        return Term(word, qualifier, name, network=_network(name, rest))
    prefix4, prefix6 = 32, 128
    if name in ("a", "mx"):
        cut = _CIDR_END.search(rest)
        tail = cut[0] if cut else ""
        lengths = _CIDR.fullmatch(tail)
        rest = rest.removesuffix(tail) if tail else rest
        if lengths is None or int(lengths[1] or 0) > 32 or int(lengths[2] or 0) > 128:
            raise RecordError(f"{word[:80]!r}: no such prefix length")
        prefix4 = 32 if lengths[1] is None else int(lengths[1])
        prefix6 = 128 if lengths[2] is None else int(lengths[2])
    if rest and not rest.startswith(":"):
        raise RecordError(f"{word[:80]!r} is not well formed")
    if not rest and name in ("include", "exists"):
        raise RecordError(f"{word[:80]!r} names no domain")
    return Term(word, qualifier, name, _domain_spec(rest[1:]) if rest else "", prefix4, prefix6)


def _network(name: str, rest: str) -> Network:
    kind = ipaddress.IPv4Network if name == "ip4" else ipaddress.IPv6Network
    address, slash, length = rest[1:].partition("/")
    try:
        if not rest.startswith(":") or (slash and not re.fullmatch(r"0|[1-9]\d{0,2}", length)):
            raise ValueError(rest)
        return kind(f"{address}/{length}" if slash else address, strict=False)
    except ValueError:
        raise RecordError(f"{name}{rest[:60]} is no network") from None


def _domain_spec(spec: str) -> str:
    if not spec or not _MACRO_STRING.fullmatch(spec) or not _DOMAIN_END.search(spec):
        raise RecordError(f"{spec[:80]!r} is no domain")
    return spec


def expand(spec: str, domain: str, macros: Macros, names: Sequence[str]) -> str:
    """RFC 7208 7.3; `names` are the peer's validated ones. Too long a name loses labels on its left."""
    values = {
        "s": f"{macros.local}@{macros.sender_domain}",
        "l": macros.local,
        "o": macros.sender_domain,
        "d": domain,
        "i": _dotted(macros.ip),
        "p": _own_name(names, domain),
        "v": "in-addr" if macros.ip.version == 4 else "ip6",
        "h": macros.helo,
    }

    def replaced(match: re.Match[str]) -> str:
        letter, digits, reverse, delimiters = match.groups()
        if digits and not int(digits):
            raise RecordError(f"{match[0]} keeps no part")
        parts = re.split(f"[{re.escape(delimiters or '.')}]", values[letter.lower()])
        if reverse:
            parts.reverse()
        text = ".".join(parts[-int(digits) :] if digits else parts)
        return quote(text, safe="-._~") if letter.isupper() else text

    text = re.sub("%[%_-]", lambda match: _ESCAPES[match[0]], _MACRO.sub(replaced, spec))
    while len(text) > MAX_DOMAIN and "." in text:
        text = text.partition(".")[2]
    return text


def _dotted(ip: IP) -> str:
    return str(ip) if ip.version == 4 else ".".join(ip.exploded.replace(":", ""))


def _own_name(names: Sequence[str], domain: str) -> str:
    """The domain itself, else a name below it, else any (RFC 7208 7.3)."""
    below = (name for name in names if name.endswith(f".{domain}"))
    return domain if domain in names else next(below, names[0] if names else "unknown")
