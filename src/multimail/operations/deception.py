"""Whom a mailbox knows, for telling who pretends to be one of them."""

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


def known_people(tx: Tx, arrived: Row) -> dict[str, str]:
    """Address to name of those that the mailbox has written to, of its contacts and the account's, and of itself.

    Having been heard is not enough: whoever imitates would become known by the first attempt.
    """
    name = {"account_id": arrived["account_id"], "mailbox_id": arrived["mailbox_id"]}
    written = tx.sql.list_written_to(**name, scanned=LOOKED_THROUGH, limit=KNOWN)
    known = {row["address"]: "" for row in written}
    known |= {row["from_address"]: row["from_name"] for row in tx.sql.list_known_names(**name, recent=RECENT)}
    known |= {row["address"]: row["name"] for row in tx.sql.list_known_contacts(**name, limit=KNOWN)}
    mailbox = tx.sql.get_mailbox_even_deleted(**name)
    return known | {mailbox["address"]: mailbox["name"]}


def sender_of(message: Message) -> str:
    """The address in From as addresses are compared; a stranger may write anything."""
    try:
        return normalise(message.from_.address)
    except AddressError:
        return message.from_.address.lower()


async def deceptions_of(services: Services, message: Message, known: dict[str, str]) -> tuple[Finding, ...]:
    """With more than a few who are known the event loop is not what compares them with the sender."""
    sender = sender_of(message)
    if not sender:
        return ()
    if len(known) <= FEW:
        return deceptions(shown(message), sender, known)
    return await services.apart(deceptions, shown(message), sender, known)
