"""The HTML part of a message: GitHub-flavoured markdown rendered, or given HTML sanitised, as a whole page.

Untrusted on both sides: what was typed may come from a prompt that a correspondent wrote, and what is sent is
read in a mail program. So nothing leaves here but an allowlist of elements, attributes, URL schemes and
style properties.
"""

import ctypes
import re
from collections.abc import Iterable
from typing import Any, Final

import nh3
from cmarkgfm import _cmark  # type: ignore[import-untyped]  # it ships no types

MAX_BODY_OCTETS = 256 * 1024
MAX_RENDERED_OCTETS = 1024 * 1024
# nh3 takes time quadratic in the depth of nesting: these bound it to well under a second.
MAX_NESTING = 100
MAX_HTML_TAGS = 10_000
MAX_TAG_LENGTH = 16 * 1024

_NESTING = re.compile(r"<(/?)(?:blockquote|ul|ol|em|strong|del)\b")
_TAG = re.compile(r"<[A-Za-z]")
_TO_TAG_END = re.compile("<[^>]*>?")

_STYLES = {
    "a": "color:#0b57d0",
    "blockquote": "margin:0 0 16px;padding:0 0 0 12px;border-left:3px solid #c8ccd1;color:#57606a",
    "code": "font-family:ui-monospace,Menlo,Consolas,monospace;font-size:90%",
    "h1": "font-size:24px;line-height:1.25;margin:24px 0 12px",
    "h2": "font-size:20px;line-height:1.25;margin:24px 0 12px",
    "h3": "font-size:17px;line-height:1.25;margin:20px 0 8px",
    "hr": "border:0;border-top:1px solid #d0d7de;margin:24px 0",
    "img": "max-width:100%",
    "p": "margin:0 0 16px",
    "pre": "background-color:#f6f8fa;padding:12px;white-space:pre-wrap",
    "table": "border-collapse:collapse;margin:0 0 16px",
    "td": "border:1px solid #d0d7de;padding:6px 12px",
    "th": "border:1px solid #d0d7de;padding:6px 12px;background-color:#f6f8fa",
}
_BODY_STYLE = "font-family:-apple-system,'Segoe UI',Helvetica,Arial,sans-serif;font-size:15px;line-height:1.5"
_MARKDOWN_TAGS = {
    "a", "blockquote", "br", "code", "del", "em", "h1", "h2", "h3", "h4", "h5", "h6", "hr", "img", "li",
    "ol", "p", "pre", "strong", "table", "tbody", "td", "th", "thead", "tr", "ul",
}  # fmt: skip
_ATTRIBUTES = {
    "a": {"href", "title"},
    "img": {"src", "alt", "title", "width", "height"},
    "ol": {"start"},
    "td": {"align", "colspan", "rowspan"},
    "th": {"align", "colspan", "rowspan"},
}
_MORE_TAGS = {
    "abbr", "b", "big", "caption", "center", "col", "colgroup", "dd", "div", "dl", "dt", "font", "i", "s",
    "small", "span", "sub", "sup", "tfoot", "u",
}  # fmt: skip
# No property here takes a url(), leaves the flow of the text or hides what it holds.
_STYLE_PROPERTIES = {
    "background-color", "border", "border-bottom", "border-collapse", "border-color", "border-left",
    "border-radius", "border-right", "border-spacing", "border-style", "border-top", "border-width",
    "color", "font-family", "font-size", "font-style", "font-variant", "font-weight", "height",
    "letter-spacing", "line-height", "margin", "margin-bottom", "margin-left", "margin-right", "margin-top",
    "max-width", "min-width", "padding", "padding-bottom", "padding-left", "padding-right", "padding-top",
    "text-align", "text-decoration", "text-indent", "text-transform", "vertical-align", "white-space",
    "width", "word-break",
}  # fmt: skip
_URL_SCHEMES = {"http", "https", "mailto", "tel", "cid"}
_markdown_cleaner = nh3.Cleaner(
    tags=_MARKDOWN_TAGS,
    attributes=_ATTRIBUTES,
    set_tag_attribute_values={tag: {"style": style} for tag, style in _STYLES.items()},
    url_schemes=_URL_SCHEMES,
    url_relative="deny",
    link_rel=None,
)
_html_cleaner = nh3.Cleaner(
    tags=_MARKDOWN_TAGS | _MORE_TAGS,
    attributes={
        **_ATTRIBUTES,
        "*": {"style", "dir", "lang"},
        "table": {"align", "border", "cellpadding", "cellspacing", "width"},
        "font": {"color", "face", "size"},
    },
    filter_style_properties=_STYLE_PROPERTIES,
    url_schemes=_URL_SCHEMES,
    url_relative="deny",
    link_rel=None,
)


_BARE = "p em strong del code pre h1 h2 h3 h4 h5 h6 blockquote ul ol li table thead tbody tr th td".split()
_ALIGNED = [f'{cell} align="{side}"' for cell in ("th", "td") for side in ("left", "center", "right")]


def _with_style(inside: str) -> str:
    """A start tag of what stands inside its brackets, with our style last."""
    style = _STYLES.get(inside.partition(" ")[0])
    return f'<{inside} style="{style}">' if style else f"<{inside}>"


# The tags that cmark writes without an attribute, or with one of few, and what nh3 makes of them.
_BARE_TAGS: Final = {
    **{f"<{inside}>": _with_style(inside) for inside in (*_BARE, *_ALIGNED)},
    **{f"</{tag}>": f"</{tag}>" for tag in (*_BARE, "a")},
    "<br />": "<br>",
    "<hr />": f'<hr style="{_STYLES["hr"]}">',
}
_DOMAIN = r"(?:[a-z0-9]+(?:-[a-z0-9]+)*\.)+[a-z][a-z0-9]*"  # no A-label, no number: each may be refused
# A link that every parser of URLs takes, to where nh3 lets it go: it gets our style and stays as it is.
_PLAIN_LINK: Final = re.compile(
    rf'<a href="(?:https?://{_DOMAIN}(?:[/?#](?:[A-Za-z0-9/?#._~!$()*+,;:=@%-]|&amp;)*)?'
    rf'|mailto:[A-Za-z0-9._+-]+@{_DOMAIN})">'
)
_CHANGED_TAGS: Final = {tag for tag, other in _BARE_TAGS.items() if tag != other}

_PAGE_START: Final = (
    f'<!DOCTYPE html>\n<html><head><meta charset="utf-8"></head>\n<body style="{_BODY_STYLE}">\n'
)
_PAGE_END: Final = "\n</body></html>\n"


def _in_library(name: str, c_type: str) -> Any:
    """A function that cmarkgfm's library exports but its Python module does not declare."""
    address = ctypes.cast(getattr(_library, name), ctypes.c_void_p).value
    return _cmark.ffi.cast(c_type, address)


# cmarkgfm's own wrapper frees neither the tree nor the text: 22 KiB lost for each message of 4 KiB.
_library = ctypes.PyDLL(_cmark.__file__)
_free_node: Final = _in_library("cmark_node_free", "void (*)(cmark_node *)")
_free_text: Final = _in_library("cmark_get_default_mem_allocator", "cmark_mem *(*)(void)")().free

_cmark.lib.cmark_gfm_core_extensions_ensure_registered()
_EXTENSIONS: Final = tuple(
    _cmark.lib.cmark_find_syntax_extension(name)
    for name in (b"table", b"autolink", b"strikethrough", b"tagfilter")
)
_OPTIONS: Final = _cmark.lib.CMARK_OPT_HARDBREAKS  # what str.encode wrote needs no CMARK_OPT_VALIDATE_UTF8


class RenderError(ValueError):
    """The body can't be rendered; the text says why, for a person."""


def markdown_to_html(markdown: str) -> str:
    """A whole HTML page from GitHub-flavoured markdown: raw HTML dropped, sanitised, styles inlined.

    A line break stays one. Raises RenderError for more than 256 KiB or 100 levels of nesting.
    """
    check_size(markdown)
    rendered = _rendered(markdown)
    if len(rendered) > MAX_RENDERED_OCTETS:
        raise RenderError("The body is too large once it is rendered.")
    if rendered.count("</") > MAX_NESTING:  # as many elements as end: fewer can't be nested that deep
        _check_nesting(rendered)
    return _page(_styled(rendered))


def _check_nesting(rendered: str) -> None:
    depth = 0
    for tag in _NESTING.finditer(rendered):
        depth += -1 if tag[1] else 1
        if depth > MAX_NESTING:
            raise RenderError(f"The body is nested more than {MAX_NESTING} levels deep.")


def sanitised_page(html: str) -> str:
    """HTML that the author gave, as a whole page, sanitised. Raises RenderError for what is too large."""
    check_size(html)
    if len(_TAG.findall(html)) > MAX_HTML_TAGS:
        raise RenderError(f"The HTML has more than {MAX_HTML_TAGS} elements.")
    for piece in html.split(">"):
        tag = _TAG.search(piece)
        if tag and len(piece) - tag.start() > MAX_TAG_LENGTH:
            raise RenderError(f"The HTML has a tag longer than {MAX_TAG_LENGTH} characters.")
    return _page(_html_cleaner.clean(html))


def check_size(body: str) -> None:
    """Raises RenderError for a body of more than 256 KiB of UTF-8, or one that UTF-8 can't write."""
    try:
        octets = len(body.encode())
    except UnicodeEncodeError as error:
        raise RenderError("The body contains a lone surrogate, which is not a character.") from error
    if octets > MAX_BODY_OCTETS:
        raise RenderError(f"The body is longer than {MAX_BODY_OCTETS // 1024} KiB.")


def _rendered(markdown: str) -> str:
    """What cmark makes of it, with text escaped and raw HTML left out."""
    cmark, data = _cmark.lib, markdown.encode()
    parser = cmark.cmark_parser_new(_OPTIONS)
    try:
        for extension in _EXTENSIONS:
            cmark.cmark_parser_attach_syntax_extension(parser, extension)
        cmark.cmark_parser_feed(parser, data, len(data))
        root = cmark.cmark_parser_finish(parser)
        try:
            text = cmark.cmark_render_html(root, _OPTIONS, cmark.cmark_parser_get_syntax_extensions(parser))
            try:
                rendered: bytes = _cmark.ffi.string(text)
            finally:
                _free_text(text)
        finally:
            _free_node(root)
    finally:
        cmark.cmark_parser_free(parser)
    return rendered.decode()


def _styled(rendered: str) -> str:
    """What nh3 makes of cmark's output, with our styles: without asking nh3 where every tag is a bare one.

    That is as safe, whatever cmark does: each "<" of the result then starts an element of the closed table
    above or a plain link, and no element has an attribute but those. It is also the same, byte for byte: these
    elements come back from a parse as they were, if well nested; the serialiser leaves quotation marks in text
    alone and spells U+00A0 out; a carriage return, which the parser would make a line feed, goes to nh3.
    """
    tags = _TO_TAG_END.findall(rendered)
    known = set(tags)
    links = known - _BARE_TAGS.keys()
    if "\r" in rendered or not (_are_plain(links) and _are_apart(tags) if links else "</a>" not in known):
        return _markdown_cleaner.clean(rendered)
    for link in links:
        rendered = rendered.replace(link, _with_style(link[1:-1]))
    for tag in known & _CHANGED_TAGS:
        rendered = rendered.replace(tag, _BARE_TAGS[tag])
    return rendered.replace("&quot;", '"').replace("\xa0", "&nbsp;")


def _are_plain(tags: Iterable[str]) -> bool:
    return all(_PLAIN_LINK.fullmatch(tag) for tag in tags)


def _are_apart(tags: Iterable[str]) -> bool:
    """Whether no link is in a link, which a parser takes apart."""
    ends = [tag == "</a>" for tag in tags if tag.startswith(("<a ", "</a>"))]
    return not any(ends[::2]) and all(ends[1::2]) and len(ends) % 2 == 0


def _page(fragment: str) -> str:
    return f"{_PAGE_START}{fragment.rstrip()}{_PAGE_END}"
