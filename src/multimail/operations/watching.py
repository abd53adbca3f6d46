"""An email waits for a decision: who is told, by mail with a link or in the chat, and how the wait may end by itself.

One `watch` job for each email that waits, one `digest` job for each person who wants digests. What a look does is
written in its own transaction, beside what it has done already, so that nobody is told twice.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from multimail.core.attention import Act, Policy, Step, digest_time, steps
from multimail.core.jsontext import to_json
from multimail.core.oversight import Kind, State, event
from multimail.core.telling import told
from multimail.core.times import DAY, HOUR, MINUTE, to_datetime
from multimail.operations import lifecycle
from multimail.operations.context import Context, Services, system
from multimail.operations.facts import pending_facts
from multimail.operations.jobs import Lease
from multimail.operations.links import sign_link
from multimail.operations.notices import is_hosted, notify, quoted
from multimail.operations.notifications import watcher
from multimail.operations.operation import write_audit
from multimail.operations.vault import CHAT_URL
from multimail.storage.database import Row, Tx

WAITING: Final = (State.PENDING_APPROVAL, State.HELD)
APPROVE: Final = "approve"  # the purpose of links to decide by
LINK_LIFE: Final = 3 * DAY
MAILS_PER_HOUR: Final = 60  # of an account; beyond that everybody gets digests: no agent floods a person
DIGEST_SHOWS: Final = 20
DIGEST_LOOKS: Final = 500

TOLD: Final = """{what} waits for your decision.

From: {sender}
To: {to}
Subject: {subject}
Waiting since: {since} UTC
{known}
Look at it and decide, within three days:
    {link}

The link is yours: whoever has it decides in your name. Opening it decides nothing. All that waits is in the
dashboard: {dashboard}
"""
DIGESTED: Final = """{count} for your decision, the oldest first.

{items}

Each link is yours, decides once and ends within three days; opening it decides nothing. All that waits is in the
dashboard: {dashboard}
"""


def watch(services: Services, tx: Tx, lease: Lease) -> None:
    """A unit of work: does what is due about an email that waits, and says when to look again."""
    ctx = Context(services, tx, system(lease.account_id, "oversight"), services.clock())
    if not ctx.sql.holds_lease(**lease.name):
        return
    name = {"account_id": lease.account_id, "email_id": lease.subject_id}
    email = ctx.sql.get_email(**name)
    if email is None or email["state"] not in WAITING:
        ctx.sql.remove_watch(**name)
        ctx.sql.finish_job(**lease.name)
        return
    known = ctx.sql.get_watch(**name)
    fresh = known is None or known["version"] != email["version"]
    since, done = (ctx.now, []) if fresh else (known["since"], json.loads(known["done_json"]))
    everybody = {row["operator_id"]: row for row in ctx.sql.list_deciders(account_id=ctx.account_id)}
    waiting = [step for step in _steps(ctx, email, since, everybody) if step.done_as not in done]
    due = [step for step in waiting if step.at <= ctx.now]
    for step in due:
        _do(ctx, email, since, step, everybody.get(step.operator_id))
    done += [step.done_as for step in due]
    ctx.sql.set_watch(**name, version=email["version"], since=since, done_json=to_json(done))
    if len(due) < len(waiting):
        ctx.sql.release_job(**lease.name, run_at=waiting[len(due)].at)
    else:
        ctx.sql.finish_job(**lease.name)


def told_of(ctx: Context, mailbox_id: str, everybody: Mapping[str, Row]) -> list[Row]:
    """Who is told of what waits in a mailbox: its approvers if it has some, else all who decide."""
    named = ctx.sql.list_mailbox_approvers(account_id=ctx.account_id, mailbox_id=mailbox_id)
    approvers = {row["operator_id"] for row in named}
    return [row for key, row in everybody.items() if not approvers or key in approvers]


def _steps(ctx: Context, email: Row, since: int, everybody: Mapping[str, Row]) -> list[Step]:
    row = ctx.sql.get_oversight_settings(account_id=ctx.account_id)
    people = [watcher(one) for one in told_of(ctx, email["mailbox_id"], everybody)]
    if row is None:
        return steps(since, people, Policy())
    second = everybody.get(row["escalate_to"])
    outbound = email["direction"] == "outbound"
    policy = Policy(
        escalate_after=row["escalate_minutes"] and row["escalate_minutes"] * MINUTE,
        escalate_to=second and watcher(second),
        expire_after=row["expire_hours"] * HOUR if row["expire_hours"] and outbound else None,
        chat=bool(row["chat_url"]),
    )
    return steps(since, people, policy)


def _do(ctx: Context, email: Row, since: int, step: Step, person: Row | None) -> None:
    if step.act is Act.EXPIRE:
        _expire(ctx, email)
    elif step.act is Act.CHAT:
        ctx.sql.add_job(account_id=ctx.account_id, kind="chat", subject_id=email["email_id"], run_at=ctx.now)
        ctx.tx.notify("jobs", "chat")
    elif person is not None and (step.act is Act.DIGEST or _too_many(ctx)):
        name = {"account_id": ctx.account_id, "operator_id": person["operator_id"]}
        ctx.sql.add_digest_job(**name, run_at=digest_time(ctx.now, watcher(person)))
    elif person is not None:
        _tell(ctx, email, since, person)


def _too_many(ctx: Context) -> bool:
    sent = {"account_id": ctx.account_id, "kind": "pending", "after": ctx.now - HOUR}
    return bool(ctx.sql.count_operator_mail(**sent) >= MAILS_PER_HOUR)


def _expire(ctx: Context, email: Row) -> None:
    """Nobody decided: what wanted to leave does not."""
    reason = "Nobody decided on it in time, so it was rejected."
    lifecycle.advance(ctx, email, event(Kind.REJECT, revision_matches=True), reason=reason)
    ctx.about("email", email["email_id"], email["mailbox_id"], revision=email["revision"])
    write_audit(ctx, "expire_email")


def approval_link(ctx: Context, email: Row, operator_id: str) -> str:
    """A page to decide this revision on, as this person; see approval_links.py."""
    claims = [ctx.account_id, operator_id, email["email_id"], email["revision"], ctx.now + LINK_LIFE]
    token = sign_link(ctx.services.link_secret, APPROVE, claims)
    return f"{ctx.services.site.public_url}/v1/approve/{token}"


def _told_of(email: Row) -> dict[str, str]:
    everybody = [one["address"] for one in json.loads(email["recipients_json"])]
    to = everybody if email["direction"] == "outbound" else json.loads(email["to_json"])
    more = f" and {len(to) - 5} more" if len(to) > 5 else ""
    return {
        "sender": quoted(email["from_address"]),
        "to": quoted(", ".join(to[:5]), 1000) + more,
        "subject": quoted(email["subject"]) or "(none)",
    }


def _push(ctx: Context, person: Row) -> None:
    """Beside a mail, in the person's browsers (operations/push.py)."""
    name = {"account_id": ctx.account_id, "operator_id": person["operator_id"]}
    if ctx.sql.add_push_jobs(**name, run_at=ctx.now):
        ctx.tx.notify("jobs", "push")


def _has_mail(ctx: Context, person: Row) -> bool:
    """Not where their address became a mailbox since: no agent is told of its own mail's links."""
    return bool(person["email"]) and not is_hosted(ctx.services, ctx.tx, person["email"])


def _tell(ctx: Context, email: Row, since: int, person: Row) -> None:
    if not email["test"]:
        _push(ctx, person)
    if not _has_mail(ctx, person):
        return
    outbound = email["direction"] == "outbound"
    text = TOLD.format(
        what=f"An email that {'an agent wants to send' if outbound else 'came in for an agent'}",
        since=to_datetime(since).strftime("%d %b %Y, %H:%M"),
        link=approval_link(ctx, email, person["operator_id"]),
        dashboard=_dashboard(ctx),
        known=_known(ctx, email),
        **_told_of(email),
    )
    subject = f"To decide: {email['subject']}"
    told = {"test": bool(email["test"]), "email_id": email["email_id"]}
    notify(ctx, person["email"], subject, text, "pending", **told)


def _known(ctx: Context, email: Row) -> str:
    """The facts, as lines; no host in them is one that a mail program makes a link of."""
    lines = [f"  - {sentence}" for _, sentence in told(pending_facts(ctx, email))]
    text = "\n".join(quoted(line, 400).replace(".", ".\N{WORD JOINER}") for line in lines)
    return f"\nTo know before you decide:\n{text}\n" if lines else ""


def _dashboard(ctx: Context) -> str:
    return f"{ctx.services.site.public_url}/dashboard/queue"


def digest(services: Services, tx: Tx, lease: Lease) -> None:
    """A unit of work: one mail to one person with what waits for them now; none where nothing does."""
    ctx = Context(services, tx, system(lease.account_id, "oversight"), services.clock())
    if not ctx.sql.holds_lease(**lease.name):
        return
    ctx.sql.finish_job(**lease.name)
    rows = ctx.sql.list_deciders(account_id=ctx.account_id)
    person = next((row for row in rows if row["operator_id"] == lease.subject_id), None)
    if person is None:
        return
    _push(ctx, person)
    if not _has_mail(ctx, person):
        return
    for test in (False, True):
        found = [email for email in all_waiting(ctx, person) if bool(email["test"]) is test]
        if found:
            _mail_digest(ctx, person, found, test=test)


def all_waiting(ctx: Context, person: Row) -> list[Row]:
    """What a person may decide on now; the oldest DIGEST_LOOKS emails at most are looked at."""
    rows = ctx.sql.list_pending(
        account_id=ctx.account_id, after="", see_held=True, any_mailbox=True, mailbox_id="",
        limit=DIGEST_LOOKS, **ctx.actor.filter,
    )  # fmt: skip
    boxes = {row["mailbox_id"] for row in rows}
    own = {box for box in boxes if told_of(ctx, box, {person["operator_id"]: person})}
    return [row for row in rows if row["mailbox_id"] in own]


def _mail_digest(ctx: Context, person: Row, found: list[Row], *, test: bool) -> None:
    items = []
    for email in found[:DIGEST_SHOWS]:
        about = _told_of(email)
        link = approval_link(ctx, email, person["operator_id"])
        signs = ", ".join(sign.replace("_", " ") for sign, _ in told(pending_facts(ctx, email)))
        known = f"  to know: {signs}\n" if signs else ""
        items.append(f"{about['subject']}\n  from {about['sender']} to {about['to']}\n{known}    {link}")
    if len(found) > DIGEST_SHOWS:
        items.append("The others are in the dashboard.")
    many = f"{DIGEST_LOOKS} or more" if len(found) >= DIGEST_LOOKS else str(len(found))
    count = f"{many} email{' waits' if len(found) == 1 else 's wait'}"
    text = DIGESTED.format(count=count, items="\n\n".join(items), dashboard=_dashboard(ctx))
    notify(ctx, person["email"], f"To decide: {count}", text, "pending", test=test)


@dataclass(frozen=True, slots=True)
class ChatMessage:
    url: str
    body: dict[str, Any]


def chat_message(services: Services, tx: Tx, lease: Lease) -> ChatMessage | None:
    """A unit of work: what to say in the chat now, as Slack's incoming webhooks take it; None for nothing any more.

    The link leads to the dashboard, where one signs in: a chat has more readers than it has people who decide.
    """
    ctx = Context(services, tx, system(lease.account_id, "oversight"), services.clock())
    row = ctx.sql.get_oversight_settings(account_id=lease.account_id)
    email = ctx.sql.get_email(account_id=lease.account_id, email_id=lease.subject_id)
    if row is None or not row["chat_url"] or email is None or email["state"] not in WAITING:
        return None
    about = {name: _escaped(text) for name, text in _told_of(email).items()}
    kind = "Test mail" if email["test"] else "An email"
    text = (
        f"{kind} waits for a decision: *{about['subject']}*\nfrom {about['sender']} to {about['to']}\n"
        f"<{_dashboard(ctx)}|Decide>"
    )
    return ChatMessage(services.vault.open(CHAT_URL, row, row["chat_url"]), {"text": text})


def _escaped(text: str) -> str:
    """As Slack wants the three characters that it reads as markup; the rest of its markup is only looks."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace("*", "∗")
