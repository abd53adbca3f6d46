"""What is written is noted, and is findable once somebody searches or the indexer comes by."""

from functools import partial

from multimail.operations.emails import TAG_EMAIL
from multimail.operations.indexing import BATCH, index_some, list_unindexed_accounts
from multimail.operations.search import SEARCH_EMAILS
from tests.support import mailroom
from tests.support.world import World


async def found(world: World, q: str) -> list[str]:
    return [email["id"] for email in (await world.invoke(SEARCH_EMAILS, q=q))["emails"]]


async def waiting(world: World) -> list[str]:
    rows = await mailroom.execute(world, "SELECT email_id FROM unindexed ORDER BY email_id")
    return [row["email_id"] for row in rows]


async def test_whoever_searches_waits_for_what_is_left(world: World) -> None:
    ids = [(await mailroom.send(world, subject=f"Giraffe {number}"))["id"] for number in range(BATCH + 2)]
    assert await waiting(world) == sorted(ids)
    assert (await found(world, "giraffe"))[0] == ids[-1]
    assert await waiting(world) == []


async def test_batches_end(world: World) -> None:
    for _ in range(BATCH + 1):
        await mailroom.send(world)
    assert await world.services.db.read(list_unindexed_accounts) == [world.account_id]
    unit = partial(index_some, world.services, world.account_id)
    assert [await world.services.db.write(unit) for _ in range(2)] == [True, False]
    assert await world.services.db.read(list_unindexed_accounts) == []


async def test_what_changes_is_found_by_what_it_says_now(world: World) -> None:
    email_id = (await mailroom.send(world, subject="Giraffe"))["id"]
    assert await found(world, "giraffe") == [email_id]
    await world.invoke(TAG_EMAIL, email_id=email_id, tags=["zebra"])
    assert await waiting(world) == [email_id]
    assert await found(world, "zebra giraffe") == [email_id]
    await world.invoke(TAG_EMAIL, email_id=email_id, tags={"zebra": "striped"})
    assert await found(world, "striped") == [email_id]


async def test_what_is_gone_is_passed_over(world: World) -> None:
    email_id = (await mailroom.send(world, subject="Giraffe"))["id"]
    await mailroom.execute(world, "DELETE FROM contents WHERE email_id = :email_id", email_id=email_id)
    assert await found(world, "giraffe") == []
    assert await waiting(world) == []
