"""Operator mail on its way: from the product itself, with an empty return path, once, and tried again."""

import email
from email import policy

from multimail.core.times import DAY
from multimail.operations.notices import notify
from tests.support import mailroom
from tests.support.mailroom import FarSide
from tests.support.world import World

TEXT = "The code is 12345678.\n\nIt lets support@acme.multimail.test send without you.\n"


async def write(world: World) -> str:
    return await world.run(lambda ctx: notify(ctx, "boss@example.test", "A code", TEXT, "code"))


async def kept(world: World) -> dict[str, object]:
    (row,) = await mailroom.execute(world, "SELECT status, text, last_error FROM operator_mail")
    return dict(row)


async def test_it_leaves_once_as_the_products_own_and_keeps_no_secret(world: World) -> None:
    far, leaving = FarSide(), mailroom.leaving(world)
    notice_id = await write(world)
    await mailroom.tell(leaving, far)
    await mailroom.tell(leaving, far)
    ((sender, recipients, raw),) = far.taken
    assert (sender, recipients) == ("", ("boss@example.test",))
    message = email.message_from_bytes(raw, policy=policy.default)
    assert message["From"] == "MultiMail <multimail@multimail.test>"
    assert message["To"] == "boss@example.test"
    assert message["Message-ID"] == f"<{notice_id}@multimail.test>"
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["Date"] and message["DKIM-Signature"]
    assert message.get_content_type() == "text/plain"
    assert message.get_content().replace("\r\n", "\n").strip() == TEXT.strip()
    assert await kept(world) == {"status": "sent", "text": "", "last_error": None}
    assert await mailroom.execute(world, "SELECT * FROM emails") == []


async def test_what_is_deferred_is_tried_again_and_given_up_after_days(world: World) -> None:
    far, leaving = FarSide({"boss@example.test": ["deferred"]}), mailroom.leaving(world)
    await write(world)
    tries = 0
    while await mailroom.tell(leaving, far):
        tries += 1
        world.clock.pass_(DAY)
    assert tries > 10
    assert (await kept(world))["status"] == "failed"
    assert (await kept(world))["text"] == ""


async def test_deferred_and_then_taken(world: World) -> None:
    far, leaving = FarSide({"boss@example.test": ["deferred", "delivered"]}), mailroom.leaving(world)
    await write(world)
    await mailroom.tell(leaving, far)
    assert (await kept(world))["status"] == "waiting"
    world.clock.pass_(DAY)
    await mailroom.tell(leaving, far)
    assert await kept(world) == {"status": "sent", "text": "", "last_error": None}


async def test_a_test_keys_notice_never_leaves(world: World) -> None:
    far, leaving = FarSide(), mailroom.leaving(world)
    await write(world)
    await mailroom.execute(world, "UPDATE operator_mail SET test = :yes", yes=True)
    await mailroom.tell(leaving, far)
    assert far.taken == []
    assert (await kept(world))["status"] == "sandboxed"


async def test_a_lost_lease_writes_nothing(world: World) -> None:
    leaving = mailroom.leaving(world)
    await write(world)

    class Slow(FarSide):
        async def deliver(self, sender: str, recipients: tuple[str, ...], raw: bytes) -> object:  # type: ignore[override]
            await mailroom.execute(world, "UPDATE jobs SET lease_owner = 'another'")
            return await super().deliver(sender, recipients, raw)

    await mailroom.tell(leaving, Slow())
    assert (await kept(world))["status"] == "waiting"
    assert await mailroom.jobs(world, "notice") == 1
