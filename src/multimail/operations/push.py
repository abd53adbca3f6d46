"""Web push: the browsers in which a person is told that mail waits, and what they are told (RFC 8030, RFC 8291).

A browser's push service gets ciphertext, and from it the browser learns a number: whoever looks over a shoulder, or at
a locked screen, reads no word of a mail. Who is told, and when, is as with mails (core/attention.py).
"""

import hashlib
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Final
from urllib.parse import urlsplit

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from pydantic import Field, field_validator
from typing_extensions import TypedDict

from multimail.core.attention import after_quiet
from multimail.core.errors import Refused, not_found
from multimail.core.jsontext import to_json
from multimail.core.scopes import Scope
from multimail.core.times import MINUTE, to_rfc3339
from multimail.mail.identity import generate_key, load_private_pem, private_pem
from multimail.operations.context import Context, Services, system
from multimail.operations.jobs import Lease
from multimail.operations.notifications import watcher
from multimail.operations.operation import Input, Operation
from multimail.operations.vault import PUSH_SUBSCRIPTION, SIGNING_KEY
from multimail.operations.views import Deleted, page_of_few
from multimail.operations.watching import all_waiting
from multimail.operations.webhooks import refuse_url
from multimail.storage.database import Row, Tx

MOST: Final = 10  # browsers of one operator
EVERY: Final = MINUTE  # at most so often in one browser
KEY: Final = {"purpose": "push", "name": "vapid"}
LOOPBACK: Final = ("localhost", "127.0.0.1", "::1")


class PushSubscription(TypedDict):
    """`host` is the browser's push service."""

    id: str
    host: str
    created_at: str


class PushSubscriptions(TypedDict):
    """`key` is what a browser subscribes with (`applicationServerKey`, base64url), null where there is none."""

    key: str | None
    subscriptions: list[PushSubscription]
    cursor: str | None


class ListPushSubscriptions(Input):
    limit: int = Field(20, ge=1, le=100)
    cursor: str | None = None


def list_push_subscriptions(ctx: Context, given: ListPushSubscriptions) -> Mapping[str, Any]:
    """Lists the browsers in which one is told oneself that mail waits."""
    key = find_key(ctx.services, ctx.tx)
    shown, cursor = page_of_few(_own(ctx), given.limit, given.cursor, lambda row: str(row["subscription_id"]))
    return {
        "key": None if key is None else public_text(key),
        "subscriptions": [_view(row) for row in shown],
        "cursor": cursor,
    }


def _own(ctx: Context) -> list[Row]:
    rows: list[Row] = ctx.sql.list_push_subscriptions(account_id=ctx.account_id, operator_id=ctx.actor.id)
    return rows


def _view(row: Row) -> dict[str, Any]:
    return {"id": row["subscription_id"], "host": row["host"], "created_at": to_rfc3339(row["created_at"])}


class AddPushSubscription(Input):
    """What a browser's PushSubscription says of itself (Push API 8)."""

    endpoint: str = Field(max_length=2048, description="The push service's URL for this browser.")
    p256dh: str = Field(
        max_length=100, description="Its public key, base64url: an uncompressed point of P-256."
    )
    auth: str = Field(max_length=32, description="Its secret, base64url: 16 octets.")

    @field_validator("p256dh")
    @classmethod
    def _point(cls, text: str) -> str:
        ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), _octets(text))
        if len(_octets(text)) != 65:
            raise ValueError("an uncompressed point has 65 octets")
        return text

    @field_validator("auth")
    @classmethod
    def _secret(cls, text: str) -> str:
        if len(_octets(text)) != 16:
            raise ValueError("16 octets are needed")
        return text


def _octets(text: str) -> bytes:
    """Raises ValueError."""
    return urlsafe_b64decode(text.encode("ascii") + b"=" * (-len(text) % 4))


async def check_endpoint(services: Services, given: AddPushSubscription, found: None = None) -> None:
    """Raises Refused("url_refused"). In plain only on this machine, for trying out."""
    await services.check_url(given.endpoint)
    url = urlsplit(given.endpoint)
    if url.scheme != "https" and url.hostname not in LOOPBACK:
        raise refuse_url("A push service is called by https:// alone.")


def add_push_subscription(ctx: Context, given: AddPushSubscription, checked: None) -> Mapping[str, Any]:
    """Tells oneself in a browser too, from now on, that mail waits: when and of what one's notification settings say.

    A person has at most ten browsers. One that somebody else signed in with before is theirs no more.
    """
    endpoint_sha256 = hashlib.sha256(given.endpoint.encode()).hexdigest()
    ctx.sql.drop_push_endpoint(account_id=ctx.account_id, endpoint_sha256=endpoint_sha256)
    if len(_own(ctx)) >= MOST:
        raise Refused("conflict", f"A person is told in at most {MOST} browsers.", status="full")
    name = {"account_id": ctx.account_id, "subscription_id": ctx.new_id("psh")}
    keys = {"endpoint": given.endpoint, "p256dh": given.p256dh, "auth": given.auth}
    row = name | {
        "operator_id": ctx.actor.id,
        "endpoint_sha256": endpoint_sha256,
        "host": urlsplit(given.endpoint).hostname or "",
        "sealed": ctx.services.vault.seal(PUSH_SUBSCRIPTION, name, to_json(keys)),
        "created_at": ctx.now,
    }
    ctx.sql.add_push_subscription(**row)
    # What waits already is told of at once: so one sees how it looks.
    ctx.sql.add_job(
        account_id=ctx.account_id, kind="push", subject_id=name["subscription_id"], run_at=ctx.now
    )
    ctx.tx.notify("jobs", "push")
    ctx.about("operator", ctx.actor.id, browser=name["subscription_id"], host=row["host"])
    return _view(row)


class RemovePushSubscription(Input):
    subscription_id: str


def remove_push_subscription(ctx: Context, given: RemovePushSubscription) -> Mapping[str, Any]:
    """Tells oneself nothing any more in one of one's browsers."""
    name = {"account_id": ctx.account_id, "subscription_id": given.subscription_id}
    if not ctx.sql.remove_push_subscription(**name, operator_id=ctx.actor.id):
        raise not_found("subscription")
    ctx.about("operator", ctx.actor.id, browser=given.subscription_id)
    return {"id": given.subscription_id, "deleted": True}


async def open_push_key(services: Services) -> None:
    """Makes the installation's key where there is none. Of two processes that start at once the first one's counts."""
    if await services.db.read(lambda tx: tx.sql.get_signing_key(**KEY)) is None:
        sealed = services.vault.seal(SIGNING_KEY, KEY, private_pem(generate_key()))
        now = services.clock()
        await services.db.write(partial(_keep_key, sealed, now))


def _keep_key(sealed: str, now: int, tx: Tx) -> None:
    tx.sql.add_signing_key(**KEY, private_pem=sealed, created_at=now)


def find_key(services: Services, tx: Tx) -> ec.EllipticCurvePrivateKey | None:
    sealed = tx.sql.get_signing_key(**KEY)
    return None if sealed is None else load_private_pem(services.vault.open(SIGNING_KEY, KEY, sealed))


def public_octets(key: ec.EllipticCurvePrivateKey) -> bytes:
    """65 of them: the uncompressed point."""
    return key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)


def public_text(key: ec.EllipticCurvePrivateKey) -> str:
    return urlsafe_b64encode(public_octets(key)).decode().rstrip("=")


@dataclass(frozen=True, slots=True)
class Push:
    """A message that is to be sent now: `told` is what the page's worker gets. `contact` is who sends it."""

    endpoint: str
    p256dh: str
    auth: str
    told: dict[str, Any]
    key: ec.EllipticCurvePrivateKey
    public_key: str
    contact: str


def push_message(services: Services, tx: Tx, lease: Lease) -> Push | None:
    """A unit of work: None where nothing is to be said now, and then the job has ended, or waits for its time."""
    ctx = Context(services, tx, system(lease.account_id, "oversight"), services.clock())
    row = tx.sql.get_push_subscription(account_id=lease.account_id, subscription_id=lease.subject_id)
    everybody = tx.sql.list_deciders(account_id=lease.account_id)
    person = row and next((one for one in everybody if one["operator_id"] == row["operator_id"]), None)
    key = find_key(services, tx)
    waiting = sum(not email["test"] for email in all_waiting(ctx, person)) if person else 0
    if not person or not waiting or key is None:
        tx.sql.finish_job(**lease.name)
        return None
    free_at = after_quiet(max(ctx.now, row["sent_at"] + EVERY), watcher(person))
    if free_at > ctx.now:
        tx.sql.release_job(**lease.name, run_at=free_at)
        return None
    keys = json.loads(services.vault.open(PUSH_SUBSCRIPTION, row, row["sealed"]))
    contact = services.site.public_url
    return Push(
        **keys,
        told={"waiting": waiting},
        key=key,
        public_key=public_text(key),
        contact=contact if contact.startswith("https://") else f"mailto:postmaster@{services.site.domain}",
    )


def settle_push(
    services: Services, tx: Tx, lease: Lease, *, gone: bool, sent: bool, retry_at: int | None
) -> None:
    """A unit of work: what became of it. A subscription that is `gone` is forgotten."""
    if not tx.sql.holds_lease(**lease.name):
        return
    name = {"account_id": lease.account_id, "subscription_id": lease.subject_id}
    if gone:
        tx.sql.end_push_subscription(**name)
    if sent:
        tx.sql.note_pushed(**name, now=services.clock())
    if retry_at is None:
        tx.sql.finish_job(**lease.name)
    else:
        tx.sql.retry_job(**lease.name, run_at=retry_at)


LIST_PUSH_SUBSCRIPTIONS = Operation(
    name="list_push_subscriptions",
    run=list_push_subscriptions,
    input=ListPushSubscriptions,
    output=PushSubscriptions,
    scopes=(Scope.OPERATOR,),
    effect="read",
    audited=False,
    method="GET",
    path="/v1/push-subscriptions",
)
ADD_PUSH_SUBSCRIPTION = Operation(
    name="add_push_subscription",
    run=add_push_subscription,
    prepare=check_endpoint,
    input=AddPushSubscription,
    output=PushSubscription,
    scopes=(Scope.OPERATOR,),
    effect="write",
    method="POST",
    path="/v1/push-subscriptions",
    status=201,
    errors=("conflict", "url_refused"),
)
REMOVE_PUSH_SUBSCRIPTION = Operation(
    name="remove_push_subscription",
    run=remove_push_subscription,
    input=RemovePushSubscription,
    output=Deleted,
    scopes=(Scope.OPERATOR,),
    effect="destructive",
    method="DELETE",
    path="/v1/push-subscriptions/{subscription_id}",
    aliases={"id": "subscription_id"},
    errors=("not_found",),
)
