"""Getting in and out: by a link, by a code that is mailed, by a passkey. Whoever is not known learns nothing."""

import asyncio
import re
from collections.abc import Awaitable
from typing import Final, TypeVar

from starlette.responses import Response

from multimail.operations import operators, passkeys, sign_in
from multimail.surfaces.dashboard.desk import Desk, Notice, go
from multimail.surfaces.dashboard.session import (
    begin_browser,
    browser_of,
    check_own_page,
    drop_cookie,
    read_form,
    set_cookie,
)

T = TypeVar("T")
QUEUE: Final = "/dashboard/queue"
PACE: Final = 0.25  # seconds: above what a code takes to be made and written down
pause: Final = asyncio.sleep
LINK_TOKEN: Final = re.compile(r"[A-Za-z0-9_-]{32}")


async def show(
    desk: Desk, status: int = 200, *, title: str = "Sign in", asked: str = "", notice: Notice | None = None
) -> Response:
    options = "" if asked else passkeys.sign_in_options(desk.services)
    return await desk.page("sign_in.html", status, title=title, asked=asked, passkeys=options, said=notice)


def enter(desk: Desk, token: str) -> Response:
    response = go(QUEUE)
    set_cookie(response, desk.services.site, token)
    return response


async def ask(desk: Desk) -> Response:
    return await show(desk)


async def look_at_link(desk: Desk) -> Response:
    """The same for every token: scanners fetch links, so looking changes nothing and tells nothing."""
    return await desk.page("sign_in_link.html")


async def by_link(desk: Desk) -> Response:
    """A token has 192 random bits, so guessing needs no limit; what is no token never reaches the database."""
    check_own_page(desk.request)
    token = desk.request.path_params["token"]
    session = (
        await desk.services.db.write(lambda tx: operators.sign_in(desk.services, tx, token))
        if LINK_TOKEN.fullmatch(token)
        else None
    )
    return await desk.page("link_used.html", 403) if session is None else enter(desk, session)


async def evenly(work: Awaitable[T]) -> T:
    """What `work` gives, never sooner than PACE: no stopwatch tells whether an address is an operator's."""
    done, _ = await asyncio.gather(work, pause(PACE))
    return done


async def mail_code(desk: Desk) -> Response:
    """The same answer for every address. The code is good in this browser alone."""
    check_own_page(desk.request)
    email = (await read_form(desk.request)).get("email").strip()[:254]
    browser = browser_of(desk.request, desk.services.site) or begin_browser(desk.services)
    await evenly(desk.services.db.write(lambda tx: sign_in.mail_codes(desk.services, tx, email, browser)))
    response = await show(desk, title="Look at your mail", asked=email)
    set_cookie(response, desk.services.site, browser, before=True)
    return response


async def by_code(desk: Desk) -> Response:
    check_own_page(desk.request)
    form = await read_form(desk.request)
    email, code = form.get("email").strip()[:254], form.get("code")
    browser = browser_of(desk.request, desk.services.site)
    session = await evenly(
        desk.services.db.write(lambda tx: sign_in.by_code(desk.services, tx, email, browser, code))
    )
    if session is None:
        notice = Notice("refused", "That code is not good, or not any more. A new one can be mailed.")
        return await show(desk, 403, asked=email, notice=notice)
    return enter(desk, session)


async def by_passkey(desk: Desk) -> Response:
    check_own_page(desk.request)
    answer = (await read_form(desk.request)).get("answer")
    session = await desk.services.db.write(lambda tx: passkeys.by_passkey(desk.services, tx, answer))
    if session is None:
        return await show(
            desk, 403, notice=Notice("refused", "That passkey is not known here, or came too late.")
        )
    return enter(desk, session)


async def sign_out(desk: Desk) -> Response:
    await desk.read_own_form()
    session = desk.session
    assert session is not None
    await desk.services.db.write(lambda tx: operators.sign_out(desk.services, tx, session.token))
    desk.session = None
    response = await show(desk, title="You are signed out")
    drop_cookie(response, desk.services.site)
    return response
