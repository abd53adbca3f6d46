"""DKIM keys: an RSA and an Ed25519 key for each domain, rotated without a gap, and the ring that mail is signed from.

A new key waits until its record is seen in the DNS. Then it signs, and the one that signed before is retired: its
private half goes at once, its public half stays listed, to remain published while its mail is still under way.
"""

from collections.abc import Collection, Iterable, Sequence
from typing import Any, Final

from multimail.core.domains import KEPT
from multimail.core.errors import Refused
from multimail.core.times import MINUTE, SECOND
from multimail.mail import dkim
from multimail.mail.domain_records import PublicKey
from multimail.mail.sign import Keys
from multimail.operations.context import Context, Services
from multimail.operations.operation import write_audit
from multimail.operations.vault import DKIM_KEY, SIGNING_KEY
from multimail.storage.database import Row, Tx

PLATFORM: Final = ""  # in place of account and domain: the keys of the platform's own domain
PLATFORM_KEYS: Final = {"account_id": PLATFORM, "domain_id": PLATFORM}
FIRST: Final = "mm1"  # their first selector
FRESH: Final = 5 * MINUTE  # a key that was retired meanwhile is still published for days
MOST: Final = 2_000  # domains whose keys are kept in memory

Pair = Sequence[dkim.NewKey]


class Keyring:
    """What mail is signed with, by mailbox: looked up at most every five minutes, so that signing asks no database."""

    def __init__(self, services: Services, identity_pem: str) -> None:
        self._services = services
        self._identity = identity_pem
        self._known: dict[tuple[str, str], tuple[int, Keys]] = {}

    async def platform(self) -> Keys:
        return await self._keys(PLATFORM, PLATFORM)

    async def of(self, mailbox: Row) -> Keys:
        """Those of the domain in From, so that the signatures are aligned with it (RFC 7489 section 3.1.1)."""
        if mailbox["domain_id"] is None:
            return await self.platform()
        return await self._keys(mailbox["account_id"], mailbox["domain_id"])

    async def _keys(self, account_id: str, domain_id: str) -> Keys:
        now, name = self._services.clock(), (account_id, domain_id)
        since, keys = self._known.get(name, (None, None))
        if keys is not None and since is not None and now - since < FRESH:
            return keys
        rows = await self._services.db.read(
            lambda tx: tx.sql.list_signing_dkim_keys(account_id=account_id, domain_id=domain_id)
        )
        if not rows and domain_id != PLATFORM:  # they were lost with a secret key: until it has new ones
            return await self.platform()
        own = self._services.site.domain
        signing = tuple(
            (
                row["domain"] or own,
                row["selector"],
                self._services.vault.open(DKIM_KEY, row, row["private_pem"]),
            )
            for row in rows
        )
        keys = Keys(self._identity, signing)
        self._known.pop(name, None)
        while len(self._known) >= MOST:
            self._known.pop(next(iter(self._known)))  # the one looked up longest ago: a dict keeps its order
        self._known[name] = (now, keys)
        return keys


async def make_pair(services: Services) -> Pair:
    """New keys, made beside the event loop."""
    return await services.apart(dkim.generate_pair)


def keep_pair(
    services: Services,
    tx: Tx,
    name: dict[str, str],
    pair: Pair,
    selectors: Sequence[str],
    *,
    signing: Collection[str],
) -> None:
    """Writes keys down; those of the algorithms `signing` sign at once. `name` is account_id and domain_id."""
    now = services.clock()
    for key, selector in zip(pair, selectors, strict=True):
        tx.sql.add_dkim_key(
            **name,
            selector=selector,
            algorithm=key.algorithm,
            public_value=key.public_value,
            private_pem=services.vault.seal(DKIM_KEY, name | {"selector": selector}, key.private_pem),
            created_at=now,
            signs_at=now if key.algorithm in signing else None,
        )


def add_pair(ctx: Context, name: dict[str, str], pair: Pair) -> None:
    """Keys that wait to be seen, under selectors that were never used before."""
    generation = ctx.services.random(4).hex()
    selectors = [f"mm-{generation}-{key.algorithm}" for key in pair]
    keep_pair(ctx.services, ctx.tx, name, pair, selectors, signing=())


def require_none_waits(ctx: Context, name: dict[str, str]) -> None:
    """Raises Refused("conflict") while keys wait that were made before."""
    waiting = [key.selector for key in public_keys(ctx.sql.list_dkim_keys(**name)) if key.state == "waiting"]
    if waiting:
        raise Refused(
            "conflict",
            f"New keys wait to be published already: {', '.join(waiting)}.",
            status="waiting",
            selectors=waiting,
        )


def rotate(ctx: Context, name: dict[str, str], pair: Pair) -> None:
    """Raises Refused("conflict") as `require_none_waits` does."""
    require_none_waits(ctx, name)
    add_pair(ctx, name, pair)
    watch(ctx, name)


def rotate_platform(ctx: Context, pair: Pair) -> None:
    """The same for the installation's own domain, by its owner. Raises Refused("conflict")."""
    rotate(ctx, PLATFORM_KEYS, pair)
    ctx.about("domain", ctx.services.site.domain, domain=ctx.services.site.domain)
    write_audit(ctx, "rotate_keys")


def watch(ctx: Context, name: dict[str, str], run_at: int | None = None) -> None:
    """Files the job that looks at the domain's records, by default in a minute."""
    at = ctx.now + 60 * SECOND if run_at is None else run_at
    ctx.sql.add_job(account_id=name["account_id"], kind="domain", subject_id=name["domain_id"], run_at=at)
    ctx.tx.notify("jobs", "domain")


def take_over(ctx: Context, name: dict[str, str], seen: Collection[str]) -> list[str]:
    """Lets the waiting keys whose records were `seen` (by selector) sign from now on; which they are."""
    started = []
    for row in ctx.sql.list_dkim_keys(**name):
        if row["signs_at"] is None and row["selector"] in seen:
            ctx.sql.start_dkim_key(**name, selector=row["selector"], now=ctx.now)
            ctx.sql.retire_dkim_keys(
                **name, algorithm=row["algorithm"], selector=row["selector"], now=ctx.now
            )
            started.append(str(row["selector"]))
    ctx.sql.sweep_dkim_keys(**name, before=ctx.now - KEPT)
    return started


def public_keys(rows: Iterable[Row]) -> tuple[PublicKey, ...]:
    return tuple(
        PublicKey(row["selector"], row["algorithm"], row["public_value"], _state(row)) for row in rows
    )


def _state(row: Row) -> Any:
    if row["retired_at"] is not None:
        return "retired"
    return "waiting" if row["signs_at"] is None else "signing"


async def open_platform_keys(services: Services) -> None:
    """Makes the platform's keys where there are none. An installation from before there were two keeps the one that
    is published; its second waits until it is. Of two processes that start at once the first one's keys count."""
    name = PLATFORM_KEYS
    if await services.db.read(lambda tx: tx.sql.list_dkim_keys(**name)):
        return
    older = await services.db.read(lambda tx: tx.sql.get_signing_key(purpose="dkim", name=FIRST))
    rsa, ed25519 = await make_pair(services)
    if older is not None:
        older = services.vault.open(SIGNING_KEY, {"purpose": "dkim", "name": FIRST}, older)
        rsa = dkim.NewKey("rsa", older, dkim.dns_record(dkim.load_private_pem(older)))
    selectors, signing = (FIRST, f"{FIRST}-ed25519"), ("rsa",) if older else ("rsa", "ed25519")

    def unit(tx: Tx) -> None:
        keep_pair(services, tx, name, (rsa, ed25519), selectors, signing=signing)
        if older is not None:
            tx.sql.add_job(account_id=PLATFORM, kind="domain", subject_id=PLATFORM, run_at=services.clock())

    await services.db.write(unit)
