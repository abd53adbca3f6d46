"""Whoever reads operator mail, in a world whose mail is kept: proves an oversight address, finds codes."""

import re
from typing import Any

from multimail.operations.account_update import UPDATE_ACCOUNT
from multimail.operations.notices import every_sandboxed
from tests.support import mailroom
from tests.support.world import World

BOSS = "boss@example.test"


async def mails(world: World) -> list[dict[str, Any]]:
    """Newest first, as whoever has the data folder reads them."""
    await mailroom.tell(world)
    return [dict(mail) for mail in reversed(await world.run(every_sandboxed))]


async def code_in(world: World) -> str:
    found = re.search(r"^    (\d{8})$", (await mails(world))[0]["text"], re.MULTILINE)
    assert found
    return found[1]


async def oversee(world: World, address: str = BOSS) -> None:
    """A verified oversight address."""
    await world.add_operator("owner")
    await world.invoke(UPDATE_ACCOUNT, "owner", oversight_email=address)
    code = await code_in(world)
    await world.invoke(UPDATE_ACCOUNT, "owner", oversight_email=address, oversight_email_code=code)
