"""Operation: a capability declared once. invoke(): the only door to all of them.

Every surface comes through `invoke()`: authentication, scope, input, idempotency, the owner's consent where
one is needed, one transaction, and the audit entry are done here and nowhere else.
"""

import hashlib
import re
from collections.abc import Awaitable, Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from inspect import cleandoc
from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from multimail.core.errors import Refused, invalid
from multimail.core.jsontext import sorted_json
from multimail.core.oversight import HIDDEN
from multimail.core.rate import Allowance
from multimail.core.scopes import Scope, allowed
from multimail.operations import consent, idempotency
from multimail.operations.authenticate import authenticate, require_valid
from multimail.operations.context import Actor, Caller, Context, Services
from multimail.operations.rates import count_request
from multimail.storage.database import Row, StorageFull, Tx

Method = Literal["GET", "POST", "PUT", "PATCH", "DELETE"]
Body = Mapping[str, Any]

VALUES: Final = (
    65_536  # in one input: each costs far more than its bytes, and update_notifications takes 53,000
)
ITEMS: Final = 4096  # of one list or object, far above what any input takes
FAULTS: Final = 100  # that are told of one input
_MAPPINGS: Final = (dict, Mapping)  # the plain ones first: to ask an abstract class takes longer
_HOLDERS: Final = (dict, list, tuple, Mapping)
_SURROGATE: Final = re.compile("[\ud800-\udfff]")

# What any operation may answer beside its own errors.
COMMON_ERRORS: Final = ("malformed_request", "unauthenticated", "insufficient_scope", "invalid_fields",
                        "conflicting_fields", "too_large", "rate_limited", "internal_error", "unavailable")  # fmt: skip


class Input(BaseModel):
    """An operation's input. Unknown fields are ignored here and named in `warnings` by the surface."""

    model_config = ConfigDict(extra="ignore", use_enum_values=False)


@dataclass(frozen=True, slots=True)
class Route:
    """A further spelling of an operation: `pinned` are inputs that this route fixes."""

    method: Method
    path: str
    pinned: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Operation:
    """One capability.

    `run(ctx, given)` or, with `prepare`, `run(ctx, given, prepared)` is synchronous and happens inside the
    transaction. `prepare(services, given, found)` is awaited before it, for work that must not hold one, on what
    `find(ctx, given)` looked up (None without it) in the snapshot in which the caller was authenticated.
    A Refused that `run` returns leaves its traces, such as a counted attempt; one that it raises undoes all.
    `scopes` is an alternative: any one is enough. `needs_owner` says, inside the transaction, what consent the
    call asks of an owner, in words, or None. `aliases` maps other spellings of an input to its name. With `waits`,
    `prepare` may take minutes: a surface cancels it when its caller leaves or the server stops. `page`: a browser
    that comes by a link gets a page at this path instead of JSON. `glimpse` is a read that is audited only where
    `run` says that it showed something worth it (operations/turns.py), in a transaction of its own.
    """

    name: str
    run: Callable[..., Body | Refused]
    input: type[Input]
    output: Any
    scopes: tuple[Scope, ...]
    effect: Literal["read", "write", "destructive"]
    method: Method
    path: str
    status: int = 200
    also: tuple[Route, ...] = ()
    aliases: Mapping[str, str] = field(default_factory=dict)
    errors: tuple[str, ...] = ()
    find: Callable[..., Any] | None = None
    prepare: Callable[..., Awaitable[Any]] | None = None
    needs_owner: Callable[..., str | None] | None = None
    audited: bool = True
    glimpse: bool = False
    idempotent: bool = False
    streams: bool = False
    waits: bool = False
    page: bool = False

    @property
    def summary(self) -> str:
        return cleandoc(self.run.__doc__ or "")

    @property
    def transactional(self) -> bool:
        """A read that is audited (it showed a body) writes its entry, so it needs a writing transaction."""
        return self.effect != "read" or self.audited or self.needs_owner is not None


@dataclass(frozen=True, slots=True)
class Answer:
    """`allowance` is what is left to the key, where something limits it."""

    status: int
    body: Body
    allowance: Allowance | None = None


async def invoke(services: Services, operation: Operation, raw: Mapping[str, Any], caller: Caller) -> Answer:
    """Runs `operation` on `raw` input (canonical names) for `caller`. Raises Refused, StorageFull."""

    def enter(tx: Tx) -> tuple[Actor, tuple[Input, Any] | Refused]:
        actor = authenticate(tx, caller.credential)
        try:
            check_scope(operation, actor)
            given = read_input(operation.input, raw)
            ctx = Context(services, tx, actor, services.clock())
            return actor, (given, None if operation.find is None else operation.find(ctx, given))
        except Refused as refused:
            return actor, refused

    actor, entered = await services.db.read(enter)
    allowance = _count(services, actor) if caller.counted else None
    if isinstance(entered, Refused):  # after it was counted: who asks for nonsense asks, too
        raise entered
    given, found = entered
    prepared = () if operation.prepare is None else (await operation.prepare(services, given, found),)
    metadata = dict(caller.metadata) | dict(getattr(given, "metadata", None) or {})

    unnoted = False
    glimpsed: Context | None = None

    def unit(tx: Tx) -> Answer | Refused:
        nonlocal unnoted, glimpsed
        asker = authenticate(tx, caller.credential) if operation.waits else actor  # it may hold less by now
        check_scope(operation, asker)
        ctx = Context(services, tx, asker, services.clock(), metadata, caller.request_id)
        unnoted = require_valid(tx, asker, ctx.now, note_use=operation.transactional)
        done = _run(ctx, operation, given, prepared, caller)
        glimpsed = ctx if operation.glimpse and ctx.subject is not None else None
        return done

    answer = await (services.db.write(unit) if operation.transactional else services.db.read(unit))
    if unnoted:  # a key that only reads is used, too: once a minute that is a transaction of its own
        await _note_use(services, actor)
    if glimpsed is not None:
        await _note_glimpse(services, operation, glimpsed)
    if isinstance(answer, Refused):
        raise answer
    return answer if allowance is None else replace(answer, allowance=allowance)


async def _note_use(services: Services, actor: Actor) -> None:
    """Where the disk is full reading goes on all the same."""
    used = {"account_id": actor.account_id, "key_id": actor.id, "now": services.clock()}
    with suppress(StorageFull):
        await services.db.write(lambda tx: tx.sql.touch_key(**used))


async def _note_glimpse(services: Services, operation: Operation, seen: Context) -> None:
    """Before anybody has the answer. Where the disk is full nothing is sent for which it could count."""
    with suppress(StorageFull):
        await services.db.write(lambda tx: write_audit(replace(seen, tx=tx), operation.name))


def _count(services: Services, actor: Actor) -> Allowance | None:
    if actor.kind != "key":
        return None
    return count_request(services.rates, actor.id, actor.plan, services.site.self_hosted, services.clock())


def _run(
    ctx: Context, operation: Operation, given: Input, prepared: tuple[Any, ...], caller: Caller
) -> Answer | Refused:
    """A Refused that is returned is committed first (a counted attempt); one that is raised undoes everything."""
    key = (
        (caller.idempotency_key or getattr(given, "idempotency_key", None)) if operation.idempotent else None
    )
    if key is not None:
        digest = fingerprint(given)
        earlier = idempotency.begin(ctx, operation.name, key, digest)
        if earlier is not None:
            return Answer(200, earlier | {"idempotent": True})
    if operation.needs_owner is not None and Scope.OWNER not in ctx.actor.grants:
        asked = operation.needs_owner(ctx, given)
        if asked is not None:
            pending = consent.require(
                ctx, operation.name, fingerprint(given), asked, getattr(given, "approval_code", None)
            )
            if pending is not None:
                return pending if isinstance(pending, Refused) else Answer(202, pending)
    body = operation.run(ctx, given, *prepared)
    if isinstance(body, Refused):
        return body
    if operation.audited and ctx.subject is not None:
        write_audit(ctx, operation.name)
    if key is not None:
        idempotency.finish(ctx, operation.name, key, body)
    return Answer(operation.status, body)


def check_scope(operation: Operation, actor: Actor) -> None:
    """401 for nobody, 403 with a hint for somebody who may not."""
    if allowed(actor.grants, operation.scopes):
        return
    if actor.kind == "public":
        raise Refused("unauthenticated", "Send an API key: Authorization: Bearer mm_live_…")
    wanted = " or ".join(operation.scopes)
    raise Refused(
        "insufficient_scope", hint=f"{operation.name} needs: {wanted}", needs=list(operation.scopes)
    )


def read_input(model: type[Input], raw: Mapping[str, Any]) -> Input:
    """Raises Refused: invalid_fields, which names the fields at fault, the first FAULTS of them, and too_large."""
    if _look_through(raw) is not None:
        raise invalid(
            _unkept("", raw) or "", "text without NUL characters and halves of surrogate pairs is needed"
        )
    try:
        return model.model_validate(raw)
    except ValidationError as error:
        fields = [
            {"path": ".".join(str(part) for part in item["loc"]), "message": item["msg"]}
            for item in error.errors(include_url=False, include_context=False, include_input=False)[:FAULTS]
        ]
        raise Refused(
            "invalid_fields", f"{fields[0]['path']}: {fields[0]['message']}", fields=fields
        ) from None


def _look_through(raw: Mapping[str, Any]) -> str | None:
    """A text that can't be kept, None where all can be: quick, for what is nearly always well. Raises
    Refused("too_large") above VALUES and ITEMS: what is wrong with each of very many is long to find out."""
    waiting: list[Any] = [raw]
    seen = 0
    while waiting:
        value = waiting.pop()
        seen += len(value)
        if len(value) > ITEMS or seen > VALUES:
            sentence = f"An input has at most {VALUES} values, and {ITEMS} in one list or object."
            raise Refused("too_large", sentence)
        items = value
        if isinstance(value, _MAPPINGS):
            for name in value:
                if isinstance(name, str) and _is_unkept(name):
                    return name
            items = value.values()
        for item in items:
            if isinstance(item, str):
                if _is_unkept(item):
                    return item
            elif isinstance(item, _HOLDERS):
                waiting.append(item)
    return None


def _is_unkept(text: str) -> bool:
    """Whether PostgreSQL or UTF-8 can't keep it."""
    return "\0" in text or (not text.isascii() and _SURROGATE.search(text) is not None)


def _unkept(path: str, value: Any) -> str | None:
    """The path of the first text that can't be kept, None where all can be."""
    if isinstance(value, str):
        return path if _is_unkept(value) else None
    items: Iterable[tuple[object, Any]] = ()
    if isinstance(value, Mapping):
        items = value.items()
        if any(isinstance(key, str) and _unkept(path, key) is not None for key in value):
            return path
    elif isinstance(value, list | tuple):
        items = enumerate(value)
    found = (_unkept(f"{path}.{key}" if path else str(key), item) for key, item in items)
    return next((one for one in found if one is not None), None)


def fingerprint(given: Input) -> str:
    """SHA-256 over the canonical JSON of what was asked, without what merely accompanies it."""
    asked = given.model_dump(mode="json", exclude={"idempotency_key", "approval_code"})
    return hashlib.sha256(sorted_json(asked).encode()).hexdigest()


def audit_held(ctx: Context, action: str, rows: Iterable[Row]) -> None:
    """An entry of its own for each held or declined email that was shown: others must not learn of it."""
    for row in rows:
        if row["state"] in HIDDEN:
            ctx.about("email", row["email_id"], row["mailbox_id"])
            write_audit(ctx, action)
    ctx.subject = None


def write_audit(ctx: Context, action: str) -> None:
    """One entry of the audit log, in this transaction; the sealer chains it within a second."""
    resource_type, resource_id, mailbox_id = ctx.subject or ("account", ctx.account_id, None)
    ctx.sql.add_audit(
        account_id=ctx.account_id,
        entry_id=ctx.new_id("aud"),
        at=ctx.now,
        actor_kind=ctx.actor.kind,
        actor_id=ctx.actor.id,
        actor_name=ctx.actor.name,
        action=action,
        resource_type=resource_type,
        resource_id=resource_id,
        mailbox_id=mailbox_id,
        metadata_json=sorted_json(dict(ctx.metadata) | ctx.facts),
    )
    ctx.tx.notify("audit", ctx.account_id)
