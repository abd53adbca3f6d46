"""The demo's hands: an HTTP client, a sender of mail and a receiver of webhooks, from the standard library."""

import http.client
import http.server
import json
import queue
import smtplib
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from email.message import EmailMessage
from email.utils import formatdate, make_msgid
from types import TracebackType
from typing import Any, Final, Self
from urllib.parse import urlsplit

TIMEOUT: Final = 10.0
MAX_CALL: Final = 1024 * 1024

Call = tuple[Mapping[str, str], bytes, dict[str, Any]]  # headers, the exact body, the body read


class StoryEnds(Exception):
    """A step did not come true; the message says which and why, for a person."""


@dataclass(frozen=True, slots=True)
class Api:
    """JSON over HTTP, straight to `url`: no proxy, no redirects."""

    url: str

    def call(self, method: str, path: str, key: str, body: Any = None) -> tuple[int, dict[str, Any]]:
        """Status and answer. Raises StoryEnds where nothing answers."""
        parts = urlsplit(self.url)
        kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
        content = None if body is None else json.dumps(body)
        try:
            connection = kind(parts.netloc, timeout=TIMEOUT)
            try:
                connection.request(method, parts.path + path, content, headers)
                response = connection.getresponse()
                answer = json.loads(response.read())
            finally:
                connection.close()
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise StoryEnds(
                f"{self.url} does not answer as MultiMail does ({error}). Is `multimail serve` running there?"
            ) from error
        return response.status, answer

    def get(self, path: str, key: str) -> dict[str, Any]:
        return self._well("GET", path, key)

    def post(self, path: str, key: str, body: Any) -> dict[str, Any]:
        return self._well("POST", path, key, body)

    def _well(self, method: str, path: str, key: str, body: Any = None) -> dict[str, Any]:
        status, answer = self.call(method, path, key, body)
        if not 200 <= status < 300:
            raise StoryEnds(f"{method} {path} answers {status}: {answer.get('error')}")
        return answer


@dataclass(frozen=True, slots=True)
class Mail:
    """An HTML email that answers the one with the Message-ID `answers`."""

    sender: str
    recipient: str
    subject: str
    html: str
    answers: str


def hand_in(smtp: str, mail: Mail) -> None:
    """Delivers it over SMTP to HOST:PORT, as a stranger's server would. Raises StoryEnds."""
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = mail.sender, mail.recipient, mail.subject
    message["Date"], message["Message-ID"] = formatdate(), make_msgid(domain="demo.example")
    message["In-Reply-To"] = message["References"] = mail.answers
    message.set_content(mail.html, subtype="html")
    host, _, port = smtp.rpartition(":")
    try:
        with smtplib.SMTP(
            host.strip("[]"), int(port), local_hostname="demo.example", timeout=TIMEOUT
        ) as connection:
            connection.send_message(message, mail.sender, [mail.recipient])
    except (OSError, smtplib.SMTPException) as error:
        raise StoryEnds(f"The SMTP server at {smtp} did not take the email: {error}") from error


class Receiver:
    """A webhook's receiver on loopback, on a free port, while the context lasts."""

    def __init__(self) -> None:
        self._calls: queue.Queue[Call] = queue.Queue()
        calls = self._calls

        class Handler(http.server.BaseHTTPRequestHandler):
            timeout = TIMEOUT

            def do_POST(self) -> None:
                content = self.rfile.read(min(int(self.headers.get("Content-Length", 0)), MAX_CALL))
                calls.put((dict(self.headers.items()), content, json.loads(content)))
                self.send_response(204)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """The terminal is the story's."""

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self.url = f"http://127.0.0.1:{self._server.server_port}/webhook"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def next(self, timeout: float) -> Call | None:
        """The next call; None if none comes in that many seconds."""
        try:
            return self._calls.get(timeout=timeout)
        except queue.Empty:
            return None
