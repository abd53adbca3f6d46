"""Editing what waits: a new revision, written by whoever edits, with the difference shown before it is approved."""

from collections.abc import Mapping
from typing import Any

from starlette.responses import Response

from multimail.core.errors import Refused, invalid
from multimail.operations.editing import EDIT_EMAIL
from multimail.operations.reviewing import REVIEW_EMAIL
from multimail.surfaces.dashboard.deciding import why_not
from multimail.surfaces.dashboard.desk import Desk, Notice, go
from multimail.surfaces.dashboard.queue import Narrowed, show, view_in, view_of


async def ask_for_edit(desk: Desk) -> Response:
    return await show_edit(desk, desk.request.path_params["email_id"], view_of(desk.request.query_params))


async def show_edit(
    desk: Desk,
    email_id: str,
    view: Narrowed,
    *,
    notice: Notice | None = None,
    typed: Mapping[str, Any] | None = None,
    status: int = 200,
) -> Response:
    found = await desk.ask(REVIEW_EMAIL, email_id=email_id)
    given_html = any(finding["kind"] == "html_given" for finding in found["findings"])
    values = {"email": dict(found) | dict(typed or {}), "given_html": given_html, "view": view}
    return await desk.page("edit.html", status, calls=(EDIT_EMAIL,), here="queue", said=notice, **values)


async def edit(desk: Desk) -> Response:
    """Only what was changed is sent: the rest of the message stays as its agent made it."""
    form = await desk.read_own_form()
    email_id, revision = desk.request.path_params["email_id"], form.need("revision")
    view = view_in(form.get("view"))
    was = await desk.ask(REVIEW_EMAIL, email_id=email_id)
    typed: dict[str, Any] = {name: form.get(name) for name in ("subject", "markdown")}
    changed: dict[str, Any] = {name: text for name, text in typed.items() if text != was[name]}
    for kind in ("to", "cc", "bcc"):
        people = [one.strip() for one in form.get(kind).split(",") if one.strip()]
        typed[kind] = people
        if people != was[kind]:
            changed[kind] = people
    try:
        if not changed:
            raise invalid("text", "nothing was changed")
        await desk.ask(EDIT_EMAIL, email_id=email_id, revision=revision, **changed)
    except Refused as error:
        if error.kind.status == 404:
            raise
        if error.code == "stale_revision":
            notice = await why_not(desk, email_id, error)
            return await show(desk, view, email_id, notice=notice, since=revision, status=409)
        notice = Notice("refused", f"Nothing was saved. {error.sentence}")
        status = error.kind.status
        return await show_edit(desk, email_id, view, notice=notice, typed=typed, status=status)
    return go(f"/dashboard/emails/{email_id}{view.query}")
