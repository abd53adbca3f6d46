"""The approval desk: who gets in, what they see of hostile mail, and what becomes of a decision."""

import base64
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from html.parser import HTMLParser
from typing import Any
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markupsafe import Markup

from multimail.core.oversight import Mode
from multimail.core.scopes import Role
from multimail.core.times import DAY
from multimail.mail.charsets import strip_unseen
from multimail.operations import operators
from multimail.operations.account import GET_AUDIT_LOG
from multimail.operations.api_keys import CREATE_API_KEY
from multimail.operations.authenticate import operator_actor
from multimail.operations.contacts import ADD_CONTACT
from multimail.operations.context import Context
from multimail.operations.editing import EDIT_SCHEDULED_EMAIL
from multimail.operations.emails import GET_MESSAGE
from multimail.operations.html import html_of
from multimail.operations.intake import Arrival, accept, understand
from multimail.operations.jobs import Lease
from multimail.operations.operation import Operation
from multimail.operations.oversight import DECIDE_EMAIL, LIST_PENDING
from multimail.operations.rules import ADD_RULE, LIST_RULES
from multimail.operations.sealing import seal_all
from multimail.operations.sending import CANCEL_MESSAGE, SEND_EMAIL
from multimail.surfaces import dashboard
from multimail.surfaces.dashboard import sign_in
from multimail.surfaces.dashboard.desk import ROOMS
from multimail.surfaces.dashboard.desk import Desk as Rooms
from multimail.surfaces.dashboard.render import address, reveal, size
from multimail.surfaces.dashboard.session import csrf_token
from multimail.surfaces.http import build_app
from tests.support import mailroom
from tests.support.asgi import Reply, fetch
from tests.support.world import World

FORM = "application/x-www-form-urlencoded"
OWN = {"sec-fetch-site": "same-origin", "content-type": FORM, "host": "127.0.0.1:8025"}
VOID = frozenset("meta link img input br hr".split())
HOSTILE = '"><script>alert(1)</script><img src=x onerror=alert(2)>{{ "in"~"jected" }}\u202egnp'


class Page(HTMLParser):
    """A page as a browser takes it apart: every tag with its attributes, and the words between."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words = ""
        self.open: list[str] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attributes)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_startendtag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attributes)))

    def handle_data(self, data: str) -> None:
        self.words += data

    def all(self, tag: str, **wanted: str) -> list[dict[str, str | None]]:
        return [found for name, found in self.tags if name == tag and wanted.items() <= found.items()]


@dataclass
class Browser:
    """One person's browser: a cookie, and the forms of the page it is on."""

    desk: "Desk"
    cookie: str = ""
    reply: Reply | None = None
    headers: Mapping[str, str] = field(default_factory=lambda: dict(OWN))

    async def get(self, target: str) -> Page:
        return await self._go("GET", target, b"")

    async def post(self, target: str, fields: Mapping[str, Any]) -> Page:
        return await self._go("POST", target, urlencode(fields).encode())

    async def _go(self, method: str, target: str, content: bytes) -> Page:
        headers = dict(self.headers) | ({"cookie": self.cookie} if self.cookie else {})
        self.reply = await fetch(self.desk.app, method, target, content=content, headers=headers)
        if "set-cookie" in self.reply.headers:
            self.cookie = self.reply.headers["set-cookie"].partition(";")[0]
        page = Page(self.reply.content.decode())
        if self.reply.status not in (303, 307):
            check_page(self.reply, page)
        return page

    async def sign_in(self, token: str) -> "Browser":
        await self.post(f"/dashboard/sign-in/{token}", {})
        assert self.reply is not None and self.reply.status == 303, self.reply
        return self

    @property
    def csrf(self) -> str:
        return csrf_token(self.desk.world.services.link_secret, self.cookie.partition("=")[2])

    async def open(self, email: Mapping[str, Any]) -> Page:
        """The page of one email."""
        return await self.get(f"/dashboard/emails/{email['id']}")

    async def decide(self, email: Mapping[str, Any], action: str, **more: str) -> Page:
        fields = {"csrf": self.csrf, "email_id": email["id"], "revision": email["revision"], "action": action}
        return await self.post("/dashboard/decide", fields | more)


@dataclass
class Desk:
    world: World

    def __post_init__(self) -> None:
        routes = dashboard.routes(self.world.services)
        self.app = build_app(self.world.services, ready=lambda: True, extra_routes=routes)

    async def link(self, name: str = "Mira", role: Role = Role.OWNER) -> str:
        """A new operator's sign-in token."""

        def unit(ctx: Context) -> str:
            operator_id = ctx.new_id("opr")
            person = {"account_id": ctx.account_id, "operator_id": operator_id}
            ctx.sql.add_operator(**person, role=role, name=name, email=None, created_at=ctx.now)
            own = Context(ctx.services, ctx.tx, operator_actor(ctx.sql.get_operator(**person)), ctx.now)
            return operators.new_token(own, "sign-in", operators.LINK_LIFE)

        return await self.world.run(unit)

    async def person(self, name: str = "Mira", role: Role = Role.OWNER) -> Browser:
        return await Browser(self).sign_in(await self.link(name, role))

    async def held(self, **given: Any) -> Any:
        """An email that waits, as the queue has it."""
        email = {"mailbox_id": self.world.mailbox["mailbox_id"], "to": "ann@example.test", "subject": "Hi"}
        sent = await self.world.invoke(SEND_EMAIL, **(email | {"markdown": "Hello."} | given))
        pending = (await self.world.invoke(LIST_PENDING, "oversight", limit=100))["pending"]
        return next(one for one in pending if one["id"] == sent["id"])

    async def status(self, email: Mapping[str, Any]) -> str:
        return str((await self.world.invoke(GET_MESSAGE, email_id=email["id"]))["status"])

    async def audited(self, action: str) -> Any:
        """The one entry of this action, once it is sealed into the log."""
        await seal_all(self.world.services, lambda head: "")
        entries = (await self.world.invoke(GET_AUDIT_LOG, "admin", limit=100))["entries"]
        (entry,) = (entry for entry in entries if entry["action"] == action)
        return entry


def check_page(reply: Reply, page: Page) -> None:
    """What holds for every page of the desk, whatever is on it."""
    assert reply.headers["content-type"] == "text/html; charset=utf-8"
    policy = reply.headers["content-security-policy"]
    assert "default-src 'none'" in policy and "base-uri 'none'" in policy and "unsafe-eval" not in policy
    assert reply.headers["referrer-policy"] == "no-referrer"
    assert reply.headers["cache-control"] == "no-store"
    assert reply.headers["x-content-type-options"] == "nosniff"
    if "sandbox" in policy.split("; "):
        assert "frame-ancestors 'self'" in policy and reply.headers["x-frame-options"] == "SAMEORIGIN"
        return  # a message's own HTML: markup of others, in which nothing runs
    assert "frame-ancestors 'none'" in policy and reply.headers["x-frame-options"] == "DENY"
    assert "unsafe-inline" not in policy and "script-src 'self';" in policy
    assert page.open == []
    for tag, attributes in page.tags:
        assert tag not in ("style", "object", "embed", "base")
        assert not [name for name in attributes if name.startswith("on") or name in ("style", "srcdoc")]
        for name in ("src", "href", "action"):
            assert re.match(r"/dashboard|/docs$|#main$", attributes.get(name) or "/dashboard"), attributes
        if tag == "script":
            assert (attributes["src"] or "").startswith("/dashboard/static/")
        if tag == "iframe":
            assert attributes["sandbox"] == ""
    labels = {found.get("for") for found in page.all("label")}
    assert all(found["id"] in labels for found in page.all("textarea"))


@pytest.fixture
def desk(world: World) -> Desk:
    return Desk(world)


# Getting in.


async def test_looking_at_a_link_uses_nothing_and_the_button_signs_in_once(desk: Desk) -> None:
    token, browser = await desk.link(), Browser(desk)
    for _ in range(3):
        page = await browser.get(f"/dashboard/sign-in/{token}")
        assert browser.reply.status == 200
        assert len(page.all("button")) == 1
        assert browser.cookie == ""
    await browser.sign_in(token)
    assert browser.reply.headers["location"] == "/dashboard/queue"
    assert "Waiting for you" in (await browser.get("/dashboard/queue")).words
    again = Browser(desk)
    page = await again.post(f"/dashboard/sign-in/{token}", {})
    assert again.reply.status == 403
    assert again.cookie == ""
    assert "multimail operator sign-in-link" in page.words


async def test_every_bad_link_gets_the_same_page(desk: Desk) -> None:
    used, late = await desk.link(), await desk.link()
    session = (await Browser(desk).sign_in(used)).cookie.partition("=")[2]
    desk.world.clock.pass_(operators.LINK_LIFE)
    answers = set()
    for token in (used, late, "A" * 32, "x", session, "%00", "%F0%9F%98%80" * 100):
        browser = Browser(desk)
        await browser.post(f"/dashboard/sign-in/{token}", {})
        assert browser.cookie == ""
        answers.add((browser.reply.status, browser.reply.content))
    assert len(answers) == 1


async def test_the_cookie_is_for_the_desk_alone(desk: Desk) -> None:
    browser = await desk.person()
    flags = [flag.strip() for flag in browser.reply.headers["set-cookie"].split(";")]
    assert flags[0].startswith("multimail_session=")
    assert {"HttpOnly", "Path=/dashboard", "SameSite=strict", "Max-Age=1209600"} <= set(flags)
    assert "Secure" not in flags
    email = await desk.held()
    headers = OWN | {"cookie": browser.cookie}
    token = browser.cookie.partition("=")[2]
    body = {"email_id": email["id"], "action": "approve"}
    for credential in (headers, OWN | {"authorization": f"Bearer {token}"}, OWN | {"x-api-key": token}):
        sent = {name: value for name, value in credential.items() if name != "content-type"}
        assert (await fetch(desk.app, "GET", "/v1/oversight/pending", headers=sent)).status == 401
        decided = await fetch(desk.app, "POST", "/v1/oversight/decide", json_body=body, headers=sent)
        assert decided.status == 401
    assert await desk.status(email) == "pending_approval"


async def test_who_asks_for_a_code_is_answered_alike_and_as_late(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    await desk.world.add_operator("Mira", email="mira@people.test")
    paused: list[float] = []

    async def pause(seconds: float) -> None:
        paused.append(seconds)

    monkeypatch.setattr(sign_in, "pause", pause)
    answers = []
    for one in ("mira@people.test", "nobody@people.test", "nonsense"):
        browser = Browser(desk)
        page = await browser.post("/dashboard/sign-in", {"email": one})
        answers.append((browser.reply.status, page.words.replace(one, "")))
        page = await browser.post("/dashboard/sign-in/code", {"email": one, "code": "00000000"})
        answers.append((browser.reply.status, page.words.replace(one, "")))
    assert answers[0:2] == answers[2:4] == answers[4:6]
    assert paused == [sign_in.PACE] * 6


async def test_over_https_the_cookie_is_secure(desk: Desk) -> None:
    services = desk.world.services
    desk.world.services = replace(services, site=replace(services.site, public_url="https://desk.test"))
    desk.__post_init__()
    browser = await desk.person()
    flags = [flag.strip() for flag in browser.reply.headers["set-cookie"].split(";")]
    assert flags[0].startswith("__Secure-multimail_session=")
    assert "Secure" in flags
    await browser.get("/dashboard/queue")
    assert browser.reply.status == 200


async def test_a_session_ends(desk: Desk) -> None:
    leaving, late = await desk.person(), await desk.person()
    kept = leaving.cookie
    await leaving.post("/dashboard/sign-out", {"csrf": leaving.csrf})
    assert "Max-Age=0" in leaving.reply.headers["set-cookie"]
    leaving.cookie = kept
    await leaving.get("/dashboard/queue")
    assert leaving.reply.status == 401
    await late.get("/dashboard/queue")
    assert late.reply.status == 200
    desk.world.clock.pass_(14 * DAY)
    await late.get("/dashboard/queue")
    assert late.reply.status == 401


async def test_without_a_session_there_is_nothing_but_the_way_in(desk: Desk) -> None:
    email = await desk.held(subject="A secret subject")
    for cookie in ("", "multimail_session=", "multimail_session=" + "A" * 32):
        browser = Browser(desk, cookie)
        target = f"/dashboard/emails/{email['id']}/html?revision={email['revision']}"
        for page in (await browser.get("/dashboard/queue"), await browser.get(target)):
            assert browser.reply.status == 401
            assert "sign-in-link" in page.words and "secret" not in page.words
        await browser.decide(email, "approve")
        assert browser.reply.status == 401
    assert await desk.status(email) == "pending_approval"
    home = await fetch(desk.app, "GET", "/dashboard")
    assert (home.status, home.headers["location"]) == (303, "/dashboard/queue")


# Forms of our own and forms of others.


async def test_a_form_without_this_sessions_token_does_nothing(desk: Desk) -> None:
    browser, other, email = await desk.person(), await desk.person("Otto"), await desk.held()
    for token in ("", "0" * 64, other.csrf, "é"):
        await browser.decide(email, "approve", csrf=token)
        assert browser.reply.status == 403
        await browser.post("/dashboard/sign-out", {"csrf": token})
        assert browser.reply.status == 403
    assert await desk.status(email) == "pending_approval"
    await browser.get("/dashboard/queue")
    assert browser.reply.status == 200


async def test_nobody_is_allowed_whom_the_agent_put_there_a_moment_later(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    browser, ask = await desk.person(), Rooms.ask
    email = await desk.held(send_at="2030-01-01T00:00:00Z")

    async def overtaken(self: Rooms, operation: Operation, /, **raw: Any) -> Mapping[str, Any]:
        answer = await ask(self, operation, **raw)
        if operation is DECIDE_EMAIL:
            given = {"email_id": email["id"], "to": "eve@example.test"}
            await desk.world.invoke(EDIT_SCHEDULED_EMAIL, **given)
        return answer

    monkeypatch.setattr(Rooms, "ask", overtaken)
    await browser.decide(email, "allow")
    assert (await desk.world.invoke(LIST_RULES))["rules"] == []
    assert await desk.status(email) == "pending_approval"


@pytest.mark.parametrize(
    ("headers", "allowed"),
    [
        ({"sec-fetch-site": "cross-site"}, False),
        ({"sec-fetch-site": "same-site"}, False),
        ({"sec-fetch-site": "cross-site", "origin": "http://127.0.0.1:8025"}, False),
        ({"origin": "https://evil.test"}, False),
        ({"origin": "http://127.0.0.1:8025.evil.test"}, False),
        ({"sec-fetch-site": "same-origin", "origin": "null"}, True),
        ({"origin": "http://127.0.0.1:8025"}, True),
        ({"origin": "null"}, True),
        ({}, True),
    ],
)
async def test_other_sites_forms_are_refused(desk: Desk, headers: dict[str, str], allowed: bool) -> None:
    browser, email = await desk.person(), await desk.held()
    sent = {"host": "127.0.0.1:8025", "content-type": FORM} | headers
    browser.headers = sent
    await browser.decide(email, "approve")
    assert browser.reply.status == (303 if allowed else 403)
    assert await desk.status(email) == ("scheduled" if allowed else "pending_approval")
    visitor, token = Browser(desk, headers=sent), await desk.link("New")
    await visitor.post(f"/dashboard/sign-in/{token}", {})
    assert bool(visitor.cookie) is allowed


async def test_no_get_acts(desk: Desk) -> None:
    browser, email = await desk.person(), await desk.held()
    query = urlencode({"csrf": browser.csrf, "email_id": email["id"], "action": "approve"})
    for target in ("decide", "sign-out"):
        reply = await fetch(
            desk.app, "GET", f"/dashboard/{target}?{query}", headers={"cookie": browser.cookie}
        )
        assert reply.status == 405
    assert await desk.status(email) == "pending_approval"


async def test_a_form_that_no_page_of_ours_sends_is_refused(desk: Desk) -> None:
    browser, email = await desk.person(), await desk.held()
    good = {"csrf": browser.csrf, "email_id": email["id"], "revision": email["revision"], "action": "approve"}
    cases: list[tuple[bytes, str, int]] = [
        (urlencode(good | {"reason": "x" * 1_100_000}).encode(), FORM, 413),
        (urlencode(good | {"reason": "a\0b"}).encode(), FORM, 422),
        (urlencode(good).encode() + b"&reason=%ff", FORM, 400),
        (urlencode(good).encode() + b"&a=1" * 130, FORM, 400),
        (urlencode(good).encode(), "text/plain", 415),
        (urlencode(good | {"revision": ""}).encode(), FORM, 422),
        (urlencode(good | {"action": "delete"}).encode(), FORM, 422),
        (urlencode(good | {"reason": "x" * 2001}).encode(), FORM, 422),
        (urlencode(good | {"email_id": "eml_nothing"}).encode(), FORM, 404),
    ]
    for content, kind, status in cases:
        headers = OWN | {"cookie": browser.cookie, "content-type": kind}
        reply = await fetch(desk.app, "POST", "/dashboard/decide", content=content, headers=headers)
        check_page(reply, Page(reply.content.decode()))
        assert reply.status == status, (content[-60:], reply.content)
    assert await desk.status(email) == "pending_approval"


# What is seen.


async def test_the_queue_shows_what_would_leave(desk: Desk) -> None:
    given: dict[str, Any] = {
        "to": "Ann <ann@example.test>",
        "cc": "cc@example.test",
        "bcc": "hush@example.test",
    }
    file = {"name": "plan.pdf", "content_base64": base64.b64encode(b"x" * 20_480).decode()}
    email = await desk.held(
        **given,
        subject="The plan",
        markdown="First.\n\nSecond.",
        attachments=[file],
        metadata={"run": "r-17"},
    )
    page = await (await desk.person()).open(email)
    for words in ("The plan", desk.world.mailbox["address"], "ann@example.test", "cc@example.test",
                  "hush@example.test", "hidden from the other recipients", "First.\n\nSecond.", "plan.pdf",
                  "20 KiB, application/octet-stream", "r-17", "gated_send", "Outbound", email["revision"],
                  "Subject: The plan", "Mira"):  # fmt: skip
        assert words in page.words, words
    assert "Test: never leaves" not in page.words
    (shown,) = page.all("iframe")
    assert shown["src"] == f"/dashboard/emails/{email['id']}/html?revision={email['revision']}"
    assert {"main", "header", "nav", "article", "h1", "h2"} <= {tag for tag, _ in page.tags}


async def test_a_test_email_and_a_stricter_mode_are_marked(desk: Desk) -> None:
    sent = {
        "mailbox_id": desk.world.mailbox["mailbox_id"],
        "to": "a@example.test",
        "oversight_mode": "gated_all",
    }
    email = await desk.world.invoke(SEND_EMAIL, "test", **sent, markdown="x")
    page = await (await desk.person()).open(email)
    assert "Test: never leaves" in page.words and "gated_all" in page.words and "(no subject)" in page.words


async def test_hostile_mail_is_words_and_never_markup(desk: Desk) -> None:
    plain = await desk.held(attachments=[{"name": "a.txt", "content_base64": "eA=="}], metadata={"a": "b"})
    browser = await desk.person(HOSTILE)
    before = await browser.open(plain)
    file = {
        "name": HOSTILE.replace("\u202e", "")[:200],
        "content_base64": "eA==",
        "content_type": "text/html",
    }
    await desk.world.invoke(CANCEL_MESSAGE, email_id=plain["id"])
    email = await desk.held(
        subject=HOSTILE,
        markdown=HOSTILE + "\n</textarea></iframe>",
        attachments=[file],
        metadata={HOSTILE[:60]: HOSTILE},
    )
    page = await browser.open(email)  # check_page looks at every tag
    assert page.words.count("<script>alert(1)</script>") >= 6
    assert '{{ "in"~"jected" }}' in page.words and "injected" not in page.words
    assert "\u202e" not in browser.reply.content.decode()
    assert "U+202E" in page.words
    for tag in ("img", "iframe", "form", "textarea", "button", "script", "svg"):
        assert len(page.all(tag)) >= len(before.all(tag)) - 3  # fewer icons of facts
        assert len(page.all(tag)) <= len(before.all(tag)) + 3
    assert len(page.all("form")) == len(before.all("form")) and len(page.all("script")) == 2
    done = await browser.decide(email, "reject", reason=HOSTILE)
    assert done.tags == []
    page = await browser.get(browser.reply.headers["location"])
    assert "Reason: " in page.words and "<script>" in page.words


async def test_strangers_names_are_what_they_are_in_every_room(desk: Desk) -> None:
    """Bidi and invisible characters are marked, look-alike domains spelled out, and nothing becomes markup."""
    world, false = desk.world, "pay@b\u0430nk.test"
    part = f'Content-Disposition: attachment; filename="{HOSTILE.replace(chr(34), "")}"\r\n\r\nx\r\n--b--\r\n'
    raw = mailroom.mail(sender=f"Ann \u202egnp <{false}>", subject=HOSTILE, body="--b\r\n" + part,
                        Content_Type='multipart/mixed; boundary="b"')  # fmt: skip
    email_id = await mailroom.arrive(world, raw, envelope_from="eve@evil.test")
    sent = await desk.held(
        to=false, subject=HOSTILE, attachments=[{"name": "a\u202eb.txt", "content_base64": "eA=="}]
    )
    await world.invoke(ADD_CONTACT, "admin", address=false, name=HOSTILE, notes=HOSTILE)
    await world.invoke(ADD_RULE, "admin", kind="deny", pattern="*@b\u0430nk.test")
    await world.invoke(CREATE_API_KEY, "admin", name=HOSTILE, scopes=["read"])
    await seal_all(world.services, lambda head: "")
    browser = await desk.person(HOSTILE)
    thread = (await world.invoke(GET_MESSAGE, email_id=email_id))["thread_id"]
    paths = [room.path for room in ROOMS]
    paths += [f"/dashboard/threads/{thread}", f"/dashboard/emails/{email_id}", f"/dashboard/emails/{sent['id']}",
              f"/dashboard/mailboxes/{world.mailbox['mailbox_id']}", "/dashboard/start", "/dashboard/more"]  # fmt: skip
    for path in paths:
        page = await browser.get(path)  # check_page looks at every tag
        assert browser.reply.status == 200, path
        assert "\u202e" not in browser.reply.content.decode(), path
        assert "b\u0430nk.test" not in page.words or "xn--bnk-6cd.test" in page.words, path


async def test_a_message_shows_its_html_in_a_frame_where_nothing_runs_or_loads(desk: Desk) -> None:
    email = await desk.held(
        html="<p style='color:red'>Other <b>words</b></p><script>x</script><img src='https://t.test/p.gif'>",
        markdown="These words.",
    )
    browser = await desk.person()
    page = await browser.get(f"/dashboard/emails/{email['id']}/html?revision={email['revision']}")
    assert browser.reply.status == 200
    assert "Other words" in page.words and "These words" not in page.words
    assert page.all("script") == []
    policy = browser.reply.headers["content-security-policy"].split("; ")
    assert {"sandbox", "default-src 'none'", "img-src data:", "form-action 'none'"} <= set(policy)
    read = await desk.audited("read_html")
    assert (read["actor"]["name"], read["resource_id"]) == ("Mira", email["id"])
    page = await browser.get(f"/dashboard/emails/{email['id']}/html?revision={'0' * 64}")
    assert browser.reply.status == 409 and "Other" not in page.words
    await browser.get("/dashboard/emails/eml_none/html")
    assert browser.reply.status == 404


async def test_held_inbound_mail_waits_here_too(desk: Desk) -> None:
    box = await desk.world.add_mailbox("inbox", Mode.GATED_ALL)
    raw = b"From: Eve <eve@evil.test>\r\nTo: x@y.test\r\nSubject: Hello\r\n\r\nLook at <b>this</b>.\r\n"
    await take_in(desk.world, box["address"], raw)
    browser = await desk.person()
    page = await browser.get("/dashboard/queue")
    (link,) = [one for one in page.all("a") if "data-id" in one]
    page = await browser.get(str(link["href"]))
    assert "Inbound, held" in page.words and "Look at <b>this</b>." in page.words
    assert box["address"] in page.words and "eve@evil.test" in page.words
    assert page.all("iframe") == []  # the agent would read the words, and no HTML


async def take_in(world: World, recipient: str, raw: bytes) -> None:
    """Accepts a mail as the SMTP server does, and has it parsed as the worker does."""
    services, owner = world.services, "job_test"
    assert await accept(services, Arrival("eve@evil.test", "evil.test", "192.0.2.1"), [recipient], raw)
    now = services.clock()
    claim = {"kind": "receive", "limit": 1, "now": now, "lease_until": now + DAY, "lease_owner": owner}
    (job,) = await services.db.write(lambda tx: list(tx.sql.claim_jobs(**claim)))
    await understand(services, Lease(job["account_id"], job["kind"], job["subject_id"], owner))


async def test_a_page_of_ordinary_mail_is_small_and_the_next_one_is_a_link(desk: Desk) -> None:
    body = "Hello Ann,\n\nthank you for your order. It leaves tomorrow morning.\n\nKind regards\nSupport"
    for number in range(25):
        await desk.held(subject=f"Order {number:02}", markdown=body)
    email = await desk.held(subject="Order 25", markdown=body)
    browser = await desk.person()
    page = await browser.get("/dashboard/queue")
    listed = [one["data-id"] for one in page.all("a") if "data-id" in one]
    assert len(listed) == 25 and listed[0] == email["id"] and "26 wait" in page.words
    (following,) = page.all("a", rel="next")
    page = await browser.get(str(following["href"]))
    assert "Order 00" in page.words and len([one for one in page.all("a") if "data-id" in one]) == 1
    await browser.get("/dashboard/queue?cursor=nonsense")
    assert browser.reply.status == 422


async def test_the_first_page_is_small(desk: Desk) -> None:
    """As a browser gets it, with all that it needs: less than 50 KB."""
    for number in range(10):
        await desk.held(subject=f"Order {number:02}", markdown=f"It leaves tomorrow, {number}.")
    browser = await desk.person()
    page = await browser.get("/dashboard/queue")
    total = len(browser.reply.content)
    for tag, name in (("script", "src"), ("link", "href")):
        for found in page.all(tag):
            reply = await fetch(desk.app, "GET", str(found[name]), headers={"accept-encoding": "gzip"})
            assert reply.headers["content-encoding"] == "gzip"
            total += len(reply.content)
    assert total < 50_000


async def test_the_riskiest_come_first_and_conversations_stay_together(desk: Desk) -> None:
    plain = await desk.held(subject="Plain")
    risky = await desk.held(subject="Risky", bcc="hush@example.test", html="<p>Other</p>",
                            attachments=[{"name": "a.pdf", "content_base64": "eA=="}])  # fmt: skip
    later = await desk.held(subject="Later")
    browser = await desk.person()
    page = await browser.get("/dashboard/queue")
    listed = [one["data-id"] for one in page.all("a") if "data-id" in one]
    assert listed == [risky["id"], later["id"], plain["id"]]
    assert page.words.index("Look closely") < page.words.index("Risky")
    by_mailbox = f"mailbox={desk.world.mailbox['mailbox_id']}&group=mailbox&q=later"
    every = {plain["id"], risky["id"], later["id"]}
    for query, found in (("q=RISK", {risky["id"]}), ("risk=high", {risky["id"]}), ("direction=inbound", set()),
                         ("q=ann%40example", every), (by_mailbox, {later["id"]})):  # fmt: skip
        page = await browser.get(f"/dashboard/queue?{query}")
        assert {one["data-id"] for one in page.all("a") if "data-id" in one} == found, query
    await browser.get("/dashboard/queue?risk=none")
    assert browser.reply.status == 422


# Deciding.


@pytest.mark.parametrize(("action", "status"), [("approve", "scheduled"), ("reject", "rejected")])
async def test_a_decision_is_made_told_and_audited_with_the_person(
    desk: Desk, action: str, status: str
) -> None:
    email, browser = await desk.held(subject="Decide me"), await desk.person()
    form = (await browser.open(email)).all("input", type="hidden")
    hidden = {str(one["name"]): str(one["value"]) for one in form}
    await browser.post("/dashboard/decide", hidden | {"action": action, "reason": " Too\r\nsoon. "})
    assert browser.reply.status == 303
    page = await browser.get(browser.reply.headers["location"])
    assert f"Its status is {status} now." in page.words
    assert "Decide me" in page.words and "Reason: Too\nsoon." in page.words and "Nothing waits." in page.words
    told = await desk.world.invoke(GET_MESSAGE, email_id=email["id"])
    assert (told["status"], told["reason"]) == (status, "Too\nsoon.")
    entry = await desk.audited("decide_email")
    assert (entry["actor"]["kind"], entry["actor"]["name"]) == ("operator", "Mira")
    assert entry["metadata"]["revision"] == email["revision"]


async def test_the_audit_log_is_looked_through_by_who_what_and_when(desk: Desk) -> None:
    email, browser = await desk.held(), await desk.person()
    await browser.decide(email, "reject")
    await seal_all(desk.world.services, lambda head: "")

    async def shown(query: str) -> set[str]:
        await browser.get(f"/dashboard/audit?resource_id={email['id']}&{query}")
        html = browser.reply.content.decode()
        return {name for name in ("send_email", "decide_email") if f"<code>{name}</code>" in html}

    page = await browser.get("/dashboard/audit?action=decide_email")
    (mira,) = (str(link["href"]) for link in page.all("a") if "actor_id=" in str(link.get("href")))
    assert await shown("") == {"send_email", "decide_email"}
    assert await shown(mira.partition("?")[2]) == {"decide_email"}
    assert await shown("q=%22decision%22&date_after=2020-01-01") == {"decide_email"}
    assert await shown("date_before=2020-01-01") == set()
    assert "date_before" in (await browser.get("/dashboard/audit?date_before=yesterday")).words


async def test_an_approval_is_taken_back_with_a_button_and_within_five_seconds(desk: Desk) -> None:
    email, browser = await desk.held(), await desk.person()
    await browser.decide(email, "approve")
    page = await browser.get(browser.reply.headers["location"])
    assert len(page.all("form", action="/dashboard/undo")) == 1
    named = {"csrf": browser.csrf, "email_id": email["id"]}
    await browser.post("/dashboard/undo", named | {"csrf": "forged"})
    assert browser.reply.status == 403 and await desk.status(email) == "scheduled"
    await browser.post("/dashboard/undo", named)
    assert browser.reply.status == 303 and await desk.status(email) == "pending_approval"
    page = await browser.get(browser.reply.headers["location"])
    assert len(page.all("article")) == 1
    await browser.decide(email, "reject")
    page = await browser.get(browser.reply.headers["location"])
    assert page.all("form", action="/dashboard/undo") == []
    page = await browser.post("/dashboard/undo", named)
    assert browser.reply.status == 409 and "can't be taken back" in page.words


async def test_a_revision_that_is_not_the_current_one_decides_nothing(desk: Desk) -> None:
    email, browser = await desk.held(subject="Changing"), await desk.person()
    page = await browser.decide(email | {"revision": "0" * 64}, "approve")
    assert browser.reply.status == 409
    assert "has changed since you looked" in page.words and len(page.all("article")) == 1
    assert page.all("input", name="revision")[0]["value"] == email["revision"]
    assert await desk.status(email) == "pending_approval"


async def test_of_two_people_one_wins_and_the_other_is_told(desk: Desk) -> None:
    email, first, second = await desk.held(), await desk.person(), await desk.person("Otto", Role.APPROVER)
    await first.decide(email, "reject", reason="Wrong tone.")
    assert first.reply.status == 303
    page = await second.decide(email, "approve")
    assert second.reply.status == 409
    assert "rejected by Mira" in page.words and "Wrong tone." in page.words
    page = await first.decide(email, "approve")
    assert "rejected by you already" in page.words
    assert await desk.status(email) == "rejected"


async def test_what_was_cancelled_meanwhile_is_told(desk: Desk) -> None:
    email, browser = await desk.held(), await desk.person()
    await desk.world.invoke(CANCEL_MESSAGE, email_id=email["id"])
    page = await browser.decide(email, "approve")
    assert browser.reply.status == 409
    assert "cancelled" in page.words and "Nothing was decided" in page.words


async def test_a_viewer_looks_and_never_decides(desk: Desk) -> None:
    email, viewer = await desk.held(), await desk.person("Vera", Role.VIEWER)
    page = await viewer.open(email)
    assert email["revision"] in page.words and "an approver decides" in page.words
    assert page.all("button", name="action") == [] and page.all("form", action="/dashboard/decide") == []
    await viewer.decide(email, "approve")
    assert viewer.reply.status == 403
    assert await desk.status(email) == "pending_approval"


async def test_the_url_only_names_what_was_decided(desk: Desk) -> None:
    email, browser = await desk.held(), await desk.person()
    for named in (email["id"], "eml_none", HOSTILE):
        page = await browser.get(f"/dashboard/queue?{urlencode({'decided': named})}")
        assert browser.reply.status == 200 and "Its status is" not in page.words


# The parts.


async def test_static_files_are_named_by_their_content(desk: Desk) -> None:
    page = await Browser(desk).get("/dashboard/sign-in/x")
    links = [str(found["href"]) for found in page.all("link")]
    links += [str(found["src"]) for found in page.all("script")]
    assert len(links) == 4 and all("?v=" in link for link in links)
    script = "text/javascript; charset=utf-8"
    for link, kind in zip(links, ("image/svg+xml", "text/css; charset=utf-8", script, script), strict=True):
        reply = await fetch(desk.app, "GET", link)
        assert (reply.status, reply.headers["content-type"]) == (200, kind)
        assert "immutable" in reply.headers["cache-control"]
    for name in ("..%2Froutes.py", "routes.py", "%2e%2e"):
        assert (await fetch(desk.app, "GET", f"/dashboard/static/{name}")).status == 404


@given(st.text(st.sampled_from("ab<&\u200b\u200d\u202e\n\r\t\x00\u00ad\U000e0041é❤\ufe0f")))
def test_revealing_loses_no_character_that_is_seen_and_shows_every_other(text: str) -> None:
    text = text.replace("\r\n", "\n")
    shown = reveal(text)
    marks = re.compile(r'<span class="unseen">[^<]*</span>')
    assert Markup(marks.sub("", shown)).unescape() == strip_unseen(text)[0]
    assert bool(marks.search(shown)) is (strip_unseen(text)[0] != text)
    assert "\u202e" not in shown and "<script" not in reveal("<script")


def test_marks_are_bounded() -> None:
    shown = reveal("a\u200b" * 100_000)
    assert len(shown) < 120_000
    assert "and 99900 more unseen characters" in shown
    assert "and 49997 more" in reveal("\u200b" * 50_000)
    assert "more characters are not shown here" in reveal("x" * 300_000)


def test_a_look_alike_domain_shows_its_real_name() -> None:
    assert address("ann@example.test") == "ann@example.test"
    assert "xn--" in address("ann@ex\u0430mple.test")
    assert "not a domain name" in address("ann@\u0430..b")


def test_sizes_are_for_people() -> None:
    assert [size(n) for n in (0, 999, 1000, 48_216, 26_214_400)] == [
        "0 bytes", "999 bytes", "1.0 KiB", "47 KiB", "25 MiB"]  # fmt: skip


def test_the_html_of_a_message_is_its_html_body_and_no_attachment() -> None:
    attached = b'Content-Type: text/html\nContent-Disposition: attachment; filename="a.html"\n\n<b>file</b>\n'
    head = b'Content-Type: multipart/mixed; boundary="b"\n\n--b\n'
    assert html_of(head + attached + b"--b--\n") == ""
    body = b"Content-Type: text/html; charset=utf-8\n\n<b>\xc3\xa9</b>\n"
    assert html_of(head + attached + b"--b\n" + body + b"--b--\n").strip() == "<b>é</b>"


async def test_the_desk_says_what_is_new_about_an_email(desk: Desk) -> None:
    words = "Hello Ann, thank you for your order, which leaves tomorrow morning with the first train."
    await desk.held(subject="Order", markdown=words)
    email = await desk.held(subject="Order", markdown=words)
    await mailroom.index(desk.world)
    page = await (await desk.person()).open(email)
    assert "first contact ann@example.test" in page.words
    assert "1 more that wait say nearly the same" in page.words
