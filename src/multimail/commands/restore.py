"""`multimail restore FILE`: a data folder from a backup, checked whole before anything is put in its place."""

import argparse
import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

from multimail.commands import pgdump
from multimail.commands.archive import POSTGRES, SEALING, SQLITE, BadArchive, unpack
from multimail.commands.flags import add_settings, complain, plain, settings_of, typed
from multimail.commands.folder import unusable
from multimail.settings import SettingError, Settings
from multimail.storage.migrate import latest
from multimail.storage.snapshot import schema_version, sqlite_faults


def add(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", metavar="FILE", type=Path, help="What `multimail backup` wrote.")
    parser.add_argument("--check", action="store_true", help="Only check that it could be restored.")
    parser.epilog = "The data folder must not be there yet, or be empty; a PostgreSQL database must be empty."
    add_settings(parser, {"data", "database"})


def run(arguments: argparse.Namespace) -> int:
    settings = settings_of(arguments)
    try:
        facts = _restore(settings, arguments.file, only_check=arguments.check)
    except unusable(BadArchive, pgdump.ToolFailed) as error:
        return complain(plain(error))
    print(_told(arguments.file, settings, facts, only_check=arguments.check))
    return 0


def _restore(settings: Settings, file: Path, *, only_check: bool) -> dict[str, Any]:
    """Unpacked beside the data folder, looked at, then moved into its place in one step."""
    if not only_check:
        _require_room(settings)
    beside = settings.data.parent
    beside.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=beside, prefix=".restoring-") as scratch:
        fresh = Path(scratch) / "data"
        fresh.mkdir(mode=0o700)
        facts = unpack(file, fresh)
        _require_fit(facts, fresh, settings)
        if only_check:
            return facts
        for secret in facts["secrets"]:
            (fresh / "secrets" / secret).replace(fresh / secret)
        shutil.rmtree(fresh / "secrets", ignore_errors=True)
        if facts["database"] == "postgresql":
            pgdump.load(settings.database, fresh / POSTGRES)
            (fresh / POSTGRES).unlink()
        if settings.data.exists():
            settings.data.rmdir()  # it is empty
        fresh.replace(settings.data)
        os.sync()
    return facts


def _require_room(settings: Settings) -> None:
    if settings.data.exists() and any(settings.data.iterdir()):
        raise SettingError(f"data: {settings.data} is not empty; give --data FOLDER that is not there yet")
    if settings.sqlite and settings.database != f"sqlite:///{settings.data / SQLITE}":
        raise SettingError(f"database: SQLite is restored to {settings.data / SQLITE}; leave --database out")
    if not settings.sqlite and schema_version(settings.database):
        raise SettingError("database: there is a MultiMail in it already; make an empty one")


def _require_fit(facts: dict[str, Any], fresh: Path, settings: Settings) -> None:
    if (facts["database"] == "sqlite") != settings.sqlite:
        raise SettingError(f"database: the backup is of {facts['database']}; give --database accordingly")
    if facts["schema"] > latest():
        raise BadArchive(
            f"its schema is {facts['schema']}, this release knows {latest()}: use a newer release"
        )
    faults = sqlite_faults(fresh / SQLITE) if settings.sqlite else []
    if faults:
        raise BadArchive(f"its database is damaged: {faults[0]}")


def _told(file: Path, settings: Settings, facts: dict[str, Any], *, only_check: bool) -> str:
    lines = [f"{file}: whole, made {facts['made_at']} by MultiMail {facts['multimail']}."]
    if facts["absent"]:
        lines.append(f"It lacked {len(facts['absent'])} large messages already when it was made.")
    if facts["blobs"] == "apart":
        lines.append("Large messages are not in it: give `serve` the same --blobs as before.")
    if SEALING not in facts["secrets"]:
        lines.append(
            f"{SEALING} is not in it: put yours into {settings.key_folder} (or set MULTIMAIL_SECRET_KEY) first."
        )
    if not only_check:
        lines.append(
            "Restored. What waited to leave at that time leaves when it starts, though it may have left since."
        )
        lines.append(f"Start it: {typed('serve', settings)}")
    return "\n".join(lines)
