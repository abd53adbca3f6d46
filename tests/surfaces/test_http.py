"""The HTTP surface: reading, refusing and answering, in three spellings."""

import base64
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from prometheus_client import REGISTRY
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route as Page

from multimail.core.errors import ERRORS, Refused
from multimail.core.scopes import Scope
from multimail.operations.operation import Input, Operation
from multimail.storage.database import StorageFull
from multimail.surfaces.http import build_app
from multimail.surfaces.http_answers import disposition
from tests.support.asgi import Exchange, Reply, build_scope, fetch
from tests.support.world import World, build_world

JSON = {"content-type": "application/json"}


def code(reply: Reply) -> tuple[int, str]:
    """Status and code, once the error has the one shape that all have."""
    body = reply.json()
    assert body["request_id"] == reply.headers["x-request-id"] != ""
    assert isinstance(body["error"], str) and body["error"]
    assert ERRORS[body["code"]].status == reply.status
    assert reply.headers["content-type"] == "application/json"
    return reply.status, body["code"]


async def send(world: World, **more: Any) -> dict[str, Any]:
    body = {"mailbox_id": world.mailbox["mailbox_id"], "to": "ann@example.test", "body": "words"} | more
    reply = await world.http("POST", "/v1/send", body)
    assert reply.status == 202, reply.content
    answer: dict[str, Any] = reply.json()
    return answer


@pytest.fixture
async def surface(tmp_path: Path) -> AsyncIterator[World]:
    """A world on SQLite alone, for what happens before and after the database."""
    async with build_world(f"sqlite:///{tmp_path}/multimail.db", tmp_path) as built:
        yield built


# Three spellings


async def test_a_send_in_three_spellings(world: World) -> None:
    mailbox = world.mailbox["mailbox_id"]
    content = {"to": ["ann@example.test"], "subject": "Hi", "markdown": "x"}
    for path, more in (
        (f"/v1/mailboxes/{mailbox}/send", {}),
        (f"/v1/mailboxes/{world.mailbox['address']}/send", {}),
        ("/v1/send", {"mailbox_id": mailbox}),
        ("/send_email", {"from": world.mailbox["address"]}),
    ):
        reply = await world.http("POST", path, content | more)
        assert reply.status == 202, reply.content
        assert reply.json()["status"] == "pending_approval"
        assert "warnings" not in reply.json()
        polled = await world.http("GET", f"/v1/messages/{reply.json()['id']}")
        assert polled.json()["status"] == "pending_approval"


async def test_reads_by_name_answer_messages(world: World) -> None:
    sent = await send(world, subject="Hi")
    query = {"thread_id": sent["thread_id"]}
    for thread in (
        await world.http("GET", "/get_thread", query=query),
        await world.http("POST", "/get_thread", query),
    ):
        (message,) = thread.json()["messages"]
        assert message["message_id"] == sent["id"] and message["body"] == "words" and message["tags"] == {}
        assert message["date"] == message["created_at"] and message["to"] == ["ann@example.test"]
    pending = await world.http("GET", "/list_pending", query={"mailbox": world.mailbox["address"]})
    assert [item["message_id"] for item in pending.json()["messages"]] == [sent["id"]]
    plain = await world.http("GET", "/v1/oversight/pending")
    assert [item["id"] for item in plain.json()["pending"]] == [sent["id"]]


async def test_get_decide_email_looks_up_and_post_decides(world: World) -> None:
    sent = await send(world)
    looked = await world.http("GET", "/decide_email", query={"message_id": sent["id"]})
    assert (looked.status, looked.json()["decision"]) == (200, "pending")
    own = await world.http("POST", "/decide_email", {"message_id": sent["id"], "decision": "approved"})
    assert code(own) == (403, "insufficient_scope")
    decision = {"message_id": sent["id"], "decision": "approved"}
    decided = await world.http("POST", "/decide_email", decision, key="oversight")
    assert (decided.status, decided.json()["decision"]) == (200, "approved")


async def test_a_route_pins_an_input(world: World) -> None:
    await send(world)
    base = f"/v1/mailboxes/{world.mailbox['mailbox_id']}"
    assert len((await world.http("GET", f"{base}/emails")).json()["emails"]) == 1
    assert (await world.http("GET", f"{base}/inbox")).json()["emails"] == []
    refused = await world.http("GET", f"{base}/inbox", query={"direction": "outbound"})
    assert code(refused) == (422, "conflicting_fields")
    assert refused.json()["fields"][0]["path"] == "direction"


async def test_unknown_fields_are_named_and_unknown_parameters_are_not(world: World) -> None:
    named = await send(world, priority="high")
    assert named["warnings"] == ["unknown field: priority"]
    file = {"filename": "a.txt", "content": "", "cid": "logo"}
    assert (await send(world, attachments=[file]))["warnings"] == ["unknown field: attachments.0.cid"]
    two = await world.http("POST", "/v1/send", {"to": "a@b.test", "attachments": [file | {"name": "b.txt"}]})
    assert code(two) == (422, "invalid_fields")
    assert two.json()["fields"][0]["path"] == "attachments.0"
    listed = await world.http("GET", "/v1/mailboxes", query={"utm": "1", "limit": "1"})
    assert listed.status == 200 and "warnings" not in listed.json()


async def test_all_field_errors_at_once(surface: World) -> None:
    reply = await surface.http("POST", "/v1/mailboxes", {"name": 5, "oversight_mode": "off"}, key="admin")
    assert code(reply) == (422, "invalid_fields")
    assert {field["path"] for field in reply.json()["fields"]} == {"address", "name", "oversight_mode"}


async def test_creating_answers_201_and_deleting_200(world: World) -> None:
    made = await world.http("POST", "/v1/mailboxes", {"address_local_part": "sales"}, key="admin")
    assert (made.status, made.json()["address"]) == (201, "sales@acme.multimail.test")
    gone = await world.http("DELETE", f"/v1/mailboxes/{made.json()['id']}", key="admin")
    assert (gone.status, gone.json()) == (200, {"id": made.json()["id"], "deleted": True})


async def test_loosening_answers_202_to_a_program(world: World) -> None:
    path = f"/v1/mailboxes/{world.mailbox['mailbox_id']}"
    reply = await world.http("PATCH", path, {"oversight_mode": "autonomous"}, key="admin")
    assert (reply.status, reply.json()["status"]) == (202, "pending_approval")


# Credentials and headers


async def test_who_asks(surface: World) -> None:
    agent, test = surface.keys["agent"], surface.keys["test"]
    for headers, expected in (
        ([("authorization", f"Bearer {agent}")], 200),
        ([("authorization", f"bearer  {agent} ")], 200),
        ([("x-api-key", agent)], 200),
        ([("x-api-key", agent), ("authorization", f"Bearer {agent}")], 200),
        ([("x-api-key", test), ("authorization", f"Bearer {agent}")], 401),
        ([("authorization", f"Bearer {agent}"), ("authorization", f"Bearer {test}")], 401),
        ([("authorization", f"Basic {agent}")], 401),
        ([("authorization", "Bearer ")], 401),
        ([("x-api-key", "")], 401),
        ([("x-api-key", "mm_live_\xff")], 401),
        ([], 401),
    ):
        reply = await surface.http("GET", "/v1/account", key=None, headers=headers)
        assert reply.status == expected, headers
        if expected == 401:
            assert code(reply) == (401, "unauthenticated")
            assert reply.headers["www-authenticate"] == "Bearer"


async def test_metadata_of_headers_and_body_is_kept(world: World) -> None:
    headers = {
        "x-multimail-thread-id": "thread_7",
        "X-MultiMail-Run-Id": "run_1",
        "x-multimail-assistant-id": "a",
    }
    body = {"mailbox_id": world.mailbox["mailbox_id"], "to": "a@b.test", "metadata": {"turn": "3"}}
    sent = await world.http("POST", "/v1/send", body, headers=headers)
    read = await world.http("GET", "/v1/email", query={"id": sent.json()["id"]})
    expected = {"thread_id": "thread_7", "run_id": "run_1", "assistant_id": "a", "turn": "3"}
    assert read.json()["metadata"] == expected


async def test_metadata_is_taken_by_operations_without_such_an_input(world: World) -> None:
    sent = await send(world)
    reply = await world.http(
        "POST", "/tag_email", {"id": sent["id"], "tags": ["a"], "metadata": {"turn": "3"}}
    )
    assert reply.status == 200 and "warnings" not in reply.json()
    rows = await world.run(lambda ctx: ctx.sql.list_unsealed(account_id=ctx.account_id, limit=100))
    entries = {row["action"]: json.loads(row["metadata_json"]) for row in rows}
    assert {"turn": "3"}.items() <= entries["tag_email"].items()


@pytest.mark.parametrize(
    ("headers", "metadata"),
    [
        ({"x-multimail-run-id": "r" * 513}, {}),
        ({}, {str(n): "" for n in range(17)}),
        ({"x-multimail-run-id": "r"}, {str(n): "" for n in range(16)}),
        ({}, {"k" * 65: ""}),
        ({}, {"k": "v" * 513}),
        ({}, {"k": 1}),
        ({}, "text"),
    ],
)
async def test_metadata_is_bounded(surface: World, headers: dict[str, str], metadata: Any) -> None:
    body = {"email_id": "eml_1", "metadata": metadata}
    reply = await surface.http("POST", "/tag_email", body, headers=headers)
    assert code(reply) == (422, "invalid_fields")


async def test_idempotency_key_of_the_header(world: World) -> None:
    body = {"mailbox_id": world.mailbox["mailbox_id"], "to": "a@b.test", "body": "x"}
    first = await world.http("POST", "/v1/send", body, headers={"idempotency-key": "k1"})
    again = await world.http("POST", "/v1/send", body, headers={"idempotency-key": "k1"})
    assert (first.status, again.status) == (202, 200)
    assert again.json() == first.json() | {"idempotent": True}
    both = await world.http(
        "POST", "/v1/send", body | {"idempotency_key": "k2"}, headers={"idempotency-key": "k1"}
    )
    assert code(both) == (422, "conflicting_fields")
    for key in ("", "k" * 256):
        assert code(await world.http("POST", "/v1/send", body, headers={"idempotency-key": key}))[0] == 422
    other = await world.http("POST", "/v1/send", body | {"body": "y", "idempotency_key": "k1"})
    assert code(other) == (409, "idempotency_mismatch")


# Bodies


@pytest.mark.parametrize(
    ("content", "headers", "expected"),
    [
        (b"{", JSON, (400, "malformed_request")),
        (b"[]", JSON, (400, "malformed_request")),
        (b'"x"', JSON, (400, "malformed_request")),
        (b"\xff\xfe", JSON, (400, "malformed_request")),
        (b'{"address": "\\ud800"}', JSON, (400, "malformed_request")),
        (b'{"address": "\\ud800", "name": "\\udc00"}', JSON, (400, "malformed_request")),
        (b'{"address": "a\x00b"}', JSON, (400, "malformed_request")),
        (b'{"address": NaN}', JSON, (400, "malformed_request")),
        (b'{"address": ' + b"[" * 60_000, JSON, (400, "malformed_request")),
        (b'{"address": ' + b"9" * 10_000 + b"}", JSON, (400, "malformed_request")),
        (b'{"address": "a\\u0000b"}', JSON, (422, "invalid_fields")),
        (b'{"address": ["\\u0000"]}', JSON, (422, "invalid_fields")),
        (b'{"address": {"a\\u0000": 1}}', JSON, (422, "invalid_fields")),
        (b'{"\\u0000": 1}', JSON, (422, "invalid_fields")),
        (b"", JSON, (422, "invalid_fields")),
        (b"{}", {}, (422, "invalid_fields")),
        (b"address=x", {}, (400, "malformed_request")),
        (b"{}", {"content-type": "text/plain"}, (415, "unsupported_media_type")),
        (b"{}", {"content-type": "application/x-www-form-urlencoded"}, (415, "unsupported_media_type")),
        (b"{}", {"content-type": "application/json, text/plain"}, (415, "unsupported_media_type")),
    ],
)
async def test_bodies_that_are_not_input(
    surface: World, content: bytes, headers: dict[str, str], expected: tuple[int, str]
) -> None:
    reply = await surface.http("POST", "/v1/mailboxes", key="admin", content=content, headers=headers)
    assert code(reply) == expected


@pytest.mark.parametrize(
    "kind", ["application/json", "Application/JSON; charset=utf-8", "application/vnd.api+json"]
)
async def test_json_by_any_of_its_names(surface: World, kind: str) -> None:
    content = b'{"address": "sales", "name": "\\\\u0000 is only text"}'
    headers = {"content-type": kind}
    reply = await surface.http("POST", "/v1/mailboxes", key="admin", content=content, headers=headers)
    assert reply.status == 201


async def test_json_without_a_content_type(surface: World) -> None:
    reply = await surface.http("POST", "/v1/mailboxes", key="admin", content=b'{"address": "sales"}')
    assert reply.status == 201


async def test_a_form_gets_a_hint(surface: World) -> None:
    headers = {"content-type": "application/x-www-form-urlencoded"}
    reply = await surface.http("POST", "/v1/send", content=b'{"to": "x"}', headers=headers)
    assert "curl" in reply.json()["hint"]


async def test_too_large_is_refused_while_it_streams(surface: World) -> None:
    chunk = b" " * 2**20
    key = {"authorization": f"Bearer {surface.keys['agent']}"}
    exchange = Exchange(surface.app, build_scope("POST", "/v1/send", JSON | key), [chunk] * 100)
    assert code(await exchange.reply()) == (413, "too_large")
    assert exchange.unread == 59  # 41 MiB were read, the rest was not

    length = {"content-length": str(41 * 2**20)}
    exchange = Exchange(surface.app, build_scope("POST", "/v1/send", JSON | key | length), [chunk] * 41)
    assert code(await exchange.reply()) == (413, "too_large")
    assert exchange.unread == 41


@pytest.mark.parametrize(("credential", "left"), [(None, 10), ("mm_live_stranger", 8)])
async def test_a_stranger_cannot_make_us_keep_a_large_body(
    surface: World, credential: str | None, left: int
) -> None:
    headers = JSON | ({"x-api-key": credential} if credential else {})
    exchange = Exchange(surface.app, build_scope("POST", "/v1/send", headers), [b" " * 2**20] * 10)
    assert code(await exchange.reply()) == (401, "unauthenticated")
    assert exchange.unread == left


async def test_a_body_of_too_many_values(surface: World) -> None:
    def flat(item: bytes, number: int) -> bytes:
        return b'{"to": [' + b",".join([item] * number) + b"]}"

    for content in (
        flat(b"[]", 40_000),
        flat(b"0", 70_000),
        flat(b'""', 2_000_000),
        flat(b'"\\\\",""', 40_000),
        b'{"to": "' + b"\\\\" * 1_100_000 + b"," * 70_000 + b'"}',
        b'{"to":' + flat(b'{"a":"b"}', 35_000) + b"}",
    ):
        reply = await surface.http("POST", "/v1/send", content=content, headers=JSON)
        assert code(reply) == (413, "too_large"), content[:40]


async def test_marks_in_strings_are_no_values(surface: World) -> None:
    text = '",[{\\",[{' * 25_000
    mail = {"mailbox_id": surface.mailbox["mailbox_id"], "to": "bob@example.test", "markdown": text}
    assert (await surface.http("POST", "/v1/send", mail)).status == 202


async def test_a_reader_who_leaves_before_the_body_has_come(surface: World) -> None:
    key = {"authorization": f"Bearer {surface.keys['agent']}"}
    exchange = Exchange(surface.app, build_scope("POST", "/v1/send", JSON | key), [])
    exchange.leave()
    await exchange.task
    assert exchange.sent.empty()


# Paths, queries, methods


@pytest.mark.parametrize(
    "path",
    ["//", "/v1", "/v1/", "/v1/mailboxes/", "/v1/mailboxes//emails", "/v1/nothing", "/nothing",
     "/v1/messages/a%00b", "/v1/messages/%ff", "/v1/messages/a/b", "/send_email/", "/%2e%2e/v1/mailboxes",
     "/.well-known/nothing"],
)  # fmt: skip
async def test_no_such_page(surface: World, path: str) -> None:
    assert code(await surface.http("GET", path)) == (404, "not_found")


@pytest.mark.parametrize(
    ("method", "path", "allow"),
    [
        ("PUT", "/v1/mailboxes", "GET, HEAD, POST"),
        ("OPTIONS", "/v1/mailboxes", "GET, HEAD, POST"),
        ("GET", "/send_email", "POST"),
        ("TRACE", "/v1/mailboxes/mbx_1", "DELETE, GET, HEAD, PATCH"),
        ("POST", "/health", "GET, HEAD"),
    ],
)
async def test_a_method_that_is_not_there(surface: World, method: str, path: str, allow: str) -> None:
    reply = await surface.http(method, path)
    assert code(reply) == (405, "method_not_allowed")
    assert sorted(reply.headers["allow"].split(", ")) == allow.split(", ")


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("limit=0", 422),
        ("limit=x", 422),
        ("limit=1&limit=2", 422),
        ("limit=1&limit=1", 200),
        ("cursor=%00", 422),
        ("cursor=%ff", 400),
        ("cursor=!", 422),
        ("cursor=AA", 422),  # a NUL, in base64
        ("&".join(f"x{n}=1" for n in range(300)), 400),
        ("&&=&a", 200),
    ],
)
async def test_queries(world: World, query: str, expected: int) -> None:
    reply = await world.http("GET", f"/v1/mailboxes?{query}")
    assert reply.status == expected, reply.content
    if expected != 200:
        code(reply)


async def test_head_is_get_without_the_body(surface: World) -> None:
    get, head = [await surface.http(method, "/v1/account") for method in ("GET", "HEAD")]
    assert (head.status, head.content) == (200, b"")
    assert head.headers["content-length"] == get.headers["content-length"] == str(len(get.content))


async def test_answers_carry_the_headers_that_keep_browsers_out(surface: World) -> None:
    for path in ("/v1/account", "/nothing", "/health", "/docs", "/v1/openapi.json"):
        reply = await surface.http("GET", path)
        assert reply.headers["x-content-type-options"] == "nosniff"
        assert "default-src 'none'" in reply.headers["content-security-policy"]
        assert reply.headers["x-frame-options"] == "DENY"
        assert reply.headers["cache-control"] == "no-store"
        assert reply.headers["x-request-id"].startswith("req_")
        assert "access-control-allow-origin" not in reply.headers


# Files


async def attach(world: World, name: str, kind: str, content: bytes) -> str:
    part = {"filename": name, "content_type": kind, "content": base64.b64encode(content).decode()}
    return str((await send(world, attachments=[part]))["id"])


@pytest.mark.parametrize(
    ("name", "kind", "shown_kind"),
    [
        ("report.pdf", "application/pdf", "application/pdf"),
        ("page.html", "text/html", "application/octet-stream"),
        ("drawing.svg", "image/svg+xml", "application/octet-stream"),
        ('a "b"\\ü%2F.txt', "text/plain", "text/plain"),
        ("a/b.txt", "text/plain", "text/plain"),
        ("日本.bin", "application/x-new", "application/octet-stream"),
    ],
)
async def test_files_are_downloads_of_harmless_types(
    surface: World, name: str, kind: str, shown_kind: str
) -> None:
    email_id = await attach(surface, name, kind, b"<script>alert(1)</script>")
    read = await surface.http("GET", f"/v1/email?id={email_id}")
    stored = read.json()["attachments"][0]["name"]
    query = {"email_id": email_id, "filename": stored}
    signed = (await surface.http("GET", "/get_attachment_url", query=query)).json()["url"]
    base = f"/v1/mailboxes/{surface.mailbox['mailbox_id']}/emails/{email_id}/attachments/"
    for path, key in (
        (base + quote(stored, safe=""), "agent"),
        (signed.removeprefix("http://127.0.0.1:8025"), None),
    ):
        reply = await surface.http("GET", path, key=key)
        assert (reply.status, reply.content) == (200, b"<script>alert(1)</script>")
        assert reply.headers["content-type"] == shown_kind
        assert reply.headers["content-disposition"].startswith('attachment; filename="')
        assert reply.headers["content-security-policy"] == "sandbox; default-src 'none'"
        assert reply.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("name", ['a"b', "a\r\nSet-Cookie: x=1", "ü", "", "a;b", "\ud800", "a\\b", "%41"])
def test_a_name_never_leaves_its_header(name: str) -> None:
    shown = disposition(name).decode("ascii")
    assert "\r" not in shown and "\n" not in shown
    assert shown.count('"') == 2 and "\\" not in shown


async def test_a_forged_link_opens_nothing(world: World) -> None:
    for token in ("x", "x.y", "%F0%9F%92%A9.é", "." * 50, "eyJ9.e30"):
        assert code(await world.http("GET", f"/v1/attachments/{token}", key=None)) == (404, "not_found")


# What goes wrong


class Fault(Input):
    how: str


def fail(ctx: Any, given: Fault) -> dict[str, Any]:
    """Fails as it is told."""
    if given.how == "full":
        raise StorageFull("disk full at /var/lib/secret")
    if given.how == "limited":
        raise Refused("rate_limited", retry_after=7)
    if given.how == "quota":
        raise Refused("quota_exceeded")
    raise RuntimeError("password is hunter2")


FAIL = Operation(
    name="fail", run=fail, input=Fault, output=dict[str, Any], scopes=(Scope.READ,), effect="read",
    method="GET", path="/v1/fail",
)  # fmt: skip


@pytest.mark.parametrize(
    ("how", "expected", "retry_after"),
    [
        ("full", (507, "storage_full"), None),
        ("limited", (429, "rate_limited"), "7"),
        ("quota", (429, "quota_exceeded"), "60"),
        ("else", (500, "internal_error"), None),
    ],
)
async def test_what_nobody_foresaw_is_told_as_nothing(
    surface: World,
    how: str,
    expected: tuple[int, str],
    retry_after: str | None,
    capsys: pytest.CaptureFixture[str],
) -> None:
    app = build_app(surface.services, operations=[FAIL], ready=lambda: True)
    key = {"x-api-key": surface.keys["agent"]}
    reply = await fetch(app, "GET", "/v1/fail", query={"how": how}, headers=key)
    assert code(reply) == expected
    assert reply.headers.get("retry-after") == retry_after
    assert b"hunter2" not in reply.content and b"secret" not in reply.content
    assert ("hunter2" in capsys.readouterr().out) == (how == "else")


async def test_pages_of_others_get_our_errors_and_headers(surface: World) -> None:
    async def page(request: Request) -> PlainTextResponse:
        if "fail" in request.query_params:
            raise RuntimeError("hunter2")
        return PlainTextResponse("hello", headers={"Content-Security-Policy": "default-src 'self'"})

    app = build_app(surface.services, ready=lambda: True, extra_routes=[Page("/hello", page)])
    reply = await fetch(app, "GET", "/hello")
    assert (reply.content, reply.headers["content-security-policy"]) == (b"hello", "default-src 'self'")
    assert reply.headers["x-frame-options"] == "DENY"
    assert code(await fetch(app, "GET", "/hello?fail")) == (500, "internal_error")
    assert code(await fetch(app, "POST", "/hello")) == (405, "method_not_allowed")


# Health, metrics, description


async def test_health(surface: World) -> None:
    assert (await surface.http("GET", "/health", key=None)).json() == {"status": "ok"}
    app = build_app(surface.services, ready=lambda: False)
    reply = await fetch(app, "GET", "/health")
    assert code(reply) == (503, "unavailable")
    assert reply.json()["status"] == "starting"


async def test_metrics_count_by_operation_and_status(surface: World) -> None:
    labels = {"operation": "get_account", "status": "401"}
    before = REGISTRY.get_sample_value("multimail_http_requests_total", labels) or 0
    await surface.http("GET", "/v1/account", key=None)
    assert REGISTRY.get_sample_value("multimail_http_requests_total", labels) == before + 1
    shown = await surface.http("GET", "/metrics", key=None)
    assert b'multimail_http_requests_total{operation="get_account",status="401"}' in shown.content


@pytest.mark.parametrize(
    ("peer", "forwarded", "status"),
    [
        ("127.0.0.1", None, 200),
        ("::1", None, 200),
        ("203.0.113.9", None, 404),
        ("", None, 404),
        ("127.0.0.1", "203.0.113.9", 404),
        ("127.0.0.1", "127.0.0.1", 404),
        ("10.0.0.1", "127.0.0.1", 200),
        ("10.0.0.1", "127.0.0.1, 203.0.113.9", 404),
        ("10.0.0.1", "203.0.113.9, 127.0.0.1, 10.0.0.2", 200),
        ("10.0.0.1", "nonsense", 404),
        ("10.0.0.1", "", 404),
    ],
)
async def test_metrics_are_for_this_machine(
    surface: World, peer: str, forwarded: str | None, status: int
) -> None:
    app = build_app(surface.services, ready=lambda: True, trusted_proxies=["10.0.0.0/8"])
    headers = {} if forwarded is None else {"x-forwarded-for": forwarded}
    assert (await fetch(app, "GET", "/metrics", headers=headers, client=peer)).status == status


async def test_metrics_are_for_whoever_has_the_token(surface: World) -> None:
    token = "a-token-of-sixteen-or-more"
    app = build_app(surface.services, ready=lambda: True, metrics_token=token)
    for header, status in ((f"Bearer {token}", 200), (f"Bearer {token}x", 404), (f"Basic {token}", 404)):
        headers = {"authorization": header}
        assert (await fetch(app, "GET", "/metrics", headers=headers, client="203.0.113.9")).status == status
    bare = build_app(surface.services, ready=lambda: True)
    headers = {"authorization": "Bearer "}
    assert (await fetch(bare, "GET", "/metrics", headers=headers, client="203.0.113.9")).status == 404


async def test_docs_show_every_operation_and_load_nothing(surface: World) -> None:
    page = (await surface.http("GET", "/docs/operations", key=None)).content.decode()
    assert "<h2>send_email</h2>" in page and "<h2>decide_email</h2>" in page
    assert "<script" not in page and "http://" not in page and "https://" not in page


async def test_the_description_is_served(surface: World) -> None:
    described = (await surface.http("GET", "/v1/openapi.json", key=None)).json()
    assert described["openapi"] == "3.1.0"
    assert "/v1/mailboxes/{mailbox_id}/send" in described["paths"]


async def test_the_address_that_the_banner_prints_leads_to_the_docs(surface: World) -> None:
    reply = await surface.http("GET", "/")
    assert (reply.status, reply.headers["location"]) == (307, "/docs")
