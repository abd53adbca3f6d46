"""A person's decisions: on one email, on several, taken back; and why one was refused."""

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

from starlette.responses import Response

from multimail.core.errors import Refused, invalid, not_found
from multimail.operations.deciding import DECIDE_EMAILS
from multimail.operations.emails import GET_MESSAGE
from multimail.operations.oversight import DECIDE_EMAIL, GET_DECISION, UNDO_DECISION
from multimail.operations.reviewing import LIST_QUEUE, REVIEW_EMAIL
from multimail.operations.rules import ADD_RULE
from multimail.surfaces.dashboard.desk import Desk, Notice, go
from multimail.surfaces.dashboard.queue import EMAIL_ID, PATH, Narrowed, differences, row_of, show, view_in


async def decide(desk: Desk) -> Response:
    """One decision on the revision that was shown; where it is refused, the page says what happened instead."""
    form = await desk.read_own_form()
    email_id, revision, action = (form.need(name) for name in ("email_id", "revision", "action"))
    view = view_in(form.get("view"))
    decision = "approve" if action == "allow" else action
    reason = form.get("reason").strip() or None
    try:
        await desk.ask(DECIDE_EMAIL, email_id=email_id, revision=revision, action=decision, reason=reason)
    except Refused as error:
        notice = await why_not(desk, email_id, error)
        return await show(desk, view, email_id, notice=notice, since=revision, status=error.kind.status)
    if action == "allow":
        refused = await allow(desk, email_id, revision)
        if refused is not None:
            notice = Notice("refused", f"It is approved, and nobody was allowed. {refused.sentence}")
            return await show(desk, view, email_id, notice=notice, status=refused.kind.status)
    following = form.get("next")
    where = f"/dashboard/emails/{following}" if EMAIL_ID.fullmatch(following) else PATH
    told = urlencode({"decided": email_id})
    return go(f"{where}{view.query}{'&' if view.query else '?'}{told}")


async def allow(desk: Desk, email_id: str, revision: str) -> Refused | None:
    """From now on mail of its mailbox to each of its recipients leaves at once: of the revision that was shown."""
    one = await desk.ask(GET_MESSAGE, email_id=email_id)
    if one["revision"] != revision:  # its agent put somebody else there since, which voided the approval
        return Refused("stale_revision", status=one["status"])
    try:
        for person in one["recipients"]:
            rule = {"kind": "allow", "pattern": person["address"], "mailbox_id": one["mailbox_id"]}
            await desk.ask(ADD_RULE, **rule)
    except Refused as refused:
        return refused
    return None


async def undo(desk: Desk) -> Response:
    """Takes approvals back; where that is refused, it has left or somebody was faster."""
    form = await desk.read_own_form()
    named = form.all("email_id")[:100]
    for email_id in named:
        try:
            await desk.ask(UNDO_DECISION, email_id=email_id)
        except Refused as error:
            notice = Notice("refused", f"It can't be taken back any more. {error.sentence}")
            return await show(desk, Narrowed(), notice=notice, status=error.kind.status)
    if len(named) == 1 and EMAIL_ID.fullmatch(named[0]):
        return go(f"/dashboard/emails/{named[0]}")
    return go(PATH)


async def why_not(desk: Desk, email_id: str, error: Refused) -> Notice:
    """A refused decision in words: who was faster, or what has changed since."""
    try:
        one = await desk.ask(GET_MESSAGE, email_id=email_id)
    except Refused:
        return Notice("refused", f"Nothing was decided. {error.sentence}")
    if error.code == "stale_revision":
        sentence = "Nothing was decided: this email has changed since you looked. Below is what it is now."
        return Notice("refused", sentence, one["subject"])
    if error.code == "conflict" and one["decision"] is not None:
        known = await desk.ask(GET_DECISION, email_id=email_id)
        who = await desk.who(known["decided_by"])
        sentence = f"Nothing was changed: this email was {known['decision']} by {who} already."
        return Notice("refused", sentence, one["subject"], known["reason"])
    return Notice("refused", f"Nothing was decided. {error.sentence}", one["subject"])


async def review_many(desk: Desk) -> Response:
    """What is to be decided on at once, each with what tells it from one that was opened."""
    form = await desk.read_own_form()
    return await show_many(desk, chosen_in(form.all("chosen")))


def chosen_in(values: Sequence[str]) -> list[tuple[str, str]]:
    """(email, revision) of each checkbox. Raises Refused."""
    found = [(email_id, revision) for email_id, _, revision in (value.partition(" ") for value in values)]
    if not found or len(found) > 100 or not all(EMAIL_ID.fullmatch(email_id) for email_id, _ in found):
        raise invalid("chosen", "choose 1 to 100 emails of the list")
    return found


async def show_many(
    desk: Desk, chosen: Sequence[tuple[str, str]], *, notice: Notice | None = None, status: int = 200
) -> Response:
    listed = {one["id"]: one for one in (await desk.ask(LIST_QUEUE, limit=100))["emails"]}
    if not all(email_id in listed for email_id, _ in chosen):
        raise not_found("email that waits")
    rows = {email_id: row_of(listed[email_id], desk) for email_id, _ in chosen}
    opened = [email_id for email_id, _ in chosen if rows[email_id]["seen"]]
    words: dict[str, Mapping[str, Any]] = {}
    shown = []
    for email_id, _ in chosen:
        like = next((one for one in opened if one in rows[email_id]["facts"]["near_duplicates"]), None)
        one = rows[email_id] | {"opened": email_id in opened, "parts": None, "like": ""}
        if not one["opened"] and like is not None:
            for name in (like, email_id):
                words[name] = words.get(name) or await desk.ask(REVIEW_EMAIL, email_id=name)
            one |= {
                "like": rows[like]["subject"],
                "parts": differences(comparable(words[like]), comparable(words[email_id])),
            }
        shown.append(one)
    ready = all(one["opened"] or one["parts"] is not None for one in shown)
    values = {"chosen": shown, "ready": ready, "here": "queue", "said": notice}
    return await desk.page("many.html", status, calls=(DECIDE_EMAILS,), **values)


def comparable(one: Mapping[str, Any]) -> dict[str, Any]:
    recipients = [person["address"] for person in one["recipients"]]
    return {"recipients": recipients, "subject": one["subject"], "markdown": one["markdown"]}


async def decide_many(desk: Desk) -> Response:
    form = await desk.read_own_form()
    chosen = chosen_in(form.all("chosen"))
    emails = [{"email_id": email_id, "revision": revision} for email_id, revision in chosen]
    reason = form.get("reason").strip() or None
    try:
        await desk.ask(DECIDE_EMAILS, emails=emails, action=form.need("action"), reason=reason)
    except Refused as error:
        named = error.details.get("email_id", "")
        notice = Notice("refused", f"Nothing was decided on any of them. {error.sentence}", str(named))
        try:
            return await show_many(desk, chosen, notice=notice, status=error.kind.status)
        except Refused:
            return await show(desk, Narrowed(), notice=notice, status=error.kind.status)
    told = urlencode([("decided", email_id) for email_id, _ in chosen])
    return go(f"{PATH}?{told}")
