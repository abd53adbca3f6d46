"""The pages behind links in mails: what they ask, as a browser shows it. Looking changes nothing; a button does.

They are the operations' own routes, for whoever does not say that it wants JSON. Nobody signs in here, no cookie is
read or set, and no script runs.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route
from starlette.types import Scope

from multimail.core.errors import Refused
from multimail.core.telling import told
from multimail.operations.approval_links import DECIDE_BY_LINK, SHOW_APPROVAL
from multimail.operations.context import Caller, Services
from multimail.operations.operation import Operation, invoke
from multimail.operations.unsubscribing import SHOW_UNSUBSCRIBE, UNSUBSCRIBE
from multimail.storage.database import StorageFull
from multimail.surfaces.dashboard.render import page
from multimail.surfaces.dashboard.session import read_form

View = Callable[[Services, Request], Awaitable[Response]]
JSON: Final = b"application/json"


def wants_page(scope: Scope) -> bool:
    """A program says that it wants JSON, or sends it."""
    headers = dict(scope["headers"])
    return (
        JSON not in headers.get(b"accept", b"").lower()
        and JSON not in headers.get(b"content-type", b"").lower()
    )


def routes(services: Services) -> list[BaseRoute]:
    table: tuple[tuple[str, str, View], ...] = (
        ("GET", SHOW_APPROVAL.path, show_approval),
        ("POST", DECIDE_BY_LINK.path, decide),
        ("GET", SHOW_UNSUBSCRIBE.path, show_unsubscribe),
        ("POST", UNSUBSCRIBE.path, unsubscribe),
    )
    return [Route(path, _endpoint(services, view), methods=[method]) for method, path, view in table]


def _endpoint(services: Services, view: View) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        request.scope["operation"] = "link_page"
        try:
            return await view(services, request)
        except Refused as error:
            refused = error
        except StorageFull:
            refused = Refused("storage_full")
        sentence = "This link is not good any more." if refused.code == "not_found" else refused.sentence
        return await _tell("That did not work", sentence, refused.kind.status)

    return endpoint


async def show_approval(services: Services, request: Request) -> Response:
    approval = await _invoke(services, SHOW_APPROVAL, request)
    return await page("approve.html", approval=approval, known=told(approval["email"]["facts"]))


async def decide(services: Services, request: Request) -> Response:
    form = await read_form(request)
    given = {"action": form.get("action"), "reason": form.get("reason").strip() or None}
    decision = await _invoke(services, DECIDE_BY_LINK, request, given)
    sentence = f"The email was {decision['decision']}; its status is {decision['status']} now."
    return await _tell("Decided", sentence)


async def show_unsubscribe(services: Services, request: Request) -> Response:
    found = await _invoke(services, SHOW_UNSUBSCRIBE, request)
    if found["unsubscribed"]:
        return await _tell(
            "Unsubscribed", f"{found['sender']} does not write to {found['address']} any more."
        )
    sentence = f"Should {found['sender']} not write to {found['address']} any more?"
    return await _tell("Unsubscribe", sentence, button=("List-Unsubscribe", "One-Click"))


async def unsubscribe(services: Services, request: Request) -> Response:
    """Whatever the body says: to press the button is the whole message, and mail programs differ in its form."""
    found = await _invoke(services, UNSUBSCRIBE, request)
    return await _tell("Unsubscribed", f"{found['sender']} does not write to {found['address']} any more.")


async def _tell(
    title: str, sentence: str, status: int = 200, *, button: tuple[str, str] | None = None
) -> Response:
    """`button` has the name and value of the one that does what the title says."""
    return await page("told.html", status, title=title, sentence=sentence, button=button)


async def _invoke(
    services: Services, operation: Operation, request: Request, given: Mapping[str, Any] = {}
) -> Mapping[str, Any]:
    caller = Caller(None, request.scope["request_id"])
    raw = {"token": request.path_params["token"]} | dict(given)
    return (await invoke(services, operation, raw, caller)).body
