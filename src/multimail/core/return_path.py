"""The return path of what we send: an address for reports alone, that names its email and recipient (RFC 5321 4.4).

Only we can make one, so what is sent to it was set off by mail of ours. All in lower case: some servers fold it.
"""

import hashlib
import hmac
import re
from dataclasses import dataclass
from typing import Final

MAC_DIGITS: Final = 24  # hex; with the rest it stays within the 64 octets of a local part
_LOCAL: Final = re.compile(r"bounce\+([0-9a-z]{26})-([0-9a-f]{24})")


@dataclass(frozen=True, slots=True)
class ReturnPath:
    """An address of that form, not yet shown to be ours."""

    email_id: str
    mac: str
    domain: str


def make(secret: bytes, email_id: str, recipient: str, domain: str) -> str:
    """The return path of `recipient`'s copy; `domain` must take mail here."""
    return f"bounce+{email_id.removeprefix('eml_')}-{_mac(secret, email_id, recipient)}@{domain}"


def read(address: str) -> ReturnPath | None:
    """None for any other address."""
    local, _, domain = address.lower().rpartition("@")
    match = _LOCAL.fullmatch(local)
    return ReturnPath(f"eml_{match[1]}", match[2], domain) if match else None


def belongs_to(secret: bytes, path: ReturnPath, recipient: str) -> bool:
    """Whether we made it, for this recipient."""
    return hmac.compare_digest(path.mac, _mac(secret, path.email_id, recipient))


def _mac(secret: bytes, email_id: str, recipient: str) -> str:
    text = f"return path\0{email_id}\0{recipient.lower()}".encode("utf-8", "surrogatepass")
    return hmac.new(secret, text, hashlib.sha256).hexdigest()[:MAC_DIGITS]
