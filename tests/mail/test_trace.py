"""The trace on top of what comes in (RFC 5321 section 4.4)."""

from datetime import datetime, timedelta, timezone
from email import message_from_bytes
from typing import Any

import pytest

from multimail.mail.trace import FIELDS, on_top, trace

AT = datetime(2026, 11, 21, 12, 0, tzinfo=timezone(timedelta(hours=1)))
GIVEN: dict[str, Any] = {
    "sender": "a@b.test",
    "helo": "client.test",
    "peer": "192.0.2.1",
    "protocol": "ESMTPS",
    "tls": "TLSv1.3 TLS_AES_256_GCM_SHA384",
    "host": "mx.test",
    "id": "eml_1",
    "recipient": "c@d.test",
    "at": AT,
}


def source(**changed: Any) -> str:
    return on_top(trace(**(GIVEN | changed)))


def received(**changed: Any) -> str:
    return dict(trace(**(GIVEN | changed)))["Received"]


def test_the_trace_of_a_message() -> None:
    assert source() == (
        "Return-Path: <a@b.test>\r\n"
        "Received: from client.test ([192.0.2.1]) by mx.test with ESMTPS (TLSv1.3\r\n"
        " TLS_AES_256_GCM_SHA384) id eml_1 for <c@d.test>; Sat, 21 Nov 2026 12:00:00\r\n"
        " +0100\r\n"
    )
    assert len(trace(**GIVEN)) == FIELDS


def test_what_is_not_known_is_left_out() -> None:
    assert source(sender="").startswith("Return-Path: <>\r\n")
    assert "by mx.test with SMTP id eml_1 for" in received(protocol="SMTP", tls="")
    assert received(peer="", protocol="", tls="") == (
        "by mx.test id eml_1 for <c@d.test>; Sat, 21 Nov 2026 12:00:00 +0100"
    )


def test_addresses_beyond_ascii_and_ipv4() -> None:
    assert "([IPv6:2001:db8::1])" in received(peer="2001:db8::1")
    assert "for <ü@d.test>;" in received(recipient="ü@d.test")
    assert source(sender="jörg@x.test").startswith("Return-Path: <jörg@x.test>\r\n")


@pytest.mark.parametrize(
    "said", ["x\r\nBcc: y", "a(b)c", "<a@b>;", "\0", "", "a\n\n<script>", "x" * 2_000, "a\u2028b", "a\x85b"]
)
def test_it_is_two_fields_whatever_the_client_says(said: str) -> None:
    text = source(helo=said, tls=said, protocol=said, recipient=f"{said}@d.test", sender=f"{said}@d.test")
    found = message_from_bytes(text.encode() + b"\r\nwords")
    assert (found.keys(), found.get_payload()) == (["Return-Path", "Received"], "words")
    assert "(b)" not in received(helo=said) and received(helo=said).count(";") == 1


def test_lines_are_short_where_words_are() -> None:
    long = source(helo=f"{'a' * 60}.{'b' * 60}.test", recipient=f"{'c' * 60}@d.test")
    assert max(map(len, long.split("\r\n"))) < 140
    assert message_from_bytes(long.encode())["Received"].replace("\r\n", "") == received(
        helo=f"{'a' * 60}.{'b' * 60}.test", recipient=f"{'c' * 60}@d.test"
    )


def test_a_time_needs_a_zone() -> None:
    with pytest.raises(ValueError, match="zone"):
        trace(**(GIVEN | {"at": AT.replace(tzinfo=None)}))
