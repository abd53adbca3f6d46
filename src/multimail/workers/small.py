"""The jobs that are one call each: reading what came in, and releasing what waited for its time."""

from multimail.operations.context import Services
from multimail.operations.delivery import due
from multimail.operations.intake import understand
from multimail.workers.runner import Handler, Job


def receive(services: Services) -> Handler:
    """The handler of `receive` jobs."""

    async def read_arrival(job: Job) -> None:
        await understand(services, job.lease)

    return read_arrival


def schedule(services: Services) -> Handler:
    """The handler of `due` jobs."""

    async def release(job: Job) -> None:
        await services.db.write(lambda tx: due(services, tx, job.lease))

    return release
