"""Erasing: what an email said goes, from everywhere; that there was one stays, and the audit log still verifies."""

import asyncio
import base64
import json
import os
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from multimail.core.audit_chain import Verdict, verify
from multimail.core.errors import Refused
from multimail.core.scopes import Role, Scope
from multimail.core.times import DAY, HOUR, MINUTE, SECOND
from multimail.operations.account import GET_ACCOUNT, audit_view
from multimail.operations.account_update import UPDATE_ACCOUNT
from multimail.operations.attachments import DOWNLOAD_ATTACHMENT
from multimail.operations.contacts import ADD_CONTACT, SEARCH_CONTACTS
from multimail.operations.context import Context
from multimail.operations.drafts import CREATE_DRAFT, DELETE_DRAFT, EDIT_DRAFT, LIST_DRAFTS, SEND_DRAFT
from multimail.operations.editing import EDIT_EMAIL
from multimail.operations.emails import GET_MESSAGE, READ_EMAIL, TAG_EMAIL
from multimail.operations.erasing import ERASE_EMAIL, SETTLED, erase_old
from multimail.operations.erasing_people import ERASE_PERSON, GET_ERASURE
from multimail.operations.events import LIST_EVENTS
from multimail.operations.export import EXPORT_ACCOUNT
from multimail.operations.html import READ_HTML
from multimail.operations.inbox import CHECK_INBOX
from multimail.operations.loose import GRACE, SETTLE, STRAY, note_strays, remove_loose
from multimail.operations.rules import ADD_RULE, LIST_RULES
from multimail.operations.sealing import seal_all
from multimail.operations.search import SEARCH_EMAILS
from multimail.operations.sending import REPLY_EMAIL
from multimail.operations.suppression import CHECK_SUPPRESSION, suppress
from multimail.operations.threads import GET_THREAD
from multimail.operations.usage import GET_USAGE
from multimail.storage.blobs import INLINE, Blobs, BytesGoing, keep
from multimail.workers import small
from tests.operations.test_export import files_of, lines
from tests.support import mailroom, overseer
from tests.support.traces import places_of
from tests.support.world import World, add_account, build_world

ZORA = "zora@private.test"
WORD = "xylophone"
BIG = base64.b64encode(f"{WORD} ".encode() * INLINE).decode()


def part(content: bytes, name: str = "a.txt") -> dict[str, str]:
    return {"name": name, "content_base64": base64.b64encode(content).decode()}


def letter(body: str = WORD, **more: Any) -> bytes:
    given = {"sender": f"Zora <{ZORA}>", "subject": f"A {WORD}", "message_id": "<1@private.test>"} | more
    return mailroom.mail(body=body, **given)


async def refused(world: World, operation: Any, key: str = "agent", **given: Any) -> Refused:
    with pytest.raises(Refused) as caught:
        await world.invoke(operation, key, **given)
    return caught.value


async def as_owner(world: World, operation: Any, **given: Any) -> Any:
    if "owner" not in world.people:
        await world.add_operator("owner")
    return await world.invoke(operation, "owner", **given)


async def settle(world: World) -> None:
    """Seals the audit log and does what erasing leaves to later."""
    await seal_all(world.services, lambda text: "signed")
    world.clock.pass_(SETTLED)
    await mailroom.run_jobs(world, "scrub", small.scrubbing(world.services))
    world.clock.pass_(GRACE)
    await let_go(world)
    await seal_all(world.services, lambda text: "signed")


async def let_go(world: World) -> None:
    """All the steps of removing loose bytes, each when it is due."""
    for _ in range(3):
        await remove_loose(world.services)
        world.clock.pass_(SETTLE + MINUTE)
    await remove_loose(world.services)


async def chain(world: World) -> Verdict:
    rows = await mailroom.execute(world, "SELECT * FROM audit WHERE seq IS NOT NULL ORDER BY seq")
    return verify([audit_view(row) for row in rows])


async def storage(world: World) -> int:
    return int((await world.invoke(GET_USAGE, "oversight", test=False))["storage_bytes"])


async def journey(world: World) -> list[str]:
    """Mail from Zora and to her, with all that may be said about it; the ids of both emails."""
    came = await mailroom.arrive(world, letter(X_Note=WORD))
    await world.invoke(TAG_EMAIL, email_id=came, tags={WORD: WORD}, notes=f"{WORD} {ZORA}")
    await world.invoke(READ_EMAIL, email_id=came)
    await world.invoke(SEARCH_EMAILS, q=WORD)
    answer = await world.invoke(
        REPLY_EMAIL,
        email_id=came,
        markdown=f"{WORD} again, {ZORA}",
        metadata={"note": WORD},
        attachments=[
            part(f"{WORD} file".encode(), f"{WORD}.txt"),
            part(f"{WORD} ".encode() * INLINE, "big.txt"),
        ],
        idempotency_key="once",
    )
    await as_owner(
        world, EDIT_EMAIL, email_id=answer["id"], markdown=f"{WORD}, better", attachments=[part(b"x")]
    )
    revision = (await mailroom.row(world, answer["id"]))["revision"]
    await mailroom.decide(world, answer["id"], reason=f"{WORD} is fine", revision=revision)
    await mailroom.hand_over(world)
    return [came, answer["id"]]


async def test_nothing_is_left_of_what_it_said(world: World, tmp_path: Path) -> None:
    await overseer.oversee(world)
    await mailroom.set_mode(world, "monitored")
    first = await mailroom.send(world, to=ZORA, subject=WORD)
    await mailroom.hand_over(world)
    await mailroom.copy(world)
    await mailroom.set_mode(world, "gated_send")
    ids = [first["id"], *await journey(world)]
    assert len(await places_of(world, tmp_path, WORD)) > 8
    assert len(await places_of(world, tmp_path, ZORA)) > 8
    for email_id in ids:
        erased = await as_owner(world, ERASE_EMAIL, email_id=email_id)
        assert erased["erased_at"] and erased["status"] in ("read", "sent")
        assert await as_owner(world, ERASE_EMAIL, email_id=email_id) == erased
    await settle(world)
    assert await places_of(world, tmp_path, WORD) == set()
    assert await places_of(world, tmp_path, ZORA) == {
        "correspondents.address"
    }  # that they are known: erase_person
    verdict = await chain(world)
    assert verdict.fault is None and verdict.erased > 5
    assert await storage(world) == 0


async def test_it_is_read_as_erased(world: World) -> None:
    came, sent = await journey(world)
    box = world.mailbox["mailbox_id"]
    thread = (await mailroom.row(world, came))["thread_id"]
    for email_id in (came, sent):
        await as_owner(world, ERASE_EMAIL, email_id=email_id)
    for email_id in (came, sent):
        read = await world.invoke(READ_EMAIL, email_id=email_id)
        assert read["erased_at"] and read["revision"]
        gone = ("subject", "markdown", "text", "to", "attachments", "tags", "notes", "headers", "metadata")
        assert not any(read[name] for name in gone)
    read = await world.invoke(READ_EMAIL, email_id=sent)
    assert (read["status"], read["decision"], read["decision_reason"]) == ("sent", "approved", None)
    assert read["from"] == world.mailbox["address"] and read["approved_by"] and read["sent_at"]
    assert [(one["address"], one["status"]) for one in read["recipients"]] == [("", "delivered")]
    listed = (await world.invoke(CHECK_INBOX, mailbox_id=box))["emails"]
    assert {email["id"] for email in listed} == {came, sent} and all(email["erased_at"] for email in listed)
    assert (await world.invoke(GET_MESSAGE, email_id=sent))["status"] == "sent"
    shown = await world.invoke(GET_THREAD, thread_id=thread)
    assert (shown["subject"], shown["message_count"]) == ("", 2)
    assert (await world.invoke(SEARCH_EMAILS, q=WORD))["emails"] == []
    assert (await refused(world, DOWNLOAD_ATTACHMENT, email_id=sent, filename="a.txt")).code == "not_found"
    assert (await refused(world, READ_HTML, email_id=sent)).code == "not_found"
    assert (await refused(world, REPLY_EMAIL, email_id=came, markdown="x")).code == "ambiguous_reply"
    assert (await refused(world, REPLY_EMAIL, thread_id=thread, markdown="x")).code == "ambiguous_reply"
    assert (await refused(world, TAG_EMAIL, email_id=came, notes="x")).code == "conflict"
    await settle(world)
    told = (await world.invoke(LIST_EVENTS, limit=100))["events"]
    assert WORD not in json.dumps(told) and ZORA not in json.dumps(told)


async def test_a_stranger_with_no_name_is_not_the_erased_starter(world: World) -> None:
    came = await mailroom.arrive(world, letter())
    thread = (await mailroom.row(world, came))["thread_id"]
    await as_owner(world, ERASE_EMAIL, email_id=came)
    late = await mailroom.arrive(world, letter(message_id="<2@private.test>", sender=""))
    await mailroom.execute(world, "UPDATE emails SET thread_id = :t WHERE email_id = :e", t=thread, e=late)
    assert (await refused(world, REPLY_EMAIL, thread_id=thread, markdown="x")).code == "ambiguous_reply"


async def test_what_waits_is_never_erased(world: World) -> None:
    pending = (await mailroom.send(world))["id"]
    scheduled = (await mailroom.send(world, send_at="2031-01-01T00:00:00Z"))["id"]
    await mailroom.decide(world, scheduled)
    queued = (await mailroom.send(world))["id"]
    await mailroom.decide(world, queued)
    await mailroom.set_mode(world, "gated_all")
    held = await mailroom.arrive(world, letter())
    assert {(await mailroom.row(world, one))["state"] for one in (pending, scheduled, queued, held)} == {
        "pending_approval",
        "scheduled",
        "queued",
        "held",
    }
    await as_owner(world, UPDATE_ACCOUNT, retention_days=1)
    world.clock.pass_(100 * DAY)
    await erase_old(world.services)
    for email_id in (pending, scheduled, queued, held):
        assert (await mailroom.row(world, email_id))["erased_at"] is None
        assert (await refused(world, ERASE_EMAIL, "owner", email_id=email_id)).code == "conflict"


async def test_old_mail_goes_by_age_and_by_nothing_else(world: World, tmp_path: Path) -> None:
    old = [await mailroom.arrive(world, letter(message_id=f"<{n}@private.test>")) for n in range(12)]
    waited = (await mailroom.send(world, to=ZORA))["id"]
    box = world.mailbox["mailbox_id"]
    await world.invoke(CREATE_DRAFT, mailbox_id=box, to=ZORA, attachments=[part(WORD.encode() * INLINE)])
    world.clock.pass_(31 * DAY)
    new = await mailroom.arrive(world, letter(message_id="<new@private.test>"))
    await mailroom.decide(world, waited)
    await mailroom.hand_over(world)  # 31 days old, and sent today
    await erase_old(world.services)
    assert await mailroom.execute(world, "SELECT 1 FROM emails WHERE erased_at IS NOT NULL") == []
    await as_owner(world, UPDATE_ACCOUNT, retention_days=30)
    await erase_old(world.services)
    rows = await mailroom.execute(
        world, "SELECT email_id FROM emails WHERE erased_at IS NOT NULL ORDER BY email_id"
    )
    assert [row["email_id"] for row in rows] == old
    assert (await world.invoke(READ_EMAIL, email_id=new))["markdown"] == WORD
    assert (await world.invoke(LIST_DRAFTS, mailbox_id=box))["drafts"] == []
    await settle(world)
    assert (await chain(world)).fault is None
    told = await mailroom.execute(world, "SELECT * FROM audit WHERE action = 'erase_email'")
    assert {row["actor_name"] for row in told} == {"retention"} and len(told) == len(old)
    assert list((tmp_path / "blobs").rglob("*/*/*")) == []


async def test_shortening_takes_an_owner_and_keeping_longer_is_free(world: World) -> None:
    assert (await world.invoke(GET_ACCOUNT, "admin"))["retention_days"] is None
    asked = await world.invoke(UPDATE_ACCOUNT, "admin", retention_days=30)
    assert asked["status"] == "pending_approval" and "30 days" in asked["asks"]
    assert (await as_owner(world, UPDATE_ACCOUNT, retention_days=30))["retention_days"] == 30
    assert (await world.invoke(UPDATE_ACCOUNT, "admin", retention_days=29))["status"] == "pending_approval"
    assert (await world.invoke(UPDATE_ACCOUNT, "admin", retention_days=60))["retention_days"] == 60
    assert (await world.invoke(UPDATE_ACCOUNT, "admin", retention_days=0))["retention_days"] is None
    for wrong in (-1, 40_000):
        assert (await refused(world, UPDATE_ACCOUNT, "admin", retention_days=wrong)).code == "invalid_fields"


async def test_a_program_asks_an_owner(world: World) -> None:
    came = await mailroom.arrive(world, letter())
    for operation, given in ((ERASE_EMAIL, {"email_id": came}), (ERASE_PERSON, {"address": ZORA})):
        asked = await world.invoke(operation, "admin", **given)
        assert asked["status"] == "pending_approval" and "for ever" in asked["asks"]
        assert (await refused(world, operation, "agent", **given)).code == "insufficient_scope"
    assert (await mailroom.row(world, came))["erased_at"] is None
    await world.add_operator("clerk", Role.APPROVER)
    assert (await refused(world, ERASE_EMAIL, "oversight", email_id=came)).code == "insufficient_scope"


async def test_a_test_key_erases_no_live_mail(world: World) -> None:
    came = await mailroom.arrive(world, letter())
    await world.add_key("tester", [Scope.ADMIN], test=True)
    assert (await refused(world, ERASE_EMAIL, "tester", email_id=came)).code == "insufficient_scope"
    assert (await refused(world, ERASE_PERSON, "tester", address=ZORA)).code == "insufficient_scope"


async def test_bytes_that_another_email_needs_stay(world: World, tmp_path: Path) -> None:
    """One message to two mailboxes, too large for a row: its bytes are one file."""
    other = await world.add_mailbox("sales")
    raw = letter(body=f"{WORD} " * INLINE)
    first = await mailroom.arrive(world, raw)
    second = await mailroom.arrive(world, raw, mailbox=other)

    def files() -> int:
        return sum(path.is_file() for path in (tmp_path / "blobs").rglob("*"))

    assert files() == 1
    await as_owner(world, ERASE_EMAIL, email_id=first)
    await settle(world)
    assert files() == 1
    assert WORD in (await world.invoke(READ_EMAIL, email_id=second))["markdown"]
    (row,) = await mailroom.execute(world, "SELECT raw_sha256 FROM contents")
    assert await world.services.blobs.load(world.services.db, world.account_id, row["raw_sha256"]) == raw
    await as_owner(world, ERASE_EMAIL, email_id=second)
    await remove_loose(world.services)
    assert files() == 1  # not before its time
    await settle(world)
    assert files() == 0
    assert await mailroom.execute(world, "SELECT * FROM blobs") == []
    assert await mailroom.execute(world, "SELECT * FROM loose_blobs") == []


async def test_a_crash_between_row_and_file_leaves_neither(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    raw = letter(body=f"{WORD} " * INLINE)
    came = await mailroom.arrive(world, raw)
    await as_owner(world, ERASE_EMAIL, email_id=came)
    world.clock.pass_(GRACE + HOUR)

    async def crash(self: Blobs, account_id: str, sha256: str) -> None:
        raise OSError("the power failed")

    await remove_loose(world.services)
    world.clock.pass_(SETTLE + MINUTE)
    with monkeypatch.context() as patched:
        patched.setattr(Blobs, "remove", crash)
        with pytest.raises(OSError, match="power"):
            await remove_loose(world.services)
    assert await mailroom.execute(world, "SELECT * FROM blobs") == []
    await remove_loose(world.services)
    assert not any(path.is_file() for path in (tmp_path / "blobs").rglob("*"))
    # Who saw the file just before it went must not rely on it; some minutes later everything is as if it never was.
    blob = await world.services.blobs.prepare(world.account_id, raw)
    with pytest.raises(BytesGoing):
        await world.run(lambda ctx: keep(ctx.tx, ctx.account_id, blob))
    await let_go(world)
    assert await mailroom.execute(world, "SELECT * FROM loose_blobs") == []
    again = await mailroom.arrive(world, raw)
    assert WORD in (await world.invoke(READ_EMAIL, email_id=again))["markdown"]


async def test_who_names_bytes_whose_file_is_still_there_keeps_them(world: World) -> None:
    raw = letter(body=f"{WORD} " * INLINE)
    came = await mailroom.arrive(world, raw)
    await as_owner(world, ERASE_EMAIL, email_id=came)
    world.clock.pass_(GRACE + HOUR)
    await remove_loose(world.services)
    assert await mailroom.execute(world, "SELECT * FROM blobs") == []
    again = await mailroom.arrive(world, raw)
    await let_go(world)
    (row,) = await mailroom.execute(world, "SELECT * FROM contents")
    assert row["email_id"] == again
    assert await world.services.blobs.load(world.services.db, world.account_id, row["raw_sha256"]) == raw


async def test_files_that_never_had_a_row_are_found(world: World, tmp_path: Path) -> None:
    """A process that ended between the file and its row."""
    kept = await mailroom.arrive(world, letter(body=f"{WORD} " * INLINE))
    lost = await world.services.blobs.prepare(world.account_id, b"lost" * INLINE)
    young = await world.services.blobs.prepare(world.account_id, b"young" * INLINE)
    files = {path.name: path for path in (tmp_path / "blobs").rglob("*") if path.is_file()}
    for name, path in files.items():
        if name != young.address:
            os.utime(path, (0, time.time() - STRAY // SECOND - 60))
    await note_strays(world.services)
    world.clock.pass_(GRACE + HOUR)
    await let_go(world)
    left = {path.name for path in (tmp_path / "blobs").rglob("*") if path.is_file()}
    assert left == {*files} - {lost.address}
    assert WORD in (await world.invoke(READ_EMAIL, email_id=kept))["markdown"]
    assert await mailroom.execute(world, "SELECT * FROM loose_blobs") == []


async def test_bytes_that_are_named_again_meanwhile_stay(world: World) -> None:
    raw = letter(body=f"{WORD} " * INLINE)
    came = await mailroom.arrive(world, raw)
    await as_owner(world, ERASE_EMAIL, email_id=came)
    again = await mailroom.arrive(world, raw)
    await settle(world)
    (row,) = await mailroom.execute(world, "SELECT * FROM contents")
    assert row["email_id"] == again
    assert await world.services.blobs.load(world.services.db, world.account_id, row["raw_sha256"]) == raw


async def test_entries_that_are_not_sealed_yet_are_found_later(world: World) -> None:
    """A sealer that is late: what is not in the chain has no commitment yet."""
    came = await mailroom.arrive(world, letter())
    await world.invoke(TAG_EMAIL, email_id=came, tags={WORD: WORD})
    await as_owner(world, ERASE_EMAIL, email_id=came)
    world.clock.pass_(SETTLED)
    scrubbing = small.scrubbing(world.services)
    assert await mailroom.run_jobs(world, "scrub", scrubbing) == [world.account_id]
    assert any(WORD in row["metadata_json"] for row in await mailroom.execute(world, "SELECT * FROM audit"))
    await seal_all(world.services, lambda text: "signed")
    world.clock.pass_(SETTLED)
    await mailroom.run_jobs(world, "scrub", scrubbing)
    assert not any(
        WORD in row["metadata_json"] for row in await mailroom.execute(world, "SELECT * FROM audit")
    )
    assert (await chain(world)).fault is None
    world.clock.pass_(SETTLED)
    await mailroom.run_jobs(world, "scrub", scrubbing)
    assert await mailroom.execute(world, "SELECT * FROM erased") == []
    assert await mailroom.jobs(world, "scrub") == 0


async def test_a_round_that_ended_halfway_goes_on(world: World) -> None:
    came = await mailroom.arrive(world, letter())
    await seal_all(world.services, lambda text: "signed")
    await as_owner(world, ERASE_EMAIL, email_id=came)
    with pytest.raises(TypeError):  # between the emails and the rest
        await mailroom.run_jobs(world, "scrub", None)  # type: ignore[arg-type]
        world.clock.pass_(SETTLED)
        await mailroom.run_jobs(world, "scrub", None)  # type: ignore[arg-type]
    await world.run(lambda ctx: ctx.sql.release_all_leases())
    await settle(world)
    assert not any(
        ZORA in row["metadata_json"] for row in await mailroom.execute(world, "SELECT * FROM audit")
    )
    assert (await chain(world)).fault is None


async def test_an_export_after_it_is_whole(world: World) -> None:
    came, sent = await journey(world)
    kept = await mailroom.arrive(
        world, letter(message_id="<kept@private.test>", sender="Ann <ann@example.test>")
    )
    for email_id in (came, sent):
        await as_owner(world, ERASE_EMAIL, email_id=email_id)
    await settle(world)
    files = await files_of((await as_owner(world, EXPORT_ACCOUNT))["archive"])
    emails = {line["email_id"]: line for line in lines(files, "emails")}
    assert emails[came]["erased_at"] and emails[came]["contents"] is None
    assert emails[sent]["revisions"][0]["revision"] and emails[sent]["attachments"] == []
    assert f"emails/{kept}.eml" in files and f"emails/{came}.eml" not in files
    assert json.loads(files["complete.json"])["emails"] == 3
    verdict = verify(lines(files, "audit"))
    assert verdict.fault is None and verdict.erased > 0


async def test_a_person_is_erased_with_all_that_is_known_of_them(world: World, tmp_path: Path) -> None:
    await journey(world)
    box = world.mailbox["mailbox_id"]
    await world.invoke(ADD_CONTACT, "admin", address=ZORA, name="Zora", notes=WORD)
    await as_owner(world, ADD_RULE, kind="allow", pattern=ZORA)
    await world.invoke(CREATE_DRAFT, mailbox_id=box, to=f"Zora <{ZORA}>", markdown=WORD, idempotency_key="d")
    secretly = await mailroom.send(world, bcc=ZORA.upper(), markdown=WORD, subject=WORD)
    await mailroom.decide(world, secretly["id"], "reject")
    other = await mailroom.arrive(world, mailroom.mail(subject="Nothing of hers"))
    pending = await mailroom.send(world, to=ZORA, subject=WORD)
    begun = await as_owner(world, ERASE_PERSON, address=ZORA.replace("private", "PRIVATE"))
    assert (begun["status"], begun["address"]) == ("erasing", ZORA)
    await mailroom.run_jobs(world, "forget", small.forgetting(world.services))
    done = await world.invoke(GET_ERASURE, "admin", erasure_id=begun["id"])
    assert done["status"] == "done" and done["address"] is None and done["finished_at"]
    assert (done["emails"], done["waiting"]) == (3, 1)
    assert (await mailroom.row(world, other))["erased_at"] is None
    assert (await world.invoke(SEARCH_CONTACTS, q="zora"))["contacts"] == []
    assert (await world.invoke(LIST_RULES))["rules"] == []
    assert (await world.invoke(LIST_DRAFTS, mailbox_id=box))["drafts"] == []
    await mailroom.hand_over(world)  # the allow rule that let it through is gone: it waits for a human now
    await mailroom.decide(world, pending["id"], "reject")
    await as_owner(world, ERASE_PERSON, address=ZORA)
    await mailroom.run_jobs(world, "forget", small.forgetting(world.services))
    await settle(world)
    assert await places_of(world, tmp_path, ZORA) == set()
    assert await places_of(world, tmp_path, WORD) == set()
    assert (await chain(world)).fault is None


async def test_what_keeps_others_from_writing_to_them_stays(world: World) -> None:
    sent = await mailroom.send(world, to=ZORA)
    await mailroom.decide(world, sent["id"], "reject")
    await world.run(lambda ctx: suppress(ctx, ZORA, "complaint", sent["id"]))
    await world.invoke(ADD_RULE, "admin", kind="deny", pattern=ZORA)
    await as_owner(world, ERASE_PERSON, address=ZORA)
    await mailroom.run_jobs(world, "forget", small.forgetting(world.services))
    assert (await world.invoke(CHECK_SUPPRESSION, address=ZORA))["suppressions"]
    assert [rule["pattern"] for rule in (await world.invoke(LIST_RULES))["rules"]] == [ZORA]


async def test_a_mailbox_is_no_person_and_other_accounts_know_nothing(world: World) -> None:
    wrong = await refused(world, ERASE_PERSON, "admin", address=world.mailbox["address"])
    assert wrong.code == "invalid_fields"
    assert (await refused(world, ERASE_PERSON, "admin", address="nobody")).code == "invalid_fields"
    begun = await as_owner(world, ERASE_PERSON, address=ZORA)
    other = await add_account(World(world.services, world.clock), "other")
    assert (await refused(other, GET_ERASURE, "admin", erasure_id=begun["id"])).code == "not_found"


async def test_what_an_edit_changes_counts(world: World) -> None:
    sent = await mailroom.send(world)
    assert await storage(world) == (await mailroom.row(world, sent["id"]))["size"]
    await as_owner(world, EDIT_EMAIL, email_id=sent["id"], attachments=[part(b"x" * 5000)])
    assert await storage(world) == (await mailroom.row(world, sent["id"]))["size"] > 5000
    await as_owner(world, EDIT_EMAIL, email_id=sent["id"], attachments=[], markdown="Short.")
    assert await storage(world) == (await mailroom.row(world, sent["id"]))["size"] < 5000
    await mailroom.decide(
        world, sent["id"], "reject", revision=(await mailroom.row(world, sent["id"]))["revision"]
    )
    await as_owner(world, ERASE_EMAIL, email_id=sent["id"])
    assert await storage(world) == 0


async def test_files_of_drafts_go_with_them(world: World, tmp_path: Path) -> None:
    box = world.mailbox["mailbox_id"]

    async def draft(content: bytes) -> str:
        made = await world.invoke(CREATE_DRAFT, mailbox_id=box, to=ZORA, attachments=[part(content * INLINE)])
        return str(made["id"])

    edited, deleted, sent = await draft(b"ab"), await draft(b"cd"), await draft(b"ef")
    assert await storage(world) == 3 * 2 * INLINE
    await world.invoke(EDIT_DRAFT, draft_id=edited, attachments=[])
    await world.invoke(DELETE_DRAFT, draft_id=deleted)
    email = await world.invoke(SEND_DRAFT, draft_id=sent)
    assert await storage(world) == (await mailroom.row(world, email["id"]))["size"]
    await settle(world)
    kept = [path for path in (tmp_path / "blobs").rglob("*") if path.is_file()]
    assert len(kept) == 2  # what was sent: the message and its file
    file = await world.invoke(DOWNLOAD_ATTACHMENT, email_id=email["id"], filename="a.txt")
    assert file


async def test_on_postgresql_whoever_names_bytes_at_the_same_moment_wins(
    postgres_url: str, tmp_path: Path
) -> None:
    """Between naming bytes and the commit, the sweeper waits; then it finds them named."""
    async with build_world(postgres_url, tmp_path) as world:
        raw = letter(body=WORD)
        came = await mailroom.arrive(world, raw)
        await as_owner(world, ERASE_EMAIL, email_id=came)
        world.clock.pass_(GRACE + HOUR)
        blob = await world.services.blobs.prepare(world.account_id, raw)
        named, swept = threading.Event(), threading.Event()

        def name_again(ctx: Context) -> None:
            keep(ctx.tx, ctx.account_id, blob)
            named.set()
            swept.wait(0.5)  # the sweeper does not get through: this is how long it is given
            assert not swept.is_set()
            ctx.sql.capture(
                account_id=ctx.account_id,
                email_id=came,
                mailbox_id=world.mailbox["mailbox_id"],
                recipients_json="[]",
                raw_sha256=blob.address,
                captured_at=ctx.now,
            )

        async def sweep() -> None:
            await asyncio.to_thread(named.wait)
            await remove_loose(world.services)
            swept.set()

        await asyncio.gather(world.run(name_again), sweep())
        assert await world.services.blobs.load(world.services.db, world.account_id, blob.address) == raw
        assert await mailroom.execute(world, "SELECT * FROM loose_blobs") == []
