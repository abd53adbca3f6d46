"""Ways to look at the queue that an operator named, to find them again: each person's are their own."""

from collections.abc import Mapping
from typing import Any, Final, Literal

from pydantic import Field, field_validator
from typing_extensions import TypedDict

from multimail.core.errors import Refused, not_found
from multimail.core.risk import Risk
from multimail.core.scopes import Scope
from multimail.operations.context import Context
from multimail.operations.operation import Input, Operation
from multimail.operations.views import Deleted, page_of_few
from multimail.storage.database import Row

MOST: Final = 20  # of one operator


class SavedView(TypedDict):
    """What list_queue is asked with, null for what it is not narrowed by; `group` is how the desk puts it together."""

    id: str
    name: str
    q: str | None
    mailbox_id: str | None
    direction: str | None
    risk: str | None
    group: str | None


class SavedViewPage(TypedDict):
    views: list[SavedView]
    cursor: str | None


class ListSavedViews(Input):
    limit: int = Field(20, ge=1, le=100)
    cursor: str | None = None


def list_saved_views(ctx: Context, given: ListSavedViews) -> Mapping[str, Any]:
    """Lists one's own views of the queue, oldest first; a person has at most twenty."""
    shown, cursor = page_of_few(_own(ctx), given.limit, given.cursor, lambda row: str(row["view_id"]))
    return {"views": [_view(row) for row in shown], "cursor": cursor}


def _own(ctx: Context) -> list[Row]:
    rows: list[Row] = ctx.sql.list_saved_views(account_id=ctx.account_id, operator_id=ctx.actor.id)
    return rows


def _view(row: Row) -> dict[str, Any]:
    narrowed = {name: row[name] or None for name in ("q", "mailbox_id", "direction", "risk")}
    return {"id": row["view_id"], "name": row["name"], **narrowed, "group": row["grouped"] or None}


class SaveView(Input):
    name: str = Field(
        min_length=1, max_length=40, description="To find it by; a name that is there is changed."
    )
    q: str = Field("", max_length=256, description="A text that is in the subject or an address.")
    mailbox_id: str | None = Field(None, description="Only what waits in this mailbox: its id or address.")
    direction: Literal["inbound", "outbound"] | None = None
    risk: Risk | None = None
    group: Literal["mailbox"] | None = Field(
        None, description="How the desk puts it together; by default by risk."
    )

    @field_validator("name")
    @classmethod
    def _one_line(cls, name: str) -> str:
        line = " ".join(name.split())
        if not line or not line.isprintable():
            raise ValueError("a name is one line of text")
        return line


def save_view(ctx: Context, given: SaveView) -> Mapping[str, Any]:
    """Keeps a way to look at the queue under a name, for oneself alone. A person has at most twenty."""
    if len({row["name"] for row in _own(ctx)} | {given.name}) > MOST:
        raise Refused("conflict", f"A person has at most {MOST} views.", status="full")
    ctx.sql.save_view(
        account_id=ctx.account_id,
        operator_id=ctx.actor.id,
        view_id=ctx.new_id("viw"),
        name=given.name,
        q=given.q.strip(),
        mailbox_id="" if given.mailbox_id is None else ctx.mailbox(given.mailbox_id)["mailbox_id"],
        direction=given.direction or "",
        risk=given.risk or "",
        grouped=given.group or "",
        created_at=ctx.now,
    )
    saved = next(row for row in _own(ctx) if row["name"] == given.name)
    ctx.about("operator", ctx.actor.id, view=saved["view_id"])
    return _view(saved)


class DeleteView(Input):
    view_id: str


def delete_view(ctx: Context, given: DeleteView) -> Mapping[str, Any]:
    """Forgets a view of one's own."""
    name = {"account_id": ctx.account_id, "operator_id": ctx.actor.id, "view_id": given.view_id}
    if not ctx.sql.delete_saved_view(**name):
        raise not_found("view")
    ctx.about("operator", ctx.actor.id, view=given.view_id)
    return {"id": given.view_id, "deleted": True}


LIST_SAVED_VIEWS = Operation(
    name="list_saved_views",
    run=list_saved_views,
    input=ListSavedViews,
    output=SavedViewPage,
    scopes=(Scope.OPERATOR, Scope.PERSON),
    effect="read",
    audited=False,
    method="GET",
    path="/v1/saved-views",
)
SAVE_VIEW = Operation(
    name="save_view",
    run=save_view,
    input=SaveView,
    output=SavedView,
    scopes=(Scope.OPERATOR, Scope.PERSON),
    effect="write",
    method="POST",
    path="/v1/saved-views",
    status=201,
    aliases={"mailbox": "mailbox_id"},
    errors=("not_found", "conflict"),
)
DELETE_VIEW = Operation(
    name="delete_view",
    run=delete_view,
    input=DeleteView,
    output=Deleted,
    scopes=(Scope.OPERATOR, Scope.PERSON),
    effect="destructive",
    method="DELETE",
    path="/v1/saved-views/{view_id}",
    aliases={"id": "view_id"},
    errors=("not_found",),
)
