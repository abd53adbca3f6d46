"""A voice agent that writes: a LiveKit worker, run as its users run one, that talks in text to nobody's media server.

It takes one job: the caller's words come on standard input, one line each; what was said comes back on standard
output, as JSON. Its model is a script (`Scripted`); everything else is livekit-agents.
"""

import asyncio
import json
import logging
import os
import sys
from typing import Any

import aiohttp
from livekit.agents import (
    DEFAULT_API_CONNECT_OPTIONS,
    Agent,
    AgentServer,
    AgentSession,
    JobContext,
    JobExecutorType,
    RunContext,
    function_tool,
    llm,
)

API = os.environ["MULTIMAIL_URL"]
HEADERS = {"Authorization": f"Bearer {os.environ['MULTIMAIL_API_KEY']}"}
MAILBOX = f"{API}/v1/mailboxes/{os.environ['MULTIMAIL_MAILBOX_ID']}"
CALLER = "ada@example.com"


async def ask(method: str, url: str, **given: Any) -> Any:
    async with (
        aiohttp.ClientSession(headers=HEADERS) as client,
        client.request(method, url, **given) as answer,
    ):
        return await answer.json()


class Scripted(llm.LLM):
    """Says what it knows of the caller, sends an email when asked to, and tells what came of it."""

    def chat(self, *, chat_ctx, tools=None, conn_options=DEFAULT_API_CONNECT_OPTIONS, **_):
        return ScriptedStream(self, chat_ctx=chat_ctx, tools=tools or [], conn_options=conn_options)


class ScriptedStream(llm.LLMStream):
    async def _run(self) -> None:
        self._event_ch.send_nowait(llm.ChatChunk(id="1", delta=self._next()))

    def _next(self) -> llm.ChoiceDelta:
        last = self._chat_ctx.items[-1]
        if isinstance(last, llm.FunctionCallOutput):
            return llm.ChoiceDelta(
                role="assistant", content=f"The email is {json.loads(last.output)['status']}."
            )
        words = last.text_content or ""
        if "confirm" not in words:
            instructions = next(one for one in self._chat_ctx.items if one.role == "system")
            return llm.ChoiceDelta(role="assistant", content=instructions.text_content)
        arguments = json.dumps({"to": CALLER, "subject": "Your visit", "body": "We see you on Thursday."})
        call = llm.FunctionToolCall(name="send_email", arguments=arguments, call_id="call_1")
        return llm.ChoiceDelta(role="assistant", tool_calls=[call])


class Host(Agent):
    """Knows what was written with the caller before, and writes when asked to."""

    def __init__(self, history: str) -> None:
        super().__init__(instructions=f"You welcome callers. Written before: {history or 'nothing'}")

    @function_tool
    async def send_email(self, context: RunContext, to: str, subject: str, body: str) -> str:
        """Sends an email from this agent's mailbox; a human approves it before it leaves."""
        metadata = {"tool_call_id": context.function_call.call_id}
        given = {"to": to, "subject": subject, "markdown": body, "metadata": metadata}
        return json.dumps(await ask("POST", f"{MAILBOX}/send", json=given))


async def history_with(address: str) -> str:
    """What was written with somebody, from the thread of their newest email."""
    found = await ask("GET", f"{MAILBOX}/emails", params={"participant": address, "limit": 1})
    if not found["emails"]:
        return ""
    thread = await ask("GET", f"{MAILBOX}/threads/{found['emails'][0]['thread_id']}")
    return " | ".join(f"{email['from']}: {email['markdown'].strip()}" for email in thread["emails"])


server = AgentServer(
    job_executor_type=JobExecutorType.THREAD,
    num_idle_processes=0,
    ws_url="ws://127.0.0.1:1",  # never connected to: the worker runs unregistered
    api_key="key",
    api_secret="a secret of at least thirty-two octets",
    host="127.0.0.1",
    port=0,
)
said: list[str] = []


@server.rtc_session()
async def take_the_call(ctx: JobContext) -> None:
    session = AgentSession(llm=Scripted())
    await session.start(Host(await history_with(CALLER)))

    async def follow_up() -> None:
        given = {"to": CALLER, "subject": "What we said", "markdown": "\n".join(said)}
        answer = await ask("POST", f"{MAILBOX}/send", json=given)
        print(json.dumps({"said": said, "follow_up": answer}), flush=True)

    ctx.add_shutdown_callback(follow_up)
    for line in sys.stdin:
        result = await session.run(user_input=line.strip())
        said.extend(
            event.item.text_content or ""
            for event in result.events
            if event.type == "message" and event.item.role == "assistant"
        )
    await session.aclose()
    ctx.shutdown("the caller hung up")


async def main() -> None:
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr)
    started = asyncio.Event()
    server.once("worker_started", started.set)
    running = asyncio.create_task(server.run(devmode=True, unregistered=True))
    await started.wait()
    await server.simulate_job("hall", fake_job=True)
    await server.drain()
    await server.aclose()
    await running


if __name__ == "__main__":
    asyncio.run(main())
