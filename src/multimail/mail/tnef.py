"""winmail.dat, in which Outlook packs a message for its own kind (TNEF: [MS-OXTNEF], [MS-OXPROPS]), unpacked.

Read in one pass over slices, so time and memory are linear in the bytes. Formatted text in RTF is not read: the
same words stand in the message's plain text.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from multimail.mail.charsets import decode, whole_characters

TYPES: Final = ("application/ms-tnef", "application/vnd.ms-tnef")
MAX_FILES: Final = 200
MAX_DEPTH: Final = 3  # messages within messages
MAX_PROPERTIES: Final = 2_000  # of one list
MAX_VALUES: Final = 50  # of one property

_SIGNATURE: Final = 0x223E9F78  # 2.1.3.1
_START_OF_FILE, _FILE_TITLE, _FILE_DATA, _FILE_PROPERTIES = 0x00069002, 0x00018010, 0x0006800F, 0x00069005
_PROPERTIES, _BODY, _CODE_PAGE = 0x00069003, 0x0002800C, 0x00069007
# identifiers of [MS-OXPROPS]
_TEXT, _RTF, _HTML, _INTERNET_CODE_PAGE = 0x1000, 0x1009, 0x1013, 0x3FDE
_DATA, _SHORT_NAME, _LONG_NAME, _TYPE, _CONTENT_ID = 0x3701, 0x3704, 0x3707, 0x370E, 0x3712
_NAMED: Final = 0x8000
_STRING, _UNICODE, _OBJECT, _BINARY, _MANY = 0x1E, 0x1F, 0x0D, 0x102, 0x1000
_WIDTH: Final = {
    0x02: 4,
    0x03: 4,
    0x04: 4,
    0x0A: 4,
    0x0B: 4,
    0x05: 8,
    0x06: 8,
    0x07: 8,
    0x14: 8,
    0x40: 8,
    0x48: 16,
}
_INTERFACE: Final = 16  # octets of the identifier before an object's data


@dataclass(slots=True)
class File:
    """As claimed: no name is safe yet. `content_type` is '' where nothing is said."""

    name: str = ""
    content_type: str = ""
    content_id: str = ""
    content: bytes = b""


@dataclass(slots=True)
class Package:
    """What was inside; `defects` are sentences for a person."""

    text: str = ""
    html: str = ""
    files: list[File] = field(default_factory=list)
    defects: list[str] = field(default_factory=list)


def read_tnef(data: bytes, depth: int = 0) -> Package | None:
    """The package, as far as it can be read; None for other bytes. Never raises."""
    if len(data) < 6 or struct.unpack_from("<I", data)[0] != _SIGNATURE:
        return None
    package, page = Package(), "cp1252"
    for name, value in _attributes(data, package):
        if name == _CODE_PAGE and len(value) >= 4:
            page = f"cp{struct.unpack_from('<I', value)[0]}"
        elif name == _BODY:
            package.text = package.text or _string(value, page)
        elif name == _PROPERTIES:
            _body(package, dict(_properties(value, page)), page)
        elif name == _START_OF_FILE:
            if len(package.files) >= MAX_FILES:
                package.defects.append(f"There were more than {MAX_FILES} files in winmail.dat.")
                break
            package.files.append(File())
        elif package.files and name == _FILE_TITLE:
            package.files[-1].name = package.files[-1].name or _string(value, page)
        elif package.files and name == _FILE_DATA:
            package.files[-1].content = value
        elif package.files and name == _FILE_PROPERTIES:
            _describe(package, package.files[-1], dict(_properties(value, page)), depth)
    package.files = [one for one in package.files if one.content or one.name]
    return package


def _attributes(data: bytes, package: Package) -> Iterator[tuple[int, bytes]]:
    """2.1.3.2: a level, an identifier, a length, the data and a checksum, which many writers get wrong."""
    at = 6  # after the signature and the key
    while at + 9 <= len(data):
        name, length = struct.unpack_from("<II", data, at + 1)
        end = at + 9 + length
        if data[at] not in (1, 2) or end > len(data):
            package.defects.append("winmail.dat is cut off or broken; what came before was read.")
            return
        yield name, data[at + 9 : end]
        at = end + 2
    if at < len(data):
        package.defects.append("winmail.dat is cut off; what came before was read.")


def _properties(data: bytes, page: str) -> Iterator[tuple[int, str | bytes]]:
    """2.1.3.4: the first value of each property that is text or bytes. Ends where the list can't be followed."""
    try:
        (count,) = struct.unpack_from("<I", data)
        at = 4
        for _ in range(min(count, MAX_PROPERTIES)):
            kind, name = struct.unpack_from("<HH", data, at)
            at += 4
            if name >= _NAMED:
                at = _past_name(data, at)
            many, kind = kind & _MANY, kind & ~_MANY
            long = kind in (_STRING, _UNICODE, _OBJECT, _BINARY)
            values = 1
            if many or long:
                (values,) = struct.unpack_from("<I", data, at)
                at += 4
            if values > MAX_VALUES or not (long or kind in _WIDTH):
                return
            for number in range(values):
                length = _WIDTH.get(kind, 0)
                if long:
                    (length,) = struct.unpack_from("<I", data, at)
                    at += 4
                if at + length > len(data):
                    return
                if long and number == 0:
                    value = data[at : at + length]
                    yield name, _value(value, kind, page)
                elif kind == 0x03 and number == 0:
                    yield name, data[at : at + 4]
                at += -(-length // 4) * 4 if long else length
    except struct.error:
        return


def _past_name(data: bytes, at: int) -> int:
    """A named property has a set, a kind, and a number or a padded string before its value."""
    kind, length = struct.unpack_from("<II", data, at + 16)
    return at + 24 if kind == 0 else at + 24 + -(-length // 4) * 4


def _value(value: bytes, kind: int, page: str) -> str | bytes:
    if kind == _STRING:
        return _string(value, page)
    if kind == _UNICODE:
        return whole_characters(value.decode("utf-16-le", "replace")).rstrip("\0")
    return value[_INTERFACE:] if kind == _OBJECT else value


def _string(value: bytes, page: str) -> str:
    return decode(value.rstrip(b"\0"), page)[0]


def _body(package: Package, said: dict[int, str | bytes], page: str) -> None:
    number = said.get(_INTERNET_CODE_PAGE, b"")
    internet = (
        f"cp{struct.unpack('<I', number)[0]}" if isinstance(number, bytes) and len(number) == 4 else page
    )
    html, text = said.get(_HTML, b""), said.get(_TEXT, "")
    package.html = (
        html if isinstance(html, str) else _string(html, "utf-8" if internet == "cp65001" else internet)
    )
    package.text = text if isinstance(text, str) and text else package.text
    if _RTF in said and not (package.html or package.text):
        package.defects.append("The formatted text in winmail.dat is RTF, which is not read.")


def _describe(package: Package, file: File, said: dict[int, str | bytes], depth: int) -> None:
    file.name = str(said.get(_LONG_NAME) or file.name or said.get(_SHORT_NAME, ""))
    file.content_type = str(said.get(_TYPE, ""))
    file.content_id = str(said.get(_CONTENT_ID, ""))
    held = said.get(_DATA)
    if not isinstance(held, bytes):
        return
    message = read_tnef(held, depth + 1) if depth < MAX_DEPTH else None
    if message is None:
        file.content = held or file.content
        return
    words = message.html or message.text
    file.name = (file.name or "message") + (".html" if message.html else ".txt")
    file.content_type, file.content = (
        "text/html" if message.html else "text/plain",
        words.encode("utf-8", "replace"),
    )
    package.files.extend(message.files[: MAX_FILES - len(package.files)])
    package.defects.extend(message.defects)
