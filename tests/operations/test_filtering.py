"""What becomes of mail that is spam, or a machine's."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from multimail.core.bayes import ENOUGH
from multimail.core.spam import Envelope, Reason
from multimail.mail.spam import GTUBE
from multimail.operations.emails import READ_EMAIL
from multimail.operations.erasing import ERASE_EMAIL
from multimail.operations.rules import ADD_RULE
from multimail.operations.sending import REPLY_EMAIL
from multimail.operations.spam import NOT_SPAM, REPORT_SPAM
from multimail.workers import small
from tests.support import mailroom
from tests.support.world import World


async def read(world: World, email_id: str) -> dict[str, Any]:
    return dict(await world.invoke(READ_EMAIL, email_id=email_id))


async def test_a_score_tells_its_reasons(world: World) -> None:
    email = await read(world, await mailroom.arrive(world))
    assert (email["status"], email["spam_verdict"]) == ("read", "clean")
    assert round(sum(one["points"] for one in email["spam_reasons"]), 1) == email["spam_score"]
    assert {"rule": "no_date", "points": 0.5, "detail": "there is no Date that can be read"} in email[
        "spam_reasons"
    ]


async def test_spam_is_quarantined_and_told_to_nobody_until_it_is_cleared(world: World) -> None:
    email_id = await mailroom.arrive(world, body=GTUBE)
    email = await read(world, email_id)
    assert (email["status"], email["spam_verdict"]) == ("spam_quarantined", "quarantined")
    assert email["spam_reasons"][0]["rule"] == "gtube"
    await world.invoke(NOT_SPAM, email_id=email_id)
    (event,) = await mailroom.events(world, 1)
    assert (event["type"], event["id"]) == ("email.received", email_id)


async def asking(world: World, reasons: Sequence[Reason]) -> list[Envelope]:
    asked: list[Envelope] = []

    async def opinion(raw: bytes, envelope: Envelope) -> Sequence[Reason]:
        asked.append(envelope)
        return reasons

    world.services = replace(world.services, second_opinion=opinion, dns_lists=("zen.example",))
    return asked


async def test_lists_and_a_filter_beside_are_asked(world: World) -> None:
    asked = await asking(world, [Reason("rspamd", 5.0, "rspamd: add header; X 7")])
    email = await read(world, await mailroom.arrive(world))
    assert (email["status"], email["spam_verdict"]) == ("spam_flagged", "flagged")
    (event,) = await mailroom.events(world, 1)
    assert (
        event["data"]["status"] == "spam_flagged" and event["data"]["reputation"]["spam_verdict"] == "flagged"
    )
    assert asked == [
        Envelope("192.0.2.1", "client.example.test", "ann@example.test", world.mailbox["address"])
    ]


async def test_mail_between_own_mailboxes_is_not_judged(world: World) -> None:
    asked = await asking(world, [Reason("rspamd", 100.0, "x")])
    other = await world.add_mailbox("other")
    await mailroom.set_mode(world, "autonomous")
    await mailroom.send(world, to=other["address"], markdown=GTUBE)
    await mailroom.hand_over(world)
    (email_id,) = await mailroom.understand(world)
    assert (await read(world, email_id))["status"] == "read" and asked == []


async def learn(world: World) -> None:
    await mailroom.run_jobs(world, "learn", small.learning(world.services))


async def test_what_is_called_spam_is_learned(world: World) -> None:
    async def arrive(number: int, body: str) -> str:
        return await mailroom.arrive(
            world, message_id=f"<l{number}@x.test>", body=body, sender=f"s{number}@x.test"
        )

    spam = [await arrive(n, f"cheap pills and watches {n}") for n in range(ENOUGH)]
    ham = [await arrive(100 + n, f"the october invoice {n}") for n in range(ENOUGH)]
    for email_id in spam:
        await world.invoke(REPORT_SPAM, email_id=email_id)
    await learn(world)
    for email_id in ham:
        await world.invoke(REPORT_SPAM, email_id=email_id)
        await learn(world)
        await world.invoke(NOT_SPAM, email_id=email_id)
    await learn(world)
    counted = await mailroom.execute(world, "SELECT spam, ham FROM spam_tokens WHERE token = -1")
    assert tuple(counted[0][name] for name in ("spam", "ham")) == (ENOUGH, ENOUGH)
    bad = await read(world, await arrive(200, "cheap pills"))
    good = await read(world, await arrive(201, "october invoice"))
    points = [
        {one["rule"]: one["points"] for one in email["spam_reasons"]}.get("learned", 0)
        for email in (bad, good)
    ]
    assert points[0] > 1 and points[1] < -0.5


async def test_learning_twice_counts_once(world: World) -> None:
    email_id = await mailroom.arrive(world)
    await world.invoke(REPORT_SPAM, email_id=email_id)
    await learn(world)
    await world.invoke(NOT_SPAM, email_id=email_id)
    await world.invoke(REPORT_SPAM, email_id=email_id)
    await learn(world)
    (counted,) = await mailroom.execute(world, "SELECT spam, ham FROM spam_tokens WHERE token = -1")
    assert (counted["spam"], counted["ham"]) == (1, 0)


async def test_answered_mail_is_learned_as_no_spam_beside_it(world: World) -> None:
    answered = await mailroom.arrive(world, body="the october invoice")
    reply = await world.invoke(REPLY_EMAIL, email_id=answered, markdown="Thanks.")
    await mailroom.decide(world, reply["id"])
    await mailroom.hand_over(world)
    spam = await mailroom.arrive(world, message_id="<s@x.test>", body="cheap pills")
    await world.invoke(REPORT_SPAM, email_id=spam)
    await learn(world)
    rows = await mailroom.execute(world, "SELECT email_id, learned FROM emails WHERE learned IS NOT NULL")
    assert {row["email_id"]: row["learned"] for row in rows} == {answered: "ham", spam: "spam"}


async def test_answered_mail_that_was_erased_teaches_nothing(world: World) -> None:
    answered = await mailroom.arrive(world)
    reply = await world.invoke(REPLY_EMAIL, email_id=answered, markdown="Thanks.")
    await mailroom.decide(world, reply["id"])
    await mailroom.hand_over(world)
    await world.add_operator("owner")
    await world.invoke(ERASE_EMAIL, "owner", email_id=answered)
    spam = await mailroom.arrive(world, message_id="<s@x.test>")
    await world.invoke(REPORT_SPAM, email_id=spam)
    await learn(world)
    rows = await mailroom.execute(world, "SELECT email_id, learned FROM emails WHERE learned IS NOT NULL")
    assert {row["email_id"]: row["learned"] for row in rows} == {spam: "spam"}


async def test_an_answer_to_a_machine_waits_for_a_person(world: World) -> None:
    await mailroom.set_mode(world, "autonomous")
    person = await mailroom.arrive(world)
    machine = await mailroom.arrive(world, message_id="<m@x.test>", Auto_Submitted="auto-replied")
    assert (await read(world, machine))["automatic"] == "auto-replied"
    (_, event) = await mailroom.events(world, 2)
    assert event["data"]["automatic"] == "auto-replied"
    assert (await world.invoke(REPLY_EMAIL, email_id=person, markdown="Yes."))["status"] == "queued"
    answer = await world.invoke(REPLY_EMAIL, email_id=machine, markdown="Yes.")
    assert (answer["status"], answer["effective_mode"]) == ("pending_approval", "gated_all")
    email = await read(world, answer["id"])
    assert [finding["kind"] for finding in email["findings"]] == ["answers_machine"]


async def test_an_allow_rule_does_not_let_machines_talk(world: World) -> None:
    await world.add_operator("owner")
    await world.invoke(ADD_RULE, "owner", kind="allow", pattern="*@example.test")
    person = await mailroom.arrive(world)
    machine = await mailroom.arrive(world, message_id="<m@x.test>", Precedence="bulk")
    assert (await world.invoke(REPLY_EMAIL, email_id=person, markdown="Yes."))["status"] == "queued"
    assert (await world.invoke(REPLY_EMAIL, email_id=machine, markdown="Yes."))[
        "status"
    ] == "pending_approval"


async def test_a_conversation_faster_than_people_waits(world: World) -> None:
    await mailroom.set_mode(world, "autonomous")
    email_id = await mailroom.arrive(world)
    answers = [await world.invoke(REPLY_EMAIL, email_id=email_id, markdown=f"Yes {n}.") for n in range(11)]
    assert [one["status"] for one in answers] == ["queued"] * 10 + ["pending_approval"]
    assert (await read(world, answers[-1]["id"]))["findings"][0]["kind"] == "thread_rate"


async def test_own_mail_that_comes_back_starts_nothing(world: World) -> None:
    email = await read(world, await mailroom.arrive(world, X_Loop="support@acme.multimail.test"))
    assert (email["status"], email["automatic"]) == ("archived", "loop")
    assert await mailroom.events(world) == []
