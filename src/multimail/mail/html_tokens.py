"""HTML into tokens, in linear time and as browsers cut it (WHATWG HTML 13.2.5)."""

import html as entities
import re
from collections.abc import Iterator

_TAG = re.compile(
    r"<(/?)([a-zA-Z][^\s/>]*+)"
    r"""((?:[^=>]++|=\s*+(?:"[^"]*+"|'[^']*+'|(?!["'])[^\s>]*+))*+)>"""
)
_OPENS_TAG = re.compile(r"</?[a-zA-Z]")
_ATTRIBUTE = re.compile(r"""([^\s/>="'][^\s/>=]*+)(?:\s*+=\s*+(?:"([^"]*+)"|'([^']*+)'|([^\s>]*+)))?+""")
_COMMENT_END = re.compile(r"--!?>")
_RAW_TEXT = ("script", "style", "title", "textarea", "xmp", "iframe", "noembed", "noframes")
_RAW_END = {name: re.compile(rf"</{name}(?=[\s/>])", re.IGNORECASE) for name in _RAW_TEXT}


# kind (text, start, end, comment or style); a tag's lower-case name, else the source text; a tag's attributes
Token = tuple[str, str, str]


def tokens_of(html: str) -> Iterator[Token]:
    """Cut HTML into tokens, without scripts and other raw text, and without a tag the input ends inside."""
    seen: dict[str, Token] = {}  # tags by their whole source: one that repeats is the same object again
    at, end, find = 0, len(html), html.find
    while at < end:
        start = find("<", at)
        if start != at:
            yield "text", html[at : start if start >= 0 else end], ""
            if start < 0:
                return
        follows = html[start + 1 : start + 2]
        close = find(">", start) + 1 if follows.isalpha() or follows == "/" else 0
        token = seen.get(html[start:close])
        if token is not None:
            at = close
        elif (tag := _TAG.match(html, start)) is not None:
            at, token = tag.end(), ("end" if tag[1] else "start", tag[2].lower(), tag[3])
            if at == close:  # else a '>' in quotes ended what was looked up
                seen[tag[0]] = token
        if token is not None:
            yield token
            if token[1] in _RAW_END and token[0] == "start":
                at, style = _raw_text(html, at, token[1])
                if style is not None:
                    yield "style", style, ""
        elif html.startswith("<!--", start):
            at, comment = _comment(html, start)
            yield "comment", comment, ""
        elif _OPENS_TAG.match(html, start):
            return
        elif follows in ("!", "?", "/"):
            at = find(">", start) + 1 or end
        else:
            yield "text", "<", ""
            at = start + 1


def _raw_text(html: str, at: int, name: str) -> tuple[int, str | None]:
    """Where an element ends that holds no tags, and what is in a style sheet."""
    close = _RAW_END[name].search(html, at)
    stop = close.start() if close else len(html)
    return stop, html[at:stop] if name == "style" else None


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
