"""Mail programs as agents: what they hand in is a send like any other, with its gate. Python's smtplib is one."""

import asyncio
import smtplib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from email.message import EmailMessage
from email.policy import SMTP
from pathlib import Path
from typing import Any, TypeVar

import pytest

from multimail.core.errors import ERRORS, Refused
from multimail.core.scopes import Scope
from multimail.core.times import MINUTE
from multimail.operations.account import GET_AUDIT_LOG
from multimail.operations.api_keys import REVOKE_API_KEY
from multimail.operations.emails import READ_EMAIL
from multimail.operations.inbox import CHECK_INBOX
from multimail.operations.sealing import seal_all
from multimail.surfaces.smtp import SmtpServer
from multimail.surfaces.smtp_auth import SubmissionConversation
from multimail.surfaces.submission_intake import FAILED_LOGINS, LIMITS, KeyholdersIntake, refusal
from tests.support.mailroom import arrive, row, set_mode
from tests.support.world import World, build_world
from tests.surfaces.test_smtp import client_tls, server_tls

T = TypeVar("T")
ME = "support@acme.multimail.test"


@pytest.fixture
async def here(tmp_path: Path) -> AsyncIterator[World]:
    """A world on SQLite alone: where the dialect does not matter."""
    async with build_world(f"sqlite:///{tmp_path}/multimail.db", tmp_path) as built:
        yield built


@asynccontextmanager
async def submission(world: World, **options: Any) -> AsyncIterator[int]:
    intake = KeyholdersIntake(world.services)
    server = SmtpServer(
        intake, hostname="mx.test", conversation=SubmissionConversation, limits=LIMITS, **options
    )
    port = await server.start("127.0.0.1", 0)
    try:
        yield port
    finally:
        await server.stop(0)


async def program(port: int, talk: Callable[[smtplib.SMTP], T]) -> T:
    """What a program of the old kind does, on a thread."""

    def run() -> T:
        with smtplib.SMTP("127.0.0.1", port, timeout=30) as client:
            client.ehlo()
            return talk(client)

    return await asyncio.to_thread(run)


def letter(**changed: str) -> EmailMessage:
    message = EmailMessage()
    given = {"From": f"Support <{ME}>", "To": "Bob <bob@example.test>", "Subject": "An offer"}
    given |= {"Message-ID": "<m1@client.test>"}
    for name, value in (given | {name.replace("_", "-"): value for name, value in changed.items()}).items():
        message[name] = value
    message.set_content("Five **euros**.\n")
    return message


async def hand_in(
    world: World, port: int, message: EmailMessage, *people: str, key: str = "agent", sender: str = ME
) -> str:
    """The reply to the end of data, or the refusal."""

    def talk(client: smtplib.SMTP) -> str:
        client.login("anybody", world.keys[key])
        return _deliver(client, message, sender, people or ("bob@example.test",))

    return await program(port, talk)


def _deliver(client: smtplib.SMTP, message: EmailMessage, sender: str, people: tuple[str, ...]) -> str:
    code, said = client.mail(sender)
    if code != 250:
        return f"{code} {said.decode()}"
    for person in people:
        code, said = client.rcpt(person)
        if code != 250:
            return f"{code} {said.decode()}"
    code, said = client.data(message.as_bytes(policy=SMTP))
    return f"{code} {said.decode()}"


async def test_a_mail_program_sends_as_an_agent_does(world: World) -> None:
    message = letter(Cc="cy@example.test", X_Priority="1")
    message.add_alternative("<p>Five <b>euros</b>.</p>", subtype="html")
    message.add_attachment(b"%PDF", maintype="application", subtype="pdf", filename="offer.pdf")
    people = ("bob@example.test", "cy@example.test", "eve@example.test")
    async with submission(world) as port:
        first = await hand_in(world, port, message, *people)
        again = await hand_in(world, port, message, *people)
        other = await hand_in(world, port, letter(Subject="Other words", Cc="cy@example.test"), *people)
    words = first.split()
    assert words[:2] == ["250", "2.0.0"] and words[3:] == ["pending_approval;", "left", "out:", "x-priority"]
    assert again == f"250 2.0.0 {words[2]} pending_approval, handed in before; left out: x-priority"
    assert other.startswith("554 5.5.0 ") and other.endswith("[idempotency_mismatch]")
    email = await world.invoke(READ_EMAIL, email_id=words[2])
    assert (email["to"], email["cc"], email["subject"]) == (
        ["bob@example.test"],
        ["cy@example.test"],
        "An offer",
    )
    assert (email["markdown"], email["status"]) == ("Five **euros**.\n", "pending_approval")
    assert [one["name"] for one in email["attachments"]] == ["offer.pdf"]
    kept = await row(world, words[2])
    assert (kept["message_id"], kept["bcc_json"]) == ("m1@client.test", '["eve@example.test"]')
    await seal_all(world.services, lambda head: "")
    entries = (await world.invoke(GET_AUDIT_LOG, "admin"))["entries"]
    (entry,) = [one for one in entries if one["action"] == "send_email"]
    assert entry["actor"]["id"] == world.key_ids["agent"]
    assert entry["metadata"]["surface"] == "submission"
    assert (entry["resource_id"], entry["metadata"]["status"]) == (words[2], "pending_approval")


async def test_an_answer_joins_its_conversation(here: World) -> None:
    question = await arrive(here, message_id="<q1@example.test>")
    asked = await row(here, question)
    async with submission(here) as port:
        said = await hand_in(
            here, port, letter(In_Reply_To="<q1@example.test>", References="<q1@example.test>")
        )
        stray = await hand_in(
            here, port, letter(Message_ID="<m2@c.test>", In_Reply_To="<unknown@example.test>")
        )
    answer, other = await row(here, said.split()[2]), await row(here, stray.split()[2])
    assert (answer["thread_id"], answer["in_reply_to"]) == (asked["thread_id"], "q1@example.test")
    assert (other["thread_id"] != asked["thread_id"], other["in_reply_to"]) == (True, "unknown@example.test")


async def test_held_mail_has_no_conversation_to_join(here: World) -> None:
    await set_mode(here, "gated_all")
    held = await row(here, await arrive(here, message_id="<q1@example.test>"))
    async with submission(here) as port:
        said = await hand_in(here, port, letter(In_Reply_To="<q1@example.test>"))
    assert (await row(here, said.split()[2]))["thread_id"] != held["thread_id"]


async def test_the_mode_decides_and_a_test_key_stays_one(here: World) -> None:
    await set_mode(here, "autonomous")
    async with submission(here) as port:
        free = await hand_in(here, port, letter())
        test = await hand_in(here, port, letter(), key="test")
        await set_mode(here, "read_only")
        refused = await hand_in(here, port, letter(Message_ID="<m2@c.test>"))
    assert free.split()[3] == test.split()[3] == "queued"
    assert bool((await row(here, test.split()[2]))["test"])
    assert refused.startswith("550 5.7.1 This mailbox is read_only") and refused.endswith("[read_only]")


async def test_a_key_sends_as_its_own_mailboxes_alone(here: World) -> None:
    other = await here.add_mailbox("sales")
    await here.add_key("sales", [Scope.SEND], mailbox_ids={other["mailbox_id"]})
    async with submission(here) as port:
        for sender, key in ((ME, "sales"), ("no@acme.multimail.test", "agent"), ("", "agent")):
            assert (await hand_in(here, port, letter(), key=key, sender=sender))[:9] == "553 5.7.1"
        assert (await hand_in(here, port, letter(), key="admin")).endswith("[insufficient_scope]")
        as_other = await hand_in(here, port, letter(From="eve@example.test"))
        assert as_other.startswith("554 5.7.1 From has to be")
        assert (await hand_in(here, port, letter(), "x@[192.0.2.1]"))[:9] == "553 5.1.3"
        assert (
            await hand_in(here, port, letter(), "bob@example.test", *(f"p{n}@x.test" for n in range(50)))
        )[:9] == "452 4.5.3"


async def test_a_revoked_key_ends_at_once(here: World) -> None:
    async with submission(here) as port:
        loop = asyncio.get_running_loop()

        def revoke() -> None:
            revoked = here.invoke(REVOKE_API_KEY, "admin", key_id=here.key_ids["agent"])
            asyncio.run_coroutine_threadsafe(_awaited(revoked), loop).result(30)

        def talk(client: smtplib.SMTP) -> list[int]:
            client.login("x", here.keys["agent"])
            codes = [client.mail(ME)[0], client.rcpt("bob@example.test")[0]]
            revoke()
            codes.append(client.data(letter().as_bytes(policy=SMTP))[0])
            return [*codes, client.mail(ME)[0]]

        assert await program(port, talk) == [250, 250, 530, 530]
        with pytest.raises(smtplib.SMTPAuthenticationError) as caught:
            await hand_in(here, port, letter())
        assert caught.value.smtp_code == 535
    assert (await here.invoke(CHECK_INBOX, "admin", mailbox_id=ME))["emails"] == []


async def _awaited(wanted: Any) -> Any:
    return await wanted


async def test_guessing_keys_is_slow(here: World) -> None:
    def guess(client: smtplib.SMTP) -> int:
        return client.docmd("AUTH", "PLAIN AG1lAG1tX2xpdmVfeA==")[0]

    async with submission(here) as port:
        codes = [await program(port, guess) for _ in range(FAILED_LOGINS + 1)]
        assert codes == [535] * FAILED_LOGINS + [454]
        with pytest.raises(smtplib.SMTPAuthenticationError):  # a good key too: it may be a guess
            await hand_in(here, port, letter())
        here.clock.pass_(MINUTE)
        assert (await hand_in(here, port, letter()))[:3] == "250"


async def test_both_kinds_of_tls(here: World) -> None:
    def talk(client: smtplib.SMTP) -> str:
        client.login("x", here.keys["agent"])
        return _deliver(client, letter(), ME, ("bob@example.test",))

    def starttls(client: smtplib.SMTP) -> str:
        client.starttls(context=client_tls())
        return talk(client)

    def implicit() -> str:
        with smtplib.SMTP_SSL("127.0.0.1", port, timeout=30, context=client_tls()) as client:
            assert not client.has_extn("starttls")
            return talk(client)

    async with submission(here, tls=server_tls()) as port:
        assert (await program(port, starttls))[:3] == "250"
    async with submission(here, tls=server_tls(), implicit_tls=True) as port:
        assert "handed in before" in await asyncio.to_thread(implicit)


async def test_what_a_send_is_refused_for_is_said_in_smtp_s_words(here: World) -> None:
    async with submission(here) as port:
        large = letter()
        large.set_content("word " * 60_000)
        assert (await hand_in(here, port, large))[:9] == "554 5.6.0"
        assert (await hand_in(here, port, letter(Subject="x" * 999)))[:9] == "554 5.6.0"


@pytest.mark.parametrize("code", ERRORS)
def test_every_error_is_a_reply_after_the_data(code: str) -> None:
    said = refusal(Refused(code))
    assert str(said.code)[0] == said.enhanced[0]
    assert said.code // 100 in (4, 5)
    assert (said.code // 100 == 4) == ERRORS[code].temporary
    assert said.text.endswith(f"[{code}]")
