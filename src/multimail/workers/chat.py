"""Telling a chat of what waits: one POST per email to an incoming webhook, tried again as webhooks are."""

import json
import random

from multimail.core.retry import webhook_delay
from multimail.core.times import SECOND
from multimail.net.guarded import CallFailed
from multimail.net.guarded_client import GuardedClient
from multimail.operations.context import Services
from multimail.operations.watching import chat_message
from multimail.storage.database import Tx
from multimail.workers.runner import Handler, Job

HEADERS = {"Content-Type": "application/json", "User-Agent": "MultiMail-Webhooks/1"}


def handler(services: Services, client: GuardedClient) -> Handler:
    """The handler of `chat` jobs. What was decided meanwhile is told no more."""

    async def tell(job: Job) -> None:
        message = await services.db.read(lambda tx: chat_message(services, tx, job.lease))
        delay = None
        if message is not None:
            try:
                status = (await client.post(message.url, json.dumps(message.body).encode(), HEADERS)).status
            except CallFailed:
                status = 0
            if not 200 <= status < 300:
                delay = webhook_delay(job.attempts + 1, random.random())  # noqa: S311  # jitter is no secret
        await services.db.write(lambda tx: _settle(services, tx, job, delay))

    return tell


def _settle(services: Services, tx: Tx, job: Job, delay: float | None) -> None:
    if delay is None:
        tx.sql.finish_job(**job.lease.name)
    else:
        tx.sql.retry_job(**job.lease.name, run_at=services.clock() + int(delay * SECOND))
