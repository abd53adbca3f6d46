"""Whom a mailbox knows, for telling who pretends to be one of them."""

from dataclasses import dataclass
from typing import Final

from multimail.core.address import AddressError, normalise
from multimail.core.findings import Finding
from multimail.mail.deception import deceptions, shown
from multimail.mail.parse import Message
from multimail.operations.context import Services
from multimail.storage.database import Row, Tx

LOOKED_THROUGH: Final = 20_000  # correspondents of the account
KNOWN: Final = 5_000  # people of each kind who are compared with a stranger
RECENT: Final = 300  # emails whose senders' names are known
FEW: Final = 200  # known people that take no time worth a trip to another process: two milliseconds


@dataclass(frozen=True, slots=True)
class Known:
    """Address to name. `unnamed` are those that a finding must not name: contacts of the account that are none of the
    mailbox's, for a key limited to it reads its findings and not the account's contacts (contract §3)."""

    people: dict[str, str]
    unnamed: frozenset[str] = frozenset()


def known_people(tx: Tx, arrived: Row) -> Known:
    """Those that the mailbox has written to, its contacts and the account's, and itself.

    Having been heard is not enough: whoever imitates would become known by the first attempt.
    """
    name = {"account_id": arrived["account_id"], "mailbox_id": arrived["mailbox_id"]}
    written = tx.sql.list_written_to(**name, scanned=LOOKED_THROUGH, limit=KNOWN)
    known = {row["address"]: "" for row in written}
    known |= {row["from_address"]: row["from_name"] for row in tx.sql.list_known_names(**name, recent=RECENT)}
    contacts = tx.sql.list_known_contacts(**name, limit=KNOWN)
    mailbox = tx.sql.get_mailbox_even_deleted(**name)
    own = {*known, mailbox["address"], *(row["address"] for row in contacts if row["mailbox_id"])}
    known |= {row["address"]: row["name"] for row in contacts} | {mailbox["address"]: mailbox["name"]}
    return Known(known, frozenset(known) - own)


def sender_of(message: Message) -> str:
    """The address in From as addresses are compared; a stranger may write anything."""
    try:
        return normalise(message.from_.address)
    except AddressError:
        return message.from_.address.lower()


async def deceptions_of(services: Services, message: Message, known: Known) -> tuple[Finding, ...]:
    """With more than a few who are known the event loop is not what compares them with the sender."""
    sender = sender_of(message)
    if not sender:
        return ()
    if len(known.people) <= FEW:
        return deceptions(shown(message), sender, known.people, known.unnamed)
    return await services.apart(deceptions, shown(message), sender, known.people, known.unnamed)
