"""/llms.txt, and that the paragraph for agents can be followed with the MCP tools alone."""

import re

import httpx2
from mcp.client import Client
from mcp.client.streamable_http import streamable_http_client

from multimail.core.scopes import Scope
from multimail.operations.registry import BY_NAME
from multimail.surfaces.llms import PARAGRAPH
from tests.support.world import World


async def test_the_page_names_every_operation_and_where_to_connect(world: World) -> None:
    reply = await world.http("GET", "/llms.txt", key=None)
    text = reply.content.decode()
    assert (reply.status, reply.headers["content-type"]) == (200, "text/markdown; charset=utf-8")
    assert text.startswith("# MultiMail\n") and f"{world.services.site.public_url}/mcp" in text
    assert all(f"`{name}`" in text for name in ("send_email", "create_mailbox", "wait_for_email"))


async def test_what_the_paragraph_says_can_be_done(world: World) -> None:
    named = set(re.findall(r"`([a-z_]+)`", PARAGRAPH)) - {"pending_approval"}
    assert named <= set(BY_NAME)
    key = await world.add_key("paragraph", [Scope.READ, Scope.SEND, Scope.ADMIN])
    http = httpx2.AsyncClient(
        transport=httpx2.ASGITransport(app=world.app), headers={"Authorization": f"Bearer {key}"}
    )
    async with http, Client(streamable_http_client("http://127.0.0.1:8025/mcp", http_client=http)) as agent:
        tools = {tool.name for tool in (await agent.list_tools()).tools}
        assert named <= tools
        made = await agent.call_tool("create_mailbox", {"address": "flow"})
        given = {"mailbox_id": made.structured_content["id"]}
        letter = {"to": "ann@example.test", "subject": "Hi", "markdown": "Hello"}
        sent = await agent.call_tool("send_email", given | letter)
        assert sent.structured_content["status"] == "pending_approval"
        later = await agent.call_tool("get_message", {"email_id": sent.structured_content["id"]})
        assert later.structured_content["status"] == "pending_approval"
        waited = await agent.call_tool("wait_for_email", given | {"timeout_seconds": 0.1})
        assert waited.structured_content["timed_out"] is True
    world.stopping.set()
