"""What styling hides from a reader: inline CSS, old attributes, and simple class rules of a style sheet."""

import re
from collections.abc import Mapping
from typing import NamedTuple

Colour = tuple[int, int, int]

_COMMENT = re.compile(r"/\*(?:[^*]++|\*(?!/))*+(?:\*/|\Z)")
_ESCAPE = re.compile(r"\\([0-9a-fA-F]{1,6})\s?")
_NUMBER = re.compile(r"\s*(-?\d{0,9}(?:\.\d{1,9})?)\s*([a-z%]*)")
_RGB = re.compile(
    r"rgba?\(\s*(\d{1,3})[\s,]+(\d{1,3})[\s,]+(\d{1,3})(?:[\s,/]+(\d{0,3}(?:\.\d{1,9})?)%?)?\s*\)"
)
_HEX = re.compile(r"#([0-9a-f]{3,8})(?![0-9a-z])")
_WORD = re.compile(r"[a-z]+")
_NAMED: Mapping[str, Colour] = {
    "white": (255, 255, 255), "black": (0, 0, 0), "red": (255, 0, 0), "blue": (0, 0, 255),
    "yellow": (255, 255, 0),
    "snow": (255, 250, 250), "ivory": (255, 255, 240), "whitesmoke": (245, 245, 245), "gray": (128, 128, 128),
    "grey": (128, 128, 128), "silver": (192, 192, 192), "green": (0, 128, 0), "navy": (0, 0, 128),
}  # fmt: skip
_SIZES = ("width", "height", "max-width", "max-height")
_SIMPLE_SELECTOR = re.compile(r"[a-z]{0,12}([.#][\w-]{1,100})")
_SAME = 12  # a sum of channel differences nobody can see
WHITE: Colour = (255, 255, 255)


class Look(NamedTuple):
    """How text looks here: why it is not seen ('' if it is), and what children inherit."""

    unseen: str = ""
    hidden: str = ""
    tiny: bool = False
    colour: Colour | None = None
    background: Colour | None = None


class Style(NamedTuple):
    """What one element's own attributes say; None where they say nothing."""

    hidden: str = ""
    tiny: bool | None = None
    colour: Colour | None = None
    background: Colour | None = None
    paints: bool = False  # has a background, known or (a picture) not


PLAIN = Style()


def apply(style: Style, around: Look) -> Look:
    """The look inside an element of this style."""
    if style == PLAIN or around.hidden:
        return around
    tiny = around.tiny if style.tiny is None else style.tiny
    colour = style.colour or around.colour
    background = style.background if style.paints else around.background
    unseen = style.hidden or ("font-size 0" if tiny else "")
    if not unseen and colour and background and _alike(colour, background):
        unseen = "text in the colour of its background"
    return Look(unseen, style.hidden, tiny, colour, background)


def _alike(one: Colour, other: Colour) -> bool:
    return abs(one[0] - other[0]) + abs(one[1] - other[1]) + abs(one[2] - other[2]) <= _SAME


def style_of(attributes: Mapping[str, str], rules: Mapping[str, str]) -> Style:
    """Read an element's attributes; `rules` maps '.class' and '#id' to the reason they hide."""
    style = _declared(attributes["style"]) if "style" in attributes else PLAIN
    if "hidden" in attributes and not style.hidden:
        style = style._replace(hidden="hidden attribute")
    if rules and not style.hidden:
        names = ["." + name for name in attributes.get("class", "").lower().split()]
        names.append("#" + attributes.get("id", "").lower())
        style = style._replace(hidden=next((rules[name] for name in names if name in rules), ""))
    if "bgcolor" in attributes and not style.paints:
        style = style._replace(background=_colour(attributes["bgcolor"].lower()), paints=True)
    if "background" in attributes:
        style = style._replace(background=None, paints=True)
    if "color" in attributes and not style.colour:
        style = style._replace(colour=_colour(attributes["color"].lower()))
    return style


def hiding_rules(sheet: str) -> dict[str, str]:
    """The class and id selectors of a style sheet that hide, outside any @media or other block."""
    rules: dict[str, str] = {}
    depth, start, selector = 0, 0, ""
    sheet = _COMMENT.sub("", sheet).lower()
    for brace in re.finditer(r"[{}]", sheet):
        if brace[0] == "{":
            if depth == 0:
                selector = sheet[start : brace.start()].strip()
            depth += 1
        elif depth:
            depth -= 1
            if depth == 0 and not selector.startswith("@") and "{" not in sheet[start : brace.start()]:
                reason = _declared(sheet[start : brace.start()]).hidden
                names = (_SIMPLE_SELECTOR.fullmatch(part.strip()) for part in selector.split(","))
                rules.update({name[1]: reason for name in names if name and reason})
        start = brace.end()
    return rules


def _declared(css: str) -> Style:
    css = _COMMENT.sub("", css)
    if "\\" in css:
        css = _ESCAPE.sub(lambda match: chr(min(int(match[1], 16), 0x10FFFF)), css)
    said = {}
    for declaration in css.lower().split(";"):
        name, colon, value = declaration.partition(":")
        if colon:
            said[name.strip()] = value.replace("!important", "").strip()
    paint = said.get("background-color") or said.get("background") or ""
    picture = "url(" in paint or "gradient" in paint or "url(" in said.get("background-image", "")
    size = _length(said["font-size"]) if "font-size" in said else None
    return Style(
        _hides(said),
        None if size is None else size <= 1,
        _colour(said.get("color", "")),
        None if picture else _colour(paint),
        bool(paint and paint not in ("none", "transparent", "inherit")) or picture,
    )


def _hides(said: Mapping[str, str]) -> str:
    """Why these declarations hide the element; '' if they do not."""
    if said.get("display") == "none":
        return "display:none"
    if said.get("visibility") in ("hidden", "collapse"):
        return "visibility:hidden"
    opacity = _length(said.get("opacity", ""), bare=True)
    if opacity is not None and opacity < 0.05:
        return "opacity 0"
    for name in _SIZES:
        length = _length(said.get(name, ""))
        if length is not None and length <= 0:
            return f"{name} 0"
    if said.get("color") == "transparent" or _clear(said.get("color", "")):
        return "transparent text"
    if "clip" in said and "rect(0" in said["clip"].replace(" ", ""):
        return "clipped away"
    outside = {"text-indent"} | ({"left", "top", "right", "bottom"} if "position" in said else set())
    if any((_length(said.get(name, "")) or 0) <= -500 for name in outside):
        return "placed outside the page"
    return ""


def _clear(colour: str) -> bool:
    match = _RGB.match(colour)
    return bool(match and match[4]) and float(match[4] if match else 1) < 0.05


def _length(value: str, bare: bool = False) -> float | None:
    """A CSS length in roughly pixels; None when it is not a plain number."""
    match = _NUMBER.match(value)
    if not match or match[1] in ("", "-", ".", "-."):
        return None
    scale = 1.0 if bare and match[2] != "%" else {"em": 16, "rem": 16, "%": 0.16, "pt": 1.33}.get(match[2], 1)
    return float(match[1]) * scale


def _colour(value: str) -> Colour | None:
    if not value:
        return None
    if match := _RGB.search(value):
        return (int(match[1]), int(match[2]), int(match[3]))
    if match := _HEX.search(value):
        digits = match[1]
        if len(digits) in (3, 4):
            digits = "".join(digit * 2 for digit in digits)
        return (
            (int(digits[0:2], 16), int(digits[2:4], 16), int(digits[4:6], 16))
            if len(digits) in (6, 8)
            else None
        )
    return next((_NAMED[word] for word in _WORD.findall(value[:200]) if word in _NAMED), None)
