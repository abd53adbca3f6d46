"""Domains of an account's own: claimed by anybody, proven by the DNS, for one account at a time, and lost again."""

from typing import Any

import pytest

from multimail.core.domains import GRACE
from multimail.core.errors import Refused
from multimail.core.times import DAY, HOUR
from multimail.mail import dkim
from multimail.operations.account import GET_AUDIT_LOG
from multimail.operations.domains import (
    ADD_DOMAIN,
    DELETE_DOMAIN,
    GET_DOMAIN,
    LIST_DOMAINS,
    ROTATE_DOMAIN,
    VERIFY_DOMAIN,
)
from multimail.operations.emails import GET_MESSAGE
from multimail.operations.mailboxes import CREATE_MAILBOX, DELETE_MAILBOX, GET_MAILBOX
from multimail.operations.notices import sandboxed
from multimail.operations.sealing import seal_all
from tests.support import mailroom, overseer
from tests.support.mailroom import FarSide
from tests.support.names import BROKEN
from tests.support.world import World, add_account

PROOF = ("_multimail.brand.test", "TXT")


async def refused(world: World, operation: Any, key: str = "admin", **given: Any) -> Refused:
    with pytest.raises(Refused) as caught:
        await world.invoke(operation, key, **given)
    return caught.value


async def verify(world: World, domain: str = "brand.test") -> dict[str, Any]:
    return dict(await world.invoke(VERIFY_DOMAIN, "admin", domain_id=domain))


async def new_mailbox(world: World, address: str = "desk@brand.test") -> dict[str, Any]:
    return dict(await world.invoke(CREATE_MAILBOX, "admin", address=address))


def unpublish(world: World, *names: tuple[str, str]) -> None:
    world.names.table = {name: value for name, value in world.names.table.items() if name not in names}


def states(domain: dict[str, Any]) -> dict[str, str]:
    return {one["purpose"] + one["name"].partition(".")[0][-8:]: one["state"] for one in domain["records"]}


async def lapse(world: World) -> None:
    """The proof goes, and time with it; the job notices."""
    unpublish(world, PROOF)
    await verify(world)
    world.clock.pass_(GRACE)
    assert await mailroom.check_domains(world)


async def test_a_claim_shows_what_to_publish_and_counts_once_it_is_there(world: World) -> None:
    made = await world.ask(ADD_DOMAIN, "admin", {"domain": " Brand.TEST. "})
    domain = made.body
    assert made.status == 201 and domain["id"].startswith("dom_") and domain["domain"] == "brand.test"
    assert (domain["status"], domain["checked_at"], domain["verified_at"]) == ("pending", None, None)
    records = {(one["purpose"], one["type"], one["name"]): one for one in domain["records"]}
    assert {purpose for purpose, _, _ in records} == {"ownership", "dkim", "mx", "spf", "dmarc"}
    assert {one["state"] for one in records.values()} == {"unchecked"}
    assert records["mx", "MX", "brand.test"]["value"] == "mail.multimail.test"
    assert records["mx", "MX", "brand.test"]["priority"] == 10
    keys = [one["value"].partition(" p=")[0] for one in domain["records"] if one["purpose"] == "dkim"]
    assert keys == ["v=DKIM1; k=rsa;", "v=DKIM1; k=ed25519;"]
    assert [one["purpose"] for one in domain["records"] if one["required"]] == ["ownership", "dkim"]
    lacking = await verify(world)
    assert lacking["status"] == "pending" and set(states(lacking).values()) == {"missing"}
    assert "_multimail.brand.test" in lacking["reason"] and lacking["checked_at"]
    world.names.table = mailroom.published(domain["records"])
    verified = await verify(world, domain["id"])
    assert (verified["status"], verified["reason"]) == ("verified", None) and verified["verified_at"]
    assert set(states(verified).values()) == {"found"}
    assert dict(await world.invoke(GET_DOMAIN, "admin", domain_id="BRAND.test")) == verified
    assert (await world.invoke(LIST_DOMAINS, "admin"))["domains"] == [verified]
    (told,) = await mailroom.events(world, 1, type="domain.verified")
    assert told["data"]["domain"] == "brand.test" and told["data"]["domain_id"] == domain["id"]
    await verify(world)
    assert len(await mailroom.events(world, type="domain.verified")) == 1


async def test_over_http(world: World) -> None:
    made = (await world.http("POST", "/v1/domains", {"domain": "brand.test"}, key="admin")).json()
    world.names.table = mailroom.published(made["records"])
    done = await world.http("POST", f"/v1/domains/{made['id']}/verify", key="admin")
    assert done.json()["status"] == "verified"
    assert (await world.http("GET", "/v1/domains", key="admin")).json()["domains"] == [done.json()]
    assert (await world.http("GET", "/v1/domains", key="agent")).status == 403
    gone = await world.http("DELETE", f"/v1/domains/{made['id']}", key="admin")
    assert gone.json() == {"id": made["id"], "deleted": True}
    assert (await world.http("GET", f"/v1/domains/{made['id']}", key="admin")).status == 404


@pytest.mark.parametrize(
    "domain",
    [
        *(
            "multimail.test",
            "acme.multimail.test",
            "a.b.MULTIMAIL.test.",
            "com",
            "co.uk",
            "github.io",
            "test",
        ),
        *(
            "a_b.test",
            "-a.test",
            "a..test",
            "1.2.3.4",
            "[1.2.3.4]",
            "a b.test",
            "a@b.test",
            ".",
            "x" * 64 + ".test",
        ),
        *("a.\n.test", "a." * 120 + "test", "пример.рф/x"),
    ],
)
async def test_what_can_be_nobodys_own(world: World, domain: str) -> None:
    assert (await refused(world, ADD_DOMAIN, domain=domain)).code == "invalid_fields"


async def test_an_internationalised_domain_is_kept_in_a_labels(world: World) -> None:
    made = await mailroom.own_domain(world, "Bücher.test")
    assert made["domain"] == "xn--bcher-kva.test" and made["status"] == "verified"
    box = await new_mailbox(world, "Desk@BÜCHER.test")
    assert box["address"] == "desk@xn--bcher-kva.test"
    assert (await refused(world, ADD_DOMAIN, domain="xn--bcher-kva.test")).code == "domain_taken"
    assert (await world.invoke(GET_DOMAIN, "admin", domain_id="bücher.test"))["id"] == made["id"]


@pytest.mark.parametrize("broken", [PROOF, "dkim"])
async def test_a_dns_that_does_not_answer_verifies_nothing_and_says_so(world: World, broken: Any) -> None:
    made = await world.invoke(ADD_DOMAIN, "admin", domain="brand.test")
    table: dict[Any, Any] = mailroom.published(made["records"])
    rsa = next(one["name"] for one in made["records"] if one["purpose"] == "dkim")
    name = (rsa, "TXT") if broken == "dkim" else broken
    world.names.table = table | {name: BROKEN}
    shown = await verify(world)
    assert shown["status"] == "pending" and f"the DNS did not answer for {name[0]}" in shown["reason"]
    world.names.table = table
    world.clock.pass_(HOUR)
    assert await mailroom.check_domains(world)  # the job finds it too
    assert (await world.invoke(GET_DOMAIN, "admin", domain_id="brand.test"))["status"] == "verified"


async def test_a_claim_blocks_nobody_and_another_accounts_proof_is_not_ones_own(world: World) -> None:
    other = await add_account(World(world.services, world.clock), "other")
    theirs = await other.invoke(ADD_DOMAIN, "admin", domain="brand.test")
    own = await mailroom.own_domain(world)
    token = {one["value"] for one in own["records"]} & {one["value"] for one in theirs["records"]}
    assert not any("verification" in value for value in token)
    assert (await verify(other))["status"] == "pending"
    # They come to the DNS as well: the domain stays whose it is, as long as its proof does.
    world.names.table = {**world.names.table, **mailroom.published(theirs["records"])}
    world.names.table[PROOF] = [
        one["value"] for made in (own, theirs) for one in made["records"] if one["purpose"] == "ownership"
    ]
    assert (await refused(other, VERIFY_DOMAIN, domain_id="brand.test")).code == "domain_taken"
    assert (await refused(other, CREATE_MAILBOX, address="desk@brand.test")).code == "domain_not_verified"
    assert (await refused(other, CREATE_MAILBOX, address="desk@nobodys.test")).code == "invalid_fields"
    await mailroom.check_domains(other)
    assert (await other.invoke(GET_DOMAIN, "admin", domain_id="brand.test"))["status"] == "pending"
    assert (await verify(world))["status"] == "verified"
    assert (await refused(other, GET_DOMAIN, domain_id=own["id"])).code == "not_found"


async def test_a_mailbox_at_it_receives_and_sends(world: World) -> None:
    await mailroom.own_domain(world)
    box = await new_mailbox(world, "Desk@Brand.TEST")
    assert box["address"] == "desk@brand.test"
    came = await mailroom.arrive(world, mailbox=box, to="desk@brand.test")
    assert (await mailroom.row(world, came))["mailbox_id"] == box["id"]
    await mailroom.set_mode(world, "autonomous", await row_of(world, box["id"]))
    sent = await mailroom.send(world, mailbox_id="desk@brand.test")
    out, far = mailroom.leaving(world), FarSide()
    await mailroom.hand_over(out, far)
    ((sender, _, raw),) = far.taken
    assert sender.endswith("@acme.multimail.test") and b"From: desk@brand.test" in raw
    head = raw.partition(b"\r\n\r\n")[0]
    assert head.count(b"DKIM-Signature:") == head.count(b"d=brand.test;") == 2
    assert b"a=rsa-sha256" in head and b"a=ed25519-sha256" in head
    assert (await world.invoke(GET_MESSAGE, email_id=sent["id"]))["status"] == "sent"


async def row_of(world: World, mailbox_id: str) -> Any:
    return await world.run(
        lambda ctx: ctx.sql.get_mailbox(account_id=world.account_id, mailbox_id=mailbox_id)
    )


async def test_an_operators_address_is_no_mailbox_here_either(world: World) -> None:
    await mailroom.own_domain(world)
    await world.add_operator("boss", email="boss@brand.test")
    assert (await refused(world, CREATE_MAILBOX, address="boss@BRAND.test")).code == "operator_address"


async def test_without_its_proof_it_lapses_after_days_and_comes_back(world: World) -> None:
    await overseer.oversee(world)
    await mailroom.own_domain(world)
    box = await new_mailbox(world)
    await mailroom.set_mode(world, "autonomous", await row_of(world, box["id"]))
    waiting = await mailroom.send(world, mailbox_id=box["id"])
    before = world.names.table
    unpublish(world, PROOF)
    shown = await verify(world)
    assert shown["status"] == "verified" and shown["missing_since"] and "publish it again" in shown["reason"]
    await mailroom.send(world, mailbox_id=box["id"])  # in the days of grace all goes on
    world.clock.pass_(GRACE)
    world.names.table = {**world.names.table, PROOF: BROKEN}
    await mailroom.check_domains(world)  # nobody answers: nothing is decided on that
    assert (await world.invoke(GET_DOMAIN, "admin", domain_id="brand.test"))["status"] == "verified"
    unpublish(world, PROOF)
    world.clock.pass_(6 * HOUR)
    await mailroom.check_domains(world)
    assert (await world.invoke(GET_DOMAIN, "admin", domain_id="brand.test"))["status"] == "lapsed"
    await mailroom.tell(world)
    subjects = [one["subject"] for one in await world.run(sandboxed)]
    assert (
        "brand.test is not verified any more" in subjects and "The proof of brand.test is missing" in subjects
    )
    # It neither sends nor receives, and each says why.
    with pytest.raises(Refused) as caught:
        await mailroom.send(world, mailbox_id=box["address"])
    assert caught.value.code == "domain_not_verified" and caught.value.details["domain"] == "brand.test"
    far = FarSide()
    await mailroom.hand_over(mailroom.leaving(world), far)
    assert far.taken == []
    held = await world.invoke(GET_MESSAGE, email_id=waiting["id"])
    assert held["status"] == "queued" and "not verified any more" in held["last_error"]
    assert await world.run(lambda ctx: ctx.sql.find_address(address="desk@brand.test")) is None
    assert (await world.invoke(GET_MAILBOX, mailbox_id="desk@brand.test"))["id"] == box["id"]
    # Published again, all of it goes on.
    world.names.table = before
    world.clock.pass_(DAY)
    await mailroom.check_domains(world)
    await mailroom.hand_over(mailroom.leaving(world), far)
    assert len(far.taken) == 2
    assert (await world.invoke(GET_MESSAGE, email_id=waiting["id"]))["last_error"] is None


async def test_what_the_product_finds_by_itself_is_in_the_log(world: World) -> None:
    await mailroom.own_domain(world)
    await lapse(world)
    await seal_all(world.services, lambda text: "signed")
    log = (await world.invoke(GET_AUDIT_LOG, "admin", limit=100))["entries"]
    was = [one["metadata"]["status"] for one in log if one["action"] == "check_domain"]
    assert was == ["lapsed"]


async def test_another_account_takes_over_what_has_lapsed(world: World) -> None:
    """A domain that was sold: its new owner gets the addresses, and the old one's mailboxes keep their mail only."""
    await mailroom.own_domain(world)
    old = await new_mailbox(world)
    await lapse(world)
    other = await add_account(World(world.services, world.clock), "other")
    assert (await mailroom.own_domain(other))["status"] == "verified"
    new = await new_mailbox(other)
    came = await mailroom.arrive(other, mailbox=new, to="desk@brand.test")
    assert (await mailroom.row(other, came))["mailbox_id"] == new["id"]
    with pytest.raises(Refused) as caught:
        await mailroom.send(world, mailbox_id=old["id"])
    assert caught.value.code == "domain_not_verified"
    # Should they lose it in turn, the first one's mailboxes come back.
    await lapse(other)
    await world.invoke(VERIFY_DOMAIN, "admin", domain_id="brand.test")
    mine = await world.invoke(GET_DOMAIN, "admin", domain_id="brand.test")
    world.names.table = mailroom.published(mine["records"])
    assert (await verify(world))["status"] == "verified"
    found = await world.run(lambda ctx: ctx.sql.find_address(address="desk@brand.test"))
    assert found["mailbox_id"] == old["id"]


async def test_it_is_deleted_once_nobody_lives_there(world: World) -> None:
    domain = await mailroom.own_domain(world)
    box = await new_mailbox(world)
    assert (await refused(world, DELETE_DOMAIN, domain_id=domain["id"])).code == "domain_in_use"
    await world.invoke(DELETE_MAILBOX, "admin", mailbox_id=box["id"])
    assert (await refused(world, CREATE_MAILBOX, address="desk@brand.test")).code == "address_taken"
    await world.invoke(DELETE_DOMAIN, "admin", domain_id="brand.test")
    assert (await world.invoke(LIST_DOMAINS, "admin"))["domains"] == []
    assert await mailroom.check_domains(world) == []
    await mailroom.own_domain(world)
    assert (await new_mailbox(world))["id"] != box["id"]


async def test_who_asks_for_new_keys_again_makes_none(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    await world.invoke(ADD_DOMAIN, "admin", domain="brand.test")  # whose first keys wait
    monkeypatch.setattr(dkim, "generate_pair", lambda: pytest.fail("keys take long to make"))
    with pytest.raises(Refused) as caught:
        await world.invoke(ROTATE_DOMAIN, "admin", domain_id="brand.test")
    assert caught.value.code == "conflict"


async def test_keys_are_rotated_without_a_gap(world: World) -> None:
    first = await mailroom.own_domain(world)
    box = await row_of(world, (await new_mailbox(world))["id"])

    async def selectors() -> set[str]:
        ring = await mailroom.keyring(world)
        return {selector for _, selector, _ in (await ring.of(box)).dkim}

    old = await selectors()
    rotated = await world.invoke(ROTATE_DOMAIN, "admin", domain_id="brand.test")
    assert len([one for one in rotated["records"] if one["purpose"] == "dkim"]) == 4
    await verify(world)
    assert await selectors() == old  # nobody has published the new ones
    assert (await refused(world, ROTATE_DOMAIN, domain_id="brand.test")).code == "conflict"
    ed = next(one for one in rotated["records"] if "-ed25519." in one["name"] and one["state"] == "unchecked")
    world.names.table = {**world.names.table, (ed["name"], "TXT"): [ed["value"]]}
    world.clock.pass_(HOUR)
    await mailroom.check_domains(world)
    half = await selectors()
    assert len(half) == 2 and len(half & old) == 1  # each takes over by itself
    world.names.table = {**world.names.table, **mailroom.published(rotated["records"])}
    world.clock.pass_(HOUR)
    await mailroom.check_domains(world)
    new = await selectors()
    assert len(new) == 2 and not new & old
    listed = await world.invoke(GET_DOMAIN, "admin", domain_id="brand.test")
    assert {one["name"] for one in first["records"]} <= {one["name"] for one in listed["records"]}
    sql = "SELECT selector FROM dkim_keys WHERE private_pem <> '' AND account_id = :account_id"
    kept = await mailroom.execute(world, sql, account_id=world.account_id)
    assert {row["selector"] for row in kept} == new
    for _ in range(9):
        world.clock.pass_(DAY)
        await mailroom.check_domains(world)
    listed = await world.invoke(GET_DOMAIN, "admin", domain_id="brand.test")
    names = {one["name"].partition(".")[0] for one in listed["records"] if one["purpose"] == "dkim"}
    assert names == new


async def test_a_domain_warms_up_by_itself(world: World) -> None:
    """tests/operations/test_warming.py has the figures: here, that no domain uses up another's."""
    await mailroom.own_domain(world)
    box = await new_mailbox(world)
    sql = "SELECT domain FROM warm_ups WHERE account_id = :account_id"
    warm = mailroom.leaving(world, warm_up=True)
    await mailroom.send(warm)
    await mailroom.send(warm, mailbox_id=box["id"])
    rows = await mailroom.execute(world, sql, account_id=world.account_id)
    assert {row["domain"] for row in rows} == {"acme.multimail.test", "brand.test"}
