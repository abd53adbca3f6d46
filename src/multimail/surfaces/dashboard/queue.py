"""The queue and the email in it: what waits, exactly as it would leave, and a person's decisions."""

import asyncio
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import Any, Final
from urllib.parse import parse_qsl, urlencode

from starlette.responses import Response

from multimail.core.errors import Refused
from multimail.core.oversight import State
from multimail.core.risk import Risk
from multimail.core.telling import told
from multimail.operations.attachments import DOWNLOAD_SOURCE
from multimail.operations.deciding import DECIDE_EMAILS
from multimail.operations.editing import EDIT_EMAIL
from multimail.operations.emails import GET_MESSAGE
from multimail.operations.html import READ_HTML
from multimail.operations.mailboxes import LIST_MAILBOXES
from multimail.operations.oversight import DECIDE_EMAIL, UNDO_DECISION
from multimail.operations.reviewing import LIST_QUEUE, REVIEW_EMAIL
from multimail.operations.saved_views import DELETE_VIEW, LIST_SAVED_VIEWS, SAVE_VIEW
from multimail.surfaces.dashboard import render
from multimail.surfaces.dashboard.desk import Desk, Notice, every
from multimail.surfaces.dashboard.differences import Part, compare
from multimail.surfaces.dashboard.message import PICTURES, TEXTS

PATH: Final = "/dashboard/queue"
PAGE: Final = 25
EMAIL_ID: Final = re.compile(r"eml_[0-9a-z]{26}")
GROUPS: Final = {Risk.HIGH: "Look closely", Risk.ELEVATED: "Worth a look", Risk.ORDINARY: "Routine"}
CALLS: Final = (
    LIST_QUEUE,
    REVIEW_EMAIL,
    READ_HTML,
    DOWNLOAD_SOURCE,
    DECIDE_EMAIL,
    DECIDE_EMAILS,
    EDIT_EMAIL,
    UNDO_DECISION,
    SAVE_VIEW,
    DELETE_VIEW,
)
SAVED_AS: Final = {"mailbox": "mailbox_id"}  # what the URL calls otherwise than the operations
KEPT: Final = ("q", "mailbox", "risk", "direction", "group", "cursor")


@dataclass(frozen=True, slots=True)
class Narrowed:
    """How the queue is looked at; it goes along in every link, so that the list stays as it is."""

    q: str = ""
    mailbox: str = ""
    risk: str = ""
    direction: str = ""
    group: str = ""
    cursor: str = ""

    @property
    def query(self) -> str:
        asked = urlencode({name: getattr(self, name) for name in KEPT if getattr(self, name)})
        return f"?{asked}" if asked else ""

    @property
    def url(self) -> str:
        return PATH + self.query

    @property
    def narrowed(self) -> bool:
        return bool(self.q or self.mailbox or self.risk or self.direction or self.cursor)


def view_of(parameters: Mapping[str, str]) -> Narrowed:
    return Narrowed(**{name: parameters.get(name, "")[:512] for name in KEPT})


def view_in(query: str) -> Narrowed:
    """The view that a form carried along."""
    return view_of(dict(parse_qsl(query.lstrip("?")[:4096], max_num_fields=len(KEPT) + 4)))


def views(view: Narrowed, saved: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The ready-made ways to look, and those that this person saved."""
    made: tuple[tuple[str, dict[str, str]], ...] = (
        ("All", {}),
        ("Look closely", {"risk": Risk.HIGH.value}),
        ("Inbound", {"direction": "inbound"}),
        ("By mailbox", {"group": "mailbox"}),
    )
    own = {name: getattr(view, name) for name in KEPT if name != "cursor" and getattr(view, name)}
    every = [(label, asked, "") for label, asked in made]
    for one in saved:
        asked = {name: one[SAVED_AS.get(name, name)] for name in KEPT if name != "cursor"}
        every.append((one["name"], {name: value for name, value in asked.items() if value}, one["id"]))
    return [
        {
            "label": label,
            "url": f"{PATH}?{urlencode(asked)}" if asked else PATH,
            "here": asked == own,
            "id": view_id,
        }
        for label, asked, view_id in every
    ]


async def queue(desk: Desk) -> Response:
    notice = None
    decided = desk.request.query_params.getlist("decided")[:100]
    if decided:
        notice = await what_was_decided(desk, decided)
    return await show(desk, view_of(desk.request.query_params), notice=notice)


async def email(desk: Desk) -> Response:
    decided = desk.request.query_params.getlist("decided")[:100]
    notice = await what_was_decided(desk, decided) if decided else None
    view = view_of(desk.request.query_params)
    return await show(
        desk, view, desk.request.path_params["email_id"], notice=notice, since=desk.query("since")
    )


async def show(
    desk: Desk,
    view: Narrowed,
    email_id: str = "",
    *,
    notice: Notice | None = None,
    since: str = "",
    status: int = 200,
) -> Response:
    """The list, and one email beside it. `since` is the revision that somebody saw before."""
    asked = {"q": view.q, "mailbox_id": view.mailbox, "risk": view.risk, "direction": view.direction}
    waiting = await desk.ask(
        LIST_QUEUE,
        limit=PAGE,
        cursor=view.cursor or None,
        **{name: value for name, value in asked.items() if value},
    )
    saved = (await desk.ask(LIST_SAVED_VIEWS))["views"] if desk.may("list_saved_views") else []
    saved = sorted(saved, key=itemgetter("name"))
    reviewed, gone = None, ""
    if email_id:
        try:
            reviewed = await desk.ask(REVIEW_EMAIL, email_id=email_id)
        except Refused as refused:
            gone, status = refused.sentence, refused.kind.status
    order = [one["id"] for group in grouped(waiting["emails"], view.group, desk) for one in group["emails"]]
    place = order.index(email_id) + 1 if email_id in order else 0
    return await desk.page(
        "queue.html",
        status,
        calls=CALLS,
        here="queue",
        said=notice or desk.notice,
        view=view,
        views=views(view, saved),
        queue=waiting,
        groups=grouped(waiting["emails"], view.group, desk),
        mailboxes=await every(desk, LIST_MAILBOXES, "mailboxes"),
        email=reviewed,
        gone=gone,
        place=place,
        places=len(order),
        following=after(order, place),
        known=reviewed and what_to_know(reviewed),
        changes=reviewed and await asyncio.to_thread(changes, reviewed, since),
        editor=reviewed and await desk.who(reviewed["edited_by"] or ""),
        pictures=PICTURES,
        texts=TEXTS,
    )


def after(order: list[str], place: int) -> str:
    """The next to look at: the one below, or at the end the one above."""
    others = order[place:] + order[: place - 1][::-1] if place else order
    return others[0] if others else ""


def grouped(emails: Sequence[Mapping[str, Any]], by: str, desk: Desk) -> list[dict[str, Any]]:
    """By risk or by mailbox, in the order in which they come; emails of one conversation stand together."""
    groups: dict[str, list[dict[str, Any]]] = {}
    for one in emails:
        label = one["mailbox_address"] if by == "mailbox" else GROUPS[one["risk"]]
        groups.setdefault(label, []).append(row_of(one, desk))
    return [{"label": label, "emails": together(rows)} for label, rows in groups.items()]


def row_of(one: Mapping[str, Any], desk: Desk) -> dict[str, Any]:
    """One line of the list."""
    outbound = one["direction"] == "outbound"
    people = [person["address"] for person in one["recipients"]] if outbound else [one["from"]]
    seen = any(
        look["operator_id"] == desk.actor.id and look["revision"] == one["revision"] for look in one["looks"]
    )
    return dict(one) | {"people": people[0] if people else "", "others": len(people) - 1, "seen": seen}


def together(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    threads: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        threads.setdefault(row["thread_id"], []).append(row)
    return [row | {"follows": at > 0} for rows in threads.values() for at, row in enumerate(rows)]


def what_to_know(one: Mapping[str, Any]) -> list[dict[str, str]]:
    """What the facts say, gravest first, in sentences. Details quote strangers."""
    facts = one["facts"]
    found: list[tuple[str, str, str]] = [
        (
            "look_alike",
            "look-alike",
            f"{found['address']} is not at {found['domain']}, though it reads like it",
        )
        for found in one["look_alikes"]
    ]
    found += [("hidden", "hidden", sentence) for sentence in one["hidden"]]
    found += [
        ("defect", "unreadable", sentence) for sentence in [*one["defects"], *one["message"]["trouble"]]
    ]
    found += [
        ("reply_to_differs", "Reply-To differs", f"answers would go to {other}")
        for other in facts["reply_to_differs"]
        if "reply_to_differs" not in {finding["kind"] for finding in one["findings"]}
    ]
    if "sender_unproven" in one["signs"]:
        reasons = "; ".join(one["auth"]["reasons"])
        found.append(
            (
                "sender_unproven",
                "sender unproven",
                f"the owner of the domain in From says it is forged. {reasons}",
            )
        )
    found += [
        (finding["kind"], render.sign_word(finding["kind"]), finding["detail"])
        for finding in one["findings"]
        if finding["kind"] != "bcc"  # its own row above says more
    ]
    found += [
        (sign, render.sign_word(sign), sentence) for sign, sentence in told(facts) if sign != "external"
    ]
    return [{"weight": render.weight(sign), "word": word, "detail": detail} for sign, word, detail in found]


def changes(one: Mapping[str, Any], since: str) -> dict[str, Any] | None:
    """From the revision that was seen, by default the one before the last edit, to what it is now."""
    earlier = one["earlier"]
    if not earlier:
        return None
    seen = next((revision for revision in earlier if revision["revision"] == since), None)
    before = seen or earlier[-1]
    now = {
        "subject": one["subject"],
        "recipients": [person["address"] for person in one["recipients"]],
        "markdown": one["markdown"],
    }
    return {
        "since": "since you looked" if seen else "in the last edit",
        "parts": differences(before, now),
    }


def differences(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[Part]:
    """Of recipients, subject and words."""
    compared = (
        compare("Recipients", "\n".join(sorted(before["recipients"])), "\n".join(sorted(now["recipients"]))),
        compare("Subject", before["subject"], now["subject"]),
        compare("Text", before["markdown"], now["markdown"]),
    )
    return [part for part in compared if part is not None]


async def what_was_decided(desk: Desk, email_ids: Sequence[str]) -> Notice | None:
    """What the record says of emails that were just decided; the URL only names them."""
    found = []
    for email_id in email_ids:
        try:
            one = await desk.ask(GET_MESSAGE, email_id=email_id)
        except Refused:
            continue
        if one["decision"] is not None:
            found.append(one)
    if not found:
        return None
    undone = [
        one["id"] for one in found if one["status"] == State.SCHEDULED and one["decision"] == "approved"
    ]
    first = found[0]
    decision = first["decision"].capitalize()
    if len(found) > 1:
        return Notice("done", f"{decision}: {len(found)} emails.", undo=undone)
    sentence = f"{decision}. Its status is {first['status']} now."
    return Notice("done", sentence, first["subject"], first["reason"], undone)
