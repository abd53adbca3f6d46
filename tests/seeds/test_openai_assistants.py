"""The document on OpenAI's Assistants, run: the tools, the loop, the webhook, the wait for a human, the steps."""

import json

import pytest
import requests

from tests.seeds.documents import ADDRESS, read_document
from tests.seeds.shell import run_curl
from tests.support.agents import UNCLOSED, eventually
from tests.support.hosting import wsgi
from tests.support.models import Call, Model

# The SDK itself warns that OpenAI retires the Assistants; the product goes on serving those who use them.
pytestmark = [UNCLOSED, pytest.mark.filterwarnings("ignore::DeprecationWarning")]

REGISTER = "Assistant created"
LOOP = "def run_until_complete"
INBOUND = "def handle_inbound"
WAIT = "def send_with_approval_check"


@pytest.fixture
def model(monkeypatch):
    with Model() as started:
        monkeypatch.setenv("OPENAI_BASE_URL", started.url + "/v1")
        yield started


@pytest.fixture
def key(desk):
    return desk.new_key("read", "send", "admin")


@pytest.fixture
def document(desk, key, server):
    return read_document("openai-assistants").replace(
        {
            "https://api.multimail.dev": desk.url,
            "mm_live_your_key_here": key,
            "mbx_your_id": server.mailbox_id,
            ADDRESS: f"assistant@{server.address.partition('@')[2]}",
        }
    )


def test_the_tools_are_registered(model, run):
    names = run(REGISTER)
    assert names["assistant"].id == model.assistants[0]["id"]
    tools = [tool["function"]["name"] for tool in model.assistants[0]["tools"]]
    assert tools == ["send_email", "check_inbox"]


def test_the_loop_dispatches_every_tool_to_the_end(desk, server, model, run):
    mailbox = {"mailbox_id": server.mailbox_id}
    received = desk.receive("A question", "When do we meet?")
    model.turns += [
        [Call("check_inbox", mailbox | {"limit": 5})],
        lambda seen: [Call("read_email", {"email_id": seen[-1]["emails"][0]["id"]})],
        lambda seen: [
            Call("reply_email", {"email_id": seen[-1]["id"], "body": "At **noon**."}),
            Call("send_email", mailbox | {"to": "bob@example.com", "subject": "Noon", "body": "Come too."}),
        ],
        "Both wait for approval.",
    ]
    assistant = run(REGISTER)["assistant"]
    names = run(LOOP)
    thread = names["client"].beta.threads.create()
    done = names["run_until_complete"](thread.id, assistant.id)

    inbox, read, reply, sent = model.outputs
    assert done.status == "completed"
    assert [email["id"] for email in inbox["emails"]] == [received]
    assert read["markdown"].strip() == "When do we meet?"
    assert reply["status"] == sent["status"] == "pending_approval"
    assert {email["id"] for email in desk.pending()} == {reply["id"], sent["id"]}
    assert desk.read(reply["id"])["to"] == ["ada@example.com"]


def test_the_loop_stops_at_a_refusal(model, run):
    """An id that is not there: the example raises instead of telling the model a story."""
    model.turns += [[Call("check_inbox", {"mailbox_id": "mbx_nowhere"})]]
    names = run(LOOP)
    thread = names["client"].beta.threads.create()
    with pytest.raises(requests.HTTPError, match="404"):
        names["run_until_complete"](thread.id, "asst_1")


def subscribe(document, key, url):
    step = document.replace({"https://yourapp.com": url}).with_("curl", "email.received")
    webhook = run_curl(step, MULTIMAIL_API_KEY=key)
    assert webhook["secret"].startswith("whsec_") and webhook["url"] == url + "/webhooks/multimail/inbound"
    return webhook


def test_inbound_mail_starts_a_thread(desk, server, model, document, key, run):
    with wsgi(run(INBOUND)["app"]) as url:
        assert subscribe(document, key, url)["mailbox_id"] == server.mailbox_id
        received = desk.receive("A question", "When do we meet?")
        eventually(lambda: model.runs)
    ((message,),) = model.messages.values()
    told = json.loads(message["content"].removeprefix("New email received: "))
    assert told == {
        "from": "ada@example.com",
        "subject": "A question",
        "body": told["body"],
        "email_id": received,
    }
    assert told["body"].strip() == "When do we meet?"


def test_a_reply_resumes_the_run_that_waits_for_it(desk, server, model, document, key, run):
    """The reply names the tool call whose email it answers, so it is that call's output."""
    asked = {
        "mailbox_id": server.mailbox_id,
        "to": "ada@example.com",
        "subject": "Noon?",
        "body": "Shall we?",
    }
    model.turns += [[Call("send_email", asked, id="call_that_asks")], "She comes."]
    names = run(INBOUND)
    thread = names["client"].beta.threads.create()
    waiting = names["client"].beta.threads.runs.create(thread_id=thread.id, assistant_id="asst_1")
    waiting = names["client"].beta.threads.runs.retrieve(thread_id=thread.id, run_id=waiting.id)
    (call,) = waiting.required_action.submit_tool_outputs.tool_calls
    given = json.loads(call.function.arguments) | {"metadata": {"tool_call_id": call.id}}
    sent = server.call("POST", "/v1/send", given, key=key).body
    desk.decide(sent["id"])
    desk.becomes(sent["id"], "sent")
    names["active_runs"][server.mailbox_id] = (thread.id, waiting.id)

    with wsgi(names["app"]) as url:
        subscribe(document, key, url)
        headers = dict(desk.read(sent["id"])["headers"])
        desk.receive("Re: Noon?", "Gladly.", In_Reply_To=headers["Message-ID"])
        (told,) = eventually(lambda: model.outputs)
    assert (told["from"], told["body"].strip()) == ("ada@example.com", "Gladly.")
    done = names["client"].beta.threads.runs.retrieve(thread_id=thread.id, run_id=waiting.id)
    assert done.status == "completed"


@pytest.mark.parametrize(("action", "status"), [("approve", "sent"), ("reject", "rejected")])
def test_a_gated_send_waits_for_the_human(desk, server, model, run, action, status):
    given = {"mailbox_id": server.mailbox_id, "to": "ada@example.com", "subject": "Hi", "body": "Hello."}
    model.turns += [[Call("send_email", given, id="call_1")], "So be it."]
    names = run(WAIT)
    runs = names["client"].beta.threads.runs
    thread = names["client"].beta.threads.create()
    waiting = runs.create(thread_id=thread.id, assistant_id="asst_1")
    waiting = runs.retrieve(thread_id=thread.id, run_id=waiting.id)
    with desk.human(action) as decided:
        names["send_with_approval_check"](thread.id, waiting.id, "call_1", given)
    assert model.outputs == [str({"status": status, "id": decided[0]})]
    assert runs.retrieve(thread_id=thread.id, run_id=waiting.id).status == "completed"


def test_step_1_makes_a_mailbox(document, key, server):
    made = run_curl(document.with_("curl", "oversight_mode"), MULTIMAIL_API_KEY=key)
    assert made["address"] == f"assistant@{server.address.partition('@')[2]}"
    assert made["oversight_mode"] == "gated_send"


def test_steps_2_and_3_make_an_assistant_and_answer_its_calls(desk, server, model, run):
    names = run(LOOP)
    mailbox = {"mailbox_id": server.mailbox_id}

    def dispatch_tool_calls(calls):
        arguments = ((call, json.loads(call.function.arguments)) for call in calls)
        answers = ((call.id, names["call_multimail"](call.function.name, given)) for call, given in arguments)
        return [{"tool_call_id": name, "output": json.dumps(answer)} for name, answer in answers]

    tools = [dict(tool) for tool in _schemas(run, model)]
    names |= dict(zip(("send_email_tool_schema", "check_inbox_tool_schema"), tools, strict=True))
    names["dispatch_tool_calls"] = dispatch_tool_calls
    names = run("tools=[send_email_tool_schema")
    assert model.assistants[-1]["tools"] == tools

    model.turns += [[Call("check_inbox", mailbox)], "Nothing is there."]
    thread = names["client"].beta.threads.create()
    names["tid"] = thread.id
    names["run"] = names["client"].beta.threads.runs.create(
        thread_id=thread.id, assistant_id=names["assistant"].id
    )
    names = run("outputs = dispatch_tool_calls")
    assert model.outputs == [{"emails": [], "cursor": None}]


def _schemas(run, model):
    """The two tools of the document's first block; the product's own are in the journey."""
    run(REGISTER)
    return model.assistants[-1]["tools"]
