"""export_account: all that an account has, as one archive that others can read.

manifest.json says what it is. NOUN.NNNNNN.jsonl are rows, as many files as it takes; emails/ID.eml and
sandbox/ID.eml are whole messages (what came in has its trace on top), revisions/ID.N.eml what they were before they
were edited, attachments/ID their files. complete.json, with counts, is the last: an archive without it was cut off.
Left out are secrets and their hashes, counters, which follow from the rest, and what is under way.
"""

import json
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from multimail.core.errors import Refused
from multimail.core.scopes import Scope
from multimail.core.times import HOUR, SECOND, optional_rfc3339, to_rfc3339
from multimail.operations.account import audit_view
from multimail.operations.archive import END, Archive, entry
from multimail.operations.attachments import trace_of
from multimail.operations.authenticate import require_valid
from multimail.operations.context import Actor, Context, Services, require_whole_account
from multimail.operations.operation import Input, Operation
from multimail.storage.database import Row, Tx

EVERY: Final = HOUR
VERSION: Final = 1
LEFT_OUT: Final = frozenset({"account_id", "position", "hash", "secret", "seq", "xid", "chat_url"})
FLAGS: Final = frozenset(
    {"test", "limited", "human_written", "has_attachments", "schedule_first", "withheld", "four_eyes"}
)
JSON_TEXT: Final = "_json"


def shown(row: Row) -> dict[str, Any]:
    """A row as the archive has it: times in RFC 3339, JSON as JSON, flags as true and false."""
    return dict(_field(name, value) for name, value in dict(row).items() if name not in LEFT_OUT)


def _field(name: str, value: Any) -> tuple[str, Any]:
    if name.endswith(JSON_TEXT):
        return name.removesuffix(JSON_TEXT), value and json.loads(value)
    if name.endswith("_at"):
        return name, optional_rfc3339(value)
    return name, bool(value) if name in FLAGS and value is not None else value


def whole_email(tx: Tx, row: Row) -> dict[str, Any]:
    """An email with its contents, attachments, earlier revisions and tags: one line."""
    name = {"account_id": row["account_id"], "email_id": row["email_id"]}
    contents = tx.sql.get_contents(**name)
    return shown(row) | {
        "contents": contents and shown(contents),
        "attachments": [shown(part) for part in tx.sql.list_attachments(**name)],
        "revisions": [shown(earlier) for earlier in tx.sql.list_revisions(**name)],
        "tags": {tag["tag"]: tag["value"] for tag in tx.sql.list_tags(**name)},
    }


def email_files(line: Mapping[str, Any]) -> dict[str, str]:
    """Path in the archive → blob. Paths are made of ids: no word of a stranger's is a path."""
    files = {f"attachments/{part['attachment_id']}": part["sha256"] for part in line["attachments"]}
    for earlier in line["revisions"]:
        if earlier["raw_sha256"]:  # what was erased has none
            files[f"revisions/{line['email_id']}.{earlier['number']}.eml"] = earlier["raw_sha256"]
    contents = line["contents"]
    return {f"emails/{line['email_id']}.eml": contents["raw_sha256"]} | files if contents else files


def email_tops(line: Mapping[str, Any]) -> dict[str, str]:
    contents = line["contents"]
    return {f"emails/{line['email_id']}.eml": trace_of(line, contents["headers"])} if contents else {}


def sandbox_files(line: Mapping[str, Any]) -> dict[str, str]:
    return {f"sandbox/{line['email_id']}.eml": line["raw_sha256"]}


def draft_files(line: Mapping[str, Any]) -> dict[str, str]:
    return {
        f"drafts/{line['draft_id']}/{number}": file["sha256"] for number, file in enumerate(line["files"])
    }


@dataclass(frozen=True, slots=True)
class Noun:
    """One kind of rows: the query is `export_NAME`. `page` rows are in memory at once; `tops` has what stands above
    the bytes of a file."""

    name: str
    line: Callable[[Tx, Row], Mapping[str, Any]] = lambda tx, row: shown(row)
    files: Callable[[Mapping[str, Any]], Mapping[str, str]] = lambda line: {}
    tops: Callable[[Mapping[str, Any]], Mapping[str, str]] = lambda line: {}
    page: int = 500
    start: str = ""


# What others are about comes after them, so that nothing in the archive is about something that is not in it.
NOUNS: Final = (
    Noun("accounts"),
    Noun("notification_settings"),
    Noun("oversight_settings"),
    Noun("mailbox_approvers"),
    Noun("operators"),
    Noun("emails", whole_email, email_files, email_tops, page=20),
    Noun("sandbox", files=sandbox_files),
    Noun("threads"),
    Noun("deliveries"),
    Noun("events"),
    Noun("webhooks"),
    Noun("key_mailboxes"),
    Noun("api_keys"),
    Noun("rules"),
    Noun("suppressions"),
    Noun("contacts"),
    Noun("drafts", files=draft_files),
    Noun("mailboxes"),
    Noun("domains"),
    Noun("audit", lambda tx, row: audit_view(row) | {"mailbox_id": row["mailbox_id"]}, start="0"),
)


class ExportAccount(Input):
    approval_code: str | None = None


def reveals(ctx: Context, given: ExportAccount) -> str:
    """It always does; but nobody is asked in vain."""
    require_whole_account(ctx.actor)
    account = ctx.sql.get_account(account_id=ctx.account_id)
    if (account["exported_at"] or 0) > ctx.now - EVERY:
        raise _too_soon(ctx, account)
    return f"all mail and settings of the account {account['name']} are handed over as an archive"


def export_account(ctx: Context, given: ExportAccount) -> Mapping[str, Any]:
    """Exports the account as a tar archive: JSON lines per noun, .eml files, attachments. Once an hour.

    Asked by a program it takes an owner's `approval_code`. Held inbound mail is in it only for whoever may see it. The
    last file is complete.json; an archive without it was cut off.
    """
    require_whole_account(ctx.actor)
    account = ctx.sql.get_account(account_id=ctx.account_id)
    if not ctx.sql.note_export(account_id=ctx.account_id, now=ctx.now, before=ctx.now - EVERY):
        raise _too_soon(ctx, account)
    ctx.about("account", ctx.account_id)
    name = f"multimail-{account['slug']}-{to_rfc3339(ctx.now)[:10]}.tar"
    chunks = partial(pack, ctx.services, ctx.actor, ctx.now)
    return {"archive": Archive(name, "application/x-tar", chunks)}


def _too_soon(ctx: Context, account: Row) -> Refused:
    left = (account["exported_at"] + EVERY - ctx.now) // SECOND + 1
    return Refused("rate_limited", "An account is exported once an hour.", retry_after=left)


async def pack(services: Services, actor: Actor, at: int) -> AsyncIterator[bytes]:
    """The archive, in pieces of a page or a file. Raises Refused once the key that asked is revoked."""
    put = partial(entry, seconds=at // SECOND)
    about = {"format": "multimail-export", "version": VERSION, "account_id": actor.account_id}
    about |= {"exported_at": to_rfc3339(at), "held_inbound": actor.sees_held}
    yield put("manifest.json", json.dumps(about).encode())
    counts: dict[str, int] = {}
    for noun in NOUNS:
        counts[noun.name], after, number = 0, noun.start, 1
        while True:
            lines, after = await services.db.read(partial(_page, services, actor, noun, after))
            if not lines:
                break
            text = "".join(json.dumps(line) + "\n" for line in lines)
            yield put(f"{noun.name}.{number:06d}.jsonl", text.encode())
            for line in lines:
                tops = noun.tops(line)
                for path, sha256 in noun.files(line).items():
                    content = await services.blobs.load(services.db, actor.account_id, sha256)
                    yield put(path, tops.get(path, "").encode() + content)
            counts[noun.name] += len(lines)
            number += 1
    yield put("complete.json", json.dumps(counts).encode()) + END


def _page(
    services: Services, actor: Actor, noun: Noun, after: str, tx: Tx
) -> tuple[list[Mapping[str, Any]], str]:
    """A unit of work: the next lines, and where the page after them starts."""
    require_valid(tx, actor, services.clock(), note_use=False)
    rows = getattr(tx.sql, f"export_{noun.name}")(
        account_id=actor.account_id, after=after, limit=noun.page, see_held=actor.sees_held
    )
    return [noun.line(tx, row) for row in rows], rows[-1]["position"] if rows else after


EXPORT_ACCOUNT: Final = Operation(
    name="export_account",
    run=export_account,
    input=ExportAccount,
    output=Archive,
    scopes=(Scope.ADMIN,),
    effect="read",
    method="GET",
    path="/v1/export",
    needs_owner=reveals,
    errors=("mailbox_limited", "rate_limited", "invalid_approval_code"),
)
