"""Who sits at the desk: the session's cookie, and what tells a form of ours from another site's.

The cookie is read here and nowhere else, so that a session never works on the API (contract §3).
"""

import hashlib
import hmac
from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qsl, urlsplit

from starlette.requests import Request
from starlette.responses import Response

from multimail.core.errors import Refused, invalid
from multimail.core.times import SECOND
from multimail.operations import operators
from multimail.operations.authenticate import hash_secret
from multimail.operations.context import Actor, Services, Site

PATH: Final = "/dashboard"
FORM_LIMIT: Final = 32 * 1024  # octets: a reason of 2,000 characters, each percent-encoded, and the rest
FIELDS_LIMIT: Final = 16


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


def set_cookie(response: Response, site: Site, token: str) -> None:
    response.set_cookie(
        cookie_name(site),
        token,
        max_age=operators.SESSION_LIFE // SECOND,
        path=PATH,
        secure=is_secure(site),
        httponly=True,
        samesite="strict",
    )


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


async def read_form(request: Request) -> dict[str, str]:
    """The fields of a small urlencoded form. Raises Refused for what no form of ours sends."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/x-www-form-urlencoded":
        raise Refused("unsupported_media_type", "Send the form as a browser does.")
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > FORM_LIMIT:
            raise Refused("too_large", "The form is too large.")
    try:
        pairs = parse_qsl(
            body.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=FIELDS_LIMIT
        )
    except ValueError:
        raise Refused("malformed_request", "The form could not be read.") from None
    for name, value in pairs:
        if "\0" in value:
            raise invalid(name.replace("\0", "")[:64], "NUL characters are not allowed")
    return dict(pairs)
