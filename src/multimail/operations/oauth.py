"""OAuth 2.1 for programs that connect by themselves: who they say they are, what a person agrees to, and the key
that they get.

A client that registers (RFC 7591) gets an id that is its registration, signed: nothing is stored, so nobody can fill
the database. A client may instead name a metadata document of its own (Client ID Metadata Documents). Both are
public clients: PKCE proves that who comes for the key is who asked for it. Access tokens are API keys with an end.

A client that says that it renews its tokens gets short ones, and refresh tokens that are each good once (OAuth 2.1
section 4.3, RFC 9700 section 4.14). They are other secrets of the same key: it is listed once, it ends when the person
said, and whoever revokes it, or uses a refresh token again, ends them all.
"""

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final
from urllib.parse import urlencode, urlsplit

from multimail.core.errors import Refused
from multimail.core.identity import base64url
from multimail.core.jsontext import to_json
from multimail.core.oauth import CHALLENGE, proves, redirect_fault, same_redirect, same_resource
from multimail.core.scopes import Scope
from multimail.core.times import DAY, HOUR, SECOND
from multimail.operations.api_keys import SHOWN, RevokeApiKey, add_key, new_secret, revoke_api_key
from multimail.operations.authenticate import KEY_PREFIXES, hash_secret, key_actor, operator_actor
from multimail.operations.context import Context, Services, Site
from multimail.operations.operation import write_audit
from multimail.storage.database import Tx

SCOPES: Final = (Scope.READ, Scope.SEND, Scope.ADMIN)  # never oversight: a program does not decide
USUAL: Final = (Scope.READ, Scope.SEND)
DAYS: Final = (1, 30, 90)  # how long a person may let a program in
CODE_LIFE: Final = 60 * SECOND
ACCESS_LIFE: Final = HOUR  # of a token that is renewed
REGISTERED: Final = "mmc_"
REFRESH_PREFIX: Final = "mmr_"
CODE_GRANT: Final = "authorization_code"
REFRESH_GRANT: Final = "refresh_token"
GRANTS: Final = (CODE_GRANT, REFRESH_GRANT)
NAME_LENGTH: Final = 100
REDIRECTS: Final = 5
STATE_LENGTH: Final = 2048
DOCUMENT_LENGTH: Final = 16 * 1024


class Untrusted(Exception):
    """Who asks, or where to answer, is not known: a person is told, and nobody is sent anywhere."""


class Fault(Exception):
    """An OAuth error: a code of RFC 6749 (4.1.2.1, 5.2), 7591 or 8707, and words."""

    def __init__(self, code: str, words: str) -> None:
        super().__init__(words)
        self.code = code
        self.words = words


@dataclass(frozen=True, slots=True)
class Client:
    """`name` is what it calls itself and proves nothing; `host` is where its document lies, "" if it registered;
    `renews` says that it can use refresh tokens."""

    client_id: str
    name: str
    redirect_uris: tuple[str, ...]
    renews: bool
    host: str = ""


@dataclass(frozen=True, slots=True)
class Asked:
    """An authorization request that can be answered at `redirect_uri`."""

    client: Client
    redirect_uri: str
    state: str
    scopes: tuple[Scope, ...]
    challenge: str

    def back(self, site: Site, **answer: str) -> str:
        """Where the browser goes with the answer; `iss` tells from whom it is (RFC 9207)."""
        given = answer | ({"state": self.state} if self.state else {}) | {"iss": site.public_url}
        joint = "&" if urlsplit(self.redirect_uri).query else "?"
        return self.redirect_uri + joint + urlencode(given)


@dataclass(frozen=True, slots=True)
class Grant:
    """What a code stands for."""

    client_id: str
    client_name: str
    redirect_uri: str
    challenge: str
    scopes: tuple[str, ...]
    mailbox_ids: tuple[str, ...] | None
    days: int
    renews: bool = False


def resource(site: Site) -> str:
    """What tokens are for: the MCP endpoint (and, as they are keys, the API beside it)."""
    return f"{site.public_url}/mcp"


def register(services: Services, given: Mapping[str, Any]) -> dict[str, Any]:
    """A registration's answer (RFC 7591 section 3.2.1). Raises Fault."""
    name, redirects, renews = _described(given)
    text = to_json([name, redirects, renews]).encode()
    client_id = f"{REGISTERED}{base64url(text)}.{_signature(services, text)}"
    return {
        "client_id": client_id,
        "client_id_issued_at": services.clock() // SECOND,
        "client_name": name,
        "redirect_uris": list(redirects),
        "token_endpoint_auth_method": "none",
        "grant_types": [CODE_GRANT, *([REFRESH_GRANT] if renews else ())],
        "response_types": ["code"],
    }


def _described(given: Mapping[str, Any]) -> tuple[str, tuple[str, ...], bool]:
    """A client's name and redirect URIs, within bounds, and whether it renews its tokens. Raises Fault."""
    redirects = given.get("redirect_uris")
    if not isinstance(redirects, list) or not 0 < len(redirects) <= REDIRECTS:
        raise Fault("invalid_redirect_uri", f"redirect_uris: one to {REDIRECTS} are needed")
    for uri in redirects:
        fault = redirect_fault(uri) if isinstance(uri, str) else "a redirect URI is text"
        if fault is not None:
            raise Fault("invalid_redirect_uri", fault)
    name = given.get("client_name")
    shown = "".join(char for char in name if char.isprintable()) if isinstance(name, str) else ""
    grants = given.get("grant_types")
    renews = isinstance(grants, list) and REFRESH_GRANT in grants
    return shown.strip()[:NAME_LENGTH], tuple(redirects), renews


def _signature(services: Services, text: bytes) -> str:
    """The words before it keep it apart from signed links and forms, which are of the same secret."""
    return base64url(hmac.new(services.link_secret, b"oauth client 2:" + text, hashlib.sha256).digest())


def is_elsewhere(client_id: str) -> bool:
    """Whether to know this client takes a call to an address that whoever asks has chosen."""
    return client_id.startswith("https://")


async def find_client(services: Services, client_id: str) -> Client:
    """Raises Untrusted."""
    if client_id.startswith(REGISTERED):
        return _registered(services, client_id)
    if is_elsewhere(client_id):
        return await _described_elsewhere(services, client_id)
    raise Untrusted("This program has not said who it is: its client_id is not known here.")


def _registered(services: Services, client_id: str) -> Client:
    body, _, signature = client_id.removeprefix(REGISTERED).partition(".")
    try:
        text = base64.urlsafe_b64decode(body + "=" * (-len(body) % 4))
    except ValueError:
        text = b""
    if not hmac.compare_digest(_signature(services, text).encode(), signature.encode()):
        raise Untrusted("This program's registration was not made here. It can register again.")
    name, redirects, renews = json.loads(text)
    return Client(client_id, name, tuple(redirects), renews)


async def _described_elsewhere(services: Services, client_id: str) -> Client:
    """draft-ietf-oauth-client-id-metadata-document: the document names itself, and is fetched like any stranger's."""
    parts = urlsplit(client_id)
    if len(client_id) > STATE_LENGTH or parts.path in ("", "/") or parts.fragment or "@" in parts.netloc:
        raise Untrusted("The program's client_id is not the address of a document.")
    try:
        status, body = await services.fetch(client_id)
        document = json.loads(body) if status == 200 and len(body) <= DOCUMENT_LENGTH else None
    except (Refused, ValueError) as error:
        raise Untrusted(f"The program's document could not be read: {error}") from None
    if not isinstance(document, dict) or document.get("client_id") != client_id:
        raise Untrusted("The program's document does not name its own address as client_id.")
    try:
        name, redirects, renews = _described(document)
    except Fault as fault:
        raise Untrusted(f"The program's document: {fault.words}.") from None
    return Client(client_id, name, redirects, renews, parts.hostname or "")


async def read_request(services: Services, given: Mapping[str, str]) -> tuple[Asked, Fault | None]:
    """An authorization request, and what is wrong with it where the client is to be told. Raises Untrusted."""
    client = await find_client(services, given.get("client_id", ""))
    redirect = given.get("redirect_uri", "") or (
        client.redirect_uris[0] if len(client.redirect_uris) == 1 else ""
    )
    if redirect_fault(redirect) or not any(same_redirect(known, redirect) for known in client.redirect_uris):
        raise Untrusted("The program wants the answer at an address that it has not registered.")
    wanted = given.get("scope", "").split()
    scopes = tuple(scope for scope in SCOPES if scope in wanted) or USUAL
    state = given.get("state", "")
    asked = Asked(client, redirect, state[:STATE_LENGTH], scopes, given.get("code_challenge", ""))
    return asked, _request_fault(services, given, state)


def _request_fault(services: Services, given: Mapping[str, str], state: str) -> Fault | None:
    if len(state) > STATE_LENGTH:
        return Fault("invalid_request", "state is too long")
    if given.get("response_type") != "code":
        return Fault("unsupported_response_type", "response_type is code")
    if given.get("code_challenge_method") != "S256" or not CHALLENGE.fullmatch(
        given.get("code_challenge", "")
    ):
        return Fault("invalid_request", "PKCE is needed: code_challenge, and code_challenge_method=S256")
    if not _ours(services.site, given.get("resource", "")):
        return Fault("invalid_target", f"resource is {resource(services.site)}")
    return None


def _ours(site: Site, wanted: str) -> bool:
    return not wanted or any(same_resource(wanted, known) for known in (resource(site), site.public_url))


def grant(ctx: Context, asked: Asked, scopes: list[Scope], mailboxes: list[str] | None, days: int) -> str:
    """A code for what an owner agreed to: no more than was asked for. Raises Refused."""
    if Scope.OWNER not in ctx.actor.grants:
        raise Refused("insufficient_scope", "An owner lets programs in.")
    limits = (
        None if mailboxes is None else tuple(sorted({ctx.mailbox(name)["mailbox_id"] for name in mailboxes}))
    )
    agreed = tuple(scope.value for scope in asked.scopes if scope in scopes)
    if not agreed or days not in DAYS or limits == ():
        raise Refused("invalid_fields", "Choose what the program may do, where, and for how long.")
    client = asked.client
    stands_for = Grant(
        client.client_id,
        client.name,
        asked.redirect_uri,
        asked.challenge,
        agreed,
        limits,
        days,
        client.renews,
    )
    code = base64url(ctx.services.random(32))
    ctx.sql.add_authorization_code(
        hash=hash_secret(code),
        account_id=ctx.account_id,
        operator_id=ctx.actor.id,
        grant_json=to_json(asdict(stands_for)),
        now=ctx.now,
        expires_at=ctx.now + CODE_LIFE,
    )
    ctx.about("account", ctx.account_id, client=client.name, scopes=list(agreed), days=days)
    write_audit(ctx, "authorize_client")
    return code


def exchange(services: Services, given: Mapping[str, str], tx: Tx) -> dict[str, Any] | Fault:
    """The token's answer (RFC 6749 section 5.1). A Fault is returned, so that what it undid stays undone."""
    if not _ours(services.site, given.get("resource", "")):
        return Fault("invalid_target", f"resource is {resource(services.site)}")
    wanted = given.get("grant_type")
    if wanted not in GRANTS:
        return Fault("unsupported_grant_type", f"grant_type is {' or '.join(GRANTS)}")
    return (_exchange_code if wanted == CODE_GRANT else _renew)(services, given, tx)


def _exchange_code(services: Services, given: Mapping[str, str], tx: Tx) -> dict[str, Any] | Fault:
    """A code is good once: who comes with it again ends the key that it got (OAuth 2.1 section 4.1.3)."""
    name = hash_secret(given.get("code", ""))
    row = tx.sql.get_authorization_code(hash=name)
    now = services.clock()
    if row is None or row["expires_at"] <= now:
        return Fault("invalid_grant", "the code is unknown or too old")
    operator = tx.sql.get_operator(account_id=row["account_id"], operator_id=row["operator_id"])
    if operator is None or Scope.OWNER not in operator_actor(operator).grants:
        return Fault("invalid_grant", "whoever agreed is no owner any more")
    ctx = Context(services, tx, operator_actor(operator), now)
    if row["key_id"] is not None:
        _end(ctx, row["key_id"])
        return Fault("invalid_grant", "the code was used before")
    stands_for = Grant(**json.loads(row["grant_json"]))
    fault = _code_fault(stands_for, given)
    if fault is not None:
        tx.sql.remove_authorization_code(hash=name)
        return fault
    if not tx.sql.claim_authorization_code(hash=name):
        return Fault("invalid_grant", "the code was used before")
    return _issue(ctx, name, stands_for)


def _code_fault(stands_for: Grant, given: Mapping[str, str]) -> Fault | None:
    if given.get("client_id") != stands_for.client_id:
        return Fault("invalid_grant", "the code is another client's")
    if given.get("redirect_uri", stands_for.redirect_uri) != stands_for.redirect_uri:
        return Fault("invalid_grant", "redirect_uri is not that of the request")
    if not proves(given.get("code_verifier", ""), stands_for.challenge):
        return Fault("invalid_grant", "code_verifier does not prove who asked")
    return None


def _issue(ctx: Context, code_hash: str, stands_for: Grant) -> dict[str, Any]:
    limits = None if stands_for.mailbox_ids is None else set(stands_for.mailbox_ids)
    scopes = [Scope(scope) for scope in stands_for.scopes]
    key_name = f"{stands_for.client_name or urlsplit(stands_for.redirect_uri).netloc or 'a program'} (OAuth)"
    expires_at = ctx.now + stands_for.days * DAY
    ends_at = ctx.now + ACCESS_LIFE if stands_for.renews else None
    made = add_key(ctx, key_name, scopes, limits, test=False, expires_at=expires_at, token_ends_at=ends_at)
    ctx.sql.note_authorized_key(hash=code_hash, key_id=made["id"])
    write_audit(ctx, "create_api_key")
    told = _told(ctx, made["api_key"], stands_for.scopes, ends_at or expires_at)
    if stands_for.renews:
        told["refresh_token"] = _add_refresh_token(ctx, made["id"], stands_for.client_id, expires_at)
    return told


def _told(ctx: Context, token: str, scopes: Sequence[str], ends_at: int) -> dict[str, Any]:
    """The shape of RFC 6749 section 5.1."""
    return {
        "access_token": token,
        "token_type": "Bearer",
        "expires_in": (ends_at - ctx.now) // SECOND,
        "scope": " ".join(scopes),
    }


def _add_refresh_token(ctx: Context, key_id: str, client_id: str, expires_at: int) -> str:
    token = new_secret(ctx, REFRESH_PREFIX)
    row = {"hash": hash_secret(token), "account_id": ctx.account_id, "key_id": key_id, "client_id": client_id}
    ctx.sql.add_refresh_token(**row, now=ctx.now, expires_at=expires_at)
    return token


def _renew(services: Services, given: Mapping[str, str], tx: Tx) -> dict[str, Any] | Fault:
    """The next access token and the next refresh token of the same key, with the same scopes until the same end.

    A refresh token that comes again is in two hands, and nobody can tell which of them is a thief's: the key ends
    (RFC 9700 section 4.14.2). The access token before lasts until its own end.
    """
    shown, now = hash_secret(given.get("refresh_token", "")), services.clock()
    key = tx.sql.get_refresh_token(hash=shown)
    if key is None or key["client_id"] != given.get("client_id"):
        return Fault("invalid_grant", "the refresh token is unknown, or another client's")
    if key["revoked_at"] is not None or key["expires_at"] <= now:
        return Fault("invalid_grant", "what was agreed to has ended: ask again")
    scopes = json.loads(key["scopes"])
    if not set(given.get("scope", "").split()) <= set(scopes):
        return Fault("invalid_scope", "a renewed token can do no more than the first")
    ctx = Context(services, tx, key_actor(tx, key), now)
    if not tx.sql.claim_refresh_token(hash=shown, now=now):
        _end(ctx, key["key_id"])
        return Fault(
            "invalid_grant", "the refresh token was used before: nothing that came of it is good any more"
        )
    token, ends_at = new_secret(ctx, KEY_PREFIXES[False]), min(now + ACCESS_LIFE, key["expires_at"])
    name = {"account_id": ctx.account_id, "key_id": key["key_id"]}
    ctx.sql.add_key_hash(**name, hash=hash_secret(token), expires_at=ends_at)
    ctx.sql.renew_key(**name, hash=hash_secret(token), shown=token[:SHOWN])
    ctx.about("api_key", key["key_id"])
    write_audit(ctx, "renew_api_key")
    told = _told(ctx, token, scopes, ends_at)
    return told | {
        "refresh_token": _add_refresh_token(ctx, key["key_id"], key["client_id"], key["expires_at"])
    }


def revoke(services: Services, token: str, tx: Tx) -> None:
    """RFC 7009: who holds a token may end it. One that is unknown, or a key that OAuth did not make, stays as it is."""
    name = hash_secret(token)
    row = tx.sql.get_key_by_hash(hash=name) or tx.sql.get_refresh_token(hash=name)
    if row is not None and row["expires_at"] is not None:
        _end(Context(services, tx, key_actor(tx, row), services.clock()), row["key_id"])


def _end(ctx: Context, key_id: str) -> None:
    row = ctx.sql.get_key(account_id=ctx.account_id, key_id=key_id)
    if row is not None and row["revoked_at"] is None:
        revoke_api_key(ctx, RevokeApiKey(key_id=key_id))
        write_audit(ctx, "revoke_api_key")
