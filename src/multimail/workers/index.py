"""The indexer: makes new and changed emails findable within a second or so, and gives way to all else."""

from collections.abc import Iterable
from functools import partial
from typing import Final

from multimail.operations.context import Services
from multimail.operations.indexing import index_some, list_unindexed_accounts
from multimail.workers.rounds import Rounds
from multimail.workers.runner import rest

TURNS: Final = 100  # of the event loop between batches: when it is idle, some thousandths of a second


def indexer(services: Services) -> Rounds:
    """What is left at a stop waits for the next start, or for whoever searches."""

    async def some(accounts: Iterable[str]) -> None:
        for account_id in accounts:
            while await services.db.write(partial(index_some, services, account_id)):
                await rest(TURNS)

    async def every() -> None:
        await some(await services.db.read(list_unindexed_accounts))

    return Rounds(services, "index", "search", some, every, pressing=False)
