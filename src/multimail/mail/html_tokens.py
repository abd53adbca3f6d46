"""HTML into tokens, in linear time and as browsers cut it (WHATWG HTML 13.2.5)."""

import html as entities
import re
from collections.abc import Iterator

_TAG = re.compile(
    r"<(/?)([a-zA-Z][^\s/>]*+)"
    r"""((?:[^=>]++|=\s*+(?:"[^"]*+"|'[^']*+'|(?!["'])[^\s>]*+))*+)>"""
)
_ATTRIBUTE = re.compile(r"""([^\s/>="'][^\s/>=]*+)(?:\s*+=\s*+(?:"([^"]*+)"|'([^']*+)'|([^\s>]*+)))?+""")
_COMMENT_END = re.compile(r"--!?>")
_RAW_TEXT = ("script", "style", "title", "textarea", "xmp", "iframe", "noembed", "noframes")
_RAW_END = {name: re.compile(rf"</{name}(?=[\s/>])", re.IGNORECASE) for name in _RAW_TEXT}


# kind (text, start, end, comment or style); a tag's lower-case name, else the source text; a tag's attributes
Token = tuple[str, str, str]


def tokens_of(html: str) -> Iterator[Token]:
    """Cut HTML into tokens, without scripts and other raw text, and without a tag the input ends inside."""
    at, end = 0, len(html)
    while at < end:
        start = html.find("<", at)
        if start != at:
            yield "text", html[at : start if start >= 0 else end], ""
            if start < 0:
                return
        follows = html[start + 1 : start + 3]
        letter = follows[1:] if follows[:1] == "/" else follows[:1]
        if letter.isascii() and letter.isalpha():
            tag = _TAG.match(html, start)
            if tag is None:
                return
            at, name = tag.end(), tag[2].lower()
            yield "end" if tag[1] else "start", name, tag[3]
            if name in _RAW_END and not tag[1]:
                close = _RAW_END[name].search(html, at)
                stop = close.start() if close else end
                if name == "style":
                    yield "style", html[at:stop], ""
                at = stop
        elif html.startswith("<!--", start):
            at, comment = _comment(html, start)
            yield "comment", comment, ""
        elif follows[:1] in ("!", "?", "/"):
            at = html.find(">", start) + 1 or end
        else:
            yield "text", "<", ""
            at = start + 1


def _comment(html: str, start: int) -> tuple[int, str]:
    for empty in ("<!-->", "<!--->"):
        if html.startswith(empty, start):
            return start + len(empty), ""
    close = _COMMENT_END.search(html, start + 4)
    return (close.end(), html[start + 4 : close.start()]) if close else (len(html), html[start + 4 :])


def attributes_of(source: str) -> dict[str, str]:
    """A tag's attributes, names lower-case, values with entities resolved; the first of a name wins."""
    found: dict[str, str] = {}
    for match in _ATTRIBUTE.finditer(source):
        value = match[2] or match[3] or match[4] or ""
        found.setdefault(match[1].lower(), entities.unescape(value) if "&" in value else value)
    return found
