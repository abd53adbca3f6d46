"""Full-text search over people, subject, body, tags, notes and metadata (contract §8)."""

from collections.abc import Mapping
from functools import partial
from typing import Any

from pydantic import Field

from multimail.core.errors import invalid
from multimail.core.scopes import Scope
from multimail.core.search import read_query
from multimail.operations.context import Context, Services
from multimail.operations.inbox import LAST, MAILBOX_ALIASES, ListEmails, conditions, email_page
from multimail.operations.indexing import CAUGHT_UP, index_some
from multimail.operations.operation import Operation
from multimail.operations.views import EmailPage, decode_cursor
from multimail.storage.fulltext import match_text


class SearchEmails(ListEmails):
    q: str = Field(max_length=500, description="Words, phrases in quotes, the beginning of a word with a *.")


def search_emails(ctx: Context, given: SearchEmails, caught_up: None) -> Mapping[str, Any]:
    """Finds emails by words in their people, subject, body, tags, notes and metadata, newest first.

    All words must be there, in any order; case and accents do not matter. `"due soon"` is a phrase, `pay*` a
    beginning, `-draft` must not be there. Deleted and quarantined emails are found by their `status` alone.
    """
    try:
        terms = read_query(given.q)
    except ValueError as error:
        raise invalid("q", str(error)) from None
    rows = ctx.sql.search_emails(
        account_id=ctx.account_id,
        match=match_text(ctx.tx.dialect, ctx.account_id, terms),
        any_mailbox=given.mailbox_id is None,
        mailbox_id=ctx.mailbox(given.mailbox_id)["mailbox_id"] if given.mailbox_id else "",
        before=decode_cursor(given.cursor, LAST),
        since=given.since_id or "",
        limit=given.limit + 1,
        **conditions(ctx, given),
        **ctx.actor.filter,
    )
    return email_page(ctx, rows, given.limit)


async def catch_up(services: Services, given: SearchEmails, account_id: str | None) -> None:
    """What was written a moment ago is found, too."""
    if account_id is None:
        return
    for _ in range(CAUGHT_UP):
        if not await services.db.write(partial(index_some, services, account_id)):
            return


def whose(ctx: Context, given: SearchEmails) -> str | None:
    """The account, if anything of it waits to be indexed."""
    return ctx.account_id if ctx.sql.list_unindexed(account_id=ctx.account_id, limit=1) else None


SEARCH_EMAILS = Operation(
    name="search_emails",
    run=search_emails,
    find=whose,
    prepare=catch_up,
    input=SearchEmails,
    output=EmailPage,
    scopes=(Scope.READ,),
    effect="read",
    audited=False,
    glimpse=True,
    method="GET",
    path="/v1/search",
    aliases=MAILBOX_ALIASES | {"query": "q"},
    errors=("not_found",),
)
