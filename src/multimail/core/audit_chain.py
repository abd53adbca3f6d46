"""The audit log as a hash chain per account (contract §11), verifiable offline from its entries alone."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
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


def entry_hash(entry: Mapping[str, Any]) -> str:
    """SHA-256, in hex, over the canonical JSON (sorted keys, no spaces, ASCII only) of the sealed fields."""
    sealed = {field: entry[field] for field in SEALED_FIELDS}
    text = json.dumps(sealed, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Verdict:
    """`count` entries hold; `broken` names the first that does not, in words."""

    count: int
    head: str
    broken: str | None


START: Final = Verdict(0, GENESIS, None)


def verify(entries: Iterable[Mapping[str, Any]], after: Verdict = START) -> Verdict:
    """Checks entries in the order of `seq` and stops at the first that was changed or is missing.

    A long log is checked in pieces: `after` is the verdict on what came before.
    """
    head, count = after.head, after.count
    for entry in entries:
        if missing := {*SEALED_FIELDS, "hash"} - set(entry):
            return Verdict(count, head, f"entry {count + 1} lacks {', '.join(sorted(missing))}")
        if entry["seq"] != count + 1:
            return Verdict(count, head, f"entry {count + 1} is missing (found {entry['seq']} in its place)")
        if entry["prev"] != head:
            return Verdict(
                count, head, f"entry {entry['seq']} ({entry['id']}) does not follow the one before it"
            )
        if entry_hash(entry) != entry["hash"]:
            return Verdict(count, head, f"entry {entry['seq']} ({entry['id']}) was changed")
        head, count = entry["hash"], count + 1
    return Verdict(count, head, None)
