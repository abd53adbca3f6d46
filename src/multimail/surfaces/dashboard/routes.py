"""The desk's routes: each reads a request, goes through invoke() or the operators' own units, and shows a page."""

import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal
from urllib.parse import urlencode

from markupsafe import escape
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from multimail.core.errors import Refused, invalid, not_found
from multimail.core.oversight import State
from multimail.core.scopes import Scope
from multimail.operations import operators
from multimail.operations.context import Caller, Services
from multimail.operations.emails import GET_MESSAGE
from multimail.operations.html import READ_HTML
from multimail.operations.operation import Operation, invoke
from multimail.operations.oversight import DECIDE_EMAIL, GET_DECISION, LIST_PENDING, UNDO_DECISION
from multimail.storage.database import StorageFull
from multimail.surfaces.dashboard.render import STATIC, frame, page
from multimail.surfaces.dashboard.session import (
    Session,
    check_csrf,
    check_own_page,
    drop_cookie,
    find_session,
    read_form,
    set_cookie,
)

QUEUE: Final = "/dashboard/queue"
PAGE: Final = 20
LINK_TOKEN: Final = re.compile(r"[A-Za-z0-9_-]{32}")

View = Callable[[Services, Request], Awaitable[Response]]
SignedInView = Callable[[Services, Request, Session], Awaitable[Response]]


@dataclass(frozen=True, slots=True)
class Notice:
    """What became of a decision, above the queue. `subject` and `reason` are untrusted.

    `undo` is the email whose approval can still be taken back.
    """

    tone: Literal["done", "refused"]
    sentence: str
    subject: str = ""
    reason: str | None = None
    undo: str | None = None


def routes(services: Services) -> list[BaseRoute]:
    """Everything below /dashboard, for build_app's `extra_routes`."""
    table: tuple[tuple[str, str, View], ...] = (
        ("GET", "/dashboard", go_to_queue),
        ("GET", QUEUE, signed_in(queue)),
        ("GET", "/dashboard/emails/{email_id}/html", signed_in(email_html)),
        ("POST", "/dashboard/decide", signed_in(decide)),
        ("POST", "/dashboard/undo", signed_in(undo)),
        ("POST", "/dashboard/sign-out", signed_in(sign_out)),
        ("GET", "/dashboard/sign-in/{token}", ask_to_sign_in),
        ("POST", "/dashboard/sign-in/{token}", sign_in),
        ("GET", "/dashboard/static/{name}", static),
    )
    return [Route(path, _endpoint(services, view), methods=[method]) for method, path, view in table]


def _endpoint(services: Services, view: View) -> Callable[[Request], Awaitable[Response]]:
    """Refusals become pages; what nobody foresaw is answered and logged by the surface around it."""

    async def endpoint(request: Request) -> Response:
        request.scope["operation"] = "dashboard"
        try:
            return await view(services, request)
        except Refused as error:
            refused = error
        except StorageFull:
            refused = Refused("storage_full")
        return await page("error.html", refused.kind.status, person=None, sentence=refused.sentence)

    return endpoint


def signed_in(view: SignedInView) -> View:
    """401 and how to sign in, for everybody without a session."""

    async def guarded(services: Services, request: Request) -> Response:
        session = await find_session(services, request)
        if session is None:
            return await page("signed_out.html", 401, person=None)
        return await view(services, request, session)

    return guarded


async def go_to_queue(services: Services, request: Request) -> Response:
    return RedirectResponse(QUEUE, 303)


async def ask_to_sign_in(services: Services, request: Request) -> Response:
    """The same for every token: scanners fetch links, so looking changes nothing and tells nothing."""
    return await page("sign_in.html", person=None)


async def sign_in(services: Services, request: Request) -> Response:
    """A token has 192 random bits, so guessing needs no limit; what is no token never reaches the database."""
    check_own_page(request)
    token = request.path_params["token"]
    session = (
        await services.db.write(lambda tx: operators.sign_in(services, tx, token))
        if LINK_TOKEN.fullmatch(token)
        else None
    )
    if session is None:
        return await page("link_used.html", 403, person=None)
    response = RedirectResponse(QUEUE, 303)
    set_cookie(response, services.site, session)
    return response


async def sign_out(services: Services, request: Request, session: Session) -> Response:
    await _own_form(request, session)
    await services.db.write(lambda tx: operators.sign_out(services, tx, session.token))
    response = await page("signed_out.html", person=None)
    drop_cookie(response, services.site)
    return response


async def queue(services: Services, request: Request, session: Session) -> Response:
    notice = None
    if "decided" in request.query_params:
        notice = await _decided(services, request, session, request.query_params["decided"])
    return await _show_queue(services, request, session, request.query_params.get("cursor"), notice)


async def email_html(services: Services, request: Request, session: Session) -> Response:
    raw = {
        "email_id": request.path_params["email_id"],
        "revision": request.query_params.get("revision", ""),
    }
    try:
        found = await _invoke(services, READ_HTML, raw, request, session)
    except Refused as error:
        return frame(f"<!DOCTYPE html><p>{escape(error.sentence)}</p>", error.kind.status)
    return frame(found["html"] or "<!DOCTYPE html><p>This email has no HTML part.</p>")


async def decide(services: Services, request: Request, session: Session) -> Response:
    """One decision on the revision that was shown; where it is refused, the page says what happened instead."""
    form = await _own_form(request, session)
    for name in ("email_id", "revision", "action"):
        if not form.get(name):
            raise invalid(name, "the form must say it")
    raw = {name: form[name] for name in ("email_id", "revision", "action")}
    reason = form.get("reason", "").replace("\r\n", "\n").strip()
    cursor = form.get("cursor") or None
    try:
        await _invoke(services, DECIDE_EMAIL, raw | {"reason": reason or None}, request, session)
    except Refused as error:
        notice = await _why_not(services, request, session, raw["email_id"], error)
        return await _show_queue(services, request, session, cursor, notice, error.kind.status)
    query = {"decided": raw["email_id"]} | ({"cursor": cursor} if cursor else {})
    return RedirectResponse(f"{QUEUE}?{urlencode(query)}", 303)


async def undo(services: Services, request: Request, session: Session) -> Response:
    """Takes an approval back; where that is refused, it has left or somebody was faster."""
    form = await _own_form(request, session)
    email_id = form.get("email_id", "")
    try:
        await _invoke(services, UNDO_DECISION, {"email_id": email_id}, request, session)
    except Refused as error:
        notice = Notice("refused", f"It can't be taken back any more. {error.sentence}")
        return await _show_queue(services, request, session, None, notice, error.kind.status)
    return RedirectResponse(QUEUE, 303)


async def static(services: Services, request: Request) -> Response:
    """Pages name a file by its content's hash (`?v=`), so it may be kept for good."""
    name = request.path_params["name"]
    if name not in STATIC:
        raise not_found("page")
    content_type, content = STATIC[name]
    headers = {"Cache-Control": "public, max-age=31536000, immutable"}
    return Response(content, 200, headers, content_type)


async def _show_queue(
    services: Services,
    request: Request,
    session: Session,
    cursor: str | None,
    notice: Notice | None,
    status: int = 200,
) -> Response:
    raw = {"limit": PAGE, "cursor": cursor}
    found = await _invoke(services, LIST_PENDING, raw, request, session)
    return await page(
        "queue.html",
        status,
        person=session.actor.name,
        csrf=session.csrf,
        may_decide=Scope.OVERSIGHT in session.actor.grants,
        emails=found["pending"],
        cursor=cursor,
        next_page=found["cursor"] and urlencode({"cursor": found["cursor"]}),
        notice=notice,
    )


async def _decided(services: Services, request: Request, session: Session, email_id: str) -> Notice | None:
    """What the record says of an email that was just decided; the URL only names it."""
    try:
        email = await _invoke(services, GET_MESSAGE, {"email_id": email_id}, request, session)
    except Refused:
        return None
    if email["decision"] is None:
        return None
    sentence = f"{email['decision'].capitalize()}. Its status is {email['status']} now."
    undo = email_id if email["status"] == State.SCHEDULED else None
    return Notice("done", sentence, email["subject"], email["reason"], undo)


async def _why_not(
    services: Services, request: Request, session: Session, email_id: str, error: Refused
) -> Notice:
    """A refused decision in words: who was faster, or what has changed since."""
    try:
        email = await _invoke(services, GET_MESSAGE, {"email_id": email_id}, request, session)
    except Refused:
        return Notice("refused", f"Nothing was decided. {error.sentence}")
    if error.code == "stale_revision":
        sentence = "Nothing was decided: this email has changed since you looked. Below is what it is now."
        return Notice("refused", sentence, email["subject"])
    if error.code == "conflict" and email["decision"] is not None:
        known = await _invoke(services, GET_DECISION, {"email_id": email_id}, request, session)
        mine = known["decided_by"] == f"operator:{session.actor.id}"
        who = "you" if mine else known["decided_by"].replace(":", " ")
        sentence = f"Nothing was changed: this email was {known['decision']} by {who} already."
        return Notice("refused", sentence, email["subject"], known["reason"])
    return Notice("refused", f"Nothing was decided. {error.sentence}", email["subject"])


async def _own_form(request: Request, session: Session) -> dict[str, str]:
    check_own_page(request)
    form = await read_form(request)
    check_csrf(session, form.get("csrf", ""))
    return form


async def _invoke(
    services: Services, operation: Operation, raw: Mapping[str, Any], request: Request, session: Session
) -> Mapping[str, Any]:
    caller = Caller(session.actor, request.scope["request_id"])
    return (await invoke(services, operation, raw, caller)).body
