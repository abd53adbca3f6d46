"""Passkeys (W3C WebAuthn Level 3): what operators sign in with beside links and codes.

A challenge is signed by us and says for whom and until when it is good, so that none has to be kept until it comes
back; one that came back is kept until it has expired, so that it comes back once. The library is loaded by who needs
it: it is 10 MiB and a tenth of the server's start.
"""

import hashlib
import hmac
import json
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from ipaddress import ip_address
from typing import Any, Final
from urllib.parse import urlsplit

from pydantic import Field
from typing_extensions import TypedDict

from multimail.core.errors import Refused, invalid, not_found
from multimail.core.scopes import Scope
from multimail.core.times import MINUTE, optional_rfc3339, to_rfc3339
from multimail.operations.authenticate import operator_actor
from multimail.operations.context import Context, Services, Site
from multimail.operations.mailboxes import DisplayName
from multimail.operations.operation import Input, Operation
from multimail.operations.operators import SESSION_LIFE, new_token
from multimail.operations.views import Deleted, page_of_few
from multimail.storage.database import Row, Tx

LIFE: Final = 10 * MINUTE
MOST: Final = 20  # of one operator
NONCE, UNTIL = 16, 8  # octets
ANSWER: Final = 16 * 1024
WHOSE: Final = re.compile("(acc_[0-9a-z]{26}) (opr_[0-9a-z]{26})")


def relying_party(site: Site) -> str | None:
    """The name that passkeys are bound to: that of the public URL, None where it is an address (5.1.2, effective
    domain)."""
    host = urlsplit(site.public_url).hostname or ""
    try:
        ip_address(host)
    except ValueError:
        return host or None
    return None


def _origin(site: Site) -> str:
    parts = urlsplit(site.public_url)
    return f"{parts.scheme}://{parts.netloc}"


def _challenge(services: Services, whom: str) -> bytes:
    said = services.random(NONCE) + (services.clock() + LIFE).to_bytes(UNTIL)
    return said + _seal(services, whom, said)


def _seal(services: Services, whom: str, said: bytes) -> bytes:
    return hmac.new(services.link_secret, b"passkey:" + whom.encode() + said, hashlib.sha256).digest()


def _take(services: Services, tx: Tx, whom: str, answer: Mapping[str, Any]) -> bytes | None:
    """The challenge that an answer is to, if it is ours, for this person, in time, and has not come back yet."""
    try:
        client = json.loads(_octets(answer["response"]["clientDataJSON"]))
        challenge = _octets(client["challenge"])
    except (KeyError, TypeError, ValueError):
        return None
    said, seal = challenge[: NONCE + UNTIL], challenge[NONCE + UNTIL :]
    until = int.from_bytes(said[NONCE:])
    if not hmac.compare_digest(seal, _seal(services, whom, said)) or until < services.clock():
        return None
    name = f"passkey:{hashlib.sha256(challenge).hexdigest()}"
    return challenge if tx.sql.use_challenge(challenge=name, expires_at=until) else None


def _octets(text: str) -> bytes:
    return urlsafe_b64decode(text.encode("ascii") + b"=" * (-len(text) % 4))


def _text(octets: bytes) -> str:
    return urlsafe_b64encode(octets).decode().rstrip("=")


def _no_answer() -> tuple[type[Exception], ...]:
    """Whatever a broken one trips over."""
    from webauthn.helpers.exceptions import WebAuthnException

    return WebAuthnException, ValueError, KeyError, TypeError


def _read(answer: str) -> dict[str, Any]:
    try:
        found = json.loads(answer)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise invalid("answer", "what navigator.credentials answered, as JSON")
    return found


class Passkey(TypedDict):
    id: str
    name: str
    created_at: str
    last_used_at: str | None


class PasskeyPage(TypedDict):
    """`options` are what navigator.credentials.create() takes to make another, as JSON; null where the server has no
    name of its own, but an address."""

    passkeys: list[Passkey]
    cursor: str | None
    options: str | None


class ListPasskeys(Input):
    limit: int = Field(20, ge=1, le=100)
    cursor: str | None = None


def passkey_view(row: Row) -> dict[str, Any]:
    return {
        "id": row["passkey_id"],
        "name": row["name"],
        "created_at": to_rfc3339(row["created_at"]),
        "last_used_at": optional_rfc3339(row["last_used_at"]),
    }


def list_passkeys(ctx: Context, given: ListPasskeys) -> Mapping[str, Any]:
    """Lists one's own passkeys, with what a browser needs to make another."""
    rows = _own(ctx)
    host = relying_party(ctx.services.site)
    options = None
    if host is not None:
        import webauthn
        from webauthn.helpers import structs

        made = webauthn.generate_registration_options(
            rp_id=host,
            rp_name="MultiMail",
            user_id=f"{ctx.account_id} {ctx.actor.id}".encode(),
            user_name=ctx.actor.name,
            challenge=_challenge(ctx.services, ctx.actor.id),
            authenticator_selection=structs.AuthenticatorSelectionCriteria(
                resident_key=structs.ResidentKeyRequirement.REQUIRED,
                user_verification=structs.UserVerificationRequirement.REQUIRED,  # it stands for a whole sign-in
            ),
            exclude_credentials=[
                structs.PublicKeyCredentialDescriptor(id=_octets(row["passkey_id"])) for row in rows
            ],
        )
        options = webauthn.options_to_json(made)
    shown, cursor = page_of_few(rows, given.limit, given.cursor, lambda row: str(row["created_at"]))
    return {"passkeys": [passkey_view(row) for row in shown], "cursor": cursor, "options": options}


def _own(ctx: Context) -> list[Row]:
    rows: list[Row] = ctx.sql.list_passkeys(account_id=ctx.account_id, operator_id=ctx.actor.id)
    return rows


class AddPasskey(DisplayName):
    name: str = Field("", max_length=64, description="To know it by.")
    answer: str = Field(
        max_length=ANSWER, description="What navigator.credentials.create() answered, as JSON."
    )


def add_passkey(ctx: Context, given: AddPasskey) -> Mapping[str, Any]:
    """Adds a passkey of one's own, made with the options of list_passkeys."""
    if len(_own(ctx)) >= MOST:
        raise Refused("conflict", f"A person has at most {MOST} passkeys.", status="full")
    answer, host = _read(given.answer), relying_party(ctx.services.site)
    challenge = None if host is None else _take(ctx.services, ctx.tx, ctx.actor.id, answer)
    if host is None or challenge is None:
        raise not_found("challenge")  # not ours, not this person's, too late, or here before
    import webauthn

    try:
        made = webauthn.verify_registration_response(
            credential=answer,
            expected_challenge=challenge,
            expected_rp_id=host,
            expected_origin=_origin(ctx.services.site),
            require_user_verification=True,
        )
    except _no_answer():
        raise invalid("answer", "the passkey could not be verified") from None
    row = {"account_id": ctx.account_id, "passkey_id": _text(made.credential_id)}
    added = ctx.sql.add_passkey(
        **row,
        operator_id=ctx.actor.id,
        name=given.name or "Passkey",
        public_key=_text(made.credential_public_key),
        sign_count=made.sign_count,
        created_at=ctx.now,
    )
    if not added:
        raise Refused("conflict", "That passkey is known already.", status="known")
    ctx.about("operator", ctx.actor.id, passkey=row["passkey_id"], name=given.name)
    return passkey_view(ctx.sql.get_passkey(**row))


class RemovePasskey(Input):
    passkey_id: str


def remove_passkey(ctx: Context, given: RemovePasskey) -> Mapping[str, Any]:
    """Removes a passkey of one's own. Sessions that it opened go on: end them by revoke_operator_session."""
    name = {"account_id": ctx.account_id, "passkey_id": given.passkey_id}
    if not ctx.sql.remove_passkey(**name, operator_id=ctx.actor.id):
        raise not_found("passkey")
    ctx.about("operator", ctx.actor.id, passkey=given.passkey_id)
    return {"id": given.passkey_id, "deleted": True}


def sign_in_options(services: Services) -> str | None:
    """What navigator.credentials.get() takes, as JSON: for whoever may come, with any passkey of this name."""
    host = relying_party(services.site)
    if host is None:
        return None
    import webauthn
    from webauthn.helpers.structs import UserVerificationRequirement

    made = webauthn.generate_authentication_options(
        rp_id=host,
        challenge=_challenge(services, ""),
        user_verification=UserVerificationRequirement.REQUIRED,
    )
    return webauthn.options_to_json(made)


def by_passkey(services: Services, tx: Tx, given: str) -> str | None:
    """A unit of work: a session's token for the right answer, None for any other."""
    host = relying_party(services.site)
    try:
        answer = _read(given[:ANSWER])
        whose = WHOSE.fullmatch(_octets(answer["response"]["userHandle"]).decode())
        passkey_id = _text(_octets(answer["rawId"]))
    except (Refused, KeyError, TypeError, ValueError):
        return None
    if whose is None:
        return None
    account_id, operator_id = whose.groups()
    row = tx.sql.get_passkey(account_id=account_id, passkey_id=passkey_id)
    operator = tx.sql.get_operator(account_id=account_id, operator_id=operator_id)
    challenge = _take(services, tx, "", answer)
    if host is None or challenge is None or not row or not operator or row["operator_id"] != operator_id:
        return None
    import webauthn

    try:
        proven = webauthn.verify_authentication_response(
            credential=answer,
            expected_challenge=challenge,
            expected_rp_id=host,
            expected_origin=_origin(services.site),
            credential_public_key=_octets(row["public_key"]),
            credential_current_sign_count=row["sign_count"],
            require_user_verification=True,
        )
    except _no_answer():
        return None
    ctx = Context(services, tx, operator_actor(operator), services.clock())
    used = {"account_id": account_id, "passkey_id": passkey_id, "now": ctx.now}
    tx.sql.use_passkey(**used, sign_count=proven.new_sign_count)
    tx.sql.note_joined(account_id=account_id, operator_id=operator_id, now=ctx.now)
    return new_token(ctx, "session", SESSION_LIFE)


LIST_PASSKEYS = Operation(
    name="list_passkeys",
    run=list_passkeys,
    input=ListPasskeys,
    output=PasskeyPage,
    scopes=(Scope.OPERATOR, Scope.PERSON),
    effect="read",
    audited=False,
    method="GET",
    path="/v1/passkeys",
)
ADD_PASSKEY = Operation(
    name="add_passkey",
    run=add_passkey,
    input=AddPasskey,
    output=Passkey,
    scopes=(Scope.OPERATOR, Scope.PERSON),
    effect="write",
    method="POST",
    path="/v1/passkeys",
    status=201,
    errors=("not_found", "conflict"),
)
REMOVE_PASSKEY = Operation(
    name="remove_passkey",
    run=remove_passkey,
    input=RemovePasskey,
    output=Deleted,
    scopes=(Scope.OPERATOR, Scope.PERSON),
    effect="destructive",
    method="DELETE",
    path="/v1/passkeys/{passkey_id}",
    aliases={"id": "passkey_id"},
    errors=("not_found",),
)
