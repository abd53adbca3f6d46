"""Which hosts the links of each email lead to, and with whom it was exchanged: what makes a link a new one.

The index follows from emails and is written with that of search (operations/indexing.py), after the transaction that
wrote them. All of an outbound email's links are in it, and everybody on its envelope; of an inbound one only where
its sender is proven: nobody makes a host known in another's name.
"""

import json
from collections.abc import Iterable, Mapping
from typing import Any, Final

from multimail.core.address import AddressError, normalise
from multimail.core.hosts import hosts_of, links_in
from multimail.core.jsontext import to_json
from multimail.mail.render import RenderError, markdown_to_html, sanitised_page
from multimail.operations.context import Context
from multimail.storage.database import Row, Tx

SHOWN: Final = 20
PROVEN: Final = ("pass", "local")
MAY_LINK: Final = ("//", "](", "www.", "&#", "&colon", "]:")  # without any of them markdown makes no link


def note_links(tx: Tx, email: Row, contents: Row, *, fresh: bool) -> None:
    """In place of what an edit changed, unless the email is `fresh`."""
    name = {"account_id": email["account_id"], "email_id": email["email_id"]}
    if not fresh:
        tx.sql.remove_linked_hosts(**name)
    if email["direction"] == "inbound" and not _proven(email):
        return
    hosts = _hosts(email, contents)
    if hosts:
        tx.sql.add_linked_hosts(
            [name | {"address": one, "host": host} for one in _people(email) for host in hosts]
        )


def new_links(ctx: Context, email: Row) -> list[str]:
    """The hosts that a pending outbound email links to and that somebody on its envelope never had a link to: neither
    from us nor to us, and neither in this conversation from us or one of them."""
    name = {"account_id": ctx.account_id, "email_id": email["email_id"]}
    known = ctx.sql.list_hosts_linked(**name)
    hosts = [row["host"] for row in known]
    if not hosts or hosts[0] == "":  # nothing, or nobody looked yet
        contents = ctx.sql.get_contents(**name) if hosts else None
        hosts = _hosts(email, contents) if contents is not None else []
    if not hosts:
        return []
    rows = ctx.sql.list_new_hosts(
        **name,
        thread_id=email["thread_id"],
        hosts=to_json(dict.fromkeys(hosts, 0)),
        addresses=to_json(dict.fromkeys(_people(email), 0)),
        limit=SHOWN,
        **ctx.actor.filter,
    )
    return [row["host"] for row in rows]


def _hosts(email: Row, contents: Mapping[str, Any]) -> list[str]:
    """Of what we composed, as it was rendered: nobody writes a link that this reads differently."""
    if email["direction"] == "inbound":
        return hosts_of(target for _, target in json.loads(contents["links_json"]))
    given = (contents["markdown"], markdown_to_html), (contents["html"], sanitised_page)
    pages = (_rendered(text, render) for text, render in given if text and any(m in text for m in MAY_LINK))
    return hosts_of(link for page in pages for link in links_in(page))


def _rendered(text: str, render: Any) -> str:
    """It was composed, so it can be; what an older release composed may be more than is rendered today."""
    try:
        return str(render(text))
    except RenderError:
        return ""


def _proven(email: Row) -> bool:
    return bool(email["auth_json"]) and json.loads(email["auth_json"]).get("verdict") in PROVEN


def _people(email: Row) -> Iterable[str]:
    """With whom it is exchanged, as compared."""
    if email["direction"] == "outbound":
        return sorted({normalise(one["address"]) for one in json.loads(email["recipients_json"])})
    try:
        return [normalise(email["from_address"])]
    except AddressError:
        return []
