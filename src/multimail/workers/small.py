"""The jobs that are one call each: reading what came in, releasing what waited, erasing what was deleted, looking
at domains."""

from multimail.operations.context import Services
from multimail.operations.deletion import erase
from multimail.operations.delivery import due
from multimail.operations.domain_checks import check
from multimail.operations.erasing import scrub
from multimail.operations.erasing_people import forget
from multimail.operations.intake import understand
from multimail.operations.learning import learn
from multimail.operations.watching import digest, watch
from multimail.workers.runner import Handler, Job


def receive(services: Services) -> Handler:
    """The handler of `receive` jobs."""

    async def read_arrival(job: Job) -> None:
        await understand(services, job.lease)

    return read_arrival


def learning(services: Services) -> Handler:
    """The handler of `learn` jobs."""

    async def learn_email(job: Job) -> None:
        await learn(services, job.lease)

    return learn_email


def erasing(services: Services) -> Handler:
    """The handler of `erase` jobs."""

    async def erase_account(job: Job) -> None:
        await erase(services, job.lease)

    return erase_account


def scrubbing(services: Services) -> Handler:
    """The handler of `scrub` jobs."""

    async def scrub_account(job: Job) -> None:
        await scrub(services, job.lease)

    return scrub_account


def forgetting(services: Services) -> Handler:
    """The handler of `forget` jobs."""

    async def forget_person(job: Job) -> None:
        await forget(services, job.lease)

    return forget_person


def checking(services: Services) -> Handler:
    """The handler of `domain` jobs."""

    async def check_domain(job: Job) -> None:
        await check(services, job.lease)

    return check_domain


def schedule(services: Services) -> Handler:
    """The handler of `due` jobs."""

    async def release(job: Job) -> None:
        await services.db.write(lambda tx: due(services, tx, job.lease))

    return release


def watching(services: Services) -> Handler:
    """The handler of `watch` jobs: an email waits for a decision."""

    async def look(job: Job) -> None:
        await services.db.write(lambda tx: watch(services, tx, job.lease))

    return look


def digesting(services: Services) -> Handler:
    """The handler of `digest` jobs: a person is told of all that waits."""

    async def tell(job: Job) -> None:
        await services.db.write(lambda tx: digest(services, tx, job.lease))

    return tell
