"""The document on AI21, run: four flows with the real SDK, the webhook, and the steps with a test key."""

import os

import pytest
import requests

from tests.seeds.documents import ADDRESS, read_document
from tests.seeds.shell import run_curl, run_shell
from tests.support.agents import UNCLOSED
from tests.support.hosting import asgi
from tests.support.models import Model

# The SDK's way of sending is one that its own HTTP library warns of.
pytestmark = [UNCLOSED, pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning")]

CLASSIFY = "def classify_and_tag"
DRAFT = "def draft_reply"
SUMMARISE = "def handle_inbound"
QUEUE = "def process_approval_queue"


@pytest.fixture
def model(monkeypatch):
    with Model() as started:
        monkeypatch.setenv("AI21_API_HOST", started.url)
        yield started


@pytest.fixture
def document(desk, monkeypatch):
    monkeypatch.setenv("MULTIMAIL_API_KEY", desk.new_key("read", "send"))
    return read_document("ai21").replace({"https://api.multimail.dev": desk.url})


def test_an_email_is_classified_and_tagged(desk, server, model, run):
    received = desk.receive("Invoice 7", "It is wrong.")
    model.turns.append(" Billing\n")
    assert run(CLASSIFY)["classify_and_tag"](received, "Invoice 7", "It is wrong.") == "billing"
    assert desk.read(received)["tags"] == {"billing": ""}
    tagged = server.call("GET", f"/v1/mailboxes/{server.mailbox_id}/inbox?tag=billing").body
    assert [email["id"] for email in tagged["emails"]] == [received]
    assert "Subject: Invoice 7" in model.prompts[0][1]["content"]


def test_a_reply_is_drafted_from_the_thread_and_waits(desk, server, model, run):
    received = desk.receive("A question", "When do we meet?")
    thread_id = desk.read(received)["thread_id"]
    model.turns.append("At noon.\n")
    answer = run(DRAFT)["draft_reply"](thread_id, server.address)
    assert answer == {"message_id": desk.pending()[0]["id"], "status": "pending_approval"}
    reply = desk.read(answer["message_id"])
    assert (reply["to"], reply["subject"]) == (["ada@example.com"], "Re: A question")
    assert (reply["markdown"], reply["thread_id"]) == ("At noon.", thread_id)
    assert model.prompts[0][1]["content"].startswith("From: ada@example.com\nWhen do we meet?")


def test_the_webhook_stores_a_summary_as_notes(desk, server, model, run):
    model.turns += ["Ada wants to meet. Answer her."]
    with asgi(run(SUMMARISE)["app"]) as url:
        given = {"url": url + "/webhook/inbound", "events": ["email.received"]}
        assert server.call("POST", "/webhooks", given, key="admin").status == 201
        received = desk.receive("A question", "When do we meet?")
        path = f"/v1/mailboxes/{server.mailbox_id}/emails/{received}/tags"
        tags = server.until(path, lambda answer: answer["notes"])
        ignored = requests.post(url + "/webhook/inbound", json={"type": "email.sent"}, timeout=10)
    assert tags["notes"] == "Ada wants to meet. Answer her." and tags["tags"] == {"summarized": ""}
    assert model.prompts[0][1]["content"].startswith("ada@example.com wrote:\nWhen do we meet?")
    assert ignored.json() == {"ok": True}


def test_the_queue_is_polled_for_decisions(desk, server, run):
    sent = [server.send(to="bob@example.com", subject=f"Number {n}", markdown="Hi.").body["id"] for n in "12"]
    poll = run(QUEUE)["process_approval_queue"]
    waiting = {found["message_id"]: found for found in poll(server.address)}
    assert set(waiting) == set(sent)
    assert waiting[sent[0]] == {
        "message_id": sent[0],
        "subject": "Number 1",
        "decision": "pending",
        "decided_at": None,
    }
    desk.decide(sent[0])
    assert [found["message_id"] for found in poll(server.address)] == [sent[1]]


@pytest.mark.parametrize(("action", "decision"), [("approve", "approved"), ("reject", "rejected")])
def test_the_poll_tells_what_was_decided(desk, server, run, action, decision):
    """`GET /decide_email` reports; it decides nothing, so a key that sends may ask."""
    sent = server.send(to="bob@example.com", subject="Hi", markdown="Hi.").body["id"]
    names = run(QUEUE)
    ask = {"url": f"{names['MM_BASE']}/decide_email", "headers": names["HEADERS"], "timeout": 10}
    assert requests.get(params={"message_id": sent}, **ask).json()["decision"] == "pending"
    desk.decide(sent, action)
    told = requests.get(params={"message_id": sent}, **ask).json()
    assert told["decision"] == decision and told["decided_at"] and told["reason"] == f"I {action} this."
    assert requests.post(json={"message_id": sent, "action": "approve"}, **ask).status_code == 403


def test_the_steps(desk, server, document, model):
    """With a test key: mailbox, webhook, tag, queue. What such a mailbox sends leaves for nowhere."""
    key = desk.new_key("read", "send", "admin", test=True)
    address = f"helper@{server.address.partition('@')[2]}"
    document = document.replace({"mm_test_your_key": key, f"-G -d {ADDRESS}": f"-G -d mailbox={address}"})
    document = document.replace({ADDRESS: address, "https://yourapp.com": "http://127.0.0.1:49152"})
    run_shell(document.with_("pip install"))

    mailbox = run_curl(document.with_("create_mailbox"))
    assert (mailbox["address"], mailbox["oversight_mode"], mailbox["test"]) == (address, "gated_send", True)
    webhook = run_curl(document.with_("curl", "/webhooks"))
    assert webhook["mailbox_id"] == mailbox["mailbox_id"] and webhook["events"] == ["email.received"]

    given = {"from": address, "to": "bob@example.com", "subject": "Hi", "body": "Hello."}
    sent = server.call("POST", "/send_email", given, key=key).body
    waiting = run_curl(document.with_("curl", "list_pending"), MULTIMAIL_API_KEY=key)
    assert [message["message_id"] for message in waiting["messages"]] == [sent["message_id"]]
    desk.decide(sent["message_id"])
    desk.becomes(sent["message_id"], "sent")


def test_the_step_that_tags_on_arrival(desk, model, document, namespace):
    received = desk.receive("A question", "When do we meet?")
    model.turns.append(" scheduling ")
    (block,) = (block for block in document.in_("python") if "email_body" in block.text)
    namespace |= {"os": os, "email_id": received, "email_body": desk.read(received)["markdown"]}
    exec(block.compiled(), namespace)
    assert desk.read(received)["tags"] == {"scheduling": ""}
