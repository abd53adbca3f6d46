"""What OAuth 2.1 asks of addresses and secrets: pure. (draft-ietf-oauth-v2-1; RFC 7636, 8252, 8707.)"""

import hashlib
import hmac
import re
from typing import Final
from urllib.parse import urlsplit

from multimail.core.identity import base64url

VERIFIER: Final = re.compile(r"[A-Za-z0-9._~-]{43,128}")  # RFC 7636 section 4.1
CHALLENGE: Final = re.compile(r"[A-Za-z0-9_-]{43}")  # the SHA-256 of one
SCHEME: Final = re.compile(r"[a-z][a-z0-9+.-]{1,63}")
NETLOC: Final = re.compile(r"[A-Za-z0-9.:\[\]_-]+")
LOOPBACK: Final = frozenset({"127.0.0.1", "::1", "localhost"})
NEVER: Final = frozenset("javascript data file vbscript blob about ftp ws wss view-source filesystem".split())
LONGEST: Final = 512


def redirect_fault(uri: str) -> str | None:
    """Why nobody is sent back there; None for https, http on loopback, and an app's own scheme (RFC 8252 7.1)."""
    if len(uri) > LONGEST or not uri.isascii() or not uri.isprintable() or " " in uri or "\\" in uri:
        return f"a redirect URI has at most {LONGEST} printable ASCII characters, no space and no backslash"
    try:
        parts = urlsplit(uri)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return "a redirect URI must be a URI"
    if "#" in uri or "@" in parts.netloc:
        return "a redirect URI has no fragment and no user"
    if parts.scheme in ("http", "https"):
        if not host or not NETLOC.fullmatch(parts.netloc):
            return "a redirect URI names a host"
        return (
            None if parts.scheme == "https" or host in LOOPBACK else "http is for loopback alone: use https"
        )
    if not SCHEME.fullmatch(parts.scheme) or parts.scheme in NEVER:
        return "a redirect URI is https, http on loopback, or of an app's own scheme"
    return None


def same_redirect(registered: str, given: str) -> bool:
    """Exactly the same; on loopback the port is the app's to choose (RFC 8252 section 7.3)."""
    if registered == given:
        return True
    one, other = urlsplit(registered), urlsplit(given)
    return (
        one.scheme == other.scheme == "http"
        and one.hostname == other.hostname
        and one.hostname in LOOPBACK
        and (one.path, one.query) == (other.path, other.query)
    )


def same_origin(one: str, other: str) -> bool:
    """The same scheme, host and port (RFC 6454 section 5); the names of loopback are one host."""
    return _origin(one) == _origin(other) is not None


def _origin(uri: str) -> tuple[str, str, int | None] | None:
    """None for what is no URI, or names no host, as the origin `null`."""
    try:
        parts = urlsplit(uri)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return None
    known = {"http": 80, "https": 443}.get(parts.scheme)
    return (parts.scheme, "loopback" if host in LOOPBACK else host, port or known) if host else None


def form_source(redirect: str) -> str:
    """What a page's form-action must allow for its form to end there (CSP 3). `redirect` has no fault."""
    parts = urlsplit(redirect)
    return f"{parts.scheme}://{parts.netloc}" if parts.scheme in ("http", "https") else f"{parts.scheme}:"


def proves(verifier: str, challenge: str) -> bool:
    """PKCE with S256 (RFC 7636 section 4.6)."""
    if not VERIFIER.fullmatch(verifier):
        return False
    made = base64url(hashlib.sha256(verifier.encode()).digest())
    return hmac.compare_digest(made, challenge)


def same_resource(one: str, other: str) -> bool:
    """RFC 8707: an absolute URI without a fragment; a slash at its end is no difference."""
    return one.rstrip("/") == other.rstrip("/")
