"""`multimail verify` (contract §10): exit 0 or 1 and the reason in words, from the message and the key alone."""

import http.server
import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from multimail.core.identity import Statement
from multimail.mail import identity
from multimail.mail.compose import prepend
from tests.support.server import multimail

DAY = 24 * 3600
KEY = identity.generate_key()
MESSAGE = (
    b"From: Agent <agent@local.multimail.test>\r\nTo: ada@example.com\r\nSubject: Invoice\r\n"
    b"Message-ID: <1@multimail.test>\r\n\r\nPlease find it here.\r\n"
)


def signed(raw: bytes = MESSAGE, *, life: int = DAY, service: str = "multimail.test") -> bytes:
    now = int(time.time())
    statement = Statement(
        "agent@local.multimail.test", True, "opr_1", ("read",), now + life, now - DAY, "Local", "gated_send",
        service, False,
    )  # fmt: skip
    return prepend(raw, [("X-MultiMail-Identity", identity.sign_identity(raw, statement, KEY))])


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    path = tmp_path / "key.json"
    path.write_text(json.dumps(identity.jwks([KEY.public_key()])))
    return path


def verify(tmp_path: Path, raw: bytes, key: Path | str, *more: str):
    path = tmp_path / "mail.eml"
    path.write_bytes(raw)
    return multimail("verify", path, "--key", key, *more)


def test_a_genuine_message_passes_and_says_who(tmp_path: Path, key_file: Path) -> None:
    done = verify(tmp_path, signed(), key_file)
    assert done.returncode == 0, done.stderr
    assert "genuine" in done.stdout
    for word in ("agent@local.multimail.test", "opr_1", "gated_send", "a machine", "Local (not verified)"):
        assert word in done.stdout


def test_standard_input_and_unix_line_ends(key_file: Path) -> None:
    done = multimail("verify", "-", "--key", key_file, stdin=signed().replace(b"\r\n", b"\n"))
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ((b"find it here", b"pay it there"), "The body is not the one that was signed."),
        ((b"Subject: Invoice", b"Subject: Gift"), "The subject is not the one that was signed."),
        ((b"To: ada@", b"To: bob@"), "The To and Cc addresses are not the ones that were signed."),
        ((b"<1@multi", b"<2@multi"), "the header belongs to another message"),
        ((b"X-MultiMail-Identity", b"X-Other"), "The message has no X-MultiMail-Identity header."),
    ],
)
def test_a_changed_message_fails_with_the_reason(
    tmp_path: Path, key_file: Path, change: tuple[bytes, bytes], reason: str
) -> None:
    done = verify(tmp_path, signed().replace(*change), key_file)
    assert done.returncode == 1
    assert reason in done.stdout
    assert "agent@" not in done.stdout  # nothing that was not proven is repeated


def test_another_key_fails(tmp_path: Path) -> None:
    other = tmp_path / "other.json"
    other.write_text(json.dumps(identity.jwks([identity.generate_key().public_key()])))
    done = verify(tmp_path, signed(), other)
    assert done.returncode == 1
    assert "not known" in done.stdout


def test_an_expired_identity_fails_unless_judged_as_of_then(tmp_path: Path, key_file: Path) -> None:
    raw = signed(life=-10)
    now = verify(tmp_path, raw, key_file)
    assert (now.returncode, now.stdout.strip()) == (1, "The identity has expired.")
    then = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - 3600))
    assert verify(tmp_path, raw, key_file, "--at", then).returncode == 0


def test_what_the_claims_say_cannot_steer_the_terminal(tmp_path: Path, key_file: Path) -> None:
    done = verify(tmp_path, signed(service="evil\x1b[2J\nOperator  me \u202e"), key_file)
    assert done.returncode == 0
    assert "\x1b" not in done.stdout
    assert "\u202e" not in done.stdout
    assert r"evil\x1b[2J\nOperator" in done.stdout


@pytest.mark.parametrize(
    "key", ["absent.json", "mail.eml", "http://127.0.0.1:9/key", "https://", "http://[::1"]
)
def test_a_key_that_can_not_be_had_is_exit_1_in_a_line(tmp_path: Path, key: str) -> None:
    name = key if "//" in key else tmp_path / key
    done = verify(tmp_path, signed(), name)
    assert done.returncode == 1
    assert done.stdout == ""
    assert len(done.stderr.splitlines()) == 1
    assert done.stderr.startswith("multimail: ")


def test_a_missing_message_is_exit_1(tmp_path: Path, key_file: Path) -> None:
    done = multimail("verify", tmp_path / "none.eml", "--key", key_file)
    assert done.returncode == 1
    assert "none.eml" in done.stderr


class Site(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        if self.path == "/moved":
            self.send_response(302)
            self.send_header("Location", "/key")
            self.end_headers()
            return
        body = json.dumps(identity.jwks([KEY.public_key()])).encode()
        self.send_response(200)
        self.end_headers()
        self.wfile.write(body if self.path == "/key" else b" " * 3_000_000 + body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def site() -> Iterator[str]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Site) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_the_key_from_a_url(tmp_path: Path, site: str) -> None:
    assert verify(tmp_path, signed(), f"{site}/key").returncode == 0


@pytest.mark.parametrize(("path", "says"), [("/moved", "answers 302"), ("/large", "too large")])
def test_the_key_is_where_one_said_and_small(tmp_path: Path, site: str, path: str, says: str) -> None:
    done = verify(tmp_path, signed(), site + path)
    assert done.returncode == 1
    assert says in done.stderr
