"""What a start tag says by itself, before it is known where it stands: read once, however often a mail repeats it.

Newsletters repeat a few dozen tags thousands of times; this is what makes reading them cheap.
"""

from collections.abc import Mapping
from typing import Final, NamedTuple

from multimail.mail.css_values import LINK
from multimail.mail.html_tokens import attributes_of
from multimail.mail.look import PLAIN, Style, style_of
from multimail.mail.quoting import QUOTE_CLOSE, QUOTE_OPEN, SIGNATURE_CLOSE, SIGNATURE_OPEN
from multimail.mail.style_sheet import Marks, Rule, Sheets, marks_of

MAX_TARGET: Final = 4_000
MAX_ALT: Final = 1_000

NO_MARKS: Final[Marks] = frozenset()
Sets = tuple[frozenset[str], frozenset[str]]

VOID: Final = frozenset(
    "area base br col embed hr img input link meta param source track wbr basefont bgsound".split()
)
INDENT: Final = frozenset(("ul", "ol", "blockquote"))
INLINE: Final[Mapping[str, str]] = {
    "b": "b", "strong": "b", "i": "i", "em": "i", "s": "s", "strike": "s", "del": "s", "code": "code",
}  # fmt: skip
KEPT: Final = frozenset("p h1 h2 h3 h4 h5 h6 ul ol li pre blockquote thead tbody tr th td table".split())
_AS_DIV: Final = frozenset(
    "div center section article header footer main address fieldset form dl dt dd figure figcaption aside nav"
    " details summary tfoot caption legend".split()
)
BLOCKS: Final = KEPT | _AS_DIV
FORMATTING: Final = frozenset("a b big code em font i nobr s small strike strong tt u".split())
TABLE_PARTS: Final = frozenset("table thead tbody tfoot tr th td caption".split())
# a start tag closes an open element of the first set unless one of the second comes before it (13.2.6.4.7)
SCOPE: Final = frozenset(("table", "td", "th", "caption", "object", "template", "button"))
CLOSES: Final[Mapping[str, Sets]] = {
    **{name: (frozenset(("p",)), SCOPE) for name in BLOCKS - {"thead", "tbody", "tr", "th", "td"}},
    "li": (frozenset(("li",)), SCOPE | {"ul", "ol"}),
    "td": (frozenset(("td", "th")), frozenset(("table",))),
    "th": (frozenset(("td", "th")), frozenset(("table",))),
    "tr": (frozenset(("tr",)), frozenset(("table",))),
    "dd": (frozenset(("dd", "dt")), SCOPE | {"dl"}),
    "dt": (frozenset(("dd", "dt")), SCOPE | {"dl"}),
}
_QUOTE_CLASSES: Final = frozenset(
    ("yahoo_quoted", "protonmail_quote", "tutanota_quote", "zmail_extra", "moz-forward-container")
)
_QUOTE_CITES: Final = frozenset(
    ("gmail_quote", "protonmail_quote", "tutanota_quote", "iwcQuote", "uol_quoted")
)
_QUOTE_REST_IDS: Final = frozenset(
    ("divrplyfwdmsg", "appendonsend", "x_divrplyfwdmsg", "olk_src_body_section")
)
_QUOTE_IDS: Final = frozenset(
    ("mail-editor-reference-message-container", "isforwardcontent", "isreplycontent")
)
_SIGNATURE_MARKS: Final = frozenset(
    (
        "gmail_signature",
        "moz-signature",
        "protonmail_signature_block",
        "ms-outlook-mobile-signature",
        "applemailsignature",
        "signature",
    )
)


class Element(NamedTuple):
    """`style` is None where what is around decides (`style_around`); `marks` are what style sheets go by. `closes` is
    None where the tag closes nothing by itself. `before` and `after` are the marks around history and
    signatures; with `rest` all that follows is history. `indent` says that a quotation quotes nobody. `target` is a
    link's, None for what is no link; `start` a list's first number; `alt` a picture's text, `dot` one of a pixel."""

    name: str
    style: Style | None
    marks: Marks
    closes: Sets | None
    void: bool
    before: str
    after: str
    rest: bool
    indent: bool
    target: str | None
    start: str
    alt: str
    dot: bool


def element_of(name: str, source: str, sheets: Sheets) -> Element:
    """`source` is what stands behind the tag's name."""
    attributes = _attributes(source)
    marks = marks_of(name, attributes, sheets.by_attribute) if sheets.speak else NO_MARKS
    rules = sheets.matching(marks, None) if marks else []
    before, after, rest = _marks(name, attributes)
    start = attributes.get("start", "")
    return Element(
        name=name,
        style=None if rules is None else _styled(name, attributes, sheets, rules),
        marks=marks,
        closes=CLOSES.get(name),
        void=name in VOID,
        before=before,
        after=after,
        rest=rest,
        indent=name == "blockquote" and _is_indent(attributes),
        target="".join(attributes["href"].split())[:MAX_TARGET]
        if name == "a" and "href" in attributes
        else None,
        start=f' start="{start}"' if name == "ol" and start.isdecimal() else "",
        alt=" ".join(attributes.get("alt", "").split())[:MAX_ALT] if name == "img" else "",
        dot=name == "img"
        and any(
            attributes.get(side, "").strip().removesuffix("px") in ("0", "1") for side in ("width", "height")
        ),
    )


def style_around(name: str, source: str, sheets: Sheets, rules: list[Rule]) -> Style:
    """The style of an element whose `rules` were chosen by what is around it."""
    return _styled(name, _attributes(source), sheets, rules)


def _attributes(source: str) -> dict[str, str]:
    return attributes_of(source) if source and not source.isspace() else {}


def _styled(name: str, attributes: Mapping[str, str], sheets: Sheets, rules: list[Rule]) -> Style:
    style = style_of(name, attributes, sheets, rules)
    if name == "a" and "href" in attributes and not style.coloured:
        return style._replace(colour=LINK, coloured=True)
    return PLAIN if style == PLAIN else style


def _marks(name: str, attributes: Mapping[str, str]) -> tuple[str, str, bool]:
    """Marks around history and signatures, by what the big clients write."""
    if not ("class" in attributes or "id" in attributes or name == "blockquote"):
        return "", "", False
    marks = set(attributes.get("class", "").split())
    own_id = attributes.get("id", "").lower()
    if own_id in _QUOTE_REST_IDS:
        return f"<p>{QUOTE_OPEN}</p>", "", True
    cited = name == "blockquote" and (attributes.get("type", "").lower() == "cite" or marks & _QUOTE_CITES)
    if cited or marks & _QUOTE_CLASSES or own_id in _QUOTE_IDS:
        return f"<p>{QUOTE_OPEN}</p>", f"<p>{QUOTE_CLOSE}</p>", False
    if _SIGNATURE_MARKS & {mark.lower() for mark in marks | {own_id}}:
        return f"<p>{SIGNATURE_OPEN}</p>", f"<p>{SIGNATURE_CLOSE}</p>", False
    return "", "", False


def _is_indent(attributes: Mapping[str, str]) -> bool:
    """Gmail's and Outlook's indent button writes a blockquote without a border, which quotes nobody."""
    style = attributes.get("style", "").replace(" ", "").lower()
    return "border:none" in style or "border:medium" in style or "border:0" in style
