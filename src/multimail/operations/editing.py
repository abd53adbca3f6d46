"""Editing an email before it leaves: a new revision, written by whoever edits; no approval outlives it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from pydantic import Field, field_validator
from typing_extensions import TypedDict

from multimail.core.address import Address, normalise
from multimail.core.errors import Refused, invalid, not_found
from multimail.core.jsontext import to_json
from multimail.core.oversight import PUBLIC_STATUS, Kind, State, event
from multimail.core.scopes import Scope
from multimail.core.times import optional_rfc3339
from multimail.mail import leaks
from multimail.mail.compose import Attachment, Draft
from multimail.mail.craft import names_in, references_in
from multimail.operations import lifecycle, usage
from multimail.operations.approvers import require_may_decide
from multimail.operations.composing import (
    SUBJECT,
    AttachmentInput,
    BodyInput,
    Composed,
    Recipients,
    address_list,
    decode_attachments,
    make_ready,
    require_recipient,
    said_of_the_writer,
)
from multimail.operations.context import Context, Services
from multimail.operations.indexing import to_index
from multimail.operations.loose import note_loose
from multimail.operations.operation import Operation
from multimail.operations.sending import keep_contents, refuse_leaks, waits_until
from multimail.operations.suppression import refuse_suppressed
from multimail.operations.views import edited_by
from multimail.storage.database import Row

EDITABLE: Final = (State.PENDING_APPROVAL, State.SCHEDULED)
PEOPLE: Final = ("to", "cc", "bcc", "reply_to")
CONTENT: Final = frozenset({*PEOPLE, "subject", "markdown", "html", "attachments"})


class EditInput(BodyInput):
    """What is left out stays as it is."""

    email_id: str
    to: Recipients | None = Field(None, description="An address list (RFC 5322 3.4), as a string or a list.")
    cc: Recipients | None = None
    bcc: Recipients | None = None
    reply_to: Recipients | None = None
    subject: str | None = Field(None, max_length=SUBJECT)
    markdown: str | None = Field(None, description="The body; the HTML is made from it anew.")
    html: str | None = Field(None, description="An HTML body instead of the one made from markdown.")
    attachments: list[AttachmentInput] | None = Field(
        None, max_length=100, description="All of them, in place of those before; [] takes them away."
    )

    @property
    def changes(self) -> frozenset[str]:
        """What of the content is given."""
        return frozenset(name for name in CONTENT if getattr(self, name) is not None)


class EditScheduledEmail(EditInput):
    mailbox_id: str | None = None
    send_at: datetime | None = Field(None, description="The new time (RFC 3339); one that has passed is now.")


class EditEmail(EditInput):
    revision: str | None = Field(None, description="The revision that was looked at; another one is 409.")

    @field_validator("revision")
    @classmethod
    def _lower(cls, revision: str | None) -> str | None:
        return revision.lower() if revision else None


class EditAnswer(TypedDict):
    """`revision` is the new one; an approval of any earlier one is void."""

    id: str
    message_id: str
    mailbox_id: str
    status: str
    effective_mode: str
    send_at: str | None
    revision: str
    edited_by: str


@dataclass(frozen=True, slots=True)
class Original:
    """An email as it was when its edit began."""

    email: Row
    contents: Row
    mailbox: Row
    attachments: list[Row]


def find_scheduled(ctx: Context, given: EditScheduledEmail) -> Original:
    original = _find(ctx, given.email_id)
    email = original.email
    if given.mailbox_id is not None and ctx.mailbox(given.mailbox_id)["mailbox_id"] != email["mailbox_id"]:
        raise not_found("email")
    lifecycle.require_own_kind(ctx, email)
    if email["send_at"] is None:
        raise _not_editable(email)
    if not given.changes and given.send_at is None:
        raise invalid("send_at", "say what to change")
    return original


def find_pending(ctx: Context, given: EditEmail) -> Original:
    original = _find(ctx, given.email_id)
    require_may_decide(ctx, original.email["mailbox_id"])
    if given.revision not in (None, original.email["revision"]):
        raise Refused("stale_revision", status=PUBLIC_STATUS[State(original.email["state"])])
    if not given.changes:
        raise invalid("markdown", "say what to change")
    return original


def _find(ctx: Context, email_id: str) -> Original:
    email = ctx.email(email_id)
    if email["state"] not in EDITABLE:
        raise _not_editable(email)
    name = {"account_id": ctx.account_id, "email_id": email_id}
    return Original(
        email=email,
        contents=ctx.sql.get_contents(**name),
        mailbox=ctx.mailbox(email["mailbox_id"]),
        attachments=ctx.sql.list_attachments(**name),
    )


def _not_editable(email: Row) -> Refused:
    status = PUBLIC_STATUS[State(email["state"])]
    return Refused("conflict", f"The email is {status}: it can't be edited now.", status=status)


async def prepare_edit(services: Services, given: EditInput, original: Original) -> Composed:
    """The message composed anew. Its Message-ID is new too: no two revisions are ever alike."""
    email, contents = original.email, original.contents
    headers = json.loads(contents["headers_json"])
    people = _people(given, email, names_in(headers))
    require_recipient(people)
    html = given.html if given.html is not None or given.markdown is not None else contents["html"]
    draft = Draft(
        from_=Address(original.mailbox["name"], original.mailbox["address"]),
        to=people["to"],
        cc=people["cc"],
        reply_to=people["reply_to"],
        subject=email["subject"] if given.subject is None else given.subject,
        markdown=contents["markdown"] if given.markdown is None else given.markdown,
        html=html,
        attachments=await _attachments(services, given, original),
        message_id=f"{email['email_id']}.{email['revision_count'] + 1}@{services.site.domain}",
        in_reply_to=email["in_reply_to"] or None,
        references=references_in(headers),
        extra_headers=said_of_the_writer(original.mailbox),
    )
    return await make_ready(services, original.mailbox, email["email_id"], draft, people["bcc"])


def _people(given: EditInput, email: Row, names: Mapping[str, str]) -> dict[str, tuple[Address, ...]]:
    people = {}
    for kind in PEOPLE:
        wanted = getattr(given, kind)
        kept = (
            Address(names.get(normalise(address), ""), address)
            for address in json.loads(email[f"{kind}_json"])
        )
        people[kind] = tuple(kept) if wanted is None else address_list(kind, wanted)
    return people


async def _attachments(services: Services, given: EditInput, original: Original) -> tuple[Attachment, ...]:
    if given.attachments is not None:
        return decode_attachments(given.attachments)
    account_id = original.email["account_id"]
    return tuple(
        [
            Attachment(
                row["name"],
                row["content_type"],
                await services.blobs.load(services.db, account_id, row["sha256"]),
            )
            for row in original.attachments
        ]
    )


def edit_scheduled_email(ctx: Context, given: EditScheduledEmail, composed: Composed) -> Mapping[str, Any]:
    """Changes the time or the content of an email that is to leave later.

    It is judged as if it were sent now: an approval is void, and where the mailbox's mode says so, it waits for
    a human again. With `gate_timing` `schedule_first` that is asked once its time has come.
    """
    email = ctx.email(given.email_id)
    lifecycle.require_own_kind(ctx, email)
    send_at = email["send_at"] if given.send_at is None else waits_until(ctx, given.send_at)
    return _edit(ctx, given, composed, send_at)


def edit_email(ctx: Context, given: EditEmail, composed: Composed) -> Mapping[str, Any]:
    """Changes what waits for approval: recipients, subject, body or attachments. For people alone.

    The new revision is written by the person who edits; the agent learns of it by `edited_by`, and what was
    before is kept. It still has to be approved, under four eyes by another person.
    """
    return _edit(ctx, given, composed, ctx.email(given.email_id)["send_at"])


def _findings(email: Row, composed: Composed) -> list[dict[str, Any]]:
    """What its new words hold; what was found of its conversation stays."""
    earlier = [one for one in json.loads(email["findings_json"]) if one["kind"] not in leaks.KINDS]
    return [*(finding.told() for finding in composed.written.findings), *earlier]


def _edit(ctx: Context, given: EditInput, composed: Composed, send_at: int | None) -> dict[str, Any]:
    email = ctx.email(given.email_id)
    name = {"account_id": ctx.account_id, "email_id": given.email_id}
    changed = {
        **composed.written.columns,
        "send_at": send_at,
        "findings_json": to_json(_findings(email, composed)),
        "editor_kind": ctx.actor.kind,
        "editor_id": ctx.actor.id,
        "edited_at": ctx.now,
    }
    # The revision that was composed follows on the one that it was made from, or somebody was faster.
    is_next = composed.draft.message_id.startswith(f"{given.email_id}.{email['revision_count'] + 1}@")
    if not is_next or not ctx.sql.edit_email(**name, **changed, version=email["version"]):
        raise lifecycle.overtaken(email)
    _keep_earlier(ctx, email)
    note_loose(ctx, [part["sha256"] for part in ctx.sql.list_attachments(**name)])
    ctx.sql.remove_attachments(**name)
    keep_contents(ctx, composed)
    to_index(ctx, given.email_id)
    earlier, email = email, ctx.email(given.email_id)
    usage.count_edit(ctx, earlier, email)
    judgement = lifecycle.judged(ctx, email)
    refuse_suppressed(ctx, [address for address, _ in composed.recipients], composed.written.patterns)
    refuse_leaks(ctx, composed)
    facts = {"scheduled": (send_at or 0) > ctx.now, "schedule_first": bool(email["schedule_first"])}
    what = event(Kind.EDIT, **facts, **judgement.facts)
    told = {"edited_by": edited_by(email), "revision": email["revision"]}
    transition = lifecycle.advance(ctx, email, what, told=told, denied=judgement.denied)
    ctx.about(
        "email",
        given.email_id,
        email["mailbox_id"],
        status=transition.state,
        revision=email["revision"],
        changes=sorted(given.changes),
    )
    return {
        "id": given.email_id,
        "message_id": given.email_id,
        "mailbox_id": email["mailbox_id"],
        "status": PUBLIC_STATUS[transition.state],
        "effective_mode": lifecycle.current_mode(ctx, email),
        "send_at": optional_rfc3339(send_at),
        "revision": email["revision"],
        "edited_by": edited_by(email),
    }


def _keep_earlier(ctx: Context, email: Row) -> None:
    name = {"account_id": ctx.account_id, "email_id": email["email_id"]}
    contents = ctx.sql.get_contents(**name)
    ctx.sql.add_revision(
        **name,
        number=email["revision_count"],
        revision=email["revision"],
        written_by=edited_by(email) or f"{email['author_kind']}:{email['author_id']}",
        written_at=email["edited_at"] or email["created_at"],
        subject=email["subject"],
        recipients_json=email["recipients_json"],
        markdown=contents["markdown"],
        raw_sha256=contents["raw_sha256"],
    )


ALIASES: Final = {"body": "markdown", "text": "markdown", "message_id": "email_id", "id": "email_id"}

EDIT_SCHEDULED_EMAIL = Operation(
    name="edit_scheduled_email",
    run=edit_scheduled_email,
    find=find_scheduled,
    prepare=prepare_edit,
    input=EditScheduledEmail,
    output=EditAnswer,
    scopes=(Scope.SEND,),
    effect="write",
    method="PATCH",
    path="/v1/mailboxes/{mailbox_id}/emails/{email_id}/schedule",
    aliases=ALIASES | {"mailbox": "mailbox_id"},
    errors=(
        "not_found",
        "conflict",
        "read_only",
        "recipient_denied",
        "suppressed",
        "leak_blocked",
        "storage_full",
    ),
)
EDIT_EMAIL = Operation(
    name="edit_email",
    run=edit_email,
    find=find_pending,
    prepare=prepare_edit,
    input=EditEmail,
    output=EditAnswer,
    scopes=(Scope.OPERATOR,),
    effect="write",
    method="PATCH",
    path="/v1/oversight/emails/{email_id}",
    aliases=ALIASES,
    errors=(
        "not_found",
        "conflict",
        "stale_revision",
        "read_only",
        "recipient_denied",
        "suppressed",
        "leak_blocked",
        "storage_full",
    ),
)
