import dataclasses
import email
import email.policy
import re
from email.header import decode_header, make_header
from email.message import EmailMessage
from email.utils import collapse_rfc2231_value, getaddresses

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from multimail.core.address import Address, parse_address_list
from multimail.mail.compose import (
    MAX_REFERENCES,
    Attachment,
    ComposeError,
    Draft,
    compose,
    needs_smtputf8,
    prepend,
)

DRAFT = Draft(
    from_=Address("Ada", "ada@example.org"),
    to=(Address("", "bob@example.net"),),
    cc=(),
    reply_to=(),
    subject="Hello",
    markdown="Hi **Bob**",
    html=None,
    attachments=(),
    message_id="1@example.org",
    in_reply_to=None,
    references=(),
)

values = st.text(st.characters(exclude_categories=["Cc", "Cs", "Zl", "Zp"]), max_size=200)
bodies = st.text(st.characters(exclude_categories=["Cs"]), max_size=300)
addresses = st.builds(
    Address, values, st.sampled_from(["a@b.example", '"a b"@c.example', "x@münchen.example", "jü@ü.example"])
)
attachments = st.builds(
    Attachment,
    st.text(st.characters(exclude_categories=["Cc", "Cs", "Zl", "Zp"]), max_size=120).map("{}.x".format),
    st.sampled_from(["application/pdf", "text/plain", "image/PNG", "message/rfc822"]),
    st.binary(max_size=300),
)
HOSTILE = ["\r\nBcc: x@y.example", "\nX: y", "\rX: y", "a\0b", "a\x0bb", "a\x85b", "a\u2028b", "a\ud800b"]


def draft(**changes):
    return dataclasses.replace(DRAFT, **changes)


def parsed(raw) -> EmailMessage:
    return email.message_from_bytes(raw, policy=email.policy.default)


def decoded(raw, name):
    """The header as its author wrote it: RFC 5322 unfolding, then RFC 2047."""
    value = email.message_from_bytes(raw, policy=email.policy.compat32)[name]
    return str(make_header(decode_header(re.sub(r"\r?\n", "", str(value)))))


def header_block(raw):
    return raw.partition(b"\r\n\r\n")[0]


def test_a_plain_message_byte_for_byte():
    raw = compose(draft(html="<p>Hi</p>"))
    assert header_block(raw).split(b"\r\n")[:6] == [
        b"From: Ada <ada@example.org>",
        b"To: bob@example.net",
        b"Subject: Hello",
        b"Message-ID: <1@example.org>",
        b"MIME-Version: 1.0",
        re.search(rb'Content-Type: multipart/alternative; boundary="=_a_[0-9a-f]{24}"', raw)[0],
    ]
    assert b"text/plain; charset=us-ascii\r\nContent-Transfer-Encoding: 7bit\r\n\r\nHi **Bob**\r\n--" in raw


@given(values)
def test_subjects_survive(subject):
    raw = compose(draft(subject=subject))
    assert decoded(raw, "Subject") == subject


@given(st.lists(addresses, min_size=1, max_size=4))
def test_names_and_addresses_survive(people):
    raw = compose(draft(to=tuple(people)))
    unfolded = header_block(raw).decode().replace("\r\n ", " ").split("\r\n")
    to = parse_address_list(next(line for line in unfolded if line.startswith("To: "))[4:])
    assert [str(make_header(decode_header(one.name))) for one in to] == [one.name for one in people]
    a_labels = {"x@münchen.example": "x@xn--mnchen-3ya.example"}
    assert [one.address for one in to] == [a_labels.get(one.address, one.address) for one in people]


@given(bodies)
def test_the_text_part_is_the_markdown_as_typed(markdown):
    part = parsed(compose(draft(markdown=markdown))).get_body(("plain",))
    wanted = markdown.replace("\r\n", "\n").replace("\r", "\n")
    got = part.get_payload(decode=True).decode()
    assert got.replace("\r\n", "\n") == wanted


@given(st.lists(attachments, max_size=3), bodies)
@example([Attachment(" a.x ", "text/plain", b""), Attachment("\u2003ü.x", "text/plain", b"")], "")
def test_attachments_survive(files, markdown):
    raw = compose(draft(attachments=tuple(files), markdown=markdown))
    got = [part for part in email.message_from_bytes(raw).walk() if part.get_content_disposition()]
    # Not get_filename(), which strips the white space that a name may begin or end with.
    names = [part.get_param("filename", header="content-disposition") for part in got]
    assert [collapse_rfc2231_value(name) for name in names if name is not None] == [
        file.name for file in files
    ]
    assert [part.get_payload(decode=True) for part in got] == [file.content for file in files]
    assert parsed(raw).get_body(("html",)) is not None


@given(values, addresses, bodies, st.lists(attachments, max_size=2))
def test_every_line_is_bounded_and_ends_in_crlf(subject, person, markdown, files):
    changed = draft(subject=subject, cc=(person,), markdown=markdown, attachments=tuple(files))
    raw = prepend(compose(changed), [("X-Note", subject)])
    assert b"\n" not in raw.replace(b"\r\n", b"") and b"\r" not in raw.replace(b"\r\n", b"")
    assert max(map(len, raw.split(b"\r\n"))) <= 998
    assert compose(changed) == compose(changed)
    names = [line.partition(b":")[0] for line in header_block(raw).split(b"\r\n") if line[:1] not in b" \t"]
    assert names == [
        b"X-Note", b"From", b"To", b"Cc", b"Subject", b"Message-ID", b"MIME-Version", b"Content-Type",
    ]  # fmt: skip


@pytest.mark.parametrize("evil", HOSTILE)
@pytest.mark.parametrize(
    "change",
    [
        lambda evil: {"subject": evil},
        lambda evil: {"from_": Address(evil, "a@b.example")},
        lambda evil: {"to": (Address("", f"a@b.example{evil}"),)},
        lambda evil: {"cc": (Address(f"a{evil}", "a@b.example"),)},
        lambda evil: {"reply_to": (Address(evil, "a@b.example"),)},
        lambda evil: {"message_id": f"a{evil}@b"},
        lambda evil: {"attachments": (Attachment(evil, "text/plain", b""),)},
        lambda evil: {"attachments": (Attachment("a", f"text/plain{evil}", b""),)},
        lambda evil: {"extra_headers": (("X-A", evil),)},
        lambda evil: {"extra_headers": ((f"X-A{evil}", "a"),)},
    ],
)
def test_control_characters_are_refused_everywhere(change, evil):
    with pytest.raises(ComposeError):
        compose(draft(**change(evil)))
    with pytest.raises(ComposeError):
        prepend(b"\r\n", [("X-A", evil)])
    with pytest.raises(ComposeError):
        prepend(b"\r\n", [(f"X{evil}", "a")])


def test_ids_that_a_correspondent_wrote_are_left_out_when_malformed():
    evil = ("a@b\r\nBcc: x@y", "no-at-sign", "a b@c", "a@b>", "ü@b", "a@" + "b" * 1000)
    raw = compose(draft(in_reply_to=evil[0], references=(*evil, "good@id")))
    message = parsed(raw)
    assert message["In-Reply-To"] is None and message["Bcc"] is None
    assert message["References"] == "<good@id>"


def test_a_long_thread_keeps_its_root_and_its_newest():
    ids = tuple(f"{n}@example.org" for n in range(500))
    kept = parsed(compose(draft(references=ids)))["References"].split()
    assert len(kept) == MAX_REFERENCES and kept[0] == "<0@example.org>" and kept[-1] == "<499@example.org>"


@pytest.mark.parametrize("name", ["Bcc", "from", "DATE", "Content-Type", "DKIM-Signature", "Sender"])
def test_extra_headers_cant_replace_ours(name):
    with pytest.raises(ComposeError, match="set by the server"):
        compose(draft(extra_headers=((name, "x"),)))


@pytest.mark.parametrize(
    "address", ["a@b.example>, <x@y.example", "a@b.example, x@y.example", "A <a@b.example>", "a", ""]
)
def test_an_address_is_one_address(address):
    with pytest.raises(ComposeError, match="address"):
        compose(draft(to=(Address("", address),)))


def test_an_encoded_word_that_the_author_typed_stays_text():
    typed = "=?utf-8?q?=0D=0ABcc=3A_x?="
    raw = compose(draft(subject=typed, from_=Address(typed, "a@b.example")))
    assert decoded(raw, "Subject") == typed
    assert parsed(raw)["From"].addresses[0].display_name == typed


def test_nobody_visible():
    assert parsed(compose(draft(to=())))["To"] == "undisclosed-recipients:;"


def test_local_parts_beyond_ascii_stay_utf8_and_need_smtputf8():
    raw = compose(draft(to=(Address("Jü", "jü@münchen.example"),)))
    assert "<jü@münchen.example>".encode() in header_block(raw)
    assert needs_smtputf8("a@b.example", ["a@b.example"], raw)
    assert needs_smtputf8("a@b.example", ["jü@b.example"], compose(DRAFT))
    plain = compose(draft(to=(Address("Jü", "a@münchen.example"),), subject="Grüße", markdown="Grüße"))
    assert header_block(plain).isascii()
    assert not needs_smtputf8("a@b.example", ["a@münchen.example"], plain)


@pytest.mark.parametrize(
    ("markdown", "encoding"),
    [
        ("short lines\nonly", "7bit"),
        ("x" * 200, "quoted-printable"),
        ("Grüße aus Zürich, ganz viele davon", "quoted-printable"),
        ("ends in a space \nmore", "quoted-printable"),
        ("From here on", "quoted-printable"),
        ("and\nFrom here on", "quoted-printable"),
        ("ends in a tab\t\nmore", "quoted-printable"),
        ("a\x1b[2Jb", "quoted-printable"),
        ("a\x7fb", "quoted-printable"),
        ("a\x00b", "quoted-printable"),
        ("From\tthere, and a tab\tinside", "7bit"),
        ("x" * 78 + "\n" + "y" * 78, "7bit"),
        ("x" * 79, "quoted-printable"),
        ("a=" * 200, "base64"),
        ("aü\n\n\n\n" * 20 + "x", "quoted-printable"),
        ("日本語だけの本文です", "base64"),
    ],
)
def test_the_shortest_safe_encoding(markdown, encoding):
    part = parsed(compose(draft(markdown=markdown))).get_body(("plain",))
    assert part["Content-Transfer-Encoding"] == encoding
    assert part.get_content().replace("\r\n", "\n").rstrip("\n") == markdown


def test_a_body_full_of_boundaries():
    first = compose(DRAFT)
    boundary = parsed(first).get_boundary()
    markdown = f"--{boundary}\n--{boundary}--\nstill here"
    part = parsed(compose(draft(markdown=markdown))).get_body(("plain",))
    assert part.get_content().replace("\r\n", "\n").strip() == markdown


def test_given_html_is_sanitised():
    html = (
        '<div style="color:red;position:fixed;background:url(https://t.example/x)" onclick="x()">a'
        '<script>x()</script><a href="javascript:x()">b</a><form action="https://a.example"><input></form></div>'
    )
    sent = parsed(compose(draft(html=html))).get_body(("html",)).get_content()
    assert '<div style="color:red">' in sent
    assert not re.search(r"script|onclick|t\.example|<form|<input", sent)


@pytest.mark.parametrize(
    "changes",
    [
        {"markdown": "x" * (256 * 1024 + 1)},
        {"markdown": ">" * 5000},
        {"markdown": "|a" * 3000 + "\n" + "|-" * 3000 + "\n" + "|a\n" * 2000},
        {"html": "<div>" * 20_000},
        {"html": "<p " + "a=1 " * 20_000 + ">"},
        {"html": "x" * (256 * 1024 + 1)},
        {"markdown": "\ud800"},
        {"attachments": (Attachment("x" * 256, "text/plain", b""),)},
        {"attachments": (Attachment("", "text/plain", b""),)},
        {"attachments": (Attachment("a", "text", b""),)},
    ],
)
def test_what_is_too_much_is_refused(changes):
    with pytest.raises(ComposeError):
        compose(draft(**changes))


def test_prepended_headers_come_first_and_long_ones_fold():
    value = " ".join(["x" * 70] * 30)
    trace = [("Date", "Thu, 1 Jan 1970 00:00:00 -0000"), ("X-MultiMail-Identity", value)]
    raw = prepend(compose(DRAFT), trace)
    assert raw.startswith(b"Date: Thu, 1 Jan 1970 00:00:00 -0000\r\nX-MultiMail-Identity: xxx")
    assert re.sub(r"\s+", " ", parsed(raw)["X-MultiMail-Identity"]) == value
    assert max(map(len, header_block(raw).split(b"\r\n"))) <= 100
    assert getaddresses([parsed(raw)["To"]]) == [("", "bob@example.net")]


def test_a_word_that_no_line_can_hold_is_encoded():
    raw = prepend(b"\r\n", [("X-Long", "x" * 5000)])
    assert max(map(len, raw.split(b"\r\n"))) <= 78
    assert decoded(raw, "X-Long") == "x" * 5000
