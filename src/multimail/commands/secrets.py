"""`multimail secrets`: exchange the key that stored secrets are sealed with, or go on without one that is lost."""

import argparse
import asyncio
import contextlib
import os
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any, Final

from multimail.app import alone
from multimail.commands.flags import add_settings, complain, plain, settings_of
from multimail.commands.folder import open_existing, unusable
from multimail.core.secret_keys import SIZE, key_id, parse_keys, write_key
from multimail.operations.vault import (
    SECRETS,
    WHAT_IS_LOST,
    Vault,
    VaultError,
    abandon_some,
    find_keys,
    list_known,
    open_vault,
    renew,
    retire,
)
from multimail.settings import Settings
from multimail.storage import keyfile
from multimail.storage.database import Database, StorageFull


async def rotate(settings: Settings, arguments: argparse.Namespace) -> str:
    """The new key is in the file before anything is sealed with it: after a crash, the command is given again."""
    async with open_existing(settings) as db:
        await open_vault(db, settings.secret_key, settings.key_folder)
        if not settings.secret_key:
            keyfile.change(settings.key_folder, lambda keys: [write_key(os.urandom(SIZE)), *keys])
        vault = await open_vault(db, settings.secret_key, settings.key_folder)
        count = await _renew_all(db, vault)
    told = f"{count} secrets were sealed anew; all are sealed with the key {vault.key_ids[0]} now."
    if len(vault.key_ids) > 1:
        told += "\nOlder keys are kept: older backups need them. `multimail secrets forget` does without."
    return told


async def forget(settings: Settings, arguments: argparse.Namespace) -> str:
    """Whoever still runs with an older key would go on sealing with it: nobody may."""
    with alone(settings) if settings.sqlite else contextlib.nullcontext():
        async with open_existing(settings) as db:
            vault = await open_vault(db, settings.secret_key, settings.key_folder)
            await _renew_all(db, vault)
            await db.write(partial(retire, vault))
        current = vault.key_ids[0]
        keyfile.change(settings.key_folder, lambda keys: [one for one in keys if _id(one) == current])
    told = f"The key {current} alone is needed now."
    given = [_id(write_key(key)) for key in parse_keys(settings.secret_key)]
    return told + (" Take the others out of MULTIMAIL_SECRET_KEY." if len(given) > 1 else "")


async def abandon(settings: Settings, arguments: argparse.Namespace) -> str:
    with alone(settings) if settings.sqlite else contextlib.nullcontext():
        async with open_existing(settings) as db:
            known = await db.read(list_known)
            here = [key_id(key) for key in find_keys(settings.secret_key, settings.key_folder)]
            lost = [name for name in known if name not in here]
            if not lost:
                raise VaultError("no key is lost: everything in the database can be opened")
            if not arguments.yes:
                raise VaultError(f"with the key {', '.join(lost)} are lost {WHAT_IS_LOST}. Give --yes")
            if not here:
                keyfile.change(settings.key_folder, lambda keys: [write_key(os.urandom(SIZE))])
            vault = Vault(lambda: find_keys(settings.secret_key, settings.key_folder))
            gone = {secret.table: 0 for secret in SECRETS}
            for secret in SECRETS:
                while (done := await db.write(partial(abandon_some, vault, secret))).seen:
                    gone[secret.table] += done.lost
            await db.write(partial(retire, vault))
    counts = ", ".join(f"{count} of {table}" for table, count in gone.items())
    return (
        f"Lost and taken away: {counts}. Secrets are sealed with the key {vault.key_ids[0]} now. The next start makes "
        "new signing keys: publish what `multimail operator dns` prints, give domains of your own new ones with "
        "`multimail operator rotate-keys DOMAIN`, and have lost webhooks created anew."
    )


async def _renew_all(db: Database, vault: Vault) -> int:
    count = 0
    for secret in SECRETS:
        while some := await db.write(partial(renew, vault, secret)):
            count += some
    return count


def _id(key: str) -> str:
    return key_id(parse_keys(key)[0])


ACTIONS: Final[dict[str, tuple[Callable[[Settings, argparse.Namespace], Coroutine[Any, Any, str]], str]]] = {
    "rotate": (
        rotate,
        "Seal everything with a new key (made here, unless MULTIMAIL_SECRET_KEY is set: then with its first).",
    ),
    "forget": (forget, "Do without older keys: no server may run that began with one of them."),
    "abandon": (abandon, "Go on without a key that is lost, and without what was sealed with it."),
}


def add(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    for name, (_, text) in ACTIONS.items():
        action = actions.add_parser(name, help=text, description=text)
        add_settings(action, {"data", "database"})
        if name == "abandon":
            action.add_argument("--yes", action="store_true", help="Yes: what the key sealed is gone.")
    add_settings(parser, {"data", "database"})


def run(arguments: argparse.Namespace) -> int:
    settings = settings_of(arguments)
    try:
        print(asyncio.run(ACTIONS[arguments.action][0](settings, arguments)))
    except unusable(StorageFull) as error:
        return complain(plain(error))
    return 0
