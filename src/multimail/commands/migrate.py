"""`multimail migrate`: the schema, brought to this release's before the servers start, or only told."""

import argparse
import asyncio

from multimail.commands.flags import add_settings, complain, plain, settings_of
from multimail.commands.folder import open_existing, require_database, unusable
from multimail.settings import Settings
from multimail.storage.migrate import latest
from multimail.storage.snapshot import schema_version


def add(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--check", action="store_true", help="Only tell; exit code 1 where there is something to do."
    )
    parser.epilog = (
        "`multimail serve` migrates by itself; this is for doing it beforehand. Make a backup first."
    )
    add_settings(parser, {"data", "database"})


def run(arguments: argparse.Namespace) -> int:
    settings = settings_of(arguments)
    require_database(settings)
    try:
        return _migrate(settings, only_tell=arguments.check)
    except unusable() as error:
        return complain(plain(error))


def _migrate(settings: Settings, *, only_tell: bool) -> int:
    before, wanted = schema_version(settings.database), latest()
    if before == wanted:
        print(f"The schema is version {wanted}, as this release wants it.")
        return 0
    if only_tell:
        print(f"The schema is version {before}; this release wants {wanted}.")
        return 1
    asyncio.run(_open(settings))
    print(f"The schema was version {before} and is {wanted} now.")
    return 0


async def _open(settings: Settings) -> None:
    """Opening migrates."""
    async with open_existing(settings):
        pass
