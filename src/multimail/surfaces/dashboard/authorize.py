"""The page on which an owner lets a program in, or not: which mailboxes, which scopes, for how long (OAuth 2.1).

Whoever asks wrote the query, so every word of it is a stranger's. The form goes to the same query: it is read again.
"""

from starlette.responses import RedirectResponse, Response

from multimail.core.oauth import form_source
from multimail.core.scopes import Scope
from multimail.operations import oauth
from multimail.operations.context import Context
from multimail.operations.mailboxes import LIST_MAILBOXES
from multimail.surfaces.dashboard.desk import Desk, every
from multimail.surfaces.dashboard.render import PAGE_POLICY
from multimail.surfaces.dashboard.session import find_session

MEANINGS = {
    Scope.READ: "read mail, threads, contacts and settings",
    Scope.SEND: "write mail: what leaves is still for your mailboxes' oversight modes to say",
    Scope.ADMIN: "make mailboxes, keys and webhooks, and change settings; it can't loosen your oversight",
}


async def ask(desk: Desk) -> Response:
    """The cookie does not come along from another site's page, so somebody who is signed in may have to go on once.

    For whoever is not signed in no stranger's document is fetched: anybody could have us call anything.
    """
    desk.session = await find_session(desk.services, desk.request)
    query = desk.request.url.query
    if desk.session is None and oauth.is_elsewhere(desk.query("client_id")):
        return await desk.page("authorize.html", 401, asked=None, query=query)
    try:
        asked, fault = await oauth.read_request(desk.services, desk.request.query_params)
    except oauth.Untrusted as untrusted:
        return await desk.page("error.html", 400, sentence=str(untrusted), hint="")
    if (
        fault is not None and desk.session is not None
    ):  # nobody else is sent to a stranger's address without a click
        return _back(desk, asked, error=fault.code, error_description=fault.words)
    boxes = await every(desk, LIST_MAILBOXES, "mailboxes") if desk.session and desk.owner else []
    response = await desk.page(
        "authorize.html",
        200 if desk.session else 401,
        asked=asked,
        meanings=[(scope, MEANINGS[scope]) for scope in asked.scopes],
        boxes=boxes,
        days=oauth.DAYS,
        query=query,
    )
    allowed = f"form-action 'self' {form_source(asked.redirect_uri)}"
    response.headers["content-security-policy"] = PAGE_POLICY.replace("form-action 'self'", allowed)
    return response


async def answer(desk: Desk) -> Response:
    """What the owner chose. Raises Refused."""
    form = await desk.read_own_form()
    try:
        asked, fault = await oauth.read_request(desk.services, desk.request.query_params)
    except oauth.Untrusted as untrusted:
        return await desk.page("error.html", 400, sentence=str(untrusted), hint="")
    if fault is not None or form.get("decision") != "allow":
        return _back(desk, asked, error=fault.code if fault else "access_denied")
    scopes = [scope for scope in oauth.SCOPES if scope in form.all("scope")]
    mailboxes = None if form.get("where") == "all" else form.all("mailbox")
    days = next((number for number in oauth.DAYS if str(number) == form.get("days")), 0)
    services, actor = desk.services, desk.actor
    code = await services.db.write(
        lambda tx: oauth.grant(Context(services, tx, actor, services.clock()), asked, scopes, mailboxes, days)
    )
    return _back(desk, asked, code=code)


def _back(desk: Desk, asked: oauth.Asked, **given: str) -> Response:
    return RedirectResponse(asked.back(desk.services.site, **given), 303)
