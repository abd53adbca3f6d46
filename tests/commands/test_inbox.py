"""`multimail inbox --watch`: each email as it comes."""

import json
import subprocess
import sys

from tests.support.server import Server, clean_environment

MESSAGE = (
    b"From: Ada <ada@example.com>\r\nTo: x\r\nSubject: %s\r\nMessage-ID: <%s@example.com>\r\n\r\nHello\r\n"
)


def test_what_is_there_and_what_comes_is_shown_once(server: Server) -> None:
    server.receive(MESSAGE % (b"One", b"1"))
    server.until(f"/v1/mailboxes/{server.mailbox_id}/inbox", lambda page: len(page["emails"]) == 1)
    environment = {"MULTIMAIL_URL": server.url, "MULTIMAIL_API_KEY": server.keys["agent"]}
    command = [sys.executable, "-m", "multimail", "inbox", "--watch", "--select", "subject"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, env=clean_environment(environment)
    ) as watching:
        assert watching.stdout is not None
        assert json.loads(watching.stdout.readline()) == {"subject": "One"}
        server.receive(MESSAGE % (b"Two", b"2"))
        assert json.loads(watching.stdout.readline()) == {"subject": "Two"}
        server.receive(MESSAGE % (b"Three", b"3"))
        assert json.loads(watching.stdout.readline()) == {"subject": "Three"}
        watching.terminate()
