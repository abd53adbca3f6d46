"""winmail.dat: packages built here by the layout of [MS-OXTNEF], and broken ones."""

import struct

from hypothesis import given, settings
from hypothesis import strategies as st

from multimail.mail.mime import MAX_PARTS
from multimail.mail.parse import parse
from multimail.mail.tnef import MAX_FILES, read_tnef

LONG_NAME, MIME_TYPE, DATA, HTML, TEXT = 0x3707, 0x370E, 0x3701, 0x1013, 0x1000


def attribute(name: int, value: bytes, level: int = 2) -> bytes:
    return struct.pack("<BII", level, name, len(value)) + value + struct.pack("<H", sum(value) & 0xFFFF)


def padded(value: bytes) -> bytes:
    return value + bytes(-len(value) % 4)


def properties(*given: tuple[int, int, bytes]) -> bytes:
    """Kind, identifier and value; one of each width before, as Outlook writes them, and a named one."""
    named = struct.pack("<HH16sII", 0x03, 0x8001, bytes(16), 0, 7) + struct.pack("<I", 5)
    spelled = (
        struct.pack("<HH16sII", 0x0B, 0x8002, bytes(16), 1, 6) + padded("ab\0".encode("utf-16-le")) + bytes(4)
    )
    lists = struct.pack("<HHI", 0x1003, 0x6001, 2) + bytes(8)
    out = named + spelled + lists
    for kind, name, value in given:
        out += struct.pack("<HHII", kind, name, 1, len(value)) + padded(value)
    return struct.pack("<I", 3 + len(given)) + out


def package(*attributes: bytes) -> bytes:
    return (
        struct.pack("<IH", 0x223E9F78, 1)
        + attribute(0x00069007, struct.pack("<II", 1251, 0), 1)
        + b"".join(attributes)
    )


def file(name: str, content: bytes, *more: tuple[int, int, bytes]) -> bytes:
    long_name = (0x1F, LONG_NAME, f"{name}\0".encode("utf-16-le"))
    return (
        attribute(0x00069002, bytes(14))
        + attribute(0x00018010, b"SHORT~1.DAT\0")
        + attribute(0x0006800F, content)
        + attribute(0x00069005, properties(long_name, *more))
    )


def mailed(data: bytes, text: str = "") -> bytes:
    head = b"Content-Type: multipart/mixed; boundary=b\n\n"
    body = f"--b\nContent-Type: text/plain\n\n{text}\n".encode() if text else b""
    part = b"--b\nContent-Type: application/ms-tnef; name=winmail.dat\nContent-Transfer-Encoding: binary\n\n"
    return head + body + part + data + b"\n--b--\n"


def test_files_take_the_place_of_the_package() -> None:
    kind = (0x1E, MIME_TYPE, b"application/pdf\0")
    message = parse(mailed(package(file("Отчёт ../2026.pdf", b"%PDF", kind)), "See the file."))
    (part,) = message.attachments
    assert (part.name, part.content_type, part.content) == ("2026.pdf", "application/pdf", b"%PDF")
    assert message.markdown == "See the file." and message.defects == ()


def test_words_are_read_where_no_part_has_any() -> None:
    said = attribute(0x00069003, properties((0x102, HTML, b"<p>Dear <b>all</b></p>")), 1)
    assert parse(mailed(package(said))).markdown == "Dear **all**"
    assert parse(mailed(package(said), "Dear all")).markdown == "Dear all"
    old = attribute(0x0002800C, "Привет\0".encode("cp1251"), 1)
    assert parse(mailed(package(old))).markdown == "Привет"


def test_a_message_inside_becomes_a_file_with_its_words() -> None:
    inner = package(
        attribute(0x00069003, properties((0x1E, TEXT, b"inner words")), 1), file("x.txt", b"deep")
    )
    held = (0x0D, DATA, bytes(16) + inner)
    read = read_tnef(package(file("Re: offer", b"", held)))
    assert read is not None
    assert [(one.name, one.content) for one in read.files] == [
        ("Re: offer.txt", b"inner words"),
        ("x.txt", b"deep"),
    ]


def test_what_is_broken_is_said_and_kept() -> None:
    whole = package(file("a.txt", b"first"), file("b.txt", b"second"))
    message = parse(mailed(whole[:-30]))
    assert message.attachments[0].content == b"first"
    assert any("winmail.dat" in defect for defect in message.defects)
    (kept,) = parse(mailed(b"no package")).attachments
    assert kept.name == "winmail.dat"
    rtf = read_tnef(package(attribute(0x00069003, properties((0x102, 0x1009, b"LZFu")), 1)))
    assert rtf is not None and any("RTF" in defect for defect in rtf.defects)


def test_many_files_and_deep_messages_are_bounded() -> None:
    many = read_tnef(package(*(file("a", b"x") for _ in range(MAX_FILES + 50))))
    assert many is not None and len(many.files) == MAX_FILES
    deep = package(file("end", b"x"))
    for _ in range(50):
        deep = package(file("m", b"", (0x0D, DATA, bytes(16) + deep)))
    assert read_tnef(deep) is not None


def test_many_packages_of_many_files_are_bounded() -> None:
    """63 KB of them took ten seconds, 128 KB half a minute."""
    packages = [
        package(*(attribute(0x00069002, b"") + attribute(0x00018010, b"a") for _ in range(MAX_FILES)))
    ] * 20
    body, end = mailed(packages[0]), b"\n--b--\n"
    part = body[body.index(b"--b\n") : -len(end)] + b"\n"
    message = parse(body[: body.index(b"--b\n")] + part * len(packages) + end)
    names = [one.name for one in message.attachments]
    assert len(names) < MAX_PARTS + len(packages) and len(set(names)) == len(names)
    assert names.count("winmail.dat") == 1 and any("stay packed" in one for one in message.defects)


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=200), st.integers(0, 400), st.binary(max_size=8))
def test_any_bytes_are_read(tail: bytes, at: int, change: bytes) -> None:
    whole = bytearray(
        package(file("a.txt", b"first"), attribute(0x00069003, properties((0x1E, TEXT, b"x")), 1))
    )
    whole[at : at + len(change)] = change
    for data in (bytes(whole) + tail, package() + tail, tail):
        read_tnef(data)
        parse(mailed(data))
