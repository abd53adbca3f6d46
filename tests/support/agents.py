"""What tests of whole agents share: the product, a key of their own, people who decide, time that passes quickly."""

import contextlib
import gc
import threading
import time
from collections.abc import Iterator
from email.message import EmailMessage
from email.policy import SMTP
from typing import Any

import pytest

from tests.support.server import Server

# For tests of clients that nobody closes, as in most examples; `forget` then ends them within the test.
UNCLOSED = pytest.mark.filterwarnings("ignore::ResourceWarning")
PAUSE = 0.02  # seconds: how long an agent's sleep lasts here


class Desk:
    """The product as an agent and its human use it."""

    def __init__(self, server: Server) -> None:
        self.server = server

    @property
    def url(self) -> str:
        return self.server.url

    def new_key(self, *scopes: str, **more: Any) -> str:
        """An API key with just these scopes."""
        answer = self.server.call("POST", "/v1/api-keys", {"scopes": scopes, **more}, key="admin")
        assert answer.status == 201, answer
        return answer.body["api_key"]

    def tools(self, dialect: str, *names: str) -> list[Any]:
        """The product's own tool schemas, ready for an SDK."""
        path = f"/v1/tools?format={dialect}&names={','.join(names)}"
        return self.server.call("GET", path, key=None).body["tools"]

    def use(self, tool: str, arguments: dict[str, Any], key: str = "agent", **context: str) -> Any:
        """What the product answers a model that used a tool: its name is the route, its arguments the body, and
        `context` (thread_id, run_id, assistant_id) says which turn it was. A refusal is an answer like any other."""
        headers = {f"X-MultiMail-{name.replace('_', '-')}": value for name, value in context.items()}
        return self.server.call("POST", f"/{tool}", arguments, key=key, headers=headers).body

    def receive(
        self, subject: str, body: str, *, sender: str = "ada@example.com", to: str = "", **headers: str
    ) -> str:
        """Mail from outside over SMTP, to the first mailbox unless told otherwise; its id once it has arrived."""
        to = to or self.server.address
        message = EmailMessage(policy=SMTP)
        message["From"], message["To"], message["Subject"] = sender, to, subject
        for name, value in headers.items():
            message[name.replace("_", "-")] = value
        message.set_content(body)
        assert self.server.receive(message.as_bytes(), sender=sender, to=[to]) == {}
        path = f"/v1/mailboxes/{to}/inbox"
        found = self.server.until(path, lambda page: _with_subject(page, subject))
        return _with_subject(found, subject)[0]["id"]

    def pending(self) -> list[Any]:
        return self.server.call("GET", "/v1/oversight/pending", key="oversight").body["pending"]

    def decide(self, email_id: str, action: str = "approve") -> Any:
        given = {"email_id": email_id, "action": action, "reason": f"I {action} this."}
        answer = self.server.call("POST", "/v1/oversight/decide", given, key="oversight")
        assert answer.status == 200, answer
        return answer.body

    def status(self, email_id: str) -> str:
        return self.server.call("GET", f"/v1/messages/{email_id}").body["status"]

    def read(self, email_id: str) -> Any:
        """The email whole, as the agent reads it."""
        return self.server.call("POST", "/v1/email", {"email_id": email_id}).body

    def becomes(self, email_id: str, status: str) -> Any:
        return self.server.until(f"/v1/messages/{email_id}", lambda shown: shown["status"] == status)

    def logged(self, email_id: str, action: str) -> Any:
        """The audit log's entry on what was done to an email, once it is sealed."""

        def found(page: Any) -> list[Any]:
            return [
                entry for entry in page["entries"]
                if (entry["action"], entry["resource_id"]) == (action, email_id)
            ]  # fmt: skip

        (entry,) = found(self.server.until("/v1/audit-log?limit=100", found, key="admin"))
        return entry

    @contextlib.contextmanager
    def human(self, action: str) -> Iterator[list[str]]:
        """Somebody at the desk who decides all that comes, until the end; the ids of what was decided."""
        decided: list[str] = []
        over = threading.Event()

        def work() -> None:
            while not over.wait(PAUSE):
                for email in self.pending():
                    self.decide(email["id"], action)
                    decided.append(email["id"])

        thread = threading.Thread(target=work, daemon=True)
        thread.start()
        try:
            yield decided
        finally:
            over.set()
            thread.join()


def _with_subject(page: Any, subject: str) -> list[Any]:
    return [email for email in page["emails"] if email["subject"] == subject]


def eventually(look: Any, within: float = 20) -> Any:
    """What `look()` gives once it is true: other processes tell a test nothing else."""
    deadline = time.monotonic() + within
    while not (found := look()):
        assert time.monotonic() < deadline, "it never came"
        _sleep(PAUSE)
    return found


_sleep = time.sleep


def hasten(seconds: float) -> None:
    """In place of time.sleep: an agent that polls every five seconds does so fifty times a second."""
    _sleep(min(seconds, PAUSE))


def forget(names: dict[str, Any]) -> None:
    """Ends what an example has made while its test is still there to be blamed."""
    names.clear()
    gc.collect()
