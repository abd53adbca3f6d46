"""The desk in a real browser: a world's HTTP surface on a socket of its own, and Debian's Chromium before it."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, nullcontext
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import uvicorn
from axe_playwright_python.base import AXE_FILE_PATH
from playwright.async_api import Browser, BrowserContext, Page, ViewportSize, async_playwright, expect

from multimail.core.scopes import Role
from multimail.operations import operators
from multimail.operations.authenticate import operator_actor
from multimail.operations.context import Context
from multimail.surfaces import dashboard
from multimail.surfaces.http import build_app
from tests.support.world import World

# What counts down by the second stands still: how fast a machine is decides nothing.
STILL = "const real = setTimeout; window.setTimeout = (f, ms, ...a) => ms === 1000 ? 0 : real(f, ms, ...a);"
CHROMIUM = Path("/usr/bin/chromium")
PATIENCE = 30_000  # ms: a crowded machine is slow, and no test waits for nothing
expect.set_options(timeout=PATIENCE)
DESKTOP: ViewportSize = {"width": 1360, "height": 850}
PHONE: ViewportSize = {"width": 390, "height": 844}


@dataclass
class House:
    """A world that listens at `url`, and the browser that looks at it, on a `phone` unless a window is to be otherwise.
    `faults` are what pages complained of."""

    world: World
    url: str
    browser: Browser
    phone: bool = False
    faults: list[str] = field(default_factory=list)
    contexts: list[BrowserContext] = field(default_factory=list)

    async def window(self, *, phone: bool | None = None, dark: bool = False, **more: Any) -> Page:
        """A browser of its own, with nobody signed in."""
        phone = self.phone if phone is None else phone
        context = await self.browser.new_context(
            viewport=PHONE if phone else DESKTOP,
            has_touch=phone,
            color_scheme="dark" if dark else "light",
            reduced_motion="reduce",
            base_url=self.url,
            device_scale_factor=2 if phone else 1,
            **more,
        )
        self.contexts.append(context)
        page = await context.new_page()
        page.set_default_timeout(PATIENCE)
        await page.add_init_script(STILL)
        page.on("pageerror", lambda error: self.faults.append(str(error)))
        page.on("console", lambda line: self.faults.append(line.text) if line.type == "error" else None)
        return page

    async def person(self, name: str = "Mira", role: Role = Role.OWNER, **more: Any) -> Page:
        """A window in which a new operator has signed in by a link."""
        token = await self.world.run(lambda ctx: link(ctx, name, role))
        page = await self.window(**more)
        await page.goto(f"/dashboard/sign-in/{token}")
        await page.get_by_role("button", name="Sign in").click()
        await page.wait_for_url("**/dashboard/queue")
        return page


def link(ctx: Context, name: str, role: Role, email: str | None = None) -> str:
    """A new operator's sign-in token."""
    person = {"account_id": ctx.account_id, "operator_id": ctx.new_id("opr")}
    ctx.sql.add_operator(**person, role=role, name=name, email=email, created_at=ctx.now)
    own = Context(ctx.services, ctx.tx, operator_actor(ctx.sql.get_operator(**person)), ctx.now)
    return operators.new_token(own, "sign-in", operators.LINK_LIFE)


@asynccontextmanager
async def open_house(world: World) -> AsyncIterator[House]:
    """Serves the world at http://localhost: a name, because passkeys are bound to one."""
    listener = socket.create_server(("127.0.0.1", 0))
    url = f"http://localhost:{listener.getsockname()[1]}"
    world.services = replace(world.services, site=replace(world.services.site, public_url=url))
    stopping = asyncio.Event()
    routes = dashboard.routes(world.services, stopping)
    app = build_app(world.services, ready=lambda: True, extra_routes=routes, stopping=stopping)
    config = uvicorn.Config(app, lifespan="off", log_config=None, timeout_graceful_shutdown=2)
    server = Quiet(config)
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    try:
        async with async_playwright() as playwright:
            browser = await playwright.chromium.launch(executable_path=str(CHROMIUM), args=["--no-sandbox"])
            house = House(world, url, browser)
            yield house
            for context in house.contexts:
                await context.close()
            await browser.close()
    finally:
        stopping.set()
        server.should_exit = True
        await serving
        listener.close()


class Quiet(uvicorn.Server):
    """Leaves signals to pytest."""

    def install_signal_handlers(self) -> None:
        return

    def capture_signals(self):
        return nullcontext()


async def violations(house: House, page: Page) -> list[str]:
    """What axe-core finds against WCAG 2.2 A and AA and good practice, in words."""
    before = len(house.faults)
    await page.evaluate(AXE_FILE_PATH.read_text())
    tags = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
    found = await page.evaluate("tags => axe.run(document, {runOnly: tags, iframes: false})", tags)
    del house.faults[before:]  # axe tries inline styles, which our policy forbids
    return [
        f"{page.url}: {one['id']}: {node['html'][:200]} {node.get('failureSummary', '')[:300]}"
        for one in found["violations"]
        for node in one["nodes"]
    ]
