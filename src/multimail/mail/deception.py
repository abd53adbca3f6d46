"""Mail that is made to look as if somebody else had sent it: domains, names and links, against whom a mailbox knows.

Facts for a reader, no verdict: a newsletter's links go through a counter, and people have two addresses.
"""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from multimail.core.findings import Finding
from multimail.core.lookalike import imitated, mixes_scripts, readable, skeleton
from multimail.mail.dmarc import organisational
from multimail.mail.parse import Message
from multimail.mail.people import Person

MAX_LINKS: Final = 5  # findings about links
OF_A_CONTACT: Final = "one of the account's contacts"
MIN_NAME: Final = 5  # letters of a name that can be told from another
_HOW: Final = {
    "confusable": "looks like",
    "misspelled": "is one letter away from",
    "other_suffix": "has the name of",
    "extended": "has in its name that of",
}
_ADDRESS: Final = re.compile(r"[A-Za-z0-9._%+-]{1,64}@((?:[A-Za-z0-9-]{1,63}\.){1,8}[A-Za-z]{2,24})")
_SHOWN_HOST: Final = re.compile(
    r"(?:https?://|www\.)[^\s/:]{3,253}|(?:[a-z0-9-]{1,63}\.){1,8}(?:com|org|net|gov|edu|io|co|bank)",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Shown:
    """What of a message can pretend: little, so that it can be looked at in another process."""

    from_: Person
    answers: Person | None  # who gets an answer, where the message says so
    links: tuple[tuple[str, str], ...]


def shown(message: Message) -> Shown:
    return Shown(message.from_, next(iter(message.reply_to), None), message.links)


def deceptions(
    message: Shown, sender: str, known: Mapping[str, str], unnamed: Collection[str] = frozenset()
) -> tuple[Finding, ...]:
    """`sender` is the address in From; `known` are the addresses that the mailbox knows, with their names, of which
    no finding tells those that are `unnamed`.

    Takes some 10 microseconds for each that is known, so that thousands are not for an event loop.
    """
    if sender in known:
        return tuple(_of_links(message.links))
    return (*_of_domain(sender, known, unnamed), *_of_name(message.from_, sender, known, unnamed),
            *_of_answers(message.answers, sender), *_of_links(message.links))  # fmt: skip


def _domain(address: str) -> str:
    return address.rpartition("@")[2].lower()


def _of_domain(sender: str, known: Iterable[str], unnamed: Collection[str]) -> Iterator[Finding]:
    domain = _domain(sender)
    if mixes_scripts(domain):
        yield Finding(
            "mixed_scripts", f"{domain} ({readable(domain)}) is written in letters of several alphabets"
        )
    domains = {organisational(_domain(one)) for one in known}
    found = imitated(organisational(domain), sorted(domains))
    if found:
        other, how = found
        named = any(organisational(_domain(one)) == other for one in known if one not in unnamed)
        told = f"{other}, which this mailbox knows" if named else OF_A_CONTACT
        yield Finding("lookalike_domain", f"{domain} {_HOW[how]} {told}")


def _of_name(
    person: Person, sender: str, known: Mapping[str, str], unnamed: Collection[str]
) -> Iterator[Finding]:
    written = _ADDRESS.search(person.name)
    if written and organisational(written[1]) != organisational(_domain(sender)):
        yield Finding("name_shows_address", f"the sender's name shows {written[0]}, the address is {sender}")
    look = _name(person.name)
    if len(look) >= MIN_NAME:
        same = sorted(address for address, name in known.items() if name and _name(name) == look)
        if same:
            whose = next((one for one in same if one not in unnamed), OF_A_CONTACT)
            yield Finding("name_of_known", f"the sender's name is that of {whose}, the address is {sender}")


def _name(name: str) -> str:
    """Names are alike in any order of their words: 'Smith, Ann' is Ann Smith."""
    return " ".join(sorted(re.findall(r"\w+", skeleton(name))))


def _of_answers(person: Person | None, sender: str) -> Iterator[Finding]:
    if (
        person
        and person.address
        and organisational(_domain(person.address)) != organisational(_domain(sender))
    ):
        yield Finding("reply_to_differs", f"answers would go to {person.address}, not to {sender}")


def _of_links(links: Iterable[tuple[str, str]]) -> Iterator[Finding]:
    found = 0
    for text, target in links:
        if found < MAX_LINKS and _SHOWN_HOST.match(text) and " " not in text:
            told, real = _host(text), _host(target)
            if told and real and organisational(told) != organisational(real):
                found += 1
                yield Finding("link_differs", f"a link that shows {told} goes to {real}")


def _host(url: str) -> str:
    try:
        host = urlsplit(url if "://" in url else f"//{url}").hostname or ""
    except ValueError:
        return ""
    return host.removeprefix("www.").rstrip(".").lower()
