"""The keys that mail is signed with: the platform's own, an older installation's, and the ring they are taken from."""

from typing import Any

from multimail.core.times import HOUR, MINUTE
from multimail.mail import dkim
from multimail.operations.dkim_keys import FIRST, PLATFORM_KEYS, Keyring, open_platform_keys, public_keys
from multimail.operations.mailboxes import CREATE_MAILBOX
from multimail.operations.vault import DKIM_KEY, SIGNING_KEY
from tests.support import mailroom
from tests.support.world import World


async def platform(world: World) -> dict[str, str]:
    keys = await world.run(lambda ctx: public_keys(ctx.sql.list_dkim_keys(**PLATFORM_KEYS)))
    return {key.selector: key.state for key in keys}


async def test_a_new_installation_signs_with_two_keys_of_its_own(world: World) -> None:
    for _ in range(2):
        await open_platform_keys(world.services)
        assert await platform(world) == {FIRST: "signing", f"{FIRST}-ed25519": "signing"}
    ring = await Keyring(world.services, "").platform()
    assert [(domain, selector) for domain, selector, _ in ring.dkim] == [
        ("multimail.test", FIRST),
        ("multimail.test", f"{FIRST}-ed25519"),
    ]
    assert await mailroom.check_domains(world) == []
    stored = await mailroom.execute(world, "SELECT * FROM dkim_keys")
    assert not any("PRIVATE KEY" in row["private_pem"] for row in stored)
    assert all(
        "PRIVATE KEY" in world.services.vault.open(DKIM_KEY, row, row["private_pem"]) for row in stored
    )


async def test_an_older_installation_keeps_the_key_that_is_published(world: World) -> None:
    name = {"purpose": "dkim", "name": FIRST}
    sealed = world.services.vault.seal(SIGNING_KEY, name, mailroom.DKIM_PEM)
    await world.run(lambda ctx: ctx.sql.add_signing_key(**name, private_pem=sealed, created_at=1))
    await open_platform_keys(world.services)
    assert await platform(world) == {FIRST: "signing", f"{FIRST}-ed25519": "waiting"}
    keys = await world.run(lambda ctx: public_keys(ctx.sql.list_dkim_keys(**PLATFORM_KEYS)))
    values = {key.selector: key.value for key in keys}
    assert values[FIRST] == dkim.dns_record(mailroom.DKIM_KEY)
    await mailroom.check_domains(world)
    assert (await platform(world))[f"{FIRST}-ed25519"] == "waiting"
    world.names.table = {(f"{FIRST}-ed25519._domainkey.multimail.test", "TXT"): [values[f"{FIRST}-ed25519"]]}
    world.clock.pass_(HOUR)
    await mailroom.check_domains(world)
    assert set((await platform(world)).values()) == {"signing"}
    world.clock.pass_(HOUR)
    assert await mailroom.check_domains(world) == []  # nothing is left to look for


async def test_signing_asks_the_database_every_five_minutes_at_most(world: World) -> None:
    await mailroom.own_domain(world)
    box = await world.invoke(CREATE_MAILBOX, "admin", address="desk@brand.test")
    name = {"account_id": world.account_id, "mailbox_id": box["id"]}
    row = await world.run(lambda ctx: ctx.sql.get_mailbox(**name))
    ring, reads = await mailroom.keyring(world), 0
    read = world.services.db.read

    async def counted(unit: Any) -> Any:
        nonlocal reads
        reads += 1
        return await read(unit)

    world.services.db.read = counted  # type: ignore[method-assign]  # this one world's database
    keys = [await ring.of(row) for _ in range(3)]
    assert (
        reads == 1 and {domain for domain, _, _ in keys[0].dkim} == {"brand.test"} and len(keys[0].dkim) == 2
    )
    world.clock.pass_(5 * MINUTE)
    assert await ring.of(row) == keys[0] and reads == 2
    # Keys that were lost with a secret key: the platform vouches until there are new ones.
    await mailroom.execute(world, "DELETE FROM dkim_keys WHERE account_id <> ''")
    world.clock.pass_(5 * MINUTE)
    assert {domain for domain, _, _ in (await ring.of(row)).dkim} == {"multimail.test"}
