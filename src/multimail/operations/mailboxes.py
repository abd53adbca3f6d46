"""Mailboxes: one address each, with its own oversight mode."""

import re
from collections.abc import Mapping
from typing import Any, Final

from pydantic import Field, field_validator
from typing_extensions import TypedDict

from multimail.core.address import AddressError, normalise, parse_address
from multimail.core.errors import Refused, invalid
from multimail.core.event_types import EventType
from multimail.core.identity import reputation_hash
from multimail.core.oversight import STRICTNESS, Kind, Mode, State, event
from multimail.core.scopes import Scope
from multimail.core.times import optional_rfc3339, to_rfc3339
from multimail.operations import consent, domains, lifecycle, quotas
from multimail.operations.context import Context, require_whole_account
from multimail.operations.events import emit_of_mailbox
from multimail.operations.operation import Input, Operation, Route
from multimail.operations.views import Deleted, decode_cursor, page
from multimail.storage.database import Row

LOCAL_PART: Final = re.compile(r"[a-z0-9](?:[a-z0-9._+-]{0,62}[a-z0-9])?", re.ASCII)
LAST: Final = "~"  # sorts after every id
ALLOWS: Final = {
    Mode.READ_ONLY: "it reads at once and sends nothing",
    Mode.GATED_ALL: "it sends what a human approved, and reads what a human approved",
    Mode.GATED_SEND: "it reads at once, and sends what a human approved",
    Mode.MONITORED: "it sends at once, with a copy to the oversight address",
    Mode.AUTONOMOUS: "it sends at once, and nobody is asked",
}
OPEN: Final = (State.PENDING_APPROVAL, State.SCHEDULED, State.QUEUED)


class MailboxAnswer(TypedDict):
    """`wanted_mode` is a looser mode that was asked for and waits for an operator."""

    id: str
    mailbox_id: str
    address: str
    name: str
    oversight_mode: str
    wanted_mode: str | None
    human_written: bool
    test: bool
    paused_at: str | None
    created_at: str


class MailboxPage(TypedDict):
    mailboxes: list[MailboxAnswer]
    cursor: str | None


def mailbox_view(row: Row) -> dict[str, Any]:
    return {
        "id": row["mailbox_id"],
        "mailbox_id": row["mailbox_id"],
        "address": row["address"],
        "name": row["name"],
        "oversight_mode": row["oversight_mode"],
        "wanted_mode": row["wanted_mode"],
        "human_written": bool(row["human_written"]),
        "test": bool(row["test"]),
        "paused_at": optional_rfc3339(row["paused_at"]),
        "created_at": to_rfc3339(row["created_at"]),
    }


class ListMailboxes(Input):
    limit: int = Field(20, ge=1, le=100)
    cursor: str | None = None


def list_mailboxes(ctx: Context, given: ListMailboxes) -> Mapping[str, Any]:
    """Lists the mailboxes that this key can see, newest first."""
    rows = ctx.sql.list_mailboxes(
        account_id=ctx.account_id,
        before=decode_cursor(given.cursor, LAST),
        limit=given.limit + 1,
        **ctx.actor.filter,
    )
    shown, cursor = page(rows, given.limit, lambda row: str(row["mailbox_id"]))
    return {"mailboxes": [mailbox_view(row) for row in shown], "cursor": cursor}


class DisplayName(Input):
    @field_validator("name", check_fields=False)
    @classmethod
    def _one_line(cls, name: str | None) -> str | None:
        if name is not None and any(ord(character) < 32 or ord(character) == 127 for character in name):
            raise ValueError("a name is one line without control characters")
        return name


class CreateMailbox(DisplayName):
    address: str = Field(
        description="A local part (`support`), or a full address at a domain that the account has verified."
    )
    name: str = Field("", max_length=128, description="The display name in From.")
    oversight_mode: Mode = Mode.GATED_SEND
    human_written: bool = Field(
        False, description="True only where a person writes: leaves X-AI-Generated out."
    )
    idempotency_key: str | None = Field(None, min_length=1, max_length=255)
    approval_code: str | None = None


def hides_the_machine(ctx: Context, given: CreateMailbox) -> str | None:
    """Mail that does not say that a machine wrote it is an owner's to allow."""
    if not given.human_written:
        return None
    return f"mail from the new mailbox {_new_address(ctx, given)[0]} does not carry X-AI-Generated"


def _new_address(ctx: Context, given: CreateMailbox) -> tuple[str, str | None]:
    """(address, the id of the account's domain that it is at, None at the platform's). Raises Refused."""
    slug = ctx.sql.get_account(account_id=ctx.account_id)["slug"]
    platform = f"{slug}.{ctx.services.site.domain}"
    address = full_address(given.address, platform)
    domain = address.rpartition("@")[2]
    return address, None if domain == platform else domains.require_verified(ctx, domain, platform)


def create_mailbox(ctx: Context, given: CreateMailbox) -> Mapping[str, Any]:
    """Creates a mailbox. A mode looser than gated_send is filed as an upgrade request, which an owner grants.

    Such a mailbox begins as gated_send, with the mode asked for as `wanted_mode`; see apply_upgrade.
    """
    require_whole_account(ctx.actor)
    address, domain_id = _new_address(ctx, given)  # its lock before the next one's, as when an owner is asked
    quotas.require_mailbox(ctx)
    if ctx.sql.is_operator_address(address=address):
        raise Refused("operator_address")
    looser = STRICTNESS.index(given.oversight_mode) > STRICTNESS.index(Mode.GATED_SEND)
    row = add_mailbox(
        ctx,
        address,
        name=given.name,
        mode=Mode.GATED_SEND if looser else given.oversight_mode,
        wanted_mode=given.oversight_mode if looser else None,
        human_written=given.human_written,
        test=ctx.actor.test,
        domain_id=domain_id,
    )
    if looser:
        consent.ask_upgrade(ctx, row, given.oversight_mode, _loosening(row, given.oversight_mode))
    return mailbox_view(row)


def full_address(given: str, domain: str) -> str:
    """The normalised address, at `domain` where only a local part is given. Raises Refused for odd local parts."""
    full = given.strip().lower() if "@" in given else f"{given.strip().lower()}@{domain}"
    try:
        parsed = parse_address(full)
    except AddressError as error:
        raise invalid("address", str(error)) from None
    if not LOCAL_PART.fullmatch(parsed.local):
        raise invalid(
            "address",
            "the local part is 1 to 64 of a-z 0-9 . _ + - and starts and ends with a letter or digit",
        )
    return normalise(parsed.address)


def add_mailbox(
    ctx: Context,
    address: str,
    *,
    name: str,
    mode: Mode,
    wanted_mode: Mode | None,
    human_written: bool,
    test: bool,
    domain_id: str | None = None,
) -> Row:
    """Raises Refused("address_taken"), whoever has it."""
    mailbox_id = ctx.new_id("mbx")
    entry = {"address": address, "sha256": reputation_hash(address), "mailbox_id": mailbox_id}
    if not ctx.sql.add_address(**entry, account_id=ctx.account_id):
        raise Refused("address_taken")
    ctx.sql.add_mailbox(
        account_id=ctx.account_id,
        mailbox_id=mailbox_id,
        address=address,
        domain_id=domain_id,
        name=name,
        oversight_mode=mode,
        wanted_mode=wanted_mode,
        human_written=human_written,
        test=test,
        created_at=ctx.now,
    )
    ctx.about(
        "mailbox", mailbox_id, mailbox_id, address=address, oversight_mode=mode, wanted_mode=wanted_mode
    )
    return ctx.sql.get_mailbox(account_id=ctx.account_id, mailbox_id=mailbox_id)


class MailboxName(Input):
    mailbox_id: str = Field(description="The mailbox's id or address.")


def get_mailbox(ctx: Context, given: MailboxName) -> Mapping[str, Any]:
    """Shows one mailbox."""
    return mailbox_view(ctx.mailbox(given.mailbox_id))


class UpdateMailbox(DisplayName):
    mailbox_id: str = Field(description="The mailbox's id or address.")
    name: str | None = Field(None, max_length=128)
    oversight_mode: Mode | None = Field(
        None, description="Stricter at once; looser takes an owner's approval_code."
    )
    human_written: bool | None = None
    approval_code: str | None = None


def to_change(ctx: Context, id_or_address: str) -> Row:
    """The mailbox, which nobody else changes until this transaction ends: what was judged is what is changed, and a
    change of its name writes no mode back that somebody tightened meanwhile."""
    ctx.sql.lock_message(name=f"mailbox/{ctx.mailbox(id_or_address)['mailbox_id']}")
    return ctx.mailbox(id_or_address)


def loosens(ctx: Context, given: UpdateMailbox) -> str | None:
    """All that an owner must agree to: a looser mode, mail that no longer says that a machine wrote it."""
    row = to_change(ctx, given.mailbox_id)
    mode = given.oversight_mode
    asked = []
    if mode is not None and STRICTNESS.index(mode) > STRICTNESS.index(Mode(row["oversight_mode"])):
        asked.append(_loosening(row, mode))
    if mode is not None and mode is not Mode.GATED_ALL and row["oversight_mode"] == Mode.GATED_ALL:
        asked.append(f"mail to {row['address']} is no longer held until a human approves it")
    if given.human_written and not row["human_written"]:
        asked.append(f"mail from {row['address']} no longer carries X-AI-Generated")
    return "; ".join(asked) or None


def _loosening(row: Row, mode: Mode) -> str:
    return f"{row['address']} goes from {row['oversight_mode']} to the looser {mode}: {ALLOWS[mode]}"


def require_oversight_address(ctx: Context, row: Row, mode: Mode) -> None:
    if mode is Mode.MONITORED and row["oversight_mode"] != mode and not lifecycle.is_overseen(ctx):
        raise Refused("no_oversight_address", hint="set and verify the account's oversight_email first")


def update_mailbox(ctx: Context, given: UpdateMailbox) -> Mapping[str, Any]:
    """Changes a mailbox's name, mode or authorship. Tightening is free; loosening takes an owner.

    Asked by a program, a loosening answers 202 `pending_approval`; the call repeated with the owner's
    `approval_code` completes it. A looser mode releases nothing that is already held. A stricter one ends an
    upgrade that was asked for: a code given for it is void.
    """
    row = to_change(ctx, given.mailbox_id)
    mode = given.oversight_mode or Mode(row["oversight_mode"])
    require_oversight_address(ctx, row, mode)
    tightened = STRICTNESS.index(mode) < STRICTNESS.index(Mode(row["oversight_mode"]))
    over = tightened or STRICTNESS.index(mode) >= STRICTNESS.index(Mode(row["wanted_mode"] or mode))
    ctx.sql.update_mailbox(
        account_id=ctx.account_id,
        mailbox_id=row["mailbox_id"],
        name=row["name"] if given.name is None else given.name,
        oversight_mode=mode,
        wanted_mode=None if over else row["wanted_mode"],
        human_written=row["human_written"] if given.human_written is None else given.human_written,
    )
    if over and row["wanted_mode"] is not None:
        consent.void_upgrade(ctx, row["mailbox_id"])
    if STRICTNESS.index(mode) > STRICTNESS.index(Mode(row["oversight_mode"])):
        modes = {"oversight_mode": mode, "was": row["oversight_mode"]}
        emit_of_mailbox(ctx, EventType.MAILBOX_UPGRADED, row, **modes)
    changes = given.model_dump(mode="json", exclude_none=True, exclude={"mailbox_id", "approval_code"})
    ctx.about("mailbox", row["mailbox_id"], row["mailbox_id"], changes=changes, was=row["oversight_mode"])
    return mailbox_view(ctx.mailbox(row["mailbox_id"]))


class DeleteMailbox(Input):
    mailbox_id: str = Field(description="The mailbox's id or address.")
    approval_code: str | None = None


def destroys(ctx: Context, given: DeleteMailbox) -> str | None:
    """A mailbox that holds mail is evidence."""
    row = ctx.mailbox(given.mailbox_id)
    holds = ctx.sql.mailbox_holds_mail(account_id=ctx.account_id, mailbox_id=row["mailbox_id"])
    return f"the mailbox {row['address']}, which holds mail, is deleted" if holds else None


def delete_mailbox(ctx: Context, given: DeleteMailbox) -> Mapping[str, Any]:
    """Deletes a mailbox: it takes no mail and sends none; what has not left is cancelled. Its address stays taken."""
    row = ctx.mailbox(given.mailbox_id)
    name = {"account_id": ctx.account_id, "mailbox_id": row["mailbox_id"]}
    for found in ctx.sql.list_open_in_mailbox(**name):
        email = ctx.sql.lock_email(account_id=ctx.account_id, email_id=found["email_id"])
        if email["state"] in OPEN and not lifecycle.partly_delivered(email):
            lifecycle.advance(ctx, email, event(Kind.CANCEL))
    ctx.sql.delete_mailbox(**name, now=ctx.now)
    ctx.about("mailbox", row["mailbox_id"], row["mailbox_id"], address=row["address"])
    return {"id": row["mailbox_id"], "deleted": True}


NAME_ALIASES: Final = {"mailbox": "mailbox_id", "id": "mailbox_id"}

LIST_MAILBOXES = Operation(
    name="list_mailboxes",
    run=list_mailboxes,
    input=ListMailboxes,
    output=MailboxPage,
    scopes=(Scope.READ,),
    effect="read",
    audited=False,
    method="GET",
    path="/v1/mailboxes",
)
CREATE_MAILBOX = Operation(
    name="create_mailbox",
    run=create_mailbox,
    input=CreateMailbox,
    output=MailboxAnswer,
    scopes=(Scope.ADMIN,),
    effect="write",
    method="POST",
    path="/v1/mailboxes",
    status=201,
    aliases={"address_local": "address", "address_local_part": "address"},
    needs_owner=hides_the_machine,
    errors=(
        "address_taken",
        "domain_not_verified",
        "operator_address",
        "mailbox_limited",
        "quota_exceeded",
        "idempotency_mismatch",
        "invalid_approval_code",
    ),
    idempotent=True,
)
GET_MAILBOX = Operation(
    name="get_mailbox",
    run=get_mailbox,
    input=MailboxName,
    output=MailboxAnswer,
    scopes=(Scope.READ,),
    effect="read",
    audited=False,
    method="GET",
    path="/v1/mailboxes/{mailbox_id}",
    aliases=NAME_ALIASES,
    errors=("not_found",),
)
UPDATE_MAILBOX = Operation(
    name="update_mailbox",
    run=update_mailbox,
    input=UpdateMailbox,
    output=MailboxAnswer,
    scopes=(Scope.ADMIN,),
    effect="write",
    method="PATCH",
    path="/v1/mailboxes/{mailbox_id}",
    also=(
        Route("PATCH", "/v1/mailboxes/{mailbox_id}/configure"),
        Route("POST", "/configure_mailbox"),
    ),
    aliases=NAME_ALIASES,
    needs_owner=loosens,
    errors=("not_found", "invalid_approval_code", "no_oversight_address"),
)
DELETE_MAILBOX = Operation(
    name="delete_mailbox",
    run=delete_mailbox,
    input=DeleteMailbox,
    output=Deleted,
    scopes=(Scope.ADMIN,),
    effect="destructive",
    method="DELETE",
    path="/v1/mailboxes/{mailbox_id}",
    aliases=NAME_ALIASES,
    needs_owner=destroys,
    errors=("not_found", "invalid_approval_code"),
)
