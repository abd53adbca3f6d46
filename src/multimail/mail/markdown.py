"""HTML mail to clean markdown: what a reader would see, and apart from it what was hidden.

One linear pass of our own (WHATWG HTML 13.2.5 tokens, no tree, no recursion) drops what is hidden, unwraps
layout tables, flattens deep nesting and marks quoted history; nh3 then cleans the small dialect that is left
and html-to-markdown converts it. Nothing is fetched. The markdown is still a stranger's words: sanitise
what you render from it.
"""

import html as entities
import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Final

import nh3
from html_to_markdown import ConversionOptions, InvalidInputError, convert

from multimail.mail.charsets import strip_unseen
from multimail.mail.html_elements import (
    BLOCKS,
    FORMATTING,
    INDENT,
    INLINE,
    KEPT,
    SCOPE,
    TABLE_PARTS,
    Element,
    element_of,
    style_around,
)
from multimail.mail.html_tables import data_tables
from multimail.mail.html_tokens import Token, tokens_of
from multimail.mail.look import PLAIN, Look, Style, apply
from multimail.mail.quoting import QUOTE_CLOSE, QUOTE_OPEN, SIGNATURE_CLOSE, SIGNATURE_OPEN
from multimail.mail.style_sheet import Marks, Sheets

MAX_HTML = 4_000_000  # characters read; the rest is cut with a defect
MAX_TOKENS = 200_000  # tags and runs of text read, likewise
MAX_LINKS, MAX_LINK_TEXT = 500, 300
MAX_HIDDEN, MAX_HIDDEN_TEXT = 50, 300
MAX_DEPTH, MAX_INDENT, MAX_INLINE = 32, 8, 4  # nesting that reaches the converter: it is quadratic in depth
MAX_WALK = 256  # how far up the open elements an end tag looks

# what an element of each name emits where nothing is marked
_TAGS: Final[Mapping[str, tuple[str, str]]] = {
    name: (f"<{name}>", f"</{name}>") for name in {*KEPT, *INLINE.values(), "div"}
}
_MARKS = str.maketrans("", "", QUOTE_OPEN + QUOTE_CLOSE + SIGNATURE_OPEN + SIGNATURE_CLOSE)
_OPTIONS = ConversionOptions(extract_metadata=False, autolinks=False, compact_tables=True)
_CLEANER = nh3.Cleaner(
    tags=set(KEPT | {"div", "br", "hr", "a", "b", "i", "s", "code"}),
    attributes={"a": {"href"}, "ol": {"start"}},
    url_schemes={"http", "https", "mailto", "tel"},
    link_rel=None,
)
_EMPTY_LINK = re.compile(r"\[(?<!\\\[)\s{0,8}\]\([^()\s]{0,4000}\)")


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
    page = _Page(tokens)
    page.read(tokens)
    if page.sheets.unread:
        defects.append("The style sheets were more than is followed: words that they hide may be shown.")
    dialect = "".join(page.out)
    try:
        markdown = _converted(dialect, page.hidden)
    except Exception as error:  # noqa: BLE001 the converter's own failure must not lose the mail
        defects.append(f"The HTML could not be converted ({type(error).__name__}); its plain text is shown.")
        markdown = "".join(page.words)
    return Reading(_EMPTY_LINK.sub("", markdown), tuple(page.links), tuple(page.hidden), tuple(defects))


def _converted(dialect: str, hidden: list[str]) -> str:
    """The markdown; what stood in its way is added to `hidden`. Raises what the converter does."""
    try:
        return convert(_CLEANER.clean(dialect), _OPTIONS).content or ""
    except InvalidInputError:  # it takes for a file what begins like one or has many control characters
        dialect, unseen = strip_unseen(dialect)
        hidden.extend(unseen)
        return convert(_CLEANER.clean(f"<div>{dialect}</div>"), _OPTIONS).content or ""


def _has_marks(html: str) -> bool:
    return any(mark in html for mark in (QUOTE_OPEN, QUOTE_CLOSE, SIGNATURE_OPEN, SIGNATURE_CLOSE))


Open = tuple[str, str, Look, int, int, int, tuple[str, int] | None]
"""An open element: its name, what closing it emits, then all as it was around it (look, depth, indent, inline), and a
link's target with the number of the first word in it."""


class _Page:
    """One pass over the tokens; `out` is the small dialect given to the converter.

    It runs for every tag and every run of words of every mail, so what is known of a tag beforehand is looked up.
    """

    def __init__(self, tokens: Sequence[Token]) -> None:
        self.sheets = Sheets(sheet for kind, sheet, _ in tokens if kind == "style")
        self.around: list[Marks] = []
        self.data_tables = data_tables(tokens)
        self.out: list[str] = []
        self.words: list[str] = []
        self.links: list[tuple[str, str]] = []
        self.hidden: list[str] = []
        self.open: list[Open] = []
        self.count: defaultdict[str, int] = defaultdict(int)
        self.look = Look()
        self.depth = self.indent = self.inline = self.tables = 0
        self.inside: list[int] = []
        self.rest_quoted = False
        self.unseen: tuple[str, list[str]] = ("", [])
        self.known: dict[Token, Element] = {}
        self.styles: dict[tuple[Token, tuple[int, ...]], Style] = {}
        self.looks: dict[tuple[Style, Look], Look] = {}

    def read(self, tokens: Sequence[Token]) -> None:
        for token in tokens:
            kind, value, _ = token
            if kind == "text":
                self._text(value)
            elif kind == "start":
                self._start(token)
            elif kind == "end":
                self._end(value)
            elif kind == "comment":
                self._report("comment", re.sub(r"<[^<>]*+>", " ", value[: MAX_HIDDEN_TEXT * 20]))
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

    def _start(self, tag: Token) -> None:
        element = self.known.get(tag)
        if element is None:
            element = self.known[tag] = element_of(tag[1], tag[2], self.sheets)
        name = element.name
        if element.closes is not None:
            self._close_implied(*element.closes)
        around = self.look
        look = around
        style = element.style
        if style is None:
            style = self._style_around(tag, element)
        if style is not PLAIN:
            key = (style, around)
            look = self.looks.get(key) or self.looks.setdefault(key, apply(style, around))
        if element.void:
            self._void(element, look)
            return
        if name == "a" and self.count["a"]:
            self._end("a")
            around = self.look
        depth, indent, inline = self.depth, self.indent, self.inline
        emit, close = self._emission(element)
        link = None
        if element.target is not None:
            link = (element.target, len(self.words))
            if not look.unseen and not self.count["a"]:
                emit, close = f'<a href="{entities.escape(element.target)}">', "</a>"
        if emit:
            self.out.append(emit)
        self.open.append((name, close, around, depth, indent, inline, link))
        self.around.append(element.marks)
        self.count[name] += 1
        self.look = look

    def _style_around(self, tag: Token, element: Element) -> Style:
        rules = self.sheets.matching(element.marks, self.around) or []
        key = (tag, tuple(rule.weight[-1] for rule in rules))
        if key not in self.styles:
            self.styles[key] = style_around(tag[1], tag[2], self.sheets, rules)
        return self.styles[key]

    def _void(self, element: Element, look: Look) -> None:
        name = element.name
        if name == "br" or (name == "hr" and not look.unseen):
            self.out.append("<br>" if name == "br" else "<hr>")
            self.words.append("\n")
        elif element.alt:
            around, self.look = self.look, look._replace(unseen="1-pixel image") if element.dot else look
            self._text(entities.escape(element.alt))
            self.look = around

    def _emission(self, element: Element) -> tuple[str, str]:
        """What opening and closing this element emits; counts the nesting that it adds."""
        name = element.name
        before, after = ("", "") if self.rest_quoted else (element.before, element.after)
        self.rest_quoted = self.rest_quoted or element.rest
        emit, start = "", ""
        if name in INLINE:
            if self.inline < MAX_INLINE and self.depth < MAX_DEPTH:
                emit = INLINE[name]
                self.inline += 1
        elif name in BLOCKS:
            if name in TABLE_PARTS:
                data = self._in_data(name) and not before
                emit = name if data and name in KEPT else "div"
            elif name not in KEPT or (name == "blockquote" and (before or element.indent)):
                emit = "div"
            elif name not in INDENT:
                emit = name
            elif self.indent >= MAX_INDENT:
                emit = "div"
            else:
                emit, start = name, element.start
            if self.depth >= MAX_DEPTH:
                return before + "<br>", after
            self.indent += emit in INDENT
        if not emit:
            return before, after
        self.depth += 1
        if before or start:
            return f"{before}<{emit}{start}>", f"</{emit}>{after}"
        return _TAGS[emit]

    def _in_data(self, name: str) -> bool:
        """Whether this part of a table is one of a table of data, which may begin with it."""
        if name == "table":
            self.tables += 1
            self.inside.append(self.tables)
        return bool(self.inside) and self.inside[-1] in self.data_tables and self.depth < MAX_DEPTH

    def _close_implied(self, closes: frozenset[str], barriers: frozenset[str]) -> None:
        count = self.count
        for name in closes:
            if count[name]:
                break
        else:
            return
        for back, element in enumerate(self.open[: -MAX_WALK - 1 : -1], 1):
            if element[0] in closes:
                for _ in range(back):
                    self._pop()
                return
            if element[0] in barriers:
                return

    def _end(self, name: str) -> None:
        if not self.count[name]:
            if name in ("p", "br"):
                self.out.append("<br>")
            return
        if self.open[-1][0] == name:
            self._pop()
            return
        for back, element in enumerate(self.open[: -MAX_WALK - 1 : -1], 1):
            if element[0] == name:
                for _ in range(back):
                    self._pop()
                return
            if name not in TABLE_PARTS and element[0] in SCOPE:
                return
            if name not in BLOCKS and name not in FORMATTING and element[0] in BLOCKS:
                return

    def _pop(self) -> None:
        name, close, look, self.depth, self.indent, self.inline, link = self.open.pop()
        self.around.pop()
        self.count[name] -= 1
        if name == "table":
            self.inside.pop()
        if link and len(self.links) < MAX_LINKS:
            target, start = link
            shown = " ".join("".join(self.words[start : start + 200])[: MAX_LINK_TEXT * 4].split())
            if target and not self.look.unseen:
                self.links.append((shown[:MAX_LINK_TEXT], target))
        if close:
            self.out.append(close)
        self.look = look
