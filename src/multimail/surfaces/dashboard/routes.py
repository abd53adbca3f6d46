"""The desk's routes: each reads a request, goes through invoke() or the operators' own units, and shows a page."""

import asyncio
import re
from collections.abc import Awaitable, Callable
from typing import Final

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from multimail.core.errors import Refused, not_found
from multimail.operations.context import Services
from multimail.storage.database import StorageFull
from multimail.surfaces.dashboard import (
    acts,
    authorize,
    deciding,
    editing,
    house,
    live,
    mailboxes,
    message,
    people,
    queue,
    sign_in,
)
from multimail.surfaces.dashboard.desk import Desk, Notice, View
from multimail.surfaces.dashboard.render import STATIC
from multimail.surfaces.dashboard.session import find_session

EMAIL: Final = "/dashboard/emails/{email_id}"


def routes(services: Services, stopping: asyncio.Event | None = None) -> list[BaseRoute]:
    """Everything below /dashboard, for build_app's `extra_routes`; set `stopping` to end the streams."""
    inside: tuple[tuple[str, str, View], ...] = (
        ("GET", "/dashboard/queue", queue.queue),
        ("GET", EMAIL, queue.email),
        ("GET", f"{EMAIL}/html", message.html),
        ("GET", f"{EMAIL}/source", message.source),
        ("GET", f"{EMAIL}/attachment", message.attachment),
        ("GET", f"{EMAIL}/edit", editing.ask_for_edit),
        ("POST", f"{EMAIL}/edit", editing.edit),
        ("POST", "/dashboard/decide", deciding.decide),
        ("POST", "/dashboard/undo", deciding.undo),
        ("POST", "/dashboard/review-many", deciding.review_many),
        ("POST", "/dashboard/decide-many", deciding.decide_many),
        ("GET", "/dashboard/live", live.stream(stopping or asyncio.Event())),
        ("POST", "/dashboard/authorize", authorize.answer),
        ("GET", "/dashboard/more", more),
        ("GET", "/dashboard/start", house.start),
        ("GET", "/dashboard/inbox", house.inbox),
        ("GET", "/dashboard/threads/{thread_id}", house.thread),
        ("GET", "/dashboard/mailboxes", mailboxes.every_mailbox),
        ("GET", "/dashboard/mailboxes/{mailbox_id}", mailboxes.one_mailbox),
        ("GET", "/dashboard/contacts", house.contacts),
        ("GET", "/dashboard/rules", house.rules),
        ("GET", "/dashboard/domains", house.domains),
        ("GET", "/dashboard/keys", house.keys),
        ("GET", "/dashboard/webhooks", house.webhooks),
        ("GET", "/dashboard/webhooks/deliveries/{delivery_id}", house.delivery),
        ("GET", "/dashboard/usage", house.usage),
        ("GET", "/dashboard/sandbox", house.sandbox),
        ("GET", "/dashboard/audit", house.audit),
        ("GET", "/dashboard/operators", people.operators),
        ("GET", "/dashboard/notifications", house.notifications),
        ("GET", "/dashboard/account", house.account),
        ("POST", "/dashboard/export", house.export),
        ("POST", "/dashboard/act/{name}", acts.act),
        ("POST", "/dashboard/sign-out", sign_in.sign_out),
    )
    outside: tuple[tuple[str, str, View], ...] = (
        ("GET", "/dashboard", go_to_queue),
        ("GET", "/dashboard/authorize", authorize.ask),
        ("GET", "/dashboard/static/{name}", static),
        ("GET", "/dashboard/worker.js", worker),
        ("GET", "/dashboard/sign-in", sign_in.ask),
        ("POST", "/dashboard/sign-in", sign_in.mail_code),
        ("POST", "/dashboard/sign-in/code", sign_in.by_code),
        ("POST", "/dashboard/sign-in/passkey", sign_in.by_passkey),
        ("GET", "/dashboard/sign-in/{token}", sign_in.look_at_link),
        ("POST", "/dashboard/sign-in/{token}", sign_in.by_link),
    )
    table = [*outside, *((method, path, signed_in(view)) for method, path, view in inside)]
    return [Route(path, _endpoint(services, view), methods=[method]) for method, path, view in table]


def _endpoint(services: Services, view: View) -> Callable[[Request], Awaitable[Response]]:
    """Refusals become pages; what nobody foresaw is answered and logged by the surface around it."""

    async def endpoint(request: Request) -> Response:
        request.scope["operation"] = "dashboard"
        desk = Desk(services, request)
        try:
            return await view(desk)
        except Refused as error:
            refused = error
        except StorageFull:
            refused = Refused("storage_full")
        hint = refused.details.get("hint", "")
        return await desk.page("error.html", refused.kind.status, sentence=refused.sentence, hint=hint)

    return endpoint


def signed_in(view: View) -> View:
    """401 and how to sign in, for everybody without a session."""

    async def guarded(desk: Desk) -> Response:
        desk.session = await find_session(desk.services, desk.request)
        if desk.session is None:
            return await sign_in.show(desk, 401, title="You are signed out")
        if said := acts.sentence(desk.query("said")):
            desk.notice = Notice("done", said)
        return await view(desk)

    return guarded


async def go_to_queue(desk: Desk) -> Response:
    return RedirectResponse("/dashboard/queue", 303)


async def more(desk: Desk) -> Response:
    """All rooms, for a screen without room for them."""
    return await desk.page("more.html", here="more")


async def worker(desk: Desk) -> Response:
    """At the root of the desk: a service worker is for what is below it. Asked for anew each time that it is used."""
    found = STATIC["worker.js"]
    headers = {"Cache-Control": "no-cache", "Content-Security-Policy": "default-src 'none'"}
    return Response(found.content, 200, headers, found.kind)


async def static(desk: Desk) -> Response:
    """Pages name a file by its content's hash (`?v=`), so it may be kept for good."""
    found = STATIC.get(desk.request.path_params["name"])
    if found is None:
        raise not_found("page")
    headers = {"Cache-Control": "public, max-age=31536000, immutable", "Vary": "Accept-Encoding"}
    if re.search(r"\bgzip\b", desk.request.headers.get("accept-encoding", "")):
        return Response(found.packed, 200, headers | {"Content-Encoding": "gzip"}, found.kind)
    return Response(found.content, 200, headers, found.kind)
