"""HTML mail to clean markdown: what a reader would see, and apart from it what was hidden.

One linear pass of our own (WHATWG HTML 13.2.5 tokens, no tree, no recursion) drops what is hidden, unwraps
layout tables, flattens deep nesting and marks quoted history; nh3 then cleans the small dialect that is left
and html-to-markdown converts it. Nothing is fetched. The markdown is still a stranger's words: sanitise
what you render from it.
"""

import html as entities
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import NamedTuple

import nh3
from html_to_markdown import ConversionOptions, convert

from multimail.mail.html_tokens import Token, attributes_of, tokens_of
from multimail.mail.look import PLAIN, WHITE, Look, Style, apply, hiding_rules, style_of
from multimail.mail.quoting import QUOTE_CLOSE, QUOTE_OPEN, SIGNATURE_CLOSE, SIGNATURE_OPEN

MAX_HTML = 4_000_000  # characters read; the rest is cut with a defect
MAX_TOKENS = 200_000  # tags and runs of text read, likewise
MAX_LINKS, MAX_LINK_TEXT, MAX_TARGET = 500, 300, 4_000
MAX_HIDDEN, MAX_HIDDEN_TEXT = 50, 300
MAX_DEPTH, MAX_INDENT, MAX_INLINE = 32, 8, 4  # nesting that reaches the converter: it is quadratic in depth
MAX_WALK = 256  # how far up the open elements an end tag looks

_VOID = frozenset(
    "area base br col embed hr img input link meta param source track wbr basefont bgsound".split()
)
_INDENT = frozenset(("ul", "ol", "blockquote"))
_INLINE = {"b": "b", "strong": "b", "i": "i", "em": "i", "s": "s", "strike": "s", "del": "s", "code": "code"}
_KEPT = frozenset("p h1 h2 h3 h4 h5 h6 ul ol li pre blockquote thead tbody tr th td table".split())
_AS_DIV = frozenset(
    "div center section article header footer main address fieldset form dl dt dd figure figcaption aside nav"
    " details summary tfoot caption legend".split()
)
_BLOCKS = _KEPT | _AS_DIV
_FORMATTING = frozenset("a b big code em font i nobr s small strike strong tt u".split())
_TABLE_PARTS = frozenset("table thead tbody tfoot tr th td caption".split())
# a start tag closes an open element of the first set unless one of the second comes before it (13.2.6.4.7)
_SCOPE = frozenset(("table", "td", "th", "caption", "object", "template", "button"))
_CLOSES: Mapping[str, tuple[frozenset[str], frozenset[str]]] = {
    **{name: (frozenset(("p",)), _SCOPE) for name in _BLOCKS - {"thead", "tbody", "tr", "th", "td"}},
    "li": (frozenset(("li",)), _SCOPE | {"ul", "ol"}),
    "td": (frozenset(("td", "th")), frozenset(("table",))),
    "th": (frozenset(("td", "th")), frozenset(("table",))),
    "tr": (frozenset(("tr",)), frozenset(("table",))),
    "dd": (frozenset(("dd", "dt")), _SCOPE | {"dl"}),
    "dt": (frozenset(("dd", "dt")), _SCOPE | {"dl"}),
}
_QUOTE_CLASSES = frozenset(
    ("yahoo_quoted", "protonmail_quote", "tutanota_quote", "zmail_extra", "moz-forward-container")
)
_QUOTE_CITES = frozenset(("gmail_quote", "protonmail_quote", "tutanota_quote", "iwcQuote", "uol_quoted"))
_QUOTE_REST_IDS = frozenset(("divrplyfwdmsg", "appendonsend", "x_divrplyfwdmsg", "olk_src_body_section"))
_QUOTE_IDS = frozenset(("mail-editor-reference-message-container", "isforwardcontent", "isreplycontent"))
_SIGNATURE_MARKS = frozenset(
    (
        "gmail_signature",
        "moz-signature",
        "protonmail_signature_block",
        "ms-outlook-mobile-signature",
        "applemailsignature",
        "signature",
    )
)
_MARKS = str.maketrans("", "", QUOTE_OPEN + QUOTE_CLOSE + SIGNATURE_OPEN + SIGNATURE_CLOSE)
_OPTIONS = ConversionOptions(extract_metadata=False, autolinks=False, compact_tables=True)
_CLEANER = nh3.Cleaner(
    tags=set(_KEPT | {"div", "br", "hr", "a", "b", "i", "s", "code"}),
    attributes={"a": {"href"}, "ol": {"start"}},
    url_schemes={"http", "https", "mailto", "tel"},
    link_rel=None,
)
_EMPTY_LINK = re.compile(r"(?<!\\)\[\s{0,8}\]\([^()\s]{0,4000}\)")


@dataclass(frozen=True, slots=True)
class Reading:
    """A converted HTML body. `markdown` holds quoting's marks around history and signature."""

    markdown: str
    links: tuple[tuple[str, str], ...]
    hidden: tuple[str, ...]
    defects: tuple[str, ...]


def read_html(html: str) -> Reading:
    """Convert an HTML body (decoded). Linear time; never raises."""
    defects = []
    if len(html) > MAX_HTML:
        html = html[:MAX_HTML]
        defects.append(f"The HTML was longer than {MAX_HTML} characters; the rest was not read.")
    tokens = tuple(islice(tokens_of(html.translate(_MARKS) if _has_marks(html) else html), MAX_TOKENS))
    if len(tokens) == MAX_TOKENS:
        defects.append(f"The HTML had more than {MAX_TOKENS} pieces; the rest was not read.")
    page = _Page(tokens, html)
    for kind, value, attributes in tokens:
        page.take(kind, value, attributes)
    page.finish()
    try:
        markdown = convert(_CLEANER.clean("".join(page.out)), _OPTIONS).content or ""
    except Exception as error:  # noqa: BLE001 the converter's own failure must not lose the mail
        defects.append(f"The HTML could not be converted ({type(error).__name__}); its plain text is shown.")
        markdown = "".join(page.words)
    return Reading(_EMPTY_LINK.sub("", markdown), tuple(page.links), tuple(page.hidden), tuple(defects))


def _has_marks(html: str) -> bool:
    return any(mark in html for mark in (QUOTE_OPEN, QUOTE_CLOSE, SIGNATURE_OPEN, SIGNATURE_CLOSE))


class _Open(NamedTuple):
    """An open element: what closing it emits, how text in it looks, what nesting it added."""

    name: str
    close: str
    look: Look
    weight: tuple[int, int, int] = (0, 0, 0)
    link: tuple[str, int] | None = None


class _Page:
    """One pass over the tokens; `out` is the small dialect given to the converter."""

    def __init__(self, tokens: Sequence[Token], html: str) -> None:
        lower = html.lower()
        plain_page = "background" not in lower and "bgcolor" not in lower
        self.rules: dict[str, str] = {}
        for kind, sheet, _ in tokens:
            if kind == "style":
                self.rules.update(hiding_rules(sheet))
        self.data_tables = _data_tables(tokens)
        self.out: list[str] = []
        self.words: list[str] = []
        self.links: list[tuple[str, str]] = []
        self.hidden: list[str] = []
        self.open: list[_Open] = []
        self.count: Counter[str] = Counter()
        self.look = Look(background=WHITE if plain_page else None)
        self.depth = self.indent = self.inline = self.tables = 0
        self.inside: list[int] = []
        self.rest_quoted = False
        self.unseen: tuple[str, list[str]] = ("", [])
        self.known: dict[tuple[str, str], tuple[dict[str, str], Style]] = {}

    def take(self, kind: str, value: str, attributes: str) -> None:
        if kind == "text":
            self._text(value)
        elif kind == "start":
            self._start(value, attributes)
        elif kind == "end":
            self._end(value)
        elif kind == "comment":
            self._report("comment", re.sub(r"<[^<>]*+>", " ", value[: MAX_HIDDEN_TEXT * 20]))

    def finish(self) -> None:
        while self.open:
            self._pop()
        self._flush()

    def _report(self, why: str, text: str) -> None:
        text = " ".join(entities.unescape(text).split())
        if text.startswith("[if ") or text == "[endif]":
            text = text.partition("]")[2].replace("<![endif", "").strip(" -]>")
        if any(map(str.isalnum, text)) and len(self.hidden) < MAX_HIDDEN:
            self.hidden.append(f"{why}: {text[:MAX_HIDDEN_TEXT]}")

    def _flush(self) -> None:
        why, texts = self.unseen
        if texts:
            self._report(why, "".join(texts))
            self.unseen = ("", [])

    def _text(self, text: str) -> None:
        why = self.look.unseen
        if why:
            if self.unseen[0] != why:
                self._flush()
                self.unseen = (why, [])
            if len(self.unseen[1]) < 1_000:
                self.unseen[1].append(text[: MAX_HIDDEN_TEXT * 8])
            return
        if self.unseen[1] and not text.isspace():
            self._flush()
        if "&" in text:
            text = entities.unescape(text).translate(_MARKS)
        self.words.append(text)
        self.out.append(
            entities.escape(text, quote=False) if "&" in text or "<" in text or ">" in text else text
        )

    def _known(self, name: str, source: str) -> tuple[dict[str, str], Style]:
        if not source or source.isspace():
            return {}, PLAIN
        key = (name, source)
        if key not in self.known:
            attributes = attributes_of(source)
            self.known[key] = (attributes, style_of(attributes, self.rules))
        return self.known[key]

    def _start(self, name: str, source: str) -> None:
        if name in _CLOSES:
            self._close_implied(*_CLOSES[name])
        attributes, style = self._known(name, source)
        look = apply(style, self.look) if style is not PLAIN else self.look
        if name in _VOID:
            self._void(name, attributes, look)
            return
        if name == "a" and self.count["a"]:
            self._end("a")
        emit, close, weight = self._emission(name, attributes)
        link = None
        if name == "a" and "href" in attributes:
            target = "".join(attributes["href"].split())[:MAX_TARGET]
            link = (target, len(self.words))
            if not look.unseen and not self.count["a"]:
                emit, close = f'<a href="{entities.escape(target)}">', "</a>"
        self.out.append(emit)
        self.open.append(_Open(name, close, self.look, weight, link))
        self.count[name] += 1
        self.look = look
        self.depth, self.indent, self.inline = (
            self.depth + weight[0], self.indent + weight[1], self.inline + weight[2]
        )  # fmt: skip

    def _void(self, name: str, attributes: Mapping[str, str], look: Look) -> None:
        if name == "br" or (name == "hr" and not look.unseen):
            self.out.append("<br>" if name == "br" else "<hr>")
            self.words.append("\n")
        elif name == "img" and attributes.get("alt", "").strip():
            dot = any(
                attributes.get(side, "").strip().removesuffix("px") in ("0", "1")
                for side in ("width", "height")
            )
            around, self.look = self.look, look._replace(unseen="1-pixel image") if dot else look
            self._text(entities.escape(" ".join(attributes["alt"].split())[:1_000]))
            self.look = around

    def _emission(self, name: str, attributes: Mapping[str, str]) -> tuple[str, str, tuple[int, int, int]]:
        """What opening and closing this element emits, and the nesting (depth, indent, inline) it adds."""
        before, after = self._marks(name, attributes)
        emit, weight = "", (0, 0, 0)
        if name in _INLINE and self.inline < MAX_INLINE and self.depth < MAX_DEPTH:
            emit, weight = _INLINE[name], (1, 0, 1)
        elif name in _TABLE_PARTS:
            if name == "table":
                self.tables += 1
                self.inside.append(self.tables)
            data = (
                bool(self.inside)
                and self.inside[-1] in self.data_tables
                and self.depth < MAX_DEPTH
                and not before
            )
            emit, weight = (name if data and name in _KEPT else "div"), (1, 0, 0)
        elif name in _BLOCKS:
            emit, weight = (name if name in _KEPT else "div"), (1, int(name in _INDENT), 0)
            if name == "blockquote" and (before or _is_indent(attributes)):
                emit, weight = "div", (1, 0, 0)
            if name in _INDENT and self.indent >= MAX_INDENT:
                emit, weight = "div", (1, 0, 0)
        if emit and self.depth >= MAX_DEPTH:
            emit, weight, before = "", (0, 0, 0), before + "<br>"
        if not emit:
            return before, after, weight
        start = (
            f' start="{attributes["start"]}"'
            if emit == "ol" and attributes.get("start", "").isdecimal()
            else ""
        )
        return f"{before}<{emit}{start}>", f"</{emit}>{after}", weight

    def _marks(self, name: str, attributes: Mapping[str, str]) -> tuple[str, str]:
        """Marks around history and signatures, by what the big clients write."""
        if self.rest_quoted or not ("class" in attributes or "id" in attributes or name == "blockquote"):
            return "", ""
        marks = set(attributes.get("class", "").split())
        own_id = attributes.get("id", "").lower()
        if own_id in _QUOTE_REST_IDS:
            self.rest_quoted = True
            return f"<p>{QUOTE_OPEN}</p>", ""
        cited = name == "blockquote" and (
            attributes.get("type", "").lower() == "cite" or marks & _QUOTE_CITES
        )
        if cited or marks & _QUOTE_CLASSES or own_id in _QUOTE_IDS:
            return f"<p>{QUOTE_OPEN}</p>", f"<p>{QUOTE_CLOSE}</p>"
        if _SIGNATURE_MARKS & {mark.lower() for mark in marks | {own_id}}:
            return f"<p>{SIGNATURE_OPEN}</p>", f"<p>{SIGNATURE_CLOSE}</p>"
        return "", ""

    def _close_implied(self, closes: frozenset[str], barriers: frozenset[str]) -> None:
        if not any(map(self.count.get, closes)):
            return
        for back, element in enumerate(reversed(self.open[-MAX_WALK:]), 1):
            if element.name in closes:
                for _ in range(back):
                    self._pop()
                return
            if element.name in barriers:
                return

    def _end(self, name: str) -> None:
        if not self.count[name]:
            if name in ("p", "br"):
                self.out.append("<br>")
            return
        for back, element in enumerate(reversed(self.open[-MAX_WALK:]), 1):
            if element.name == name:
                for _ in range(back):
                    self._pop()
                return
            if name not in _TABLE_PARTS and element.name in _SCOPE:
                return
            if name not in _BLOCKS and name not in _FORMATTING and element.name in _BLOCKS:
                return

    def _pop(self) -> None:
        element = self.open.pop()
        self.count[element.name] -= 1
        if element.name == "table":
            self.inside.pop()
        if element.link and len(self.links) < MAX_LINKS:
            target, start = element.link
            shown = " ".join("".join(self.words[start : start + 200])[: MAX_LINK_TEXT * 4].split())
            if target and not self.look.unseen:
                self.links.append((shown[:MAX_LINK_TEXT], target))
        self.out.append(element.close)
        self.look = element.look
        self.depth, self.indent, self.inline = (
            self.depth - element.weight[0], self.indent - element.weight[1], self.inline - element.weight[2]
        )  # fmt: skip


def _is_indent(attributes: Mapping[str, str]) -> bool:
    """Gmail's and Outlook's indent button writes a blockquote without a border, which quotes nobody."""
    style = attributes.get("style", "").replace(" ", "").lower()
    return "border:none" in style or "border:medium" in style or "border:0" in style


class _Table:
    """What tells a table of data from one that only lays out the page."""

    def __init__(self, number: int, layout: bool) -> None:
        self.number, self.layout = number, layout
        self.rows: list[int] = []
        self.heads = self.cell_text = 0


def _data_tables(tokens: Sequence[Token]) -> set[int]:
    """The tables (numbered from 1 in order) that hold rows of data: no table or block inside, short cells."""
    data: set[int] = set()
    open_tables: list[_Table] = []
    number = 0
    for kind, name, attributes in tokens:
        top = open_tables[-1] if open_tables else None
        if kind == "start" and name == "table":
            number += 1
            if top:
                top.layout = True
            open_tables.append(_Table(number, "presentation" in attributes))
        elif top is None:
            continue
        elif kind == "text":
            top.cell_text += len(name)
        elif kind == "start" and name == "tr":
            top.rows.append(0)
        elif kind == "start" and name in ("td", "th"):
            top.heads += name == "th"
            if top.rows:
                top.rows[-1] += 1
            top.cell_text = 0
        elif kind == "start" and name in ("ul", "ol", "h1", "h2", "h3", "img", "blockquote", "hr"):
            top.layout = True
        elif kind == "end" and name in ("td", "th", "tr"):
            top.layout = top.layout or top.cell_text > 300
        elif kind == "end" and name == "table":
            open_tables.pop()
            wide = sum(cells >= 2 for cells in top.rows)
            if not top.layout and wide >= (1 if top.heads else 2):
                data.add(top.number)
    return data
