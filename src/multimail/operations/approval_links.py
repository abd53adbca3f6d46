"""Deciding by the link in a notification mail: one person, one revision, once, within three days (contract §6a).

Whoever opens it sees what would leave; mail scanners open links too, so looking decides nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import Field
from typing_extensions import TypedDict

from multimail.core.errors import Refused, not_found
from multimail.core.oversight import PUBLIC_STATUS, State
from multimail.core.scopes import Scope
from multimail.core.times import to_rfc3339
from multimail.operations.authenticate import hash_secret, operator_actor
from multimail.operations.context import Context, Services
from multimail.operations.html import html_of
from multimail.operations.links import open_link
from multimail.operations.operation import Input, Operation, write_audit
from multimail.operations.oversight import (
    DecideEmail,
    Decision,
    PendingEmail,
    Verdict,
    decide_email,
    pending_view,
)
from multimail.operations.watching import APPROVE, WAITING
from multimail.storage.database import Row


@dataclass(frozen=True, slots=True)
class Linked:
    """What a link stands for, looked up."""

    ctx: Context  # as the person whose link it is
    email: Row
    revision: str
    expires_at: int


class ApprovalLink(Input):
    token: str = Field(max_length=2048)


class DecideByLink(ApprovalLink):
    action: Verdict
    reason: str | None = Field(None, max_length=2000, description="Told to the agent.")


class Approval(TypedDict):
    """What would leave. `html` is its HTML body, '' where it has none, and untrusted: for a sandboxed frame only."""

    decider: str
    expires_at: str
    html: str
    email: PendingEmail


def open_approval(ctx: Context, given: ApprovalLink) -> Linked:
    """Raises Refused: not_found for a link that is forged, used, expired or whose person decides no more; conflict
    and stale_revision where there is nothing to decide as it was then."""
    claims = open_link(ctx.services.link_secret, APPROVE, given.token)
    if claims is None or claims[4] < ctx.now or ctx.sql.is_challenge_used(challenge=hash_secret(given.token)):
        raise not_found("link")
    account_id, operator_id, email_id, revision, expires_at = claims
    person = ctx.sql.get_operator(account_id=account_id, operator_id=operator_id)
    email = ctx.sql.get_email(account_id=account_id, email_id=email_id)
    actor = person and operator_actor(person)
    if not actor or email is None or Scope.OVERSIGHT not in actor.grants:
        raise not_found("link")
    status = PUBLIC_STATUS[State(email["state"])]
    if email["state"] not in WAITING:
        raise Refused(
            "conflict", f"The email is {status}: there is nothing to decide any more.", status=status
        )
    if email["revision"] != revision:
        raise Refused("stale_revision", status=status)
    its = Context(ctx.services, ctx.tx, actor, ctx.now, ctx.metadata, ctx.request_id)
    return Linked(its, email, revision, expires_at)


def find_raw(ctx: Context, given: ApprovalLink) -> tuple[str, str]:
    """The account and the address of the raw message."""
    email = open_approval(ctx, given).email
    name = {"account_id": email["account_id"], "email_id": email["email_id"]}
    return email["account_id"], ctx.sql.get_contents(**name)["raw_sha256"]


async def load_html(services: Services, given: ApprovalLink, found: tuple[str, str]) -> str:
    return await services.apart(html_of, bytes(await services.blobs.load(services.db, *found)))


def show_approval(ctx: Context, given: ApprovalLink, html: str) -> Mapping[str, Any]:
    """Shows what a link asks a person to decide on: the email exactly as it would leave. Decides nothing.

    A browser gets a page with the two buttons; a program that accepts application/json the same as JSON.
    """
    linked = open_approval(ctx, given)
    linked.ctx.about("email", linked.email["email_id"], linked.email["mailbox_id"], revision=linked.revision)
    write_audit(linked.ctx, "show_approval")
    return {
        "decider": linked.ctx.actor.name,
        "expires_at": to_rfc3339(linked.expires_at),
        "html": html,
        "email": pending_view(linked.ctx, linked.email),
    }


def decide_by_link(ctx: Context, given: DecideByLink) -> Mapping[str, Any]:
    """Approves or rejects the revision that a link names, as the person whom it was mailed to. It works once.

    The same holds as for decide_email: an approval waits five seconds, in which it can be taken back at the desk.
    """
    linked = open_approval(ctx, given)
    used = {"challenge": hash_secret(given.token), "expires_at": linked.expires_at}
    if not ctx.sql.use_challenge(**used):
        raise not_found("link")
    name = {"email_id": linked.email["email_id"], "revision": linked.revision}
    decision = decide_email(linked.ctx, DecideEmail(**name, action=given.action, reason=given.reason))
    linked.ctx.facts |= {"by": "link"}
    write_audit(linked.ctx, "decide_email")
    return decision


SHOW_APPROVAL = Operation(
    name="show_approval",
    run=show_approval,
    find=find_raw,
    prepare=load_html,
    input=ApprovalLink,
    output=Approval,
    scopes=(Scope.PUBLIC,),
    effect="read",
    method="GET",
    path="/v1/approve/{token}",
    page=True,
    errors=("not_found", "conflict", "stale_revision"),
)
DECIDE_BY_LINK = Operation(
    name="decide_by_link",
    run=decide_by_link,
    input=DecideByLink,
    output=Decision,
    scopes=(Scope.PUBLIC,),
    effect="write",
    method="POST",
    path="/v1/approve/{token}",
    page=True,
    aliases={"decision": "action"},
    errors=(
        "not_found",
        "conflict",
        "stale_revision",
        "self_approval",
        "four_eyes",
        "read_only",
        "insufficient_scope",
    ),
)
