"""Who acts on the command line: the owner, by having the data folder. What all of `multimail operator` shares."""

import argparse
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from multimail.app import Keys
from multimail.commands.folder import read_env, read_running
from multimail.operations.context import Caller, Context, Services
from multimail.operations.operation import Body, Operation, invoke
from multimail.operations.operators import local_owner
from multimail.settings import Settings


@dataclass(frozen=True, slots=True)
class Owner:
    """Who acts, on what."""

    settings: Settings
    services: Services
    keys: Keys

    async def ask(self, operation: Operation, **given: Any) -> Body:
        """The answer of an operation, asked as the owner. Raises Refused."""
        actor = await self.services.db.read(local_owner)
        answer = await invoke(self.services, operation, given, Caller(actor, self.services.new_id("req")))
        return answer.body

    async def write(self, unit: Callable[[Context], Any]) -> Any:
        services = self.services
        return await services.db.write(
            lambda tx: unit(Context(services, tx, local_owner(tx), services.clock()))
        )


def base_url(settings: Settings) -> str:
    """Where links start: as set, else as the running server says, else as the first run wrote, else the address."""
    running = read_running(settings.data)
    if settings.public_url:
        return settings.public_url
    if running is not None:
        return running.url
    known = read_env(settings.data / "credentials.env").get("MULTIMAIL_URL")
    return known or f"http://{settings.http.host}:{settings.http.port}"


Action = tuple[Callable[[Owner, argparse.Namespace], Awaitable[str]], str]  # and its help
