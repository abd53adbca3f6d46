"""Machines are known by their headers; people are not."""

import pytest

from multimail.mail.automatic import LOOP, automatic
from multimail.mail.parse import parse

OWN = ("me@our.example",)


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ("", ""),
        ("Auto-Submitted: no", ""),
        ("Auto-Submitted: auto-replied", "auto-replied"),
        ("auto-submitted: auto-generated; owner-email=x@y.example", "auto-generated"),
        ("Auto-Submitted: <b>x", "auto-submitted"),
        ("Precedence: bulk", "precedence"),
        ("X-Autoreply: yes", "autoresponder"),
        ("X-Auto-Response-Suppress: All", "autoresponder"),
        ("List-Id: Talk <talk.example>", "mailing list"),
        ("List-Unsubscribe: <mailto:x@y.example>", "bulk mail"),
        ("X-Loop: ME@our.example", LOOP),
        ("\n".join(["Received: by x"] * 51), LOOP),
        ("\n".join(["Received: by x"] * 20), ""),
        ("X-Priority: 1", ""),
    ],
)
def test_headers(fields: str, why: str) -> None:
    message = parse(f"From: ann@a.example\n{fields}\n\nHello".replace("\n\n\n", "\n\n").encode())
    assert automatic(message.headers, "ann@a.example", "ann@a.example", OWN) == why


@pytest.mark.parametrize(
    ("author", "why"),
    [
        ("no-reply@shop.example", "nobody answers there"),
        ("noreply+ann@shop.example", "nobody answers there"),
        ("MAILER-DAEMON@mx.example", "nobody answers there"),
        ("norah.reply@shop.example", ""),
    ],
)
def test_authors(author: str, why: str) -> None:
    assert automatic((), author, "bounces@shop.example", OWN) == why


def test_the_empty_return_path() -> None:
    assert automatic((), "ann@a.example", "", OWN) == "empty return path"
