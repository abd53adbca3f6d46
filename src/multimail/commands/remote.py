"""Commands that use a server: where it is, what to say when it says no, and how far an upload has come."""

import argparse
import contextlib
import json
import os
import sys
from collections.abc import Iterator
from typing import Any, Final

import httpx2

from multimail.client import (
    ApiError,
    Conflict,
    ConnectionFailed,
    Forbidden,
    InvalidFields,
    MultiMail,
    NotFound,
    RateLimited,
    ServerFailed,
    Unauthenticated,
)
from multimail.client.transport import TIMEOUT
from multimail.commands.flags import plain

EXIT_CODES: Final[dict[type[Exception], int]] = {
    Unauthenticated: 3,
    Forbidden: 4,
    NotFound: 5,
    Conflict: 6,
    InvalidFields: 7,
    RateLimited: 8,
    ServerFailed: 9,
    ConnectionFailed: 10,
    ApiError: 1,
    ValueError: 2,  # of the client: something is missing in what it was given
    OSError: 2,  # a file that is not there
}
CHUNK: Final = 64 * 1024
WORTH_A_BAR: Final = 256 * 1024  # bytes: less is gone before anyone looks
BAR: Final = 30


class Quit(Exception):
    """Nothing more to do; the exit code is said already."""

    def __init__(self, code: int) -> None:
        self.code = code


def add_server(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--server", metavar="URL", help="Where it is [MULTIMAIL_URL, default http://127.0.0.1:8025]"
    )


@contextlib.contextmanager
def client(arguments: argparse.Namespace, key: str | None = None) -> Iterator[MultiMail]:
    """A client for the server and key of the environment; `key` is another one."""
    http = httpx2.Client(timeout=TIMEOUT, transport=_Counting())
    with MultiMail(key, arguments.server, http=http) as mail:
        yield mail


def attempt(arguments: argparse.Namespace, act: Any) -> int:
    """`act()`, and its failure told on standard error: in words, or as JSON to a program."""
    try:
        act()
    except tuple(EXIT_CODES) as error:
        return _tell(arguments, error)
    except BrokenPipeError:  # whoever read it has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except Quit as quitting:
        return quitting.code
    return 0


def _tell(arguments: argparse.Namespace, error: Exception) -> int:
    if isinstance(error, ApiError) and (arguments.json or not sys.stderr.isatty()):
        told = {"error": error.sentence, "code": error.code, "request_id": error.request_id} | error.details
        print(json.dumps(told), file=sys.stderr)
    else:
        print(f"multimail: {plain(in_words(error))}", file=sys.stderr)
    return next(code for kind, code in EXIT_CODES.items() if isinstance(error, kind))


def in_words(error: Exception) -> str:
    if isinstance(error, Unauthenticated) and not os.environ.get("MULTIMAIL_API_KEY"):
        return "Set MULTIMAIL_API_KEY. The first run's keys: set -a; . data/credentials.env; set +a"
    if isinstance(error, ApiError):
        hint = error.details.get("hint")
        return f"{error.sentence} ({hint})" if hint else error.sentence
    if isinstance(error, ConnectionFailed):
        return f"No answer from the server: {error}. Is it running, and is MULTIMAIL_URL right?"
    return str(error)


class _Counting(httpx2.HTTPTransport):
    """Shows on a terminal how much of a large request has gone out."""

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        size = int(request.headers.get("content-length", 0))
        if size >= WORTH_A_BAR and sys.stderr.isatty():
            request.stream = Upload(request.read(), sys.stderr.write)
        return super().handle_request(request)


class Upload(httpx2.SyncByteStream):
    """A request's body that tells how far it is: `say` gets a line that replaces the one before."""

    def __init__(self, content: bytes, say: Any) -> None:
        self._content = content
        self._say = say

    def __iter__(self) -> Iterator[bytes]:
        size = len(self._content)
        for start in range(0, size, CHUNK):
            yield self._content[start : start + CHUNK]
            done = min(start + CHUNK, size)
            full = BAR * done // size
            self._say(f"\r[{'#' * full}{'.' * (BAR - full)}] {done / 1e6:.1f} of {size / 1e6:.1f} MB")
        self._say("\r\x1b[K")
