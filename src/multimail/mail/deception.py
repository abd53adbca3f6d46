"""Mail that is made to look as if somebody else had sent it: domains, names and links, against whom a mailbox knows.

Facts for a reader, no verdict: a newsletter's links go through a counter, and people have two addresses.
"""

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Final
from urllib.parse import urlsplit

from multimail.core.findings import Finding
from multimail.core.lookalike import Domains, imitated, mixes_scripts, readable, skeleton
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


class Known:
    """The people that a mailbox knows, so arranged that a stranger costs a few look-ups however many they are.

    `unnamed` are those that no finding may name.
    """

    def __init__(self) -> None:
        self.unnamed: set[str] = set()
        self._at: dict[str, set[str]] = {}  # addresses by registrable domain
        self._called: dict[str, set[str]] = {}  # and by what their names look like
        self._domains = Domains()
        self._addresses: set[str] = set()

    def __contains__(self, address: str) -> bool:
        return address in self._addresses

    def __len__(self) -> int:
        return len(self._addresses)

    def add(self, address: str, name: str = "") -> None:
        """Who is known already may have one name more."""
        if address not in self._addresses:
            self._addresses.add(address)
            domain = organisational(_domain(address))
            if domain not in self._at:
                self._domains.add(domain)
            self._at.setdefault(domain, set()).add(address)
        if name:
            self._called.setdefault(_name(name), set()).add(address)

    def like(self, domain: str) -> list[str]:
        """The registrable domains that `domain`, one of them perhaps, could resemble."""
        return self._domains.like(domain)

    def named_at(self, domain: str) -> bool:
        """Whether somebody there may be named."""
        return not self._at.get(domain, set()) <= self.unnamed

    def called(self, look: str) -> set[str]:
        return self._called.get(look, set())


def deceptions(
    message: Message, sender: str, known: Known, names: Iterable[tuple[str, str]] = ()
) -> tuple[Finding, ...]:
    """`sender` is the address in From; `names` are what known addresses call themselves beside what `known` says."""
    if sender in known:
        return tuple(_of_links(message.links))
    answers = next(iter(message.reply_to), None)
    return (*_of_domain(sender, known), *_of_name(message.from_, sender, known, names),
            *_of_answers(answers, sender), *_of_links(message.links))  # fmt: skip


def _domain(address: str) -> str:
    return address.rpartition("@")[2].lower()


def _of_domain(sender: str, known: Known) -> Iterator[Finding]:
    domain = _domain(sender)
    if mixes_scripts(domain):
        yield Finding(
            "mixed_scripts", f"{domain} ({readable(domain)}) is written in letters of several alphabets"
        )
    own = organisational(domain)
    found = imitated(own, known.like(own))
    if found:
        other, how = found
        told = f"{other}, which this mailbox knows" if known.named_at(other) else OF_A_CONTACT
        yield Finding("lookalike_domain", f"{domain} {_HOW[how]} {told}")


def _of_name(
    person: Person, sender: str, known: Known, names: Iterable[tuple[str, str]]
) -> Iterator[Finding]:
    written = _ADDRESS.search(person.name)
    if written and organisational(written[1]) != organisational(_domain(sender)):
        yield Finding("name_shows_address", f"the sender's name shows {written[0]}, the address is {sender}")
    look = _name(person.name)
    if len(look) >= MIN_NAME:
        same = known.called(look) | {address for address, name in names if _name(name) == look}
        if same:
            whose = min(same - known.unnamed, default=OF_A_CONTACT)
            yield Finding("name_of_known", f"the sender's name is that of {whose}, the address is {sender}")


@lru_cache(maxsize=4096)
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
