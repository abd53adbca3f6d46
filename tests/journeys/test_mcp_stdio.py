"""`multimail mcp` as a client starts it: the same tools over standard input and output, and a plain no."""

import subprocess
import sys

import pytest
from mcp.client import Client
from mcp.client.stdio import StdioServerParameters, stdio_client
from mcp_types import ElicitResult

from tests.journeys.journey import serving


@pytest.fixture
def stdio():
    def connect(product, key="agent", **more):
        env = {"MULTIMAIL_URL": product.server.url, "PYTHONPATH": ":".join(sys.path)}
        if key:
            env["MULTIMAIL_API_KEY"] = product.keys[key]
        return Client(
            stdio_client(
                StdioServerParameters(command=sys.executable, args=["-m", "multimail", "mcp"], env=env)
            ),
            **more,
        )

    return connect


async def test_a_model_writes_over_stdio_and_a_person_approves(tmp_path, stdio):
    async with serving(tmp_path / "data") as product:
        async with stdio(product) as client:
            assert "oversee" in client.instructions
            result = await client.call_tool(
                "send_email", {"to": "bob@far.test", "subject": "Hi", "markdown": "Hello"}
            )
            email_id = result.structured_content["id"]
            assert result.structured_content["status"] == "pending_approval"
            await product.decide(email_id)
            decision = await client.call_tool("get_decision", {"email_id": email_id})
            assert decision.structured_content["decision"] == "approved"
            said, words = (await client.read_resource(f"multimail://emails/{email_id}")).contents
            assert "Hello" not in said.text and "Hello" in words.text
            assert (await client.get_prompt("triage", {})).messages
        opened = []

        async def opens(context, params):
            opened.append(params.url)
            await product.decide(params.url.rpartition("/")[2])
            return ElicitResult(action="accept")

        for mode in (
            "auto",
            "legacy",
        ):  # over standard input and output there are sessions, so both can be asked
            async with stdio(product, mode=mode, elicitation_callback=opens) as client:
                result = await client.call_tool("send_email", {"to": "bob@far.test", "subject": mode})
                assert result.structured_content["status"] in ("scheduled", "queued", "sent")
        assert len(opened) == 2
        async with stdio(product, key=None) as client:
            assert "send_email" not in {tool.name for tool in (await client.list_tools()).tools}


def test_where_no_server_runs_it_says_so():
    command = [sys.executable, "-m", "multimail", "mcp", "--url", "http://127.0.0.1:9"]
    done = subprocess.run(
        command, check=False, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=60
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert "http://127.0.0.1:9 can't be used" in done.stderr and "Traceback" not in done.stderr
