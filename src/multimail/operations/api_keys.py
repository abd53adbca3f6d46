"""API keys: shown once, kept as a hash, limited by scopes and mailboxes, gone the moment they are revoked."""

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, NotRequired

from pydantic import Field, field_validator, model_validator
from typing_extensions import TypedDict

from multimail.core.errors import Refused, not_found
from multimail.core.jsontext import to_json
from multimail.core.oversight import Kind, State, event
from multimail.core.scopes import KEY_SCOPES, Scope, forbidden_combination
from multimail.core.times import optional_rfc3339, to_rfc3339
from multimail.operations import lifecycle
from multimail.operations.authenticate import KEY_PREFIXES, hash_secret, revocations
from multimail.operations.context import Context, require_whole_account
from multimail.operations.operation import Input, Operation
from multimail.operations.views import Deleted, decode_cursor, page
from multimail.storage.database import Row

LAST: Final = "~"
SHOWN: Final = 12  # characters of a secret, enough to tell keys apart


class CreateApiKey(Input):
    name: str = Field("", max_length=128)
    scopes: list[Scope] = Field(default=[Scope.READ, Scope.SEND], min_length=1, max_length=4)
    mailbox_ids: list[str] | None = Field(
        None, min_length=1, max_length=100, description="Only these; null for all."
    )
    test: bool = Field(
        False, description="A mm_test_ key: everything works and no mail ever leaves the machine."
    )

    @field_validator("scopes")
    @classmethod
    def _given_to_keys(cls, scopes: list[Scope]) -> list[Scope]:
        return _in_order(scopes)


def _in_order(scopes: list[Scope]) -> list[Scope]:
    """Each once. Raises ValueError for what is not given to keys."""
    if not set(scopes) <= set(KEY_SCOPES):
        raise ValueError("scopes are " + ", ".join(KEY_SCOPES))
    return [scope for scope in KEY_SCOPES if scope in scopes]


class ApiKeyAnswer(TypedDict):
    """`api_key` is in the answer that creates the key and nowhere else; `shown` is its beginning."""

    id: str
    key_id: str
    name: str
    shown: str
    scopes: list[str]
    mailbox_ids: list[str] | None
    test: bool
    created_at: str
    last_used_at: str | None
    expires_at: str | None
    api_key: NotRequired[str]


class ApiKeyPage(TypedDict):
    api_keys: list[ApiKeyAnswer]
    cursor: str | None


def key_view(ctx: Context, row: Row) -> dict[str, Any]:
    name = {"account_id": ctx.account_id, "key_id": row["key_id"]}
    limits = [found["mailbox_id"] for found in ctx.sql.list_key_mailboxes(**name)] if row["limited"] else None
    return {
        "id": row["key_id"],
        "key_id": row["key_id"],
        "name": row["name"],
        "shown": row["shown"],
        "scopes": json.loads(row["scopes"]),
        "mailbox_ids": limits,
        "test": bool(row["test"]),
        "created_at": to_rfc3339(row["created_at"]),
        "last_used_at": optional_rfc3339(row["last_used_at"]),
        "expires_at": optional_rfc3339(row["expires_at"]),
    }


def create_api_key(ctx: Context, given: CreateApiKey) -> Mapping[str, Any]:
    """Makes an API key and shows it, this once.

    No key holds `send` or `admin` together with `oversight`. An `oversight` key is made by an owner, in a
    session or on the server's command line, never in answer to a key. A limited key makes keys with its limit
    or less, a test key only test keys, and what expires keys that expire with it.
    """
    scopes = frozenset(given.scopes)
    _require_apart(scopes)
    if Scope.OVERSIGHT in scopes and Scope.OWNER not in ctx.actor.grants:
        raise Refused(
            "self_approval", "Only an owner makes an oversight key.", hint="multimail operator create-key"
        )
    wanted = (
        None if given.mailbox_ids is None else {ctx.mailbox(name)["mailbox_id"] for name in given.mailbox_ids}
    )
    limits = wanted if wanted is not None else ctx.actor.mailbox_ids
    own = ctx.sql.get_key(account_id=ctx.account_id, key_id=ctx.actor.id)  # None for a person
    test, expires_at = given.test or ctx.actor.test, own and own["expires_at"]
    return add_key(ctx, given.name, given.scopes, limits, test=test, expires_at=expires_at)


def _require_apart(scopes: frozenset[Scope]) -> None:
    pair = forbidden_combination(scopes)
    if pair is not None:
        sentence = f"No key holds {' and '.join(sorted(pair))}: whoever composes can't decide."
        raise Refused("self_approval", sentence, hint="make a key for each")


def new_secret(ctx: Context, prefix: str) -> str:
    """160 bits of randomness in base32."""
    return prefix + base64.b32encode(ctx.services.random(20)).decode().lower()


def add_key(
    ctx: Context,
    name: str,
    scopes: list[Scope],
    limits: set[str] | frozenset[str] | None,
    *,
    test: bool,
    expires_at: int | None = None,
    token_ends_at: int | None = None,
) -> dict[str, Any]:
    """The shape of ApiKeyAnswer with `api_key`.

    Only OAuth's keys expire, and those that they make; `token_ends_at` is when a secret does that is to be renewed.
    """
    secret = new_secret(ctx, KEY_PREFIXES[test])
    row = {
        "account_id": ctx.account_id,
        "key_id": ctx.new_id("key"),
        "name": name,
        "hash": hash_secret(secret),
        "shown": secret[:SHOWN],
        "scopes": to_json(list(scopes)),
        "limited": limits is not None,
        "test": test,
        "created_at": ctx.now,
        "created_by": f"{ctx.actor.kind}:{ctx.actor.id}",
        "expires_at": expires_at,
    }
    ctx.sql.add_key(**row)
    ctx.sql.add_key_hash(
        hash=row["hash"], account_id=ctx.account_id, key_id=row["key_id"], expires_at=token_ends_at
    )
    for mailbox_id in sorted(limits or ()):
        ctx.sql.add_key_mailbox(account_id=ctx.account_id, key_id=row["key_id"], mailbox_id=mailbox_id)
    ctx.about("api_key", str(row["key_id"]), scopes=list(scopes), test=test, limited=limits is not None)
    return key_view(ctx, row | {"last_used_at": None}) | {"api_key": secret}


class ListApiKeys(Input):
    limit: int = Field(20, ge=1, le=100)
    cursor: str | None = None


def list_api_keys(ctx: Context, given: ListApiKeys) -> Mapping[str, Any]:
    """Lists the live keys, newest first, without their secrets. A limited key sees itself alone."""
    rows = ctx.sql.list_keys(
        account_id=ctx.account_id,
        before=decode_cursor(given.cursor, LAST),
        limit=given.limit + 1,
        **ctx.actor.filter,
    )
    shown, cursor = page(rows, given.limit, lambda row: str(row["key_id"]))
    return {"api_keys": [key_view(ctx, row) for row in shown], "cursor": cursor}


class UpdateApiKey(Input):
    key_id: str
    name: str | None = Field(None, max_length=128)
    scopes: list[Scope] | None = Field(None, min_length=1, max_length=4)
    mailbox_ids: list[str] | None = Field(
        None, min_length=1, max_length=100, description="Only these, instead of those before."
    )
    all_mailboxes: bool = Field(False, description="Lifts the limit to mailboxes.")
    approval_code: str | None = None

    @field_validator("scopes")
    @classmethod
    def _given_to_keys(cls, scopes: list[Scope] | None) -> list[Scope] | None:
        return None if scopes is None else _in_order(scopes)

    @model_validator(mode="after")
    def _one_reach(self) -> "UpdateApiKey":
        if self.all_mailboxes and self.mailbox_ids is not None:
            raise ValueError("give mailbox_ids or all_mailboxes, and not both")
        return self


@dataclass(frozen=True, slots=True)
class _Reach:
    """What a key may do, and where: `limits` is None for the whole account."""

    scopes: frozenset[Scope]
    limits: frozenset[str] | None

    def within(self, other: "_Reach") -> bool:
        inside = other.limits is None or (self.limits is not None and self.limits <= other.limits)
        return self.scopes <= other.scopes and inside


def _reaches(ctx: Context, row: Row, given: UpdateApiKey) -> tuple[_Reach, _Reach]:
    """(before, after) of an update."""
    name = {"account_id": ctx.account_id, "key_id": row["key_id"]}
    limits = frozenset(one["mailbox_id"] for one in ctx.sql.list_key_mailboxes(**name))
    was = _Reach(frozenset(map(Scope, json.loads(row["scopes"]))), limits if row["limited"] else None)
    wanted = was.limits
    if given.all_mailboxes:
        require_whole_account(ctx.actor)
        wanted = None
    elif given.mailbox_ids is not None:
        wanted = frozenset(ctx.mailbox(one)["mailbox_id"] for one in given.mailbox_ids)
    return was, _Reach(was.scopes if given.scopes is None else frozenset(given.scopes), wanted)


def _named(ctx: Context, mailbox_ids: frozenset[str]) -> str:
    """An owner is to know which: how many, and the addresses after that, of which a mail may show the first alone."""
    name = {"account_id": ctx.account_id}
    boxes = (ctx.sql.get_mailbox_even_deleted(**name, mailbox_id=one) for one in sorted(mailbox_ids))
    return f"{len(mailbox_ids)} mailboxes: {', '.join(box['address'] for box in boxes)}"


def widens(ctx: Context, given: UpdateApiKey) -> str | None:
    """More scopes or mailboxes are an owner's to give; so is it to take an oversight key's eyes away."""
    row = _find(ctx, given.key_id)
    was, wanted = _reaches(ctx, row, given)
    blinded = Scope.OVERSIGHT in was.scopes and not was.within(wanted)
    if wanted.within(was) and not blinded:
        return None
    scopes = ", ".join(scope for scope in KEY_SCOPES if scope in wanted.scopes)
    where = "every mailbox" if wanted.limits is None else _named(ctx, wanted.limits)
    return f"the key {row['name'] or row['shown']} is changed: it has {scopes} from now on, in {where}"


def update_api_key(ctx: Context, given: UpdateApiKey) -> Mapping[str, Any]:
    """Changes a key's name, scopes or mailboxes. Less is free, more takes an owner.

    No update adds `oversight`, nor makes a combination that no key may have.
    """
    row = _find(ctx, given.key_id)
    was, wanted = _reaches(ctx, row, given)
    _require_apart(wanted.scopes)
    if Scope.OVERSIGHT in wanted.scopes - was.scopes:
        raise Refused(
            "self_approval", "No update adds oversight to a key.", hint="multimail operator create-key"
        )
    scopes = [scope for scope in KEY_SCOPES if scope in wanted.scopes]
    name = {"account_id": ctx.account_id, "key_id": given.key_id}
    ctx.sql.update_key(
        **name,
        name=row["name"] if given.name is None else given.name,
        scopes=to_json(scopes),
        limited=wanted.limits is not None,
    )
    ctx.sql.clear_key_mailboxes(**name)
    for mailbox_id in sorted(wanted.limits or ()):
        ctx.sql.add_key_mailbox(**name, mailbox_id=mailbox_id)
    if wanted.limits is not None:
        ctx.sql.limit_webhooks_of(**name)
    ctx.tx.notify(revocations(given.key_id))
    changes = given.model_dump(mode="json", exclude_defaults=True, exclude={"key_id", "approval_code"})
    ctx.about("api_key", given.key_id, changes=changes, was=sorted(was.scopes))
    return key_view(ctx, ctx.sql.get_key(**name))


class RevokeApiKey(Input):
    key_id: str
    approval_code: str | None = None


def _find(ctx: Context, key_id: str) -> Row:
    """Nobody else changes it until this transaction ends: no change of a name gives back what was taken away."""
    ctx.sql.lock_message(name=f"key/{ctx.account_id}/{key_id}")
    row = ctx.sql.get_key(account_id=ctx.account_id, key_id=key_id)
    limited = ctx.actor.mailbox_ids is not None and key_id != ctx.actor.id
    if row is None or row["revoked_at"] is not None or limited:
        raise not_found("api key")
    return row


def blinds(ctx: Context, given: RevokeApiKey) -> str | None:
    """Whoever revokes an oversight key takes a human's eyes away."""
    row = _find(ctx, given.key_id)
    watches = Scope.OVERSIGHT in json.loads(row["scopes"])
    return f"the oversight key {row['name'] or row['shown']} is revoked" if watches else None


def revoke_api_key(ctx: Context, given: RevokeApiKey) -> Mapping[str, Any]:
    """Revokes a key at once, for requests under way too.

    What it sent unapproved and has not left is held again.
    """
    row = _find(ctx, given.key_id)
    ctx.sql.revoke_key(account_id=ctx.account_id, key_id=given.key_id, now=ctx.now)
    ctx.tx.notify(revocations(given.key_id))
    for found in ctx.sql.list_unreleased_by_author(account_id=ctx.account_id, author_id=given.key_id):
        email = ctx.sql.lock_email(account_id=ctx.account_id, email_id=found["email_id"])
        if email["state"] in (State.QUEUED, State.SCHEDULED) and not lifecycle.approved(email):
            lifecycle.advance(ctx, email, event(Kind.REVOKE_KEY))
    ctx.about("api_key", given.key_id, name=row["name"])
    return {"id": given.key_id, "deleted": True}


ALIASES: Final = {"id": "key_id"}

CREATE_API_KEY = Operation(
    name="create_api_key",
    run=create_api_key,
    input=CreateApiKey,
    output=ApiKeyAnswer,
    scopes=(Scope.ADMIN,),
    effect="write",
    method="POST",
    path="/v1/api-keys",
    status=201,
    errors=("self_approval", "not_found"),
)
LIST_API_KEYS = Operation(
    name="list_api_keys",
    run=list_api_keys,
    input=ListApiKeys,
    output=ApiKeyPage,
    scopes=(Scope.ADMIN,),
    effect="read",
    audited=False,
    method="GET",
    path="/v1/api-keys",
)
UPDATE_API_KEY = Operation(
    name="update_api_key",
    run=update_api_key,
    input=UpdateApiKey,
    output=ApiKeyAnswer,
    scopes=(Scope.ADMIN,),
    effect="write",
    method="PATCH",
    path="/v1/api-keys/{key_id}",
    aliases=ALIASES,
    needs_owner=widens,
    errors=("not_found", "self_approval", "mailbox_limited", "invalid_approval_code"),
)
REVOKE_API_KEY = Operation(
    name="revoke_api_key",
    run=revoke_api_key,
    input=RevokeApiKey,
    output=Deleted,
    scopes=(Scope.ADMIN,),
    effect="destructive",
    method="DELETE",
    path="/v1/api-keys/{key_id}",
    aliases=ALIASES,
    needs_owner=blinds,
    errors=("not_found", "invalid_approval_code"),
)
