"""`multimail mcp`: MCP over standard input and output, for clients that start their servers themselves.

It holds no data: every request goes to the running server's /mcp with the key of the environment.
"""

import argparse
import asyncio
import os
from typing import Any

import httpx2
import mcp_types as types
from mcp.client import Client
from mcp.client.streamable_http import streamable_http_client
from mcp.server.context import ServerRequestContext
from mcp.server.lowlevel.server import Server
from mcp.server.stdio import stdio_server
from mcp_types.version import MODERN_PROTOCOL_VERSIONS

from multimail import __version__
from multimail.commands.flags import complain
from multimail.surfaces.mcp.capabilities import opens_links

Request = ServerRequestContext[Any, Any]
DECLINED = types.ElicitResult(action="decline")
PATIENCE = 150.0  # seconds: longer than the longest wait_for_email


def add(parser: argparse.ArgumentParser) -> None:
    url = os.environ.get("MULTIMAIL_URL", "http://127.0.0.1:8025")
    parser.add_argument(
        "--url", default=url, help="the server [MULTIMAIL_URL, default http://127.0.0.1:8025]"
    )
    parser.epilog = "The key is MULTIMAIL_API_KEY; without one there are only the tools that get one."


def run(arguments: argparse.Namespace) -> int:
    key = os.environ.get("MULTIMAIL_API_KEY", "")
    code = 0
    try:
        asyncio.run(_bridge(arguments.url.rstrip("/") + ("/mcp" if key else "/mcp/start"), key))
    except* Exception as errors:  # noqa: BLE001  # of any library in between; it is told and it ends
        code = complain(f"{arguments.url} can't be used: {_first(errors)}")
    return code


def _first(error: BaseException) -> BaseException:
    return _first(error.exceptions[0]) if isinstance(error, BaseExceptionGroup) else error


async def _bridge(url: str, key: str) -> None:
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    async with (
        httpx2.AsyncClient(headers=headers, timeout=PATIENCE) as http,
        Client(streamable_http_client(url, http_client=http), elicitation_callback=_decline) as far,
        stdio_server() as (reading, writing),
    ):
        server = relay(far)
        await server.run(reading, writing, server.create_initialization_options())


async def _decline(context: Any, params: types.ElicitRequestParams) -> types.ElicitResult:
    """That there is one tells the server that links can be opened; relay() asks who is to open them."""
    return DECLINED


async def _open(request: Request, wanted: types.InputRequest) -> types.InputResponse:
    """As a protocol with a handshake asks (2025-11-25, client/elicitation)."""
    params = wanted.params
    if not isinstance(params, types.ElicitRequestURLParams):
        return DECLINED
    return await request.session.elicit_url(params.message, params.url, params.url, request.request_id)


def relay(far: Client) -> "Server[Any]":
    """A server that answers with what `far` answers, progress included."""

    async def list_tools(
        request: Request, params: types.PaginatedRequestParams | None
    ) -> types.ListToolsResult:
        return await far.list_tools()

    async def call_tool(
        request: Request, params: types.CallToolRequestParams
    ) -> types.CallToolResult | types.InputRequiredResult:
        """A link that a person is to open is for the client to open: in its protocol, or it is declined."""

        async def call(
            responses: types.InputResponses | None, state: str | None
        ) -> types.CallToolResult | types.InputRequiredResult:
            return await far.session.call_tool(
                params.name,
                params.arguments,
                progress_callback=request.session.report_progress,
                input_responses=responses,
                request_state=state,
                allow_input_required=True,
            )

        answer = await call(params.input_responses, params.request_state)
        opens = opens_links(request.session.client_capabilities)
        if not isinstance(answer, types.InputRequiredResult) or (
            opens and request.protocol_version in MODERN_PROTOCOL_VERSIONS
        ):
            return answer
        opened = {
            name: await _open(request, wanted) if opens else DECLINED
            for name, wanted in (answer.input_requests or {}).items()
        }
        return await call(opened, answer.request_state)

    async def list_templates(
        request: Request, params: types.PaginatedRequestParams | None
    ) -> types.ListResourceTemplatesResult:
        return await far.list_resource_templates()

    async def list_resources(
        request: Request, params: types.PaginatedRequestParams | None
    ) -> types.ListResourcesResult:
        return await far.list_resources()

    async def read_resource(
        request: Request, params: types.ReadResourceRequestParams
    ) -> types.ReadResourceResult:
        return await far.read_resource(str(params.uri))

    async def list_prompts(
        request: Request, params: types.PaginatedRequestParams | None
    ) -> types.ListPromptsResult:
        return await far.list_prompts()

    async def get_prompt(request: Request, params: types.GetPromptRequestParams) -> types.GetPromptResult:
        return await far.get_prompt(params.name, params.arguments)

    return Server(
        "multimail",
        title="MultiMail",
        version=__version__,
        instructions=far.instructions,
        on_list_tools=list_tools,
        on_call_tool=call_tool,
        on_list_resource_templates=list_templates,
        on_list_resources=list_resources,
        on_read_resource=read_resource,
        on_list_prompts=list_prompts,
        on_get_prompt=get_prompt,
    )
