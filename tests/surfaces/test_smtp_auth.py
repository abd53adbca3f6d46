"""AUTH: only where nobody reads along, in each of its forms, and nothing else before it (RFC 4954)."""

from base64 import b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from multimail.surfaces.smtp_auth import Login, Sender, SubmissionConversation
from multimail.surfaces.smtp_conversation import Hello, Question
from multimail.surfaces.smtp_envelope import Reply

KEY = "mm_live_x"
BAD = Reply(535, "5.7.8", "no")
FAR, HERE = "192.0.2.1", "127.0.0.1"


def conversation(peer: str = HERE, *, tls: bool = True) -> SubmissionConversation:
    return SubmissionConversation("mx.test", 1000, 5, tls, peer)


def b64(text: str) -> str:
    return b64encode(text.encode()).decode()


PLAIN = "AUTH PLAIN " + b64("\0me\0" + KEY)


def say(talk: SubmissionConversation, *lines: str) -> list[str]:
    """Codes with their enhanced ones; what is asked of the intake is asked as its class."""
    said = []
    for line in lines:
        step = talk.command(line.encode(), more=False)
        if isinstance(step, Login | Sender):
            said.append(type(step).__name__)
            step = talk.checked(step, None)
        assert isinstance(step, Reply | Hello)
        said.append("hello" if isinstance(step, Hello) else f"{step.code} {step.enhanced}".strip())
    return said


@pytest.mark.parametrize(
    "lines",
    [
        [PLAIN],
        ["AUTH PLAIN " + b64("me\0me\0" + KEY)],
        ["auth plain", b64("\0\0" + KEY)],
        ["AUTH LOGIN", b64("me"), b64(KEY)],
        ["AUTH LOGIN " + b64("me"), b64(KEY)],
        ["AUTH LOGIN =", b64(KEY)],
    ],
)
def test_each_form_of_auth_gives_the_key(lines: list[str]) -> None:
    talk = conversation()
    talk.command(b"EHLO c.test", more=False)
    *before, last = lines
    assert [step.split()[0] for step in say(talk, *before)] == ["334"] * len(before)
    assert talk.command(last.encode(), more=False) == Login(HERE, KEY)
    assert KEY not in repr(Login(HERE, KEY))


@pytest.mark.parametrize(
    ("lines", "codes"),
    [
        (["AUTH PLAIN", "*"], ["334", "501 5.7.0"]),
        (["AUTH PLAIN", "not base64"], ["334", "501 5.5.2"]),
        (["AUTH PLAIN " + b64("me")], ["501 5.5.2"]),
        (["AUTH PLAIN " + b64("other\0me\0" + KEY)], ["501 5.5.2"]),
        (["AUTH PLAIN /w=="], ["501 5.5.2"]),
        (["AUTH CRAM-MD5"], ["504 5.5.4"]),
        (["AUTH"], ["504 5.5.4"]),
        ([PLAIN, PLAIN], ["Login", "235 2.7.0", "503 5.5.1"]),
        (
            [PLAIN, "MAIL FROM:<a@b.test> AUTH=<>", PLAIN],
            ["Login", "235 2.7.0", "Sender", "250 2.1.0", "503 5.5.1"],
        ),
        (["MAIL FROM:<a@b.test>", "RCPT TO:<a@b.test>", "DATA"], ["530 5.7.0", "503 5.5.1", "503 5.5.1"]),
        ([PLAIN, "MAIL FROM:<a@b.test> SIZE=2000"], ["Login", "235 2.7.0", "552 5.3.4"]),
        ([PLAIN, "EHLO again", "MAIL FROM:<>"], ["Login", "235 2.7.0", "hello", "Sender", "250 2.1.0"]),
    ],
)
def test_replies(lines: list[str], codes: list[str]) -> None:
    talk = conversation()
    assert say(talk, "EHLO c.test") == ["hello"]
    assert say(talk, *lines) == codes


def test_auth_takes_ehlo() -> None:
    assert say(conversation(), PLAIN, "HELO c.test", PLAIN) == ["503 5.5.1", "250", "503 5.5.1"]


def test_off_loopback_nothing_is_said_in_the_clear() -> None:
    talk = conversation(FAR)
    hello = talk.command(b"EHLO c.test", more=False)
    assert isinstance(hello, Hello)
    assert not any(line.startswith("AUTH") for line in hello.lines)
    assert say(talk, PLAIN, "MAIL FROM:<a@b.test>") == ["538 5.7.11", "530 5.7.0"]
    talk.secured()
    hello = talk.command(b"EHLO c.test", more=False)
    assert isinstance(hello, Hello)
    assert "AUTH PLAIN LOGIN" in hello.lines
    assert say(talk, PLAIN) == ["Login", "235 2.7.0"]
    assert say(conversation("unknown"), "EHLO c.test", PLAIN) == ["hello", "538 5.7.11"]


def test_tls_forgets_who_somebody_was() -> None:
    talk = conversation()
    say(talk, "EHLO c.test", PLAIN)
    talk.secured()
    assert say(talk, "EHLO c.test", "MAIL FROM:<a@b.test>") == ["hello", "530 5.7.0"]


def test_three_wrong_keys_end_the_connection() -> None:
    talk = conversation()
    say(talk, "EHLO c.test")
    for code in (535, 535, 421):
        step = talk.command(PLAIN.encode(), more=False)
        assert isinstance(step, Login)
        assert talk.checked(step, BAD).code == code
    assert say(talk, "MAIL FROM:<a@b.test>") == ["530 5.7.0"]


def test_the_envelope_has_the_key_and_rfc_3848_s_name() -> None:
    talk = conversation()
    say(talk, "EHLO c.test", PLAIN, "MAIL FROM:<a@b.test>")
    check = talk.command(b"RCPT TO:<b@x.test>", more=False)
    assert not isinstance(check, Reply | Hello)
    talk.checked(check, None)
    envelope = talk.finish(HERE)
    assert (envelope.key, envelope.protocol, envelope.recipients) == (KEY, "ESMTPA", ("b@x.test",))
    assert KEY not in repr(envelope)


LINES = ["EHLO c.test", "HELO c.test", "RSET", "NOOP", "*", "AUTH PLAIN", "AUTH LOGIN", b64("\0a\0b"), PLAIN,
         "MAIL FROM:<a@b.test>", "RCPT TO:<b@x.test>", "DATA", "!"]  # fmt: skip


@given(st.lists(st.sampled_from(LINES), max_size=20), st.booleans(), st.booleans())
def test_no_order_of_lines_starts_mail_without_a_key(script: list[str], good: bool, near: bool) -> None:
    talk = conversation(HERE if near else FAR)
    known = False
    for line in script:
        step = talk.command(line.encode(), more=False)
        if isinstance(step, Reply | Hello):
            assert known or not isinstance(step, Reply) or step.code != 354
            continue
        question: Question = step
        if isinstance(question, Login):
            assert near and not known
            known = good
            talk.checked(question, None if good else BAD)
        else:
            assert known
            talk.checked(question, None)
