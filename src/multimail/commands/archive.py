"""A backup's file: a tar with the database, the large messages, and at its end a manifest with every file's SHA-256.

multimail.db | multimail.pgdump   the database, as it was at one moment
blobs/ACCOUNT/xx/SHA256           messages and attachments above 64 KiB
secrets/NAME                      only where asked for: secret.key, credentials.env, operator.env
manifest.json                     {"format", "multimail", "made_at", "database", "schema", "blobs", "secrets",
                                   "absent", "files": {name: {"sha256", "size"}}}
"""

import hashlib
import io
import json
import re
import shutil
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, Final

from multimail.storage import keyfile

FORMAT: Final = 1
MANIFEST: Final = "manifest.json"
SQLITE: Final = "multimail.db"
POSTGRES: Final = "multimail.pgdump"
SEALING: Final = keyfile.NAME  # stored secrets are sealed with it
SECRETS: Final = (SEALING, "credentials.env", "operator.env")
NAMES: Final = re.compile(
    rf"{re.escape(SQLITE)}|{re.escape(POSTGRES)}|{re.escape(MANIFEST)}"
    rf"|secrets/(?:{'|'.join(map(re.escape, SECRETS))})|blobs/[A-Za-z0-9_-]+/[0-9a-f]{{2}}/[0-9a-f]{{64}}"
)
CHUNK: Final = 1024 * 1024


class BadArchive(Exception):
    """It is no whole backup; the message says why."""


@dataclass(slots=True)
class Writer:
    """Adds files and notes what they are."""

    tar: tarfile.TarFile
    files: dict[str, dict[str, Any]] = field(default_factory=dict)

    def add(self, name: str, path: Path) -> None:
        with path.open("rb") as file:
            about = self._about(name, path.stat().st_size)
            reading = _Hashing(file)
            self.tar.addfile(about, reading)
        self.files[name] = {"sha256": reading.digest.hexdigest(), "size": about.size}

    def finish(self, facts: Mapping[str, Any]) -> None:
        text = json.dumps({**facts, "format": FORMAT, "files": self.files}, indent=1).encode()
        self.tar.addfile(self._about(MANIFEST, len(text)), io.BytesIO(text))

    def _about(self, name: str, size: int) -> tarfile.TarInfo:
        about = tarfile.TarInfo(name)
        about.size, about.mode = size, 0o600
        return about


class _Hashing:
    """A file that is hashed as it is read."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self.digest = hashlib.sha256()

    def read(self, size: int = -1) -> bytes:
        content = self._file.read(size)
        self.digest.update(content)
        return content


def unpack(path: Path, folder: Path) -> dict[str, Any]:
    """Everything of a backup into `folder`; its manifest. Raises BadArchive where it is not as it was written.

    A name that no backup has is refused, so nothing is written outside the folder.
    """
    found: dict[str, dict[str, Any]] = {}
    try:
        with tarfile.open(path) as tar:
            for member in tar:
                if not member.isreg() or not NAMES.fullmatch(member.name) or member.name in found:
                    raise BadArchive(f"{member.name!r} does not belong in a backup")
                found[member.name] = _extract(tar, member, folder / member.name)
        manifest: dict[str, Any] = json.loads((folder / MANIFEST).read_text())
    except (tarfile.TarError, EOFError, ValueError, FileNotFoundError) as error:
        raise BadArchive(f"it is cut off or no backup: {error}") from error
    found.pop(MANIFEST)
    if manifest.get("format") != FORMAT:
        raise BadArchive(f"its format is {manifest.get('format')!r}, this release reads {FORMAT}")
    if found != manifest["files"]:
        wrong = sorted(
            name for name in {**found, **manifest["files"]} if found.get(name) != manifest["files"].get(name)
        )
        raise BadArchive(f"{wrong[0]} is missing or not as it was written ({len(wrong)} such)")
    (folder / MANIFEST).unlink()
    return manifest


def _extract(tar: tarfile.TarFile, member: tarfile.TarInfo, target: Path) -> dict[str, Any]:
    reading = tar.extractfile(member)
    assert reading is not None  # it is a regular file
    target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with target.open("wb") as file, reading:
        hashing = _Hashing(reading)
        shutil.copyfileobj(hashing, file, CHUNK)
    target.chmod(0o600)
    return {"sha256": hashing.digest.hexdigest(), "size": member.size}
