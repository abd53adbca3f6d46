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
    "first_contact": Risk.ELEVATED,
    "near_duplicate": Risk.ELEVATED,
    "bcc": Risk.ELEVATED,
    "html_given": Risk.ELEVATED,
    "attachment": Risk.ELEVATED,
    "edited": Risk.ORDINARY,
}


def weight_of(sign: str) -> Risk:
    """What was found when an email was accepted (core/findings.py) is grave unless it is said here that it is not."""
    return SIGNS.get(sign, Risk.HIGH)


def risk_of(signs: Iterable[str]) -> Risk:
    """Of no signs, or of ordinary ones alone, ordinary."""
    weights = [weight_of(sign) for sign in set(signs)]
    if Risk.HIGH in weights or weights.count(Risk.ELEVATED) > 2:
        return Risk.HIGH
    return Risk.ELEVATED if Risk.ELEVATED in weights else Risk.ORDINARY
