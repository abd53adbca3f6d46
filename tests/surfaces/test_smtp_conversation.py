"""The order of commands, for any sequence of them (RFC 5321 4.1.4)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from multimail.surfaces.smtp_conversation import START_DATA, START_TLS, Check, Conversation, Hello, encode
from multimail.surfaces.smtp_envelope import Reply

COMMANDS = [
    b"EHLO c.test",
    b"HELO c.test",
    b"MAIL FROM:<a@b.test>",
    b"MAIL FROM:<> SMTPUTF8",
    b"RCPT TO:<a@x.test>",
    b"RCPT TO:<b@x.test>",
    b"RCPT TO:<no@x.test>",
    b"DATA",
    b"RSET",
    b"STARTTLS",
    b"NOOP",
    b"XXXX",
]


@given(st.lists(st.sampled_from(COMMANDS), max_size=25), st.booleans())
def test_data_starts_exactly_after_hello_mail_and_an_accepted_recipient(
    script: list[bytes], tls: bool
) -> None:
    conversation = Conversation("mx.test", 1000, 1, offers_tls=tls)
    greeted = secured = mail = False
    accepted: list[str] = []
    for line in script:
        step = conversation.command(line, more=False)
        verb = line[:4]
        if isinstance(step, Check):
            assert mail and verb == b"RCPT" and not accepted
            refusal = Reply(550, "5.1.1", "no") if step.address == "no@x.test" else None
            assert conversation.checked(step, refusal).code == (550 if refusal else 250)
            accepted += [] if refusal else [step.address]
            continue
        assert isinstance(step, Reply | Hello)
        assert encode(step).endswith(b"\r\n")
        if verb in (b"EHLO", b"HELO", b"RSET"):
            greeted, mail, accepted = greeted or verb != b"RSET", False, []
        elif verb == b"MAIL":
            assert (step == Reply(250, "2.1.0", "Sender OK")) == (greeted and not mail)
            mail = mail or greeted
        elif verb == b"DATA":
            assert (step is START_DATA) == bool(accepted)
            if step is START_DATA:
                envelope = conversation.finish("192.0.2.1")
                assert envelope.recipients == tuple(accepted)
                assert envelope.protocol.endswith("S") <= secured
                mail, accepted = False, []
        elif verb == b"STAR":
            assert (step is START_TLS) == (tls and not secured)
            if step is START_TLS:
                conversation.secured()
                secured, greeted, mail, accepted = True, False, False, []


@given(st.binary(max_size=60))
def test_any_line_gets_a_reply_of_one_line(line: bytes) -> None:
    step = Conversation("mx.test", 1000, 1, offers_tls=True).command(line, more=False)
    assert isinstance(step, Reply | Hello)
    reply = encode(step)
    assert reply.isascii() and len(reply) <= 512 * 8
    assert isinstance(step, Hello) or reply.count(b"\r\n") == 1


@pytest.mark.parametrize(
    ("hello", "tls", "utf8", "protocol"),
    [
        (b"HELO c", False, b"", "SMTP"),
        (b"EHLO c", False, b"", "ESMTP"),
        (b"EHLO c", True, b"", "ESMTPS"),
        (b"EHLO c", False, b" SMTPUTF8", "UTF8SMTP"),
        (b"EHLO c", True, b" SMTPUTF8", "UTF8SMTPS"),
    ],
)
def test_with_keywords(hello: bytes, tls: bool, utf8: bytes, protocol: str) -> None:
    """RFC 3848, RFC 6531 4.3."""
    conversation = Conversation("mx.test", 1000, 1, offers_tls=True)
    if tls:
        conversation.secured()
    conversation.command(hello, more=False)
    conversation.command(b"MAIL FROM:<>" + utf8, more=False)
    assert conversation.finish("192.0.2.1").protocol == protocol


@given(st.text(), st.text())
def test_a_reply_is_one_line_whatever_is_in_it(enhanced: str, text: str) -> None:
    line = encode(Reply(250, enhanced, text))
    assert line.endswith(b"\r\n") and line.count(b"\n") == 1 and line.count(b"\r") == 1 and len(line) <= 512
