"""The document on Azure AI, run: the inference client's loop to its final answer, and AzureOpenAI."""

import json

import pytest

from tests.seeds.documents import ADDRESS, read_document
from tests.seeds.shell import run_shell
from tests.support.agents import UNCLOSED
from tests.support.models import Call, Model

pytestmark = UNCLOSED

TOOLS = "email_tools = ["
LOOP = "def run_azure_email_agent"
OPENAI = "AzureOpenAI("


@pytest.fixture
def model():
    with Model() as started:
        yield started


@pytest.fixture
def document(desk, server, model):
    """With a key that reads and sends, as the document's agent needs."""
    return read_document("azure-ai").replace(
        {
            "https://api.multimail.dev": desk.url,
            "https://your-resource.openai.azure.com": model.url,
            "mm_live_your_api_key": desk.new_key("read", "send"),
            "mbx_abc123": server.mailbox_id,
            ADDRESS: "bob@example.com",
        }
    )


def test_the_agent_checks_the_inbox(desk, model, run, capsys):
    """The second block ends with a call of its own, whose answer it prints."""
    received = desk.receive("A question", "When do we meet?")
    model.turns += [
        lambda seen: [Call("check_inbox", {"mailbox_id": desk.server.mailbox_id, "limit": 5})],
        "Ada asks when we meet.",
    ]
    run(TOOLS)
    run(LOOP)
    assert capsys.readouterr().out == "Ada asks when we meet.\n"
    assert [email["id"] for email in model.outputs[0]["emails"]] == [received]
    assert model.prompts[0][1] == {"role": "user", "content": "Check my inbox"}


def test_the_agent_sends_and_replies_under_the_gate(desk, server, model, run):
    received = desk.receive("A question", "When do we meet?")
    model.turns.append("Nothing to do.")
    run(TOOLS)
    names = run(LOOP)
    mailbox = {"mailbox_id": server.mailbox_id}
    model.turns += [
        [
            Call("send_email", mailbox | {"to": "bob@example.com", "subject": "Noon", "body": "Come too."}),
            Call("reply_email", {"email_id": received, "body": "At noon."}),
        ],
        [Call("burn_it", {})],
        "Both wait for approval.",
    ]
    assert names["run_azure_email_agent"]("Answer Ada", server.mailbox_id) == "Both wait for approval."
    sent, reply, unknown = model.outputs
    assert sent["status"] == reply["status"] == "pending_approval"
    assert {email["id"] for email in desk.pending()} == {sent["id"], reply["id"]}
    assert unknown == {"error": "Unknown tool: burn_it"}


def test_a_refusal_is_an_answer_that_the_model_can_read(model, run):
    model.turns.append("Nothing to do.")
    run(TOOLS)
    names = run(LOOP)
    model.turns += [[Call("check_inbox", {"mailbox_id": "mbx_nowhere"})], "It is not there."]
    assert names["run_azure_email_agent"]("Check it", "mbx_nowhere") == "It is not there."
    assert model.outputs[-1]["code"] == "not_found" and model.outputs[-1]["error"].endswith(".")


def test_the_openai_client_for_azure_asks_for_the_same_tool(desk, server, model, run):
    given = {"mailbox_id": server.mailbox_id, "to": "bob@example.com", "subject": "Us", "body": "Tomorrow."}
    model.turns.append([Call("send_email", given)])
    names = run(OPENAI)
    (call,) = names["response"].choices[0].message.tool_calls
    assert model.prompts[0][1]["content"].endswith("bob@example.com")

    model.turns.append("Nothing to do.")
    run(TOOLS)
    names = run(LOOP)
    answer = names["execute_tool"](call.function.name, json.loads(call.function.arguments))
    assert answer["status"] == "pending_approval"


def test_the_steps(document, model, run):
    run_shell(document.with_("pip install"))
    model.turns += ["Nothing to do.", "Hello."]
    run(TOOLS)
    names = run(LOOP)
    names["messages"] = [names["UserMessage"](content="Hello?")]
    block = next(block for block in document.in_("python") if block.text.startswith("response = client"))
    exec(block.compiled(), names)
    assert names["response"].choices[0].message.content == "Hello."
