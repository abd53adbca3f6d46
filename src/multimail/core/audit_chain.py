"""The audit log as a hash chain per account (contract §11), verifiable offline from its entries alone.

What an entry says (`metadata`) may have to be erased one day, and the chain must hold without it. So what is sealed is
a commitment to it, salted, so that nobody finds out by trying what it was: `salt` goes with the metadata. Metadata
that is gone counts as sound only where a later entry of the same chain says that its subject was erased.
"""

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final

GENESIS: Final = "0" * 64
SEALED_FIELDS: Final = (
    "id",
    "seq",
    "at",
    "actor",
    "action",
    "resource_type",
    "resource_id",
    "metadata",
    "prev",
)
ERASING: Final = "erase_"  # how the actions begin that say of their resource that it was erased

canonical: Final[Callable[[Any], str]] = json.JSONEncoder(sort_keys=True, separators=(",", ":")).encode


def commit(salt: str, metadata: Mapping[str, Any]) -> str:
    """SHA-256, in hex, over the salt and the canonical JSON of the metadata."""
    return commit_stored(salt, canonical(metadata))


def commit_stored(salt: str, metadata_json: str) -> str:
    """`commit` to metadata as core/jsontext.sorted_json keeps it: canonical already, where nothing is to be escaped."""
    plain = metadata_json.isascii() and "\x7f" not in metadata_json
    text = metadata_json if plain else canonical(json.loads(metadata_json))
    return hashlib.sha256((salt + text).encode()).hexdigest()


def entry_hash(entry: Mapping[str, Any]) -> str:
    """SHA-256, in hex, over the canonical JSON (sorted keys, no spaces, ASCII only) of the sealed fields.

    `commitment` is sealed in place of `metadata`; entries of the first releases have none.
    """
    stands_for = {"metadata": "commitment"} if entry.get("commitment") else {}
    sealed = {name: entry[name] for name in (stands_for.get(field, field) for field in SEALED_FIELDS)}
    return hashlib.sha256(canonical(sealed).encode()).hexdigest()


def is_erased(entry: Mapping[str, Any]) -> bool:
    return bool(entry.get("commitment")) and entry.get("salt") is None and not entry["metadata"]


@dataclass(frozen=True, slots=True)
class Verdict:
    """`count` entries hold; `broken` names the first that does not, in words. `erased` of them are without their
    metadata; `unexplained` has, by resource, the first such entry that no later one explains (yet)."""

    count: int
    head: str
    broken: str | None
    erased: int = 0
    unexplained: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))

    @property
    def fault(self) -> str | None:
        """What is wrong with a chain that ends here, in words."""
        gone = next(iter(self.unexplained.values()), None)
        return self.broken or (
            gone and f"what {gone} said is gone, and no later entry says that it was erased"
        )


START: Final = Verdict(0, GENESIS, None)


def verify(entries: Iterable[Mapping[str, Any]], after: Verdict = START) -> Verdict:
    """Checks entries in the order of `seq` and stops at the first that was changed or is missing.

    A long log is checked in pieces: `after` is the verdict on what came before.
    """
    head, count, erased, unexplained = after.head, after.count, after.erased, dict(after.unexplained)
    broken = None
    for entry in entries:
        broken = _fault(entry, head, count + 1)
        if broken is not None:
            break
        if is_erased(entry):
            erased += 1
            unexplained.setdefault(entry["resource_id"], f"entry {entry['seq']} ({entry['id']})")
        elif str(entry["action"]).startswith(ERASING):
            unexplained.pop(entry["resource_id"], None)
        head, count = entry["hash"], count + 1
    return Verdict(count, head, broken, erased, MappingProxyType(unexplained))


def _fault(entry: Mapping[str, Any], head: str, seq: int) -> str | None:
    """What is wrong with the entry that should be number `seq` and follow `head`, in words."""
    if missing := {*SEALED_FIELDS, "hash"} - set(entry):
        return f"entry {seq} lacks {', '.join(sorted(missing))}"
    if entry["seq"] != seq:
        return f"entry {seq} is missing (found {entry['seq']} in its place)"
    if entry["prev"] != head:
        return f"entry {seq} ({entry['id']}) does not follow the one before it"
    commitment = entry.get("commitment")
    kept = (
        not commitment or is_erased(entry) or commit(str(entry.get("salt")), entry["metadata"]) == commitment
    )
    return None if kept and entry_hash(entry) == entry["hash"] else f"entry {seq} ({entry['id']}) was changed"
