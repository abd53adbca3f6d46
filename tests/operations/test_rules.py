"""Rules of the operator: who is allowed, who is denied, how much leaves; asked at acceptance and again later."""

import asyncio
from typing import Any

import pytest

from multimail.core.errors import Refused
from multimail.core.scopes import Scope
from multimail.core.times import HOUR, MINUTE, SECOND, to_rfc3339
from multimail.operations import operators
from multimail.operations.account import GET_AUDIT_LOG
from multimail.operations.rules import ADD_RULE, LIST_RULES, REMOVE_RULE
from multimail.operations.sealing import seal_all
from multimail.workers import small
from tests.support import mailroom
from tests.support.world import World, add_account


async def add(world: World, **given: Any) -> str:
    """As an owner would have it: a loosening is agreed to."""
    answer = await world.ask(ADD_RULE, "admin", given)
    if answer.status == 202:
        (code,) = await world.run(operators.pending_codes)
        answer = await world.ask(ADD_RULE, "admin", given | {"approval_code": code["code"]})
    return str(answer.body["id"])


async def remove(world: World, rule_id: str) -> None:
    answer = await world.ask(REMOVE_RULE, "admin", {"rule_id": rule_id})
    if answer.status == 202:
        (code,) = await world.run(operators.pending_codes)
        await world.invoke(REMOVE_RULE, "admin", rule_id=rule_id, approval_code=code["code"])


async def refused(world: World, **given: Any) -> Refused:
    with pytest.raises(Refused) as caught:
        await mailroom.send(world, **given)
    return caught.value


async def over(world: World, **given: Any) -> tuple[str, int]:
    """What a refusal for a cap says, and in how many seconds there is room."""
    answer = await refused(world, **given)
    assert (answer.code, answer.kind.status) == ("quota_exceeded", 429)
    return answer.sentence, int(str(answer.details["retry_after"]))


async def status(world: World, **given: Any) -> str:
    return str((await mailroom.send(world, **given))["status"])


async def state(world: World, email_id: str) -> str:
    return str((await mailroom.row(world, email_id))["state"])


async def listed(world: World, key: str = "agent", **given: Any) -> list[str]:
    return [rule["id"] for rule in (await world.invoke(LIST_RULES, key, **given))["rules"]]


async def test_add_list_remove(world: World) -> None:
    box = await world.add_mailbox("sales")
    everywhere = await add(world, kind="deny", pattern="Mallory@Example.TEST")
    here = await add(world, kind="cap", per_day=9, mailbox_id=world.mailbox["address"])
    there = await add(world, kind="deny", pattern="*@evil.test", mailbox_id=box["mailbox_id"])
    assert await listed(world) == [there, here, everywhere]
    assert await listed(world, mailbox_id=box["address"]) == [there, everywhere]
    first = await world.invoke(LIST_RULES, limit=1)
    (second, third) = (await world.invoke(LIST_RULES, cursor=first["cursor"]))["rules"]
    assert second | {"created_at": ""} == {
        "id": here,
        "rule_id": here,
        "kind": "cap",
        "pattern": None,
        "mailbox_id": world.mailbox["mailbox_id"],
        "per_hour": None,
        "per_day": 9,
        "created_at": "",
        "created_by": f"key:{world.key_ids['admin']}",
    }
    assert (third["pattern"], third["mailbox_id"]) == ("mallory@example.test", None)
    await remove(world, here)
    assert await listed(world) == [there, everywhere]
    await seal_all(world.services, lambda text: "signed")
    entries = (await world.invoke(GET_AUDIT_LOG, "admin", resource_id=here))["entries"]
    assert [(one["action"], one["metadata"]) for one in entries] == [
        ("remove_rule", {"kind": "cap", "per_day": 9}),
        ("add_rule", {"kind": "cap", "per_day": 9}),
    ]


@pytest.mark.parametrize(
    "given",
    [
        {"kind": "maybe", "pattern": "a@b.test"},
        {"kind": "deny"},
        {"kind": "allow", "pattern": "nobody"},
        {"kind": "allow", "pattern": "*@*"},
        {"kind": "deny", "pattern": "a@b.test", "per_day": 1},
        {"kind": "cap"},
        {"kind": "cap", "per_hour": 0},
        {"kind": "cap", "per_hour": 1, "pattern": "a@b.test"},
    ],
)
async def test_what_is_no_rule(world: World, given: dict[str, Any]) -> None:
    with pytest.raises(Refused) as caught:
        await world.invoke(ADD_RULE, "admin", **given)
    assert caught.value.code == "invalid_fields"


async def test_loosening_takes_an_owner_and_tightening_is_free(world: World) -> None:
    given = {"kind": "allow", "pattern": "*@example.test"}
    asked = await world.ask(ADD_RULE, "admin", given)
    assert (asked.status, asked.body["status"]) == (202, "pending_approval")
    assert "*@example.test" in asked.body["asks"] and await listed(world) == []
    assert await status(world) == "pending_approval"
    allow = await add(world, **given)
    assert (await world.ask(REMOVE_RULE, "admin", {"rule_id": allow})).status == 200
    for brake in ({"kind": "deny", "pattern": "bob@example.test"}, {"kind": "cap", "per_hour": 1}):
        rule_id = (await world.ask(ADD_RULE, "admin", brake)).body["id"]
        asked = await world.ask(REMOVE_RULE, "admin", {"rule_id": rule_id})
        assert asked.status == 202
        assert await listed(world) == [rule_id]
        await remove(world, rule_id)
        assert await listed(world) == []


async def test_mail_skips_the_gate_if_every_recipient_is_allowed(world: World) -> None:
    await add(world, kind="allow", pattern="*@example.test")
    await add(world, kind="allow", pattern="eve@other.test")
    assert await status(world) == "queued"
    assert await status(world, to="BOB@Example.test", bcc="Eve@other.test") == "queued"
    assert await status(world, cc="ann@other.test") == "pending_approval"
    assert await status(world, bcc="ann@other.test") == "pending_approval"
    assert await status(world, to="bob@sub.example.test") == "pending_approval"
    assert await status(world, oversight_mode="gated_all") == "pending_approval"
    await mailroom.set_mode(world, "gated_all")
    assert await status(world) == "pending_approval"
    await mailroom.set_mode(world, "read_only")
    assert (await refused(world)).code == "read_only"


async def test_a_rule_of_one_mailbox_says_nothing_about_another(world: World) -> None:
    box = await world.add_mailbox("sales")
    await add(world, kind="allow", pattern="bob@example.test", mailbox_id=box["mailbox_id"])
    await add(world, kind="deny", pattern="eve@example.test", mailbox_id=box["mailbox_id"])
    assert await status(world) == "pending_approval"
    assert await status(world, to="eve@example.test") == "pending_approval"
    assert await status(world, mailbox_id=box["mailbox_id"]) == "queued"
    assert (
        await refused(world, mailbox_id=box["mailbox_id"], to="eve@example.test")
    ).code == "recipient_denied"
    other = await add_account(World(world.services, world.clock), "other")
    await add(other, kind="deny", pattern="bob@example.test")
    assert await status(world) == "pending_approval"


async def test_one_denied_recipient_refuses_the_email(world: World) -> None:
    await add(world, kind="allow", pattern="*@example.test")
    await add(world, kind="deny", pattern="eve@example.test")
    await mailroom.set_mode(world, "autonomous")
    answer = await refused(world, bcc="Eve@Example.test")
    assert (answer.code, answer.kind.status) == ("recipient_denied", 403)
    assert answer.details["addresses"] == ["Eve@example.test"]
    assert await status(world) == "queued"


async def test_rules_are_looked_at_again_before_mail_leaves(world: World) -> None:
    allow = await add(world, kind="allow", pattern="bob@example.test")
    held, kept = [(await mailroom.send(world))["id"] for _ in range(2)]
    await mailroom.hand_over(world)
    assert [await state(world, one) for one in (held, kept)] == ["sent", "sent"]
    held = (await mailroom.send(world))["id"]
    approved = (await mailroom.send(world, to="eve@example.test"))["id"]
    await mailroom.decide(world, approved)
    await remove(world, allow)
    await add(world, kind="deny", pattern="eve@example.test")
    far = mailroom.FarSide()
    await mailroom.hand_over(mailroom.leaving(world), far)
    assert (await state(world, held), await state(world, approved)) == ("pending_approval", "blocked")
    assert far.taken == []


@pytest.mark.parametrize(("rule", "outcome"), [("allow", "queued"), (None, "pending_approval")])
async def test_rules_are_looked_at_again_when_its_time_has_come(
    world: World, rule: str | None, outcome: str
) -> None:
    at = to_rfc3339(world.clock.now + HOUR)
    sent = await mailroom.send(world, send_at=at, gate_timing="schedule_first")
    assert sent["status"] == "scheduled"
    if rule is not None:
        await add(world, kind=rule, pattern="*@example.test")
    world.clock.pass_(HOUR)
    await mailroom.run_jobs(world, "due", small.schedule(world.services))
    assert await state(world, sent["id"]) == outcome


async def test_a_cap_counts_a_moving_window(world: World) -> None:
    box = await world.add_mailbox("sales")
    await add(world, kind="cap", per_hour=2, per_day=9)
    await add(world, kind="cap", per_day=3, mailbox_id=world.mailbox["mailbox_id"])
    await mailroom.send(world)
    world.clock.pass_(20 * MINUTE)
    await mailroom.send(world)
    sentence, seconds = await over(world)
    assert "2 emails an hour" in sentence and 39 * 60 < seconds <= 40 * 60
    assert await status(world, mailbox_id=box["mailbox_id"]) == "pending_approval"
    world.clock.pass_(seconds * SECOND)
    await mailroom.send(world)
    world.clock.pass_(HOUR)
    sentence, seconds = await over(world)
    assert "3 emails a day" in sentence and seconds > HOUR // SECOND
    world.clock.pass_(seconds * SECOND)
    assert await status(world) == "pending_approval"


async def test_mail_that_comes_in_and_test_mail_count_for_nothing(world: World) -> None:
    await add(world, kind="cap", per_hour=1)
    await mailroom.arrive(world)
    await mailroom.send(world, "test")
    assert (await refused(world, key="test")).code == "quota_exceeded"
    assert await status(world) == "pending_approval"
    reply = await world.http(
        "POST", f"/v1/mailboxes/{world.mailbox['mailbox_id']}/send", {"to": "b@c.test", "markdown": "Hi."}
    )
    assert (reply.status, reply.json()["code"]) == (429, "quota_exceeded")
    assert int(dict(reply.headers)["retry-after"]) == reply.json()["retry_after"]


async def test_sends_at_the_same_moment_never_pass_a_cap(world: World) -> None:
    await add(world, kind="cap", per_hour=3)
    answers = await asyncio.gather(*(mailroom.send(world) for _ in range(8)), return_exceptions=True)
    assert [type(answer) for answer in answers].count(dict) == 3


async def test_a_limited_key_makes_and_removes_rules_of_its_mailboxes_alone(world: World) -> None:
    box = await world.add_mailbox("sales")
    await world.add_key("limited", [Scope.ADMIN], mailbox_ids={box["mailbox_id"]})
    everywhere = await add(world, kind="deny", pattern="a@b.test")
    await add(world, kind="deny", pattern="a@b.test", mailbox_id=world.mailbox["mailbox_id"])
    given = {"kind": "deny", "pattern": "c@d.test"}
    own = (await world.invoke(ADD_RULE, "limited", **given, mailbox_id=box["mailbox_id"]))["id"]
    assert await listed(world, "limited") == [own, everywhere]
    for operation, raw in ((ADD_RULE, given), (REMOVE_RULE, {"rule_id": everywhere})):
        with pytest.raises(Refused) as caught:
            await world.invoke(operation, "limited", **raw)
        assert caught.value.code == "mailbox_limited"
