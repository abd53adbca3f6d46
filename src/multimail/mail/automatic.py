"""Mail that no person wrote to us, told from its headers: to answer it would be talking to a machine, or to oneself.

RFC 3834 2 and 5 (Auto-Submitted, and what a responder must not answer), RFC 2919 and 2369 (lists), RFC 5321 4.5.5
(the empty return path) and 6.3 (loops by counting Received), and what older programs write instead.
"""

import re
from collections.abc import Iterable
from typing import Final

MAX_HOPS: Final = 50  # RFC 5321 6.3 wants at least 100 before mail is refused; this only stops answers to it
LOOP: Final = "loop"

_PRECEDENCE: Final = ("bulk", "junk", "list", "auto_reply")
_PROGRAMS: Final = ("x-autoreply", "x-autorespond", "x-auto-response-suppress", "x-mailer-daemon")
_NOBODY: Final = re.compile(
    r"(?:mailer-daemon|postmaster|(?:no|do-?not)[-_.]?reply|bounces?|notifications?)(?:[-_+.].*)?",
    re.IGNORECASE,
)


def automatic(headers: Iterable[tuple[str, str]], author: str, return_path: str, own: Iterable[str]) -> str:
    """Why this is a machine's, in a word or two; '' where a person seems to have written it. `loop` is the
    mailbox's own mail come back.

    `author` is the address in From, `own` the addresses that the message came to.
    """
    first: dict[str, str] = {}
    hops = 0
    for name, value in headers:
        hops += name.lower() == "received"
        first.setdefault(name.lower(), value.strip())
    mine = {address.lower() for address in own}
    if hops > MAX_HOPS or first.get("x-loop", "").lower() in mine:
        return LOOP
    submitted = first.get("auto-submitted", "no").partition(";")[0].strip().lower()
    if submitted not in ("no", ""):
        return submitted[:40] if re.fullmatch(r"[a-z-]{1,40}", submitted) else "auto-submitted"
    if not return_path:
        return "empty return path"
    if "list-id" in first or "list-post" in first:
        return "mailing list"
    if first.get("precedence", "").lower() in _PRECEDENCE:
        return "precedence"
    if any(name in first for name in _PROGRAMS):
        return "autoresponder"
    if _NOBODY.fullmatch(author.partition("@")[0]):
        return "nobody answers there"
    return "bulk mail" if "list-unsubscribe" in first else ""
