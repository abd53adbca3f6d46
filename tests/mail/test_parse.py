import base64
import random
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from multimail.mail.parse import Message, parse
from multimail.mail.people import MAX_ADDRESSES, MAX_IDS, Person, header_ids

DATA = Path(__file__).parents[3] / "shared" / "data"

MIXED = b"""\
Return-Path: <jane@example.com>
Message-ID: <1@example.com>
In-Reply-To: <0@example.com>
References: <a@example.com>
 <0@example.com>
From: =?utf-8?q?J=C3=A4ne?= Doe <Jane@EXAMPLE.com>
To: "Agent, The" <agent@local.multimail.test>, b@example.com (Bob)
Cc: Team: c@example.com, d@example.com;
Subject: =?utf-8?b?Y2Fm?= =?utf-8?b?w6k=?= and
 more
Date: Mon, 3 Nov 2025 10:00:00 +0100
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary="outer"

preamble
--outer
Content-Type: multipart/alternative; boundary=inner

--inner
Content-Type: text/plain; charset=iso-8859-1
Content-Transfer-Encoding: quoted-printable

Caf=E9 plain
--inner
Content-Type: text/html; charset=utf-8

<p>Caf\xc3\xa9 <b>html</b></p><p style="display:none">hidden order</p>
--inner--
--outer
Content-Type: application/pdf
Content-Disposition: attachment; filename*=UTF-8''na%C3%AFve.pdf
Content-Transfer-Encoding: base64

aGVsbG8=
--outer
Content-Type: message/rfc822

Subject: =?utf-8?q?Old_=26_/_gold?=

inside
--outer--
epilogue
"""


def mail(body: bytes | str, *fields: str) -> Message:
    data = body.encode() if isinstance(body, str) else body
    return parse("\n".join(fields).encode() + b"\n\n" + data)


def test_a_whole_mail() -> None:
    message = parse(MIXED.replace(b"\n", b"\r\n"))
    assert message.message_id == "1@example.com"
    assert message.in_reply_to == ("0@example.com",)
    assert message.references == ("a@example.com", "0@example.com")
    assert message.from_ == Person("Jäne Doe", "Jane@example.com")
    assert message.to == (Person("Agent, The", "agent@local.multimail.test"), Person("Bob", "b@example.com"))
    assert message.cc == (Person("", "c@example.com"), Person("", "d@example.com"))
    assert message.subject == "café and more"
    assert message.date == 1_762_160_400_000_000
    assert message.headers[0] == ("Return-Path", "<jane@example.com>")
    assert dict(message.headers)["Subject"] == "café and more"
    assert message.text.strip() == "Café plain"
    assert "<b>html</b>" in message.html
    assert message.markdown == "Café **html**"
    assert message.hidden == ("display:none: hidden order",)
    assert [(part.name, part.content_type) for part in message.attachments] == [
        ("naïve.pdf", "application/pdf"),
        ("Old & _ gold.eml", "message/rfc822"),
    ]
    assert message.attachments[0].content == b"hello"
    assert message.attachments[1].content.startswith(b"Subject:")
    assert message.defects == ()


@pytest.mark.parametrize("newline", [b"\n", b"\r\n", b"\r"])
def test_newlines(newline: bytes) -> None:
    message = parse(b"Subject: x\n\na\nb".replace(b"\n", newline))
    assert (message.subject, message.text) == ("x", "a\nb")


@pytest.mark.parametrize(
    ("value", "people"),
    [
        ("a@X.ORG", [("", "a@x.org")]),
        ("A B <a@x.org>", [("A B", "a@x.org")]),
        ('"B, A" <a@x.org>, c@x.org', [("B, A", "a@x.org"), ("", "c@x.org")]),
        ('"A \\"q\\" B" <a@x.org>', [('A "q" B', "a@x.org")]),
        ("a@x.org (A (deep) B)", [("A deep B", "a@x.org")]),
        ("undisclosed-recipients:;", []),
        ("G: a@x.org, B <b@x.org>;, c@x.org", [("", "a@x.org"), ("B", "b@x.org"), ("", "c@x.org")]),
        ("No Address", [("No Address", "")]),
        ("=?utf-8?q?=C3=A9=2C_b?= <a@x.org>", [("é, b", "a@x.org")]),
        ('"=?utf-8?b?w6k=?=" <a@x.org>', [("é", "a@x.org")]),
        ("Evil\u202e\u200b <a@x.org>", [("Evil", "a@x.org")]),
        ("<>", []),
        ("A <a\u200b@x.org>", [("A", "")]),
        ("a@b@x.org <c@x.org>", [("a@b@x.org", "c@x.org")]),
        ("<@relay:a@x.org>", [("", "a@x.org")]),
        ('"a b"@x.org', [("", '"a b"@x.org')]),
        ("A <a@x.org", [("A", "a@x.org")]),
        (",,, a@x.org,", [("", "a@x.org")]),
        ("A <a@x\torg>", [("A", "")]),
        ("A <a@x\u00a0org>", [("A", "")]),
        ('A <"a\tb"@x.org>', [("A", "")]),
    ],
)
def test_addresses(value: str, people: list[tuple[str, str]]) -> None:
    assert mail("x", f"To: {value}").to == tuple(Person(*person) for person in people)


@pytest.mark.parametrize(
    ("value", "ids"),
    [
        ("<a@b> <c@d>", ("a@b", "c@d")),
        ("<a@b><c@d>,<a@b>", ("a@b", "c@d")),
        ("a@b c@d", ("a@b", "c@d")),
        ("Your message of Monday <a@b>", ("a@b",)),
        ("<a\r\n @b>", ("a@b",)),
        ("", ()),
        ("nothing here", ()),
    ],
)
def test_header_ids(value: str, ids: tuple[str, ...]) -> None:
    assert header_ids(value) == ids


def test_header_ids_keep_the_first_and_the_newest() -> None:
    ids = header_ids(" ".join(f"<{n}@x>" for n in range(1_000)))
    assert len(ids) == MAX_IDS
    assert (ids[0], ids[1], ids[-1]) == ("0@x", "801@x", "999@x")


@pytest.mark.parametrize(
    ("charset", "codec", "words", "sound"),
    [
        ("utf-8", "utf-8", "né", True),
        ("utf8mb4", "utf-8", "né", True),
        ("iso-8859-1", "cp1252", "né €", True),
        ("iso-8859-8-i", "iso8859-8", "שלום", True),
        ("x-sjis", "cp932", "日本①", True),
        ("ISO-2022-JP", "iso2022_jp", "日本", True),
        ("ks_c_5601-1987", "cp949", "한국", True),
        ("gb2312", "gb18030", "中国镕", True),
        ("koi8-r", "koi8-r", "привет", True),
        ("iso.8859.5", "iso8859-5", "привет", True),
        ("windows-1251", "cp1251", "привет", True),
        ("us-ascii", "utf-8", "né", True),
        ("us-ascii", "cp1252", "né", False),
        ("", "utf-8", "né", True),
        ("no-such-thing", "utf-8", "né", False),
        ("windows1251", "cp1251", "привет", True),
        ("x-windows-1250", "cp1250", "žluťoučký", True),
        ("ISO8859-15", "iso8859-15", "né €", True),
        ("iso-2022-kr", "iso2022_kr", "한국", True),
        ("hz-gb-2312", "hz", "中国", True),
        ("gb18030", "gb18030", "中国镕€", True),
        ("big5", "big5", "中國", True),
        ("utf-16", "utf-16", "né", True),
        ("punycode", "utf-8", "né", False),
        ("utf-7", "utf-8", "né +ADw-b+AD4-", False),
        ("zlib", "utf-8", "né", False),
        ("utf-8", "cp1252", "né", False),
    ],
)
def test_charsets(charset: str, codec: str, words: str, sound: bool) -> None:
    message = mail(words.encode(codec), f'Content-Type: text/plain; charset="{charset}"')
    assert message.text == message.markdown == words
    assert (message.defects == ()) == sound


def test_what_japanese_mailers_write_beyond_their_charset() -> None:
    assert mail(b"\x1b$B-!3t\x1b(B", "Content-Type: text/plain; charset=iso-2022-jp").text == "①株"
    broken = mail(b"\x1b$B!", "Content-Type: text/plain; charset=iso-2022-jp")
    assert broken.defects


def test_raw_headers_and_split_characters() -> None:
    assert mail("x", "Subject: né").subject == "né"
    assert parse("Subject: né\n\nx".encode("latin-1")).subject == "né"
    split = "=?utf-8?b?" + base64.b64encode(b"\xc3").decode() + "?= =?utf-8?q?=A9?="
    assert mail("x", f"Subject: {split}").subject == "é"
    assert mail("x", "Subject: =?utf-8?b?!?= =?x").subject == "=?x"


def test_one_line_subject_without_unseen_characters() -> None:
    message = mail("x", "Subject: =?utf-8?q?a=0Ab=00=E2=80=AEc=F3=A0=81=81?=")
    assert message.subject == "a b c"
    assert message.hidden == (
        "in the subject: tag characters: A",
        "in the subject: invisible characters: 1 × U+202E",
    )


def test_reports_hold_no_control_characters() -> None:
    assert mail("<p hidden>a\x1b[2Jb</p>", "Content-Type: text/html").hidden == ("hidden attribute: a [2Jb",)


def test_invisible_characters_in_text() -> None:
    family, persian, flag = "👩\u200d👩\u200d👧", "می\u200cخواهم", "🏴\U000e0067\U000e0062\U000e007f"
    message = mail(
        f"{family} {persian} {flag} ❤\ufe0f a\u200bb\u202ec\U000e0041",
        "Content-Type: text/plain; charset=utf-8",
    )
    assert message.markdown == f"{family} {persian} {flag} ❤\ufe0f abc"
    assert message.hidden[0] == "tag characters: A"


@pytest.mark.parametrize(
    ("encoding", "data", "content"),
    [
        ("base64", b"aGVs\n bG8=", b"hello"),
        ("base64", b"aGVsbG8", b"hello"),
        ("base64", b"aGV!sbG8=\n--\nfooter", b"hello"),
        ("base64", b"aGVsb", b"hel"),
        ("quoted-printable", b"h=65llo=", b"hello"),
        ("quoted-printable", b"100=% h=ZZ", b"100=% h=ZZ"),
        ("x-unknown", b"hello", b"hello"),
        ("8bit", b"h\xff", b"h\xff"),
    ],
)
def test_transfer_encodings(encoding: str, data: bytes, content: bytes) -> None:
    message = mail(data, "Content-Type: application/x-thing", f"Content-Transfer-Encoding: {encoding}")
    assert message.attachments[0].content.rstrip() == content


@pytest.mark.parametrize(
    ("claimed", "name"),
    [
        ("../../etc/passwd", "passwd"),
        ("C:\\\\temp\\\\a.exe", "a.exe"),
        ("a\x01\u202eb.txt", "a b.txt"),
        ("..", "attachment-1.pdf"),
        ("", "attachment-1.pdf"),
        (".htaccess", "htaccess"),
        ("a:b|c?.txt", "a_b_c_.txt"),
        ("é" * 300 + ".pdf", "é" * 125 + ".pdf"),
        ("=?utf-8?q?=C3=A9.pdf?=", "é.pdf"),
    ],
)
def test_attachment_names(claimed: str, name: str) -> None:
    part = mail(
        "x", "Content-Type: application/pdf", f'Content-Disposition: attachment; filename="{claimed}"'
    )
    assert [attachment.name for attachment in part.attachments] == [name]
    assert len(name.encode()) <= 255


def test_attachment_names_are_unique_and_inline_parts_known() -> None:
    head = "Content-Type: image/png\nContent-Disposition: {}; filename=A.png\nContent-ID: <i@x>\n\nx\n--b"
    parts = "\n".join(
        (head.format("inline"), head.format("attachment").replace("A.png", "a.PNG"), head.format("inline"))
    )
    message = mail(f"--b\n{parts}--", "Content-Type: multipart/related; boundary=b")
    assert [(part.name, part.inline) for part in message.attachments] == [
        ("A.png", True),
        ("a (2).PNG", False),
        ("A (3).png", True),
    ]
    assert message.attachments[0].content_id == "i@x"


def test_flowed_text() -> None:
    message = mail("one \ntwo\n> a \n> b\n-- \nRick", "Content-Type: text/plain; format=flowed")
    assert message.markdown == "one two"
    assert (message.quoted, message.signature) == ("> a b", "-- \nRick".replace("-- ", "--"))


def test_a_footer_joins_the_words() -> None:
    html = "Content-Type: text/html\n\n<b>h</b>"
    alternative = f"Content-Type: multipart/alternative; boundary=i\n\n--i\n\nt\n--i\n{html}\n--i--"
    message = mail(f"--b\n{alternative}\n--b\n\nfooter\n--b--", "Content-Type: multipart/mixed; boundary=b")
    assert (message.text, message.markdown) == ("t\n\nfooter", "**h**\n\nfooter")


def test_the_richer_part_is_read() -> None:
    body = "--i\n\n{}\n--i\nContent-Type: text/html\n\n{}\n--i--"
    head = "Content-Type: multipart/alternative; boundary=i"
    assert (
        mail(body.format("a long text with words", "<p>see</p>"), head).markdown == "a long text with words"
    )
    assert mail(body.format("words", "<p><b>words</b></p>"), head).markdown == "**words**"


def test_links_of_plain_text() -> None:
    assert mail("see https://x.org/a, or <http://y.org>.").links == (
        ("https://x.org/a", "https://x.org/a"),
        ("http://y.org", "http://y.org"),
    )


@pytest.mark.parametrize(
    "date", ["", "yesterday", "Mon, 99 Foo 2025 99:99:99 +9999", "1 Jan 99999999 0:0:0", "\x00"]
)
def test_broken_dates(date: str) -> None:
    assert mail("x", f"Date: {date}").date is None


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        (b"", ""),
        (b"no headers at all", "no headers at all"),
        (b"Subject: x\nnot a header\nmore", "not a header\nmore"),
        (b"Content-Type: multipart/mixed\n\nwords", "words"),
        (b"Content-Type: multipart/mixed; boundary=b\n\nwords", "words"),
        (b"Content-Type: multipart/mixed; boundary=b\n\n--b\n\nwords", "words"),
        (b"Content-Type: nonsense\n\nwords", ""),
        (b"Content-Type: text/plain; charset=utf-8; charset\n\nwords", "words"),
    ],
)
def test_broken_mail_is_read_as_far_as_it_goes(raw: bytes, text: str) -> None:
    message = parse(raw)
    assert message.text == text
    assert message.defects or raw.endswith(b"charset\n\nwords")


def _nested(depth: int, same: bool = False) -> bytes:
    names = [b"b" if same else b"b%d" % level for level in range(depth)]
    return (
        b"".join(b"Content-Type: multipart/mixed; boundary=%s\n\n--%s\n" % (n, n) for n in names) + b"\nhello"
    )


@pytest.mark.parametrize(
    "raw",
    [
        _nested(5_000),
        _nested(5_000, same=True),
        b"A: b\n" * 20_000 + b"\nx",
        b"A: " + b"x" * 1_000_000,
        b"To: " + b"a@b.c, " * 20_000,
        b"To: " + b"(" * 50_000 + b"\n\n",
        b'To: "' + b"\\" * 50_000,
        b"Subject: " + b"=?utf-8?q?" * 10_000,
        b"References: " + b"<" * 50_000,
        b"Content-Type: multipart/mixed; boundary=b\n\n" + b"--b\n\nx\n" * 20_000,
        b"Content-Type: multipart/mixed; boundary=b\n\n" + b"--bx\n" * 200_000,
        b"Content-Type: multipart/mixed; boundary=b\n\n" + b'--b\nContent-Type: a/b; x="' + b";" * 60_000,
        b"Content-Transfer-Encoding: base64\n\n" + b"A!" * 500_000,
        b"\n" + b"a:\n" * 100_000,
        b"\n" + b"-- \n" * 100_000,
        b"\n" + b">" * 500_000,
    ],
)
def test_hostile_mail_is_bounded(raw: bytes) -> None:
    message = parse(raw)
    assert len(message.headers) <= 500
    assert len(message.to) <= MAX_ADDRESSES
    assert len(message.attachments) <= 500
    assert len(message.references) <= MAX_IDS
    assert len(message.defects) <= 50


def _check(message: Message) -> None:
    for line in (message.subject, message.message_id, message.from_.name, *(v for _, v in message.headers)):
        assert "\n" not in line and "\r" not in line and "\x00" not in line
    names = [part.name for part in message.attachments]
    assert len({name.casefold() for name in names}) == len(names)
    for name in names:
        assert name.isprintable() and "/" not in name and "\\" not in name and 0 < len(name.encode()) <= 255
        assert name.strip(".")
    for text in (
        message.text,
        message.html,
        message.markdown,
        message.quoted,
        message.signature,
        message.subject,
    ):
        text.encode()  # no lone surrogates: everything can be stored


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=500))
def test_any_bytes_are_read(raw: bytes) -> None:
    _check(parse(raw))


@settings(max_examples=300, deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 12))
def test_mutated_mail_is_read(seed: int, changes: int) -> None:
    dice = random.Random(seed)
    data = bytearray(MIXED)
    for _ in range(changes):
        at = dice.randrange(len(data))
        end = min(len(data), at + dice.randrange(60))
        replacement = dice.choice(
            (b"", bytes(data[at:end]) * 2, dice.randbytes(5), b"\n", b'"', b"--outer\n", b"=?x?q?")
        )
        data[at:end] = replacement
    _check(parse(bytes(data)))


@pytest.mark.skipif(not DATA.is_dir(), reason="the shared collection of mail is not here")
@pytest.mark.parametrize("folder", ["mime", "bounces"])
def test_the_collections_are_read(folder: str) -> None:
    """All are read without an exception; all but a handful (empty by design) give words or files."""
    paths = sorted((DATA / folder).rglob("*.eml"))
    assert paths
    empty = []
    for path in paths:
        message = parse(path.read_bytes())
        _check(message)
        if not (message.text or message.html or message.attachments):
            empty.append(path.name)
    assert len(empty) <= 1
