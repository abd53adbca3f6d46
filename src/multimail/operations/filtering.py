"""What we think of a message that came in, before the transaction that keeps it: deception, machines, spam."""

from dataclasses import dataclass
from typing import Final

from multimail.core import bayes
from multimail.core.address import AddressError, normalise
from multimail.core.findings import Finding
from multimail.core.spam import Envelope, Reason, Spam, sum_up
from multimail.mail.authenticate import Auth
from multimail.mail.automatic import automatic
from multimail.mail.deception import deceptions
from multimail.mail.parse import Message
from multimail.mail.spam import ask_lists, weigh
from multimail.operations.context import Services
from multimail.operations.learning import buckets_of_message, counts_of
from multimail.storage.database import Row

LOCAL: Final = "local"  # in place of a peer's address: one of our own mailboxes sent it
OWN_MAIL: Final = "own mail"


def sender_of(message: Message) -> str:
    """The address in From as addresses are compared; a stranger may write anything."""
    try:
        return normalise(message.from_.address)
    except AddressError:
        return message.from_.address.lower()


@dataclass(frozen=True, slots=True)
class Opinion:
    """`automatic` is why it seems a machine's, '' for a person's (mail/automatic.py)."""

    auth: Auth
    findings: tuple[Finding, ...]
    automatic: str
    spam: Spam


async def form_opinion(services: Services, arrived: Row, message: Message, auth: Auth, raw: bytes) -> Opinion:
    """Asks who is known, what was learned, DNS lists and the filter beside us; none of them can fail the mail."""
    sender = sender_of(message)
    own = arrived["recipient"].lower()
    if arrived["peer"] == LOCAL:
        machine = OWN_MAIL if sender == own else automatic(message.headers, sender, arrived["sender"], (own,))
        return Opinion(auth, (), machine, sum_up(()))
    found = buckets_of_message(message)
    known, names = await services.acquaintances.of(services.db, arrived, services.clock())
    counts = await services.db.read(lambda tx: counts_of(tx, arrived["account_id"], found))
    findings = deceptions(message, sender, known, names) if sender else ()
    reasons = weigh(message, auth, findings, known=sender in known, recipient=arrived["recipient"])
    learned = bayes.weigh(found, counts)
    if learned is not None:
        reasons.append(
            Reason("learned", learned, "what its words are in mail that was called spam here, or not")
        )
    reasons += await ask_lists(services.dns, arrived["peer"], services.dns_lists)
    if services.second_opinion is not None:
        envelope = Envelope(arrived["peer"], arrived["helo"], arrived["sender"], arrived["recipient"])
        reasons += await services.second_opinion(raw, envelope)
    machine = automatic(message.headers, sender, arrived["sender"], (own,))
    return Opinion(auth, findings, machine, sum_up(reasons))
