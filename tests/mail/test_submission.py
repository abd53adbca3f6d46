"""What a mail program hands in becomes a send's fields, or a sentence that says why not: nothing is lost on the way."""

import base64
from email.message import EmailMessage

import pytest
from hypothesis import given
from hypothesis import strategies as st

from multimail.mail.submission import NotSendable, Submission, read_submission

ME, BOB = "me@acme.multimail.test", "bob@example.test"
META = {"x-multimail-run-id": "run_id"}


def read(raw: bytes | str, recipients: tuple[str, ...] = (BOB,), sender: str = ME) -> Submission:
    octets = raw.encode() if isinstance(raw, str) else raw
    return read_submission(octets.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n"), sender, recipients, META)


def letter(body: str = "Hello\n", head: str = "", **changed: str) -> str:
    fields = {"From": f"Me <{ME}>", "To": BOB, "Subject": "Hi"} | changed
    lines = "".join(f"{name}: {value}\n" for name, value in fields.items() if value)
    return f"{lines}{head}\n{body}"


def refused(raw: bytes | str, recipients: tuple[str, ...] = (BOB,)) -> tuple[str, str]:
    with pytest.raises(NotSendable) as caught:
        read(raw, recipients)
    enhanced, sentence = caught.value.args
    return enhanced, sentence


def test_what_python_s_own_library_writes() -> None:
    message = EmailMessage()
    message["From"], message["To"] = f"Jörg <{ME}>", "Bob Ü <bob@example.test>, Team: amy@example.test;"
    message["Cc"], message["Reply-To"], message["Subject"] = (
        "cy@example.test",
        "in@example.test",
        "Grüße, naïve " * 8,
    )
    message["Message-ID"], message["In-Reply-To"] = "<m1@client.test>", "<q1@example.test>"
    message["References"], message["X-MultiMail-Run-Id"] = "<q0@example.test> <q1@example.test>", "run 7"
    message["X-Priority"], message["User-Agent"] = "1", "tests"
    message.set_content("Grüße\n\n* eins\n")
    message.add_alternative("<p>Grüße</p>", subtype="html")
    message.add_attachment(b"\0\xff%PDF", maintype="application", subtype="pdf", filename="Rechnung ü.pdf")
    message.add_attachment("a;b\n", subtype="csv", filename="t.csv")
    people = ("bob@example.test", "amy@example.test", "CY@example.test", "eve@example.test")
    found = read(message.as_bytes(), people)
    fields = dict(found.fields)
    files = {
        one["name"]: (one["content_type"], base64.b64decode(one["content_base64"]))
        for one in fields.pop("attachments")
    }
    assert fields == {
        "mailbox_id": ME,
        "to": ["Bob Ü <bob@example.test>", "amy@example.test"],
        "cc": ["cy@example.test"],
        "bcc": ["eve@example.test"],
        "reply_to": ["in@example.test"],
        "subject": ("Grüße, naïve " * 8).strip(),
        "markdown": "Grüße\n\n* eins\n",
        "html": "<p>Grüße</p>\n",
        "in_reply_to": ("q1@example.test",),
        "references": ("q0@example.test", "q1@example.test"),
    }
    assert files == {"Rechnung ü.pdf": ("application/pdf", b"\0\xff%PDF"), "t.csv": ("text/csv", b"a;b\r\n")}
    assert (found.message_id, found.metadata) == ("m1@client.test", {"run_id": "run 7"})
    assert found.left_out == ("x-priority",)


def test_bare_text_flowed_text_markdown_and_html_alone() -> None:
    assert read(letter()).fields["markdown"] == "Hello\n"
    flowed = letter("one \ntwo\n", "Content-Type: text/plain; format=flowed\n")
    assert read(flowed).fields["markdown"] == "one two\n"
    assert read(letter("# x\n", "Content-Type: text/markdown\n")).fields["markdown"] == "# x\n"
    page = read(letter("<b>x</b>\n", "Content-Type: text/html; charset=utf-8\n")).fields
    assert (page["markdown"], page["html"]) == ("", "<b>x</b>\n")
    pdf = read(letter("AAAA\n", "Content-Type: application/pdf\nContent-Transfer-Encoding: base64\n")).fields
    assert (pdf["markdown"], [one["name"] for one in pdf["attachments"]]) == ("", ["attachment-1.pdf"])


def mixed(*parts: str, kind: str = "mixed", more: str = "") -> str:
    body = "".join(f"--b\n{part}\n" for part in parts) + "--b--\n"
    return letter(body, f"MIME-Version: 1.0\nContent-Type: multipart/{kind}; boundary=b{more}\n")


PLAIN, HTML = "Content-Type: text/plain\n\none", "Content-Type: text/html\n\n<p>two</p>"


def test_several_texts_are_one_body_and_files_keep_theirs() -> None:
    found = read(mixed(PLAIN, "Content-Type: text/plain; name=a.txt\n\nfile", PLAIN)).fields
    assert found["markdown"] == "one\n\none"
    assert [one["name"] for one in found["attachments"]] == ["a.txt"]
    both = read(mixed(PLAIN, HTML, kind="alternative")).fields
    assert (both["markdown"], both["html"]) == ("one", "<p>two</p>")


def test_recipients_in_no_header_get_blind_copies_and_a_bcc_header_shows_nobody() -> None:
    raw = letter(Bcc="eve@example.test", To="")
    assert dict(read(raw, ("eve@example.test",)).fields)["bcc"] == ["eve@example.test"]
    assert read(letter(To="undisclosed-recipients:;"), ("x@a.test",)).fields["bcc"] == ["x@a.test"]


@pytest.mark.parametrize(
    ("raw", "enhanced", "says"),
    [
        (letter(From="eve@example.test"), "5.7.1", "From has to be"),
        (letter(From=f"{ME}, eve@example.test"), "5.7.1", "From has to be"),
        (letter(From=""), "5.7.1", "From has to be"),
        (letter(head=f"From: {ME}\n"), "5.6.0", "more than one From"),
        (letter(head="Sender: eve@example.test\n"), "5.7.1", "Sender has to be"),
        (letter(To=f"{BOB}, eve@example.test"), "5.6.0", "eve@example.test"),
        (letter(head="Cc: eve@example.test\n"), "5.6.0", "eve@example.test"),
        (letter(To="nobody"), "5.6.0", "To: "),
        (letter(To="=?utf-8?q?eve=40example.test=2C?= bob@example.test"), "5.6.0", "To: "),
        (letter(head="Subject: again\n"), "5.6.0", "more than one Subject"),
        (letter(head="X-MultiMail-Run-Id: 1\nX-MultiMail-Run-Id: 2\n"), "5.6.0", "more than one X-MultiMail-Run-Id"),
        (letter(head="Resent-From: x@y.test\n"), "5.6.1", "Resent-From"),
        (letter(head="Disposition-Notification-To: x@y.test\n"), "5.6.1", "Disposition-Notification-To"),
        (letter(head="DKIM-Signature: v=1\n"), "5.6.1", "DKIM-Signature"),
        (letter(head=f"X-MultiMail-Run-Id: {'x' * 513}\n"), "5.6.0", "run_id"),
        (letter("x", "Content-Type: text/plain; charset=klingon\n"), "5.6.0", "klingon"),
        (letter("x", "Content-Type: text/plain; charset=utf-8\n").encode() + b"\xff", "5.6.0", "utf-8"),
        (letter("x", "Content-Type: application/pkcs7-mime\n"), "5.6.1", "pkcs7-mime"),
        (mixed(PLAIN, "Content-Type: application/pgp-signature\n\nx", kind="signed"), "5.6.1", "multipart/signed"),
        (mixed(PLAIN, PLAIN, kind="report"), "5.6.1", "multipart/report"),
        (mixed(PLAIN, HTML), "5.6.1", "alternatives"),
        (mixed(HTML, HTML), "5.6.1", "alternatives"),
        (mixed(PLAIN, PLAIN, HTML, kind="alternative"), "5.6.1", "alternatives"),
        (mixed(PLAIN, "Content-Type: text/calendar\n\nx", kind="alternative"), "5.6.1", "alternatives"),
        (mixed("Content-Type: text/html\n\n<img src='cid:a'>", kind="related"), "5.6.1", "cid:"),
        (mixed(PLAIN).replace("--b--", ""), "5.6.0", "boundary"),
        ("no header at all", "5.6.0", "header"),
        (letter("x \n" * 2**20, "Content-Type: text/plain; format=flowed\n"), "5.3.4", "256 KiB"),
    ],
)  # fmt: skip
def test_what_a_send_cannot_hold_is_refused_in_words(raw: str | bytes, enhanced: str, says: str) -> None:
    found = refused(raw)
    assert found[0] == enhanced
    assert says in found[1]


@pytest.mark.parametrize("given", ["<no-at>", "<ü@b.test>", f"<{'a' * 400}@b.test>", ""])
def test_a_message_id_that_cannot_be_used_is_none(given: str) -> None:
    assert read(letter(head=f"Message-ID: {given}\n")).message_id == ""


@given(st.binary(max_size=400), st.sampled_from([b"", letter().encode(), mixed(PLAIN, HTML).encode()]))
def test_any_octets_are_fields_or_a_sentence(octets: bytes, before: bytes) -> None:
    for raw in (before + octets, octets + before):
        try:
            found = read(raw)
        except NotSendable as error:
            enhanced, sentence = error.args
            assert enhanced in ("5.6.0", "5.6.1", "5.7.1")
            assert sentence
        else:
            assert found.fields["mailbox_id"] == ME
