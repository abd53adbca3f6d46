"""What the SMTP server is told of recipients and messages, on both databases."""

import pytest

from multimail.storage.database import StorageFull
from multimail.surfaces import smtp_intake
from multimail.surfaces.smtp_envelope import Envelope
from multimail.surfaces.smtp_intake import DISABLED, NO_SUCH, TAKEN, MailboxIntake
from tests.support import mailroom
from tests.support.world import World


async def test_who_takes_mail_and_who_does_not(world: World) -> None:
    intake, taken = MailboxIntake(world.services), world.mailbox["address"]
    gone, lapsed = await world.add_mailbox("gone"), await world.add_mailbox("lapsed")
    await mailroom.execute(
        world, "UPDATE mailboxes SET deleted_at = 1 WHERE mailbox_id = :one", one=gone["mailbox_id"]
    )
    await mailroom.execute(
        world, "UPDATE mailboxes SET lapsed_at = 1 WHERE mailbox_id = :one", one=lapsed["mailbox_id"]
    )
    replies = {
        taken: None,
        taken.upper(): None,
        gone["address"]: DISABLED,
        lapsed["address"]: DISABLED,
        "nobody@acme.multimail.test": NO_SUCH,
        "somebody@elsewhere.example": NO_SUCH,  # nothing is relayed
        "postmaster": NO_SUCH,
        "ann@[192.0.2.1]": NO_SUCH,
        '"odd local"@acme.multimail.test': NO_SUCH,
    }
    for address, reply in replies.items():
        assert await intake.recipient("ann@example.test", address) == reply, address
    assert (DISABLED.code, DISABLED.enhanced, NO_SUCH.enhanced) == (550, "5.2.1", "5.1.1")


async def test_a_full_disk_is_for_a_while(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    async def full(*given: object) -> bool:
        raise StorageFull("no room")

    intake = MailboxIntake(world.services)
    envelope = Envelope(
        "ann@example.test", (world.mailbox["address"],), "h", "192.0.2.1", "ESMTP", False, False
    )
    assert await intake.message(envelope, mailroom.mail()) == TAKEN
    monkeypatch.setattr(smtp_intake, "accept", full)
    reply = await intake.message(envelope, mailroom.mail())
    assert (reply.code, reply.enhanced[0]) == (452, "4")
