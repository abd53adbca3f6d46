"""The file of the data folder that holds the secret keys: its owner's alone, and whole or not there at all."""

import fcntl
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Final

NAME: Final = "secret.key"
REMARK: Final = """\
# What MultiMail's stored secrets are sealed with, newest first. It is not in the database: keep a copy of this
# file apart from the database's backups. Without it webhook secrets and signing keys are lost.
"""


def read(folder: Path) -> str:
    """What is in the file; nothing where there is none. Raises OSError."""
    try:
        return (folder / NAME).read_text()
    except FileNotFoundError:
        return ""


def create(folder: Path, key: str) -> str:
    """Makes the file with this key, durable, unless another process was faster; what is in it now."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    fresh = _write(folder, [key])
    try:
        os.link(fresh, folder / NAME)  # never in place of one that is there
    except FileExistsError:
        return read(folder)
    finally:
        fresh.unlink()
    _sync(folder)
    return read(folder)


def change(folder: Path, change_to: Callable[[list[str]], list[str]]) -> None:
    """Other keys in place of those before, one change after the other; no file where there are none."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        lines = (line.strip() for line in read(folder).splitlines())
        keys = change_to([line for line in lines if line and not line.startswith("#")])
        if keys:
            _write(folder, keys).replace(folder / NAME)
        else:
            (folder / NAME).unlink(missing_ok=True)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _write(folder: Path, keys: list[str]) -> Path:
    descriptor, name = tempfile.mkstemp(dir=folder, prefix=f".{NAME}.")  # mode 0600
    with os.fdopen(descriptor, "w") as file:
        file.write(REMARK + "".join(f"{key}\n" for key in keys))
        file.flush()
        os.fsync(file.fileno())
    return Path(name)


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
