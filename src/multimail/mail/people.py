"""Whom a header names, and which messages: address lists and message ids, read as leniently as mail clients do."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from multimail.mail import mime
from multimail.mail.charsets import decode_words, one_line, strip_unseen, whole_characters

MAX_ADDRESSES = 1_000
MAX_NAME = 998  # characters
MAX_IDS, MAX_ID = 200, 998

_ID = re.compile(r"<([^<>]++)>")
_BARE_ID = re.compile(r"[^\s<>@,;\"()]{1,400}+@[^\s<>@,;\"()]{1,500}+")
_ADDRESS_TOKEN = re.compile(
    r"""("(?:[^"\\]++|\\.)*+"?)|(<[^<>]*+>?)|([()])|([,;:])|(\\.)|([^"<>(),;:\\]++|.)""", re.DOTALL
)
_QUOTED_STRING = re.compile(r'"((?:[^"\\]++|\\.)*+)"?', re.DOTALL)
_QUOTED_PAIR = re.compile(r"\\(.)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Person:
    """A mailbox as the sender wrote it; `address` is bare with its domain in lower case, '' if absent."""

    name: str
    address: str


def header_ids(value: str) -> tuple[str, ...]:
    """The message ids of a References or In-Reply-To value (RFC 5322 3.6.4), in order, each once, without <>.

    Ids without brackets are taken when none has them. Of more than 200 the first and the newest 199 are kept.
    """
    value = value[: mime.MAX_HEADER]
    found = [match[1] for match in _ID.finditer(value)] or _BARE_ID.findall(value)
    clean = ("".join(one_line(one).split()) for one in found)
    ids = tuple(dict.fromkeys(one for one in clean if one and len(one) <= MAX_ID))
    return ids if len(ids) <= MAX_IDS else (ids[0], *ids[1 - MAX_IDS :])


def read_people(value: str, trouble: mime.Trouble) -> tuple[Person, ...]:
    """An address list (RFC 5322 3.4), groups flattened, read as leniently as mail clients do."""
    people: list[Person] = []
    words: list[str] = []
    comment: list[str] = []
    angle: str | None = None
    depth = 0
    for quoted, angled, paren, stop, pair, plain in _ADDRESS_TOKEN.findall(value[: mime.MAX_HEADER]):
        if paren:
            depth = max(depth + (1 if paren == "(" else -1), 0)
        elif depth:
            comment.append(quoted or angled or stop or pair or plain)
        elif stop in (",", ";"):
            _add(people, words, comment, angle)
            words, comment, angle = [], [], None
        elif stop == ":":
            words, comment = [], []  # what came before was a group's name
        elif angled and angle is None:
            angle = angled.strip("<>")
        else:
            words.append(quoted or angled or pair or plain)
        if len(people) >= MAX_ADDRESSES:
            trouble.note(
                f"There were more than {MAX_ADDRESSES} addresses in a header; the rest was left out."
            )
            return tuple(people)
    _add(people, words, comment, angle)
    return tuple(people)


def _add(people: list[Person], words: Sequence[str], comment: Sequence[str], angle: str | None) -> None:
    phrase = "".join(words).strip()
    if angle is None:
        address = _address(phrase)
        name = "".join(comment) if address else phrase
    else:
        address, name = _address(angle), phrase or "".join(comment)
        if not phrase and not address and angle.strip():
            name = angle
    if '"' in name:
        name = _QUOTED_STRING.sub(lambda match: _QUOTED_PAIR.sub(r"\1", match[1]), name)
    name = " ".join(strip_unseen(one_line(decode_words(name)))[0].split())[:MAX_NAME]
    if name or address:
        people.append(Person(name, address))


def _address(text: str) -> str:
    """local@domain with the domain in lower case; '' when this is no address or holds what nobody sees."""
    text = whole_characters(text, "").strip().removeprefix("mailto:")
    if text.startswith("@") and ":" in text:
        text = text.rpartition(":")[2]
    local, at, domain = text.rpartition("@")
    if not at or not local or not domain or len(text) > 320 or strip_unseen(text)[0] != text:
        return ""
    spaces = {character for character in text if character.isspace()}
    if spaces - {" "} or " " in domain or (spaces and not (local[0] == local[-1] == '"')):
        return ""
    domain = domain.rstrip(".").lower()
    return f"{local}@{domain}" if domain and not set(domain) & set('<>()",;\\') else ""
