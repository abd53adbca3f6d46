"""A deleted account leaves nothing but what its deletion documents; others keep all of theirs."""

import pytest

from multimail.core.errors import Refused
from multimail.core.times import HOUR
from multimail.operations.deletion import AT_ONCE, DELETE_ACCOUNT, IN_BATCHES
from multimail.operations.jobs import Lease
from multimail.operations.mailboxes import LIST_MAILBOXES
from multimail.operations.operators import pending_codes
from multimail.operations.sealing import seal_all
from multimail.workers import deliver, small
from multimail.workers.runner import Job
from tests.operations.test_export import BIG, COLUMNS, TABLES, furnish, part
from tests.support import mailroom
from tests.support.world import World, add_account

STAYS = {"accounts", "audit_heads"}


async def tables(world):
    """Those that have rows of accounts."""
    dialect = world.services.db.dialect
    named = [row["name"] for row in await mailroom.execute(world, TABLES[dialect])]
    return {
        table
        for table in named
        if "account_id"
        in {row["name"] for row in await mailroom.execute(world, COLUMNS[dialect].format(table))}
    }


async def rows(world, table):
    found = await mailroom.execute(
        world, f"SELECT account_id FROM {table} WHERE account_id = :account_id", account_id=world.account_id
    )
    return len(found)


async def delete(world):
    return await world.invoke(DELETE_ACCOUNT, "owner")


async def erase(world):
    return await mailroom.run_jobs(world, "erase", small.erasing(world.services))


async def test_every_table_of_accounts_is_emptied(world):
    """A new table fails here: name it in deletion.py, with its statement."""
    assert await tables(world) == STAYS | set(AT_ONCE) | set(IN_BATCHES)


async def test_all_of_it_goes_and_nothing_of_others(world):
    other = await add_account(World(world.services, world.clock), "other")
    for each in (world, other):
        await each.add_operator("owner")
        await furnish(each)
    names = await tables(world)
    kept = {table: await rows(other, table) for table in names}
    filled = {table for table in names if await rows(world, table)}
    assert filled >= STAYS | {"emails", "contents", "attachments", "blobs", "audit", "usage"}
    folder = world.services.blobs.store.path
    assert (folder / world.account_id).exists()
    assert await delete(world) == {"id": world.account_id, "deleted": True}
    assert {table for table in AT_ONCE if await rows(world, table)} == {"jobs"}
    await seal_all(world.services, lambda text: "signed")
    assert await erase(world) == ["now"]
    world.clock.pass_(HOUR)
    assert await erase(world) == ["later"]
    assert {table for table in names if await rows(world, table)} == STAYS
    assert not (folder / world.account_id).exists() and (folder / other.account_id).exists()
    assert {table: await rows(other, table) for table in names} == kept
    account = await world.run(lambda ctx: ctx.sql.get_account(account_id=world.account_id))
    assert account["deleted_by"] == f"operator:{world.people['owner'].id}" and account["deleted_at"]
    assert (account["name"], account["slug"], account["oversight_email"]) == ("", "acme", None)


async def test_keys_and_addresses_are_dead_at_once(world):
    await world.add_operator("owner")
    await delete(world)
    with pytest.raises(Refused) as caught:
        await world.invoke(LIST_MAILBOXES)
    assert caught.value.code == "unauthenticated"
    found = await world.run(lambda ctx: ctx.sql.find_address(address=world.mailbox["address"]))
    assert found is None


async def test_a_delivery_that_runs_writes_nothing(world):
    await world.add_operator("owner")
    sent = await mailroom.send(world, attachments=[part("a.pdf", BIG)])
    await mailroom.decide(world, sent["id"])

    class Deletes(mailroom.FarSide):
        async def deliver(self, sender, recipients, raw):
            await delete(world)
            await erase(world)
            return await super().deliver(sender, recipients, raw)

    await mailroom.hand_over(mailroom.leaving(world), Deletes())
    assert (await rows(world, "emails"), await rows(world, "sandbox")) == (0, 0)
    lease = Lease(world.account_id, "deliver", sent["id"], "tester")
    far = mailroom.FarSide()
    out = mailroom.leaving(world)
    await deliver.handler(out.services, await mailroom.keyring(out), far)(Job(lease, 0))
    assert far.taken == []


async def test_a_program_takes_an_owners_code(world):
    asked = await world.http("DELETE", "/v1/account", key="admin")
    assert asked.status == 202 and "for ever" in asked.json()["asks"]
    (shown,) = await world.run(pending_codes)
    answer = await world.http("DELETE", f"/v1/account?approval_code={shown['code']}", key="admin")
    assert (answer.status, answer.json()["deleted"]) == (200, True)
    assert (await world.http("GET", "/v1/account", key="admin")).status == 401
