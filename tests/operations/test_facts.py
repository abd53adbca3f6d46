"""What is told of a pending email beyond its words, to whoever decides."""

from typing import Any

from multimail.core.scopes import Scope
from multimail.core.telling import told as in_words
from multimail.core.times import DAY, HOUR
from multimail.operations.editing import EDIT_EMAIL
from multimail.operations.emails import GET_MESSAGE, READ_EMAIL
from multimail.operations.events import LIST_EVENTS
from multimail.operations.inbox import CHECK_INBOX, LIST_EMAILS
from multimail.operations.oversight import LIST_PENDING
from multimail.operations.reviewing import LIST_QUEUE, REVIEW_EMAIL
from multimail.operations.search import SEARCH_EMAILS
from multimail.operations.sending import CANCEL_MESSAGE, REPLY_EMAIL
from multimail.operations.threads import GET_THREAD, LIST_THREADS
from multimail.operations.turns import LISTS
from multimail.operations.waiting import WAIT_FOR_EMAIL
from multimail.operations.webhooks import CREATE_WEBHOOK, DELETE_WEBHOOK
from tests.support import mailroom
from tests.support.world import World

LETTER = (
    "Dear Bob, your invoice over five hundred euros has been due since the third of May. Please transfer the amount "
    "to our account within ten days, or write to us if you need more time. Kind regards, the desk."
)


async def facts(world: World, email_id: str, key: str = "oversight") -> dict[str, Any]:
    pending = (await world.invoke(LIST_PENDING, key, limit=100))["pending"]
    return dict(next(one["facts"] for one in pending if one["id"] == email_id))


async def test_what_goes_outside_is_told(world: World) -> None:
    inside = f"boss@{world.mailbox['address'].rpartition('@')[2].upper()}"
    within = (await mailroom.send(world, to=inside))["id"]
    assert (await facts(world, within))["external_domains"] == []
    sent = (await mailroom.send(world, to=[inside, "bob@Example.test"]))["id"]
    assert (await facts(world, sent))["external_domains"] == ["example.test"]
    own = {"account_id": world.account_id, "domain_id": "dom_1", "domain": "example.test"}
    add = (
        "INSERT INTO domains (account_id, domain_id, domain, token, status, findings_json, created_at)"
        " VALUES (:account_id, :domain_id, :domain, '', :status, '{}', 0)"
    )
    await mailroom.execute(world, add, status="pending", **own)
    assert (await facts(world, sent))["external_domains"] == ["example.test"]
    await mailroom.execute(world, "UPDATE domains SET status = 'verified'")
    assert (await facts(world, sent))["external_domains"] == []


async def test_a_first_contact_is_told_until_there_was_one(world: World) -> None:
    people = {"to": "Bob <BOB@example.test>", "bcc": "eve@example.test"}
    sent = (await mailroom.send(world, **people))["id"]
    assert (await facts(world, sent))["first_contact"] == ["BOB@example.test", "eve@example.test"]
    await mailroom.decide(world, sent)
    assert (await facts(world, (await mailroom.send(world))["id"]))["first_contact"] == ["bob@example.test"]
    await mailroom.hand_over(world)
    again = (await mailroom.send(world, **people))["id"]
    assert (await facts(world, again))["first_contact"] == []


async def test_who_wrote_is_known_once_it_may_be_read(world: World) -> None:
    sent = (await mailroom.send(world, to="ann@example.test"))["id"]
    await mailroom.set_mode(world, "gated_all")
    held = await mailroom.arrive(world)
    assert (await facts(world, held))["first_contact"] == ["ann@example.test"]
    assert (await facts(world, sent))["first_contact"] == ["ann@example.test"]
    await mailroom.decide(world, held)
    assert (await facts(world, sent))["first_contact"] == []


async def test_who_was_refused_or_rehearsed_with_stays_unknown(world: World) -> None:
    await mailroom.set_mode(world, "gated_all")
    await mailroom.decide(world, await mailroom.arrive(world), "reject")
    await mailroom.decide(world, (await mailroom.send(world, "test", to="ann@example.test"))["id"])
    await mailroom.hand_over(world)
    far = mailroom.FarSide({"ann@example.test": ["failed"]})
    await mailroom.decide(world, (await mailroom.send(world, to="ann@example.test"))["id"])
    await mailroom.hand_over(mailroom.leaving(world), far)
    sent = (await mailroom.send(world, to="ann@example.test"))["id"]
    assert (await facts(world, sent))["first_contact"] == ["ann@example.test"]


async def test_near_duplicates_are_found_across_threads_and_agents(world: World) -> None:
    await world.add_key("second agent", [Scope.READ, Scope.SEND])
    box = await world.add_mailbox("sales")
    one = (await mailroom.send(world, markdown=LETTER))["id"]
    two = await mailroom.send(
        world,
        "second agent",
        mailbox_id=box["mailbox_id"],
        to="ann@example.test",
        cc="BOB@example.test",
        markdown=LETTER.replace("Dear", "Hi"),
    )
    others = [
        (await mailroom.send(world, **given))["id"]
        for given in (
            {"markdown": LETTER, "to": "carol@example.test"},
            {
                "markdown": "The meeting moves to three o'clock, because the large room is taken.",
                "subject": "",
            },
        )
    ]
    rehearsed = (await mailroom.send(world, "test", markdown=LETTER))["id"]
    await mailroom.index(world)
    assert (await facts(world, one))["near_duplicates"] == [two["id"]]
    assert (await facts(world, two["id"]))["near_duplicates"] == [one]
    for other in (*others, rehearsed):
        assert (await facts(world, other))["near_duplicates"] == []
    await world.add_key("limited", [Scope.READ], mailbox_ids={box["mailbox_id"]})
    assert (await facts(world, two["id"], "limited"))["near_duplicates"] == []
    await world.invoke(CANCEL_MESSAGE, email_id=one)
    assert (await facts(world, two["id"]))["near_duplicates"] == []
    await mailroom.decide(world, two["id"], "reject")
    assert await marked(world) == {*others, rehearsed}


async def marked(world: World) -> set[str]:
    return {row["email_id"] for row in await mailroom.execute(world, "SELECT email_id FROM marks")}


async def test_what_waits_no_more_when_the_indexer_comes_leaves_no_mark_and_what_waits_again_gets_them(
    world: World,
) -> None:
    rejected, approved = [(await mailroom.send(world, markdown=LETTER))["id"] for _ in range(2)]
    await mailroom.decide(world, rejected, "reject")
    await mailroom.decide(world, approved)
    await mailroom.index(world)
    assert await marked(world) == set()
    await mailroom.set_mode(world, "gated_all")  # the approval stands; what was never approved is held
    loose = (await mailroom.send(world, markdown=LETTER))["id"]
    await mailroom.index(world)
    assert await marked(world) == {loose}
    person = await world.add_operator("Olga")
    await world.invoke(EDIT_EMAIL, person.name, email_id=loose, markdown="Another text, of a person's hand.")
    assert await marked(world) == set()
    await mailroom.index(world)
    again = (await mailroom.send(world, markdown="Another text, of a person's hand."))["id"]
    await mailroom.index(world)
    assert (await facts(world, again))["near_duplicates"] == [loose]


async def test_a_limited_key_is_not_told_whom_other_mailboxes_know(world: World) -> None:
    box = await world.add_mailbox("sales")
    await mailroom.decide(world, (await mailroom.send(world))["id"])
    await mailroom.hand_over(world)
    sent = (await mailroom.send(world, mailbox_id=box["mailbox_id"]))["id"]
    await world.add_key("limited", [Scope.READ], mailbox_ids={box["mailbox_id"]})
    assert (await facts(world, sent))["first_contact"] == []
    assert (await facts(world, sent, "limited"))["first_contact"] == ["bob@example.test"]


async def test_what_else_is_told(world: World) -> None:
    elsewhere = (await mailroom.send(world, reply_to="desk@example.test"))["id"]
    here = (await mailroom.send(world, reply_to=world.mailbox["address"].upper()))["id"]
    sql = "UPDATE emails SET revision_count = 2 WHERE email_id = :email_id"
    await mailroom.execute(world, sql, email_id=here)
    told = await facts(world, elsewhere)
    assert (told["reply_to_differs"], told["content_changed"]) == (["desk@example.test"], False)
    told = await facts(world, here)
    assert (told["reply_to_differs"], told["content_changed"]) == ([], True)


async def test_the_facts_are_on_every_view_of_what_waits_and_on_nothing_else(world: World) -> None:
    sent = await mailroom.send(world)
    (listed,) = (await world.invoke(LIST_PENDING))["pending"]
    assert listed["facts"]["first_contact"] == ["bob@example.test"]
    for operation in (READ_EMAIL, GET_MESSAGE):
        assert (await world.invoke(operation, email_id=sent["id"]))["facts"] == listed["facts"]
    await mailroom.decide(world, sent["id"])
    for operation in (READ_EMAIL, GET_MESSAGE):
        assert (await world.invoke(operation, email_id=sent["id"]))["facts"] is None


async def new_links(world: World, markdown: str, **given: Any) -> list[str]:
    """Of an email that says so; it is rejected again. It is told the same before and after the indexer came by."""
    email_id = (await mailroom.send(world, markdown=markdown, **given))["id"]
    before = (await facts(world, email_id))["new_links"]
    await mailroom.index(world)
    assert (await facts(world, email_id))["new_links"] == before
    await mailroom.decide(world, email_id, "reject")
    return list(before)


async def test_a_link_is_new_until_somebody_had_it(world: World) -> None:
    offer = "See https://shop.test/a and [here](https&#58;//bank.test\\@Pay.test) and www.more.test, mailto:a@b.test."
    assert await new_links(world, offer) == ["pay.test", "shop.test", "www.more.test"]
    assert await new_links(world, "No link, only shop.test and 1/2.") == []
    assert await new_links(world, "x", html='<a href="https://given.test">x</a>') == ["given.test"]
    assert await new_links(world, offer, subject="Rejected before") != []
    sent = (await mailroom.send(world, markdown="https://shop.test/other"))["id"]
    await mailroom.decide(world, sent)
    await mailroom.hand_over(world)
    await mailroom.index(world)
    assert await new_links(world, "https://shop.test/b https://news.test") == ["news.test"]
    assert await new_links(world, "https://shop.test/b", cc="carol@example.test") == ["shop.test"]
    await mailroom.decide(world, (await mailroom.send(world, "test", markdown="https://news.test"))["id"])
    await mailroom.hand_over(world)
    await mailroom.index(world)
    assert await new_links(world, "https://news.test") == ["news.test"]


async def test_links_of_who_wrote_are_known_where_it_was_them(world: World) -> None:
    link = "Look: https://docs.test/1"
    forged = await mailroom.arrive(world, body=link)
    await mailroom.index(world)
    assert await new_links(world, link, to="ann@example.test") == ["docs.test"]
    world.names.table = {("example.test", "TXT"): ["v=spf1 ip4:192.0.2.1 -all"]}
    email_id = await mailroom.arrive(world, body=link, message_id="<q2@example.test>", subject="Another")
    await mailroom.index(world)
    assert await new_links(world, link, to="ann@example.test") == []
    assert await new_links(world, link) == ["docs.test"]
    answer = {"email_id": email_id, "markdown": link, "cc": "carol@example.test"}
    replied = (await world.invoke(REPLY_EMAIL, **answer))["id"]
    assert (await facts(world, replied))["new_links"] == []
    other = (await world.invoke(REPLY_EMAIL, **answer | {"email_id": forged}))["id"]
    assert (await facts(world, other))["new_links"] == ["docs.test"]
    rows = await mailroom.execute(world, "SELECT DISTINCT host FROM linked_hosts")
    assert [row["host"] for row in rows] == ["docs.test"]


async def reads(world: World, **metadata: str) -> dict[str, Any]:
    """What is told of an email to Bob that is sent with this metadata."""
    email_id = (await mailroom.send(world, metadata=metadata))["id"]
    return dict((await facts(world, email_id))["untrusted_reads"])


async def test_what_was_read_in_the_turn_is_told(world: World) -> None:
    one, two = [await mailroom.arrive(world, message_id=f"<{n}@example.test>") for n in "12"]
    nothing = {"elsewhere": False, "emails": [], "listed": []}
    assert await reads(world) == nothing | {"known": False}
    assert await reads(world, run_id="run_1") == nothing | {"known": True}
    turn = {"run_id": "run_1", "thread_id": "thread_1"}
    await world.ask(READ_EMAIL, "agent", {"email_id": one}, metadata=turn)
    await world.ask(READ_EMAIL, "agent", {"email_id": two}, metadata={"run_id": "run_2"})
    told = {
        "known": True,
        "elsewhere": True,
        "emails": [{"id": one, "from": "ann@example.test"}],
        "listed": [],
    }
    assert await reads(world, **turn) == told and await reads(world, run_id="run_1") == told
    assert (await reads(world, run_id="run_3"))["emails"] == []
    thread = (await world.invoke(GET_MESSAGE, email_id=two))["thread_id"]
    await world.ask(GET_THREAD, "agent", {"thread_id": thread}, metadata={"thread_id": "thread_1"})
    assert [found["id"] for found in (await reads(world, **turn))["emails"]] == [two, one]
    world.clock.now += 2 * DAY
    assert (await reads(world, **turn))["emails"] == []


async def test_reads_without_a_turn_leave_it_open(world: World) -> None:
    one = await mailroom.arrive(world)
    await world.ask(READ_EMAIL, "agent", {"email_id": one}, metadata={"run_id": "run_1"})
    assert (await reads(world, run_id="run_1"))["known"]
    await world.invoke(READ_EMAIL, email_id=one)
    told = await reads(world, run_id="run_1")
    assert not told["known"] and [found["id"] for found in told["emails"]] == [one]
    world.clock.now += 2 * DAY
    await world.ask(LIST_EVENTS, "agent", {}, metadata={"run_id": "run_1"})
    assert not (await reads(world, run_id="run_1"))["known"] and (await reads(world, run_id="run_2"))["known"]


async def glimpses(world: World) -> list[str]:
    """The lists of which it was written down what they showed."""
    rows = await mailroom.execute(world, "SELECT action FROM audit ORDER BY entry_id")
    return [row["action"] for row in rows if row["action"] in LISTS]


async def test_what_a_list_showed_in_the_turn_is_told_apart(world: World) -> None:
    one, two = [await mailroom.arrive(world, message_id=f"<{n}@example.test>") for n in "12"]
    box, seen = world.mailbox["mailbox_id"], {"id": one, "from": "ann@example.test"}
    lists = (
        (CHECK_INBOX, {"mailbox_id": box}),
        (LIST_EMAILS, {}),
        (LIST_THREADS, {"mailbox_id": box}),
        (SEARCH_EMAILS, {"q": "question"}),
        (GET_MESSAGE, {"email_id": one}),
        (WAIT_FOR_EMAIL, {"mailbox_id": box, "since_id": one, "timeout_seconds": 0}),
    )
    for operation, given in lists:
        turn = {"run_id": operation.name}
        await world.ask(operation, "agent", given, metadata=turn)
        told = await reads(world, **turn)
        assert told["known"] and not told["elsewhere"] and not told["emails"], operation.name
        assert told["listed"] and all(found["from"] == seen["from"] for found in told["listed"]), (
            operation.name
        )
    assert await glimpses(world) == [operation.name for operation, _ in lists]

    turn = {"run_id": "check_inbox", "emails": "[]"}
    await world.ask(READ_EMAIL, "agent", {"email_id": one}, metadata=turn)
    told = await reads(world, **turn)
    assert (told["emails"], [found["id"] for found in told["listed"]]) == ([seen], [two])
    email_id = (await mailroom.send(world, metadata=turn))["id"]
    (queued,) = (
        one for one in (await world.invoke(LIST_QUEUE, "oversight"))["emails"] if one["id"] == email_id
    )
    assert "listed_before" not in queued["signs"]
    assert ("listed_before", "in that turn it had seen subjects of mail of ann@example.test") in in_words(
        await facts(world, email_id)
    )


async def test_an_agent_that_polls_writes_down_what_is_new(world: World) -> None:
    given, turn = {"mailbox_id": world.mailbox["mailbox_id"]}, {"run_id": "run_1"}
    await world.ask(CHECK_INBOX, "agent", given, metadata=turn)
    await mailroom.send(world)
    await world.ask(CHECK_INBOX, "agent", given, metadata=turn)
    assert await glimpses(world) == []  # nobody else's words
    await mailroom.arrive(world)
    for metadata in (turn, turn, {}, {}):
        await world.ask(CHECK_INBOX, "agent", given, metadata=metadata)
    assert await glimpses(world) == ["check_inbox"] * 2
    assert not (await reads(world, **turn))["known"]  # two lists of no turn
    await mailroom.arrive(world, message_id="<2@example.test>")
    for metadata in (turn, turn, {}):
        await world.ask(CHECK_INBOX, "agent", given, metadata=metadata)
    assert await glimpses(world) == ["check_inbox"] * 3
    world.clock.now += HOUR
    await world.invoke(CHECK_INBOX, "oversight", **given)
    await world.add_key("reader", [Scope.READ])
    await world.invoke(CHECK_INBOX, "reader", **given)  # it writes to nobody
    assert await glimpses(world) == ["check_inbox"] * 3
    await world.ask(CHECK_INBOX, "agent", given)
    assert await glimpses(world) == ["check_inbox"] * 4


async def test_what_a_webhook_carries_is_not_known_to_be_unread(world: World) -> None:
    other = await world.add_mailbox("other")
    hook = {"url": "https://hooks.test/x", "mailbox_id": world.mailbox["mailbox_id"]}
    for more in ({"events": ["oversight.pending"]}, {"mailbox_id": other["mailbox_id"]}):
        await world.invoke(CREATE_WEBHOOK, "admin", **hook | more)
    assert (await reads(world, run_id="run_1"))["known"]
    made = await world.invoke(CREATE_WEBHOOK, "admin", **hook | {"events": ["message.received"]})
    assert not (await reads(world, run_id="run_1"))["known"]
    await world.invoke(DELETE_WEBHOOK, "admin", webhook_id=made["id"])
    assert (await reads(world, run_id="run_1"))["known"]


async def test_an_answer_that_is_reviewed_was_read(world: World) -> None:
    asked = await mailroom.arrive(world)
    replied = (await world.invoke(REPLY_EMAIL, email_id=asked, markdown="Yes."))["id"]
    await world.ask(REVIEW_EMAIL, "agent", {"email_id": replied}, metadata={"run_id": "run_1"})
    assert [found["id"] for found in (await reads(world, run_id="run_1"))["emails"]] == [asked]
