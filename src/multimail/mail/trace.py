"""The trace that is put on top of what comes in (RFC 5321 section 4.4): who handed it over, how, for whom, and when.

It is kept beside the message and not in it: the bytes stay those that were sent, so that a repetition is known by
them and what was said to one recipient is nobody else's.
"""

import re
import textwrap
from collections.abc import Iterable, Sequence
from datetime import datetime
from email.utils import format_datetime
from typing import Final

FIELDS: Final = 2
"""How many header fields there are on top of a message that came in."""

_UNSAFE_NAME: Final = re.compile(r"[^A-Za-z0-9._:\[\]-]")
_UNSAFE_PATH: Final = re.compile(r"[\x00-\x20\x7f<>()\\\u0080-\u009f\u2028\u2029]")
_UNSAFE_WORDS: Final = re.compile(r"[^A-Za-z0-9._ -]")
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f\u0080-\u009f\u2028\u2029]")
_LINE: Final = 78  # RFC 5322 section 2.1.1


def trace(
    *,
    sender: str,
    helo: str,
    peer: str,
    protocol: str,
    tls: str,
    host: str,
    id: str,
    recipient: str,
    at: datetime,
) -> tuple[tuple[str, str], tuple[str, str]]:
    """Return-Path and Received as names and values, without folds. `host` took it in, at `at`, which must be aware.

    `peer` is '' for mail that was handed over within this server; `protocol` is the keyword of RFC 3848, '' where it is
    not known, and `tls` the version and cipher. What the client said can be no more than a name.
    """
    if at.tzinfo is None:
        raise ValueError("the time of receipt needs a zone")
    words = ["from", _name(helo), f"([{_address(peer)}])", "by", _name(host)] if peer else ["by", _name(host)]
    words += ["with", _name(protocol)] if protocol else []
    words += [f"({_UNSAFE_WORDS.sub('?', tls)[:80]})"] if tls else []
    words += ["id", _name(id)]
    words += ["for", f"<{recipient}>"] if recipient and not _UNSAFE_PATH.search(recipient) else []
    received = f"{' '.join(words)}; {format_datetime(at)}"
    return ("Return-Path", f"<{_CONTROL.sub('?', sender)}>"), ("Received", received)


def on_top(headers: Iterable[Sequence[str]]) -> str:
    """The header fields as they stand in a source, each with its CRLF, folded; a line break in one can't end it."""
    return "".join(f"{_folded(name, value)}\r\n" for name, value in headers)


def _folded(name: str, value: str) -> str:
    lines = textwrap.wrap(f"{name}: {value}", _LINE, break_long_words=False, break_on_hyphens=False)
    return "\r\n ".join(lines)


def _name(text: str) -> str:
    return _UNSAFE_NAME.sub("?", text)[:255] or "?"


def _address(peer: str) -> str:
    return _name(f"IPv6:{peer}" if ":" in peer else peer)
