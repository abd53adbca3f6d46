"""Who sits at the desk: the session's cookie, and what tells a form of ours from another site's.

The cookie is read here and nowhere else, so that a session never works on the API (contract §3).
"""

import hashlib
import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import parse_qsl, urlsplit

from starlette.requests import Request
from starlette.responses import Response

from multimail.core.errors import Refused, invalid
from multimail.core.times import SECOND
from multimail.operations import operators, sign_in
from multimail.operations.authenticate import hash_secret
from multimail.operations.context import Actor, Services, Site

PATH: Final = "/dashboard"
FORM_LIMIT: Final = 1024 * 1024  # octets: a body of 256 KiB, most of it percent-encoded, and the rest
FIELDS_LIMIT: Final = 128  # a hundred emails are decided at once


@dataclass(frozen=True, slots=True)
class Session:
    """`csrf` goes into every form of this session."""

    token: str
    actor: Actor
    csrf: str


def is_secure(site: Site) -> bool:
    return site.public_url.startswith("https://")


def cookie_name(site: Site) -> str:
    """`__Host-` would need Path=/, where the API lives; `__Secure-` fits a cookie of one path (RFC 6265bis 4.1.3)."""
    return "__Secure-multimail_session" if is_secure(site) else "multimail_session"


def before_name(site: Site) -> str:
    """The cookie of a browser in which somebody is about to sign in."""
    return f"{cookie_name(site)}_before"


def set_cookie(response: Response, site: Site, token: str, *, before: bool = False) -> None:
    response.set_cookie(
        before_name(site) if before else cookie_name(site),
        token,
        max_age=(sign_in.CODE_LIFE if before else operators.SESSION_LIFE) // SECOND,
        path=PATH,
        secure=is_secure(site),
        httponly=True,
        samesite="strict",
    )


def begin_browser(services: Services) -> str:
    """What tells this browser from others before anybody has signed in."""
    return services.random(24).hex()


def browser_of(request: Request, site: Site) -> str:
    return request.cookies.get(before_name(site), "")[:64]


def drop_cookie(response: Response, site: Site) -> None:
    response.delete_cookie(
        cookie_name(site), path=PATH, secure=is_secure(site), httponly=True, samesite="strict"
    )


async def find_session(services: Services, request: Request) -> Session | None:
    """None without a cookie, and once the session has ended."""
    token = request.cookies.get(cookie_name(services.site))
    if not token:
        return None
    actor = await services.db.read(lambda tx: operators.session_actor(services, tx, token))
    return None if actor is None else Session(token, actor, csrf_token(services.link_secret, token))


def csrf_token(secret: bytes, session_token: str) -> str:
    """Bound to the session. The colon keeps it apart from signed links, which are over base64url."""
    return hmac.new(secret, f"csrf:{hash_secret(session_token)}".encode(), hashlib.sha256).hexdigest()


def check_own_page(request: Request) -> None:
    """Raises Refused for a request that another site's page began.

    Browsers say so in Sec-Fetch-Site; over plain HTTP to another machine they leave it out, and Origin is then
    `null` on our own forms too, because our pages send no referrer (Fetch, "serializing a request origin"). The
    form's token decides in that case.
    """
    begun = request.headers.get("sec-fetch-site")
    origin = request.headers.get("origin", "null")
    if begun is None:
        own = origin == "null" or urlsplit(origin).netloc == request.headers.get("host")
    else:
        own = begun in ("same-origin", "none")
    if not own:
        raise Refused("insufficient_scope", "Another site sent this form, so nothing was done.")


def check_csrf(session: Session, given: str) -> None:
    """Raises Refused for a form that was not made in this session."""
    if not hmac.compare_digest(session.csrf.encode(), given.encode()):
        raise Refused(
            "insufficient_scope",
            "This form is not of your session, so nothing was done. Open the queue again.",
        )


@dataclass(frozen=True, slots=True)
class Form:
    """The fields of a form, each with its values in order; line ends are LF."""

    fields: Mapping[str, Sequence[str]] = field(default_factory=dict)

    def get(self, name: str) -> str:
        """The last value, '' without one."""
        return (self.fields.get(name) or [""])[-1]

    def all(self, name: str) -> list[str]:
        return list(self.fields.get(name, ()))

    def need(self, name: str) -> str:
        """Raises Refused for a field that is missing or empty."""
        if not self.get(name):
            raise invalid(name, "the form must say it")
        return self.get(name)


async def read_form(request: Request) -> Form:
    """The fields of an urlencoded form. Raises Refused for what no form of ours sends."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/x-www-form-urlencoded":
        raise Refused("unsupported_media_type", "Send the form as a browser does.")
    chunks, size = [], 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > FORM_LIMIT:
            raise Refused("too_large", "The form is too large.")
        chunks.append(chunk)
    try:
        pairs = parse_qsl(
            b"".join(chunks).decode("ascii"),
            keep_blank_values=True,
            errors="strict",
            max_num_fields=FIELDS_LIMIT,
        )
    except ValueError:
        raise Refused("malformed_request", "The form could not be read.") from None
    fields: dict[str, list[str]] = {}
    for name, value in pairs:
        if "\0" in value:
            raise invalid(name.replace("\0", "")[:64], "NUL characters are not allowed")
        fields.setdefault(name, []).append(value.replace("\r\n", "\n"))
    return Form(fields)
