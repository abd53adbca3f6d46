"""Raw messages and attachments, addressed by account and SHA-256, so that the same bytes are kept once.

Small ones live in the database, where group commit makes them durable for nothing; large ones in a folder
or any S3-compatible bucket. A large one is durable there *before* the transaction that names it.

A small message that we composed has an id for its address: nobody else has the same bytes, and ids come in the order
of time, so that many of them fill one page of an index where as many hashes touch a page each.
"""

import asyncio
import contextlib
import hashlib
import os
import shutil
import tempfile
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final, Protocol

from multimail.storage.database import Database, StorageFull, Tx

INLINE: Final = 64 * 1024
STRAYS: Final = 100  # names that are looked up in one transaction


@dataclass(frozen=True, slots=True)
class Blob:
    """`content` is None for bytes that belong in the store, where `Blobs.prepare` makes them safe."""

    address: str
    size: int
    content: bytes | None


class BytesGoing(StorageFull):
    """The file of what was to be named was just removed: nothing was kept; a try some minutes later keeps it."""


class Store(Protocol):
    """Where large blobs go. `put` returns once they are durable; it raises StorageFull or OSError."""

    async def put(self, name: str, content: bytes) -> None: ...

    async def get(self, name: str) -> bytes: ...

    async def remove(self, name: str) -> None:
        """One that is not there is no error."""

    async def remove_all(self, folder: str) -> None: ...

    def older(self, seconds: float) -> AsyncIterator[list[str]]:
        """The names of what was put so long ago, some at a time."""


class Folder:
    def __init__(self, path: Path) -> None:
        self.path = path

    async def put(self, name: str, content: bytes) -> None:
        await asyncio.to_thread(self._put, self.path / name, content)

    def _put(self, target: Path, content: bytes) -> None:
        if target.exists():
            return
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            _write(target, content)
            for folder in (target.parent, target.parent.parent, self.path):
                _sync_folder(folder)
        except OSError as error:
            raise StorageFull(str(error)) from error

    async def get(self, name: str) -> bytes:
        return await asyncio.to_thread((self.path / name).read_bytes)

    async def remove(self, name: str) -> None:
        await asyncio.to_thread((self.path / name).unlink, missing_ok=True)

    async def older(self, seconds: float) -> AsyncIterator[list[str]]:
        before = time.time() - seconds
        for account in await asyncio.to_thread(lambda: sorted(self.path.glob("*/"))):
            yield await asyncio.to_thread(self._older, account, before)

    def _older(self, account: Path, before: float) -> list[str]:
        found = []
        for path in account.glob("??/*"):
            with contextlib.suppress(FileNotFoundError):  # it goes just now
                if path.stat().st_mtime < before:
                    found.append(str(path.relative_to(self.path)))
        return found

    async def remove_all(self, folder: str) -> None:
        if (self.path / folder).exists():  # one look
            await asyncio.to_thread(shutil.rmtree, self.path / folder)


class Bucket:
    """`s3://bucket/prefix`, with the region, endpoint and credentials of the AWS_… environment variables."""

    def __init__(self, url: str) -> None:
        from obstore.store import from_url

        self._store: Any = from_url(url)

    async def put(self, name: str, content: bytes) -> None:
        await self._store.put_async(name, content)

    async def get(self, name: str) -> bytes:
        found = await self._store.get_async(name)
        return bytes(await found.bytes_async())

    async def remove(self, name: str) -> None:
        with contextlib.suppress(FileNotFoundError):
            await self._store.delete_async(name)

    async def older(self, seconds: float) -> AsyncIterator[list[str]]:
        before = datetime.now(UTC) - timedelta(seconds=seconds)
        async for found in self._store.list():
            yield [one["path"] for one in found if one["last_modified"] < before]

    async def remove_all(self, folder: str) -> None:
        async for found in self._store.list(folder):
            await self._store.delete_async([one["path"] for one in found])


def open_store(url: str) -> Store:
    """A folder (`file:///path` or a bare path) or a bucket (`s3://…`)."""
    return (
        Folder(Path(url.removeprefix("file://")))
        if "://" not in url or url.startswith("file://")
        else Bucket(url)
    )


@dataclass(frozen=True, slots=True)
class Blobs:
    store: Store

    async def prepare(self, account_id: str, content: bytes) -> Blob:
        """Outside any transaction: makes a large blob durable, leaves a small one for `keep`."""
        blob = blob_of(content)
        if blob.content is None:
            await self.store.put(blob_name(account_id, blob.address), content)
        return blob

    async def load(self, db: Database, account_id: str, address: str) -> bytes:
        """Raises KeyError if this account has no such blob."""
        row = await db.read(lambda tx: tx.sql.get_blob(account_id=account_id, sha256=address))
        if row is None:
            raise KeyError(address)
        return (
            bytes(row["content"])
            if row["content"] is not None
            else await self.store.get(blob_name(account_id, address))
        )

    async def remove(self, account_id: str, sha256: str) -> None:
        """A large blob whose row is gone."""
        await self.store.remove(blob_name(account_id, sha256))

    async def strays(self, seconds: float) -> AsyncIterator[list[tuple[str, str]]]:
        """(account, SHA-256) of every large blob that was put so long ago, with a row or without, some at a time."""
        async for names in self.store.older(seconds):
            parts = [name.split("/") for name in names]
            found = [
                (one[0], one[2])
                for one in parts
                if len(one) == 3 and one == blob_name(one[0], one[2]).split("/")
            ]
            for start in range(0, len(found), STRAYS):
                yield found[start : start + STRAYS]

    async def remove_account(self, account_id: str) -> None:
        """Every large blob of an account; its rows are the database's to remove."""
        await self.store.remove_all(account_id)


def own_blob(address: str, content: bytes) -> Blob | None:
    """Bytes that nobody else has, by an id of their own; None for those that belong in the store."""
    return Blob(address, len(content), content) if len(content) <= INLINE else None


def blob_of(content: bytes) -> Blob:
    """Its address, and its content if that belongs into a row."""
    return Blob(
        hashlib.sha256(content).hexdigest(), len(content), content if len(content) <= INLINE else None
    )


def keep(tx: Tx, account_id: str, blob: Blob) -> None:
    """Inside the transaction that names the blob. The same bytes are kept once.

    Large ones that were about to be removed are kept; raises BytesGoing where their file is gone (operations/loose.py).
    """
    name = {"account_id": account_id, "sha256": blob.address}
    tx.sql.add_blob(**name, size=blob.size, content=blob.content)
    if blob.content is None and not tx.sql.keep_after_all(**name) and tx.sql.is_going(**name) is not None:
        raise BytesGoing("bytes that nobody used any more are being removed: try again in some minutes")


def blob_name(account_id: str, sha256: str) -> str:
    """Where a blob lies in the store."""
    return f"{account_id}/{sha256[:2]}/{sha256}"


def _write(target: Path, content: bytes) -> None:
    """Whole or not at all; what fails leaves no half of a file behind on a disk that may be full."""
    with tempfile.NamedTemporaryFile(dir=target.parent, prefix=".", delete=False) as file:
        try:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
            Path(file.name).replace(target)
        except BaseException:
            Path(file.name).unlink()
            raise


def _sync_folder(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
