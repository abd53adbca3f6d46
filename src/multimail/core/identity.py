"""What X-MultiMail-Identity says and how it is written down (contract section 10): pure, no keys.

The header is base64url(claims) "." base64url(signature), both without padding. `claims` is canonical JSON:
sorted keys, no spaces, UTF-8. White space inside the value, which folding brings, means nothing.
"""

import base64
import hashlib
import json
import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from typing import Any, Final

from multimail.core.address import normalise

MAX_VALUE_LENGTH = 32 * 1024

_WHITE_SPACE = re.compile(r"[ \t\r\n]+")
_BASE64URL = re.compile(r"[A-Za-z0-9_-]+")


class IdentityError(ValueError):
    """An identity header that can't be read or made; the message says why, for a person."""


@dataclass(frozen=True, slots=True)
class Statement:
    """What we say of a message beyond what is in it. `iat` and `exp` are seconds since 1970 (RFC 7519 4.1);
    `approval` names the decision that released it, or is None when nobody had to decide."""

    address: str
    ai_generated: bool
    approval: str | None
    capabilities: tuple[str, ...]
    exp: int
    iat: int
    operator: str
    oversight_mode: str
    service: str
    verified_operator: bool


@dataclass(frozen=True, slots=True)
class Binding:
    """What ties the claims to one message: address and id as they are in its header, hashes in hex."""

    body_sha256: str
    from_: str
    message_id: str
    recipients_sha256: str
    subject_sha256: str


_SAID: Final = tuple(field.name for field in fields(Statement))
_BOUND: Final = tuple((field.name.removesuffix("_"), field.name) for field in fields(Binding))
_CANONICAL: Final = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def claims(statement: Statement, binding: Binding, kid: str) -> dict[str, Any]:
    """The claims of contract section 10, all sixteen."""
    said = {name: getattr(statement, name) for name in _SAID}
    said["capabilities"] = sorted(statement.capabilities)
    return said | {claim: getattr(binding, name) for claim, name in _BOUND} | {"kid": kid}


def canonical_json(value: Mapping[str, Any]) -> bytes:
    """Sorted keys, no spaces, UTF-8."""
    return _CANONICAL.encode(value).encode()


def body_sha256(relaxed_body: bytes) -> str:
    """Over the body in DKIM's relaxed canonical form (RFC 6376 section 3.4.4)."""
    return hashlib.sha256(relaxed_body).hexdigest()


def subject_sha256(subject: str) -> str:
    """Over the decoded subject in NFC, as UTF-8."""
    return hashlib.sha256(unicodedata.normalize("NFC", subject).encode()).hexdigest()


def recipients_sha256(addresses: Iterable[str]) -> str:
    """Over the addresses of To and Cc: each in lower case, sorted, joined with line feeds, as UTF-8."""
    return hashlib.sha256("\n".join(sorted(address.lower() for address in addresses)).encode()).hexdigest()


def base64url(data: bytes) -> str:
    """RFC 4648 section 5, without padding."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def base64url_decode(text: str) -> bytes:
    """The reverse, strictly. Raises IdentityError."""
    if _BASE64URL.fullmatch(text) and len(text) % 4 != 1:
        data = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
        if base64url(data) == text:
            return data
    raise IdentityError("The identity header is not base64url.")


def write_value(claims_json: bytes, signature: bytes) -> str:
    """The header value, without white space."""
    return f"{base64url(claims_json)}.{base64url(signature)}"


def read_value(value: str) -> tuple[bytes, bytes]:
    """(claims as JSON, signature) of a header value, folded or not. Raises IdentityError."""
    if len(value) > MAX_VALUE_LENGTH:
        raise IdentityError("The identity header is too long.")
    first, dot, second = _WHITE_SPACE.sub("", value).partition(".")
    if not dot:
        raise IdentityError("The identity header is not two parts joined by a dot.")
    return base64url_decode(first), base64url_decode(second)


def read_claims(claims_json: bytes) -> dict[str, Any]:
    """The claims as a dict, in which `kid` is text. Raises IdentityError."""
    try:
        value = json.loads(claims_json)
    except (ValueError, RecursionError) as error:
        raise IdentityError("The claims are not JSON.") from error
    if not isinstance(value, dict) or not isinstance(value.get("kid"), str):
        raise IdentityError("The claims name no key.")
    return value


def reputation_hash(address: str) -> str:
    """Under which a mailbox's reputation is looked up (contract §10): SHA-256, in hex, of its normalised address."""
    return hashlib.sha256(normalise(address).encode()).hexdigest()
