"""Whom a mailbox knows, for telling who pretends to be one of them: remembered, and brought up to date with each mail.

That somebody was written to, or a contact changed, is seen at once, whichever process did it: an index tells. Whoever
was erased, or is no longer among the newest, is forgotten with the rest once the memory is not FRESH any more.
"""

import asyncio
from dataclasses import dataclass
from typing import Any, Final

from multimail.core.times import MINUTE, SECOND
from multimail.mail.deception import Known
from multimail.storage.database import Database, Row, Tx

WRITTEN_TO: Final = 20_000  # people, the newest, who are compared with a stranger
CONTACTS: Final = 5_000
RECENT: Final = 300  # emails whose senders' names are known
FRESH: Final = 10 * MINUTE
LATE: Final = (
    10 * SECOND
)  # between the clock of a transaction and its commit, and between the clocks of machines
REMEMBERED: Final = 100_000  # people, of all mailboxes
FEW: Final = 200  # people that take no time worth a thread

State = tuple[Any, ...]


@dataclass(slots=True)
class _Memory:
    """Of one mailbox, learned at one time and looked at again at another; `contacts` is the state that theirs had."""

    known: Known
    contacts: State
    learned_at: int
    looked_at: int


class Acquaintances:
    """Belongs to one event loop."""

    def __init__(self) -> None:
        self._memories: dict[tuple[str, str], _Memory] = {}
        self._learning = asyncio.Lock()

    async def of(self, db: Database, arrived: Row, now: int) -> tuple[Known, list[tuple[str, str]]]:
        """Those that the mailbox has written to, its contacts and the account's, and itself; and the names under which
        they wrote of late.

        Having been heard is not enough: whoever imitates would become known by the first attempt.
        """
        name = {"account_id": arrived["account_id"], "mailbox_id": arrived["mailbox_id"]}
        memory = self._fresh(name, now)
        if memory is None:
            async with self._learning:
                memory = self._fresh(name, now) or await self._learn(db, name, now)
        since = memory.looked_at - LATE
        contacts, written, names = await db.read(lambda tx: _news(tx, name, since))
        if contacts != memory.contacts:
            async with self._learning:
                memory = await self._learn(db, name, now)
        for address in written:
            memory.known.add(address)
            memory.known.unnamed.discard(address)
        memory.looked_at = max(now, memory.looked_at)
        return memory.known, names

    def _fresh(self, name: dict[str, str], now: int) -> _Memory | None:
        key = name["account_id"], name["mailbox_id"]
        memory = self._memories.pop(key, None)
        if memory is None or now - memory.learned_at >= FRESH:
            return None
        self._memories[key] = memory  # at the end: the one longest unasked is the first to be forgotten
        return memory

    async def _learn(self, db: Database, name: dict[str, str], now: int) -> _Memory:
        contacts, written, people, own = await db.read(lambda tx: _everybody(tx, name))
        few = len(written) + len(people) <= FEW
        known = (
            _arranged(written, people, own)
            if few
            else await asyncio.to_thread(_arranged, written, people, own)
        )
        memory = _Memory(known, contacts, now, now)
        self._memories[name["account_id"], name["mailbox_id"]] = memory
        while len(self._memories) > 1 and sum(len(one.known) for one in self._memories.values()) > REMEMBERED:
            del self._memories[next(iter(self._memories))]
        return memory


def _news(tx: Tx, name: dict[str, str], since: int) -> tuple[State, list[str], list[tuple[str, str]]]:
    """The state of the contacts, who was written to since, and the latest names."""
    written = tx.sql.list_written_to(**name, since=since, limit=WRITTEN_TO)
    names = [
        (row["from_address"], row["from_name"]) for row in tx.sql.list_known_names(**name, recent=RECENT)
    ]
    mailbox = tx.sql.get_mailbox_even_deleted(**name)
    names.append((mailbox["address"], mailbox["name"]))
    return _state(tx, name), [row["address"] for row in written], names


def _everybody(tx: Tx, name: dict[str, str]) -> tuple[State, list[str], list[tuple[str, str, bool]], str]:
    """The state of the contacts, who was written to, the contacts (address, name, whether they are the mailbox's own),
    and the mailbox's address."""
    written = tx.sql.list_written_to(**name, since=0, limit=WRITTEN_TO)
    people = tx.sql.list_known_contacts(**name, limit=CONTACTS)
    contacts = [(row["address"], row["name"], bool(row["mailbox_id"])) for row in people]
    own = tx.sql.get_mailbox_even_deleted(**name)["address"]
    return _state(tx, name), [row["address"] for row in written], contacts, own


def _state(tx: Tx, name: dict[str, str]) -> State:
    row = tx.sql.get_contacts_state(**name)
    return row["several"], row["changed_at"]


def _arranged(written: list[str], contacts: list[tuple[str, str, bool]], own: str) -> Known:
    """Contacts of the account that are none of the mailbox's are not named: a key limited to the mailbox reads its
    findings, and not the account's contacts (contract section 3)."""
    known = Known()
    for address in (own, *written):
        known.add(address)
    for address, name, is_own in contacts:
        if not is_own and address not in known:
            known.unnamed.add(address)
        known.add(address, name)
    known.unnamed -= {address for address, _, is_own in contacts if is_own}
    return known
