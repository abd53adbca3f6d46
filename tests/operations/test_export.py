"""The archive is whole: from it alone an account can be made again. And it is nobody's who may not have it."""

import base64
import io
import json
import tarfile
from contextlib import aclosing
from datetime import datetime

import pytest

from multimail.core.audit_chain import verify
from multimail.core.errors import Refused
from multimail.core.jsontext import to_json
from multimail.core.scopes import Scope
from multimail.core.times import HOUR, from_datetime
from multimail.operations.attachments import DOWNLOAD_ATTACHMENT
from multimail.operations.contacts import ADD_CONTACT
from multimail.operations.drafts import CREATE_DRAFT
from multimail.operations.editing import EDIT_SCHEDULED_EMAIL
from multimail.operations.emails import READ_EMAIL, TAG_EMAIL
from multimail.operations.export import EXPORT_ACCOUNT, LEFT_OUT, NOUNS, shown
from multimail.operations.notifications import UPDATE_NOTIFICATIONS
from multimail.operations.operators import pending_codes
from multimail.operations.rules import ADD_RULE
from multimail.operations.sealing import seal_all
from multimail.operations.suppression import suppress
from multimail.operations.webhooks import CREATE_WEBHOOK
from multimail.storage.blobs import blob_of, keep
from tests.support import mailroom

BIG = b"%PDF " + bytes(range(256)) * 400  # beyond what is kept in a row
CHAT_SECRET = "T0SECRET"
NESTED = {"contents", "revisions", "attachments", "tags"}
EXPORTED = {noun.name for noun in NOUNS} | NESTED
NOT_EXPORTED = {
    "key_hashes": "secrets",
    "operator_tokens": "secrets",
    "authorization_codes": "secrets",
    "refresh_tokens": "secrets",
    "approval_requests": "secrets",
    "dkim_keys": "secrets",
    "signing_keys": "the installation's, not an account's",
    "erased": "what is under way",
    "erasures": "what is under way, and counts",
    "loose_blobs": "what is under way",
    "secret_keys": "the installation's, not an account's",
    "addresses": "follows from mailboxes",
    "audit_heads": "follows from audit",
    "usage": "counters, which tell of held mail too",
    "holdings": "counters",
    "correspondents": "follows from emails",
    "linked_hosts": "follows from emails",
    "marks": "follows from emails",
    "looks": "who had opened what waited",
    "saved_views": "settings of the desk",
    "push_subscriptions": "secrets, of browsers",
    "passkeys": "for the desk of this installation",
    "spam_tokens": "follows from emails",
    "monthly_emails": "counters",
    "sign_ups": "before there is an account",
    "used_challenges": "no one's",
    "owner_addresses": "follows from operators",
    "warm_ups": "counters",
    "warm_up_days": "counters",
    "unindexed": "follows from emails",
    "mta_sts_policies": "the installation's, not an account's",
    "outcomes": "follows from emails",
    "blobs": "as files",
    "search": "follows from emails",
    "intake": "under way",
    "jobs": "under way",
    "idempotency": "answers, for a day",
    "operator_mail": "the product's words to people",
    "schema_version": "no one's",
    "watches": "under way",
}
TABLES = {
    "sqlite": "SELECT name FROM sqlite_master "
    "WHERE type = 'table' AND name NOT LIKE 'sqlite_%' AND name NOT LIKE 'search_%'",
    "postgres": "SELECT table_name AS name FROM information_schema.tables WHERE table_schema = 'public'",
}
COLUMNS = {
    "sqlite": "SELECT name FROM pragma_table_info('{}')",
    "postgres": "SELECT column_name AS name FROM information_schema.columns WHERE table_name = '{}'",
}


async def as_owner(world, operation, **given):
    if "owner" not in world.people:
        await world.add_operator("owner")
    return await world.invoke(operation, "owner", **given)


async def files_of(archive):
    """Path → bytes; the archive is read as a stream."""
    async with aclosing(archive.chunks()) as chunks:
        whole = b"".join([chunk async for chunk in chunks])
    with tarfile.open(fileobj=io.BytesIO(whole)) as tar:
        return {member.name: tar.extractfile(member).read() for member in tar}


def lines(files, noun):
    return [
        json.loads(line)
        for name in sorted(files)
        if name.startswith(f"{noun}.")
        for line in files[name].decode().splitlines()
    ]


async def columns(world, table):
    found = await mailroom.execute(world, COLUMNS[world.services.db.dialect].format(table))
    return [row["name"] for row in found]


async def furnish(world):
    """Mail in and out, held and not, small and large files, a webhook that was called, tags, the audit log sealed."""
    sent = await mailroom.send(world, metadata={"run": "1"}, attachments=[part("a.pdf", BIG)])
    await mailroom.decide(world, sent["id"], reason="fine")
    await mailroom.hand_over(world)
    await world.invoke(CREATE_WEBHOOK, "admin", url="https://example.test/hook")
    scheduled = await mailroom.send(world, send_at="2030-01-01T00:00:00Z")
    await world.invoke(EDIT_SCHEDULED_EMAIL, email_id=scheduled["id"], subject="Another")
    box = world.mailbox["mailbox_id"]
    await world.invoke(CREATE_DRAFT, mailbox_id=box, attachments=[part("c.txt", b"drafted")])
    came = await mailroom.arrive(world, subject="../../etc/passwd", body="Grüße")
    await world.invoke(TAG_EMAIL, email_id=came, tags={"kind": "question"}, notes="Later.")
    await mailroom.send(world, "test", attachments=[part("../b.txt", b"small")])
    await world.invoke(ADD_RULE, "admin", kind="deny", pattern="eve@example.test")
    await world.invoke(ADD_CONTACT, address="ann@example.test", name="Ann")
    await world.run(lambda ctx: suppress(ctx, "gone@example.test", "hard_bounce", sent["id"]))
    await world.add_key("limited", [Scope.READ], mailbox_ids={world.mailbox["mailbox_id"]})
    await mailroom.own_domain(
        world, world.mailbox["address"].rpartition("@")[2].replace("multimail", "brand")
    )
    owner = await world.add_operator("owner", email="ann@example.test")
    decides = {"mailbox_id": world.mailbox["mailbox_id"], "operator_ids": [owner.id]}
    told = {"pending": "digest", "chat_url": f"https://chat.test/{CHAT_SECRET}", "approvers": [decides]}
    await world.invoke(UPDATE_NOTIFICATIONS, "owner", **told, expire_after_hours=24)
    await mailroom.set_mode(world, "gated_all")
    held = await mailroom.arrive(world, subject="Held", message_id="<held@example.test>")
    await seal_all(world.services, lambda text: "signed")
    return sent["id"], came, held


def part(name, content):
    return {"name": name, "content_base64": base64.b64encode(content).decode()}


async def test_every_table_is_exported_or_said_not_to_be(world):
    """A new table fails here: decide whether its rows are the account's to take along."""
    tables = {row["name"] for row in await mailroom.execute(world, TABLES[world.services.db.dialect])}
    assert tables - EXPORTED - set(NOT_EXPORTED) == set()


async def test_an_account_can_be_made_again_from_it(world):
    sent, came, _ = await furnish(world)
    before = {table: await dump(world, table) for table in EXPORTED}
    read = [await as_owner(world, READ_EMAIL, email_id=one) for one in (sent, came)]
    before["emails"] = await dump(world, "emails")
    await seal_all(world.services, lambda text: "signed")
    before["audit"] = await dump(world, "audit")
    archive = (await as_owner(world, EXPORT_ACCOUNT))["archive"]
    before["accounts"] = await dump(world, "accounts")
    files = await files_of(archive)
    assert next(iter(files)) == "manifest.json" and list(files)[-1] == "complete.json"
    for table in EXPORTED | {"blobs"}:
        await mailroom.execute(world, f"DELETE FROM {table}")
    await restore(world, files)
    assert {table: await dump(world, table) for table in EXPORTED} == before
    assert [await as_owner(world, READ_EMAIL, email_id=one) for one in (sent, came)] == read
    file = (await as_owner(world, DOWNLOAD_ATTACHMENT, email_id=sent, filename="a.pdf"))["file"]
    assert file.content == BIG
    assert CHAT_SECRET.encode() not in b"".join(files.values())
    counts = json.loads(files["complete.json"])
    assert counts == {noun.name: len(before[noun.name]) for noun in NOUNS}
    assert all(counts.values())


async def dump(world, table):
    """All rows as the archive shows them, in some order; what belongs together by its own account."""
    rows = await mailroom.execute(world, f"SELECT * FROM {table}")
    sealed = [row for row in rows if table != "audit" or row["seq"] is not None]
    return sorted(json.dumps(shown(row), sort_keys=True) for row in sealed)


async def restore(world, files):
    """What an importer does: rows from lines, blobs from files."""
    for noun in NOUNS:
        for line in lines(files, noun.name):
            if noun.name == "audit":
                line = unsealed(line)
            nested = {name: line.pop(name, None) for name in NESTED & set(line)}
            await insert(world, noun.name, line)
            for row in rows_of(line, nested):
                await insert(world, *row)
    for name, content in files.items():
        if "/" in name:
            blob = await world.services.blobs.prepare(world.account_id, content)
            await world.run(lambda ctx, blob=blob: keep(ctx.tx, world.account_id, blob))


def rows_of(line, nested):
    if nested.get("contents"):
        yield "contents", nested["contents"]
    for one in nested.get("attachments", ()):
        yield "attachments", one
    for one in nested.get("revisions", ()):
        yield "revisions", one
    for tag, value in nested.get("tags", {}).items():
        yield "tags", {"email_id": line["email_id"], "tag": tag, "value": value}


def unsealed(entry):
    actor = {f"actor_{name}": value for name, value in entry.pop("actor").items()}
    entry["entry_id"], entry["metadata_json"] = entry.pop("id"), to_json(entry.pop("metadata"))
    entry["at"] = micros(entry["at"])
    return entry | actor


def micros(text):
    return from_datetime(datetime.fromisoformat(text))


async def insert(world, table, line):
    row = {"account_id": world.account_id}
    for name in await columns(world, table):
        plain = name.removesuffix("_json")
        if name in line:
            row[name] = micros(line[name]) if name.endswith("_at") and line[name] else line[name]
        elif plain != name and plain in line:
            row[name] = None if line[plain] is None else to_json(line[plain])
        elif name in LEFT_OUT - {"account_id", "seq", "xid"}:
            row[name] = "secret"
    names = ", ".join(row)
    await mailroom.execute(
        world, f"INSERT INTO {table} ({names}) VALUES ({', '.join(f':{name}' for name in row)})", **row
    )


async def test_the_log_in_it_verifies(world):
    await furnish(world)
    files = await files_of((await as_owner(world, EXPORT_ACCOUNT))["archive"])
    verdict = verify(lines(files, "audit"))
    assert verdict.broken is None and verdict.count > 5


async def test_a_program_takes_a_code_and_gets_nothing_of_what_is_held(world):
    sent, came, held = await furnish(world)
    asked = await world.http("GET", "/v1/export", key="admin")
    assert (asked.status, asked.json()["status"]) == (202, "pending_approval")
    code = next(one["code"] for one in await world.run(pending_codes))
    answer = await world.http("GET", f"/v1/export?approval_code={code}", key="admin")
    assert answer.status == 200 and answer.headers["content-type"] == "application/x-tar"
    assert answer.headers["content-disposition"].startswith('attachment; filename="multimail-acme-2026-')
    with tarfile.open(fileobj=io.BytesIO(answer.content)) as tar:
        files = {member.name: tar.extractfile(member).read() for member in tar}
    assert json.loads(files["manifest.json"])["held_inbound"] is False
    assert sent.encode() in answer.content and came.encode() in answer.content
    assert files[f"emails/{came}.eml"].startswith(b"Return-Path: <ann@example.test>\r\nReceived: from ")
    told = await mailroom.execute(
        world, "SELECT thread_id, email_id FROM emails WHERE email_id = :held", held=held
    )
    for secret in (held, told[0]["thread_id"], "held@example.test", *world.keys.values()):
        assert secret.encode() not in answer.content
    assert all(name.replace("/", "").replace(".", "").replace("_", "").isalnum() for name in files)


async def test_an_owner_gets_what_is_held_too(world):
    _, _, held = await furnish(world)
    files = await files_of((await as_owner(world, EXPORT_ACCOUNT))["archive"])
    assert held in {line["email_id"] for line in lines(files, "emails")} and f"emails/{held}.eml" in files


async def test_once_an_hour(world):
    await as_owner(world, EXPORT_ACCOUNT)
    world.clock.pass_(HOUR - 60_000_000)
    with pytest.raises(Refused) as caught:
        await as_owner(world, EXPORT_ACCOUNT)
    assert caught.value.code == "rate_limited" and caught.value.details["retry_after"] in (59, 60)
    world.clock.pass_(60_000_000)
    await as_owner(world, EXPORT_ACCOUNT)


async def test_no_owner_is_asked_in_vain(world):
    await as_owner(world, EXPORT_ACCOUNT)
    asked = await world.http("GET", "/v1/export", key="admin")
    assert asked.status == 429 and 0 < int(asked.headers["retry-after"]) <= 3600


async def test_a_revoked_key_gets_no_further(world):
    await furnish(world)
    await world.http("GET", "/v1/export", key="admin")
    (shown_code,) = await world.run(pending_codes)
    answer = await world.invoke(EXPORT_ACCOUNT, "admin", approval_code=shown_code["code"])
    chunks = answer["archive"].chunks()
    await anext(chunks)
    await anext(chunks)
    await world.run(
        lambda ctx: ctx.sql.revoke_key(
            account_id=world.account_id, key_id=world.key_ids["admin"], now=ctx.now
        )
    )
    with pytest.raises(Refused) as caught:
        async for _ in chunks:
            pass
    assert caught.value.code == "unauthenticated"


def test_what_is_kept_in_a_row_and_what_is_not():
    assert blob_of(BIG).content is None
