"""Other people's MCP clients, against a live server: fastmcp's lists every tool and uses some."""

from fastmcp import Client
from fastmcp.client.transports import StreamableHttpTransport

from tests.support.server import Server


async def test_fastmcp_lists_tools_sends_and_reads(server: Server) -> None:
    headers = {"Authorization": f"Bearer {server.keys['agent']}"}
    async with Client(StreamableHttpTransport(f"{server.url}/mcp", headers=headers)) as client:
        names = {tool.name for tool in await client.list_tools()}
        assert {"send_email", "reply_email", "check_inbox", "read_email", "wait_for_email"} <= names
        assert "decide_email" not in names  # not for this key
        sent = await client.call_tool(
            "send_email", {"to": "ann@example.com", "subject": "Hi", "markdown": "Hello"}
        )
        assert sent.structured_content["status"] == "pending_approval"
        read = await client.call_tool("read_email", {"email_id": sent.structured_content["id"]})
        assert read.structured_content["to"] == ["ann@example.com"]
        assert len(await client.list_resource_templates()) == 3
        assert {prompt.name for prompt in await client.list_prompts()} == {
            "triage",
            "draft_reply",
            "daily_digest",
        }
