"""Values of CSS as far as they can hide words: declarations, lengths, colours (CSS 2.2, CSS Color 4)."""

import colorsys
import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Final, NamedTuple

Colour = tuple[int, int, int]
WHITE: Final[Colour] = (255, 255, 255)
BLACK: Final[Colour] = (0, 0, 0)
LINK: Final[Colour] = (0, 0, 238)

_COMMENT = re.compile(r"/\*(?:[^*]++|\*(?!/))*+(?:\*/|\Z)")
_ESCAPE = re.compile(r"\\(?:([0-9a-fA-F]{1,6})\s?|([^0-9a-fA-F\n]))")
_NUMBER = re.compile(
    r"\s*(?:calc\(\s*)?([-+]?(?:\d{1,9}(?:\.\d{0,9})?|\.\d{1,9})(?:e[-+]?\d{1,3})?)\s*([a-z%]*)"
)
_FUNCTION = re.compile(r"(rgb|hsl)a?\(([^()]{1,100})\)")
_HEX = re.compile(r"#([0-9a-f]{3,8})(?![0-9a-z])")
_WORD = re.compile(r"[a-z]+")
_VAR = re.compile(r"var\(\s*(--[\w-]{1,100})\s*(?:,([^()]{0,200}))?\)")
_NAMED: Final[Mapping[str, Colour]] = {
    name: (int(code[:2], 16), int(code[2:4], 16), int(code[4:], 16))
    for name, code in (
        pair.split(":")
        for pair in (
            "white:ffffff canvas:ffffff window:ffffff snow:fffafa ivory:fffff0 ghostwhite:f8f8ff floralwhite:fffaf0"
            " whitesmoke:f5f5f5 mintcream:f5fffa azure:f0ffff aliceblue:f0f8ff honeydew:f0fff0 seashell:fff5ee"
            " linen:faf0e6 oldlace:fdf5e6 cornsilk:fff8dc lightyellow:ffffe0 lightcyan:e0ffff lavender:e6e6fa"
            " lavenderblush:fff0f5 mistyrose:ffe4e1 beige:f5f5dc antiquewhite:faebd7 lemonchiffon:fffacd"
            " lightgoldenrodyellow:fafad2 papayawhip:ffefd5 gainsboro:dcdcdc lightgray:d3d3d3 lightgrey:d3d3d3"
            " silver:c0c0c0 darkgray:a9a9a9 darkgrey:a9a9a9 gray:808080 grey:808080 dimgray:696969 dimgrey:696969"
            " black:000000 canvastext:000000 windowtext:000000 midnightblue:191970 navy:000080 darkblue:00008b"
            " darkslategray:2f4f4f red:ff0000 maroon:800000 darkred:8b0000 blue:0000ff yellow:ffff00 green:008000"
            " lime:00ff00 aqua:00ffff cyan:00ffff teal:008080 olive:808000 purple:800080 fuchsia:ff00ff"
            " magenta:ff00ff orange:ffa500 pink:ffc0cb brown:a52a2a gold:ffd700 indigo:4b0082 violet:ee82ee"
        ).split()
    )
}


class Paint(NamedTuple):
    """A colour as it was written: None where it is none that is known, and how much of it is seen, 0 to 1."""

    colour: Colour | None
    alpha: float


def declarations(css: str) -> tuple[dict[str, str], dict[str, str]]:
    """By property, in small letters: what counts, and what is `!important`. A value that no browser takes is none."""
    usual: dict[str, str] = {}
    important: dict[str, str] = {}
    css = _COMMENT.sub("", css)
    if "\\" in css:
        css = _ESCAPE.sub(lambda one: chr(min(int(one[1], 16), 0x10FFFF)) if one[1] else one[2], css)
    for declaration in css.lower().split(";"):
        name, colon, value = declaration.partition(":")
        name, value = name.strip(), value.strip()
        before, _, after = value.rpartition("!")
        strong = after.strip() == "important" and bool(before)
        if strong:
            value = before.rstrip()
        if colon and _VALID.get(name, bool)(value):
            (important if strong else usual).update(_unfolded(name, value))
    return usual, important


def _unfolded(name: str, value: str) -> dict[str, str]:
    """Shorthands as what they stand for, so that the later of the two counts."""
    if name == "font":
        size = font_size(value)
        return {"font-size": size} if size else {}
    if name == "background":
        return {"background-color": value, "background-image": value if "(" in value else "none"}
    return {name: value}


def resolved(value: str, variables: Mapping[str, str]) -> str:
    """With custom properties put in, two deep."""
    for _ in range(2):
        if "var(" in value:
            value = _VAR.sub(lambda one: (variables.get(one[1]) or one[2] or "")[:200], value[:1_000])
    return value


def length(value: str, bare: bool = False) -> float | None:
    """A CSS length in roughly pixels; None when it is not a plain number."""
    match = _NUMBER.match(value) if value else None
    if not match:
        return None
    scale = 1.0 if bare and match[2] != "%" else {"em": 16, "rem": 16, "%": 0.16, "pt": 1.33}.get(match[2], 1)
    return float(match[1]) * scale


def relative(value: str) -> bool:
    """Whether a size is one of the size around it."""
    match = _NUMBER.match(value)
    return bool(match and match[2] in ("em", "%")) or value in ("larger", "smaller", "inherit")


def font_size(shorthand: str) -> str:
    """Of `font`: '0/0 a' and '400 12px Arial' have a size, 'inherit' has none."""
    for word in shorthand.split()[:8]:
        size, slash, _ = word.partition("/")
        match = _NUMBER.fullmatch(size)
        if match and (slash or match[2] or not float(match[1])):
            return size
    return ""


@lru_cache(maxsize=1024)  # asked when it is read, and when it is used
def paint(value: str) -> Paint | None:
    """The colour in a value; None where there is none, as in `inherit`."""
    if not value:
        return None
    if match := _FUNCTION.search(value):
        return _of_function(match[1], match[2])
    if match := _HEX.search(value):
        digits = match[1]
        if len(digits) in (3, 4):
            digits = "".join(digit * 2 for digit in digits)
        if len(digits) not in (6, 8):
            return None
        red, green, blue, alpha = (int((digits + "ff")[at : at + 2], 16) for at in (0, 2, 4, 6))
        return Paint((red, green, blue), alpha / 255)
    words = _WORD.findall(value[:200])
    if "transparent" in words:
        return Paint(None, 0)
    named = next((_NAMED[word] for word in words if word in _NAMED), None)
    if named is None:
        return Paint(None, 1) if "(" in value else None
    return Paint(named, 1)


def _of_function(kind: str, inside: str) -> Paint | None:
    parts = [one for one in re.split(r"[\s,/]+", inside.strip()) if one][:4]
    numbers = [(_NUMBER.match(one), one.endswith("%")) for one in parts]
    if len(parts) < 3 or not all(match for match, _ in numbers):
        return Paint(None, 1)
    values = [float(match[1]) for match, _ in numbers if match]
    alpha = (values[3] / 100 if numbers[3][1] else values[3]) if len(values) > 3 else 1.0
    if kind == "hsl":
        light, rich = (min(max(one, 0.0), 100.0) / 100 for one in (values[2], values[1]))
        channels = [one * 255 for one in colorsys.hls_to_rgb(values[0] % 360 / 360, light, rich)]
    else:
        channels = [one * 2.55 if percent else one for one, (_, percent) in zip(values, numbers, strict=True)]
    red, green, blue = (round(min(max(one, 0.0), 255.0)) for one in channels[:3])
    return Paint((red, green, blue), alpha)


def _sized(value: str) -> bool:
    return length(value) is not None or "(" in value or value.replace("-", "").isalpha()


def _coloured(value: str) -> bool:
    return (
        paint(value) is not None
        or "var(" in value
        or value in ("inherit", "currentcolor", "initial", "unset")
    )


_DISPLAYS: Final = frozenset(
    "none block inline inline-block flex inline-flex grid inline-grid table inline-table table-row table-cell"
    " table-row-group table-header-group table-footer-group table-column table-column-group table-caption list-item"
    " contents flow-root run-in inherit initial unset revert".split()
)
_VISIBLE: Final = frozenset("visible hidden collapse inherit initial unset revert".split())
# What a later declaration must be for browsers to take it in place of an earlier one.
_VALID: Final[Mapping[str, Callable[[str], bool]]] = {
    "display": lambda value: value in _DISPLAYS or "(" in value,
    "visibility": lambda value: value in _VISIBLE or "(" in value,
    "color": _coloured,
    "background-color": _coloured,
    "opacity": lambda value: length(value) is not None or "(" in value,
    **dict.fromkeys(("font-size", "width", "height", "max-width", "max-height", "text-indent"), _sized),
}
