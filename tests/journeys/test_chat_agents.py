"""Agents that run their own loop over chat completions: Azure's two SDKs and AI21's, with the product's tools.

The loop is a few lines; what makes it safe is behind the tools. A label, a note and a decision are there for the
next agent, and a test key's mail stays on the machine.
"""

import json
import os

import pytest
from ai21 import AI21Client
from ai21.models.chat import ChatMessage
from azure.ai.inference import ChatCompletionsClient
from azure.core.credentials import AzureKeyCredential
from openai import AzureOpenAI

from tests.support.agents import UNCLOSED
from tests.support.models import Call, Model

pytestmark = [
    UNCLOSED,
    pytest.mark.usefixtures("no_proxies"),
    pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning"),  # how AI21's SDK sends
]


@pytest.fixture
def model():
    with Model() as started:
        yield started


def azure_openai(model):
    client = AzureOpenAI(azure_endpoint=model.url, api_key="any", api_version="2024-10-21")
    return lambda messages, tools: client.chat.completions.create(
        model="mine", messages=messages, tools=tools
    )


def azure_inference(model):
    client = ChatCompletionsClient(endpoint=model.url, credential=AzureKeyCredential("any"))
    return lambda messages, tools: client.complete(model="mine", messages=messages, tools=tools)


def work(desk, complete, task):
    """The agent: asks the model, does what it asks for, until it has said its last word."""
    tools = desk.tools("azure", "check_inbox", "send_email", "reply_email", "list_pending")
    messages = [{"role": "user", "content": task}]
    while calls := (said := complete(messages, tools).choices[0].message).tool_calls:
        asked = [
            {
                "id": call.id,
                "type": "function",
                "function": {"name": call.function.name, "arguments": call.function.arguments},
            }
            for call in calls
        ]
        messages.append({"role": "assistant", "tool_calls": asked})
        messages += [
            {
                "role": "tool",
                "tool_call_id": call.id,
                "content": json.dumps(desk.use(call.function.name, json.loads(call.function.arguments))),
            }
            for call in calls
        ]
    return said.content


@pytest.mark.parametrize("sdk", [azure_openai, azure_inference])
def test_an_agent_works_to_its_last_word(desk, model, sdk):
    received = desk.receive("A question", "When do we meet?")
    mailbox = {"mailbox_id": desk.server.mailbox_id}
    model.turns += [
        [Call("check_inbox", mailbox)],
        lambda seen: [
            Call("reply_email", {"email_id": seen[-1]["messages"][0]["message_id"], "markdown": "At noon."}),
            Call("send_email", mailbox | {"to": "bob@example.com", "subject": "Noon", "markdown": "Come."}),
        ],
        [Call("list_pending", {})],
        "Both wait for approval.",
    ]
    assert work(desk, sdk(model), "Look after my mail") == "Both wait for approval."
    inbox, reply, sent, pending = model.outputs
    assert [message["message_id"] for message in inbox["messages"]] == [received]
    waiting = [message["message_id"] for message in pending["messages"]]
    assert waiting == [reply["message_id"], sent["message_id"]]


def test_a_model_reads_what_it_was_refused(desk, model):
    model.turns += [
        [Call("send_email", {"mailbox_id": desk.server.mailbox_id, "to": "nobody", "subject": "Hi"})],
        lambda seen: seen[-1]["fields"][0]["path"],
    ]
    assert work(desk, azure_openai(model), "Write to nobody") == "to"


@pytest.fixture
def words(model, monkeypatch):
    """What AI21's model says to a prompt."""
    for name in list(os.environ):
        if name.startswith("AI21_"):
            monkeypatch.delenv(name)
    client = AI21Client(api_key="any", api_host=model.url)

    def ask(prompt):
        messages = [ChatMessage(role="user", content=prompt)]
        answer = client.chat.completions.create(model="any", messages=messages)
        return answer.choices[0].message.content.strip()

    return ask


def test_mail_is_labelled_summarised_and_answered_by_its_thread(desk, model, words):
    model.turns += ["billing", "Ada asks for a new invoice.", "It is on its way."]
    received = desk.receive("Invoice 7", "It is wrong.")
    read = desk.use("read_email", {"email_id": received})
    desk.use("tag_email", {"email_id": received, "tags": [words(read["body"])]})

    thread = desk.use("get_thread", {"thread_id": read["thread_id"]})
    (message,) = thread["messages"]
    assert (message["from"], message["tags"]) == ("ada@example.com", {"billing": ""}) and message["date"]
    noted = desk.use("tag_email", {"email_id": received, "notes": words(message["body"])})
    assert noted["notes"] == "Ada asks for a new invoice." and noted["tags"] == {"billing": ""}

    found = desk.server.call("GET", "/v1/search?q=asks").body["emails"]
    assert [email["id"] for email in found] == [received]  # a word of the note alone

    given = {"thread_id": read["thread_id"], "body": words(message["body"]), "oversight_mode": "gated_send"}
    answer = desk.use("reply_email", given)
    reply = desk.read(answer["message_id"])
    assert (answer["status"], reply["to"]) == ("pending_approval", ["ada@example.com"])
    assert reply["subject"] == "Re: Invoice 7" and reply["markdown"] == "It is on its way."


@pytest.mark.parametrize(("action", "decision"), [("approve", "approved"), ("reject", "rejected")])
def test_a_decision_can_be_polled_by_who_may_not_make_it(desk, action, decision):
    given = {"to": "bob@example.com", "subject": "Hi", "body": "Hello.", "from": desk.server.address}
    sent = desk.use("send_email", given)["message_id"]

    def decided():
        return desk.server.call("GET", f"/decide_email?message_id={sent}").body

    assert decided()["decision"] == "pending" and decided()["decided_at"] is None
    assert desk.use("decide_email", {"message_id": sent, "action": action})["code"] == "insufficient_scope"
    desk.decide(sent, action)
    assert decided()["decision"] == decision and decided()["decided_at"]


def test_a_test_key_rehearses_everything_and_nothing_leaves(desk):
    """The same calls as with a live key; the mail ends in the sandbox, marked."""
    key = desk.new_key("read", "send", "admin", test=True)
    mailbox = desk.use("create_mailbox", {"address": "rehearsal", "oversight_mode": "gated_send"}, key=key)
    given = {"from": mailbox["address"], "to": "bob@example.com", "subject": "Hi", "body": "Hello."}
    sent = desk.use("send_email", given, key=key)
    assert (sent["status"], sent["test"]) == ("pending_approval", True)
    desk.decide(sent["message_id"])
    desk.becomes(sent["message_id"], "sent")
    left = desk.server.call("GET", "/v1/sandbox", key="admin").body
    assert sent["message_id"] in json.dumps(left)
