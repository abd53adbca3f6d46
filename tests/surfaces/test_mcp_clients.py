"""Other people's MCP clients, against a live server: fastmcp's and the MCP Inspector's each call every tool."""

import json
import subprocess
from pathlib import Path
from typing import Any

from fastmcp import Client
from fastmcp.client.transports import StreamableHttpTransport

from multimail.core.errors import ERRORS
from multimail.core.scopes import KEY_SCOPES
from multimail.operations.registry import OPERATIONS
from multimail.surfaces.mcp.tools import usable
from tests.support import npm
from tests.support.agents import Desk
from tests.support.server import Server, clean_environment
from tests.test_authority import EXAMPLES, Things

INSPECTOR = npm.MODULES / "@modelcontextprotocol" / "inspector" / "clients" / "cli" / "build" / "index.js"
KEYS = ("agent", "admin", "oversight")
REFUSED = 5  # its exit code for a result with isError


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


def things_of(server: Server) -> Things:
    """What the examples of the operations are about: a mailbox, an email in it, and one that waits."""
    desk = Desk(server)
    email_id = desk.receive("Hello", "Words")
    return Things(
        mailbox_id=server.mailbox_id,
        address=server.address,
        email_id=email_id,
        thread_id=desk.read(email_id)["thread_id"],
        pending_id=server.send(to="ann@example.com", subject="Hi", markdown="Hello").body["id"],
    )


async def test_fastmcp_calls_every_tool(server: Server) -> None:
    """It reads each answer by the tool's output schema."""
    things, worked, refused = things_of(server), set(), set()
    for key in KEYS:
        headers = {"Authorization": f"Bearer {server.keys[key]}"}
        async with Client(StreamableHttpTransport(f"{server.url}/mcp", headers=headers)) as client:
            for tool in await client.list_tools():
                if tool.name in worked | refused:
                    continue
                answer = await client.call_tool(
                    tool.name, EXAMPLES[tool.name](things)[0], raise_on_error=False
                )
                (refused if answer.is_error else worked).add(tool.name)
                if answer.is_error:
                    assert json.loads(answer.content[0].text)["code"] in ERRORS, tool.name
    assert worked | refused == {one.name for one in usable(OPERATIONS, frozenset(KEY_SCOPES))}
    assert len(worked) > 50, refused


def inspect(server: Server, folder: Path, calls: list[tuple[str, list[str]]]) -> list[tuple[int, Any]]:
    """(exit code, result) of each call: (name of a key, further arguments of the Inspector)."""
    (folder / "calls.json").write_text(
        json.dumps(
            [
                [
                    *("--server-url", f"{server.url}/mcp", "--transport", "http", "--quiet"),
                    *("--header", f"Authorization: Bearer {server.keys[key]}"),
                    *("--output", str(folder / f"{number}.json"), *more),
                ]
                for number, (key, more) in enumerate(calls)
            ]
        )
    )
    done = subprocess.run(
        [npm.node(), Path(__file__).with_name("inspect.mjs"), INSPECTOR, folder / "calls.json"],
        env=clean_environment(),
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    codes = json.loads(done.stdout)
    assert set(codes) <= {0, REFUSED}, done.stderr
    return [(code, json.loads((folder / f"{i}.json").read_text())) for i, code in enumerate(codes)]


def test_the_inspector_calls_every_tool(server: Server, tmp_path: Path) -> None:
    """Their schemas are portable, too. What a made-up id is answered is a refusal, and is read as one."""
    things = things_of(server)
    listings: list[tuple[str, list[str]]] = [(key, ["--method", "tools/list", "--strict"]) for key in KEYS]
    listed = [result["tools"] for _, result in inspect(server, tmp_path, listings)]
    tools = {tool["name"]: key for key, found in zip(KEYS, listed, strict=True) for tool in found}
    assert set(tools) == {one.name for one in usable(OPERATIONS, frozenset(KEY_SCOPES))}
    calls = []
    for number, (name, key) in enumerate(tools.items()):
        given = json.dumps(EXAMPLES[name](things)[0])
        asked = [
            "--protocol-era",
            ("legacy", "modern")[number % 2],
            "--method",
            "tools/call",
            "--tool-name",
            name,
        ]
        calls.append((key, [*asked, "--tool-args-json", given]))
    answers = dict(zip(tools, inspect(server, tmp_path, calls), strict=True))
    for name, (code, result) in answers.items():
        assert (code == REFUSED) == result["isError"], name
        if code == REFUSED:
            assert json.loads(result["content"][0]["text"])["code"] in ERRORS, name
    worked = {name for name, (code, _) in answers.items() if code == 0}
    assert {"send_email", "reply_email", "read_email", "get_thread", "list_pending", "review_email"} <= worked
    assert len(worked) > 50, set(answers) - worked
