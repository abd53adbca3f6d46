"""Postfix at both ends: what it relays comes in as it was, and what leaves it takes, with OpenDKIM as its milter.

curl plays the mail program of the person who gets it, and unsubscribes.
"""

import asyncio
import email.message
import email.policy
import os
import random
import shutil
import smtplib
import socket
import subprocess
import time
from pathlib import Path

import pytest

from bench import postfix
from multimail.app import open_services
from multimail.mail.domain_records import dkim_records
from multimail.operations.dkim_keys import PLATFORM_KEYS, public_keys
from multimail.settings import read_settings
from tests.commands.test_doctor import certificate
from tests.support import opendkim
from tests.support.server import Server

pytestmark = [pytest.mark.debian("postfix"), pytest.mark.debian("opendkim"), pytest.mark.debian("curl")]

# Mail for far.test stays in a Maildir; mail for everybody else goes on to the server under test.
KEEPS = """virtual_mailbox_domains=far.test
virtual_mailbox_base={folder}
virtual_mailbox_maps=static:box/
virtual_uid_maps=static:65534
virtual_gid_maps=static:65534
smtp_tls_security_level=encrypt
smtpd_milters=inet:127.0.0.1:{milter}
milter_default_action=tempfail
"""
LINES = "Grüße\r\n.\r\n..\r\nFrom here\r\n" + "x" * 990 + "\r\n\r\n\r\nend\r\n"


def test_postfix_as_sender_and_as_receiver(tmp_path: Path) -> None:
    if os.geteuid():
        pytest.skip("Postfix needs root to start")
    maildir = Path("/tmp") / f"multimail-{os.getpid()}-maildir"  # pytest's own is closed to Postfix
    maildir.mkdir(mode=0o755)
    shutil.chown(maildir, 65534, 65534)
    try:
        _both_ends(tmp_path, maildir)
    finally:
        shutil.rmtree(maildir)


def _both_ends(folder: Path, maildir: Path) -> None:
    port, milter = quiet_port(), quiet_port()
    keeps = KEEPS.format(folder=maildir, milter=milter)
    tls = certificate(folder, "mail.multimail.test", 90)
    with (
        Server(folder / "data", "--deliver", f"smtp://127.0.0.1:{port}", *tls) as server,
        opendkim.milter(folder, milter, asyncio.run(_published(server))),
        postfix.running("relay", server.smtp_port, port=port, more=keeps),
    ):
        _comes_in(server, port)
        _leaves(server, maildir)


def quiet_port() -> int:
    """A free one that the system gives to nobody who asks for any: it is bound seconds after it was found."""
    while True:
        port = random.randrange(20_000, 30_000)
        with socket.socket() as trying:
            if trying.connect_ex(("127.0.0.1", port)):
                return port


def _comes_in(server: Server, port: int) -> None:
    head = "From: =?utf-8?q?J=C3=B6rg?= <joerg@far.test>\r\nSubject: Relayed\r\nMIME-Version: 1.0\r\n"
    head += "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n"
    with smtplib.SMTP("127.0.0.1", port, timeout=30) as client:
        client.ehlo("client.test")
        client.sendmail("joerg@far.test", [server.address], (head + LINES).encode(), ["BODY=8BITMIME"])
    inbox = f"/v1/mailboxes/{server.mailbox_id}/inbox"
    found = server.until(inbox, lambda page: page["emails"], within=120)
    whole = server.call("GET", f"/v1/mailboxes/{server.mailbox_id}/emails/{found['emails'][0]['id']}").body
    assert (whole["from"], whole["subject"]) == ("joerg@far.test", "Relayed")
    (_, sender), (_, received) = whole["headers"][:2]
    assert (sender, received.split()[1]) == ("<joerg@far.test>", "postfix.test")
    assert "with ESMTPS (TLSv1.3 TLS_" in received and f"for <{server.address}>; " in received
    assert whole["text"].replace("\r\n", "\n") == LINES.replace("\r\n", "\n")


def _leaves(server: Server, maildir: Path) -> None:
    held = server.send(to="bob@far.test", subject="Grüße", markdown=LINES).body
    decision = {"email_id": held["id"], "action": "approve"}
    assert server.call("POST", "/v1/oversight/decide", decision, key="oversight").status == 200
    server.until(f"/v1/messages/{held['id']}", lambda body: body["status"] == "sent", within=120)
    deadline = time.monotonic() + 120
    while not (kept := list(maildir.glob("box/new/*"))):
        assert time.monotonic() < deadline, "Postfix kept nothing"
        time.sleep(0.02)
    message = email.message_from_bytes(kept[0].read_bytes(), policy=email.policy.default)
    found = opendkim.results(str(message["Authentication-Results"]))
    assert sorted(found.values()) == [("ed25519-sha256", "pass"), ("rsa-sha256", "pass")]
    body = message.get_body(("plain",))
    assert body is not None
    assert (message["Subject"], body.get_content()) == ("Grüße", LINES.replace("\r\n", "\n"))
    _unsubscribes(server, message)


def _unsubscribes(server: Server, message: email.message.EmailMessage) -> None:
    """One click (RFC 8058 section 3.2): what the two header fields say, no more. The certificate is the test's own."""
    click = ["curl", "--silent", "--fail", "--insecure", "--data", message["List-Unsubscribe-Post"]]
    subprocess.run([*click, str(message["List-Unsubscribe"]).strip("<>")], check=True, capture_output=True)
    refused = server.send(to="bob@far.test", subject="Again", markdown="Still there?")
    assert (refused.status, refused.body["code"]) == (422, "suppressed")


async def _published(server: Server) -> dict[str, str]:
    """The DKIM records to publish, as OpenDKIM's test data has them."""
    settings = read_settings({"data": str(server.data)}, {})
    async with open_services(settings, server.url) as (services, _, _):
        keys = await services.db.read(lambda tx: public_keys(tx.sql.list_dkim_keys(**PLATFORM_KEYS)))
    return {record.name: record.value for record in dkim_records(settings.domain, keys)}
