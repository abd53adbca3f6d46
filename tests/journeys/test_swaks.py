"""swaks, the mail people's own tool, at every door: in from outside, and in from a program that is an agent."""

import asyncio
import subprocess
from pathlib import Path

import pytest

from multimail.commands import doctor_network
from multimail.commands.doctor_finding import Level
from multimail.settings import read_settings
from tests.commands.test_doctor import certificate
from tests.support.server import Server, clean_environment

pytestmark = [pytest.mark.debian("swaks"), pytest.mark.debian("libnet-ssleay-perl")]
NOT_SENT, NO_AUTH = 23, 28  # swaks's exit codes: MAIL refused, no authentication succeeded


def swaks(server: str, *words: str) -> tuple[int, str]:
    """Its exit code, and its transcript."""
    done = subprocess.run(
        ["/usr/bin/swaks", "--server", server, "--timeout", "30", "--suppress-data", *words],
        capture_output=True,
        text=True,
        timeout=60,
        env=clean_environment(),
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


def test_swaks_at_every_door(tmp_path: Path) -> None:
    doors = ["--submission", "127.0.0.1:0", "--submission-tls", "127.0.0.1:0"]
    flags = [*certificate(tmp_path, "mail.multimail.test", 90), *doors]
    with Server(tmp_path / "data", *flags) as server:
        smtp = f"127.0.0.1:{server.smtp_port}"
        outside = ["--from", "ann@example.test", "--to", server.address]
        for number, more in enumerate(([], ["--tls"], ["--tls", "--pipeline"])):
            code, said = swaks(smtp, *outside, "--header", f"Subject: letter {number}", *more)
            assert (code, "TLS started" in said) == (0, bool(more)), said
        assert swaks(smtp, "--from", "ann@example.test", "--to", "nobody@elsewhere.test")[0] == 24  # no relay
        inbox = f"/v1/mailboxes/{server.mailbox_id}/inbox"
        arrived = server.until(inbox, lambda page: len(page["emails"]) == 3)
        assert sorted(email["subject"] for email in arrived["emails"]) == ["letter 0", "letter 1", "letter 2"]
        for email in arrived["emails"]:
            path = f"/v1/mailboxes/{server.mailbox_id}/emails/{email['id']}"
            trace = dict(server.call("GET", path).body["headers"])["Received"]
            assert ("with ESMTPS (TLSv1.3 TLS_" in trace) is (email["subject"] != "letter 0"), trace

        submission, with_tls = server.whereabouts["submission"], server.whereabouts["submission_tls"]
        mine = ["--from", server.address, "--to", "bob@example.test", "--body", "Hello"]
        key = ["--auth-user", server.address, "--auth-password", server.keys["agent"]]
        for number, (where, more) in enumerate(
            [
                (submission, ["--auth", "PLAIN"]),
                (submission, ["--auth", "LOGIN", "--tls"]),
                (with_tls, ["--auth", "PLAIN", "--tls-on-connect"]),
            ]
        ):
            code, said = swaks(where, *mine, *key, *more, "--header", f"Subject: offer {number}")
            assert code == 0, said
            assert "250 2.0.0 eml_" in said and "pending_approval" in said
        wrong = ["--auth", "PLAIN", "--auth-user", "x", "--auth-password", "mm_live_wrong"]
        assert swaks(submission, *mine, *wrong)[0] == NO_AUTH
        assert swaks(submission, *mine)[0] == NOT_SENT
        pending = server.call("GET", "/v1/oversight/pending").body["pending"]
        assert sorted(email["subject"] for email in pending) == ["offer 0", "offer 1", "offer 2"]

        given = {name.removeprefix("--"): value for name, value in zip(flags[::2], flags[1::2], strict=True)}
        settings = read_settings({"data": str(server.data), **given}, {})
        found = asyncio.run(doctor_network.submission(settings))
        assert [(one.level, one.said) for one in found] == [
            (Level.GOOD, f"a server answers at {where}") for where in (submission, with_tls)
        ]
        assert server.stop() == 0
        found = asyncio.run(doctor_network.submission(settings))
        assert [(one.level, one.said) for one in found] == [(Level.GOOD, "127.0.0.1:0 is free")] * 2
