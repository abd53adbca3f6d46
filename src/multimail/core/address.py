"""Email addresses: read, compared, written (RFC 5322 section 3.4, RFC 6531 3.3, RFC 5321 4.5.3.1).

What is refused although RFC 5322 allows it: domain literals (they would deliver around the DNS), source
routes and the obsolete mixes of quoted and plain words in a local part. Every refusal is a sentence for a
person.
"""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from multimail.core.carried import carried

MAX_ADDRESS_OCTETS = 254
MAX_LOCAL_OCTETS = 64
MAX_DOMAIN_OCTETS = 253
MAX_LABEL_OCTETS = 63

# C0, DEL, C1, the Unicode line separators and lone surrogates; the tab is white space (RFC 5322 2.2.2).
_FORBIDDEN = re.compile("[\x00-\x08\x0a-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_TOKEN = re.compile(
    r"""
    (?P<space>[ \t]++)
  | (?P<quoted>"[^"\\]*+(?:\\.[^"\\]*+)*+")
  | (?P<special>[<>@,;:])
  | (?P<comment>\()
  | (?P<atom>[^ \t()<>\[\]:;@\\,"]++)
    """,
    re.VERBOSE,
)
_COMMENT_STEP = re.compile(r"\\.|[()]")
_QUOTED_PAIR = re.compile(r"\\(.)")
_NEEDS_QUOTES = re.compile(r'[()<>\[\]:;@\\,"\t]|^ | $|  ')
_ASCII_ATOM = re.compile(r"[A-Za-z0-9!#$%&'*+\-/=?^_`{|}~]+(?:\.[A-Za-z0-9!#$%&'*+\-/=?^_`{|}~]+)*")
_LDH_LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?")

# The plainest and commonest of all, `user@host` and `Some Name <user@host>`, which need no tokens.
_LABEL = r"(?!-)[A-Za-z0-9-]{1,63}(?<!-)"
_PLAIN_MAILBOX = re.compile(
    r"(?:(?P<name>[A-Za-z0-9]+(?: [A-Za-z0-9]+)*) <)?"
    r"(?P<local>[A-Za-z0-9_+-]+(?:\.[A-Za-z0-9_+-]+)*)@"
    rf"(?P<domain>(?:{_LABEL}\.)*(?=[A-Za-z]){_LABEL})(?(name)>)"
)


class AddressError(ValueError):
    """The text is not an address that mail can be sent to; the message says why."""


@carried
@dataclass(frozen=True, slots=True)
class Address:
    """A mailbox (RFC 5322 3.4): `address` is local@domain, the domain in lower case; `name` may be ''."""

    name: str
    address: str

    @property
    def local(self) -> str:
        """What stands before the last @, quotes included."""
        return self.address.rpartition("@")[0]

    @property
    def domain(self) -> str:
        """What stands after the last @, as typed (A-labels or UTF-8), in lower case."""
        return self.address.rpartition("@")[2]


class _Token(NamedTuple):
    kind: str  # 'atom', 'quoted', or the special character itself; 'end' once, at the end
    text: str  # without quotes and quoted pairs


def parse_address(text: str) -> Address:
    """One mailbox, `user@host` or `Name <user@host>`. Raises AddressError."""
    found = parse_address_list(text)
    if len(found) != 1:
        raise AddressError("There is no address." if not found else "There is more than one address.")
    return found[0]


def parse_address_list(text: str) -> tuple[Address, ...]:
    """An address-list of RFC 5322 section 3.4; the members of groups are listed, empty elements dropped.

    An empty text or group gives (). Takes time linear in the text. Raises AddressError.
    """
    plain = _plain_mailbox(text)
    if plain:
        return (plain,)
    bad = _FORBIDDEN.search(text)
    if bad:
        raise AddressError(f"An address can't contain the control character U+{ord(bad[0]):04X}.")
    tokens = _tokens(text)
    found: list[Address] = []
    words: list[_Token] = []
    in_group = False
    for token in tokens:
        if token.kind in ("atom", "quoted"):
            words.append(token)
        elif token.kind == "<":
            found.append(_angle_address(words, tokens))
            words = []
            in_group = _after_angle(tokens, in_group)
        elif token.kind == "@":
            address, end = _bare_address(words, tokens)
            found.append(address)
            words = []
            in_group = _close(end, in_group)
        elif token.kind == ":":
            if in_group or not words:
                raise AddressError("A group needs a name before the colon and can't contain another group.")
            in_group, words = True, []
        elif words:
            raise AddressError(f"{_phrase(words)[:80]!r} has no @ and domain.")
        else:
            in_group = _close(token, in_group)
    return tuple(found)


def normalise(address: str) -> str:
    """The form in which two addresses are compared: NFC, lower case throughout, the domain in A-labels.

    Idempotent. Raises AddressError when there is no local part or no usable domain.
    """
    if address.isascii() and "xn--" not in address:
        local, at, domain = address.lower().rpartition("@")
    else:
        local, at, domain = unicodedata.normalize("NFC", address).lower().rpartition("@")
        local = unicodedata.normalize("NFC", local)
    if not at or not local:
        raise AddressError(f"{address[:80]!r} has no @ and domain.")
    return f"{local}@{ascii_domain(domain)}"


@lru_cache(maxsize=4096)  # asked of the same few domains all day; what is no domain name is not kept
def ascii_domain(domain: str) -> str:
    """The domain in lower-case A-labels, as the DNS is asked for it (RFC 5890; ß stays itself).

    Raises AddressError for what is no domain name: empty or overlong labels, characters that are neither
    letters, digits nor hyphens, an address literal or a number as last label.
    """
    labels = [_a_label(label) for label in domain.lower().split(".", MAX_DOMAIN_OCTETS)]
    if labels[-1].isdigit():
        raise AddressError(f"{domain[:80]!r} is not a domain name.")
    name = ".".join(labels)
    if len(name) > MAX_DOMAIN_OCTETS:
        raise AddressError(f"The domain {domain[:80]!r} is longer than {MAX_DOMAIN_OCTETS} octets.")
    return name


def format_address(a: Address) -> str:
    """The address for people and JSON; parse_address reads an equal Address back. No header encoding."""
    if not a.name:
        return a.address
    name = a.name
    if _NEEDS_QUOTES.search(name):
        name = '"' + name.replace("\\", "\\\\").replace('"', '\\"') + '"'
    return f"{name} <{a.address}>"


def _plain_mailbox(text: str) -> Address | None:
    """The mailbox where the whole text is an ordinary one; None says nothing about it."""
    match = _PLAIN_MAILBOX.fullmatch(text) if len(text) <= MAX_ADDRESS_OCTETS else None
    if match is None:
        return None
    name, local, domain = match.groups("")
    if len(local) > MAX_LOCAL_OCTETS:
        return None
    return Address(name, f"{local}@{domain.lower()}")


def _tokens(text: str) -> Iterator[_Token]:
    position = 0
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None:
            raise AddressError(_unreadable(text[position]))
        position = match.end()
        kind = match.lastgroup or ""
        if kind == "comment":
            position = _skip_comment(text, position)
        elif kind == "quoted":
            yield _Token("quoted", _QUOTED_PAIR.sub(r"\1", match[0][1:-1]))
        elif kind == "special":
            yield _Token(match[0], match[0])
        elif kind == "atom":
            yield _Token("atom", match[0])
    yield _Token("end", "")


def _unreadable(character: str) -> str:
    if character == '"':
        return "A quotation mark is not closed."
    if character in "[]":
        return "An address literal in brackets is not accepted; use a domain name."
    return f"The character {character!r} must stand inside quotation marks."


def _skip_comment(text: str, position: int) -> int:
    depth = 1
    for step in _COMMENT_STEP.finditer(text, position):
        depth += {"(": 1, ")": -1}.get(step[0], 0)
        if depth == 0:
            return step.end()
    raise AddressError("A parenthesis is not closed.")


def _angle_address(words: list[_Token], tokens: Iterator[_Token]) -> Address:
    inner: list[_Token] = []
    for token in tokens:
        if token.kind == "@":
            if not inner:
                raise AddressError("There is nothing before the @; source routes are not accepted.")
            address, end = _bare_address(inner, tokens)
            if end.kind != ">":
                raise AddressError("An angle bracket is not closed.")
            return Address(_phrase(words), address.address)
        if token.kind not in ("atom", "quoted"):
            break
        inner.append(token)
    raise AddressError("There is no address with @ and domain between the angle brackets.")


def _bare_address(words: list[_Token], tokens: Iterator[_Token]) -> tuple[Address, _Token]:
    if len(words) != 1:
        what = "There is a space in the local part; quote it." if words else "There is nothing before the @."
        raise AddressError(what)
    domain, end = next(tokens), next(tokens, None)
    if domain.kind != "atom":
        raise AddressError("There is no domain after the @.")
    if end is None or end.kind not in (",", ";", ">", "end"):
        start = f"{words[0].text[:64]}@{domain.text[:80]}"
        raise AddressError(f"There is something after the address {start!r}; a comma may be missing.")
    return Address("", _checked(words[0], domain.text)), end


def _after_angle(tokens: Iterator[_Token], in_group: bool) -> bool:
    token = next(tokens)
    if token.kind not in (",", ";", "end"):
        raise AddressError("A comma is missing after an address in angle brackets.")
    return _close(token, in_group)


def _close(token: _Token, in_group: bool) -> bool:
    """Whether a group is open after this separator."""
    if token.kind == ">":
        raise AddressError("An angle bracket is closed that was never opened.")
    if token.kind == "end" and in_group:
        raise AddressError("A group is not closed with a semicolon.")
    return in_group and token.kind != ";"


def _phrase(words: list[_Token]) -> str:
    return " ".join(word.text for word in words)


def _checked(local: _Token, domain: str) -> str:
    text = local.text
    if not _is_dot_atom(text):
        if local.kind == "atom":
            raise AddressError(f"The local part {text[:64]!r} has a misplaced dot or an invisible character.")
        text = '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
    domain = domain.lower()
    ascii_domain(domain)
    octets = len(text.encode())
    if octets > MAX_LOCAL_OCTETS:
        raise AddressError(f"The part before the @ is longer than {MAX_LOCAL_OCTETS} octets.")
    if octets + 1 + len(domain.encode()) > MAX_ADDRESS_OCTETS:
        raise AddressError(f"The address is longer than {MAX_ADDRESS_OCTETS} octets.")
    return f"{text}@{domain}"


def _is_dot_atom(text: str) -> bool:
    if text.isascii():
        return _ASCII_ATOM.fullmatch(text) is not None
    if any(ord(c) > 127 and unicodedata.category(c)[0] in "CZ" for c in text):
        return False
    return _ASCII_ATOM.fullmatch(re.sub(r"[^\x00-\x7f]", "a", text)) is not None


def _a_label(label: str) -> str:
    if len(label) > MAX_LABEL_OCTETS:
        raise AddressError(f"The domain label {label[:20]!r}… is longer than {MAX_LABEL_OCTETS} octets.")
    if not label.isascii():
        label = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", label).lower())
        if all(c in "-_" or unicodedata.category(c)[0] in "LMN" for c in label) and label[:1] not in "-":
            label = "xn--" + label.encode("punycode").decode("ascii") if not label.isascii() else label
    if not _LDH_LABEL.fullmatch(label):
        raise AddressError(f"{label[:MAX_LABEL_OCTETS]!r} is not a label of a domain name.")
    if len(label) > MAX_LABEL_OCTETS:
        raise AddressError(f"The domain label {label[:20]!r}… is longer than {MAX_LABEL_OCTETS} octets.")
    return label
