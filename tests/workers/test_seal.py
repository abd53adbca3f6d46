"""Sealing: one chain an account, whoever seals, and heads that are published."""

import asyncio
import json

import pytest

from multimail.core.audit_chain import GENESIS, verify
from multimail.core.times import HOUR
from multimail.operations.account import GET_AUDIT_LOG, audit_view
from multimail.operations.context import Context
from multimail.operations.operation import write_audit
from multimail.operations.sealing import BATCH, head_text, seal_all
from multimail.storage.database import StorageFull
from multimail.workers import rounds as module
from multimail.workers.seal import sealer
from tests.support import mailroom
from tests.support.world import World


def sign(text: bytes) -> str:
    return f"signed {len(text)}"


async def chain(world: World) -> list[dict[str, object]]:
    rows = await mailroom.execute(world, "SELECT * FROM audit WHERE seq IS NOT NULL ORDER BY seq")
    return [audit_view(row) for row in rows]


async def test_every_entry_gets_its_place_and_a_change_shows(world: World) -> None:
    for _ in range(3):
        await mailroom.send(world)
    await seal_all(world.services, sign)
    entries = await chain(world)
    verdict = verify(entries)
    assert (verdict.broken, verdict.count) == (None, len(entries)) and entries[0]["prev"] == GENESIS
    assert await mailroom.execute(world, "SELECT * FROM audit WHERE seq IS NULL") == []
    listed = (await world.invoke(GET_AUDIT_LOG, "admin", limit=100))["entries"]
    assert listed == entries[::-1]
    sql = "UPDATE audit SET metadata_json = '{}' WHERE seq = :seq"
    await mailroom.execute(world, sql, seq=len(entries) - 1)
    assert "was changed" in str(verify(await chain(world)).broken)


async def test_sealers_that_run_at_once_make_one_chain(world: World) -> None:
    async def work() -> None:
        for _ in range(5):
            await mailroom.send(world)
            await seal_all(world.services, sign)

    await asyncio.gather(*(work() for _ in range(4)))
    await seal_all(world.services, sign)
    entries = await chain(world)
    assert len(entries) >= 20 and verify(entries).broken is None
    assert await mailroom.execute(world, "SELECT * FROM audit WHERE seq IS NULL") == []


async def test_more_than_a_batch_is_sealed_in_one_go(world: World) -> None:
    email_id = (await mailroom.send(world))["id"]
    await seal_all(world.services, sign)
    done = len(await chain(world))

    def many(ctx: Context) -> None:
        ctx.about("email", email_id)
        for _ in range(BATCH + 1):
            write_audit(ctx, "read_email")

    await world.run(many)
    await seal_all(world.services, sign)
    entries = await chain(world)
    assert len(entries) == done + BATCH + 1 and verify(entries).broken is None


async def test_signed_heads_are_events_once_an_hour(world: World) -> None:
    await mailroom.send(world)
    await seal_all(world.services, sign)
    await mailroom.send(world)
    await seal_all(world.services, sign)
    world.clock.pass_(HOUR + HOUR)
    await mailroom.send(world)
    await seal_all(world.services, sign)
    first, second = await mailroom.events(world, 2, type="audit.head")
    entries = await chain(world)
    head = second["data"]["head"]
    assert (head["account_id"], head["seq"]) == (world.account_id, len(entries))
    assert head["hash"] == entries[-1]["hash"] and head["signature"] == sign(head_text(head))
    assert first["data"]["head"]["hash"] == entries[first["data"]["head"]["seq"] - 1]["hash"]
    assert json.loads(head_text(head))["hash"] == head["hash"]


async def test_the_sealer_outlives_a_full_disk_and_seals_at_its_end(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PAUSE", 0.005)
    write, failed = world.services.db.write, asyncio.Event()

    async def full(unit: object) -> None:
        failed.set()
        raise StorageFull("full")

    await mailroom.send(world)
    world.services.db.write = full  # type: ignore[method-assign,assignment]  # this one world's database
    chore = sealer(world.services, sign)
    await chore.start()
    await failed.wait()
    world.services.db.write = write  # type: ignore[method-assign]  # as before
    await mailroom.send(world)
    while await mailroom.execute(world, "SELECT * FROM audit WHERE seq IS NULL"):
        await asyncio.sleep(0.005)
    await mailroom.send(world)
    await chore.stop()
    assert await mailroom.execute(world, "SELECT * FROM audit WHERE seq IS NULL") == []
    assert verify(await chain(world)).broken is None
