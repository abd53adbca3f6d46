"""An email as its rows will have it: what follows from what it says and to whom, and from nothing else.

It is made ready in the process beside the server's (apart.py), which has this module and no database.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from multimail.core.carried import carried
from multimail.core.findings import Finding
from multimail.core.jsontext import to_json
from multimail.core.rules import patterns_of
from multimail.mail.compose import Draft
from multimail.mail.craft import craft

CAPPED: Final = ""  # the pattern of caps
PENDING: Final = {"status": "pending", "code": None, "message": None, "at": None}


@carried
@dataclass(frozen=True, slots=True)
class Written:
    """`columns` are those of emails that an edit changes, `contents` some of the heavy half; `patterns` is what to ask
    rules and the suppression list for (patterns_json)."""

    raw: bytes
    findings: tuple[Finding, ...]
    columns: Mapping[str, Any]
    contents: Mapping[str, Any]
    patterns: str

    @property
    def revision(self) -> str:
        return str(self.columns["revision"])


def write(draft: Draft, envelope: Sequence[tuple[str, str]], quotable: str | None) -> Written:
    """The message for the recipients of `envelope`, each as (address, to | cc | bcc). `quotable` as for craft. Raises
    ComposeError."""
    addresses = [address for address, _ in envelope]
    crafted = craft(draft, addresses, quotable)
    by_kind = {kind: [a for a, k in envelope if k == kind] for kind in ("to", "cc", "bcc")}
    return Written(
        raw=crafted.raw,
        findings=crafted.findings,
        columns={
            "from_address": draft.from_.address,
            "from_name": draft.from_.name,
            "to_json": to_json(by_kind["to"]),
            "cc_json": to_json(by_kind["cc"]),
            "bcc_json": to_json(by_kind["bcc"]),
            "reply_to_json": to_json([person.address for person in draft.reply_to]),
            "participants": participants([draft.from_.address, *by_kind["to"], *by_kind["cc"]]),
            "recipients_json": to_json(
                [{"address": address, "kind": kind} | PENDING for address, kind in envelope]
            ),
            "subject": draft.subject,
            "message_id": draft.message_id,
            "size": len(crafted.raw),
            "has_attachments": bool(draft.attachments),
            "revision": crafted.revision,
        },
        contents={
            "sketch": crafted.sketch,
            "headers_json": to_json(crafted.headers),
            "hidden_json": to_json(list(crafted.hidden)),
        },
        patterns=patterns_json(addresses),
    )


def participants(people: Iterable[str]) -> str:
    """One searchable text: ` a@x.test b@y.test `."""
    return " " + " ".join(dict.fromkeys(person.lower() for person in people)) + " "


def patterns_json(addresses: Iterable[str]) -> str:
    """A JSON object whose names are what stands in rules about any of them: each address, everybody at its domain, and
    that of caps."""
    patterns = (pattern for address in addresses for pattern in patterns_of(address))
    return to_json(dict.fromkeys([CAPPED, *patterns], 0))
