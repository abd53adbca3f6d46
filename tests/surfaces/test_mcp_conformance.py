"""The official conformance suite (npm: @modelcontextprotocol/conformance) against a live server.

It is made for SDKs: most of its scenarios call tools, prompts and resources that its own reference server has. Those
can't pass against a product, and NOT_OURS says which they are and what they are told. A scenario that fails for any
other reason fails the test, and so does an entry that is no longer true.
"""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, closing
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx2

from tests.support import npm
from tests.support.server import Server, multimail

SUITE = npm.MODULES / "@modelcontextprotocol" / "conformance" / "dist" / "index.js"
REVISIONS = ("2025-11-25", "2026-07-28")

# (why it can't pass here, what the failure says, the scenarios or scenario:check)
NOT_OURS = (
    (
        "calls a tool, prompt or resource of the reference server",
        r"There is no (tool|prompt) '|There is no such resource|'json_schema_2020_12_tool' not found",
        """
        tools-call-simple-text tools-call-image tools-call-audio tools-call-embedded-resource tools-call-mixed-content
        tools-call-error tools-call-with-progress tools-call-sampling tools-call-elicitation json-schema-2020-12
        elicitation-sep1034-defaults elicitation-sep1330-enums resources-read-text resources-read-binary
        resources-templates-read prompts-get-simple prompts-get-with-args prompts-get-embedded-resource
        prompts-get-with-image input-required-result-basic-elicitation input-required-result-basic-sampling
        input-required-result-basic-list-roots input-required-result-request-state
        input-required-result-multiple-input-requests input-required-result-non-tool-request
        input-required-result-result-type input-required-result-capability-check
        input-required-result-ignore-extra-params
        """,
    ),
    (
        "begins with what such a tool answers",
        r"Expected InputRequiredResult|could not get initial InputRequiredResult|instead of re-requesting",
        """
        input-required-result-multi-round input-required-result-tampered-state
        input-required-result-missing-input-response
        """,
    ),
    (
        "needs a diagnostic tool of the reference server",
        r"Not testable: server (does not list the diagnostic tool|exposes no tool with x-mcp-header)",
        """
        server-stateless:sep-2575-server-rejects-undeclared-capability
        server-stateless:sep-2575-missing-capability-http-400
        server-stateless:sep-2575-http-server-no-independent-requests-on-stream
        server-stateless:sep-2575-server-no-log-without-loglevel
        http-custom-header-server-validation
        """,
    ),
    (
        "tries a capability that is optional, and that the server does not declare",
        r"Method not found",
        "completion-complete logging-set-level tools-call-with-logging resources-subscribe resources-unsubscribe",
    ),
    (
        "would like sessions and streams that are taken up again; here any process answers any request",
        r"session ID|priming event|retry field",
        "server-sse-multiple-streams server-sse-polling",
    ),
    (
        "is of the extension for tasks, which the server does not have",
        r"",
        """
        tasks-lifecycle tasks-capability-negotiation tasks-wire-fields tasks-request-state-removal tasks-mrtr-input
        tasks-request-headers tasks-dispatch-and-envelope tasks-required-task-error tasks-mrtr-composition
        """,
    ),
)


class Wire:
    """Between the suite, which has no flag for a key, and the server: puts the key into each request."""

    def __init__(self) -> None:
        self.port = self.upstream = 0
        self.key = ""

    async def take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        answers, requests = await asyncio.open_connection("127.0.0.1", self.upstream)
        back = asyncio.create_task(self._answer(answers, writer))
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                line, _, rest = head.partition(b"\r\n")
                length = re.search(rb"(?im)^content-length: *(\d+)", rest)
                body = await reader.readexactly(int(length[1]) if length else 0)
                requests.write(line + f"\r\nAuthorization: Bearer {self.key}\r\n".encode() + rest + body)
        except (asyncio.IncompleteReadError, ConnectionError):
            requests.close()
            await back

    async def _answer(self, answers: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with closing(writer):
            while content := await answers.read(65536):
                writer.write(content)


@asynccontextmanager
async def wired() -> AsyncIterator[Wire]:
    wire = Wire()
    listening = await asyncio.start_server(wire.take, "127.0.0.1", 0)
    wire.port = listening.sockets[0].getsockname()[1]
    try:
        yield wire
    finally:
        listening.close()


def failures(folder: Path) -> Iterator[tuple[str, str, str]]:
    """(scenario, check, what it says) of every check that is neither passed nor not applicable."""
    for path in folder.glob("*/checks.json"):
        scenario = re.sub(r"^server-|-\d{4}-\d\d-\d\dT.*$", "", path.parent.name)
        for check in json.loads(path.read_text()):
            if check["status"] in ("FAILURE", "WARNING"):
                yield scenario, check["id"], f"{check.get('errorMessage')} {check.get('details')}"


async def run(*arguments: str) -> str:
    process = await npm.start(SUITE, *arguments)
    printed, _ = await process.communicate()
    return printed.decode()


async def test_a_live_server_speaks_mcp_as_the_suite_asks(tmp_path: Path) -> None:
    """Both revisions, with all that each requires."""
    excused: dict[str, str] = {name: says for _, says, names in NOT_OURS for name in names.split()}
    told: set[str] = set()
    npm.node()
    async with wired() as wire:
        with Server(tmp_path / "data", "--public-url", f"http://127.0.0.1:{wire.port}") as server:
            wire.upstream, wire.key = urlsplit(server.url).port or 0, server.keys["agent"]
            for revision in REVISIONS:
                folder = tmp_path / revision
                url = f"http://localhost:{wire.port}/mcp"
                printed = await run(
                    *("server", "--url", url, "--requirements", revision, "--output-dir", str(folder))
                )
                assert len(list(folder.glob("*/checks.json"))) >= 30, printed
                for scenario, check, words in failures(folder):
                    name = scenario if scenario in excused else f"{scenario}:{check}"
                    assert name in excused and re.search(excused[name], words), (scenario, check, words)
                    told.add(name)
    assert told == set(excused)


async def test_a_live_server_lets_in_as_the_suite_asks(tmp_path: Path) -> None:
    """The authorization server: metadata, and the whole way of a code, with an owner who agrees in between."""
    npm.node()
    with Server(tmp_path / "data") as server:
        port = await free_port()
        redirect = f"http://127.0.0.1:{port}/callback"
        registered = server.call("POST", "/oauth/register", {"redirect_uris": [redirect]}, key=None)
        folder = tmp_path / "results"
        process = await npm.start(
            SUITE,
            *("authorization", "--url", server.url, "--client-id", registered.body["client_id"]),
            *("--resource", f"{server.url}/mcp", "--port", str(port), "--output-dir", str(folder)),
        )
        assert process.stdout is not None
        printed = b""
        while not (asked := re.search(rb"http\S+/dashboard/authorize\?\S+", printed)):
            line = await process.stdout.readline()
            assert line, printed
            printed += line
        await agree(server, asked[0].decode())
        printed += (await process.communicate())[0]
        checks = [check for path in folder.glob("*/checks.json") for check in json.loads(path.read_text())]
    assert process.returncode == 0, printed.decode()
    assert len(checks) >= 3 and {check["status"] for check in checks} <= {"SUCCESS", "INFO"}, checks


async def free_port() -> int:
    listening = await asyncio.start_server(lambda *_: None, "127.0.0.1", 0)
    async with listening:
        return int(listening.sockets[0].getsockname()[1])


async def agree(server: Server, url: str) -> None:
    """The owner's browser: signs in, agrees, and brings the answer to the program."""
    link = re.search(r"http\S+", multimail("operator", "--data", server.data, "sign-in-link").stdout)
    assert link
    async with httpx2.AsyncClient(follow_redirects=False, trust_env=False) as browser:
        await browser.post(link[0])
        page = await browser.get(url)
        csrf = re.search(r'name="csrf" value="([^"]+)"', page.text)
        assert page.status_code == 200 and csrf, page.text
        given = {"csrf": csrf[1], "decision": "allow", "scope": ["read", "send"], "where": "all", "days": "1"}
        answer = await browser.post(url, data=given, headers={"sec-fetch-site": "same-origin"})
        assert answer.status_code == 303, answer.text
        assert "code" in parse_qs(urlsplit(answer.headers["location"]).query)
        await browser.get(answer.headers["location"])
