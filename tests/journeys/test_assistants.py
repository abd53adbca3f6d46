"""Assistants that write: OpenAI's SDK, the product's own tool schemas, a human between the model and the world.

Runs that are polled, runs that stream, and the Responses API differ in their lifecycle alone: the tools, their
dispatch and what the product does are the same.
"""

import json

import pytest
from flask import Flask, request
from openai import OpenAI

from tests.support.agents import eventually
from tests.support.hosting import wsgi
from tests.support.models import Call, Model

pytestmark = [
    pytest.mark.usefixtures("no_proxies"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),  # OpenAI retires its Assistants
]

TOOLS = ("check_inbox", "read_email", "send_email", "reply_email", "tag_email")


@pytest.fixture
def model():
    with Model() as started:
        yield started


@pytest.fixture
def client(model):
    with OpenAI(base_url=f"{model.url}/v1", api_key="any") as made:
        yield made


def letter(desk, **more):
    given = {"to": "bob@example.com", "subject": "Noon?", "markdown": "Shall we *meet*?"}
    return {"mailbox_id": desk.server.mailbox_id} | given | more


class Assistant:
    """An assistant with the product's tools, and one thread of it."""

    def __init__(self, desk, client):
        self.desk, self.client, self.runs = desk, client, client.beta.threads.runs
        tools = desk.tools("openai", *TOOLS)
        self.id = client.beta.assistants.create(model="any", name="Writer", tools=tools).id
        self.thread = client.beta.threads.create()

    def dispatch(self, run):
        """Each call that the run asks for, with the turn that it comes from: what submit_tool_outputs takes."""
        turn = {"thread_id": run.thread_id, "run_id": run.id, "assistant_id": run.assistant_id}
        calls = run.required_action.submit_tool_outputs.tool_calls
        return [
            {
                "tool_call_id": call.id,
                "output": json.dumps(
                    self.desk.use(call.function.name, json.loads(call.function.arguments), **turn)
                ),
            }
            for call in calls
        ]

    def poll(self):
        run = self.runs.create(thread_id=self.thread.id, assistant_id=self.id)
        while run.status != "completed":
            run = self.runs.retrieve(thread_id=self.thread.id, run_id=run.id)
            if run.status == "requires_action":
                run = self.runs.submit_tool_outputs(
                    thread_id=self.thread.id, run_id=run.id, tool_outputs=self.dispatch(run)
                )
        return run

    def stream(self):
        events = self.runs.create(thread_id=self.thread.id, assistant_id=self.id, stream=True)
        while True:
            *_, last = list(events)
            if last.event != "thread.run.requires_action":
                return last.data
            events = self.runs.submit_tool_outputs(
                thread_id=self.thread.id,
                run_id=last.data.id,
                tool_outputs=self.dispatch(last.data),
                stream=True,
            )


@pytest.mark.parametrize("lifecycle", ["poll", "stream"])
def test_a_run_reads_tags_and_answers_under_the_gate(desk, model, client, lifecycle):
    received = desk.receive("A question", "When do we meet?")
    model.turns += [
        [Call("check_inbox", {"mailbox_id": desk.server.mailbox_id, "limit": 5, "tag": None})],
        lambda seen: [Call("read_email", {"email_id": seen[-1]["messages"][0]["message_id"]})],
        lambda seen: [
            Call("tag_email", {"email_id": seen[-1]["message_id"], "tags": ["question"]}),
            Call("reply_email", {"email_id": seen[-1]["message_id"], "markdown": "At **noon**."}),
            Call("send_email", letter(desk)),
        ],
        "Both wait for approval.",
    ]
    assistant = Assistant(desk, client)
    run = getattr(assistant, lifecycle)()
    assert run.status == "completed"
    inbox, read, tagged, reply, sent = model.outputs
    assert [message["message_id"] for message in inbox["messages"]] == [received]
    assert (read["body"].strip(), tagged["tags"]) == ("When do we meet?", {"question": ""})
    assert {reply["status"], sent["status"]} == {"pending_approval"}

    turn = {"thread_id": run.thread_id, "run_id": run.id, "assistant_id": assistant.id}
    for tool, answer in (("reply_email", reply), ("send_email", sent)):
        assert desk.read(answer["message_id"])["metadata"] == turn
        logged = desk.logged(answer["message_id"], tool)
        assert {name: logged["metadata"][name] for name in turn} == turn
    for answer in (reply, sent):
        desk.decide(answer["message_id"])
        desk.becomes(answer["message_id"], "sent")


def test_the_responses_api_dispatches_the_same_way(desk, model, client):
    model.turns += [[Call("send_email", letter(desk), id="call_1")], "It waits."]
    tools = desk.tools("responses", "send_email")
    response = client.responses.create(model="any", input="Ask Bob to meet.", tools=tools)
    (call,) = (item for item in response.output if item.type == "function_call")
    answer = desk.use(call.name, json.loads(call.arguments), run_id=response.id)
    output = {"type": "function_call_output", "call_id": call.call_id, "output": json.dumps(answer)}
    response = client.responses.create(
        model="any", previous_response_id=response.id, input=[output], tools=tools, stream=True
    )
    *_, done = list(response)
    assert done.response.output_text == "It waits."
    assert model.outputs == [answer] and answer["status"] == "pending_approval"


def test_a_rejection_is_a_result_that_the_model_acts_on(desk, model, client):
    """The model sees who said no and why, and writes again."""
    model.turns += [
        [Call("send_email", letter(desk))],
        lambda seen: [Call("get_message", {"email_id": seen[-1]["message_id"]})],
        lambda seen: [Call("send_email", letter(desk, markdown=f"Better, for: {seen[-1]['reason']}"))],
        "It waits again.",
    ]

    class Watched(Assistant):
        """Somebody rejects all that waits before each turn of the model."""

        def dispatch(self, run):
            for email in desk.pending():
                desk.decide(email["id"], "reject")
            return super().dispatch(run)

    assert Watched(desk, client).poll().status == "completed"
    first, seen, second = model.outputs
    assert (seen["status"], seen["reason"]) == ("rejected", "I reject this.")
    assert first["message_id"] != second["message_id"] and second["status"] == "pending_approval"
    assert desk.read(second["message_id"])["markdown"] == "Better, for: I reject this."


def test_a_reply_resumes_the_run_that_waits_for_it(desk, model, client):
    """The webhook's event names the tool call whose email was answered: the run goes on without polling."""
    model.turns += [[Call("send_email", letter(desk), id="call_that_asks")], "She comes."]
    assistant = Assistant(desk, client)
    run = assistant.runs.create(thread_id=assistant.thread.id, assistant_id=assistant.id)
    run = assistant.runs.retrieve(thread_id=assistant.thread.id, run_id=run.id)
    sent = desk.use("send_email", letter(desk, metadata={"tool_call_id": "call_that_asks"}))
    app = Flask("agent")

    @app.post("/mail")
    def take():
        event = request.get_json()
        output = {name: event[name] for name in ("id", "from", "subject", "body")}
        assistant.runs.submit_tool_outputs(
            thread_id=assistant.thread.id,
            run_id=run.id,
            tool_outputs=[{"tool_call_id": event["tool_call_id"], "output": json.dumps(output)}],
        )
        return {"ok": True}

    with wsgi(app) as url:
        given = {"url": f"{url}/mail", "events": ["email.received"]}
        assert desk.server.call("POST", "/v1/webhooks", given, key="admin").status == 201
        desk.decide(sent["message_id"])
        desk.becomes(sent["message_id"], "sent")
        message_id = dict(desk.read(sent["message_id"])["headers"])["Message-ID"]
        received = desk.receive("Re: Noon?", "Gladly.", sender="bob@example.com", In_Reply_To=message_id)
        (told,) = eventually(lambda: model.outputs)
    assert told["id"] == received and (told["from"], told["body"].strip()) == ("bob@example.com", "Gladly.")
    assert assistant.runs.retrieve(thread_id=assistant.thread.id, run_id=run.id).status == "completed"


def test_assistants_are_kept_apart_and_each_mailbox_has_its_own_mode(desk):
    support, billing = (
        desk.server.call(
            "POST", "/v1/mailboxes", {"address": name, "oversight_mode": mode}, key="admin"
        ).body["mailbox_id"]
        for name, mode in (("support", "gated_send"), ("billing", "read_only"))
    )
    both = desk.new_key("read", "send", mailbox_ids=[support, billing])
    assert desk.use("send_email", letter(desk, mailbox_id=support), key=both)["status"] == "pending_approval"
    assert desk.use("send_email", letter(desk, mailbox_id=billing), key=both)["code"] == "read_only"

    (waiting,) = desk.pending()
    other = desk.new_key("read", "send", mailbox_ids=[billing])
    for tool, given in (
        ("check_inbox", {"mailbox_id": support}),
        ("send_email", letter(desk, mailbox_id=support)),
        ("read_email", {"email_id": waiting["id"]}),
    ):
        assert desk.use(tool, given, key=other)["code"] == "not_found"
    assert desk.use("list_pending", {}, key=other)["messages"] == []
