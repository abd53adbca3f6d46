"""What stands on record: a mailbox's decisions and modes, and the audit log's chain."""

from multimail.core.oversight import Mode
from multimail.operations.mailboxes import CREATE_MAILBOX, UPDATE_MAILBOX
from multimail.operations.records import CHECK_AUDIT_CHAIN, GET_MAILBOX_RECORD
from multimail.operations.sealing import seal_all
from multimail.operations.webhooks import CREATE_WEBHOOK, GET_WEBHOOK_DELIVERY, TEST_WEBHOOK
from tests.support import mailroom
from tests.support.world import World


async def test_a_mailbox_has_its_approval_rate_and_its_history(world: World) -> None:
    await world.add_operator("Mira")
    box = await world.invoke(CREATE_MAILBOX, "admin", address="sales")
    for action in ("approve", "approve", "reject"):
        sent = await mailroom.send(world, mailbox_id=box["id"])
        await mailroom.decide(world, sent["id"], action)
    await mailroom.send(world, mailbox_id=box["id"])
    await world.invoke(UPDATE_MAILBOX, "Mira", mailbox_id=box["id"], oversight_mode="autonomous")
    await world.invoke(UPDATE_MAILBOX, "Mira", mailbox_id=box["id"], name="Sales")
    record = await world.invoke(GET_MAILBOX_RECORD, "Mira", mailbox_id=box["address"])
    assert (record["approved"], record["rejected"], record["approval_rate"]) == (2, 1, 0.667)
    assert [(one["by"], one["was"], one["mode"]) for one in record["history"]] == [
        ("Mira", "gated_send", "autonomous"),
        ("admin", None, "gated_send"),
    ]
    ladder = {rung["mode"]: rung for rung in record["ladder"]}
    assert list(ladder) == [mode.value for mode in Mode] or len(ladder) == 5
    assert ladder["monitored"]["lacks"] and not ladder["monitored"]["looser"]
    shown = await world.invoke(GET_MAILBOX_RECORD, "agent", mailbox_id=box["address"])
    assert [one["by"] for one in shown["history"]] == [world.people["Mira"].id, "admin"]
    empty = await world.invoke(GET_MAILBOX_RECORD, mailbox_id=world.mailbox["mailbox_id"])
    assert empty["approval_rate"] is None and empty["last_decided_at"] is None


async def test_the_chain_is_checked_and_a_changed_entry_named(world: World) -> None:
    await mailroom.send(world)
    await seal_all(world.services, lambda head: "")
    await mailroom.send(world)
    checked = await world.invoke(CHECK_AUDIT_CHAIN, "admin")
    assert checked["whole"] and checked["count"] > 0 and checked["unsealed"] == 1
    sql = "UPDATE audit SET actor_name = 'somebody else' WHERE seq = 1"
    await mailroom.execute(world, sql)
    broken = await world.invoke(CHECK_AUDIT_CHAIN, "admin")
    assert not broken["whole"] and "entry 1" in broken["broken"]


async def test_a_log_that_lost_its_end_is_not_whole(world: World) -> None:
    await mailroom.send(world)
    await seal_all(world.services, lambda head: "")
    await mailroom.execute(world, "DELETE FROM audit WHERE seq = (SELECT MAX(seq) FROM audit)")
    assert not (await world.invoke(CHECK_AUDIT_CHAIN, "admin"))["whole"]


async def test_a_call_is_shown_with_its_payload(world: World) -> None:
    hook = await world.invoke(CREATE_WEBHOOK, "admin", url="https://example.test/")
    told = await world.invoke(TEST_WEBHOOK, "admin", webhook_id=hook["id"])
    shown = await world.invoke(GET_WEBHOOK_DELIVERY, "admin", delivery_id=told["id"])
    assert shown["payload"]["type"] == "webhook.test" and shown["payload"]["event_id"] == told["event_id"]
