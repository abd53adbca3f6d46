"""MTA-STS policies are found, kept, and outlive whoever blocks them (RFC 8461)."""

import asyncio
from dataclasses import dataclass, field

import pytest

from multimail.core.times import DAY, MINUTE, SECOND
from multimail.mail.mta_sts import Policy
from multimail.net.guarded import CallFailed, Response
from multimail.operations.mta_sts import AGAIN, REFRESH, Policies
from multimail.workers.sweep import sweep
from tests.support.names import BROKEN
from tests.support.world import World

RECORD = ("_mta-sts.b.example", "TXT")
WEEK = 604_800


@dataclass
class Web:
    """What the domain's web server says; None for no answer. `asked` are the URLs."""

    mode: str | None = "enforce"
    status: int = 200
    media_type: str = "text/plain"
    asked: list[str] = field(default_factory=list)

    async def get(self, url: str) -> Response:
        self.asked.append(url)
        await asyncio.sleep(0)
        if self.mode is None:
            raise CallFailed("There was no complete answer in time.")
        body = f"version: STSv1\nmode: {self.mode}\nmx: mx.b.example\nmax_age: {WEEK}\n".encode()
        return Response(self.status, body, 0.1, self.media_type)


def publish(world: World, policy_id: str | None) -> None:
    world.names.table = {RECORD: [f"v=STSv1; id={policy_id};"]} if policy_id else {}


def expected(mode: str) -> Policy:
    return Policy(mode, ("mx.b.example",), WEEK)  # type: ignore[arg-type]  # of the tests' own


@pytest.fixture
def web() -> Web:
    return Web()


@pytest.fixture
def policies(world: World, web: Web) -> Policies:
    return Policies(world.services, web.get)


async def test_one_fetch_serves_many(world: World, web: Web, policies: Policies) -> None:
    assert await policies.of("b.example") is None
    publish(world, "1")
    found = await asyncio.gather(*(policies.of("b.example") for _ in range(20)))
    assert set(found) == {expected("enforce")}
    assert web.asked == ["https://mta-sts.b.example/.well-known/mta-sts.txt"]
    web.mode = "testing"
    assert await policies.of("b.example") == expected("enforce") and len(web.asked) == 1
    publish(world, "2")
    assert await policies.of("b.example") == expected("testing") and len(web.asked) == 2


@pytest.mark.parametrize("blocked", ["record", "dns", "web", "redirect", "page"])
async def test_what_is_kept_holds_for_every_process(
    world: World, web: Web, policies: Policies, blocked: str
) -> None:
    """Until it expires; whoever blocks the renewal gains nothing before."""
    publish(world, "1")
    await policies.of("b.example")
    publish(world, None if blocked == "record" else "2")
    if blocked == "dns":
        world.names.table = {RECORD: BROKEN}
    web.mode = None if blocked == "web" else "none"
    web.status = 301 if blocked == "redirect" else 200
    web.media_type = "text/html" if blocked == "page" else "text/plain"
    for one in (policies, Policies(world.services, web.get)):
        assert await one.of("b.example") == expected("enforce")
    world.clock.pass_(WEEK * SECOND - MINUTE)
    assert await policies.of("b.example") == expected("enforce")
    world.clock.pass_(2 * MINUTE)
    assert await policies.of("b.example") is None
    kept = await world.run(lambda ctx: ctx.sql.get_mta_sts_policy(domain="b.example"))
    assert kept["mode"] == "enforce"
    await world.services.db.write(lambda tx: sweep(world.services, tx))
    assert await world.run(lambda ctx: ctx.sql.get_mta_sts_policy(domain="b.example")) is None


async def test_a_fetch_that_failed_is_not_repeated_at_once(
    world: World, web: Web, policies: Policies
) -> None:
    publish(world, "1")
    web.mode = None
    for _ in range(3):
        assert await policies.of("b.example") is None
    assert len(web.asked) == 1
    publish(world, "2")  # a new policy may be there to be had
    assert await policies.of("b.example") is None and len(web.asked) == 2
    world.clock.pass_(AGAIN)
    web.mode = "enforce"
    assert await policies.of("b.example") == expected("enforce")


async def test_a_policy_in_use_is_renewed_long_before_it_expires(
    world: World, web: Web, policies: Policies
) -> None:
    publish(world, "1")
    await policies.of("b.example")
    world.clock.pass_(REFRESH)
    await policies.of("b.example")
    assert len(web.asked) == 2
    world.clock.pass_(WEEK * SECOND - DAY + MINUTE)
    web.mode = None
    assert await policies.of("b.example") == expected("enforce")


async def test_what_another_process_learned_holds_here_too(
    world: World, web: Web, policies: Policies
) -> None:
    other = Policies(world.services, web.get)
    assert await policies.of("b.example") is None
    publish(world, "1")
    assert await other.of("b.example") == expected("enforce")
    publish(world, None)
    world.clock.pass_(AGAIN)
    assert await policies.of("b.example") == expected("enforce") and len(web.asked) == 1


async def test_memory_is_bounded_and_forgets_nothing_that_is_kept(
    world: World, web: Web, policies: Policies, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("multimail.operations.mta_sts.MAX_KNOWN", 2)
    publish(world, "1")
    await policies.of("b.example")
    for number in range(5):
        assert await policies.of(f"other{number}.example") is None
    assert len(policies._known) == 2
    assert await policies.of("b.example") == expected("enforce") and len(web.asked) == 1
