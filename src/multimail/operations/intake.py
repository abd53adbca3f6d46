"""Mail that comes in: accepted first, understood later.

`accept` makes the raw bytes durable and files a job; `understand` turns them into an email, in a thread.
Between the two nothing can be lost: a message that can't be parsed becomes an email that says so.
"""

import asyncio
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC
from typing import Any, Final, Literal

import structlog

from multimail.core.address import AddressError, normalise
from multimail.core.jsontext import to_json
from multimail.core.oversight import Kind, Mode, State, event
from multimail.core.revision import revision
from multimail.core.threads import bare_subject
from multimail.core.times import MINUTE, SECOND, to_datetime
from multimail.mail.authenticate import Auth, Evidence, Session, authenticate, local, read_evidence
from multimail.mail.automatic import LOOP
from multimail.mail.parse import Message, parse, unreadable
from multimail.mail.reports import Report, read_report
from multimail.mail.trace import trace
from multimail.operations import lifecycle
from multimail.operations.context import Context, Services, system
from multimail.operations.filtering import LOCAL, Opinion, form_opinion
from multimail.operations.indexing import to_index
from multimail.operations.jobs import Lease
from multimail.operations.operation import write_audit
from multimail.operations.reports import find_origin, is_leaving, origin_of, take_report
from multimail.operations.sending import keep_attachment
from multimail.operations.views import addresses
from multimail.operations.written import participants
from multimail.storage.blobs import Blob, blob_of, keep
from multimail.storage.database import Row, Tx

log = structlog.get_logger()

SHORT: Final = 64 * 1024  # octets: a longer message may take seconds to read, so others go on meanwhile


@dataclass(frozen=True, slots=True)
class Recipient:
    """A mailbox hosted here, by the address that was written."""

    address: str
    account_id: str
    mailbox_id: str
    test: bool


@dataclass(frozen=True, slots=True)
class Arrival:
    """One message as it came, before anyone looked into it. `test` is inherited by all that follows from it;
    `protocol` and `tls` are for the trace (mail/trace.py)."""

    sender: str
    helo: str
    peer: str
    test: bool = False
    protocol: str = ""
    tls: str = ""


def find_recipient(tx: Tx, address: str) -> Recipient | None:
    """Who gets mail for `address` here; None if nobody does."""
    row = tx.sql.find_address(address=comparable(address))
    return row and Recipient(address, row["account_id"], row["mailbox_id"], bool(row["test"]))


def find_addressee(services: Services, tx: Tx, address: str) -> Recipient | None:
    """Who gets what is sent to `address` from outside: a mailbox, or the one whose email a return path names."""
    origin = find_origin(services, tx, address)
    if origin is None:
        return find_recipient(tx, address)
    email = origin.email
    return Recipient(address, email["account_id"], email["mailbox_id"], bool(email["test"]))


def standing(services: Services, tx: Tx, address: str) -> Literal["taken", "disabled", "unknown"]:
    """Whether mail for `address` is taken from outside, and why not."""
    if find_addressee(services, tx, address):
        return "taken"
    return "disabled" if tx.sql.is_address_disabled(address=comparable(address)) is not None else "unknown"


async def accept(services: Services, arrival: Arrival, addresses: Sequence[str], raw: bytes) -> bool:
    """Returns once `raw` is on disk for every recipient that has a mailbox here; False if none has.

    Raises StorageFull, and then nothing was kept.
    """
    blob = blob_of(raw)
    if blob.content is None:
        found = await services.db.read(lambda tx: find_addressees(services, tx, addresses))
        for account_id in {recipient.account_id for recipient in found}:
            await services.blobs.prepare(account_id, raw)

    def unit(tx: Tx) -> bool:
        recipients = find_addressees(services, tx, addresses)
        for recipient in recipients:
            file_arrival(services, tx, arrival, recipient, blob)
        return bool(recipients)

    return await services.db.write(unit)


def find_addressees(services: Services, tx: Tx, addresses: Sequence[str]) -> list[Recipient]:
    return [found for address in addresses if (found := find_addressee(services, tx, address))]


def file_arrival(services: Services, tx: Tx, arrival: Arrival, recipient: Recipient, blob: Blob) -> None:
    """Inside a transaction: the bytes, who they are for, and the job that will read them."""
    email_id, now = services.new_id("eml"), services.clock()
    keep(tx, recipient.account_id, blob)
    tx.sql.add_intake(
        account_id=recipient.account_id,
        email_id=email_id,
        mailbox_id=recipient.mailbox_id,
        recipient=recipient.address,
        sender=arrival.sender,
        helo=arrival.helo,
        peer=arrival.peer,
        protocol=arrival.protocol,
        tls=arrival.tls,
        raw_sha256=blob.address,
        test=arrival.test,
        received_at=now,
    )
    tx.sql.add_job(account_id=recipient.account_id, kind="receive", subject_id=email_id, run_at=now)
    tx.notify("jobs", "receive")


async def understand(services: Services, lease: Lease) -> None:
    """Turns what was accepted into an email, and ends the job. Done again, it does nothing the second time."""
    account_id = lease.account_id
    name = {"account_id": account_id, "email_id": lease.subject_id}
    arrived = await services.db.read(lambda tx: tx.sql.get_intake(**name))
    if arrived is None:
        await services.db.write(lambda tx: tx.sql.finish_job(**lease.name))
        return
    raw = await services.blobs.load(services.db, account_id, arrived["raw_sha256"])
    now = services.clock() // SECOND
    reading = _read(raw, now) if len(raw) <= SHORT else await asyncio.to_thread(_read, raw, now)
    auth = await _judge(services, arrived, reading.evidence)
    opinion = await form_opinion(services, arrived, reading.message, auth, raw)
    parts = [
        (part, await services.blobs.prepare(account_id, part.content)) for part in reading.message.attachments
    ]

    def unit(tx: Tx) -> None:
        ctx = Context(services, tx, system(account_id, "receive"), services.clock())
        origin = origin_of(ctx, arrived["recipient"], reading.report)
        if origin is not None and is_leaving(origin):
            # It is read anew each time, so it waits as long again: whoever floods a return path gains little.
            waited = ctx.now - arrived["received_at"]
            tx.sql.release_job(**lease.name, run_at=ctx.now + max(MINUTE, waited))
            return
        tx.sql.finish_job(**lease.name)
        if not tx.sql.remove_intake(**name):
            return
        if origin is not None:
            take_report(ctx, origin, reading.report)
        else:
            _receive(ctx, arrived, reading, opinion, parts, len(raw))

    await services.db.write(unit)


@dataclass(frozen=True, slots=True)
class Reading:
    """All that the bytes say."""

    message: Message
    evidence: Evidence
    report: Report | None


def _read(raw: bytes, now: int) -> Reading:
    """Reading never raises; should it ever, the mail is there, says so, and can be read as source."""
    try:
        message = parse(raw)
        return Reading(message, read_evidence(raw, message.authors, now), read_report(raw))
    except Exception as error:
        log.exception("a message could not be read", size=len(raw))
        message = unreadable(type(error).__name__)
        return Reading(message, read_evidence(b"", message.authors, now), None)


async def _judge(services: Services, arrived: Row, evidence: Evidence) -> Auth:
    if arrived["peer"] == LOCAL:
        return local(arrived["sender"])
    session = Session(arrived["peer"], arrived["helo"], arrived["sender"])
    return await authenticate(services.dns, session, evidence)


def _receive(
    ctx: Context,
    arrived: Row,
    reading: Reading,
    opinion: Opinion,
    parts: list[tuple[Any, Blob]],
    size: int,
) -> None:
    message = reading.message
    if _is_duplicate(ctx, arrived, message):
        return
    answered = _answered(ctx, arrived, message)
    thread_id = answered["thread_id"] if answered else _new_thread(ctx, arrived, message)
    row = _email_row(ctx, arrived, message, size, answered) | {"thread_id": thread_id}
    row["auth_json"] = clean(to_json(asdict(_known_better(ctx, row["from_address"], opinion.auth))))
    row |= _opinion_columns(opinion)
    mailbox = ctx.sql.get_mailbox_even_deleted(account_id=ctx.account_id, mailbox_id=arrived["mailbox_id"])
    mode = Mode(mailbox["oversight_mode"])
    what = event(
        Kind.RECEIVE,
        machine_report=_is_machine(arrived, reading.report) or opinion.automatic == LOOP,
        spam_flagged=opinion.spam.verdict == "flagged",
        spam_quarantined=opinion.spam.verdict == "quarantined",
    )
    transition = lifecycle.decide(mode, State.ARRIVED, what)
    ctx.sql.add_email(**row | {"state": transition.state})
    _keep_contents(ctx, arrived, message)
    for part, blob in parts:
        keep_attachment(ctx.tx, ctx.account_id, arrived["email_id"], ctx.new_id("att"), part, blob)
    to_index(ctx, arrived["email_id"], fresh=True)
    lifecycle.follow(ctx, row | {"state": State.ARRIVED}, transition)
    ctx.about(
        "email", arrived["email_id"], arrived["mailbox_id"], sender=arrived["sender"], peer=arrived["peer"]
    )
    write_audit(ctx, "receive_email")


def _opinion_columns(opinion: Opinion) -> dict[str, Any]:
    return {
        "findings_json": clean(to_json([finding.told() for finding in opinion.findings])),
        "automatic": opinion.automatic or None,
        "spam_verdict": opinion.spam.verdict,
        "spam_score": opinion.spam.score,
        "spam_reasons_json": clean(to_json([asdict(reason) for reason in opinion.spam.reasons])),
    }


def _is_machine(arrived: Row, report: Report | None) -> bool:
    """A report in prose is a guess: only a null return path (RFC 5321 4.5.5) makes it sure enough to archive."""
    return report is not None and (not report.in_prose or not arrived["sender"])


def _is_duplicate(ctx: Context, arrived: Row, message: Message) -> bool:
    """The same bytes with the same Message-ID again: a sender that never heard our 250 and sent once more."""
    if not message.message_id:
        return False
    name = {
        "account_id": ctx.account_id,
        "mailbox_id": arrived["mailbox_id"],
        "message_id": message.message_id,
    }
    ctx.sql.lock_message(name="/".join(name.values()))  # both may be read at the same moment
    return ctx.sql.is_kept_already(**name, raw_sha256=arrived["raw_sha256"]) is not None


def _answered(ctx: Context, arrived: Row, message: Message) -> Row | None:
    """The email of this mailbox that the message answers: In-Reply-To first, then References from the newest."""
    for message_id in (*message.in_reply_to, *reversed(message.references)):
        name = {"account_id": ctx.account_id, "mailbox_id": arrived["mailbox_id"], "message_id": message_id}
        row: Row | None = ctx.sql.get_email_by_message_id(**name)
        if row is not None:
            return row
    return None


def _new_thread(ctx: Context, arrived: Row, message: Message) -> str:
    thread_id = ctx.new_id("thr")
    ctx.sql.add_thread(
        account_id=ctx.account_id,
        thread_id=thread_id,
        mailbox_id=arrived["mailbox_id"],
        subject=clean(bare_subject(message.subject))[:998],
        created_at=ctx.now,
    )
    return thread_id


def _email_row(
    ctx: Context, arrived: Row, message: Message, size: int, answered: Row | None
) -> dict[str, Any]:
    sender = clean(message.from_.address or arrived["sender"])
    to, cc = addresses(message.to), addresses(message.cc)
    taken = {"status": "delivered", "code": 250, "message": None, "at": arrived["received_at"]}
    return {
        "account_id": ctx.account_id,
        "email_id": arrived["email_id"],
        "mailbox_id": arrived["mailbox_id"],
        "direction": "inbound",
        "test": bool(arrived["test"]),
        "from_address": comparable(sender),
        "from_name": clean(message.from_.name),
        "to_json": clean(to_json(to or [arrived["recipient"]])),
        "cc_json": clean(to_json(cc)),
        "bcc_json": "[]",
        "reply_to_json": clean(to_json(addresses(message.reply_to))),
        "participants": clean(participants([sender, *to, *cc, arrived["recipient"]])),
        "recipients_json": to_json([{"address": arrived["recipient"], "kind": "envelope"} | taken]),
        "subject": clean(message.subject)[:998],
        "message_id": clean(message.message_id),
        "in_reply_to": clean(answered["message_id"] if answered else ""),
        "size": size,
        "has_attachments": bool(message.attachments),
        "metadata_json": to_json(_origin(answered)),
        "revision": revision(arrived["sender"], [arrived["recipient"]], arrived["raw_sha256"].encode()),
        "floor_mode": None,
        "schedule_first": False,
        "send_at": None,
        "author_kind": "sender",
        "author_id": clean(arrived["sender"]),
        "created_at": ctx.now,
        "received_at": arrived["received_at"],
    }


def _known_better(ctx: Context, sender: str, auth: Auth) -> Auth:
    """A From that is a mailbox hosted here: whatever its domain publishes, we know that it sent nothing."""
    if auth.verdict in ("pass", "local") or ctx.sql.find_address(address=sender) is None:
        return auth
    reasons = (*auth.reasons, "From is a mailbox hosted here, and it did not send this.")
    return replace(auth, verdict="fail", reasons=reasons)


def _origin(answered: Row | None) -> dict[str, Any]:
    """What the answered email's maker said of it; through a stranger's own follow-ups it does not nest."""
    if answered is None:
        return {}
    metadata = json.loads(answered["metadata_json"])
    origin = metadata if answered["direction"] == "outbound" else metadata.get("origin")
    return {"origin": origin} if origin else {}


def comparable(address: str) -> str:
    """Normalised where it is an address; a stranger may write anything."""
    try:
        return normalise(address)
    except AddressError:
        return address.lower()


def _keep_contents(ctx: Context, arrived: Row, message: Message) -> None:
    ctx.sql.add_contents(
        account_id=ctx.account_id,
        email_id=arrived["email_id"],
        raw_sha256=arrived["raw_sha256"],
        markdown=clean(message.markdown),
        text=clean(message.text),
        html=clean(message.html) or None,
        quoted=clean(message.quoted),
        headers_json=clean(to_json([*_trace(ctx, arrived), *message.headers])),
        hidden_json=clean(to_json(list(message.hidden))),
        links_json=clean(to_json([list(link) for link in message.links])),
        defects_json=clean(to_json(list(message.defects))),
        contains_json=clean(to_json(_contains(message))),
    )


def _trace(ctx: Context, arrived: Row) -> tuple[tuple[str, str], ...]:
    """What is on top of the headers (RFC 5321 4.4): of this recipient alone, so that a blind copy stays one."""
    said = ("sender", "helo", "protocol", "tls", "recipient")
    return trace(
        peer="" if arrived["peer"] == LOCAL else arrived["peer"],
        host=ctx.services.site.mail_host,
        id=arrived["email_id"],
        at=to_datetime(arrived["received_at"]).replace(tzinfo=UTC),
        **{name: arrived[name] for name in said},
    )


def _contains(message: Message) -> dict[str, Any]:
    """What is in a message beside its words, as Email shows it."""
    forwarded = [
        {"file": one.file or None, "from": one.from_.address, "from_name": one.from_.name}
        | {"subject": one.subject, "date": one.date, "markdown": one.markdown}
        for one in message.forwarded
    ]
    return {
        "signature": message.signature,
        "calendar": [asdict(event) for event in message.calendar],
        "forwarded": forwarded,
        "protection": list(message.protection),
    }


def clean(text: str) -> str:
    """What every database can keep: no NUL, no half of a surrogate pair."""
    return text.replace("\x00", "").encode("utf-8", "replace").decode()
