"""What a reply answers: found by the server, so that no agent can be talked into writing to a stranger."""

import json
from dataclasses import dataclass

from multimail.core.address import Address, AddressError, normalise, parse_address
from multimail.core.errors import Refused, not_found
from multimail.mail.dmarc import aligned
from multimail.operations.context import Actor, find_mailbox
from multimail.storage.database import Row, Tx


@dataclass(frozen=True, slots=True)
class Target:
    """The email that is answered. `message_id` and `references` are without angle brackets."""

    email_id: str
    thread_id: str
    subject: str
    message_id: str
    references: tuple[str, ...]
    recipients: tuple[Address, ...]
    automatic: str = ""  # why it seems a machine's
    words: str = ""  # what it says and quotes: what an answer may quote


def find_target(
    tx: Tx, actor: Actor, mailbox: str | None, email_id: str | None, thread_id: str | None
) -> tuple[Row, Target]:
    """The mailbox that answers and the email it answers. Raises Refused: not_found, ambiguous_reply."""
    email = _by_id(tx, actor, email_id) if email_id is not None else _newest(tx, actor, thread_id or "")
    own = find_mailbox(tx, actor, email["mailbox_id"])
    if mailbox is not None and find_mailbox(tx, actor, mailbox)["mailbox_id"] != own["mailbox_id"]:
        raise not_found("email")
    return own, _target(tx, email)


def _by_id(tx: Tx, actor: Actor, email_id: str) -> Row:
    row = tx.sql.get_email(account_id=actor.account_id, email_id=email_id)
    hidden = row is not None and row["state"] in ("held", "declined") and not actor.sees_held
    if row is None or hidden or not actor.reaches(row["mailbox_id"]):
        raise not_found("email")
    return row


def _newest(tx: Tx, actor: Actor, thread_id: str) -> Row:
    """The newest inbound email from the thread's starter or from someone already written to (contract §6c)."""
    name = {"account_id": actor.account_id, "thread_id": thread_id}
    thread = tx.sql.get_thread(**name)
    seen = tx.sql.first_in_thread(**name, see_held=actor.sees_held)
    if thread is None or seen is None or not actor.reaches(thread["mailbox_id"]):
        raise not_found("thread")
    # The true starter counts, seen or not: a follow-up to mail that was declined must not pass for one.
    known = {tx.sql.first_in_thread(**name, see_held=True)["from_address"]}
    for row in tx.sql.written_to_in_thread(**name):
        for column in ("to_json", "cc_json", "bcc_json"):
            known |= {normalise(address) for address in json.loads(row[column])}
    known.discard("")  # of a starter that was erased; a stranger can write an empty From
    for email in tx.sql.list_thread_inbound(**name):
        if email["from_address"] in known and _may_redirect(email):
            return email
    raise Refused("ambiguous_reply", hint="name the email to answer with email_id")


def _may_redirect(email: Row) -> bool:
    """Whether its Reply-To is followed unasked: the owner of From's domain vouches for it, or it leads back there.

    Anybody can write a known From; a forged one must not lead the answer away.
    """
    auth = json.loads(email["auth_json"] or "{}")
    verdict = auth.get("verdict", "none")
    domain = email["from_address"].rpartition("@")[2]
    elsewhere = [one for one in json.loads(email["reply_to_json"]) if one.lower() != email["from_address"]]
    leads_back = verdict == "none" and all(
        aligned(one.rpartition("@")[2].lower(), domain) for one in elsewhere
    )
    return not elsewhere or verdict in ("pass", "local") or leads_back


def _target(tx: Tx, email: Row) -> Target:
    if email["erased_at"] is not None:
        raise Refused(
            "ambiguous_reply", "The email was erased: nobody is there to answer.", hint="use send_email"
        )
    contents = tx.sql.get_contents(account_id=email["account_id"], email_id=email["email_id"])
    headers = (
        {name.lower(): value for name, value in json.loads(contents["headers_json"])} if contents else {}
    )
    earlier = headers.get("references", "") or headers.get("in-reply-to", "")
    if email["direction"] == "outbound":
        recipients = tuple(Address("", address) for address in json.loads(email["to_json"]))
    else:
        answer_to = json.loads(email["reply_to_json"]) or [email["from_address"]]
        recipients = tuple(Address("", address) for address in answer_to if _can_be_written_to(address))
    if not recipients:
        raise Refused("ambiguous_reply", "The email names nobody to answer.", hint="use send_email")
    return Target(
        email_id=email["email_id"],
        thread_id=email["thread_id"],
        subject=email["subject"],
        message_id=email["message_id"],
        references=tuple(item.strip("<>") for item in earlier.split() if item.startswith("<")),
        recipients=recipients,
        automatic=email["automatic"] or "",
        words=f"{contents['markdown']}\n{contents['quoted']}\n{contents['text'] or ''}" if contents else "",
    )


def _can_be_written_to(address: str) -> bool:
    """A stranger's From and Reply-To may hold anything."""
    try:
        parse_address(address)
    except AddressError:
        return False
    return True
