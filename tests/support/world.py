"""A small world for tests of operations and surfaces: one account, four keys, a mailbox, the HTTP surface.

The fixture `world` (tests/conftest.py) builds it twice, on SQLite and on PostgreSQL. Only the clock and the
far side of the network are fakes.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from starlette.types import ASGIApp

from multimail.core.oversight import Mode
from multimail.core.scopes import Role, Scope
from multimail.operations.api_keys import add_key
from multimail.operations.authenticate import operator_actor
from multimail.operations.context import Actor, Caller, Context, Services, Site, system
from multimail.operations.mailboxes import add_mailbox
from multimail.operations.operation import Answer, Operation, invoke
from multimail.operations.vault import Vault
from multimail.storage.blobs import Blobs, Folder
from multimail.storage.connect import open_database
from multimail.storage.database import Row
from multimail.surfaces.http import build_app
from tests.support.asgi import Reply, fetch
from tests.support.names import Names

T = TypeVar("T")
DOMAIN = "multimail.test"
LINK_SECRET = b"a secret of the tests"
SECRET_KEY = b"thirty-two bytes that seal tests"
START = 1_790_000_000_000_000  # microseconds: a day in September 2026

KEYS = {
    "agent": ([Scope.READ, Scope.SEND], False),
    "oversight": ([Scope.READ, Scope.OVERSIGHT], False),
    "admin": ([Scope.ADMIN], False),
    "test": ([Scope.READ, Scope.SEND], True),
}


@dataclass
class Clock:
    """Microseconds since the epoch. Each look takes a millisecond, so that ids sort as they were made."""

    now: int = START

    def __call__(self) -> int:
        self.now += 1000
        return self.now

    def pass_(self, microseconds: int) -> None:
        self.now += microseconds


async def any_url(url: str) -> None:
    """In place of the guarded client's check: tests have no outside network."""


@dataclass
class World:
    """`keys` has the secrets by name: agent (read, send), oversight, admin, test (a test key), and what
    `add_key` made. `mailbox` is gated_send, `support@acme.multimail.test`. `people` has the operators that
    `add_operator` made: they ask by their names, as keys do."""

    services: Services
    clock: Clock
    account_id: str = ""
    keys: dict[str, str] = field(default_factory=dict)
    key_ids: dict[str, str] = field(default_factory=dict)
    mailbox: Any = None
    people: dict[str, Actor] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.names: Any = self.services.dns
        """The world's DNS: a Names, to be filled by tests."""
        self.stopping = asyncio.Event()
        self.app: ASGIApp = build_app(self.services, ready=lambda: True, stopping=self.stopping)

    async def run(self, unit: Callable[[Context], T]) -> T:
        """Runs `unit` in a transaction as the product itself, in this account."""
        actor = system(self.account_id, "test")
        return await self.services.db.write(
            lambda tx: unit(Context(self.services, tx, actor, self.services.clock()))
        )

    async def add_key(
        self, name: str, scopes: list[Scope], *, mailbox_ids: set[str] | None = None, test: bool = False
    ) -> str:
        made = await self.run(lambda ctx: add_key(ctx, name, scopes, mailbox_ids, test=test))
        self.keys[name], self.key_ids[name] = made["api_key"], made["id"]
        return str(made["api_key"])

    async def add_operator(self, name: str, role: Role = Role.OWNER, email: str | None = None) -> Actor:
        """A person of the account, as one who is signed in."""

        def unit(ctx: Context) -> Actor:
            who = {"account_id": ctx.account_id, "operator_id": ctx.new_id("opr")}
            ctx.sql.add_operator(**who, role=role, name=name, email=email, created_at=ctx.now)
            return operator_actor(ctx.sql.get_operator(**who))

        self.people[name] = await self.run(unit)
        return self.people[name]

    async def add_mailbox(self, local: str, mode: Mode = Mode.GATED_SEND, *, test: bool = False) -> Row:
        slug = (await self.run(lambda ctx: ctx.sql.get_account(account_id=ctx.account_id)))["slug"]
        return await self.run(
            lambda ctx: add_mailbox(
                ctx,
                f"{local}@{slug}.{DOMAIN}",
                name="",
                mode=mode,
                wanted_mode=None,
                human_written=False,
                test=test,
            )
        )

    async def invoke(
        self, operation: Operation, /, key: str | None = "agent", **raw: Any
    ) -> Mapping[str, Any]:
        """The operation's answer, asked with the named key. Raises Refused."""
        return (await self.ask(operation, key, raw)).body

    async def ask(
        self, operation: Operation, key: str | None, raw: Mapping[str, Any], **caller: Any
    ) -> Answer:
        credential = None if key is None else self.people.get(key) or self.keys[key]
        return await invoke(
            self.services, operation, raw, Caller(credential, self.services.new_id("req"), **caller)
        )

    async def http(
        self, method: str, target: str, json: Any = None, *, key: str | None = "agent", **request: Any
    ) -> Reply:
        """One HTTP request with the named key; see asgi.fetch for `request`."""
        given = request.pop("headers", {})
        pairs = list(given.items()) if isinstance(given, Mapping) else list(given)
        if key is not None:
            pairs.append(("authorization", f"Bearer {self.keys[key]}"))
        return await fetch(self.app, method, target, json_body=json, headers=pairs, **request)


@asynccontextmanager
async def build_world(database_url: str, folder: Path, slug: str = "acme") -> AsyncIterator[World]:
    """A fresh world in an empty database; closes the database at the end."""
    clock = Clock()
    db = open_database(database_url)
    await db.open()
    try:
        services = Services(
            db=db,
            blobs=Blobs(Folder(folder / "blobs")),
            site=Site(
                domain=DOMAIN, public_url="http://127.0.0.1:8025", delivery="sandbox", sign_up="starter"
            ),
            check_url=any_url,
            dns=Names({}),
            vault=Vault(lambda: [SECRET_KEY]),
            link_secret=LINK_SECRET,
            clock=clock,
        )
        yield await add_account(World(services, clock), slug)
    finally:
        await db.close()


async def add_account(world: World, slug: str) -> World:
    """Fills a world with an account of its own: for a second one, over the same services."""
    account_id = world.account_id = world.services.new_id("acc")
    row = {"account_id": account_id, "slug": slug, "name": slug, "plan": "self_hosted"}
    await world.run(lambda ctx: ctx.sql.add_account(**row, created_at=ctx.now))
    for name, (scopes, test) in KEYS.items():
        await world.add_key(name, scopes, test=test)
    world.mailbox = await world.add_mailbox("support")
    return world
