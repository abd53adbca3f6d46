"""Blobs: small ones in the database, large ones durable in the store before anything names them."""

import asyncio
import errno
import hashlib
import os
from pathlib import Path
from typing import Any

import pytest

from multimail.storage import blobs
from multimail.storage.blobs import INLINE, Blobs, Bucket, Folder, keep, open_store
from multimail.storage.database import Database, StorageFull
from tests.support.world import World

ACCOUNT = "acc_1"


async def kept(db: Database, store: Blobs, content: bytes, account: str = ACCOUNT) -> str:
    blob = await store.prepare(account, content)
    await db.write(lambda tx: keep(tx, account, blob))
    return blob.address


def files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


async def test_small_ones_in_the_database_large_ones_in_the_folder(world: World, tmp_path: Path) -> None:
    folder, db = tmp_path / "store", world.services.db
    store = Blobs(Folder(folder))
    small, large = bytes(INLINE), bytes(INLINE + 1)
    for content in (b"", b"\0\xff", small):
        assert await store.load(db, ACCOUNT, await kept(db, store, content)) == content
    assert not folder.exists()
    sha256 = await kept(db, store, large)
    assert sha256 == hashlib.sha256(large).hexdigest()
    assert files(folder) == [folder / ACCOUNT / sha256[:2] / sha256]
    assert await store.load(db, ACCOUNT, sha256) == large


async def test_the_same_bytes_are_kept_once_and_for_one_account(world: World, tmp_path: Path) -> None:
    db, store = world.services.db, Blobs(Folder(tmp_path / "store"))
    content = bytes(INLINE * 2)
    found = await asyncio.gather(*(kept(db, store, content) for _ in range(5)))
    assert len(set(found)) == 1 and len(files(tmp_path / "store")) == 1
    with pytest.raises(KeyError):
        await store.load(db, "acc_2", found[0])
    assert await kept(db, store, content, "acc_2") == found[0]
    assert len(files(tmp_path / "store")) == 2


async def test_a_large_one_is_on_disk_before_it_is_prepared(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The bytes, then the name, then the folders that hold it, each synced in this order."""
    log: list[tuple[str, str]] = []
    fsync, replace = os.fsync, Path.replace

    def spy_fsync(descriptor: int) -> None:
        log.append(("sync", str(Path(f"/proc/self/fd/{descriptor}").readlink())))
        fsync(descriptor)

    def spy_replace(source: Path, target: Path) -> Path:
        log.append(("name", str(target)))
        return replace(source, target)

    monkeypatch.setattr(os, "fsync", spy_fsync)
    monkeypatch.setattr(Path, "replace", spy_replace)
    blob = await Blobs(Folder(tmp_path)).prepare(ACCOUNT, bytes(INLINE + 1))
    target = tmp_path / ACCOUNT / blob.address[:2] / blob.address
    kinds = [kind for kind, _ in log]
    assert kinds[:2] == ["sync", "name"] and set(kinds[2:]) == {"sync"}
    assert Path(log[0][1]).parent == target.parent and log[1][1] == str(target)
    assert [path for _, path in log[2:]] == [str(target.parent), str(target.parent.parent), str(tmp_path)]


@pytest.mark.parametrize("step", ["fsync", "mkdir"])
async def test_a_full_disk_keeps_nothing_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    def full(*_: Any, **__: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    store = Blobs(Folder(tmp_path / "store"))
    with monkeypatch.context() as patch:
        owner: Any = os if step == "fsync" else Path
        patch.setattr(owner, step, full)
        with pytest.raises(StorageFull, match="No space"):
            await store.prepare(ACCOUNT, bytes(INLINE + 1))
    assert files(tmp_path) == []
    assert (await store.prepare(ACCOUNT, bytes(INLINE + 1))).content is None


async def test_nothing_names_a_blob_that_the_store_refused(world: World, tmp_path: Path) -> None:
    (tmp_path / "a file").write_bytes(b"")
    store = Blobs(Folder(tmp_path / "a file"))
    with pytest.raises(StorageFull):
        await kept(world.services.db, store, bytes(INLINE + 1))
    sha256 = hashlib.sha256(bytes(INLINE + 1)).hexdigest()
    with pytest.raises(KeyError):
        await store.load(world.services.db, ACCOUNT, sha256)


def test_where_blobs_go(tmp_path: Path) -> None:
    for url in (str(tmp_path), f"file://{tmp_path}"):
        store = open_store(url)
        assert isinstance(store, Folder) and store.path == tmp_path
    assert isinstance(open_store("s3://bucket/prefix"), Bucket)
    assert blobs.INLINE == 64 * 1024


async def test_all_blobs_of_an_account_are_removed_and_no_others(tmp_path: Path) -> None:
    for store in (Folder(tmp_path), Bucket("memory:///")):
        for account in ("acc_1", "acc_2"):
            await store.put(f"{account}/ab/abcd", b"x")
        await store.remove_all("acc_1")
        await store.remove_all("acc_1")
        assert await store.get("acc_2/ab/abcd") == b"x"
        with pytest.raises(FileNotFoundError):
            await store.get("acc_1/ab/abcd")


async def test_what_is_older_is_listed_and_removed_one_by_one(tmp_path: Path) -> None:
    for store in (Folder(tmp_path), Bucket("memory:///")):
        blobs = Blobs(store)
        made = [await blobs.prepare(ACCOUNT, bytes([number]) * (INLINE + 1)) for number in range(3)]
        await store.put("other/notes.txt", b"not ours")
        names = {(ACCOUNT, blob.address) for blob in made}
        assert {name async for found in blobs.strays(-60) for name in found} == names
        assert [name async for found in blobs.strays(60) for name in found] == []
        for _ in range(2):  # one that is gone is no error
            await blobs.remove(ACCOUNT, made[0].address)
        assert {name async for found in blobs.strays(-60) for name in found} == names - {
            (ACCOUNT, made[0].address)
        }
