"""The operators of an account and their sessions (contract §3): invited, given a role, removed by an owner.

People ask in a session or on the command line. A program with an `admin` key may ask for the same, and an owner's
code grants each single call, looking included: who oversees it is not an agent's to know or to change.
"""

from collections.abc import Mapping
from typing import Any, Final

from pydantic import Field
from typing_extensions import TypedDict

from multimail.core.errors import Refused, not_found
from multimail.core.scopes import Role, Scope
from multimail.core.times import DAY, HOUR, SECOND, optional_rfc3339, to_rfc3339
from multimail.operations.context import Context, require_whole_account
from multimail.operations.mailboxes import DisplayName
from multimail.operations.notices import notify, outside_address, quoted
from multimail.operations.operation import Input, Operation
from multimail.operations.operators import new_token
from multimail.operations.views import Deleted, decode_cursor, page
from multimail.storage.database import Row

LAST: Final = "~"
INVITATION_LIFE: Final = 3 * DAY
LINKS_PER_HOUR: Final = 10
ROLES: Final = {
    Role.OWNER: "who loosens, destroys, invites and decides",
    Role.APPROVER: "who decides on mail that waits",
    Role.VIEWER: "who looks",
}
INVITATION: Final = """{inviter} invites you to {account} as {role}: one {means}.

Open this link within three days to sign in. It works once.
    {link}

If you do not know why, do nothing.
"""


class OperatorAnswer(TypedDict):
    """`status` is invited until the person has signed in, then active."""

    id: str
    operator_id: str
    name: str
    email: str | None
    role: str
    status: str
    created_at: str
    joined_at: str | None


class OperatorPage(TypedDict):
    operators: list[OperatorAnswer]
    cursor: str | None


def operator_view(row: Row) -> dict[str, Any]:
    return {
        "id": row["operator_id"],
        "operator_id": row["operator_id"],
        "name": row["name"],
        "email": row["email"],
        "role": row["role"],
        "status": "active" if row["joined_at"] is not None else "invited",
        "created_at": to_rfc3339(row["created_at"]),
        "joined_at": optional_rfc3339(row["joined_at"]),
    }


class Page(Input):
    limit: int = Field(20, ge=1, le=100)
    cursor: str | None = None
    approval_code: str | None = None


def by_program(ctx: Context) -> bool:
    """Whether no person asks. Raises Refused("mailbox_limited"): these are of the whole account."""
    require_whole_account(ctx.actor)
    return Scope.OPERATOR not in ctx.actor.grants


def shows_operators(ctx: Context, given: Page) -> str | None:
    return "the names, addresses and roles of the operators are shown to it" if by_program(ctx) else None


def list_operators(ctx: Context, given: Page) -> Mapping[str, Any]:
    """Lists the account's operators, newest first. Asked by a program it takes an owner's approval_code."""
    before = decode_cursor(given.cursor, LAST)
    rows = ctx.sql.list_operators(account_id=ctx.account_id, before=before, limit=given.limit + 1)
    shown, cursor = page(rows, given.limit, lambda row: str(row["operator_id"]))
    _note_program(ctx)
    return {"operators": [operator_view(row) for row in shown], "cursor": cursor}


def _note_program(ctx: Context) -> None:
    """People look at each other all day; that a program did is worth an entry."""
    if by_program(ctx):
        ctx.about("account", ctx.account_id)


class InviteOperator(DisplayName):
    email: str = Field(
        max_length=254, description="Where the invitation goes: no address that is hosted here."
    )
    name: str = Field("", max_length=128)
    role: Role = Role.APPROVER
    approval_code: str | None = None


def invites(ctx: Context, given: InviteOperator) -> str | None:
    """Whoever invites gives power away."""
    by_program(ctx)
    return f"{given.email} becomes an operator: {given.role}, {ROLES[given.role]}"


def invite_operator(ctx: Context, given: InviteOperator) -> Mapping[str, Any]:
    """Invites a person by mail, with a link that signs them in once, within three days.

    Takes an owner. Somebody who was invited and has not come yet gets another link.
    """
    email = outside_address(ctx.services, ctx.tx, given.email, "email")
    _one_at_a_time(ctx)
    row = ctx.sql.find_operator(account_id=ctx.account_id, email=email)
    if row is not None and (row["joined_at"] is not None or row["role"] != given.role):
        status = operator_view(row)["status"]
        raise Refused("conflict", f"{email} is an operator already, as {row['role']}.", status=status)
    sent = {"account_id": ctx.account_id, "kind": "link", "after": ctx.now - HOUR}
    if ctx.sql.count_operator_mail(**sent) >= LINKS_PER_HOUR:
        raise Refused("rate_limited", "Ten invitations an hour are mailed.", retry_after=HOUR // SECOND)
    operator_id = row["operator_id"] if row else ctx.new_id("opr")
    if row is None:
        who = {"account_id": ctx.account_id, "operator_id": operator_id, "email": email}
        ctx.sql.add_operator(**who, role=given.role, name=given.name or email, created_at=ctx.now)
    token = new_token(ctx, "sign-in", INVITATION_LIFE, operator_id)
    text = INVITATION.format(
        inviter=quoted(ctx.actor.name),
        account=quoted(ctx.sql.get_account(account_id=ctx.account_id)["name"]),
        role=given.role,
        means=ROLES[given.role],
        link=f"{ctx.services.site.public_url}/dashboard/sign-in/{token}",
    )
    notify(ctx, email, "You are invited to oversee an account", text, "link")
    ctx.about("operator", operator_id, email=email, role=given.role)
    return operator_view(_find(ctx, operator_id))


def _one_at_a_time(ctx: Context) -> None:
    """Else two owners, each removing the other at the same moment, would leave none."""
    ctx.sql.lock_message(name=f"operators/{ctx.account_id}")


def _find(ctx: Context, operator_id: str) -> Row:
    row = ctx.sql.get_operator(account_id=ctx.account_id, operator_id=operator_id)
    if row is None:
        raise not_found("operator")
    return row


class UpdateOperator(DisplayName):
    operator_id: str
    name: str | None = Field(None, min_length=1, max_length=128)
    role: Role | None = None
    approval_code: str | None = None


def empowers(ctx: Context, given: UpdateOperator) -> str | None:
    """Roles are an owner's to give and to take; one's own name is one's own."""
    program = by_program(ctx)
    _one_at_a_time(ctx)  # already here: a role that is taken at the same moment is not given back
    row = _find(ctx, given.operator_id)
    if given.role not in (None, row["role"]):
        called = "" if given.name in (None, row["name"]) else f", and is called {given.name}"
        return f"the operator {row['name']} goes from {row['role']} to {given.role}{called}"
    own = row["operator_id"] == ctx.actor.id or given.name in (None, row["name"])
    return (
        None if own and not program else f"the operator {row['name']} is called {given.name or row['name']}"
    )


def update_operator(ctx: Context, given: UpdateOperator) -> Mapping[str, Any]:
    """Changes an operator's name or role. A role takes an owner, and the last owner stays one."""
    _one_at_a_time(ctx)
    row = _find(ctx, given.operator_id)
    role = given.role or Role(row["role"])
    if role is not Role.OWNER:
        _require_another_owner(ctx, row)
    name = {"account_id": ctx.account_id, "operator_id": row["operator_id"]}
    ctx.sql.update_operator(**name, name=given.name or row["name"], role=role)
    ctx.about("operator", row["operator_id"], role=role, was=row["role"], name=given.name or row["name"])
    return operator_view(_find(ctx, row["operator_id"]))


def _require_another_owner(ctx: Context, row: Row) -> None:
    name = {"account_id": ctx.account_id, "operator_id": row["operator_id"]}
    if row["role"] == Role.OWNER and not ctx.sql.count_other_owners(**name):
        raise Refused("conflict", "The account's last owner stays its owner.", status="last_owner")


class RemoveOperator(Input):
    operator_id: str
    approval_code: str | None = None


def dismisses(ctx: Context, given: RemoveOperator) -> str | None:
    """Everybody may leave; to send somebody away takes an owner."""
    by_program(ctx)
    row = _find(ctx, given.operator_id)
    return None if row["operator_id"] == ctx.actor.id else f"the operator {row['name']} is removed"


def remove_operator(ctx: Context, given: RemoveOperator) -> Mapping[str, Any]:
    """Removes an operator: sessions and links end at once. The last owner stays."""
    _one_at_a_time(ctx)
    row = _find(ctx, given.operator_id)
    _require_another_owner(ctx, row)
    name = {"account_id": ctx.account_id, "operator_id": row["operator_id"]}
    ctx.sql.remove_operator(**name, now=ctx.now)
    ctx.sql.end_operator_tokens(**name, now=ctx.now)
    ctx.sql.delete_views_of(**name)
    ctx.sql.delete_push_of(**name)
    ctx.about("operator", row["operator_id"], email=row["email"], role=row["role"])
    return {"id": row["operator_id"], "deleted": True}


class SessionAnswer(TypedDict):
    id: str
    operator_id: str
    name: str
    role: str
    created_at: str
    expires_at: str


class SessionPage(TypedDict):
    sessions: list[SessionAnswer]
    cursor: str | None


def _whose(ctx: Context) -> dict[str, Any]:
    """An owner, and a program with an owner's word, sees everybody's sessions, everybody else their own."""
    everybody = Scope.OWNER in ctx.actor.grants or by_program(ctx)
    return {"account_id": ctx.account_id, "everybody": everybody, "operator_id": ctx.actor.id, "now": ctx.now}


def shows_sessions(ctx: Context, given: Page) -> str | None:
    return "the open sessions of all operators are shown to it" if by_program(ctx) else None


def list_operator_sessions(ctx: Context, given: Page) -> Mapping[str, Any]:
    """Lists the sessions that are open, newest first: everybody's for an owner, else one's own."""
    before = decode_cursor(given.cursor, LAST)
    rows = ctx.sql.list_operator_sessions(**_whose(ctx), before=before, limit=given.limit + 1)
    shown, cursor = page(rows, given.limit, lambda row: str(row["token_id"]))
    _note_program(ctx)
    sessions = [
        {
            "id": row["token_id"],
            "operator_id": row["operator_id"],
            "name": row["name"],
            "role": row["role"],
            "created_at": to_rfc3339(row["created_at"]),
            "expires_at": to_rfc3339(row["expires_at"]),
        }
        for row in shown
    ]
    return {"sessions": sessions, "cursor": cursor}


class RevokeOperatorSession(Input):
    session_id: str
    approval_code: str | None = None


def signs_out(ctx: Context, given: RevokeOperatorSession) -> str | None:
    """A program that could would keep its overseers out."""
    if not by_program(ctx):
        return None
    row = ctx.sql.get_operator_session(account_id=ctx.account_id, token_id=given.session_id, now=ctx.now)
    if row is None:
        raise not_found("session")
    return f"a session of the operator {row['name']} ends"


def revoke_operator_session(ctx: Context, given: RevokeOperatorSession) -> Mapping[str, Any]:
    """Ends a session at once: one's own, or for an owner anybody's. A program takes an owner's approval_code."""
    if not ctx.sql.end_operator_session(**_whose(ctx), token_id=given.session_id):
        raise not_found("session")
    ctx.about("operator_session", given.session_id)
    return {"id": given.session_id, "deleted": True}


LIST_OPERATORS = Operation(
    name="list_operators",
    run=list_operators,
    input=Page,
    output=OperatorPage,
    scopes=(Scope.ADMIN, Scope.OPERATOR),
    effect="read",
    method="GET",
    path="/v1/operators",
    needs_owner=shows_operators,
    errors=("mailbox_limited", "invalid_approval_code"),
)
INVITE_OPERATOR = Operation(
    name="invite_operator",
    run=invite_operator,
    input=InviteOperator,
    output=OperatorAnswer,
    scopes=(Scope.ADMIN, Scope.OPERATOR),
    effect="write",
    method="POST",
    path="/v1/operators",
    status=201,
    needs_owner=invites,
    errors=("operator_address", "conflict", "rate_limited", "mailbox_limited", "invalid_approval_code"),
)
UPDATE_OPERATOR = Operation(
    name="update_operator",
    run=update_operator,
    input=UpdateOperator,
    output=OperatorAnswer,
    scopes=(Scope.ADMIN, Scope.OPERATOR),
    effect="write",
    method="PATCH",
    path="/v1/operators/{operator_id}",
    aliases={"id": "operator_id"},
    needs_owner=empowers,
    errors=("not_found", "conflict", "mailbox_limited", "invalid_approval_code"),
)
REMOVE_OPERATOR = Operation(
    name="remove_operator",
    run=remove_operator,
    input=RemoveOperator,
    output=Deleted,
    scopes=(Scope.ADMIN, Scope.OPERATOR),
    effect="destructive",
    method="DELETE",
    path="/v1/operators/{operator_id}",
    aliases={"id": "operator_id"},
    needs_owner=dismisses,
    errors=("not_found", "conflict", "mailbox_limited", "invalid_approval_code"),
)
LIST_OPERATOR_SESSIONS = Operation(
    name="list_operator_sessions",
    run=list_operator_sessions,
    input=Page,
    output=SessionPage,
    scopes=(Scope.ADMIN, Scope.OPERATOR),
    effect="read",
    method="GET",
    path="/v1/operator-sessions",
    needs_owner=shows_sessions,
    errors=("mailbox_limited", "invalid_approval_code"),
)
REVOKE_OPERATOR_SESSION = Operation(
    name="revoke_operator_session",
    run=revoke_operator_session,
    input=RevokeOperatorSession,
    output=Deleted,
    scopes=(Scope.ADMIN, Scope.OPERATOR),
    effect="destructive",
    method="DELETE",
    path="/v1/operator-sessions/{session_id}",
    aliases={"id": "session_id"},
    needs_owner=signs_out,
    errors=("not_found", "mailbox_limited", "invalid_approval_code"),
)
