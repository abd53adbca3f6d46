"""What is known of an email that waits, in sentences: the same at the desk, by link, in notices and on a terminal."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from multimail.core.risk import in_order

NAMED: Final = 5  # people in one sentence


def told(facts: Mapping[str, Any]) -> list[tuple[str, str]]:
    """What the facts say, as a sign (core/risk.py) and a sentence, gravest first. Who and where is strangers' text."""
    reads, several = facts["untrusted_reads"], len(facts["near_duplicates"])
    hosts = ", ".join(facts["new_links"])
    said = {
        "read_elsewhere" if reads["elsewhere"] else "read_before":
            reads["emails"]
            and f"in the turn in which its agent wrote this it had read mail of {_names(reads['emails'])}",
        "new_link": hosts and f"no earlier mail with these people led to {hosts}",
        "first_contact": ", ".join(facts["first_contact"]),
        "near_duplicate": several and f"{several} more that wait say nearly the same to one of the same people",
        "edited": facts["content_changed"] and "it was edited since it was first sent",
        "listed_before": reads["listed"] and f"in that turn it had seen subjects of mail of {_names(reads['listed'])}",
        "external": facts["external_domains"] and f"it leaves the account for {', '.join(facts['external_domains'])}",
        "read_unknown": not reads["known"] and "what else its agent had read before it wrote this is not known",
    }  # fmt: skip
    return [(sign, str(said[sign])) for sign in in_order(said) if said[sign]]


def _names(emails: Iterable[Mapping[str, Any]]) -> str:
    """Of their senders the first few, and how many more there are."""
    senders = list(dict.fromkeys(one["from"] for one in emails))
    more = f" and {len(senders) - NAMED} more" if len(senders) > NAMED else ""
    return ", ".join(senders[:NAMED]) + more
