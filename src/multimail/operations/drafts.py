"""Drafts: what may become an email. Nobody approves one and no rule looks at it until it is sent."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal

from pydantic import Field
from typing_extensions import TypedDict

from multimail.core.errors import Refused, not_found
from multimail.core.jsontext import to_json
from multimail.core.oversight import Mode
from multimail.core.scopes import Scope
from multimail.core.times import to_rfc3339
from multimail.mail.compose import Attachment
from multimail.operations import usage
from multimail.operations.composing import (
    MESSAGE,
    SUBJECT,
    AttachmentInput,
    BodyInput,
    Composed,
    Metadata,
    Recipients,
    SendEmail,
    address_list,
    compose_new,
    decode_attachments,
)
from multimail.operations.context import Context, Services
from multimail.operations.loose import note_loose
from multimail.operations.operation import Input, Operation
from multimail.operations.sending import BODY_ALIASES, SENDING_ERRORS, SendAnswer, accept
from multimail.operations.views import AttachmentInfo, Deleted, decode_cursor, page
from multimail.storage.blobs import Blob, keep
from multimail.storage.database import Row

LAST: Final = "~"
PEOPLE: Final = ("to", "cc", "bcc", "reply_to")
EMPTY: Final[Mapping[str, Any]] = {kind: [] for kind in PEOPLE} | {
    "subject": "",
    "markdown": "",
    "html": None,
    "metadata": {},
    "oversight_mode": None,
    "send_at": None,
    "gate_timing": "gate_first",
}


class DraftContent(BodyInput):
    """What send_email takes; all of it may be left for later."""

    to: Recipients | None = Field(None, description="An address list (RFC 5322 3.4), as a string or a list.")
    cc: Recipients | None = None
    bcc: Recipients | None = None
    reply_to: Recipients | None = None
    subject: str | None = Field(None, max_length=SUBJECT)
    markdown: str | None = None
    html: str | None = None
    attachments: list[AttachmentInput] | None = Field(None, max_length=100)
    metadata: Metadata | None = Field(None, description="Kept on the email once it is sent.")
    oversight_mode: Mode | None = None
    send_at: datetime | None = None
    gate_timing: Literal["gate_first", "schedule_first"] | None = None

    @property
    def content(self) -> dict[str, Any]:
        """What of the content is given. Raises Refused for address lists that can't be read."""
        for kind in PEOPLE:
            address_list(kind, getattr(self, kind) or [])
        return self.model_dump(mode="json", include=set(EMPTY), exclude_none=True)


class CreateDraft(DraftContent):
    mailbox_id: str = Field(description="The mailbox that will send it: its id or address.")
    idempotency_key: str | None = Field(None, min_length=1, max_length=255)


class EditDraft(DraftContent):
    """What is left out stays as it is."""

    mailbox_id: str | None = None
    draft_id: str


class DraftName(Input):
    mailbox_id: str | None = None
    draft_id: str


class ListDrafts(Input):
    mailbox_id: str = Field(description="The mailbox's id or address.")
    limit: int = Field(20, ge=1, le=100)
    cursor: str | None = None


class SendDraft(DraftName):
    idempotency_key: str | None = Field(None, min_length=1, max_length=255)


class DraftAnswer(TypedDict):
    """Address lists are as they were given. A draft has no status: it is no email."""

    id: str
    draft_id: str
    mailbox_id: str
    to: list[str] | str
    cc: list[str] | str
    bcc: list[str] | str
    reply_to: list[str] | str
    subject: str
    markdown: str
    html: str | None
    attachments: list[AttachmentInfo]
    metadata: dict[str, str]
    oversight_mode: str | None
    send_at: str | None
    gate_timing: str
    test: bool
    created_at: str
    updated_at: str


class DraftPage(TypedDict):
    drafts: list[DraftAnswer]
    cursor: str | None


def draft_view(row: Row) -> dict[str, Any]:
    shown = ("name", "size", "content_type")
    content: dict[str, Any] = json.loads(row["content_json"])
    return content | {
        "id": row["draft_id"],
        "draft_id": row["draft_id"],
        "mailbox_id": row["mailbox_id"],
        "attachments": [{name: part[name] for name in shown} for part in json.loads(row["files_json"])],
        "test": bool(row["test"]),
        "created_at": to_rfc3339(row["created_at"]),
        "updated_at": to_rfc3339(row["updated_at"]),
    }


Files = list[tuple[Attachment, Blob]] | None


def find_box(ctx: Context, given: CreateDraft) -> str:
    return str(ctx.mailbox(given.mailbox_id)["account_id"])


def find_edited(ctx: Context, given: EditDraft) -> str:
    return str(_find(ctx, given)["account_id"])


async def keep_files(services: Services, given: DraftContent, account_id: str) -> Files:
    """The attachments' bytes, durable before the transaction that names them; None where none are given."""
    if given.attachments is None:
        return None
    files = decode_attachments(given.attachments)
    if sum(len(file.content) for file in files) > MESSAGE:
        raise Refused("too_large", "The attachments are larger than 25 MiB.")
    return [(file, await services.blobs.prepare(account_id, file.content)) for file in files]


def _described(ctx: Context, files: list[tuple[Attachment, Blob]]) -> list[dict[str, Any]]:
    for _, blob in files:
        keep(ctx.tx, ctx.account_id, blob)
    return [
        {"name": file.name, "content_type": file.content_type, "size": blob.size, "sha256": blob.address}
        for file, blob in files
    ]


def create_draft(ctx: Context, given: CreateDraft, files: Files) -> Mapping[str, Any]:
    """Keeps what may be sent later. A draft is no email: nothing is approved, and nothing leaves, until send_draft."""
    mailbox = ctx.mailbox(given.mailbox_id)
    name = {"account_id": ctx.account_id, "draft_id": ctx.new_id("drf"), "mailbox_id": mailbox["mailbox_id"]}
    ctx.sql.add_draft(
        **name,
        test=ctx.actor.test,
        content_json=to_json({**EMPTY, **given.content}),
        files_json=to_json(_described(ctx, files or [])),
        created_at=ctx.now,
    )
    ctx.about("draft", name["draft_id"], mailbox["mailbox_id"])
    row = ctx.sql.get_draft(account_id=ctx.account_id, draft_id=name["draft_id"])
    usage.count_draft(ctx, row, sum(blob.size for _, blob in files or []))
    return draft_view(row)


def _find(ctx: Context, given: DraftName | EditDraft) -> Row:
    row = ctx.sql.get_draft(account_id=ctx.account_id, draft_id=given.draft_id)
    if row is None or not ctx.actor.reaches(row["mailbox_id"]):
        raise not_found("draft")
    if given.mailbox_id is not None and ctx.mailbox(given.mailbox_id)["mailbox_id"] != row["mailbox_id"]:
        raise not_found("draft")
    return row


def _require_own_kind(ctx: Context, row: Row) -> None:
    """What a test key writes is never sent for real, and the other way round."""
    if bool(row["test"]) != ctx.actor.test:
        kind = "test" if row["test"] else "live"
        raise Refused("insufficient_scope", hint=f"this draft was made with a {kind} key and needs one")


def list_drafts(ctx: Context, given: ListDrafts) -> Mapping[str, Any]:
    """Lists a mailbox's drafts, newest first."""
    mailbox_id = ctx.mailbox(given.mailbox_id)["mailbox_id"]
    page_of = {"before": decode_cursor(given.cursor, LAST), "limit": given.limit + 1}
    rows = ctx.sql.list_drafts(account_id=ctx.account_id, mailbox_id=mailbox_id, **page_of)
    shown, cursor = page(rows, given.limit, lambda row: str(row["draft_id"]))
    if shown:
        ctx.about("mailbox", mailbox_id, mailbox_id, drafts=[row["draft_id"] for row in shown])
    return {"drafts": [draft_view(row) for row in shown], "cursor": cursor}


def get_draft(ctx: Context, given: DraftName) -> Mapping[str, Any]:
    """Shows one draft."""
    row = _find(ctx, given)
    ctx.about("draft", row["draft_id"], row["mailbox_id"])
    return draft_view(row)


def edit_draft(ctx: Context, given: EditDraft, files: Files) -> Mapping[str, Any]:
    """Changes a draft: what is left out stays as it is, `attachments` replace all those before."""
    row = _find(ctx, given)
    _require_own_kind(ctx, row)
    parts = json.loads(row["files_json"]) if files is None else _described(ctx, files)
    if files is not None:
        _let_files_go(ctx, row)
        usage.count_draft(ctx, row, sum(part["size"] for part in parts))
    ctx.sql.edit_draft(
        account_id=ctx.account_id,
        draft_id=given.draft_id,
        content_json=to_json(json.loads(row["content_json"]) | given.content),
        files_json=to_json(parts),
        updated_at=ctx.now,
    )
    ctx.about("draft", given.draft_id, row["mailbox_id"], changes=sorted(given.content))
    return draft_view(_find(ctx, given))


def throw_away(ctx: Context, row: Row) -> None:
    ctx.sql.remove_draft(account_id=row["account_id"], draft_id=row["draft_id"])
    _let_files_go(ctx, row)


def _let_files_go(ctx: Context, row: Row) -> None:
    parts = json.loads(row["files_json"])
    note_loose(ctx, [part["sha256"] for part in parts])
    usage.count_draft(ctx, row, -sum(part["size"] for part in parts))


def delete_draft(ctx: Context, given: DraftName) -> Mapping[str, Any]:
    """Throws a draft away."""
    row = _find(ctx, given)
    throw_away(ctx, row)
    ctx.about("draft", given.draft_id, row["mailbox_id"])
    return {"id": given.draft_id, "deleted": True}


@dataclass(frozen=True, slots=True)
class Ready:
    """A draft composed: `version` is the one that was read."""

    version: int
    content: SendEmail
    composed: Composed


def find_draft(ctx: Context, given: SendDraft) -> tuple[Row, Row] | None:
    """None for one that is gone: a repeated request is told what the first one was."""
    try:
        row = _find(ctx, given)
    except Refused:
        return None
    _require_own_kind(ctx, row)
    return ctx.mailbox(row["mailbox_id"]), row


async def compose_draft(services: Services, given: SendDraft, found: tuple[Row, Row] | None) -> Ready | None:
    if found is None:
        return None
    mailbox, row = found
    content = SendEmail(mailbox_id=row["mailbox_id"], **json.loads(row["content_json"]))
    files = []
    for part in json.loads(row["files_json"]):
        raw = await services.blobs.load(services.db, row["account_id"], part["sha256"])
        files.append(Attachment(part["name"], part["content_type"], raw))
    return Ready(row["version"], content, await compose_new(services, content, mailbox, tuple(files)))


def send_draft(ctx: Context, given: SendDraft, ready: Ready | None) -> Mapping[str, Any]:
    """Sends a draft as send_email would, gate and all, and the draft is gone. The answer is the email's."""
    row = _find(ctx, given)
    name = {"account_id": ctx.account_id, "draft_id": given.draft_id}
    if ready is None or not ctx.sql.take_draft(**name, version=ready.version):
        raise Refused("conflict", "Somebody else changed the draft at the same moment.", status="draft")
    ctx.metadata = ready.content.metadata | dict(ctx.metadata)
    answer = accept(ctx, ready.content, ready.composed)
    _let_files_go(ctx, row)
    ctx.facts["draft_id"] = row["draft_id"]
    return answer


# `from` is a mailbox in send and reply alone (contract §6).
CONTENT_ALIASES: Final = {alias: name for alias, name in BODY_ALIASES.items() if alias != "from"}
NAME_ALIASES: Final = {"mailbox": "mailbox_id", "id": "draft_id"}
DRAFTS: Final = "/v1/mailboxes/{mailbox_id}/drafts"
DRAFT: Final = DRAFTS + "/{draft_id}"

CREATE_DRAFT = Operation(
    name="create_draft",
    run=create_draft,
    find=find_box,
    prepare=keep_files,
    input=CreateDraft,
    output=DraftAnswer,
    scopes=(Scope.SEND,),
    effect="write",
    method="POST",
    path=DRAFTS,
    status=201,
    aliases=CONTENT_ALIASES,
    errors=("not_found", "idempotency_mismatch", "storage_full"),
    idempotent=True,
)
LIST_DRAFTS = Operation(
    name="list_drafts",
    run=list_drafts,
    input=ListDrafts,
    output=DraftPage,
    scopes=(Scope.READ, Scope.SEND),
    effect="read",
    method="GET",
    path=DRAFTS,
    aliases={"mailbox": "mailbox_id"},
    errors=("not_found",),
)
GET_DRAFT = Operation(
    name="get_draft",
    run=get_draft,
    input=DraftName,
    output=DraftAnswer,
    scopes=(Scope.READ, Scope.SEND),
    effect="read",
    method="GET",
    path=DRAFT,
    aliases=NAME_ALIASES,
    errors=("not_found",),
)
EDIT_DRAFT = Operation(
    name="edit_draft",
    run=edit_draft,
    find=find_edited,
    prepare=keep_files,
    input=EditDraft,
    output=DraftAnswer,
    scopes=(Scope.SEND,),
    effect="write",
    method="PATCH",
    path=DRAFT,
    aliases=CONTENT_ALIASES | NAME_ALIASES,
    errors=("not_found", "storage_full"),
)
DELETE_DRAFT = Operation(
    name="delete_draft",
    run=delete_draft,
    input=DraftName,
    output=Deleted,
    scopes=(Scope.SEND,),
    effect="destructive",
    method="DELETE",
    path=DRAFT,
    aliases=NAME_ALIASES,
    errors=("not_found",),
)
SEND_DRAFT = Operation(
    name="send_draft",
    run=send_draft,
    find=find_draft,
    prepare=compose_draft,
    input=SendDraft,
    output=SendAnswer,
    scopes=(Scope.SEND,),
    effect="write",
    method="POST",
    path=DRAFT + "/send",
    status=202,
    aliases=NAME_ALIASES,
    errors=(*SENDING_ERRORS, "conflict"),
    idempotent=True,
)
