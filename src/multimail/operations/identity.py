"""Who writes from an address here, for whoever got mail from it: what the headers of that mail say, and no more.

An address is known from the first live email that left it. Until then, as for a test mailbox, one that was deleted,
and one that never was, there is nothing here.
"""

from collections.abc import Mapping
from typing import Any, Final, Literal

from pydantic import Field
from typing_extensions import TypedDict

from multimail.core.address import AddressError, normalise
from multimail.core.errors import not_found
from multimail.core.identity import reputation_hash
from multimail.core.oversight import Mode
from multimail.core.scopes import Scope
from multimail.core.times import DAY, to_rfc3339
from multimail.operations.context import Context
from multimail.operations.operation import Input, Operation
from multimail.storage.database import Row

CAPABILITIES: Final = {
    Mode.READ_ONLY: ("read",),
    Mode.GATED_ALL: ("send_with_approval",),
    Mode.GATED_SEND: ("read", "send_with_approval"),
    Mode.MONITORED: ("read", "send"),
    Mode.AUTONOMOUS: ("read", "send"),
}
WINDOW: Final = 30 * DAY
MOST: Final = 10_001  # emails that are counted: a stranger's question costs no more
HIGH: Final = 0.05  # bounces per email, as of which mail providers take a sender for a bad one

Volume = Literal["under 100", "100 to 1,000", "1,000 to 10,000", "over 10,000"]
Bounces = Literal["too few to tell", "low", "high"]
FEW: Final = 100
VOLUMES: Final[tuple[tuple[int, Volume], ...]] = (
    (FEW, "under 100"),
    (1_000, "100 to 1,000"),
    (10_000, "1,000 to 10,000"),
)


class GetIdentity(Input):
    address: str = Field(description="The address that mail came from.")


class IdentityAnswer(TypedDict):
    """The standing claims of X-MultiMail-Identity; `signing_key` has the key that its signatures are made with."""

    address: str
    ai_generated: bool
    capabilities: list[str]
    operator: str
    verified_operator: bool
    oversight_mode: str
    service: str
    reputation_sha256: str
    signing_key: str


def get_identity(ctx: Context, given: GetIdentity) -> Mapping[str, Any]:
    """Shows who answers for an address: its operator, verified or not, and how much of it a human approves.

    Only for an address that mail has come from; it is what the X-MultiMail-Identity header of that mail says.
    """
    try:
        address = normalise(given.address.strip())
    except AddressError:
        raise not_found("agent") from None
    mailbox = _known(ctx, ctx.sql.find_address(address=address))
    account = ctx.sql.get_account(account_id=mailbox["account_id"])
    return {
        "address": address,
        "ai_generated": not mailbox["human_written"],
        "capabilities": sorted(CAPABILITIES[Mode(mailbox["oversight_mode"])]),
        "operator": account["name"],
        "verified_operator": account["oversight_email_verified_at"] is not None,
        "oversight_mode": mailbox["oversight_mode"],
        "service": ctx.services.site.domain,
        "reputation_sha256": reputation_hash(address),
        "signing_key": f"{ctx.services.site.public_url}/.well-known/multimail-signing-key",
    }


class GetReputation(Input):
    sha256: str = Field(description="The value of X-MultiMail-Reputation.")


class ReputationAnswer(TypedDict):
    """`volume` and `bounces` are of the last 30 days; `bounces` is told from 100 emails on. `since` is a month."""

    sha256: str
    service: str
    since: str
    volume: Volume
    bounces: Bounces


def get_reputation(ctx: Context, given: GetReputation) -> Mapping[str, Any]:
    """Shows how a sender has done lately, by the hash in the X-MultiMail-Reputation header of its mail."""
    sha256 = given.sha256.strip().lower()
    mailbox = _known(ctx, ctx.sql.find_address_by_hash(sha256=sha256))
    name = {"account_id": mailbox["account_id"], "mailbox_id": mailbox["mailbox_id"]}
    sent = ctx.sql.count_live_sent(**name, after=ctx.now - WINDOW, limit=MOST)
    volume, bounces = standing(sent["emails"], sent["bounced"])
    return {
        "sha256": sha256,
        "service": ctx.services.site.domain,
        "since": to_rfc3339(mailbox["created_at"])[:7],
        "volume": volume,
        "bounces": bounces,
    }


def standing(emails: int, bounced: int) -> tuple[Volume, Bounces]:
    """Counts in bands so wide that nothing of anyone's mail shows in them."""
    volume: Volume = next((words for bound, words in VOLUMES if emails < bound), "over 10,000")
    if emails < FEW:
        return volume, "too few to tell"
    return volume, "high" if bounced > HIGH * emails else "low"


def _known(ctx: Context, found: Row | None) -> Row:
    """The mailbox behind an entry of the directory, if live mail has left it. Raises Refused("not_found")."""
    if found is not None:
        name = {"account_id": found["account_id"], "mailbox_id": found["mailbox_id"]}
        mailbox: Row | None = ctx.sql.get_mailbox(**name)
        if mailbox is not None and not mailbox["test"] and ctx.sql.has_sent_live(**name):
            return mailbox
    raise not_found("agent")


GET_IDENTITY: Final = Operation(
    name="get_identity",
    run=get_identity,
    input=GetIdentity,
    output=IdentityAnswer,
    scopes=(Scope.PUBLIC,),
    effect="read",
    audited=False,
    method="GET",
    path="/.well-known/agent/{address}",
    errors=("not_found",),
)
GET_REPUTATION: Final = Operation(
    name="get_reputation",
    run=get_reputation,
    input=GetReputation,
    output=ReputationAnswer,
    scopes=(Scope.PUBLIC,),
    effect="read",
    audited=False,
    method="GET",
    path="/.well-known/reputation/{sha256}",
    errors=("not_found",),
)
