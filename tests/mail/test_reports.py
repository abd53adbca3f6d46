"""Reports about mail that we sent (RFC 3464, RFC 5965, and prose): small ones of our own, and a collection."""

import time
from pathlib import Path

import pytest

from multimail.mail.reports import read_report

CORPUS = Path(__file__).parents[3] / "shared/data/bounces"  # beside the repository
# Reports of failed authentication, of a delivery and of an unsubscription, and vacation notes: nothing failed.
NO_REPORTS = ("rfc3834-", "arf-18", "arf-20", "arf-26", "lhost-amazonses-12")
NAMELESS = ["arf-11"]  # a complaint whose recipient was taken out before it was sent


def report(parts: str, more: str = "") -> bytes:
    head = f"From: MAILER-DAEMON@mx.example\nSubject: Bounce\n{more}"
    text = f"{head}Content-Type: multipart/report; boundary=b\n\n{parts}\n--b--\n"
    return text.replace("\n", "\r\n").encode()


def status(fields: str) -> bytes:
    return report(f"--b\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; mx\n\n{fields}")


def prose(
    text: str, sender: str = "Mail Delivery System <mailer-daemon@mx.example>", subject: str = "Undelivered"
) -> bytes:
    return f"From: {sender}\r\nTo: me@our.example\r\nSubject: {subject}\r\n\r\n{text}\r\n".encode()


def test_each_recipient_of_a_status_report() -> None:
    found = read_report(
        status(
            "Final-Recipient: rfc822; bob@b.example\nAction: failed\nStatus: 5.1.1 (no such user)\n"
            "Diagnostic-Code: smtp; 550 No\n  such user\n\n"
            "Original-Recipient: rfc822;carol@c.example\nFinal-Recipient: rfc822;c@other.example\n"
            "Action: delayed\nStatus: 4.4.1\n\n"
            "Final-Recipient: rfc822; dan@d.example\nAction: relayed\nStatus: 2.1.9\n"
        )
    )
    assert found is not None and (found.kind, found.in_prose) == ("bounce", False)
    bob, carol = found.failures
    assert (bob.address, bob.hard, bob.delayed, bob.status) == ("bob@b.example", True, False, "5.1.1")
    assert bob.diagnostic == "smtp; 550 No such user"
    assert (carol.address, carol.hard, carol.delayed) == ("carol@c.example", False, True)


@pytest.mark.parametrize(
    ("told", "diagnostic", "hard"),
    [
        ("5.1.1", "", True),
        ("5.0.0", "550 5.2.2 full", False),
        ("5.0.0", "550 mailbox is over quota", False),
        ("5.0.0", "550 user unknown", True),
        ("5.7.1", "550 rejected by policy", False),
        ("5.4.7", "", False),
        ("5.2.1", "", True),
        ("4.4.7", "", False),
        ("", "421 come back later", False),
        ("", "550 no such user", True),
    ],
)
def test_hard_is_what_is_about_the_address(told: str, diagnostic: str, hard: bool) -> None:
    fields = f"Action: failed\nStatus: {told}\nDiagnostic-Code: smtp; {diagnostic}\n"
    found = read_report(status(f"Final-Recipient: rfc822; b@b.example\n{fields}"))
    assert found is not None and found.failures[0].hard is hard


def test_complaints_carry_the_return_path() -> None:
    body = (
        "--b\nContent-Type: message/feedback-report\n\nFeedback-Type: {}\nVersion: 1\n"
        "Original-Mail-From: <bounce+x@our.example>\nOriginal-Rcpt-To: <ann@a.example>\n"
        "--b\nContent-Type: message/rfc822\n\nReturn-Path: <bounce+y@our.example>\nTo: ann@a.example\n\nHello\n"
    )
    found = read_report(report(body.format("abuse")))
    assert found is not None and found.kind == "complaint"
    assert [one.address for one in found.failures] == ["ann@a.example"]
    assert found.return_paths == ("bounce+x@our.example", "bounce+y@our.example")
    assert read_report(report(body.format("not-spam"))) is None


def test_prose() -> None:
    found = read_report(
        prose("Your message to <bob@b.example> failed:\n550 5.1.1 unknown\n\nFrom: me@our.example\n")
    )
    assert found is not None and found.in_prose
    assert (found.failures[0].address, found.failures[0].hard) == ("bob@b.example", True)
    delay = read_report(prose("THIS IS A WARNING MESSAGE ONLY. bob@b.example: will try again"))
    assert delay is not None and delay.failures[0].delayed and not delay.failures[0].hard


def test_prose_of_machines_whose_subject_says_nothing() -> None:
    full = prose(
        "Your mail\n Could not be delivered to: <bob@b.example>\n As their mailbox is full.", subject="Mail"
    )
    found = read_report(full)
    assert found is not None and (found.failures[0].address, found.failures[0].hard) == (
        "bob@b.example",
        False,
    )
    assert read_report(prose("Could not be delivered: bob@b.example", "Ann <a@a.example>", "Mail")) is None


def test_a_notice_in_json() -> None:
    told = '"bouncedRecipients":[{"emailAddress":"%s","action":"failed","status":"%s","diagnosticCode":"smtp; x"}'
    text = (
        "{"
        + told % ("a@a.example", "5.1.1")
        + ","
        + (told % ("b@b.example", "4.4.7")).partition("[")[2]
        + "]}"
    )
    for spelled in (text, text.replace('"', r"\"")):
        found = read_report(prose(spelled, "no-reply@sns.example", "Notification"))
        assert found is not None and found.in_prose
        assert [(one.address, one.hard) for one in found.failures] == [
            ("a@a.example", True),
            ("b@b.example", False),
        ]


def test_a_complaint_in_the_form_of_hotmail() -> None:
    found = read_report(
        report("--b\nContent-Type: message/rfc822\n\nX-HmXmrOriginalRecipient: ann@a.example\n\nx")
    )
    assert found is not None and found.kind == "complaint" and found.failures[0].address == "ann@a.example"


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"Subject: Delivery\r\n\r\nbob@b.example",
        prose("I could not deliver it to bob@b.example", sender="Ann <ann@a.example>"),
        prose("Lunch with bob@b.example?", subject="Lunch"),
        prose("nobody is named"),
        status("Action: failed\nStatus: 5.1.1\n"),
        report(
            "--b\nContent-Type: message/disposition-notification\n\nFinal-Recipient: rfc822; a@b.example\n"
        ),
    ],
)
def test_other_mail_is_no_report(raw: bytes) -> None:
    if raw.startswith(b"Subject"):
        raw = b"From: ann@a.example\r\n" + raw
    assert read_report(raw) is None


@pytest.mark.parametrize(
    "text",
    [
        "-" * 2_000_000,
        "a" * 2_000_000,
        "a@" * 1_000_000,
        ("> " * 30_000 + "\n") * 30,
        "from:" * 400_000,
        "5.1." * 500_000,
    ],
)
def test_hostile_prose_costs_little(text: str) -> None:
    began = time.process_time()
    read_report(prose(text))
    read_report(prose("bob@b.example", subject="fail" * 15_000))
    assert time.process_time() - began < 3


@pytest.mark.skipif(not CORPUS.exists(), reason="the collection is not here")
def test_the_collection() -> None:
    nameless = []
    for file in sorted(CORPUS.glob("*.eml")):
        found = read_report(file.read_bytes())
        if file.name.startswith(NO_REPORTS):
            assert found is None, file.name
        elif not (found and found.failures):
            assert found is not None, file.name
            nameless.append(file.stem)
    assert nameless == NAMELESS
    for file in (CORPUS / "not-bounces").glob("*.eml"):
        assert read_report(file.read_bytes()) is None, file.name
