"""`multimail backup FILE`: the database and the large messages in one file, consistent while the server runs.

A blob is durable before a row names it and is never changed, so every blob that the copied database names was
there at the moment of the copy. Links to all blobs are made before it and again after it: what is deleted or comes
in between is had as well.
"""

import argparse
import contextlib
import os
import sqlite3
import tarfile
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from multimail import __version__
from multimail.commands import pgdump
from multimail.commands.archive import POSTGRES, SEALING, SECRETS, SQLITE, Writer
from multimail.commands.flags import add_settings, complain, plain, settings_of
from multimail.commands.folder import require_database, unusable
from multimail.core.times import to_rfc3339
from multimail.settings import Settings
from multimail.storage.snapshot import blobs_outside, copy_sqlite, schema_version, sqlite_faults

MODES: Final = {".gz": "w:gz", ".tgz": "w:gz", ".xz": "w:xz"}


def add(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", metavar="FILE", type=Path, help="What to write: a .tar, .tar.gz or .tar.xz.")
    parser.add_argument(
        "--with-secrets",
        action="store_true",
        help=f"Put {', '.join(SECRETS)} in, too: the file is then a key itself.",
    )
    parser.add_argument("--force", action="store_true", help="Replace a file that is there.")
    add_settings(parser, {"data", "database", "blobs", "secret-key"})


def run(arguments: argparse.Namespace) -> int:
    settings = settings_of(arguments)
    require_database(settings)
    target: Path = arguments.file
    if target.exists() and not arguments.force:
        return complain(f"{target} is there already; --force replaces it")
    try:
        facts = _write(settings, target, with_secrets=arguments.with_secrets)
    except unusable(pgdump.ToolFailed) as error:
        return complain(plain(error))
    print(_told(target, facts, settings))
    return 1 if facts["absent"] else 0


def _write(settings: Settings, target: Path, *, with_secrets: bool) -> dict[str, Any]:
    """Whole or not at all, and readable by its owner alone from the first moment; the manifest's facts."""
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(f".{target.name}.{os.getpid()}")
    descriptor = os.open(part, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        beside = settings.data if settings.data.is_dir() else target.parent  # links need the same file system
        with (
            os.fdopen(descriptor, "w+b") as file,
            tempfile.TemporaryDirectory(dir=beside, prefix=".backup-") as scratch,
        ):
            with tarfile.open(fileobj=file, mode=MODES.get(target.suffix, "w")) as tar:  # type: ignore[call-overload]  # MODES has no others
                facts = _fill(Writer(tar), settings, Path(scratch), with_secrets=with_secrets)
            file.flush()
            os.fsync(file.fileno())
        part.replace(target)
    except BaseException:
        part.unlink()
        raise
    return facts


def _fill(writer: Writer, settings: Settings, scratch: Path, *, with_secrets: bool) -> dict[str, Any]:
    folder = None if "://" in settings.blobs else Path(settings.blobs)
    links = scratch / "blobs"
    _link(folder, links)
    made_at = to_rfc3339(int(time.time() * 1_000_000))
    name, named = _copy_database(settings, scratch)
    _link(folder, links)
    writer.add(name, scratch / name)
    kept = sorted(_files(links))
    for blob in kept:
        writer.add(f"blobs/{blob}", links / blob)
    secrets = [name for name in _secrets(settings) if with_secrets]
    for secret in secrets:
        writer.add(f"secrets/{secret}", _secrets(settings)[secret])
    facts: dict[str, Any] = {
        "multimail": __version__,
        "made_at": made_at,
        "database": "sqlite" if settings.sqlite else "postgresql",
        "schema": schema_version(settings.database),
        "blobs": "apart" if folder is None else "here",
        "secrets": secrets,
        "absent": [] if folder is None else sorted(set(named) - set(kept)),
    }
    writer.finish(facts)
    return facts


def _secrets(settings: Settings) -> dict[str, Path]:
    """Those that are there."""
    paths = {name: settings.data / name for name in SECRETS} | {SEALING: settings.key_folder / SEALING}
    return {name: path for name, path in paths.items() if path.is_file()}


def _copy_database(settings: Settings, scratch: Path) -> tuple[str, list[str]]:
    """Its name in the backup, and the blobs that it names (what PostgreSQL's names is not looked at).

    Raises sqlite3.DatabaseError for a copy that is damaged."""
    if not settings.sqlite:
        pgdump.dump(settings.database, scratch / POSTGRES)
        return POSTGRES, []
    copy_sqlite(Path(settings.database.removeprefix("sqlite:///")), scratch / SQLITE)
    faults = sqlite_faults(scratch / SQLITE)
    if faults:
        raise sqlite3.DatabaseError(f"the database is damaged: {faults[0]}")
    return SQLITE, blobs_outside(scratch / SQLITE)


def _link(folder: Path | None, links: Path) -> None:
    """A second name for each blob, so that deleting the first takes nothing away; a copy across file systems."""
    for blob in [] if folder is None else _files(folder):
        target = links / blob
        if target.exists():
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        with contextlib.suppress(FileNotFoundError):  # deleted just now: the account is gone
            try:
                os.link(folder / blob, target)  # type: ignore[operator]  # there is one, there are blobs
            except OSError as error:
                if isinstance(error, FileNotFoundError):
                    raise
                target.write_bytes((folder / blob).read_bytes())  # type: ignore[operator]  # as above


def _files(folder: Path) -> Iterator[str]:
    """ACCOUNT/xx/SHA256 of every blob that is whole: one that is being written has a name that begins with a dot."""
    for path in folder.glob("*/??/*"):
        if not path.name.startswith(".") and path.is_file():
            yield str(path.relative_to(folder))


def _told(target: Path, facts: dict[str, Any], settings: Settings) -> str:
    lines = [
        f"{target}: the {facts['database']} database as of {facts['made_at']}, schema {facts['schema']}."
    ]
    if facts["blobs"] == "apart":
        lines.append(f"Large messages are NOT in it: they are in {settings.blobs}. Keep versions there.")
    if facts["absent"]:
        lines.append(
            f"{len(facts['absent'])} large messages that the database names were not in {settings.blobs}."
        )
    if settings.secret_key:
        lines.append("The key in MULTIMAIL_SECRET_KEY is NOT in it: keep a copy elsewhere.")
    left = [name for name in _secrets(settings) if name not in facts["secrets"]]
    if left:
        lines.append(
            f"NOT in it: {', '.join(left)}. Keep them elsewhere, or use --with-secrets and guard the file."
        )
    if SEALING in left:
        lines.append("Without secret.key what is restored does not start: secrets are sealed with it.")
    if facts["secrets"]:
        lines.append(f"In it, too: {', '.join(facts['secrets'])}. Whoever has the file has these keys.")
    lines.append("In any case it holds mail: guard it as you guard the data folder.")
    return "\n".join(lines)
