"""The product as its users run it: `multimail serve` in a process of its own, on free ports, in a folder.

    with Server(tmp_path / "data") as server:
        server.call("POST", "/v1/send", {…}, key="agent")

The fixture `server` (tests/conftest.py) is one that runs; it is gone, with all its processes, after the test.
"""

import contextlib
import io
import json
import os
import signal
import smtplib
import ssl
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from unittest import mock

import pytest

from multimail.commands import main

START_WITHIN = 30.0
UNVERIFIED = ssl.create_default_context()  # for a server that was given a certificate of the test's own
UNVERIFIED.check_hostname = False
UNVERIFIED.verify_mode = ssl.CERT_NONE
STOP_WITHIN = 10.0  # the promise of SIGTERM

# The named keys of the first run → the file and the variable that has them.
KEYS = {
    "agent": ("credentials.env", "MULTIMAIL_API_KEY"),
    "test": ("credentials.env", "MULTIMAIL_TEST_KEY"),
    "oversight": ("operator.env", "MULTIMAIL_OVERSIGHT_KEY"),
    "admin": ("operator.env", "MULTIMAIL_ADMIN_KEY"),
}


@dataclass(frozen=True)
class Answer:
    status: int
    body: Any
    headers: Mapping[str, str]


def clean_environment(more: Mapping[str, str] | None = None) -> dict[str, str]:
    """This process's, without settings of MultiMail that whoever runs the tests may have, and without proxies."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("MULTIMAIL_") and not name.lower().endswith("_proxy")
    }
    return kept | dict(more or {})


def multimail(
    *arguments: str | Path,
    stdin: bytes = b"",
    timeout: float = 60,
    environment: Mapping[str, str] | None = None,
) -> "subprocess.CompletedProcess[str]":
    """Runs the command line to its end. `stdout` and `stderr` are text."""
    done = subprocess.run(
        [sys.executable, "-m", "multimail", *map(str, arguments)],
        input=stdin,
        capture_output=True,
        timeout=timeout,
        env=clean_environment(environment),
        check=False,
    )
    return subprocess.CompletedProcess(done.args, done.returncode, done.stdout.decode(), done.stderr.decode())


def command_line(
    *arguments: str | Path, stdin: bytes = b"", environment: Mapping[str, str] | None = None
) -> "subprocess.CompletedProcess[str]":
    """As `multimail`, in this process: a new one imports for two seconds before it does anything."""
    out, err = (io.TextIOWrapper(io.BytesIO(), "utf-8", write_through=True) for _ in range(2))
    words = [str(argument) for argument in arguments]
    with (
        mock.patch.dict(os.environ, clean_environment(environment), clear=True),
        mock.patch.object(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin), "utf-8")),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
    ):
        with pytest.raises(SystemExit) as ended:
            main(words)
    texts = [stream.buffer.getvalue().decode() for stream in (out, err)]
    return subprocess.CompletedProcess(words, int(ended.value.code or 0), *texts)


class Server:
    """`arguments` are further flags of `serve`. `start()` waits until /health answers; `kill()` is SIGKILL, and
    `start()` again opens the same folder, on new ports."""

    def __init__(self, data: Path, *arguments: str, environment: Mapping[str, str] | None = None) -> None:
        self.data = data
        self.arguments: Sequence[str] = arguments
        self.environment = dict(environment or {})
        self.process: subprocess.Popen[bytes] | None = None
        self.url = ""
        self.smtp_host, self.smtp_port = "127.0.0.1", 0

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()

    @property
    def log(self) -> Path:
        """What it printed, banner and log, over all its starts."""
        return self.data.with_name(self.data.name + ".log")

    def start(self) -> None:
        assert self.process is None, "it runs already"
        ports = ["--http", "127.0.0.1:0", "--smtp", "127.0.0.1:0"]
        command = [sys.executable, "-m", "multimail", "serve", "--data", str(self.data), *ports]
        self._whereabouts.unlink(missing_ok=True)  # one that was killed leaves its own
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [*command, *self.arguments],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=clean_environment(self.environment),
                start_new_session=True,
            )
        try:
            self._wait_until_ready()
        except BaseException:
            self.kill()
            raise

    @property
    def whereabouts(self) -> dict[str, Any]:
        """What running.json tells."""
        return dict(json.loads(self._whereabouts.read_text()))

    @property
    def _whereabouts(self) -> Path:
        return self.data / "running.json"

    def _wait_until_ready(self) -> None:
        assert self.process is not None
        deadline = time.monotonic() + START_WITHIN
        while not self._whereabouts.exists():
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise AssertionError(f"serve did not start:\n{self.log.read_text()}")
            time.sleep(0.01)
        found = self.whereabouts
        self.url = found["api"]
        self.smtp_host, _, port = found["smtp"].rpartition(":")
        self.smtp_port = int(port)
        assert self.call("GET", "/health", key=None).status == 200

    def stop(self) -> int:
        """SIGTERM; the exit code. Fails if it takes longer than it may."""
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        try:
            code = self.process.wait(STOP_WITHIN)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"serve did not stop in {STOP_WITHIN} s:\n{self.log.read_text()}") from None
        self.process = None
        return code

    def kill(self) -> None:
        """SIGKILL, to whatever it started too. Does nothing once it has stopped."""
        if self.process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)  # it leads a session of its own
        self.process.wait()
        self.process = None

    @property
    def keys(self) -> dict[str, str]:
        """The first run's: agent, test, oversight, admin."""
        return {name: self.variable(file, variable) for name, (file, variable) in KEYS.items()}

    @property
    def mailbox_id(self) -> str:
        return self.variable("credentials.env", "MULTIMAIL_MAILBOX_ID")

    @property
    def address(self) -> str:
        return self.variable("credentials.env", "MULTIMAIL_ADDRESS")

    def variable(self, file: str, name: str) -> str:
        lines = (self.data / file).read_text().splitlines()
        return dict(line.split("=", 1) for line in lines)[name]

    def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        key: str | None = "agent",
        headers: Mapping[str, str] | None = None,
        timeout: float = 30,
    ) -> Answer:
        """One request, with a named key of the first run or a key's own text. JSON answers are read."""
        sent = {"Content-Type": "application/json", **(headers or {})}
        if key is not None:
            sent["Authorization"] = f"Bearer {key if key.startswith('mm_') else self.keys[key]}"
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data, sent, method=method)
        direct = urllib.request.build_opener(
            urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=UNVERIFIED)
        )
        try:
            with direct.open(request, timeout=timeout) as response:
                return _answer(response.status, response.read(), response.headers)
        except urllib.error.HTTPError as error:
            with error:
                return _answer(error.code, error.read(), error.headers)

    def send(self, **fields: Any) -> Answer:
        """POST …/send from the first run's mailbox with the agent's key."""
        return self.call("POST", f"/v1/mailboxes/{self.mailbox_id}/send", fields)

    def receive(
        self, raw: bytes, *, sender: str = "ada@example.com", to: Sequence[str] = ()
    ) -> dict[str, tuple[int, bytes]]:
        """A message in over SMTP, to the first run's mailbox unless told otherwise; the recipients refused."""
        with smtplib.SMTP(self.smtp_host, self.smtp_port, timeout=30) as connection:
            return connection.sendmail(sender, list(to) or [self.address], raw)

    def until(
        self, path: str, found: Any, *, key: str | None = "agent", within: float = 20, pause: float = 0.02
    ) -> Any:
        """GETs `path` until `found(body)` is true, and gives that body. Fails after `within` seconds."""
        deadline = time.monotonic() + within
        while True:
            answer = self.call("GET", path, key=key)
            if answer.status == 200 and found(answer.body):
                return answer.body
            if time.monotonic() > deadline:
                raise AssertionError(f"{path} did not come to that in {within} s: {answer}")
            time.sleep(pause)


def _answer(status: int, content: bytes, headers: Any) -> Answer:
    is_json = headers.get_content_type() == "application/json"
    return Answer(
        status, json.loads(content) if is_json else content, {k.lower(): v for k, v in headers.items()}
    )
