"""Where a link leads: the host of a URL, as a browser takes it and not as its author would like it read."""

import html
import re
from collections.abc import Iterable
from typing import Final

MOST: Final = 50  # hosts of one email
# The URL Standard: in these schemes backslashes are slashes, and any number of them leads to the host.
_SPECIAL: Final = re.compile(r"(?:https?|ftp):[/\\]*([^/\\?#]*)", re.IGNORECASE)
_UNSEEN: Final = re.compile(r"[\x00-\x20\x7f]+")  # browsers drop tabs and line ends wherever they are
_LINKED: Final = re.compile(r"""\s(?:href|src)\s*=\s*("[^"]*"|'[^']*'|[^\s>"']+)""", re.IGNORECASE)


def host_of(url: str) -> str:
    """Lower case, without user, password, port and the dot of the root; '' where a URL leads to no host."""
    found = _SPECIAL.match(_UNSEEN.sub("", url))
    if not found:
        return ""
    host = found[1].rpartition("@")[2].lower()
    return re.sub(r":\d*$", "", host).rstrip(".")[:253]


def hosts_of(urls: Iterable[str]) -> list[str]:
    """Of the URLs that lead somewhere, each host once, in order; MOST at most."""
    return [host for host in dict.fromkeys(map(host_of, urls)) if host][:MOST]


def links_in(page: str) -> list[str]:
    """What the links and pictures of our own sanitised HTML lead to; attributes of others are read as well."""
    return [html.unescape(found[1].strip("\"'")) for found in _LINKED.finditer(page)]
