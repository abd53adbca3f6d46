"""The full-screen queue, played with keys, against the product in this process."""

from typing import Any

import httpx2
import pytest
from textual.widgets import OptionList, Static

from multimail.client import AsyncMultiMail
from multimail.commands.approve_screen import Queue, warnings_of
from tests.support import mailroom
from tests.support.server import Server, multimail
from tests.support.world import World


@pytest.fixture
async def queue(world: World) -> Queue:
    http = httpx2.AsyncClient(transport=httpx2.ASGITransport(app=world.app))
    return Queue(AsyncMultiMail(world.keys["oversight"], "http://127.0.0.1:8025", http=http))


def read(queue: Queue) -> str:
    return str(queue.query_one("#email", Static).content)


async def decision(world: World, email_id: str) -> tuple[str, str | None]:
    found = await mailroom.row(world, email_id)
    return found["decision"] or "pending", found["decision_reason"]


async def test_emails_are_shown_whole_and_decided_one_by_one(world: World, queue: Queue) -> None:
    first = await mailroom.send(world, subject="One", markdown="Hello \u202eevil\x1b[31m")
    second = await mailroom.send(world, subject="Two", markdown="[b]no markup[/b]")
    async with queue.run_test() as keys:
        await keys.pause()
        assert queue.query_one("#queue", OptionList).option_count == 2
        shown = read(queue)
        assert "One" in shown and first["id"] in queue._pending
        assert "\\u202eevil\\x1b[31m" in shown and "\x1b" not in shown
        assert "! first contact: " in shown
        await keys.press("a", "n")
        assert await decision(world, first["id"]) == ("pending", None)
        await keys.press("a", "y")
        await keys.pause()
        assert await decision(world, first["id"]) == ("approved", None)
        assert "[b]no markup[/b]" in read(queue)
        await keys.press("r", *"Not so", "enter")
        await keys.pause()
        assert await decision(world, second["id"]) == ("rejected", "Not so")
        assert read(queue) == "Nothing waits."


async def test_the_list_is_searched_as_the_desk_s(world: World, queue: Queue) -> None:
    await mailroom.send(world, subject="Invoice 7", markdown="Hello")
    await mailroom.send(world, subject="Lunch", to=["Cook@elsewhere.test"], markdown="Hello")
    async with queue.run_test() as keys:
        await keys.pause()
        for words, subject in (("INVOICE", "Invoice 7"), ("cook@", "Lunch")):
            await keys.press("slash", *["backspace"] * 9, *words, "enter")
            await keys.pause()
            assert [email["subject"] for email in queue._pending.values()] == [subject]
            assert subject in read(queue) and queue.sub_title == f"1 waits with “{words}”"
        await keys.press("slash", *["backspace"] * 9, "enter")
        await keys.pause()
        assert queue.sub_title == "2 wait"


async def test_e_tells_where_to_edit_and_question_mark_the_keys(world: World, queue: Queue) -> None:
    email = await mailroom.send(world)
    async with queue.run_test() as keys:
        await keys.pause()
        await keys.press("e")
        (note,) = queue._notifications
        assert f"http://127.0.0.1:8025/dashboard/emails/{email['id']}/edit" in note.message
        await keys.press("question_mark")
        told = str(queue.screen.query_one(Static).content)
        assert "/       Search" in told and "a       Approve" in told
        await keys.press("question_mark", "q")
    assert queue.return_value is None


async def test_warnings_are_the_desk_s_the_gravest_first(world: World, queue: Queue) -> None:
    await mailroom.send(world, reply_to=["eve@elsewhere.test"])
    async with queue.run_test() as keys:
        await keys.pause()
        warnings = [line.split(":")[0] for line in read(queue).splitlines() if line.startswith("! ")]
    assert warnings == ["! reply to differs", "! first contact", "! external", "! read unknown"]


def test_a_forged_sender_is_said() -> None:
    reads = {"known": True, "elsewhere": False, "emails": [], "listed": []}
    lists = dict.fromkeys(
        ("first_contact", "near_duplicates", "reply_to_differs", "new_links", "external_domains"), ()
    )
    facts = lists | {"content_changed": False, "untrusted_reads": reads}
    email: Any = {"facts": facts, "findings": [], "auth": {"verdict": "fail", "reasons": ["dmarc: \x1b[2J"]}}
    (warning,) = warnings_of(email)
    assert warning.startswith(
        "sender unproven: the owner of the domain in From says it is forged. dmarc: \\x1b"
    )


async def test_what_was_decided_elsewhere_is_refused_and_told(world: World, queue: Queue) -> None:
    email = await mailroom.send(world)
    async with queue.run_test() as keys:
        await keys.pause()
        await mailroom.decide(world, email["id"], action="reject")
        await keys.press("a", "y")
        await keys.pause()
        assert [note.severity for note in queue._notifications] == ["error"]
        assert read(queue) == "Nothing waits."


def test_it_needs_a_key_and_a_terminal(server: Server) -> None:
    assert "MULTIMAIL_OVERSIGHT_KEY" in multimail("approve").stderr
    done = multimail("approve", environment={"MULTIMAIL_OVERSIGHT_KEY": server.keys["oversight"]})
    assert (done.returncode, "needs a terminal" in done.stderr) == (1, True)
