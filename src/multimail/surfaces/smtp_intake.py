"""What the SMTP server talks to: the operations that take mail in."""

from typing import Final

from multimail.core.errors import ERRORS
from multimail.operations.context import Services
from multimail.operations.intake import Arrival, accept, standing
from multimail.storage.database import StorageFull
from multimail.surfaces.smtp import Envelope, Reply

TAKEN = Reply(250, "2.0.0", "Ok, it is on disk")
NO_SUCH = Reply(550, "5.1.1", "No such mailbox here")
DISABLED = Reply(550, "5.2.1", "This mailbox takes no mail any more")  # RFC 3463 3.3
REPLIES: Final = {"taken": None, "disabled": DISABLED, "unknown": NO_SUCH}


class MailboxIntake:
    """Mail for mailboxes hosted here, durable before the reply; nothing is ever relayed."""

    def __init__(self, services: Services) -> None:
        self._services = services

    async def recipient(self, sender: str, address: str) -> Reply | None:
        return REPLIES[await self._services.db.read(lambda tx: standing(self._services, tx, address))]

    async def message(self, envelope: Envelope, raw: bytes) -> Reply:
        arrival = Arrival(
            envelope.sender, envelope.helo, envelope.peer, protocol=envelope.protocol, tls=envelope.tls
        )
        try:
            if not await accept(self._services, arrival, envelope.recipients, raw):
                return NO_SUCH  # the mailbox went between RCPT and the end of DATA
        except StorageFull:
            code, enhanced = ERRORS["storage_full"].smtp.split()
            return Reply(int(code), enhanced, "No room now, try again later")
        return TAKEN
