"""Mailing people as the product itself: notices, and copies of what `monitored` mailboxes send.

Composed or signed apart, sent by the same transport as all mail, tried again as deliveries are.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable
from datetime import UTC
from typing import Final, TypeVar

from multimail.core.retry import delivery_delay
from multimail.core.times import SECOND, to_datetime
from multimail.mail.notice import craft_notice, mark_copy
from multimail.mail.sign import finish
from multimail.operations.context import Services
from multimail.operations.copies import Copy, settle_copy, take_copy
from multimail.operations.dkim_keys import Keyring
from multimail.operations.jobs import Lease
from multimail.operations.notices import Outgoing, settle_notice, take_notice
from multimail.storage.database import Tx
from multimail.workers.deliver import Transport, statement, write_down
from multimail.workers.runner import Handler, Job

NOBODY: Final = ""  # the empty return path: nobody answers a machine's notice (RFC 5321 4.5.5)
Settle = Callable[..., object]
M = TypeVar("M", Outgoing, Copy)


def notices(services: Services, keyring: Keyring, transport: Transport | None) -> Handler:
    """The handler of `notice` jobs. Without a transport nothing leaves: sandbox delivery."""

    async def craft(outgoing: Outgoing) -> bytes:
        at = services.clock() // SECOND
        return await services.apart(
            craft_notice, outgoing.notice, outgoing.date, at, await keyring.platform()
        )

    return _handler(services, transport, take_notice, craft, settle_notice)


def copies(services: Services, keyring: Keyring, transport: Transport | None) -> Handler:
    """The handler of `copy` jobs: the message as it leaves, in an envelope of its own."""

    return _handler(
        services, transport, take_copy, lambda copy: _signed(services, copy, keyring), settle_copy
    )


def _handler(
    services: Services,
    transport: Transport | None,
    take: Callable[[Services, Tx, Lease], M | None],
    craft: Callable[[M], Awaitable[bytes]],
    settle: Settle,
) -> Handler:
    async def send(job: Job) -> None:
        mail = await services.db.write(lambda tx: take(services, tx, job.lease))
        if mail is None:
            return
        if mail.kept or transport is None:
            await services.db.write(lambda tx: settle(services, tx, job.lease, "sandboxed"))
            return
        await _hand_over(services, transport, job, mail.to, await craft(mail), settle)

    return send


async def _signed(services: Services, copy: Copy, keyring: Keyring) -> bytes:
    account_id, sha256 = copy.email["account_id"], copy.raw["sha256"]
    raw = copy.raw["content"] or await services.blobs.load(services.db, account_id, sha256)
    date = to_datetime(copy.email["decided_at"] or copy.email["created_at"]).replace(tzinfo=UTC)
    sent = await services.apart(
        finish, bytes(raw), date, statement(services, copy), await keyring.of(copy.mailbox)
    )
    return mark_copy(sent, copy.email["email_id"], copy.recipients)


async def _hand_over(
    services: Services, transport: Transport, job: Job, to: str, raw: bytes, settle: Settle
) -> None:
    result = (await transport.deliver(NOBODY, (to,), raw))[to]
    delay = None
    if result.outcome == "deferred":
        delay = delivery_delay(job.attempts + 1, random.random())  # noqa: S311  # jitter is no secret
    if delay is None:
        status, retry_at = "sent" if result.outcome == "delivered" else "failed", None
    else:
        status, retry_at = "waiting", services.clock() + int(delay * SECOND)
    error = None if status == "sent" else result.message
    await asyncio.shield(
        write_down(services, lambda tx: settle(services, tx, job.lease, status, error, retry_at))
    )
