"""Search: the same words find the same emails on both databases, and only what may be known."""

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from multimail.core.errors import Refused
from multimail.core.scopes import Scope
from multimail.core.search import Term, document, read_query
from multimail.operations.emails import REMOVE_TAG, TAG_EMAIL
from multimail.operations.search import SEARCH_EMAILS
from multimail.operations.spam import REPORT_SPAM
from tests.support import mailroom
from tests.support.world import World, add_account


async def find(world: World, q: str, key: str = "agent", **more: Any) -> list[str]:
    answer = await world.invoke(SEARCH_EMAILS, key, q=q, **{"limit": 100} | more)
    return [email["id"] for email in answer["emails"]]


async def test_every_part_of_an_email_is_searched(world: World) -> None:
    quoted = "New words.\r\n\r\nOn Mon, 2 Nov 2026 at 10:00, Bob <bob@example.test> wrote:\r\n> Oldwords"
    email_id = await mailroom.arrive(
        world,
        sender="Änne Müller <anne@example.test>",
        cc="dan@example.test",
        subject="Rechnung Nr. 5",
        body=quoted,
    )
    sent = (await mailroom.send(world, bcc="eve@example.test", metadata={"run_id": "run-77"}))["id"]
    await world.invoke(TAG_EMAIL, email_id=email_id, tags={"urgency": "sky high"}, notes="Call back Friday.")
    for q in ("rechnung", "RECHNUNG 5", "muller", "MÜLLER anne", "anne@example.test", "dan", "new", "oldwords",
              "urgency", '"sky high"', "friday", "-offer example", "rech*", "rechnung -draft"):  # fmt: skip
        assert await find(world, q) == [email_id], q
    for q in ("five euros", '"five euros"', "eve@example.test", "offer", "run-77", "run_id"):
        assert await find(world, q) == [sent], q
    assert await find(world, "example") == [sent, email_id]
    for q in (
        "nothing",
        "rechnun",
        '"5 anne"',
        '"5 rechnung"',
        "rechnung five",
        "high-friday",
        "new -oldwords",
    ):
        assert await find(world, q) == [], q


async def test_tags_and_notes_are_found_as_they_are_now(world: World) -> None:
    email_id = await mailroom.arrive(world)
    await world.invoke(TAG_EMAIL, email_id=email_id, tags={"kind": "alpha"}, notes="first")
    await world.invoke(TAG_EMAIL, email_id=email_id, tags={"kind": "beta"}, notes="second")
    assert await find(world, "alpha") == await find(world, "first") == []
    assert await find(world, "beta second question") == [email_id]
    await world.ask(REMOVE_TAG, "agent", {"email_id": email_id, "key": "kind"})
    assert await find(world, "beta") == []


async def test_filters_and_pages(world: World) -> None:
    made = [(await mailroom.send(world, subject=f"offer {number}"))["id"] for number in range(5)]
    came = await mailroom.arrive(world, subject="offer", mailbox=await world.add_mailbox("sales"))
    page = await world.invoke(SEARCH_EMAILS, q="offer", limit=3)
    assert [email["id"] for email in page["emails"]] == [came, made[4], made[3]]
    await mailroom.send(world)
    assert await find(world, "offer", cursor=page["cursor"]) == made[2::-1]
    assert await find(world, "offer", direction="inbound") == [came]
    assert await find(world, "offer", mailbox_id="sales@acme.multimail.test") == [came]
    assert await find(world, "offer", status="unread") == [came]
    assert (await find(world, "offer", since_id=made[3]))[1:] == [came, made[4]]
    assert "markdown" not in page["emails"][0]
    answer = await world.http("GET", "/search_emails?query=offer&limit=1")
    assert len(answer.json()["messages"]) == 1
    assert (await world.http("GET", "/v1/search?q=offer+2")).json()["emails"][0]["id"] == made[2]


async def test_what_may_not_be_known_is_not_found(world: World) -> None:
    sales = await world.add_mailbox("sales")
    stranger = await add_account(World(world.services, world.clock), "globex")
    theirs = await mailroom.arrive(stranger)
    first = await mailroom.arrive(world)
    own = await mailroom.arrive(world, mailbox=sales, message_id="<2@example.test>")
    await world.add_key("limited", [Scope.READ], mailbox_ids={sales["mailbox_id"]})
    await mailroom.set_mode(world, "gated_all")
    held = await mailroom.arrive(world, message_id="<3@example.test>")
    assert await find(world, "question") == [own, first]
    assert await find(world, "question", "limited") == [own]
    assert await find(stranger, "question") == [theirs]
    assert await find(world, "question", "oversight") == [held, own, first]
    await mailroom.decide(world, held)
    assert await find(world, "question") == [held, own, first]


async def test_spam_is_found_by_its_status_alone(world: World) -> None:
    email_id = await mailroom.arrive(world)
    await world.invoke(REPORT_SPAM, email_id=email_id)
    assert await find(world, "question") == []
    assert await find(world, "question", status="spam") == [email_id]


@pytest.mark.parametrize("q", ["", "-only", "a*", "!!", " ".join("abcdefghijklmnopq"), "x" * 501])
async def test_queries_that_are_none(world: World, q: str) -> None:
    with pytest.raises(Refused) as caught:
        await find(world, q)
    assert (caught.value.code, caught.value.details["fields"][0]["path"]) == ("invalid_fields", "q")


async def test_the_longest_mail_is_taken_and_found(world: World) -> None:
    """PostgreSQL's limits (positions, repetitions, a megabyte) are met before it meets them."""
    letters = "\U00010330\U00010331\U00010332"
    body = "start " + " ".join(letters[i % 3] * 60 + str(i) for i in range(9000)) + " the" * 5000 + " end"
    email_id = await mailroom.arrive(world, body=body, Content_Type="text/plain; charset=utf-8")
    assert await find(world, "start") == [email_id]
    again = await mailroom.arrive(world, body="the " * 300 + "very end", message_id="<2@example.test>")
    assert await find(world, '"very end"') == await find(world, '"the the"') == [again]
    assert await find(world, '"the very"') == []  # the 300th: beyond what is kept of one word, on both alike


# Against a model in ten lines: so that both databases agree with it, and with each other.

WORDS = ["alpha", "Beta", "béta", "beta2", "東京", "京都", "x", "and", "or", "not", "near", "ann@x.test", "a_b",
         "ﬁ", "100%"]  # fmt: skip


def holds(kept: list[str], term: Term) -> bool:
    *first, last = term.words
    for start in range(len(kept) - len(term.words) + 1):
        place = kept[start : start + len(term.words)]
        if place[:-1] == first and (place[-1].startswith(last) if term.prefix else place[-1] == last):
            return True
    return False


def is_found(body: str, q: str) -> bool:
    kept = document([body]).split(" ")
    return all(holds(kept, term) is not term.excluded for term in read_query(q))


TEXTS = st.lists(st.sampled_from(WORDS), min_size=1, max_size=6).map(" ".join)
QUERIES = st.lists(
    st.tuples(
        st.sampled_from(["", "", "", "-"]), TEXTS | st.sampled_from(WORDS), st.booleans(), st.booleans()
    ),
    min_size=1,
    max_size=3,
)


def query(parts: list[tuple[str, str, bool, bool]]) -> str:
    return " ".join(
        f'{minus}"{text}"{"*" * star}' if quoted or " " in text else f"{minus}{text}{'*' * star}"
        for minus, text, star, quoted in parts
    )


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    bodies=st.lists(TEXTS, min_size=3, max_size=6),
    asked=st.lists(QUERIES.map(query), min_size=5, max_size=10),
)
async def test_it_finds_what_the_model_finds(world: World, bodies: list[str], asked: list[str]) -> None:
    since = (await mailroom.send(world, subject="", markdown="zzz"))["id"]
    made = [(await mailroom.send(world, subject="", markdown=body))["id"] for body in bodies]
    for q in asked:
        try:
            expected = [email for email, body in zip(made, bodies, strict=True) if is_found(body, q)][::-1]
        except ValueError:
            continue
        assert await find(world, q, since_id=since) == expected, (q, bodies)
