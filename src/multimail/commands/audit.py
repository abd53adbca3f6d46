"""`multimail audit`: verify the audit log's hash chain offline, and write the log out for others to verify."""

import argparse
import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, Final

from cryptography.hazmat.primitives.asymmetric import ec

from multimail.commands.flags import add_settings, complain, plain, settings_of
from multimail.commands.folder import open_existing, unusable
from multimail.commands.verify import KEY_HELP, read_keys
from multimail.core.audit_chain import START, Verdict, verify
from multimail.mail import identity
from multimail.operations.account import audit_view
from multimail.operations.sealing import head_is_genuine
from multimail.operations.vault import SIGNING_KEY, VaultError, open_vault
from multimail.settings import Settings
from multimail.storage.database import Database, Row

BATCH: Final = 1000
MAX_LINE: Final = 16 * 1024 * 1024
MAX_PAGES: Final = 256 * 1024 * 1024
HEAD_FIELDS: Final = {"account_id": str, "seq": int, "hash": str, "at": str, "signature": str}
NOT_EXCLUDED: Final = (
    "Whether entries were cut off at the end can't be told from the log alone: give --head FILE, a signed head "
    "(data.head of an audit.head event)."
)


class CannotCheck(Exception):
    """What was given can't be judged at all; the message says why."""


@dataclass(slots=True)
class Walk:
    """A chain under way. `marks` are hashes that it must have at a `seq`, with what says so."""

    marks: list[tuple[int, str, str]] = field(default_factory=list)
    verdict: Verdict = START
    missed: str | None = None

    def go(self, entries: Iterable[Any]) -> None:
        self.verdict = verify(self._watched(entries), self.verdict)

    def _watched(self, entries: Iterable[Any]) -> Iterator[Mapping[str, Any]]:
        for entry in entries:
            readable = entry if isinstance(entry, dict) else {}
            for seq, digest, origin in self.marks:
                if readable.get("seq") == seq and readable.get("hash") != digest and self.missed is None:
                    self.missed = f"entry {seq} is not the one that {origin} names: the log was rewritten"
            yield readable

    @property
    def broken(self) -> str | None:
        """The first fault, in words."""
        if self.verdict.fault or self.missed:
            return self.verdict.fault or self.missed
        last = self.verdict.count
        cut = next(((seq, origin) for seq, _, origin in self.marks if seq > last), None)
        return cut and f"entry {last + 1} is missing: {cut[1]} says that there are {cut[0]} or more"


def add(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    checking = actions.add_parser(
        "verify",
        help="Check every entry; name the first that was changed or is missing.",
        epilog="Exit codes: 0 the log holds, 1 it does not, or could not be checked.",
    )
    checking.add_argument(
        "--file",
        metavar="LOG.jsonl",
        help="Check this file of entries instead of a database; - for standard input.",
    )
    checking.add_argument("--head", metavar="FILE", help="A signed head that the log must reach.")
    checking.add_argument("--key", metavar="FILE|URL", help=f"{KEY_HELP} By default the data folder's own.")
    writing = actions.add_parser("export", help="Write the entries out as JSON lines, oldest first.")
    for action in (checking, writing):
        action.add_argument("--account", metavar="SLUG|ID", help="Only this account.")
    for each in (parser, checking, writing):
        add_settings(each, {"data", "database"})


def run(arguments: argparse.Namespace) -> int:
    settings = settings_of(arguments)
    try:
        if arguments.action == "export":
            return asyncio.run(_export(settings, arguments.account))
        if arguments.file is not None:
            return _verify_file(settings, arguments)
        return asyncio.run(_verify_database(settings, arguments))
    except BrokenPipeError:  # whoever read the export has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except unusable(CannotCheck) as error:
        return complain(plain(error))


async def _verify_database(settings: Settings, arguments: argparse.Namespace) -> int:
    async with open_existing(settings) as db:
        head = await _trusted_head(arguments, settings, db)
        accounts = await _accounts(db, arguments.account)
        if head and head["account_id"] not in [row["account_id"] for row in accounts]:
            raise CannotCheck(f"the head is about {head['account_id']}, an account that is not among these")
        well = True
        for row in accounts:
            mine = head if head and head["account_id"] == row["account_id"] else None
            walk, waiting = await _walk(db, row["account_id"], mine)
            well &= _report(f"{row['slug']} ({row['account_id']})", walk, mine)
            if waiting:
                print(
                    f"  {waiting} newer entries are not sealed yet: a running server does it within a second."
                )
        if head is None:
            print(NOT_EXCLUDED)
    return 0 if well else 1


async def _walk(db: Database, account_id: str, head: Mapping[str, Any] | None) -> tuple[Walk, int]:
    """The whole chain in batches, and the count of entries that have no place in it yet (1000 at most)."""
    kept = await db.read(lambda tx: tx.sql.get_audit_head(account_id=account_id))
    marks = [(head["seq"], head["hash"], "the signed head")] if head else []
    marks += [(kept["seq"], kept["hash"], "the database's own head")] if kept else []
    walk = Walk(marks)
    async for entries in _batches(db, account_id):
        walk.go(entries)
        if walk.verdict.broken:
            break
    waiting = await db.read(lambda tx: tx.sql.list_unsealed(account_id=account_id, limit=1000))
    return walk, len(waiting)


async def _batches(db: Database, account_id: str) -> AsyncIterator[list[dict[str, Any]]]:
    after = 0
    while True:
        page = {"account_id": account_id, "after": after, "limit": BATCH}
        rows = await db.read(lambda tx, page=page: tx.sql.list_chain(**page))  # type: ignore[misc]  # bound now
        if not rows:
            return
        yield [entry_of(row) for row in rows]
        after = rows[-1]["seq"]


def entry_of(row: Row) -> dict[str, Any]:
    """The entry as it was sealed; a row that was spoilt beyond reading as one that can't have its hash."""
    try:
        return audit_view(row)
    except (ValueError, TypeError, OverflowError):
        spoilt = dict.fromkeys(
            ("at", "actor", "action", "resource_type", "resource_id", "metadata", "commitment")
        )
        return {"id": row["entry_id"]} | {name: row[name] for name in ("seq", "prev", "hash")} | spoilt


def _verify_file(settings: Settings, arguments: argparse.Namespace) -> int:
    head = asyncio.run(_head_for_file(settings, arguments))
    walk = Walk([(head["seq"], head["hash"], "the signed head")] if head else [])
    with sys.stdin.buffer if arguments.file == "-" else Path(arguments.file).open("rb") as file:
        walk.go(read_entries(file))
    if walk.verdict == START:
        raise CannotCheck(f"no entries are in {arguments.file}")
    well = _report(arguments.file, walk, head)
    if head is None:
        print(NOT_EXCLUDED)
    return 0 if well else 1


async def _head_for_file(settings: Settings, arguments: argparse.Namespace) -> dict[str, Any] | None:
    """A database is needed only to know its key."""
    if arguments.head is None or arguments.key is not None:
        return await _trusted_head(arguments, settings, None)
    async with open_existing(settings) as db:
        return await _trusted_head(arguments, settings, db)


def read_entries(file: IO[bytes]) -> Iterator[Any]:
    """Entries in the order of `seq` from JSON lines, oldest first (streamed), or from pages of get_audit_log,
    newest first, one after the other. Raises CannotCheck."""
    first = file.readline(MAX_LINE)
    try:
        known = json.loads(first)
    except (ValueError, RecursionError):
        known = None
    if not isinstance(known, dict) or "entries" in known:
        rest = file.read(MAX_PAGES)
        if len(rest) == MAX_PAGES:
            raise CannotCheck("the file is too large to be read as pages: write JSON lines, oldest first")
        yield from _pages(first + rest)
        return
    number = 1
    while first:
        if first.strip():
            yield _json(first, f"line {number}")
        first, number = file.readline(MAX_LINE), number + 1


def _pages(content: bytes) -> list[Any]:
    found: list[Any] = []
    decoder, position = json.JSONDecoder(), 0
    try:
        text = content.decode().strip()
        while position < len(text):
            page, position = decoder.raw_decode(text, position)
            found += page["entries"]
            position += len(text[position:]) - len(text[position:].lstrip())
    except (ValueError, RecursionError, KeyError, TypeError):
        raise CannotCheck('the file is neither JSON lines nor pages of {"entries": […]}') from None
    return found[::-1]


def _json(text: bytes, place: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        raise CannotCheck(f"{place} is not JSON") from None


async def _trusted_head(
    arguments: argparse.Namespace, settings: Settings, db: Database | None
) -> dict[str, Any] | None:
    """The head of --head, once its signature was found good. Raises CannotCheck."""
    if arguments.head is None:
        return None
    head = read_head(arguments.head)
    try:
        keys = await _own_key(settings, db) if arguments.key is None else [*read_keys(arguments.key).values()]
    except ValueError as error:
        raise CannotCheck(error) from error
    except VaultError as error:
        raise CannotCheck(f"{error}. With --key the head is checked without it") from error
    if not head_is_genuine(head, keys):
        raise CannotCheck(f"the signature in {arguments.head} is not of this key: the head proves nothing")
    return head


def read_head(name: str) -> dict[str, Any]:
    """The claims and the signature of a file with an audit.head event, or its data, or its data.head."""
    with Path(name).open("rb") as file:
        head = _json(file.read(MAX_LINE), name)
    for wrapper in ("data", "head"):
        head = head[wrapper] if isinstance(head, dict) and isinstance(head.get(wrapper), dict) else head
    if not isinstance(head, dict) or any(
        type(head.get(key)) is not kind for key, kind in HEAD_FIELDS.items()
    ):
        raise CannotCheck(f"{name} is no head: it has {', '.join(HEAD_FIELDS)}")
    return head


async def _own_key(settings: Settings, db: Database | None) -> list[ec.EllipticCurvePublicKey]:
    from multimail.app import SELECTOR  # the whole product, for one word: only when it is asked for

    assert db is not None
    name = {"purpose": "identity", "name": SELECTOR}
    sealed = await db.read(lambda tx: tx.sql.get_signing_key(**name))
    if not sealed:
        return []
    vault = await open_vault(db, settings.secret_key, settings.key_folder)
    return [identity.load_private_pem(vault.open(SIGNING_KEY, name, sealed)).public_key()]


async def _accounts(db: Database, wanted: str | None) -> list[Row]:
    rows = await db.read(lambda tx: tx.sql.list_accounts())
    found = [row for row in rows if wanted in (None, row["slug"], row["account_id"])]
    if not found:
        raise CannotCheck(f"there is no account {wanted}" if wanted else "there is no account yet")
    return found


def _report(name: str, walk: Walk, head: Mapping[str, Any] | None) -> bool:
    if walk.broken:
        print(f"{plain(name)}: BROKEN: {plain(walk.broken)}.")
        return False
    count = walk.verdict.count
    print(f"{plain(name)}: {count} entries, none changed, none missing. The last hash is {walk.verdict.head}")
    if walk.verdict.erased:
        print(
            f"  What {walk.verdict.erased} of them said of erased mail and people is gone, as later entries tell."
        )
    if head is not None:
        print(
            f"  It reaches the signed head of {plain(head['at'])}: up to entry {head['seq']} nothing was cut off."
        )
    return True


async def _export(settings: Settings, wanted: str | None) -> int:
    async with open_existing(settings) as db:
        accounts = await _accounts(db, wanted)
        if len(accounts) > 1:
            names = ", ".join(row["slug"] for row in accounts)
            raise CannotCheck(
                f"there are several accounts, each with its own chain: give --account ({names})"
            )
        async for entries in _batches(db, accounts[0]["account_id"]):
            sys.stdout.writelines(json.dumps(entry) + "\n" for entry in entries)
        sys.stdout.flush()
    return 0
