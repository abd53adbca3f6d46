"""What speaks for and against a message's being spam: authentication, who it is from, what it says, what lists say."""

import asyncio
import ipaddress
import re
from collections.abc import Iterator, Sequence
from typing import Final

from multimail.core.findings import Finding
from multimail.core.spam import Reason
from multimail.mail.authenticate import Auth
from multimail.mail.lookups import Bounded, Dns, found
from multimail.mail.parse import Message

LIST_WEIGHT: Final = 3.0
LIST_SECONDS: Final = 5.0
MAX_LISTS: Final = 8

# The test pattern that every filter knows; SpamAssassin's.
GTUBE: Final = "XJS*C4JDBQADN1.NSBN3*2IDNEN*GTUBE-STANDARD-ANTI-UBE-TEST-EMAIL*C.34X"
_BY_VERDICT: Final = {"fail": 3.5, "none": 0.5, "temperror": 0.0, "pass": -0.5, "local": 0.0}
_BY_FINDING: Final = {
    "lookalike_domain": 3.0, "mixed_scripts": 2.5, "name_of_known": 2.0, "name_shows_address": 2.0,
    "link_differs": 1.0, "reply_to_differs": 0.5,
}  # fmt: skip
_PROGRAM: Final = re.compile(
    r"\.(?:exe|scr|com|pif|bat|cmd|jse?|vb[se]|wsf|hta|lnk|msi|ps1|jar|iso|img|vhdx?|cpl|reg)$", re.IGNORECASE
)
_BARE_ADDRESS: Final = re.compile(r"https?://(?:\d{1,3}\.){3}\d{1,3}(?=[:/?#]|$)", re.IGNORECASE)
_SHORT: Final = re.compile(
    r"https?://(?:bit\.ly|tinyurl\.com|t\.co|goo\.gl|is\.gd|ow\.ly|cutt\.ly|rb\.gy)/", re.IGNORECASE
)


def weigh(
    message: Message, auth: Auth, findings: Sequence[Finding], *, known: bool, recipient: str
) -> list[Reason]:
    """What can be told without asking anybody. `known` is a sender whom the mailbox has written to."""
    return [
        *_of_sender(message, auth, known),
        *(Reason(one.kind, _BY_FINDING.get(one.kind, 0.0), one.detail) for one in findings),
        *_of_form(message, recipient),
        *_of_words(message),
    ]


def _of_sender(message: Message, auth: Auth, known: bool) -> Iterator[Reason]:
    points = _BY_VERDICT[auth.verdict]
    detail = auth.reasons[0] if auth.reasons else f"the verdict on the domain in From is {auth.verdict}"
    yield Reason(f"auth_{auth.verdict}", points, detail)
    if auth.verdict != "fail" and auth.spf == "fail" and auth.dkim != "pass":
        yield Reason("spf_fail", 1.5, "the sending domain does not name this server, and no signature holds")
    if known and auth.verdict in ("pass", "local"):
        yield Reason("known_sender", -4.0, "the mailbox has written to this sender, and it is proven")


def _of_form(message: Message, recipient: str) -> Iterator[Reason]:
    if not message.from_.address:
        yield Reason("no_sender", 2.0, "From has no address")
    if len(message.authors) > 1:
        yield Reason("several_authors", 1.0, "From names several")
    if not message.message_id:
        yield Reason("no_message_id", 0.5, "there is no Message-ID")
    if message.date is None:
        yield Reason("no_date", 0.5, "there is no Date that can be read")
    people = {person.address.lower() for person in (*message.to, *message.cc)}
    if recipient.lower() not in people:
        yield Reason("not_addressed", 0.3, "the mailbox is neither in To nor in Cc")
    letters = [letter for letter in message.subject if letter.isalpha()]
    if len(letters) > 10 and all(map(str.isupper, letters)):
        yield Reason("subject_in_capitals", 0.8, "the subject is all capitals")
    programs = [part.name for part in message.attachments if _PROGRAM.search(part.name)]
    if programs:
        yield Reason("program", 4.5, f"a file can be run: {programs[0]}")


def _of_words(message: Message) -> Iterator[Reason]:
    if GTUBE in message.text or GTUBE in message.markdown:
        yield Reason("gtube", 1000.0, "the words that filters are tested with")
    if any(report.startswith("tag characters") for report in message.hidden):
        yield Reason("tag_characters", 3.0, "words are hidden in characters that nothing shows")
    targets = [target for _, target in message.links]
    if any(map(_BARE_ADDRESS.match, targets)):
        yield Reason("link_to_address", 1.5, "a link goes to a bare IP address")
    if any(map(_SHORT.match, targets)):
        yield Reason("short_link", 0.5, "a link hides where it goes")
    if len(message.markdown) < 40 and "<img" in message.html.lower() and targets:
        yield Reason("picture_alone", 1.0, "it is a picture with a link, and hardly a word")


async def ask_lists(dns: Dns, peer: str, zones: Sequence[str]) -> list[Reason]:
    """DNS lists (RFC 5782 2.1): whether they name the server that sent it. No answer says nothing."""
    try:
        address = ipaddress.ip_address(peer)
    except ValueError:
        return []
    if not address.is_global or not zones:
        return []
    name = address.reverse_pointer.removesuffix(".in-addr.arpa").removesuffix(".ip6.arpa")
    bounded = Bounded(dns, seconds=LIST_SECONDS, lookups=MAX_LISTS)
    answers = await asyncio.gather(*(_listed(bounded, f"{name}.{zone}") for zone in zones[:MAX_LISTS]))
    return [
        Reason("dns_list", LIST_WEIGHT, f"{peer} is listed by {zone}")
        for zone, listed in zip(zones, answers, strict=False)
        if listed
    ]


async def _listed(dns: Dns, name: str) -> bool:
    """127.0.0.0/8 says yes (RFC 5782 2.1); by convention 127.255.255.0/24 says that the list refuses to answer."""
    try:
        answers = await found(dns.addresses(name))
    except OSError:
        return False
    return any(one.startswith("127.") and not one.startswith("127.255.255.") for one in answers)
