"""A voice agent's calls end; what it wrote goes on: a LiveKit worker whose mail a human approves.

It sends during the call and after it, hears of each decision by a signed webhook, and knows at the next call what
was written since.
"""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from flask import Flask, request
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from tests.support.agents import eventually
from tests.support.hosting import wsgi
from tests.support.server import clean_environment

WORKER = Path(__file__).with_name("voice_worker.py")
DECISIONS = ["oversight.approved", "oversight.rejected"]


def call(desk, *lines, key, mailbox_id):
    """One call from its first word to its follow-up: what the worker printed."""
    environment = {
        "MULTIMAIL_URL": desk.url,
        "MULTIMAIL_API_KEY": key,
        "MULTIMAIL_MAILBOX_ID": mailbox_id,
    }
    done = subprocess.run(
        [sys.executable, WORKER],
        input="".join(f"{line}\n" for line in lines),
        capture_output=True,
        text=True,
        env=clean_environment(environment),
        timeout=100,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


class Listener:
    """Where decisions are told: keeps what is signed, and refuses the rest with 401."""

    def __init__(self):
        self.told, self.secret = [], ""
        self.app = Flask("listener")
        self.app.add_url_rule("/decisions", view_func=self.take, methods=["POST"])

    def take(self):
        try:
            Webhook(self.secret).verify(request.get_data(), dict(request.headers))
        except WebhookVerificationError:
            return {"error": "That is not signed by MultiMail."}, 401
        self.told.append(request.get_json())
        return {"ok": True}


@pytest.mark.timeout(300)  # two workers start, and each takes its time on a busy machine
def test_what_a_call_says_is_written_approved_told_and_remembered(desk, server):
    made = server.call("POST", "/v1/mailboxes", {"address": "front-desk"}, key="admin").body
    mailbox_id = made["mailbox_id"]
    worker = {"key": desk.new_key("read", "send", mailbox_ids=[mailbox_id]), "mailbox_id": mailbox_id}
    listener = Listener()
    with wsgi(listener.app) as url:
        given = {"url": f"{url}/decisions", "events": DECISIONS, "mailbox_id": mailbox_id}
        listener.secret = server.call("POST", "/v1/webhooks", given, key="admin").body["secret"]

        first = call(desk, "Hello", "Please confirm it in writing", **worker)
        assert first["said"][0].endswith("Written before: nothing")
        assert first["said"][1] == "The email is pending_approval."
        confirmation, summary = desk.pending()
        assert (confirmation["subject"], summary["subject"]) == ("Your visit", "What we said")
        assert summary["id"] == first["follow_up"]["id"]

        desk.decide(confirmation["id"])
        desk.decide(summary["id"], "reject")
        eventually(lambda: len(listener.told) == 2)
        forged = listener.app.test_client().post("/decisions", json={"type": "oversight.approved"})
    decided = {event["type"]: event for event in listener.told}
    assert decided["oversight.approved"]["id"] == confirmation["id"]
    assert decided["oversight.approved"]["tool_call_id"] == "call_1"
    assert decided["oversight.rejected"]["id"] == summary["id"]
    assert decided["oversight.rejected"]["data"]["decision"]["reason"] == "I reject this."
    assert forged.status_code == 401 and len(listener.told) == 2

    desk.becomes(confirmation["id"], "sent")
    message_id = dict(desk.read(confirmation["id"])["headers"])["Message-ID"]
    desk.receive("Re: Your visit", "Thursday is fine.", to=made["address"], In_Reply_To=message_id)
    second = call(desk, "Hello again", **worker)
    assert second["said"][0].endswith(
        f"{made['address']}: We see you on Thursday. | ada@example.com: Thursday is fine."
    )
