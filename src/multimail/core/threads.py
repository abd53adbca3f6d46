"""Conversations: what a reply is called and what it refers to (RFC 5322 3.6.4, 3.6.5)."""

import re
from collections.abc import Sequence
from typing import Final

_REPLY: Final = re.compile(
    r"\s*(?:(?:re|aw|sv|antw|odp|res|rif|vs|tr|fwd?|wg)(?:\[\d{1,3}\])?\s*:\s*)+", re.IGNORECASE
)
MAX_REFERENCES: Final = 50


def bare_subject(subject: str) -> str:
    """Without the marks of replies and forwards; what a thread is called."""
    return _REPLY.sub("", subject, count=1).strip() if _REPLY.match(subject) else subject.strip()


def reply_subject(subject: str) -> str:
    """`Re: ` once, however deep the conversation."""
    return f"Re: {bare_subject(subject)}"[:998]


def references(earlier: Sequence[str], parent: str) -> tuple[str, ...]:
    """The References of a reply: the parent's, then the parent; the first and the newest are kept of many."""
    chain = [*(item for item in earlier if item != parent), parent]
    return tuple(chain if len(chain) <= MAX_REFERENCES else [chain[0], *chain[-(MAX_REFERENCES - 1) :]])
