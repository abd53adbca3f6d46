"""Working through what waits: the queue by how closely to look, and one email as a decider should see it."""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, Final, Literal

from pydantic import Field
from typing_extensions import TypedDict

from multimail.core.address import normalise
from multimail.core.errors import Refused, not_found
from multimail.core.lookalike import look_alike
from multimail.core.oversight import HIDDEN, State
from multimail.core.risk import ORDER, Risk, in_order, risk_of, sign_of
from multimail.core.scopes import Scope
from multimail.core.times import to_rfc3339
from multimail.mail.anatomy import Anatomy, dissect
from multimail.operations.context import Context, Services
from multimail.operations.emails import EMAIL_ALIASES
from multimail.operations.facts import Facts, pending_facts
from multimail.operations.inbox import containing
from multimail.operations.operation import Input, Operation
from multimail.operations.oversight import (
    PendingEmail,
    email_findings,
    pending_view,
)
from multimail.operations.views import Email, EmailSummary, decode_cursor, email_summary, email_whole, page
from multimail.storage.database import Row

LAST: Final = "~"
PRETENDING: Final = {"lookalike_domain", "mixed_scripts", "name_of_known", "name_shows_address"}
WAITING: Final = (State.PENDING_APPROVAL, State.HELD)


class Look(TypedDict):
    """Somebody has opened it. `revision` is what they saw: it may not be the present one."""

    operator_id: str
    name: str
    revision: str
    at: str


class QueuedEmail(EmailSummary):
    """One that waits, without its words. `signs` are what made its `risk`: see review_email for each."""

    risk: Risk
    signs: list[str]
    facts: Facts
    revision: str
    mailbox_address: str
    bcc_count: int
    looks: list[Look]


class Queue(TypedDict):
    """`emails` of this page, riskiest first and of those the newest; `waiting` is how many wait in all."""

    emails: list[QueuedEmail]
    waiting: int
    cursor: str | None


class ListQueue(Input):
    mailbox_id: str | None = Field(None, description="Only what waits in this mailbox: its id or address.")
    direction: Literal["inbound", "outbound"] | None = None
    risk: Risk | None = Field(None, description="Only what is to be looked at this closely.")
    q: str = Field("", max_length=256, description="A text that is in the subject or an address.")
    limit: int = Field(20, ge=1, le=100, description="How many of the newest are looked at and put in order.")
    cursor: str | None = None


def list_queue(ctx: Context, given: ListQueue) -> Mapping[str, Any]:
    """Lists what waits for a person without its words, a page of the newest at a time, riskiest first.

    A key with `read` sees the outbound emails; people and keys with `oversight` the held inbound ones too.
    """
    rows = ctx.sql.list_queue(
        account_id=ctx.account_id,
        before=decode_cursor(given.cursor, LAST),
        see_held=ctx.actor.sees_held,
        any_mailbox=given.mailbox_id is None,
        mailbox_id="" if given.mailbox_id is None else ctx.mailbox(given.mailbox_id)["mailbox_id"],
        any_direction=given.direction is None,
        direction=given.direction or "",
        any_words=not given.q.strip(),
        words=containing("q", given.q.strip().lower()),
        limit=given.limit + 1,
        **ctx.actor.filter,
    )
    shown, cursor = page(rows, given.limit, lambda row: str(row["email_id"]))
    everywhere = {"account_id": ctx.account_id, "any_mailbox": True, "mailbox_id": "", "test": False}
    holds = ctx.sql.get_holdings(**everywhere, any_kind=True, **ctx.actor.filter)
    boxes: dict[str, str] = {}
    emails = [_queued(ctx, row, boxes) for row in shown]
    emails = [one for one in emails if given.risk in (None, one["risk"])]
    return {
        "emails": sorted(
            emails, key=lambda one: ORDER.index(one["risk"])
        ),  # a stable sort: newest first in each
        "waiting": holds["pending"] + (holds["held"] if ctx.actor.sees_held else 0),
        "cursor": cursor,
    }


def _queued(ctx: Context, row: Row, boxes: dict[str, str]) -> dict[str, Any]:
    facts = pending_facts(ctx, row)
    signs = signs_of(ctx, row, facts)
    return email_summary(row) | {
        "risk": risk_of(signs),
        "signs": signs,
        "facts": facts,
        "revision": row["revision"],
        "mailbox_address": _address(ctx, row["mailbox_id"], boxes),
        "bcc_count": len(json.loads(row["bcc_json"])),
        "looks": _looks(ctx, row["email_id"]),
    }


def _address(ctx: Context, mailbox_id: str, known: dict[str, str]) -> str:
    if mailbox_id not in known:
        name = {"account_id": ctx.account_id, "mailbox_id": mailbox_id}
        known[mailbox_id] = ctx.sql.get_mailbox_even_deleted(**name)["address"]
    return known[mailbox_id]


def signs_of(ctx: Context, row: Row, facts: Mapping[str, Any]) -> list[str]:
    """The signs (core/risk.py) of one that waits, gravest first."""
    name = {"account_id": ctx.account_id, "email_id": row["email_id"]}
    contents = ctx.sql.get_contents(**name)
    findings = (*email_findings(ctx, row), *json.loads(row["findings_json"]))
    auth = json.loads(row["auth_json"]) if row["auth_json"] else {}
    holds = {
        "look_alike": bool(look_alikes(ctx, row, facts["first_contact"])),
        "hidden": contents is not None and contents["hidden_json"] != "[]",
        "defect": contents is not None and contents["defects_json"] != "[]",
        "reply_to_differs": bool(facts["reply_to_differs"]),
        "sender_unproven": auth.get("verdict") == "fail",
        "read_elsewhere": facts["untrusted_reads"]["elsewhere"],
        "new_link": bool(facts["new_links"]),
        "first_contact": bool(facts["first_contact"]),
        "near_duplicate": bool(facts["near_duplicates"]),
        "attachment": bool(row["has_attachments"]),
        "edited": facts["content_changed"],
    }
    found = {sign for sign, is_so in holds.items() if is_so}
    return in_order(found | {sign_of(finding["kind"]) for finding in findings})


class LookAlike(TypedDict):
    """`address` is at a domain that reads like `domain`, which is known here, and is another."""

    address: str
    domain: str


def look_alikes(ctx: Context, row: Row, strangers: list[str]) -> list[dict[str, str]]:
    """Of people never met, those whose domain could be taken for one of this conversation, of the account itself, of
    its contacts, or of its allow rules."""
    thread = {"account_id": ctx.account_id, "thread_id": row["thread_id"], "see_held": False}
    people = " ".join(one["participants"] for one in ctx.sql.list_thread_participants(**thread)).split()
    if ctx.actor.mailbox_ids is None:
        people += [one["address"] for one in ctx.sql.list_contact_addresses(account_id=ctx.account_id)]
        people += [one["pattern"] for one in ctx.sql.list_allowed_domains(account_id=ctx.account_id)]
    people.append(row["from_address"] if row["direction"] == "outbound" else "@" + ctx.services.site.domain)
    own = {normalise(one) for one in strangers}
    known = {one.rpartition("@")[2].lower() for one in people if one and one not in own}
    found = ((one, look_alike(one.rpartition("@")[2].lower(), known)) for one in strangers)
    return [{"address": one, "domain": domain} for one, domain in found if domain]


def _looks(ctx: Context, email_id: str) -> list[dict[str, Any]]:
    """Who opened it is between people."""
    if ctx.actor.kind != "operator":
        return []
    return [
        {
            "operator_id": row["operator_id"],
            "name": row["name"],
            "revision": row["revision"],
            "at": to_rfc3339(row["at"]),
        }
        for row in ctx.sql.list_looks(account_id=ctx.account_id, email_id=email_id)
    ]


class MessagePart(TypedDict):
    name: str
    content_type: str
    size: int


class Message(TypedDict):
    """The message itself, read from the bytes that would leave or that came in. All of it is untrusted."""

    headers: list[list[str]]
    text: str
    html: str
    parts: list[MessagePart]
    size: int
    trouble: list[str]


class ReviewedEmail(PendingEmail):
    """`waits` says whether it can be decided; `answers` is the email it replies to, as its agent could read it;
    `alike` are others that wait and say nearly the same."""

    waits: bool
    risk: Risk
    signs: list[str]
    look_alikes: list[LookAlike]
    mailbox_address: str
    message: Message
    answers: Email | None
    alike: list[EmailSummary]
    looks: list[Look]


class ReviewEmail(Input):
    email_id: str
    revision: str | None = Field(
        None, description="The revision to look at; another one is refused as stale."
    )


def find_message(ctx: Context, given: ReviewEmail) -> tuple[str, str]:
    """The account and the address of the raw message."""
    email = ctx.email(given.email_id)
    contents = ctx.sql.get_contents(account_id=ctx.account_id, email_id=email["email_id"])
    if contents is None:
        raise not_found("body: the email was erased")
    return ctx.account_id, contents["raw_sha256"]


async def load_message(services: Services, given: ReviewEmail, found: tuple[str, str]) -> tuple[str, Anatomy]:
    raw = await services.blobs.load(services.db, *found)
    return found[1], await asyncio.to_thread(dissect, raw)


def review_email(ctx: Context, given: ReviewEmail, loaded: tuple[str, Anatomy]) -> Mapping[str, Any]:
    """Shows one email as whoever decides should see it: the message itself, its true envelope, what is new about it,
    what it answers, and what it was before each edit.

    For a person it counts as opened; see decide_emails.
    """
    raw_sha256, anatomy = loaded
    email = ctx.email(given.email_id)
    name = {"account_id": ctx.account_id, "email_id": given.email_id}
    changed = given.revision not in (None, email["revision"])
    contents = ctx.sql.get_contents(**name)
    if contents is None:
        raise not_found("body: the email was erased")
    if changed or contents["raw_sha256"] != raw_sha256:
        raise Refused("stale_revision", status=email_summary(email)["status"])
    waits = email["state"] in WAITING
    if waits and ctx.actor.kind == "operator":
        look = {"operator_id": ctx.actor.id, "revision": email["revision"], "at": ctx.now}
        ctx.sql.note_look(**name, **look)
    answered = _answered(ctx, email)
    read = [] if answered is None else [answered["email_id"]]
    ctx.about("email", given.email_id, email["mailbox_id"], revision=email["revision"], emails=read)
    shown = pending_view(ctx, email)
    signs = signs_of(ctx, email, shown["facts"])
    return shown | {
        "waits": waits,
        "risk": risk_of(signs),
        "signs": signs,
        "look_alikes": look_alikes(ctx, email, shown["facts"]["first_contact"]),
        "mailbox_address": _address(ctx, email["mailbox_id"], {}),
        "message": asdict(anatomy) | {"headers": [list(pair) for pair in anatomy.headers]},
        "answers": None if answered is None else email_whole(ctx.tx, answered),
        "alike": [email_summary(ctx.email(one)) for one in shown["facts"]["near_duplicates"]],
        "looks": _looks(ctx, given.email_id),
    }


def _answered(ctx: Context, email: Row) -> Row | None:
    """What it replies to, if that is in its own conversation."""
    if not email["in_reply_to"]:
        return None
    where = {"account_id": ctx.account_id, "mailbox_id": email["mailbox_id"]}
    row = ctx.sql.get_email_by_message_id(**where, message_id=email["in_reply_to"])
    if row is None or row["thread_id"] != email["thread_id"] or row["state"] in HIDDEN:
        return None
    return row


LIST_QUEUE = Operation(
    name="list_queue",
    run=list_queue,
    input=ListQueue,
    output=Queue,
    scopes=(Scope.READ, Scope.OVERSIGHT),
    effect="read",
    audited=False,
    method="GET",
    path="/v1/oversight/queue",
    aliases={"mailbox": "mailbox_id"},
    errors=("not_found",),
)
REVIEW_EMAIL = Operation(
    name="review_email",
    run=review_email,
    find=find_message,
    prepare=load_message,
    input=ReviewEmail,
    output=ReviewedEmail,
    scopes=(Scope.READ, Scope.OVERSIGHT),
    effect="read",
    method="GET",
    path="/v1/oversight/emails/{email_id}",
    aliases={name: wanted for name, wanted in EMAIL_ALIASES.items() if wanted == "email_id"},
    errors=("not_found", "stale_revision"),
)
