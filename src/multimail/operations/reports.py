"""Bounces and complaints: they update the email that they are about, and are mail to nobody.

One counts only where it came to the return path that we signed, or carries it: anybody can write a report. One that
proves nothing is kept, archived, and starts no agent.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from multimail.core import return_path
from multimail.core.event_types import EventType
from multimail.core.jsontext import to_json
from multimail.core.oversight import Kind, State, event
from multimail.mail.reports import Failure, Report
from multimail.operations import lifecycle, thresholds, usage
from multimail.operations.context import Context, Services
from multimail.operations.events import emit_about
from multimail.operations.operation import write_audit
from multimail.operations.served import is_simulated, local_part
from multimail.operations.suppression import suppress
from multimail.storage.database import Row, Tx


@dataclass(frozen=True, slots=True)
class Origin:
    """What a signed return path was made for."""

    email: Row
    recipient: str


def signed_return_path(services: Services, account: Row, email_id: str, recipient: str) -> str:
    """Under the platform's own domain, whose mail comes here whatever the mailbox's domain is."""
    domain = f"{account['slug']}.{services.site.domain}"
    return return_path.make(services.link_secret, email_id, recipient, domain)


def find_origin(services: Services, tx: Tx, address: str) -> Origin | None:
    """The email and recipient of a return path that we signed; None for every other address."""
    path = return_path.read(address)
    if path is None or not path.domain.endswith(f".{services.site.domain}"):
        return None
    account = tx.sql.get_account_by_slug(slug=path.domain.removesuffix(f".{services.site.domain}"))
    email = account and tx.sql.get_email(account_id=account["account_id"], email_id=path.email_id)
    if not email or email["direction"] != "outbound":
        return None
    for one in json.loads(email["recipients_json"]):
        if return_path.belongs_to(services.link_secret, path, one["address"]):
            return Origin(email, one["address"])
    return None


def origin_of(ctx: Context, recipient: str, report: Report | None) -> Origin | None:
    """By where it was sent, else by what it carries: then only for mail of the account that got it."""
    found = find_origin(ctx.services, ctx.tx, recipient)
    carried: Iterable[str] = report.return_paths if report and not found else ()
    for address in carried:
        other = find_origin(ctx.services, ctx.tx, address)
        if other and other.email["account_id"] == ctx.account_id:
            return other
    return found


def is_leaving(origin: Origin) -> bool:
    """Whether its delivery is not over: then nobody has written down yet what the report would change."""
    return origin.email["state"] in (State.QUEUED, State.DELIVERING)


def take_report(ctx: Context, origin: Origin, report: Report | None) -> None:
    """Writes down what came about mail of ours. Anything else that was sent to a return path is dropped."""
    email, recipient = origin.email, origin.recipient
    kind = report.kind if report else "none"
    facts: dict[str, Any] = {"report": kind, "recipient": recipient}
    if report and report.kind == "complaint":
        record_complaint(ctx, email, recipient)
    elif report:
        failure = _about(report, recipient)
        facts |= {"hard": failure.hard, "delayed": failure.delayed, "status": failure.status}
        if not failure.delayed:
            record_bounce(ctx, email, recipient, hard=failure.hard, diagnostic=failure.diagnostic)
    ctx.about("email", email["email_id"], email["mailbox_id"], **facts)
    write_audit(ctx, "receive_report")


def _about(report: Report, recipient: str) -> Failure:
    """Forwarding may have changed the name: the return path says whom it is about."""
    named = (one for one in report.failures if one.address.lower() == recipient.lower())
    return next(named, report.failures[0])


def record_bounce(ctx: Context, email: Row, recipient: str, *, hard: bool, diagnostic: str) -> None:
    """A recipient's server took it and gave it back. Said again, it changes nothing."""
    if not _mark(ctx, email, recipient, "bounced", diagnostic):
        return
    bounce_type = "hard" if hard or email["bounce_type"] == "hard" else "soft"
    if hard:
        suppress(ctx, recipient, "hard_bounce", email["email_id"])
        _weigh(ctx, email, recipient, hard_bounces=1)
    name = {"account_id": email["account_id"], "email_id": email["email_id"]}
    ctx.sql.record_bounce(**name, bounced_at=ctx.now, bounce_type=bounce_type)
    told = {"recipient": recipient, "bounce_type": "hard" if hard else "soft", "diagnostic": diagnostic}
    if email["state"] == State.SENT:
        lifecycle.advance(ctx, email, event(Kind.BOUNCE), told=told)
    else:
        emit_about(ctx, EventType.EMAIL_BOUNCED, email, State(email["state"]), **told)


def record_complaint(ctx: Context, email: Row, recipient: str) -> None:
    """A recipient called it unwanted. Said again, it changes nothing."""
    if _mark(ctx, email, recipient, "complained", "the recipient complained"):
        emit_about(ctx, EventType.EMAIL_COMPLAINED, email, State(email["state"]), recipient=recipient)
        usage.count_event(ctx, email, "complained")
        suppress(ctx, recipient, "complaint", email["email_id"])
        _weigh(ctx, email, recipient, complaints=1)


def _weigh(ctx: Context, email: Row, recipient: str, **outcome: int) -> None:
    """What the simulator plays hurts nobody's reputation."""
    if not is_simulated(recipient, ctx.services.site.domain):
        thresholds.count(ctx, email, **outcome)


def play_on(ctx: Context, email_id: str, addresses: Iterable[str]) -> None:
    """What the simulator says after the delivery of a sent email, in the same transaction: a bounce, a complaint."""
    for address in addresses:
        email, plays = ctx.email(email_id), local_part(address)
        if plays == "complaint":
            record_complaint(ctx, email, address)
        elif plays == "bounce":
            record_bounce(ctx, email, address, hard=True, diagnostic="5.1.1 Played by the simulator")


def _mark(ctx: Context, email: Row, recipient: str, status: str, message: str) -> bool:
    """Sets a recipient's status; False where it says so already."""
    recipients = json.loads(email["recipients_json"])
    changed = [one for one in recipients if one["address"] == recipient and one["status"] != status]
    for one in changed:
        one |= {"status": status, "message": message or None, "at": ctx.now}
    if changed:
        name = {"account_id": email["account_id"], "email_id": email["email_id"]}
        ctx.sql.record_recipients(**name, recipients_json=to_json(recipients))
    return bool(changed)
