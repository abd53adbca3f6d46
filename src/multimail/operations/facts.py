"""What whoever decides should know of a pending email beyond its words: computed here, true of this moment.

Whom a mailbox knows follows from emails: who was written to, and who wrote and was heard; mail that is held, declined
or in quarantine makes nobody known.
"""

import json
from collections.abc import Iterable
from typing import Any

from typing_extensions import TypedDict

from multimail.core.event_types import EventType
from multimail.core.jsontext import to_json
from multimail.core.oversight import State, Transition
from multimail.operations.context import Context
from multimail.operations.duplicates import near_duplicates, recipients_of
from multimail.operations.indexing import to_index
from multimail.operations.linked import new_links
from multimail.operations.turns import NOTHING_READ, UntrustedReads, untrusted_reads
from multimail.storage.database import Row


class Facts(TypedDict):
    """`first_contact` are people never written to and never heard from; `near_duplicates` other emails that wait for
    a decision and say nearly the same to one of the same recipients, whatever thread or agent they are of;
    `reply_to_differs` where answers would go instead of to the sender; `new_links` hosts that it links to, and that
    no earlier mail with these people or of this conversation did; `untrusted_reads` what the agent had read;
    `external_domains` where it goes outside of the account's own."""

    first_contact: list[str]
    near_duplicates: list[str]
    reply_to_differs: list[str]
    content_changed: bool
    new_links: list[str]
    external_domains: list[str]
    untrusted_reads: UntrustedReads


def pending_facts(ctx: Context, email: Row) -> dict[str, Any]:
    """The shape of Facts. A key limited to mailboxes is told what its mailboxes know."""
    outbound = email["direction"] == "outbound"
    people = recipients_of(email) if outbound else {email["from_address"]: email["from_address"]}
    known = ctx.sql.list_correspondents(
        account_id=ctx.account_id, addresses=to_json(dict.fromkeys(people, 0)), **ctx.actor.filter
    )
    heard = {row["address"] for row in known}
    return {
        "first_contact": [written for address, written in people.items() if address not in heard],
        "near_duplicates": near_duplicates(ctx, email) if outbound else [],
        "reply_to_differs": [
            one for one in json.loads(email["reply_to_json"]) if one.lower() != email["from_address"].lower()
        ],
        "content_changed": email["revision_count"] > 1,
        "new_links": new_links(ctx, email) if outbound else [],
        "external_domains": _external(ctx, people) if outbound else [],
        "untrusted_reads": untrusted_reads(ctx, email) if outbound else NOTHING_READ,
    }


def _external(ctx: Context, people: Iterable[str]) -> list[str]:
    rows = ctx.sql.list_own_hosts(account_id=ctx.account_id, platform=ctx.services.site.domain)
    return sorted({one.rpartition("@")[2] for one in people} - {row["domain"] for row in rows})


def note_transition(ctx: Context, email: Row, transition: Transition) -> None:
    """What a change of state means for what is known of emails and people; called after the email's row and contents
    are as they will be. One that is accepted is noted for the indexer by whoever writes it."""
    if email["state"] == State.PENDING_APPROVAL:
        ctx.sql.remove_marks(account_id=ctx.account_id, email_id=email["email_id"])
    if transition.state == State.PENDING_APPROVAL and email["state"] != State.COMPOSED:
        to_index(ctx, email["email_id"])
    if EventType.EMAIL_RECEIVED in transition.events:
        note_correspondents(ctx, email, [email["from_address"]], written=False)


def note_correspondents(ctx: Context, email: Row, addresses: Iterable[str], *, written: bool) -> None:
    """These were written to, or only heard from. Test mail makes nobody known."""
    if not email["test"]:
        name = {"account_id": ctx.account_id, "mailbox_id": email["mailbox_id"], "written": written}
        name["now"] = ctx.now
        ctx.sql.add_correspondents([name | {"address": address} for address in sorted(addresses)])
