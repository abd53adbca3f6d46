"""Delivering: hand off, sign, send, write down. What can't be finished is tried again for four days."""

import asyncio
import random
from collections.abc import Mapping
from datetime import UTC
from typing import Final, Protocol

import structlog

from multimail.core.identity import Statement
from multimail.core.retry import delivery_delay
from multimail.core.times import DAY, SECOND, to_datetime
from multimail.mail.deliver import Result
from multimail.mail.sign import finish
from multimail.operations import delivery
from multimail.operations.context import Services
from multimail.operations.copies import Copy
from multimail.operations.delivery import Outcome, Parcel
from multimail.operations.dkim_keys import Keyring
from multimail.operations.identity import CAPABILITIES
from multimail.operations.served import HOSTED, SANDBOXED, SUPPRESSED, played
from multimail.operations.unsubscribing import unsubscribe_url
from multimail.storage.blobs import Blob
from multimail.storage.database import StorageFull, Unit
from multimail.workers.runner import Handler, Job

log = structlog.get_logger()

FULL_PAUSE: Final = 1.0  # seconds
IDENTITY_LIFE: Final = 30 * DAY


class Transport(Protocol):
    """mail.deliver.Deliverer, or whatever plays the far side."""

    async def deliver(self, sender: str, recipients: tuple[str, ...], raw: bytes) -> Mapping[str, Result]: ...


def statement(services: Services, parcel: Parcel | Copy) -> Statement:
    """What the identity says of an email beyond what is in it."""
    email, now = parcel.email, services.clock()
    return Statement(
        address=email["from_address"],
        ai_generated=not parcel.mailbox["human_written"],
        approval=email["decided_by"] if email["decision"] == "approved" else None,
        capabilities=CAPABILITIES[parcel.mode],
        exp=(now + IDENTITY_LIFE) // SECOND,
        iat=now // SECOND,
        operator=parcel.account["name"],
        oversight_mode=parcel.mode.value,
        service=services.site.domain,
        verified_operator=parcel.account["oversight_email_verified_at"] is not None,
    )


def handler(services: Services, keyring: Keyring, transport: Transport | None) -> Handler:
    """The handler of `deliver` jobs. Without a transport nothing leaves: sandbox delivery."""

    async def deliver(job: Job) -> None:
        parcel = await services.db.write(lambda tx: delivery.hand_off(services, tx, job.lease))
        if parcel is None:
            return
        raw = parcel.raw["content"] or await services.blobs.load(
            services.db, job.lease.account_id, parcel.raw["sha256"]
        )
        # When it was complete and ready to enter delivery (RFC 5322 3.6.1): the same on every attempt.
        date = to_datetime(parcel.email["decided_at"] or parcel.email["created_at"]).replace(tzinfo=UTC)
        url = unsubscribe_url(services, parcel.email)
        keys = await keyring.of(parcel.mailbox)
        sent = await services.apart(finish, bytes(raw), date, statement(services, parcel), keys, url)
        results = played(parcel.simulated) | {recipient.address: HOSTED for recipient in parcel.local}
        results |= dict.fromkeys(parcel.suppressed, SUPPRESSED)
        if parcel.captured or transport is None:
            results |= dict.fromkeys(parcel.external, SANDBOXED)
        elif parcel.external:
            results |= await _transmit(transport, parcel.external, sent)
        delay = delivery_delay(job.attempts + 1, random.random())  # noqa: S311  # jitter is no secret
        retry_at = None if delay is None else services.clock() + int(delay * SECOND)
        outcome = Outcome(results, await _copies(services, parcel, sent), retry_at)
        # From here on the far side may have the message: no shutdown and no full disk must lose the answer.
        await asyncio.shield(
            write_down(services, lambda tx: delivery.settle(services, tx, job.lease, parcel, outcome))
        )

    return deliver


async def _transmit(transport: Transport, copies: Mapping[str, str], sent: bytes) -> dict[str, Result]:
    """Each recipient's copy has a return path of its own, so that its bounce is nobody else's."""
    answers = await asyncio.gather(
        *(transport.deliver(path, (recipient,), sent) for recipient, path in copies.items())
    )
    return {recipient: result for answer in answers for recipient, result in answer.items()}


async def write_down(services: Services, unit: Unit[object]) -> None:
    """Again and again until there is room: to give the job back would send the message once more."""
    while True:
        try:
            await services.db.write(unit)
            return
        except StorageFull:
            log.error("no room to write down a delivery: the storage is full")
            await asyncio.sleep(FULL_PAUSE)


async def _copies(services: Services, parcel: Parcel, sent: bytes) -> dict[str, Blob]:
    """What was sent, made ready to be kept by each account that gets a copy."""
    accounts = {recipient.account_id for recipient in parcel.local}
    if parcel.captured and parcel.external:
        accounts.add(parcel.email["account_id"])
    return {account: await services.blobs.prepare(account, sent) for account in accounts}
