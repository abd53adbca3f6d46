"""What a message shows its readers, from its own bytes."""

from multimail.mail.anatomy import dissect

HEAD = b"Subject: =?utf-8?q?caf=C3=A9?=\r\nMIME-Version: 1.0\r\n"


def test_text_html_and_files() -> None:
    raw = (
        HEAD + b'Content-Type: multipart/mixed; boundary="m"\r\n\r\n--m\r\n'
        b'Content-Type: multipart/alternative; boundary="a"\r\n\r\n'
        b"--a\r\nContent-Type: text/plain; charset=utf-8\r\n\r\ncaf\xc3\xa9\r\n"
        b"--a\r\nContent-Type: text/html\r\n\r\n<b>x</b>\r\n--a--\r\n"
        b'--m\r\nContent-Type: text/html; name="a.html"\r\nContent-Disposition: attachment\r\n\r\n<i>file</i>\r\n'
        b"--m\r\nContent-Type: text/plain\r\n\r\na second text\r\n--m--\r\n"
    )
    found = dissect(raw)
    assert (found.text.strip(), found.html.strip()) == ("café", "<b>x</b>")
    assert ("Subject", "café") in found.headers
    assert [(part.name, part.content_type) for part in found.parts] == [
        ("a.html", "text/html"),
        ("(no name)", "text/plain"),
    ]
    assert found.size == len(raw) and found.trouble == []


def test_what_is_broken_is_told() -> None:
    found = dissect(HEAD + b'Content-Type: multipart/mixed; boundary="m"\r\n\r\nno boundary at all')
    assert found.trouble and "no boundary" in found.text
    assert dissect(b"").headers == []
