"""Stored secrets: sealed for one place, opened by the keys that there are, sealed anew with the newest."""

import re
import stat
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from multimail.app import load_keys
from multimail.core.secret_keys import key_id, parse_keys, write_key
from multimail.operations.api_keys import CREATE_API_KEY
from multimail.operations.attachments import GET_ATTACHMENT_URL
from multimail.operations.authenticate import hash_secret
from multimail.operations.context import Context
from multimail.operations.deletion import DELETE_ACCOUNT
from multimail.operations.notices import notify
from multimail.operations.notifications import UPDATE_NOTIFICATIONS
from multimail.operations.operators import sign_in
from multimail.operations.people import INVITE_OPERATOR
from multimail.operations.push import ADD_PUSH_SUBSCRIPTION
from multimail.operations.vault import (
    OPERATOR_MAIL,
    SECRETS,
    SIGNING_KEY,
    WEBHOOK_SECRET,
    Secret,
    Vault,
    VaultError,
    open_vault,
    renew,
)
from multimail.operations.webhooks import CREATE_WEBHOOK, DELETE_WEBHOOK
from multimail.storage import keyfile
from multimail.storage.connect import open_database
from multimail.storage.database import Database
from tests.support import mailroom, overseer
from tests.support.push_service import browser
from tests.support.traces import places_of
from tests.support.world import World

OLD, NEW = b"o" * 32, b"n" * 32
ROW = {"account_id": "acc_1", "webhook_id": "whk_1"}


def vault(*keys: bytes) -> Vault:
    return Vault(lambda: keys)


def test_what_is_sealed_opens_and_is_never_the_same_twice() -> None:
    sealed = vault(OLD).seal(WEBHOOK_SECRET, ROW, "whsec_1 ü")
    assert sealed.startswith(f"mm1:{key_id(OLD)}:")
    assert "whsec" not in sealed
    assert vault(OLD).open(WEBHOOK_SECRET, ROW, sealed) == "whsec_1 ü"
    assert vault(OLD).seal(WEBHOOK_SECRET, ROW, "whsec_1 ü") != sealed
    assert vault(OLD).seal(WEBHOOK_SECRET, ROW, "") == vault(OLD).open(WEBHOOK_SECRET, ROW, "") == ""


def test_it_opens_in_its_place_alone() -> None:
    sealed = vault(OLD).seal(WEBHOOK_SECRET, ROW, "whsec_1")
    mail = {"account_id": "acc_1", "notice_id": "whk_1"}
    for secret, row in (
        (WEBHOOK_SECRET, ROW | {"webhook_id": "whk_2"}),
        (WEBHOOK_SECRET, ROW | {"account_id": "acc_2"}),
        (WEBHOOK_SECRET, {"account_id": "acc_1whk", "webhook_id": "_1"}),
        (OPERATOR_MAIL, mail),
    ):
        with pytest.raises(VaultError, match="another place"):
            vault(OLD).open(secret, row, sealed)


def test_changed_foreign_and_plain_ones_do_not_open() -> None:
    sealed = vault(OLD).seal(WEBHOOK_SECRET, ROW, "whsec_1")
    for wrong in (sealed[:-6] + "AAAAAA", sealed[:30], sealed[:30] + "ä", f"mm1:{key_id(OLD)}:"):
        with pytest.raises(VaultError, match="changed"):
            vault(OLD).open(WEBHOOK_SECRET, ROW, wrong)
    with pytest.raises(VaultError, match=key_id(OLD)):
        vault(NEW).open(WEBHOOK_SECRET, ROW, sealed)
    with pytest.raises(VaultError, match="no sealed secret"):
        vault(OLD).open(WEBHOOK_SECRET, ROW, "whsec_1")
    relabelled = sealed.replace(key_id(OLD), key_id(NEW))
    with pytest.raises(VaultError, match="changed"):
        vault(NEW, OLD).open(WEBHOOK_SECRET, ROW, relabelled)


def test_the_key_itself_is_not_what_encrypts() -> None:
    """So that its name, which is derived from it too, is of no use."""
    import base64

    content = base64.urlsafe_b64decode(vault(OLD).seal(WEBHOOK_SECRET, ROW, "x").rpartition(":")[2])
    with pytest.raises(InvalidTag):
        AESGCM(OLD).decrypt(content[:12], content[12:], None)


def test_the_first_key_seals_and_all_open() -> None:
    sealed = vault(OLD).seal(SIGNING_KEY, {"purpose": "dkim", "name": "mm1"}, "pem")
    both = vault(NEW, OLD)
    assert both.open(SIGNING_KEY, {"purpose": "dkim", "name": "mm1"}, sealed) == "pem"
    assert both.prefix == f"mm1:{key_id(NEW)}:"


def test_a_key_that_was_added_meanwhile_is_found() -> None:
    keys = [OLD]
    running = Vault(lambda: keys)
    sealed = vault(NEW).seal(WEBHOOK_SECRET, ROW, "whsec_1")
    keys.insert(0, NEW)
    assert running.open(WEBHOOK_SECRET, ROW, sealed) == "whsec_1"
    assert running.key_ids == (key_id(NEW), key_id(OLD))


@pytest.fixture
async def db(database_url: str) -> Any:
    database = open_database(database_url)
    await database.open()
    yield database
    await database.close()


async def test_the_first_run_makes_a_file_for_its_owner_alone(db: Database, tmp_path: Path) -> None:
    folder = tmp_path / "new" / "data"
    made = await open_vault(db, "", folder)
    path = folder / keyfile.NAME
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [key_id(key) for key in parse_keys(path.read_text())] == list(made.key_ids)
    assert (await open_vault(db, "", folder)).key_ids == made.key_ids
    assert [one.name for one in folder.iterdir()] == [keyfile.NAME]


async def test_with_a_key_of_the_environment_there_is_no_file(db: Database, tmp_path: Path) -> None:
    assert (await open_vault(db, write_key(OLD), tmp_path)).key_ids == (key_id(OLD),)
    assert not (tmp_path / keyfile.NAME).exists()


async def test_a_key_that_is_not_the_databases_is_refused(db: Database, tmp_path: Path) -> None:
    await open_vault(db, write_key(OLD), tmp_path)
    with pytest.raises(VaultError, match=f"{key_id(OLD)}, which is not here.*webhooks") as caught:
        await open_vault(db, write_key(NEW), tmp_path)
    assert "MULTIMAIL_SECRET_KEY" in str(caught.value)
    with pytest.raises(VaultError, match=key_id(OLD)):  # a lost file is never made anew
        await open_vault(db, "", tmp_path)
    assert not (tmp_path / keyfile.NAME).exists()
    assert (await open_vault(db, write_key(OLD), tmp_path)).key_ids == (key_id(OLD),)


async def test_a_newer_key_beside_the_older_one_is_noted(db: Database, tmp_path: Path) -> None:
    await open_vault(db, write_key(OLD), tmp_path)
    await open_vault(db, f"{write_key(NEW)} {write_key(OLD)}", tmp_path)
    with pytest.raises(VaultError, match=key_id(NEW)):
        await open_vault(db, write_key(OLD), tmp_path)


async def test_a_file_that_holds_no_keys_is_told(db: Database, tmp_path: Path) -> None:
    (tmp_path / keyfile.NAME).write_text("not a key\n")
    with pytest.raises(VaultError, match="secret.key: each is 32 random bytes"):
        await open_vault(db, "", tmp_path)


async def test_what_was_plain_is_sealed_once(db: Database, tmp_path: Path) -> None:
    async def write(name: dict[str, str], pem: str) -> None:
        await db.write(lambda tx: tx.sql.add_signing_key(**name, private_pem=pem, created_at=1))

    async def kept(name: dict[str, str]) -> str:
        return str(await db.read(lambda tx: tx.sql.get_signing_key(**name)))

    names = [{"purpose": purpose, "name": "mm1"} for purpose in ("dkim", "identity", "later")]
    for name in names[:2]:
        await write(name, name["purpose"])
    opened = await open_vault(db, write_key(OLD), tmp_path)
    for name in names[:2]:
        assert opened.open(SIGNING_KEY, name, await kept(name)) == name["purpose"]
    await write(names[2], "plain")
    await open_vault(db, f"{write_key(NEW)} {write_key(OLD)}", tmp_path)
    assert await kept(names[2]) == "plain"  # whoever wrote it, it was not us
    with pytest.raises(VaultError):
        opened.open(SIGNING_KEY, names[2], "plain")


def _renew(newest: Vault, secret: Secret, ctx: Context) -> int:
    return renew(newest, secret, ctx.tx)


async def test_every_kind_of_secret_is_sealed_anew(world: World) -> None:
    await world.invoke(CREATE_WEBHOOK, "admin", url="https://example.test/hook")
    await world.run(lambda ctx: notify(ctx, "boss@example.test", "A code", "12345678", "code"))
    await world.add_operator("owner")
    await world.invoke(UPDATE_NOTIFICATIONS, "owner", chat_url="https://chat.example.test/hook")
    await world.invoke(ADD_PUSH_SUBSCRIPTION, "owner", **browser("one"))
    signing = {"purpose": "dkim", "name": "mm1"}
    old = world.services.vault
    await world.run(
        lambda ctx: ctx.sql.add_signing_key(
            **signing, private_pem=old.seal(SIGNING_KEY, signing, "pem"), created_at=1
        )
    )
    await mailroom.keyring(world)
    newest = Vault(lambda: [NEW, b"thirty-two bytes that seal tests"])
    for secret in SECRETS:
        before = await mailroom.execute(world, f"SELECT * FROM {secret.table}")
        assert await world.run(partial(_renew, newest, secret)) == len(before) == 1, secret
        assert await world.run(partial(_renew, newest, secret)) == 0, secret
        (row,) = await mailroom.execute(world, f"SELECT * FROM {secret.table}")
        was = old.open(secret, before[0], before[0][secret.column])
        assert vault(NEW).open(secret, row, row[secret.column]) == was


async def test_an_ended_webhook_keeps_no_secret(world: World) -> None:
    made = await world.invoke(CREATE_WEBHOOK, "admin", url="https://example.test/hook")
    await world.invoke(DELETE_WEBHOOK, "admin", webhook_id=made["id"])
    (row,) = await mailroom.execute(world, "SELECT * FROM webhooks")
    assert row["secret"] == ""


async def test_no_secret_is_anywhere_in_plain(world: World, tmp_path: Path) -> None:
    """After a journey in which every kind of secret was made: in no column of any table, in no file."""
    await load_keys(world.services.db, world.services.vault, 1)
    known = {f"the {name} key": text for name, text in world.keys.items()}
    known["webhook"] = (await world.invoke(CREATE_WEBHOOK, "admin", url="https://example.test/hook"))[
        "secret"
    ]
    key = {"name": "made", "scopes": ["read"], "idempotency_key": "once"}
    known["made key"] = (await world.invoke(CREATE_API_KEY, "admin", **key))["api_key"]
    await overseer.oversee(world)
    await world.invoke(DELETE_ACCOUNT, "admin")
    known["consent"] = await overseer.code_in(world)
    await world.invoke(INVITE_OPERATOR, "owner", email="new@example.test")
    (link,) = re.findall(r"sign-in/(\S+)", (await overseer.mails(world))[0]["text"])
    known["invitation"] = link
    known["session"] = str(await world.services.db.write(partial(sign_in, world.services, token=link)))
    known["sign-up"] = await mailroom.begin_sign_up(world, "ann@example.test", "ann")
    mailbox_id = world.mailbox["mailbox_id"]
    sent = await mailroom.send(world, attachments=[{"name": "a.txt", "content_base64": "aGk="}])
    url = await world.invoke(GET_ATTACHMENT_URL, email_id=sent["id"], mailbox_id=mailbox_id, filename="a.txt")
    known["link"] = url["url"].rpartition("/")[2]
    for secret in SECRETS:  # whatever is sealed, by its longest line
        for row in await mailroom.execute(world, f"SELECT * FROM {secret.table}"):
            lines = world.services.vault.open(secret, row, row[secret.column]).splitlines()
            known |= {"/".join(secret.place(row)): max(lines, key=len)} if lines else {}
    assert {"signing_keys", "webhooks", "operator_mail"} <= {name.partition(".")[0] for name in known}
    assert all(len(secret) >= 8 for secret in known.values())
    found = {name: await places_of(world, tmp_path, secret) for name, secret in known.items()}
    assert {name: places for name, places in found.items() if places} == {}


async def test_codes_can_not_be_tried_out_by_whoever_reads_the_database(world: World) -> None:
    await overseer.oversee(world)
    await world.invoke(DELETE_ACCOUNT, "admin")
    code = await overseer.code_in(world)
    rows = await mailroom.execute(world, "SELECT * FROM approval_requests WHERE used_at IS NULL")
    (row,) = [row for row in rows if row["operation"] == "delete_account"]
    assert row["code_hash"] != hash_secret(f"{row['request_id']}:{code}")
    assert (await world.invoke(DELETE_ACCOUNT, "admin", approval_code=code))["deleted"]
