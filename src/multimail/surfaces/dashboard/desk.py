"""What every page of the desk has at hand: who sits there, the operations, and the rooms they may enter."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from multimail.core.errors import Refused
from multimail.core.scopes import Scope, allowed
from multimail.operations.account import GET_ACCOUNT, GET_AUDIT_LOG, LIST_SANDBOX
from multimail.operations.api_keys import LIST_API_KEYS
from multimail.operations.contacts import SEARCH_CONTACTS
from multimail.operations.context import Actor, Caller, Services
from multimail.operations.domains import LIST_DOMAINS
from multimail.operations.inbox import LIST_EMAILS
from multimail.operations.mailboxes import LIST_MAILBOXES
from multimail.operations.notifications import GET_NOTIFICATIONS
from multimail.operations.operation import Operation, invoke
from multimail.operations.people import LIST_OPERATORS
from multimail.operations.registry import BY_NAME
from multimail.operations.reviewing import LIST_QUEUE
from multimail.operations.rules import LIST_RULES
from multimail.operations.usage import GET_USAGE
from multimail.operations.webhooks import LIST_WEBHOOKS
from multimail.surfaces.dashboard import render
from multimail.surfaces.dashboard.session import Form, Session, check_csrf, check_own_page, read_form


@dataclass(frozen=True, slots=True)
class Room:
    """A page in the navigation: whoever may do its operation sees it. `main` ones are in reach of a thumb."""

    name: str
    label: str
    operation: Operation
    main: bool = False

    @property
    def path(self) -> str:
        return f"/dashboard/{self.name}"

    @property
    def icon(self) -> str:
        return self.name


ROOMS: Final = (
    Room("queue", "Queue", LIST_QUEUE, main=True),
    Room("inbox", "Inbox", LIST_EMAILS, main=True),
    Room("mailboxes", "Mailboxes", LIST_MAILBOXES, main=True),
    Room("contacts", "Contacts", SEARCH_CONTACTS),
    Room("rules", "Rules", LIST_RULES),
    Room("domains", "Domains", LIST_DOMAINS),
    Room("keys", "API keys", LIST_API_KEYS),
    Room("webhooks", "Webhooks", LIST_WEBHOOKS),
    Room("usage", "Usage", GET_USAGE),
    Room("sandbox", "Sandbox", LIST_SANDBOX),
    Room("audit", "Audit log", GET_AUDIT_LOG),
    Room("operators", "Operators", LIST_OPERATORS),
    Room("notifications", "Notifications", GET_NOTIFICATIONS),
    Room("account", "Account", GET_ACCOUNT),
)
ROLE_WORDS: Final = ((Scope.OWNER, "owner"), (Scope.OVERSIGHT, "approver"), (Scope.READ, "viewer"))


@dataclass(frozen=True, slots=True)
class Notice:
    """What became of what somebody did. `subject` and `reason` are untrusted; `undo` are emails whose approval can
    still be taken back."""

    tone: Literal["done", "refused"]
    sentence: str
    subject: str = ""
    reason: str | None = None
    undo: Sequence[str] = ()


@dataclass(slots=True)
class Desk:
    """One request of somebody's browser; `session` is None for whoever is not signed in."""

    services: Services
    request: Request
    session: Session | None = None
    form: Form = field(default_factory=Form)
    notice: Notice | None = None
    status: int = 200
    made: Mapping[str, Any] | None = None  # what is shown this once

    @property
    def actor(self) -> Actor:
        assert self.session is not None
        return self.session.actor

    @property
    def csrf(self) -> str:
        return self.session.csrf if self.session else ""

    @property
    def person(self) -> str:
        return self.actor.name

    @property
    def role(self) -> str:
        return next((word for scope, word in ROLE_WORDS if scope in self.actor.grants), "")

    @property
    def owner(self) -> bool:
        return Scope.OWNER in self.actor.grants

    @property
    def rooms(self) -> list[Room]:
        return [room for room in ROOMS if allowed(self.actor.grants, room.operation.scopes)]

    @property
    def url(self) -> str:
        return self.services.site.public_url

    def may(self, name: str) -> bool:
        """Whether an operation is worth a button: invoke() decides again."""
        return allowed(self.actor.grants, BY_NAME[name].scopes)

    def named(self, name: str) -> str:
        """What the path names, or the form that a room is shown again for."""
        return str(self.request.path_params.get(name) or self.form.get(name))

    def query(self, name: str) -> str:
        return self.request.query_params.get(name, "")

    async def ask(self, operation: Operation, /, **raw: Any) -> Mapping[str, Any]:
        """The operation's answer. Raises Refused; where an owner must agree first, Refused too, in those words."""
        caller = Caller(self.actor, self.request.scope["request_id"])
        given = {name: value for name, value in raw.items() if value is not None}
        answer = await invoke(self.services, operation, given, caller)
        if answer.status == 202 and answer.body.get("status") == "pending_approval" and "asks" in answer.body:
            raise Refused("insufficient_scope", f"An owner must agree: {answer.body['asks']}.")
        return answer.body

    async def who(self, reference: str) -> str:
        """A person's name for `operator:opr_…`, where the one who asks may know the operators; a key's id for a key."""
        kind, _, name = reference.partition(":")
        if name == self.actor.id:
            return "you"
        if kind == "operator" and self.may("list_operators"):
            people = await every(self, LIST_OPERATORS, "operators")
            return next((str(one["name"]) for one in people if one["id"] == name), f"{kind} {name}")
        return f"{kind} {name}".strip()

    async def read_own_form(self) -> Form:
        """The form of this request. Raises Refused for one that was not made in this session."""
        check_own_page(self.request)
        self.form = await read_form(self.request)
        if self.session is not None:
            check_csrf(self.session, self.form.get("csrf"))
        return self.form

    async def page(
        self, template: str, status: int = 0, *, calls: Sequence[Operation] = (), **values: Any
    ) -> Response:
        """`calls` are the operations that the page shows or does."""
        shown = {"here": "", "said": self.notice} | values
        return await render.page(template, status or self.status, desk=self, calls=calls, **shown)


View = Callable[[Desk], Awaitable[Response]]


def go(path: str) -> Response:
    """To another page, after a form."""
    return RedirectResponse(path, 303)


async def every(desk: Desk, operation: Operation, noun: str, **raw: Any) -> list[Mapping[str, Any]]:
    """The first hundred of a list: for choices in forms."""
    found: list[Mapping[str, Any]] = (await desk.ask(operation, limit=100, **raw))[noun]
    return found
