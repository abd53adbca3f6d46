"""Telling webhooks: one signed POST per delivery, retried with backoff for three days (contract §9)."""

import json
import random
from collections import Counter
from typing import Any, Final

from multimail.core.retry import webhook_delay
from multimail.core.times import SECOND
from multimail.core.webhook_signature import sign
from multimail.net.guarded import CallFailed
from multimail.net.guarded_client import GuardedClient
from multimail.operations.context import Services
from multimail.operations.events import render
from multimail.operations.vault import WEBHOOK_SECRET
from multimail.storage.database import Row, Tx
from multimail.workers.runner import Handler, Job

PER_ENDPOINT: Final = 4  # calls at once: a slow endpoint fills these places and nobody else's
WAIT_FOR_PLACE: Final = 2 * SECOND


def handler(services: Services, client: GuardedClient) -> Handler:
    """The handler of `webhook` jobs."""
    busy: Counter[str] = Counter()

    async def call(job: Job) -> None:
        name = {"account_id": job.lease.account_id, "delivery_id": job.lease.subject_id}
        found = await services.db.read(lambda tx: _look_up(services, tx, **name))
        if found is None:
            await services.db.write(lambda tx: tx.sql.finish_job(**job.lease.name))
            return
        delivery, webhook, body = found
        endpoint = webhook["webhook_id"]
        if busy[endpoint] >= PER_ENDPOINT:
            later = services.clock() + WAIT_FOR_PLACE
            await services.db.write(lambda tx: tx.sql.release_job(**job.lease.name, run_at=later))
            return
        busy[endpoint] += 1
        try:
            status, error = await _post(services, client, webhook, delivery, body)
        finally:
            busy[endpoint] -= 1
            if not busy[endpoint]:
                del busy[endpoint]
        await services.db.write(lambda tx: _record(services, tx, job, delivery, status, error))

    return call


def _look_up(
    services: Services, tx: Tx, account_id: str, delivery_id: str
) -> tuple[Row, Row, dict[str, Any]] | None:
    """The delivery, its webhook and the body; None if the webhook is gone or the delivery is done."""
    delivery = tx.sql.get_delivery(account_id=account_id, delivery_id=delivery_id)
    webhook = delivery and tx.sql.get_webhook(account_id=account_id, webhook_id=delivery["webhook_id"])
    if not webhook or delivery["status"] != "pending":
        return None
    event = tx.sql.get_event(account_id=account_id, event_id=delivery["event_id"])
    return delivery, webhook, render(tx, event, services.site.public_url, delivery["heard_as"])


async def _post(
    services: Services, client: GuardedClient, webhook: Row, delivery: Row, body: dict[str, Any]
) -> tuple[int | None, str | None]:
    """(HTTP status, what went wrong). `webhook-id` is the event's: the same on every attempt and replay."""
    content = json.dumps(body, ensure_ascii=False).encode()
    timestamp = services.clock() // SECOND
    secret = services.vault.open(WEBHOOK_SECRET, webhook, webhook["secret"])
    headers = sign(secret, delivery["event_id"], timestamp, content)
    headers |= {"Content-Type": "application/json", "User-Agent": "MultiMail-Webhooks/1"}
    try:
        response = await client.post(webhook["url"], content, headers)
    except CallFailed as error:
        return None, str(error)
    return response.status, None if 200 <= response.status < 300 else f"answered {response.status}"


def _record(
    services: Services, tx: Tx, job: Job, delivery: Row, status: int | None, error: str | None
) -> None:
    if not tx.sql.holds_lease(**job.lease.name):
        return  # whoever took the job over tells what became of it
    now, attempts = services.clock(), delivery["attempts"] + 1
    delay = webhook_delay(attempts, random.random()) if error else None  # noqa: S311  # jitter is no secret
    tx.sql.record_delivery(
        account_id=job.lease.account_id,
        delivery_id=job.lease.subject_id,
        status="delivered" if not error else "failed" if delay is None else "pending",
        attempts=attempts,
        response_status=status,
        last_error=error,
        delivered_at=None if error else now,
    )
    if delay is None:
        tx.sql.finish_job(**job.lease.name)
    else:
        tx.sql.retry_job(**job.lease.name, run_at=now + int(delay * SECOND))
