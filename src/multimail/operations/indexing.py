"""Making emails findable, after the transaction that wrote them: full text costs as much as all the rest of it. With
it go the hosts that they link to and what they nearly say, which whoever decides is told of.

Whoever writes what search looks at notes the email in that transaction; an indexer takes the notes in batches,
newest first, and whoever searches takes first what is left.
"""

from typing import Final

from multimail.core.search import document
from multimail.operations.context import Context, Services
from multimail.operations.duplicates import note_marks
from multimail.operations.linked import note_links
from multimail.storage.database import Tx

BATCH: Final = 10  # emails in one transaction: whoever writes meanwhile waits for it
CAUGHT_UP: Final = 100  # batches that one search waits for at most


def to_index(ctx: Context, email_id: str, *, fresh: bool = False) -> None:
    """Whoever changes what an email says, or is tagged with, calls this in the same transaction; `fresh` is one
    that was made in it."""
    ctx.sql.note_unindexed(account_id=ctx.account_id, email_id=email_id, fresh=fresh)
    ctx.tx.notify("search", ctx.account_id)


def list_unindexed_accounts(tx: Tx) -> list[str]:
    return [row["account_id"] for row in tx.sql.list_unindexed_accounts()]


def index_some(services: Services, account_id: str, tx: Tx) -> bool:
    """A unit of work: up to BATCH emails; whether there may be more."""
    waiting = tx.sql.list_unindexed(account_id=account_id, limit=BATCH)
    for row in waiting:
        _index(tx, account_id, row["email_id"], bool(row["fresh"]))
    return len(waiting) == BATCH


def _index(tx: Tx, account_id: str, email_id: str, fresh: bool) -> None:
    """The note goes first: a change that is made meanwhile leaves a new one."""
    name = {"account_id": account_id, "email_id": email_id}
    if not tx.sql.forget_unindexed(**name):
        return
    if not fresh:
        tx.sql.unindex_email(**name)
    email, contents = tx.sql.get_email(**name), tx.sql.get_contents(**name)
    if email is None or contents is None:
        return
    note_links(tx, email, contents, fresh=fresh)
    note_marks(tx, email, contents["sketch"], fresh=fresh)
    people = (email[f"{kind}_json"] for kind in ("to", "cc", "bcc"))
    tags = (text for tag in tx.sql.list_tags(**name) for text in (tag["tag"], tag["value"]))
    # What is stored as JSON is text enough: its brackets and quotes are no words.
    texts = (email["subject"], email["from_name"], email["from_address"], *people, *tags, email["notes"] or "",
             email["metadata_json"], contents["markdown"], contents["quoted"])  # fmt: skip
    tx.sql.index_email(**name, words=document(texts))
