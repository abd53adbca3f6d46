"""What happens to mail in a world, one step at a time: it arrives, is understood, is handed over, is told of.

Jobs run here as workers run them, without their timers: `run_jobs` does what is due by the world's clock.
"""

import asyncio
import hmac
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from altcha import v1 as pow_v1

from multimail.core.ids import make_id
from multimail.core.plans import Plan
from multimail.core.times import DAY, to_datetime
from multimail.mail import dkim, identity
from multimail.mail.deliver import Result
from multimail.operations.context import Context
from multimail.operations.dkim_keys import FIRST, PLATFORM_KEYS, Keyring, keep_pair
from multimail.operations.domains import ADD_DOMAIN, VERIFY_DOMAIN
from multimail.operations.events import LIST_EVENTS
from multimail.operations.indexing import index_some
from multimail.operations.intake import Arrival, accept
from multimail.operations.jobs import Lease
from multimail.operations.oversight import DECIDE_EMAIL
from multimail.operations.sending import SEND_EMAIL
from multimail.operations.sign_up import mail_code
from multimail.storage.database import Row, Tx
from multimail.workers import deliver, notify, small
from multimail.workers.runner import LEASE, Handler, Job
from tests.support.world import LINK_SECRET, START, World

IDENTITY_KEY, DKIM_KEY = identity.generate_key(), dkim.generate_key()
IDENTITY_PEM, DKIM_PEM = identity.private_pem(IDENTITY_KEY), dkim.private_pem(DKIM_KEY)


def absent(prefix: str) -> str:
    """A well-formed id of nothing."""
    return make_id(prefix, 1_700_000_000_000, 7)


@dataclass
class FarSide:
    """The world's mail servers. `says` has the outcomes per recipient, the last one for ever; else delivered."""

    says: dict[str, list[str]] = field(default_factory=dict)
    taken: list[tuple[str, tuple[str, ...], bytes]] = field(default_factory=list)

    async def deliver(self, sender: str, recipients: tuple[str, ...], raw: bytes) -> Mapping[str, Result]:
        self.taken.append((sender, recipients, raw))
        return {address: self._answer(address) for address in recipients}

    def _answer(self, address: str) -> Result:
        waiting = self.says.get(address, ["delivered"])
        outcome: Any = waiting.pop(0) if len(waiting) > 1 else waiting[0]
        code, enhanced = {"delivered": (250, "2.0.0"), "deferred": (451, "4.3.0"), "failed": (550, "5.7.1")}[
            outcome
        ]
        return Result(outcome, code, enhanced, f"{outcome} by the test", "mx.test")


def mail(
    *,
    sender: str = "Ann <ann@example.test>",
    to: str = "support@acme.multimail.test",
    subject: str = "A question",
    body: str = "What does it cost?",
    message_id: str = "<q1@example.test>",
    **headers: str,
) -> bytes:
    """A plain message; further headers by name with _ for -."""
    fields = {"From": sender, "To": to, "Subject": subject, "Message-ID": message_id}
    fields |= {name.replace("_", "-"): value for name, value in headers.items()}
    head = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    return f"{head}\r\n{body}\r\n".encode("utf-8", "surrogateescape")


async def run_jobs(world: World, kind: str, handler: Handler, owner: str = "tester") -> list[str]:
    """Does every job of `kind` that is due now, once; the subjects, in the order of their time."""
    db, now = world.services.db, world.services.clock()
    rows = await db.write(
        lambda tx: tx.sql.claim_jobs(
            kind=kind, now=now, lease_until=now + LEASE, lease_owner=owner, limit=1000
        )
    )
    jobs = [
        Job(Lease(row["account_id"], row["kind"], row["subject_id"], owner), row["attempts"])
        for row in sorted(rows, key=lambda row: row["subject_id"])
    ]
    for job in jobs:
        await handler(job)
    return [job.lease.subject_id for job in jobs]


async def arrive(
    world: World,
    raw: bytes | None = None,
    *,
    mailbox: Row | None = None,
    test: bool = False,
    understood: bool = True,
    envelope_from: str = "ann@example.test",
    **more: Any,
) -> str:
    """A message comes in over SMTP and is read; the id of its email."""
    address = (mailbox or world.mailbox)["address"]
    arrival = Arrival(envelope_from, "client.example.test", "192.0.2.1", test, "ESMTPS", "TLSv1.3 AES")
    assert await accept(world.services, arrival, [address], mail(**more) if raw is None else raw)
    return (await understand(world))[-1] if understood else ""


async def understand(world: World) -> list[str]:
    return await run_jobs(world, "receive", small.receive(world.services))


async def keyring(world: World) -> Keyring:
    """As an installation has it; the platform signs with DKIM_KEY alone, which takes no time to make."""
    key = dkim.NewKey("rsa", DKIM_PEM, dkim.dns_record(DKIM_KEY))
    services = world.services
    await services.db.write(
        lambda tx: keep_pair(services, tx, PLATFORM_KEYS, [key], [FIRST], signing=("rsa",))
    )
    return Keyring(world.services, IDENTITY_PEM)


def published(records: Iterable[Mapping[str, Any]]) -> dict[tuple[str, str], list[str]]:
    """What a person puts into the DNS for a domain: for `world.names.table`."""
    return {
        (one["name"], one["type"]): [f"{one['priority']} {one['value']}" if one["priority"] else one["value"]]
        for one in records
    }


async def own_domain(world: World, domain: str = "brand.test") -> dict[str, Any]:
    """A domain that the account has verified."""
    made = await world.invoke(ADD_DOMAIN, "admin", domain=domain)
    world.names.table = {**world.names.table, **published(made["records"])}
    return dict(await world.invoke(VERIFY_DOMAIN, "admin", domain_id=made["id"]))


async def check_domains(world: World) -> list[str]:
    """The looks at domains that are due."""
    return await run_jobs(world, "domain", small.checking(world.services))


async def hand_over(world: World, far: FarSide | None = None) -> list[str]:
    """Deliveries that are due; without `far` nothing leaves."""
    return await run_jobs(world, "deliver", deliver.handler(world.services, await keyring(world), far))


async def tell(world: World, far: FarSide | None = None) -> list[str]:
    """Operator mail that is due; without `far` it is kept."""
    return await run_jobs(world, "notice", notify.notices(world.services, await keyring(world), far))


async def copy(world: World, far: FarSide | None = None) -> list[str]:
    """Copies for the oversight address that are due."""
    return await run_jobs(world, "copy", notify.copies(world.services, await keyring(world), far))


async def index(world: World) -> None:
    """The indexer comes by."""
    while await world.services.db.write(partial(index_some, world.services, world.account_id)):
        pass


async def send(world: World, key: str = "agent", **more: Any) -> dict[str, Any]:
    """send_email's answer, from the world's mailbox to bob unless told otherwise."""
    given = {"mailbox_id": world.mailbox["mailbox_id"], "to": "bob@example.test"}
    given |= {"subject": "An offer", "markdown": "Five **euros**."}
    return dict(await world.invoke(SEND_EMAIL, key, **given | more))


async def decide(world: World, email_id: str, action: str = "approve", **more: Any) -> dict[str, Any]:
    return dict(await world.invoke(DECIDE_EMAIL, "oversight", email_id=email_id, action=action, **more))


async def row(world: World, email_id: str) -> Row:
    return await world.run(lambda ctx: ctx.sql.get_email(account_id=world.account_id, email_id=email_id))


async def jobs(world: World, kind: str) -> int:
    """How many jobs of `kind` wait."""
    counted = await world.run(lambda ctx: ctx.sql.count_jobs())
    return {one["kind"]: int(one["waiting"]) for one in counted}.get(kind, 0)


async def set_mode(world: World, mode: str, mailbox: Row | None = None) -> None:
    """As an owner would on the command line, loosening included; somebody reads the copies of a monitored one."""
    box = mailbox or world.mailbox
    if mode == "monitored":
        sql = "UPDATE accounts SET oversight_email = 'boss@example.test', oversight_email_verified_at = 1"
        await execute(world, f"{sql} WHERE oversight_email IS NULL")
    await world.run(
        lambda ctx: ctx.sql.update_mailbox(
            account_id=world.account_id,
            mailbox_id=box["mailbox_id"],
            name=box["name"],
            oversight_mode=mode,
            wanted_mode=None,
            human_written=box["human_written"],
        )
    )


async def execute(world: World, sql: str, **given: Any) -> list[Row]:
    """A statement of the test's own, with `:name` parameters, on either database."""

    def unit(tx: Tx) -> list[Row]:
        connection = tx.sql.get_account.args[0]
        text = sql if tx.dialect == "sqlite" else re.sub(r":(\w+)", r"%(\1)s", sql)
        cursor = connection.execute(text, given)
        return list(cursor.fetchall()) if cursor.description else []

    return await world.services.db.write(unit)


async def events(world: World, at_least: int = 0, key: str = "agent", **given: Any) -> list[dict[str, Any]]:
    """What list_events tells. On PostgreSQL an event shows once every older transaction of the server, other
    tests' included, has ended: so this looks again until there are as many as must come."""
    while True:
        found = (await world.invoke(LIST_EVENTS, key, **{"limit": 100} | given))["events"]
        if len(found) >= at_least:
            return list(found)
        await asyncio.sleep(0.01)


def solved(salt: str) -> str:
    """The solution of a challenge of the worlds', good for long and once."""
    key = hmac.digest(LINK_SECRET, b"sign-up challenge", "sha256")
    expires = to_datetime(START + 1000 * DAY)
    made = pow_v1.create_challenge(
        pow_v1.ChallengeOptions(hmac_key=key, salt=salt, number=7, expires=expires)
    )
    return pow_v1.Payload(made.algorithm, made.challenge, 7, made.salt, made.signature).to_base64()


async def begin_sign_up(world: World, email: str, slug: str) -> str:
    """What create_account does once the work is done; the code that is mailed."""

    def unit(ctx: Context) -> str:
        wanted = {"email": email, "account_id": ctx.new_id("acc"), "name": "Newcomer", "slug": slug}
        ctx.sql.start_sign_up(**wanted, now=ctx.now)
        return str(mail_code(ctx, wanted))

    return await world.run(unit)


def leaving(world: World, *, warm_up: bool = False) -> World:
    """The same world, whose external mail leaves by the transport that is given to `hand_over`."""
    site = replace(world.services.site, delivery="mx", self_hosted=Plan(warm_up=warm_up))
    services = replace(world.services, site=site)
    return World(
        services, world.clock, world.account_id, world.keys, world.key_ids, world.mailbox, world.people
    )
