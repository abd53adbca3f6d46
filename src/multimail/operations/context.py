"""What an operation is given: who asks, the transaction, the time, and where the product runs."""

import secrets
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from random import Random
from typing import Any, Final, Literal, Protocol, TypeVar

from multimail.core.errors import Refused, not_found
from multimail.core.ids import Ids
from multimail.core.plans import NO_LIMITS, Plan
from multimail.core.scopes import Scope
from multimail.core.spam import SecondOpinion
from multimail.mail.lookups import NOWHERE, Dns
from multimail.operations.acquaintances import Acquaintances
from multimail.operations.rates import Rates
from multimail.operations.vault import Vault
from multimail.storage.blobs import Blobs
from multimail.storage.database import Database, Row, Tx

T = TypeVar("T")
ActorKind = Literal["key", "operator", "system", "public"]


@dataclass(frozen=True, slots=True)
class Actor:
    """Who asks. `mailbox_ids` is None for one who sees the whole account, `plan` where nobody looked it up, and
    `ends_at` unless what was shown ends before its key does: an access token that is renewed."""

    kind: ActorKind
    id: str
    name: str
    account_id: str
    grants: frozenset[Scope]
    test: bool = False
    mailbox_ids: frozenset[str] | None = None
    plan: str | None = None
    ends_at: int | None = None

    @property
    def sees_held(self) -> bool:
        """Held and declined inbound mail exists for nobody else (contract §4)."""
        return Scope.OVERSIGHT in self.grants or self.kind in ("operator", "system")

    def reaches(self, mailbox_id: str | None) -> bool:
        return self.mailbox_ids is None or mailbox_id in self.mailbox_ids

    @property
    def filter(self) -> dict[str, Any]:
        """The parameters with which list queries keep to the mailboxes of a limited key."""
        return {"unlimited": self.mailbox_ids is None, "key_id": self.id}


EVERYTHING: Final = frozenset(Scope)
PUBLIC: Final = Actor("public", "", "anyone", "", frozenset({Scope.PUBLIC}))


def system(account_id: str, name: str) -> Actor:
    """A worker that acts for the product itself, named for the audit log."""
    return Actor("system", name, name, account_id, EVERYTHING)


@dataclass(frozen=True, slots=True)
class Site:
    """Where this product runs and how mail leaves it; the part of the settings that operations need.

    `self_hosted` has the limits of accounts on no other plan; `sign_up` is the plan of accounts that anyone may
    open, empty where nobody may.
    """

    domain: str
    public_url: str
    delivery: Literal["sandbox", "mx", "relay"]
    self_hosted: Plan = NO_LIMITS
    sign_up: str = ""

    @property
    def mail_host(self) -> str:
        """The name of the server that takes mail in and sends it out."""
        return f"mail.{self.domain}"


class Apart(Protocol):
    """Runs work on a whole message, away from the event loop if it can; see apart.py."""

    def __call__(self, function: Callable[..., T], /, *arguments: Any) -> Awaitable[T]: ...


async def here(function: Callable[..., T], /, *arguments: Any) -> T:
    """For whoever has no loop to keep free: a command, a test."""
    return function(*arguments)


Fetch = Callable[[str], Awaitable[tuple[int, bytes]]]  # a stranger's https URL; raises Refused("url_refused")


async def nowhere(url: str) -> tuple[int, bytes]:
    """Where nobody may be called."""
    raise Refused("url_refused")


@dataclass(frozen=True, slots=True)
class Services:
    """`apart` runs work on whole messages. `clock` gives microseconds since the epoch, `random` that many bytes
    nobody can guess, `bits` that many random bits for ids, which are no secrets: asking the operating system
    for each would cost more than SQL."""

    db: Database
    blobs: Blobs
    site: Site
    check_url: Callable[[str], Awaitable[None]]  # raises Refused("url_refused")
    vault: Vault
    link_secret: bytes
    apart: Apart = here
    dns: Dns = NOWHERE  # asked when mail that came in is judged
    dns_lists: tuple[str, ...] = ()  # zones that are asked about servers that send
    second_opinion: SecondOpinion | None = None  # a spam filter beside ours
    fetch: Fetch = nowhere
    clock: Callable[[], int] = lambda: time.time_ns() // 1000
    random: Callable[[int], bytes] = secrets.token_bytes
    rates: Rates = field(default_factory=Rates)
    acquaintances: Acquaintances = field(default_factory=Acquaintances)
    bits: Callable[[int], int] = Random().getrandbits  # noqa: S311  # seeded by the operating system
    ids: Ids = field(default_factory=lambda: Ids(Random().getrandbits))  # noqa: S311  # the same

    def new_id(self, prefix: str) -> str:
        return self.ids.make(prefix, self.clock() // 1000)


@dataclass(frozen=True, slots=True)
class Caller:
    """What came with the request beside its input. `credential` is a key's text or an actor already known.

    `counted` is False for what continues a request that was counted against the key's rate: a stream's batches.
    """

    credential: str | Actor | None
    request_id: str
    metadata: Mapping[str, str] = field(default_factory=dict)
    idempotency_key: str | None = None
    counted: bool = True


@dataclass(slots=True)
class Context:
    """One operation under way, inside its transaction."""

    services: Services
    tx: Tx
    actor: Actor
    now: int
    metadata: Mapping[str, str] = field(default_factory=dict)
    request_id: str = ""
    subject: tuple[str, str, str | None] | None = None  # of the audit entry: type, id, mailbox
    facts: dict[str, Any] = field(default_factory=dict)

    @property
    def sql(self) -> Any:
        return self.tx.sql

    @property
    def account_id(self) -> str:
        return self.actor.account_id

    def new_id(self, prefix: str) -> str:
        return self.services.new_id(prefix)

    def about(
        self, resource_type: str, resource_id: str, mailbox_id: str | None = None, **facts: Any
    ) -> None:
        """What this operation's audit entry is about, and what else it should say."""
        self.subject = (resource_type, resource_id, mailbox_id)
        self.facts |= facts

    def mailbox(self, id_or_address: str) -> Row:
        return find_mailbox(self.tx, self.actor, id_or_address)

    def email(self, email_id: str) -> Row:
        """The email if this actor may know of it, else the same 404 as for none."""
        row = self.sql.get_email(account_id=self.account_id, email_id=email_id)
        if row is None or not self.actor.reaches(row["mailbox_id"]):
            raise not_found("email")
        if row["state"] in ("held", "declined") and not self.actor.sees_held:
            raise not_found("email")
        return row


def find_mailbox(tx: Tx, actor: Actor, id_or_address: str) -> Row:
    """By id or by address; another account's, a deleted one and one beyond the key's limit are all 404."""
    mailbox_id: str | None = id_or_address
    if "@" in id_or_address:
        address = id_or_address.strip().lower()
        mailbox_id = tx.sql.find_own_address(account_id=actor.account_id, address=address)
    row = mailbox_id and tx.sql.get_mailbox(account_id=actor.account_id, mailbox_id=mailbox_id)
    if not row or not actor.reaches(row["mailbox_id"]):
        raise not_found("mailbox")
    return row


def require_whole_account(actor: Actor) -> None:
    """For account-wide administration, which a key limited to mailboxes never does."""
    if actor.mailbox_ids is not None:
        raise Refused("mailbox_limited")
