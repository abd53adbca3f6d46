"""The parts of a message, each as nothing but what it is: HTML in a frame where nothing runs, source, attachments."""

from typing import Final

from markupsafe import escape
from starlette.responses import Response

from multimail.core.errors import Refused
from multimail.operations.attachments import DOWNLOAD_ATTACHMENT, DOWNLOAD_SOURCE, File
from multimail.operations.html import READ_HTML
from multimail.surfaces.dashboard import render
from multimail.surfaces.dashboard.desk import Desk

PICTURES: Final = ("image/png", "image/jpeg", "image/gif", "image/webp")
TEXTS: Final = ("text/plain", "text/csv", "text/markdown", "application/json")


async def html(desk: Desk) -> Response:
    named = {"email_id": desk.request.path_params["email_id"], "revision": desk.query("revision") or None}
    try:
        found = await desk.ask(READ_HTML, **named)
    except Refused as error:
        return render.frame(f"<!DOCTYPE html><p>{escape(error.sentence)}</p>", error.kind.status)
    return render.frame(found["html"] or "<!DOCTYPE html><p>This email has no HTML part.</p>")


async def source(desk: Desk) -> Response:
    email_id = desk.request.path_params["email_id"]
    found: File = (await desk.ask(DOWNLOAD_SOURCE, email_id=email_id))["file"]
    if desk.query("download"):
        return render.file(found.content, "message/rfc822", f"{email_id}.eml")
    text = found.content.decode("utf-8", "replace")
    values = {"email_id": email_id, "source": text, "size": len(found.content)}
    return await desk.page("source.html", calls=(DOWNLOAD_SOURCE,), here="queue", **values)


async def attachment(desk: Desk) -> Response:
    """A download; pictures of four kinds and plain texts can be looked at too, as nothing but that."""
    named = {"email_id": desk.request.path_params["email_id"], "filename": desk.query("name")}
    answer = await desk.ask(DOWNLOAD_ATTACHMENT, **named)
    found: File = answer["file"]
    if desk.query("shown") and found.content_type in PICTURES:
        return render.file(found.content, found.content_type)
    if desk.query("shown") and found.content_type in TEXTS:
        return render.file(found.content, "text/plain; charset=utf-8")
    return render.file(found.content, "application/octet-stream", found.name)
