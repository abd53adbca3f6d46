"""Every example, run as a newcomer runs it, against a live server and a stand-in for the model's API."""

import json
import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from multimail.core.webhook_signature import new_secret, sign
from tests.support import npm
from tests.support.agents import Desk, eventually
from tests.support.models import Call, Model
from tests.support.server import Server, clean_environment

ROOT = Path(__file__).parent.parent.parent
EXAMPLES = ROOT / "examples"
SECRET = new_secret(bytes(range(24)))
TASK = "Write to ann@example.com that we meet at noon."
LETTER = {"to": "ann@example.com", "subject": "Noon", "markdown": "We meet at **noon**."}
APART = (
    "crewai",
    "llamaindex",
)  # not beside our lock: each in an environment of its own (requirements/apart)
NPM = ("vercel-ai", "webhook-express")
AGENTS = (
    "openai-responses openai-agents openai-assistants azure-ai anthropic ai21 langchain pydantic-ai".split()
)
RECEIVERS = ("webhook-flask", "webhook-fastapi")
ELSEWHERE = ("livekit", "dust", "n8n")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with Server(tmp_path_factory.mktemp("examples") / "data") as running:
        yield running


def surroundings(server: Server, model: Model | None = None, **more: str) -> dict[str, str]:
    """The two variables, and where the model is."""
    variables = {"MULTIMAIL_URL": server.url, "MULTIMAIL_API_KEY": server.keys["agent"]}
    if model is not None:
        variables |= {
            "OPENAI_BASE_URL": f"{model.url}/v1",
            "OPENAI_API_BASE": f"{model.url}/v1",
            "OPENAI_API_KEY": "any",
            "ANTHROPIC_BASE_URL": model.url,
            "ANTHROPIC_API_KEY": "any",
            "AZURE_AI_ENDPOINT": model.url,
            "AZURE_AI_KEY": "any",
            "AI21_API_HOST": model.url,
            "AI21_API_KEY": "any",
            "OTEL_SDK_DISABLED": "true",
            "CREWAI_DISABLE_TELEMETRY": "true",
            "PYTHONPATH": str(ROOT / "src"),
        }
    return clean_environment(variables | more)


def interpreter(example: str) -> Path:
    if example not in APART:
        return Path(sys.executable)
    place = Path(sys.prefix) / "apart" / example
    if not (place / "stamp").exists():
        pytest.skip(f"needs requirements/apart/{example}.txt: `make test` installs it")
    return place / "bin" / "python"


@pytest.mark.timeout(300)  # a first import of CrewAI, with all that it brings, on a crowded machine
@pytest.mark.parametrize("example", [*AGENTS, *APART])
def test_an_agent_sends_and_a_person_decides(server: Server, example: str) -> None:
    desk = Desk(server)
    before = {email["id"] for email in desk.pending()}
    with Model([Call("send_email", LETTER)], "It waits for approval.") as model:
        done = subprocess.run(
            [interpreter(example), EXAMPLES / example / "main.py", TASK],
            env=surroundings(server, model),
            capture_output=True,
            text=True,
            timeout=240,
            check=False,
        )
    assert done.returncode == 0, done.stderr
    assert "It waits for approval." in done.stdout or "completed" in done.stdout
    (sent,) = [email for email in desk.pending() if email["id"] not in before]
    assert (sent["to"], sent["subject"], sent["markdown"]) == (
        ["ann@example.com"],
        "Noon",
        LETTER["markdown"],
    )
    assert model.outputs[0]["status"] == "pending_approval"
    desk.decide(sent["id"])
    desk.becomes(sent["id"], "sent")


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


@pytest.mark.parametrize("example", RECEIVERS)
def test_a_receiver_believes_only_what_the_server_signed(server: Server, example: str) -> None:
    desk, port = Desk(server), free_port()
    made = server.call(
        "POST",
        "/v1/webhooks",
        {"url": f"http://127.0.0.1:{port}/webhook", "events": ["email.received"]},
        key="admin",
    ).body
    variables = surroundings(server, MULTIMAIL_WEBHOOK_SECRET=made["secret"], PORT=str(port))
    variables |= {"PYTHONPATH": str(ROOT / "src"), "PYTHONUNBUFFERED": "1"}
    process = subprocess.Popen(
        [sys.executable, EXAMPLES / example / "main.py"],
        env=variables,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        assert process.stdout is not None
        eventually(lambda: is_open(port))
        assert forge(port) == 401
        desk.receive(f"To {example}", "Hello")
        lines = iter(process.stdout.readline, "")
        assert next(line for line in lines if line.startswith("email.received")).split() == [
            *("email.received", "ada@example.com", "To", example)
        ]
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
        server.call("DELETE", f"/v1/webhooks/{made['id']}", key="admin")


def is_open(port: int) -> bool:
    with socket.socket() as trying:
        return trying.connect_ex(("127.0.0.1", port)) == 0


def forge(port: int) -> int:
    import urllib.error
    import urllib.request

    headers = sign(SECRET, "evt_forged", int(time.time()), b"{}")
    request = urllib.request.Request(f"http://127.0.0.1:{port}/webhook", b"{}", headers, method="POST")
    try:
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=20) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        with error:
            return error.code


def test_livekit_s_agent_has_tools_that_call_the_server(server: Server) -> None:
    code = (
        "import asyncio, json, sys; sys.path.insert(0, sys.argv[1]); import main\n"
        "async def go():\n"
        "    async with main.AsyncMultiMail() as mail:\n"
        "        agent = await main.correspondent(mail)\n"
        "        tools = {tool.info.name: tool for tool in agent.tools}\n"
        "        print(sorted(tools))\n"
        "        print(await tools['send_email']({'to': 'ann@example.com', 'subject': 'Said'}, None))\n"
        "asyncio.run(go())"
    )
    environment = surroundings(server, PYTHONPATH=str(ROOT / "src"))
    command = [sys.executable, "-c", code, str(EXAMPLES / "livekit")]
    names, answered = subprocess.check_output(command, env=environment, text=True, timeout=110).splitlines()
    assert names == "['check_inbox', 'get_message', 'read_email', 'reply_email', 'send_email']"
    assert json.loads(answered)["status"] == "pending_approval"


def test_every_folder_tells_how_and_is_run_here() -> None:
    folders = {path.name for path in EXAMPLES.iterdir() if path.is_dir() and path.name != "__pycache__"}
    assert folders == {*AGENTS, *APART, *RECEIVERS, *NPM, *ELSEWHERE}
    for name in folders:
        text = (EXAMPLES / name / "README.md").read_text()
        lines = [line for line in text.splitlines() if line and not line.startswith("```")]
        assert len(lines) <= 10 and "MULTIMAIL_API_KEY" in text, name
        assert "install multimail" not in text, "what the registries have by that name is another project's"


def test_n8n_has_every_node_of_the_workflow_with_what_it_is_given() -> None:
    """n8n_nodes.json is taken from n8n-nodes-base 2.41.2 (dist/types/nodes.json), which takes too long to install."""
    nodes = json.loads(Path(__file__).with_name("n8n_nodes.json").read_text())
    workflow = json.loads((EXAMPLES / "n8n" / "workflow.json").read_text())
    names = [node["name"] for node in workflow["nodes"]]
    assert len(set(names)) == len(names) == len({node["id"] for node in workflow["nodes"]})
    for node in workflow["nodes"]:
        known = nodes[node["type"]]
        assert node["typeVersion"] in known["versions"], node["name"]
        for name, value in node["parameters"].items():
            kind, *rest = known["parameters"][name]
            if kind == "options":
                assert value in rest[0], (node["name"], name)
            elif kind in ("collection", "fixedCollection"):
                assert value.keys() <= set(*rest), (node["name"], name)


@pytest.mark.debian("node-typescript")
def test_n8n_s_code_believes_only_the_server_and_its_request_is_taken(server: Server, tmp_path: Path) -> None:
    workflow = json.loads((EXAMPLES / "n8n" / "workflow.json").read_text())
    nodes = {node["name"]: node["parameters"] for node in workflow["nodes"]}
    for name, ways in workflow["connections"].items():
        assert name in nodes and all(way["node"] in nodes for one in ways["main"] for way in one)
    body = b'{"type": "email.received", "id": "eml_1"}'
    signed = {name.lower(): value for name, value in sign(SECRET, "evt_1", int(time.time()), body).items()}
    for headers, believed in ((signed, True), (signed | {"webhook-id": "evt_2"}, False)):
        code = nodes["Only what our server signed"]["jsCode"]
        given = json.dumps({"headers": headers, "content": body.hex()})
        script = (
            f"const given = {given}; const $env = process.env; const $input = {{ first: () => ({{ json: given, "
            "binary: { data: { data: Buffer.from(given.content, 'hex').toString('base64') } } }) };\n"
            f"const found = (() => {{ {code} }})(); console.log(JSON.stringify(found));"
        )
        (tmp_path / "node.cjs").write_text(script)
        done = subprocess.run(
            ["node", tmp_path / "node.cjs"],
            env=surroundings(server, MULTIMAIL_WEBHOOK_SECRET=SECRET),
            capture_output=True,
            text=True,
            check=False,
        )
        assert (done.returncode == 0) == believed, done
    email_id = Desk(server).receive("For n8n", "Hello")
    body_of = nodes["Answer, once a person agrees"]
    words = re.search(r"markdown: '([^']+)'", body_of["jsonBody"])
    assert body_of["url"].endswith("/v1/reply") and words
    answer = server.call("POST", "/v1/reply", {"email_id": email_id, "markdown": words[1]})
    assert answer.body["status"] == "pending_approval"


@pytest.mark.debian("node-typescript")
def test_dust_s_actions_call_the_server(server: Server, tmp_path: Path) -> None:
    """Its actions, typed, as a tool server calls them."""
    package = tmp_path / "node_modules" / "multimail"
    client = ROOT / "clients" / "typescript"
    run_node(tmp_path, "tsc", "-p", client, "--outDir", package / "dist")
    shutil.copy(client / "package.json", package)
    shutil.copy(EXAMPLES / "dust" / "main.ts", tmp_path / "main.mts")
    (tmp_path / "use.mts").write_text(
        'import { checkInbox, sendEmail } from "./main.mjs";\n'
        'console.log(await checkInbox()); console.log(await sendEmail("ann@example.com", "Dust", "Hello"));\n'
    )
    strict = "--strict --target es2022 --module es2022 --moduleResolution node16 --lib es2022,dom".split()
    run_node(tmp_path, "tsc", *strict, "use.mts")
    lines = run_node(tmp_path, "node", "use.mjs", **surroundings(server)).splitlines()
    assert "emails" in json.loads(lines[0])
    assert json.loads(lines[1])["status"] == "pending_approval"


def run_node(folder: Path, *words: object, **environment: str) -> str:
    done = subprocess.run(
        list(map(str, words)),
        cwd=folder,
        env=environment or clean_environment(),
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )
    assert done.returncode == 0, done
    return done.stdout


@pytest.mark.debian("node-typescript")
@pytest.mark.parametrize("example", NPM)
def test_examples_that_need_npm(server: Server, example: str, tmp_path: Path) -> None:
    """With the packages that their READMEs install, and the client as they get it."""
    node = npm.node()
    modules, client = tmp_path / "node_modules", ROOT / "clients" / "typescript"
    run_node(tmp_path, "tsc", "-p", client, "--outDir", modules / "multimail" / "dist")
    shutil.copy(client / "package.json", modules / "multimail")
    for package in ("ai", "@ai-sdk", "express"):
        (modules / package).symlink_to(npm.MODULES / package)
    (tmp_path / "package.json").write_text('{"type": "module"}')
    shutil.copy(EXAMPLES / example / "main.ts", tmp_path)
    if example == "vercel-ai":
        with Model([Call("send_email", LETTER)], "It waits.") as model:
            said = run_node(tmp_path, node, "main.ts", TASK, **surroundings(server, model))
        assert said.strip() == "It waits." and model.outputs[0]["status"] == "pending_approval"
        return
    port = free_port()
    variables = surroundings(server, MULTIMAIL_WEBHOOK_SECRET=SECRET, PORT=str(port))
    with subprocess.Popen([node, "main.ts"], cwd=tmp_path, env=variables) as process:
        eventually(lambda: is_open(port))
        assert forge(port) == 204  # SECRET is its own: this one is believed
        process.kill()
