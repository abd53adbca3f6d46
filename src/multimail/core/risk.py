"""How closely a person should look at an email that waits: from signs, each a fact that the shell found.

A sign says nothing of guilt. It says that deciding without a look would be careless; two lesser ones weigh as one
grave one does.
"""

from collections.abc import Iterable
from enum import StrEnum
from typing import Final


class Risk(StrEnum):
    HIGH = "high"
    ELEVATED = "elevated"
    ORDINARY = "ordinary"


ORDER: Final = tuple(Risk)  # riskiest first

# sign → what it weighs by itself
SIGNS: Final = {
    "look_alike": Risk.HIGH,  # a domain that reads like one that is known here, and is another
    "hidden": Risk.HIGH,  # words that a reader would not see
    "defect": Risk.HIGH,  # parts that could not be read
    "reply_to_differs": Risk.HIGH,  # answers go to somebody else, or the answer goes to somebody else
    "sender_unproven": Risk.HIGH,  # who sent it says that such mail is forged
    "leak": Risk.HIGH,  # a secret, personal data or another conversation's words are in it
    "tells_on_reader": Risk.ELEVATED,  # pictures or links that tell the sender who reads
    "machine": Risk.ELEVATED,  # it answers a machine, or faster than people talk
    "read_elsewhere": Risk.ELEVATED,  # its agent had read what somebody wrote who is not written to
    "new_link": Risk.ELEVATED,
    "first_contact": Risk.ELEVATED,
    "near_duplicate": Risk.ELEVATED,
    "bcc": Risk.ELEVATED,
    "html_given": Risk.ELEVATED,
    "attachment": Risk.ELEVATED,
    "edited": Risk.ORDINARY,
    "read_before": Risk.ORDINARY,  # of those to whom it is written
    "listed_before": Risk.ORDINARY,  # senders and subjects alone
    "external": Risk.ORDINARY,  # most mail goes outside
    "read_unknown": Risk.ORDINARY,
}


# What was found of an email (core/findings.py) that is a sign by another name.
FOUND: Final = {
    "lookalike_domain": "look_alike", "mixed_scripts": "look_alike", "name_of_known": "look_alike",
    "name_shows_address": "look_alike", "secret": "leak", "personal_data": "leak", "foreign_quote": "leak",
    "remote_image": "tells_on_reader", "tracking_link": "tells_on_reader", "answers_machine": "machine",
    "thread_rate": "machine",
}  # fmt: skip


def sign_of(kind: str) -> str:
    """The sign that a finding is; by default its own kind."""
    return FOUND.get(kind, kind)


def in_order(signs: Iterable[str]) -> list[str]:
    """Gravest first; what is not in the table is grave."""
    places = {sign: place for place, sign in enumerate(SIGNS, 1)}
    return sorted(signs, key=lambda sign: (places.get(sign, 0), sign))


def weight_of(sign: str) -> Risk:
    """What was found when an email was accepted (core/findings.py) is grave unless it is said here that it is not."""
    return SIGNS.get(sign, Risk.HIGH)


def risk_of(signs: Iterable[str]) -> Risk:
    """Of no signs, or of ordinary ones alone, ordinary."""
    weights = [weight_of(sign) for sign in set(signs)]
    if Risk.HIGH in weights or weights.count(Risk.ELEVATED) > 2:
        return Risk.HIGH
    return Risk.ELEVATED if Risk.ELEVATED in weights else Risk.ORDINARY
