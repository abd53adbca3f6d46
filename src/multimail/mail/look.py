"""What styling hides from a reader: inline CSS, old attributes, style sheets."""

import re
from collections.abc import Mapping
from typing import NamedTuple

from multimail.mail.css_values import BLACK, WHITE, Colour, Paint, length, paint, relative
from multimail.mail.style_sheet import Rule, Sheets

_SAME = 48  # a sum of channel differences nobody can read by
_SIZES = ("width", "height", "max-width", "max-height")
_MARGINS = ("margin", "margin-left", "margin-top", "margin-right")
_NO_PAINT = frozenset(("", "none", "transparent", "inherit", "initial", "unset"))
_SCALED_AWAY = re.compile(r"scale(?:x|y|3d)?\(\s*[-+]?(?:0+(?:\.0*)?|\.0+)\s*[,)]")
_MOVED_AWAY = re.compile(r"translate(?:x|y|3d)?\(\s*(?:[^(),]{1,20},\s*)?-(\d{3,9})")
_CLIPPED_AWAY = re.compile(
    r"inset\(\s*(?:100|[5-9]\d)%|(?:circle|ellipse)\(\s*0|polygon\(\s*0(?:px|%)?\s+0(?:px|%)?\s*(?:,\s*0(?:px|%)?\s+0(?:px|%)?\s*)*\)"
)
_OPACITY = re.compile(r"opacity\(([^()]{1,20})\)")
_NOT_SHOWN = frozenset(("template", "datalist"))
_HARMLESS = frozenset(
    "color font-size background-color background-image font-family font-weight line-height text-align text-decoration"
    " padding border vertical-align".split()
)
LEFT_OUT = -500  # pixels


class Look(NamedTuple):
    """How text looks here: why it is not seen ('' if it is), and what children inherit. A colour may be unknown."""

    unseen: str = ""
    hidden: str = ""
    tiny: bool = False
    colour: Colour | None = BLACK
    background: Colour | None = WHITE


class Style(NamedTuple):
    """What is said of one element by itself; None where nothing is."""

    hidden: str = ""
    tiny: bool | None = None
    colour: Colour | None = None
    coloured: bool = False  # has a colour, known or not
    background: Colour | None = None
    paints: bool = False  # has a background, known or (a picture) not


PLAIN = Style()


def apply(style: Style, around: Look) -> Look:
    """The look inside an element of this style."""
    if style == PLAIN or around.hidden:
        return around
    tiny = around.tiny if style.tiny is None else style.tiny
    colour = style.colour if style.coloured else around.colour
    background = style.background if style.paints else around.background
    unseen = style.hidden or ("font-size 0" if tiny else "")
    if not unseen and colour and background and _alike(colour, background):
        unseen = "text in the colour of its background"
    return Look(unseen, style.hidden, tiny, colour, background)


def _alike(one: Colour, other: Colour) -> bool:
    return abs(one[0] - other[0]) + abs(one[1] - other[1]) + abs(one[2] - other[2]) <= _SAME


def style_of(name: str, attributes: Mapping[str, str], sheets: Sheets, rules: list[Rule]) -> Style:
    """What an element's name and attributes say, and the rules that speak of it."""
    inline = attributes.get("style", "")
    style = _style(sheets.cascade(rules, inline)) if inline or rules else PLAIN
    if not style.hidden and _is_left_out(name, attributes):
        style = style._replace(
            hidden="hidden attribute" if "hidden" in attributes else "an element that is not shown"
        )
    if "bgcolor" in attributes and not style.paints:
        style = style._replace(background=_known(paint(attributes["bgcolor"].lower())), paints=True)
    if "background" in attributes:
        style = style._replace(background=None, paints=True)
    if "color" in attributes and not style.coloured:
        style = style._replace(colour=_known(paint(attributes["color"].lower())), coloured=True)
    return style


def _is_left_out(name: str, attributes: Mapping[str, str]) -> bool:
    return (
        "hidden" in attributes
        or name in _NOT_SHOWN
        or (name == "dialog" and "open" not in attributes)
        or (name == "svg" and "0" in (attributes.get("width"), attributes.get("height")))
    )


def _known(found: Paint | None) -> Colour | None:
    return found.colour if found else None


def _style(said: Mapping[str, str]) -> Style:
    if not said:
        return PLAIN
    ink = paint(said.get("-webkit-text-fill-color", "")) or paint(said.get("color", ""))
    clear = ink is not None and ink.alpha < 0.05
    ground = said.get("background-color", "")
    picture = any(word in said.get("background-image", "") for word in ("url(", "gradient", "image"))
    under = paint(ground)
    covers = under is None or under.alpha >= 0.05
    paints = picture or (ground not in _NO_PAINT and covers)
    known = under is not None and under.alpha > 0.9 and not picture
    return Style(
        _hides(said) or ("transparent text" if clear else ""),
        _is_tiny(said.get("font-size", "")),
        _known(ink),
        ink is not None or "var(" in said.get("color", ""),
        _known(under) if known else None,
        paints,
    )


def _is_tiny(size: str) -> bool | None:
    """None where it is as around it, or as many times that."""
    pixels = length(size)
    if pixels is None:
        return None if not size.replace("-", "").isalpha() or relative(size) else False
    return True if pixels <= 1 else None if relative(size) else False


def _hides(said: Mapping[str, str]) -> str:
    """Why these declarations hide the element; '' if they do not."""
    if _HARMLESS.issuperset(said):
        return ""
    if said.get("display") == "none":
        return "display:none"
    if said.get("visibility") in ("hidden", "collapse") or said.get("content-visibility") == "hidden":
        return "visibility:hidden"
    faint = _OPACITY.search(said.get("filter", ""))
    for value in (said.get("opacity", ""), faint[1] if faint else ""):
        opacity = length(value, bare=True)
        if opacity is not None and opacity < 0.05:
            return "opacity 0"
    smallest = 1 if said.get("overflow", "").split()[:1] in (["hidden"], ["clip"]) else 0
    for name in _SIZES:
        size = length(said.get(name, ""))
        if size is not None and size <= smallest:
            return f"{name} {size:g}"
    clip = said.get("clip", "").replace(" ", "")
    if clip.startswith(("rect(0", "rect(1px,1px", "rect(1px1px")) or _CLIPPED_AWAY.search(
        said.get("clip-path", "")
    ):
        return "clipped away"
    transform = said.get("transform", "")
    if _SCALED_AWAY.search(transform) or length(said.get("scale", "")) == 0:
        return "scaled to nothing"
    moved = _MOVED_AWAY.search(transform)
    outside = ("text-indent", *_MARGINS, *(("left", "top", "right", "bottom") if "position" in said else ()))
    if (moved and -int(moved[1]) <= LEFT_OUT) or any(
        (length(one) or 0) <= LEFT_OUT for name in outside for one in said.get(name, "").split()[:4]
    ):
        return "placed outside the page"
    return ""
