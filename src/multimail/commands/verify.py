"""`multimail verify`: whether a message is what its identity header says, with nothing but the public key."""

import argparse
import http.client
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, NoReturn

from cryptography.hazmat.primitives.asymmetric import ec

from multimail.commands.flags import complain, plain
from multimail.mail import identity

MAX_MESSAGE: Final = 64 * 1024 * 1024
MAX_KEYS: Final = 1024 * 1024
FETCH_WITHIN: Final = 15.0  # seconds

KEY_HELP: Final = (
    "The public key: a file or an http(s) URL with a JWK Set (/.well-known/multimail-signing-key) or PEM."
)


def add(parser: argparse.ArgumentParser) -> None:
    parser.epilog = (
        "Exit codes: 0 it is genuine, 1 it is not, or could not be checked; the reason is printed."
    )
    parser.add_argument(
        "file", metavar="FILE.eml", help="The message as it was received; - for standard input."
    )
    parser.add_argument("--key", required=True, metavar="FILE|URL", help=KEY_HELP)
    parser.add_argument(
        "--at",
        type=moment,
        metavar="TIME",
        help="Judge its expiry as of this time (RFC 3339) instead of now: for mail from an archive.",
    )


def run(arguments: argparse.Namespace) -> int:
    try:
        raw = read_message(arguments.file)
        keys = read_keys(arguments.key)
    except (OSError, ValueError) as error:
        return complain(error)
    at = time.time() if arguments.at is None else arguments.at
    verdict = identity.verify(raw, keys, at=int(at))
    print(plain(verdict.reason))
    if verdict.ok and verdict.claims is not None:
        print("\n".join(described(verdict.claims)))
    return 0 if verdict.ok else 1


def moment(text: str) -> float:
    """Seconds since 1970. Raises ValueError; a time without a zone is UTC."""
    at = datetime.fromisoformat(text)
    return (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()


def read_message(name: str) -> bytes:
    """A message with the line ends that it was signed with: files saved on Unix have lost the CR. Raises
    OSError, and ValueError if it is too large."""
    if name == "-":
        raw = sys.stdin.buffer.read(MAX_MESSAGE + 1)
    else:
        with Path(name).open("rb") as file:
            raw = file.read(MAX_MESSAGE + 1)
    if len(raw) > MAX_MESSAGE:
        raise ValueError(f"{name} is larger than {MAX_MESSAGE // 1024 // 1024} MiB")
    return raw if b"\r\n" in raw else raw.replace(b"\n", b"\r\n")


def read_keys(source: str) -> Mapping[str, ec.EllipticCurvePublicKey]:
    """Public keys by kid from a file or an http(s) URL. Raises OSError, and ValueError where no key is in it."""
    if source.startswith(("https://", "http://")):
        content = fetch(source)
    else:
        with Path(source).open("rb") as file:
            content = file.read(MAX_KEYS + 1)
    if len(content) > MAX_KEYS:
        raise ValueError(f"{source} is too large for public keys")
    try:
        return identity.load_keys(content.decode())
    except ValueError as error:
        raise ValueError(f"{source}: {error}") from error


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """A key is where one said it is."""

    def redirect_request(self, *_: Any) -> None:
        return None


def fetch(url: str) -> bytes:
    """A plain GET of at most MAX_KEYS + 1 bytes, no redirects, bounded in time. Raises OSError."""
    deadline = time.monotonic() + FETCH_WITHIN
    content = b""
    try:
        with urllib.request.build_opener(_NoRedirects()).open(url, timeout=FETCH_WITHIN) as answer:
            while len(content) <= MAX_KEYS and (piece := answer.read1(MAX_KEYS + 1 - len(content))):
                content += piece
                if time.monotonic() > deadline:
                    _fail(url, "it takes too long")
    except urllib.error.HTTPError as error:
        with error:
            _fail(url, f"it answers {error.code}")
    except urllib.error.URLError as error:
        _fail(url, error.reason)
    except (http.client.HTTPException, ValueError) as error:
        _fail(url, error)
    return content


def _fail(url: str, why: object) -> NoReturn:
    raise OSError(f"can't fetch {url}: {why}")


def described(claims: Mapping[str, Any]) -> list[str]:
    """What the trusted claims say, in lines. The words are the sender's platform's; the terminal stays ours."""
    verified = "verified" if claims.get("verified_operator") is True else "not verified"
    approval = claims.get("approval")
    lines = {
        "From": claims.get("address"),
        "Written by": "a machine" if claims.get("ai_generated") else "a person, it says",
        "Operator": f"{claims.get('operator')} ({verified})",
        "Oversight": claims.get("oversight_mode"),
        "Approved by": "nobody: it needed no approval" if approval is None else approval,
        "Platform": claims.get("service"),
        "Signed at": _time(claims.get("iat")),
        "Valid until": _time(claims.get("exp")),
    }
    return [f"  {name:<12} {plain(value)}" for name, value in lines.items()]


def _time(seconds: object) -> str:
    try:
        return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M:%S} UTC"  # type: ignore[arg-type]  # tried
    except (TypeError, ValueError, OverflowError, OSError):
        return "?"
