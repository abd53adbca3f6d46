"""Who hears of mail that waits for a decision, and what happens when nobody decides (contract §6a).

Each person sets for themselves how they are told; an owner sets the rest: escalation, expiry, the chat, who decides
for which mailbox, and where whoever edited an email may not approve it. core/attention.py says what follows.
"""

from collections.abc import Mapping
from datetime import UTC, tzinfo
from typing import Any, Final
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from pydantic import Field, field_validator
from typing_extensions import TypedDict

from multimail.core.attention import DIGEST_EVERY, Watcher, Wish
from multimail.core.errors import invalid, not_found
from multimail.core.scopes import Scope
from multimail.core.times import MINUTE
from multimail.operations.approvers import add_approvers, decider
from multimail.operations.context import Context, Services
from multimail.operations.operation import Input, Operation
from multimail.operations.people import by_program
from multimail.operations.vault import CHAT_URL
from multimail.storage.database import Row

CLOCK: Final = r"^(([01]\d|2[0-3]):[0-5]\d)?$"
OF_THE_ACCOUNT: Final = (
    *("escalate_after_minutes", "escalate_to", "expire_after_hours", "chat_url", "four_eyes", "approvers"),
    "mailbox_approvers",
)


class PersonSettings(TypedDict):
    """`pending` is at_once, digest or none; quiet hours are HH:MM in `time_zone`, null for none."""

    operator_id: str
    name: str
    email: str | None
    role: str
    pending: str
    digest_minutes: int
    quiet_from: str | None
    quiet_until: str | None
    time_zone: str


class MailboxApprovers(TypedDict):
    mailbox_id: str
    operator_ids: list[str]


class Notifications(TypedDict):
    """`chat` is the host that the chat webhook calls, null without one; null elsewhere is never, or nobody."""

    operators: list[PersonSettings]
    escalate_after_minutes: int | None
    escalate_to: str | None
    expire_after_hours: int | None
    chat: str | None
    four_eyes: list[str]
    approvers: list[MailboxApprovers]


class GetNotifications(Input):
    approval_code: str | None = None


def shows_settings(ctx: Context, given: GetNotifications) -> str | None:
    return "who is told of mail that waits is shown to it" if by_program(ctx) else None


def get_notifications(ctx: Context, given: GetNotifications) -> Mapping[str, Any]:
    """Shows who is told of mail that waits for a decision, and what happens when nobody decides.

    Asked by a program it takes an owner's approval_code.
    """
    if by_program(ctx):
        ctx.about("account", ctx.account_id)
    return _view(ctx)


def _view(ctx: Context) -> dict[str, Any]:
    row = _account_settings(ctx)
    approvers: dict[str, list[str]] = {}
    for one in ctx.sql.list_approvers(account_id=ctx.account_id):
        approvers.setdefault(one["mailbox_id"], []).append(one["operator_id"])
    chat = ctx.services.vault.open(CHAT_URL, {"account_id": ctx.account_id}, row["chat_url"])
    return {
        "operators": [_person(one) for one in ctx.sql.list_notified(account_id=ctx.account_id)],
        "escalate_after_minutes": row["escalate_minutes"],
        "escalate_to": row["escalate_to"],
        "expire_after_hours": row["expire_hours"],
        "chat": _host(chat),
        "four_eyes": [one["mailbox_id"] for one in ctx.sql.list_four_eyes(account_id=ctx.account_id)],
        "approvers": [{"mailbox_id": box, "operator_ids": people} for box, people in approvers.items()],
    }


def _host(url: str) -> str | None:
    """All that is told of a chat's webhook: whoever has the rest can write there."""
    return urlsplit(url).hostname


NOTHING_SET: Final = {"escalate_minutes": None, "escalate_to": None, "expire_hours": None, "chat_url": ""}


def _account_settings(ctx: Context) -> dict[str, Any]:
    row = ctx.sql.get_oversight_settings(account_id=ctx.account_id)
    return NOTHING_SET if row is None else {name: row[name] for name in NOTHING_SET}


def _person(row: Row) -> dict[str, Any]:
    return {
        "operator_id": row["operator_id"],
        "name": row["name"],
        "email": row["email"],
        "role": row["role"],
        "pending": row["pending"] or Wish.AT_ONCE,
        "digest_minutes": row["digest_minutes"] or DIGEST_EVERY // MINUTE,
        "quiet_from": _clock(row["quiet_from"]),
        "quiet_until": _clock(row["quiet_until"]),
        "time_zone": row["time_zone"] or "UTC",
    }


def _clock(minutes: int | None) -> str | None:
    return None if minutes is None else f"{minutes // 60:02d}:{minutes % 60:02d}"


def _minutes(clock: str) -> int | None:
    hours, _, minutes = clock.partition(":")
    return int(hours) * 60 + int(minutes) if clock else None


def watcher(row: Row) -> Watcher:
    """A person as core/attention.py knows them."""
    quiet = None if row["quiet_from"] is None else (int(row["quiet_from"]), int(row["quiet_until"]))
    every = row["digest_minutes"] * MINUTE if row["digest_minutes"] else DIGEST_EVERY
    wish = Wish(row["pending"] or Wish.AT_ONCE)
    return Watcher(row["operator_id"], wish, every, quiet, find_zone(row["time_zone"] or "UTC") or UTC)


def find_zone(name: str) -> tzinfo | None:
    """None for a name that the machine's tz database does not have."""
    if name == "UTC":
        return UTC
    try:
        return ZoneInfo(name)
    except (OSError, ValueError):  # ZoneInfoNotFoundError is a KeyError
        return None
    except KeyError:
        return None


class ApproversInput(Input):
    mailbox_id: str
    operator_ids: list[str] = Field(min_length=1, max_length=50)


class UpdateNotifications(Input):
    """What is left out stays as it is."""

    operator_id: str | None = Field(
        None, description="Whose settings the next five are; by default the one who asks."
    )
    pending: Wish | None = Field(None, description="How they hear of mail that waits.")
    digest_minutes: int | None = Field(None, ge=15, le=1440, description="How often digests come.")
    quiet_from: str | None = Field(None, pattern=CLOCK, description="HH:MM; '' for no quiet hours.")
    quiet_until: str | None = Field(None, pattern=CLOCK)
    time_zone: str | None = Field(None, max_length=64, description="As Europe/Berlin.")
    escalate_after_minutes: int | None = Field(
        None, ge=0, le=10080, description="Then `escalate_to` is told too; 0 is never."
    )
    escalate_to: str | None = Field(
        None, description="An operator who may decide on everything; '' for nobody."
    )
    expire_after_hours: int | None = Field(
        None, ge=0, le=720, description="Then mail that wants to leave is rejected; 0 is never."
    )
    chat_url: str | None = Field(
        None,
        max_length=2048,
        description="An incoming webhook as Slack has them, told of each email; '' for none.",
    )
    four_eyes: list[str] | None = Field(
        None, max_length=1000, description="All mailboxes where nobody approves what they edited themselves."
    )
    approvers: list[ApproversInput] | None = Field(
        None, max_length=1000, description="All mailboxes where only these operators, and owners, decide."
    )
    mailbox_id: str | None = Field(None, description="The mailbox of `mailbox_approvers`: its id or address.")
    mailbox_approvers: list[str] | None = Field(
        None,
        max_length=50,
        description="Who decides on that mailbox's mail beside owners; [] is everybody who decides. Others stay.",
    )
    approval_code: str | None = None

    @field_validator("time_zone")
    @classmethod
    def _known(cls, name: str | None) -> str | None:
        if name is not None and find_zone(name) is None:
            raise ValueError("that time zone is not known here")
        return name


def needs_somebody(ctx: Context, given: UpdateNotifications) -> str | None:
    """One's own settings are one's own. All else takes an owner, and so does every program."""
    program = by_program(ctx)
    asked = []
    if _whom(ctx, given) is not None and (program or given.operator_id not in (None, ctx.actor.id)):
        person = given.model_dump(mode="json", exclude_none=True, include={*PERSONAL})
        told = ", ".join(f"{name} {value or 'off'}" for name, value in person.items())
        asked.append(f"the operator {_find(ctx, given)['name']} is told of mail that waits so: {told}")
    asked += [f"{name.replace('_', ' ')}: {said}" for name, said in _said(ctx, given).items()]
    if program and not asked:
        asked.append("who is told of mail that waits is shown to it")
    return "; ".join(asked) or None


def _said(ctx: Context, given: UpdateNotifications) -> dict[str, str]:
    """What is asked of the account's settings, in words. Raises Refused for what names nothing: nobody is asked."""
    said = {
        name: str(value or "none")
        for name, value in given.model_dump(include={*OF_THE_ACCOUNT}).items()
        if value is not None
    }
    if given.chat_url:
        said["chat_url"] = f"a webhook at {_host(given.chat_url)}"
    if given.escalate_to:
        said["escalate_to"] = decider(ctx, given.escalate_to, "escalate_to")["name"]
    if given.four_eyes:
        said["four_eyes"] = ", ".join(ctx.mailbox(name)["address"] for name in given.four_eyes)
    if given.approvers:
        said["approvers"] = ", ".join(
            f"{ctx.mailbox(one.mailbox_id)['address']} by "
            + " or ".join(decider(ctx, each, "approvers")["name"] for each in one.operator_ids)
            for one in given.approvers
        )
    if given.mailbox_approvers is not None:
        names = [decider(ctx, one, "mailbox_approvers")["name"] for one in given.mailbox_approvers]
        who = " or ".join(names) or "everybody who decides"
        said["mailbox_approvers"] = f"{_mailbox(ctx, given)['address']} by {who}"
    return said


def _mailbox(ctx: Context, given: UpdateNotifications) -> Row:
    if given.mailbox_id is None:
        raise invalid("mailbox_id", "say whose approvers these are")
    return ctx.mailbox(given.mailbox_id)


PERSONAL: Final = ("pending", "digest_minutes", "quiet_from", "quiet_until", "time_zone")


def _whom(ctx: Context, given: UpdateNotifications) -> str | None:
    """Whose settings change, None where only the account's do. Raises Refused where nobody is named."""
    if all(getattr(given, name) is None for name in PERSONAL):
        return None
    if given.operator_id is None and ctx.actor.kind != "operator":
        raise invalid("operator_id", "say whose settings these are")
    return given.operator_id or ctx.actor.id


def _find(ctx: Context, given: UpdateNotifications) -> Row:
    wanted = _whom(ctx, given)
    rows = ctx.sql.list_notified(account_id=ctx.account_id)
    found = next((row for row in rows if row["operator_id"] == wanted), None)
    if found is None:
        raise not_found("operator")
    return found


async def check_chat_url(services: Services, given: UpdateNotifications, found: None = None) -> None:
    if given.chat_url:
        await services.check_url(given.chat_url)


def update_notifications(ctx: Context, given: UpdateNotifications, checked: None) -> Mapping[str, Any]:
    """Changes who is told of mail that waits for a decision, and what happens when nobody decides.

    A person's own settings are theirs; another's, and those of the account, take an owner. Asked by a program, all
    of it takes an owner's approval_code. Held inbound mail never expires.
    """
    if _whom(ctx, given) is not None:
        _set_person(ctx, given)
    wanted = given.model_dump(exclude_none=True, include={*OF_THE_ACCOUNT})
    if wanted:
        _set_account(ctx, given)
        # What waits already is looked at by the new rules.
        ctx.sql.watch_all_pending(account_id=ctx.account_id, run_at=ctx.now)
        ctx.tx.notify("jobs", "watch")
    shown = given.model_dump(mode="json", exclude_none=True, exclude={"approval_code", "chat_url"})
    ctx.about(
        "account",
        ctx.account_id,
        changes=shown,
        chat=None if given.chat_url is None else bool(given.chat_url),
    )
    return _view(ctx)


def _set_person(ctx: Context, given: UpdateNotifications) -> None:
    row = _find(ctx, given)
    was = _person(row)
    quiet = [
        _minutes(was[name] or "" if getattr(given, name) is None else getattr(given, name))
        for name in ("quiet_from", "quiet_until")
    ]
    if "" in (given.quiet_from, given.quiet_until):
        quiet = [None, None]
    if (quiet[0] is None) != (quiet[1] is None):
        raise invalid("quiet_until", "quiet hours have a beginning and an end")
    ctx.sql.set_notification_settings(
        account_id=ctx.account_id,
        operator_id=row["operator_id"],
        pending=given.pending or was["pending"],
        digest_minutes=given.digest_minutes or was["digest_minutes"],
        quiet_from=quiet[0],
        quiet_until=quiet[1],
        time_zone=given.time_zone or was["time_zone"],
    )


def _set_account(ctx: Context, given: UpdateNotifications) -> None:
    row = _account_settings(ctx)
    if given.escalate_to:
        decider(ctx, given.escalate_to, "escalate_to")
    chat = row["chat_url"]
    if given.chat_url is not None:
        chat = ctx.services.vault.seal(CHAT_URL, {"account_id": ctx.account_id}, given.chat_url)
    ctx.sql.set_oversight_settings(
        account_id=ctx.account_id,
        escalate_minutes=_changed(given.escalate_after_minutes, row["escalate_minutes"]),
        escalate_to=_changed(given.escalate_to, row["escalate_to"]),
        expire_hours=_changed(given.expire_after_hours, row["expire_hours"]),
        chat_url=chat,
    )
    if given.four_eyes is not None:
        ctx.sql.clear_four_eyes(account_id=ctx.account_id)
        for name in given.four_eyes:
            ctx.sql.set_four_eyes(account_id=ctx.account_id, mailbox_id=ctx.mailbox(name)["mailbox_id"])
    if given.approvers is not None:
        ctx.sql.clear_approvers(account_id=ctx.account_id)
        for one in given.approvers:
            add_approvers(ctx, ctx.mailbox(one.mailbox_id)["mailbox_id"], one.operator_ids, "approvers")
    if given.mailbox_approvers is not None:
        mailbox_id = _mailbox(ctx, given)["mailbox_id"]
        ctx.sql.clear_mailbox_approvers(account_id=ctx.account_id, mailbox_id=mailbox_id)
        add_approvers(ctx, mailbox_id, given.mailbox_approvers, "mailbox_approvers")


def _changed(wanted: Any, was: Any) -> Any:
    """0 and '' take a setting away."""
    return was if wanted is None else wanted or None


GET_NOTIFICATIONS = Operation(
    name="get_notifications",
    run=get_notifications,
    input=GetNotifications,
    output=Notifications,
    scopes=(Scope.ADMIN, Scope.OPERATOR),
    effect="read",
    method="GET",
    path="/v1/notifications",
    needs_owner=shows_settings,
    errors=("mailbox_limited", "invalid_approval_code"),
)
UPDATE_NOTIFICATIONS = Operation(
    name="update_notifications",
    run=update_notifications,
    prepare=check_chat_url,
    input=UpdateNotifications,
    output=Notifications,
    scopes=(Scope.ADMIN, Scope.OPERATOR),
    effect="write",
    method="PATCH",
    path="/v1/notifications",
    aliases={"mailbox": "mailbox_id"},
    needs_owner=needs_somebody,
    errors=("not_found", "url_refused", "mailbox_limited", "invalid_approval_code"),
)
