"""Bytes of mail into text: charsets as mailers name them, encoded words, characters nobody sees."""

import binascii
import re
from collections import Counter
from contextlib import suppress
from encodings.aliases import aliases

_LIKE: dict[str, str] = {
    # what the name says is not what mailers send: WHATWG Encoding 4.2 reads these as their supersets
    "us-ascii": "utf-8", "ascii": "utf-8", "ansi_x3.4-1968": "utf-8", "utf8mb4": "utf-8", "utf8mb3": "utf-8",
    "unicode-1-1-utf-8": "utf-8", "x-unknown": "utf-8", "unknown-8bit": "utf-8", "default": "utf-8",
    "iso-8859-1": "cp1252", "latin1": "cp1252", "latin-1": "cp1252", "iso8859-1": "cp1252",
    "iso_8859-1": "cp1252",
    "x-ansi": "cp1252", "ansi": "cp1252", "x-cp1252": "cp1252", "iso-8859-9": "cp1254",
    "iso-8859-11": "cp874",
    "windows-874": "cp874", "iso-8859-8-i": "iso8859-8", "iso-8859-8-e": "iso8859-8", "logical": "iso8859-8",
    "iso-8859-6-i": "iso8859-6", "iso-8859-6-e": "iso8859-6", "x-sjis": "cp932", "shift_jis": "cp932",
    "shift-jis": "cp932", "sjis": "cp932", "windows-31j": "cp932", "x-ms-cp932": "cp932",
    "x-euc-jp": "euc_jp",
    "iso-2022-jp": "iso2022_jp_ext", "cp50220": "iso2022_jp_ext", "ks_c_5601-1987": "cp949",
    "ks_c_5601": "cp949", "ksc5601": "cp949", "euc-kr": "cp949", "x-windows-949": "cp949",
    "gb2312": "gb18030",
    "gbk": "gb18030", "x-gbk": "gb18030", "gb_2312-80": "gb18030", "chinesesimplified": "gb18030",
    "x-x-big5": "big5hkscs", "big5": "big5hkscs", "x-mac-roman": "mac_roman", "macintosh": "mac_roman",
    "x-mac-cyrillic": "mac_cyrillic", "koi8-ru": "koi8_u", "cp-850": "cp850",
    "unicode": "utf-16", "iso-10646-ucs-2": "utf-16", "ucs-2": "utf-16", "cp50221": "iso2022_jp_ext",
    "iso-2022-jp-ms": "iso2022_jp_ext", "cp51932": "euc_jp", "eucjp-ms": "euc_jp", "ksc_5601": "cp949",
    "cseuckr": "cp949", "windows-936": "gb18030", "cswindows31j": "cp932", "x-mac-greek": "mac_greek",
    "x-mac-turkish": "mac_turkish", "x-mac-ce": "mac_latin2", "utf-8-sig": "utf-8", "x-utf8": "utf-8",
    "8bit": "utf-8", "binary": "utf-8", "unknown": "utf-8", "none": "utf-8", "x-user-defined": "cp1252",
}  # fmt: skip
_FAMILIES = (  # families whose names mailers spell in many ways
    (re.compile(r"(?:x-)?(?:windows|win|cp)-?(125\d)"), "cp{}"),
    (re.compile(r"(?:x-)?iso[-_ .]?8859[-_ .]?(\d{1,2})(?:-windows.*)?"), "iso-8859-{}"),
)
# codecs that are no charsets of mail; punycode's takes quadratic time, and what UTF-7 hides (RFC 2152 "Security
# Considerations") no reader of today's mail programs would see
_NOT_TEXT = frozenset(
    "utf_7 base64_codec bz2_codec hex_codec quopri_codec rot_13 uu_codec zlib_codec idna punycode undefined"
    " mbcs oem unicode_escape raw_unicode_escape unicode_internal tactis".split()
)
_KNOWN = {name for pair in aliases.items() for name in pair if pair[1] not in _NOT_TEXT}
_KNOWN |= {
    "koi8_u",
    "koi8_t",
    "cp720",
    "cp737",
    "cp856",
    "cp874",
    "cp875",
    "cp1006",
    "mac_croatian",
    "mac_romanian",
}

_WORD = re.compile(r"=\?([^?\s]{1,64})\?([bBqQ])\?([^?]*+)\?=")
_NOT_BASE64 = bytes(
    set(range(256)) - set(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=")
)

_UNSEEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f"
    "\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb\ufdd4-\ufdef\ufffe\uffff"
    "\U0001d173-\U0001d17a\U000e0000-\U000e0fff]+"
)
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]+")
_SURROGATE = re.compile("[\ud800-\udfff]")
_UNSEEN_IN_ASCII = re.compile("[\x00-\x08\x0b-\x1f\x7f]")
_SHY_AND_MARKS = frozenset("\u00ad\u200e\u200f\u061c\r")  # ordinary in honest text: gone without a word
_MAX_TAGGED = 300


def decode(data: bytes, charset: str) -> tuple[str, str]:
    """Text of bytes said to be in `charset`, and a defect ('' if none); else UTF-8, else Windows-1252."""
    name = charset.strip(" \t\"'").lower().partition("*")[0]
    key = _codec(name)
    known = key in _KNOWN
    defect = "" if known or not name else f"The charset {name[:40]!a} is not known."
    seven_bits = key.startswith(("iso2022", "hz"))  # of these anything is UTF-8
    wrong = ""
    for attempt in dict.fromkeys((key if known else "utf-8", key if seven_bits else "utf-8")):
        try:
            return data.decode(attempt).removeprefix("\ufeff"), defect
        except (UnicodeError, LookupError, ValueError):
            wrong = f"Some bytes are not {name or 'utf-8'}; they were read as best they could."
    if key == "iso2022_jp_ext":  # the vendors' characters of row 13 are where JIS X 0213 has them
        with suppress(UnicodeError):
            return data.replace(b"\x1b$B", b"\x1b$(Q").decode("iso2022_jp_2004"), defect
    if known and key not in ("utf_8", "utf8", "cp1252"):
        return data.decode(key, "replace"), wrong
    return data.decode("cp1252", "replace"), "" if name in ("iso-8859-1", "windows-1252") else wrong


def _codec(name: str) -> str:
    """Python's name for a charset of mail, or the name itself in that spelling."""
    if name not in _LIKE:
        for family, plain in _FAMILIES:
            if match := family.fullmatch(name):
                name = plain.format(match[1])
    return _LIKE.get(name, name).replace("-", "_").replace(" ", "_").replace(".", "_")


def from_uuencode(data: bytes) -> tuple[bytes, str]:
    """What `uuencode` wrote (POSIX), as far as it can be read; bytes and a defect."""
    out, defect, begun = [], "", False
    for line in data.splitlines():
        if not begun:
            begun = line.startswith(b"begin ")
        elif line.strip() in (b"end", b"`", b""):
            break
        else:
            try:
                out.append(binascii.a2b_uu(line))
            except binascii.Error:
                defect = "Some lines of uuencoded data could not be read."
    return b"".join(out), defect if begun else "Uuencoded data has no beginning."


def from_base64(data: bytes) -> tuple[bytes, str]:
    """Decode base64 as far as it goes (RFC 2045 6.8), ignoring other characters; bytes and a defect."""
    letters = data.translate(None, _NOT_BASE64)
    body, padding, after = letters.partition(b"=")
    defect = "Text after the end of base64 data was dropped." if after.strip(b"=") else ""
    if len(body) % 4 == 1:
        body, defect = body[:-1], "Base64 data ends in the middle."
    elif len(body) % 4 and not padding:
        defect = "Base64 data ends without its padding."
    return binascii.a2b_base64(body + b"=" * (-len(body) % 4)), defect


def decode_words(value: str) -> str:
    """Encoded words of RFC 2047 into text; neighbours of one charset are joined first."""
    if "=?" not in value:
        return value
    out: list[str] = []
    charset, pending, at = "", b"", 0
    for word in _WORD.finditer(value):
        between = value[at : word.start()]
        at = word.end()
        encoded = word[3].encode("utf-8", "surrogateescape")
        data = from_base64(encoded)[0] if word[2] in "bB" else binascii.a2b_qp(encoded, header=True)
        if between.strip(" \t\r\n") or word[1].lower() != charset:
            out.append(decode(pending, charset)[0] if pending else "")
            out.append(between if between.strip(" \t\r\n") or not charset else "")
            pending = b""
        charset, pending = word[1].lower(), pending + data if pending else data
    out.append(decode(pending, charset)[0] if pending else "")
    out.append(value[at:])
    return "".join(out)


def whole_characters(text: str, instead: str = "\ufffd") -> str:
    """Text without halves of surrogate pairs, which no database keeps."""
    return text if text.isascii() else _SURROGATE.sub(instead, text)


def one_line(value: str) -> str:
    """Text on one line, without control characters."""
    if value.isascii() and value.isprintable():
        return value.strip()
    return _CONTROL.sub(" ", whole_characters(value)).strip()


def strip_unseen(text: str) -> tuple[str, tuple[str, ...]]:
    """Text without characters nobody sees, and sentences on what was taken out.

    Joiners stay in emoji, Arabic and Indic words, one variation selector after its base, the tags of a flag.
    """
    if text.isascii() and (text.isprintable() or not _UNSEEN_IN_ASCII.search(text)):
        return text, ()
    removed: Counter[str] = Counter()
    tagged: list[str] = []

    def keep(match: re.Match[str]) -> str:
        run = match[0]
        before = text[match.start() - 1] if match.start() else ""
        after = text[match.end()] if match.end() < len(text) else ""
        if before == "\U0001f3f4" and run[-1] == "\U000e007f" and len(run) <= 8:
            return run
        kept = ""
        for at, character in enumerate(run):
            last = kept[-1] if kept else before
            if _legitimate(character, last, run[at + 1] if at + 1 < len(run) else after):
                kept += character
            elif "\U000e0020" <= character <= "\U000e007e":
                removed["tag"] += 1
                tagged.append(chr(ord(character) - 0xE0000))
            elif character not in _SHY_AND_MARKS:
                removed[character] += 1
        return kept

    text = _UNSEEN.sub(keep, text)
    count = removed.pop("tag", 0)
    reports = [f"tag characters: {''.join(tagged[:_MAX_TAGGED])}"] if count else []
    common = [f"{times} × U+{ord(character):04X}" for character, times in removed.most_common(8)]
    if common:
        reports.append("invisible characters: " + ", ".join(common))
    return text, tuple(reports)


def _legitimate(character: str, before: str, after: str) -> bool:
    if character in "\u200c\u200d":
        joins_letters = "\u0600" <= before <= "\u1aff" and (
            "\u0600" <= after <= "\u1aff" or not after.isalnum()
        )
        return joins_letters or (character == "\u200d" and before >= "\u2190" and after >= "\u2190")
    if "\ufe00" <= character <= "\ufe0f" or "\U000e0100" <= character <= "\U000e01ef":
        key_cap = character == "\ufe0f" and before != "" and before in "#*0123456789"
        return key_cap or (before >= "\u00a9" and not _UNSEEN.match(before))
    return False
