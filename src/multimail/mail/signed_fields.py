"""What DKIM and ARC verify alike: tag lists, canonical forms, digests, public keys (RFC 6376, RFC 8463, RFC 8301).

All of it reads a stranger's bytes: in linear time, with bounds. Own code because dkimpy's is quadratic in
header fields times h=, and does RSA in Python; it is the oracle of the tests.
"""

import base64
import binascii
import hashlib
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed

from multimail.core.address import AddressError, ascii_domain
from multimail.mail.dkim import relaxed_body, relaxed_value
from multimail.mail.lookups import Dns

Result = Literal["pass", "fail", "temperror", "permerror"]
PublicKey = rsa.RSAPublicKey | ed25519.Ed25519PublicKey

MAX_NAMES: Final = 500  # entries of h=
MAX_TAGS: Final = 64 * 1024  # octets of one signature
MIN_RSA_BITS, MAX_RSA_BITS = 1024, 8192  # RFC 8301 3.2; more costs time and is nobody's

_FIELD_END = re.compile(rb"\r\n(?![ \t])")
_WHITE = re.compile(r"[ \t\r\n]+")
_TAG_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
_SIGNATURE_VALUE = re.compile(rb"((?:^|;)[ \t\r\n]*b[ \t\r\n]*=)[^;]*")
_SELECTOR = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_.-]{0,251}[A-Za-z0-9_])?")


class BadSignature(ValueError):
    """It can't be verified, whatever the key: permerror."""


class WrongSignature(ValueError):
    """It does not hold: fail."""


@dataclass(slots=True)
class Source:
    """A whole message with CRLF line ends, cut once for all its signatures. `fields` are raw, names in lower case,
    each with what stood before its end of line."""

    raw: bytes
    fields: Mapping[str, Sequence[bytes]] = field(init=False)
    _hashes: dict[tuple[bool, int | None], bytes] = field(default_factory=dict)

    def __post_init__(self) -> None:
        grouped: defaultdict[str, list[bytes]] = defaultdict(list)
        for one in _FIELD_END.split(self.raw.partition(b"\r\n\r\n")[0]):
            name, colon, _ = one.partition(b":")
            if colon:
                grouped[name.rstrip(b" \t").decode("ascii", "replace").lower()].append(one)
        self.fields = dict(grouped)

    def body_hash(self, relaxed: bool, length: int | None) -> bytes:
        """SHA-256 of the canonical body, or of its first `length` octets (l=). Raises BadSignature."""
        known = self._hashes.get((relaxed, length))
        if known is not None:
            return known
        body = relaxed_body(self.raw) if relaxed else _simple_body(self.raw)
        if length is not None and length < len(body):
            # RFC 6376 8.2: anybody may add to the rest, so what it vouches for is not what is read.
            raise BadSignature("only a part of the body is signed (l=)")
        if length is not None and length > len(body):
            raise BadSignature("l= is longer than the body")
        return self._hashes.setdefault((relaxed, length), hashlib.sha256(body).digest())

    def signed_fields(self, names: Sequence[str], relaxed: bool) -> Iterator[bytes]:
        """The fields that h= names, each from the bottom of the message upwards (RFC 6376 5.4.2)."""
        used: defaultdict[str, int] = defaultdict(int)
        for name in names:
            present = self.fields.get(name, ())
            used[name] += 1
            if used[name] <= len(present):
                yield canonical_field(present[-used[name]], relaxed) + b"\r\n"


@dataclass(frozen=True, slots=True)
class Claim:
    """A signature ready to be held against its key. `digest` is over all that it covers."""

    domain: str
    selector: str
    algorithm: str
    digest: bytes
    signature: bytes
    agent: str = ""  # the domain of i=, '' where it is d= itself


def read_tags(value: bytes) -> dict[str, str]:
    """A tag list (RFC 6376 3.2), white space folded. Raises BadSignature."""
    if len(value) > MAX_TAGS:
        raise BadSignature("the signature is too long")
    tags: dict[str, str] = {}
    for part in value.decode("utf-8", "replace").split(";"):
        name, equals, text = part.partition("=")
        name = name.strip(" \t\r\n")
        if not part.strip(" \t\r\n"):
            continue
        if not equals or not _TAG_NAME.fullmatch(name) or name in tags:
            raise BadSignature("the tags are not well formed")
        tags[name] = text.strip(" \t\r\n")
    return tags


def read_claim(tags: Mapping[str, str], digest: bytes) -> Claim:
    """Who signed and with what; `digest` is over what was signed. Raises BadSignature."""
    selector = tags.get("s", "")
    try:
        domain = ascii_domain(tags.get("d", ""))
    except AddressError as error:
        raise BadSignature(f"d=: {error}") from None
    if not _SELECTOR.fullmatch(selector):
        raise BadSignature(f"s={selector[:60]} is no selector")
    if tags.get("a") not in ("rsa-sha256", "ed25519-sha256"):
        raise BadSignature(f"a={tags.get('a', '')[:30]} is not accepted")
    return Claim(domain, selector, tags["a"], digest, from_base64(tags.get("b", "")))


def message_digest(source: Source, field_value: tuple[bytes, bytes], tags: Mapping[str, str]) -> bytes:
    """What a DKIM-Signature or ARC-Message-Signature signs, once its body hash is shown to be right.

    `field_value` is the raw field and its value. Raises BadSignature, WrongSignature.
    """
    header, _, body = tags.get("c", "simple/simple").lower().partition("/")
    if {header, body or "simple"} - {"simple", "relaxed"}:
        raise BadSignature(f"c={tags['c'][:40]} is unknown")
    names = [name.strip(" \t\r\n").lower() for name in tags.get("h", "").split(":")]
    if "from" not in names or len(names) > MAX_NAMES:
        raise BadSignature("h= does not cover From, or names too much")
    length = tags.get("l")
    if length is not None and not re.fullmatch(r"\d{1,12}", length, re.ASCII):
        raise BadSignature("l= is no number")
    found = source.body_hash(body == "relaxed", None if length is None else int(length))
    if found != from_base64(tags.get("bh", "")):
        raise WrongSignature("the body was changed")
    relaxed = header == "relaxed"
    covered = hashlib.sha256()
    for one in source.signed_fields(names, relaxed):
        covered.update(one)
    covered.update(canonical_field(without_signature(*field_value), relaxed))
    return covered.digest()


def without_signature(raw_field: bytes, value: bytes) -> bytes:
    """The field with an empty b=, all else untouched (RFC 6376 3.5)."""
    return raw_field[: len(raw_field) - len(value)] + _SIGNATURE_VALUE.sub(rb"\1", value, count=1)


def canonical_field(raw_field: bytes, relaxed: bool) -> bytes:
    """Without its end of line (RFC 6376 3.4.1, 3.4.2)."""
    if not relaxed:
        return raw_field
    name, _, value = raw_field.partition(b":")
    return name.rstrip(b" \t").lower() + b":" + relaxed_value(value)


def _simple_body(raw: bytes) -> bytes:
    """RFC 6376 3.4.3: empty lines at the end are one CRLF, and so is an empty body."""
    body = raw.partition(b"\r\n\r\n")[2]
    end = len(body)
    while body.endswith(b"\r\n", 0, end):
        end -= 2
    return body[:end] + b"\r\n"


async def hold_against_key(dns: Dns, claim: Claim) -> tuple[Result, str]:
    """Whether the key that the domain publishes made the signature, and the reason in words if not."""
    name = f"{claim.selector}._domainkey.{claim.domain}"
    try:
        texts = await dns.txt(name)
    except LookupError:
        texts = ()
    except OSError as error:
        return "temperror", f"the DNS did not answer: {error}"
    if not texts:
        return "permerror", f"there is no key at {name}"
    try:
        _verify(claim, _public_key(claim, read_tags(texts[0])))
    except BadSignature as error:
        return "permerror", str(error)
    except WrongSignature as error:
        return "fail", str(error)
    return "pass", ""


def _public_key(claim: Claim, tags: Mapping[str, str]) -> PublicKey:
    """RFC 6376 3.6.1, RFC 8463 4. Raises BadSignature."""
    kind = tags.get("k", "rsa")
    flags = [flag.strip() for flag in tags.get("t", "").split(":")]
    accepted = {
        "version": tags.get("v", "DKIM1") == "DKIM1",
        "kind": kind == claim.algorithm.partition("-")[0],
        "hash": "h" not in tags or "sha256" in [one.strip() for one in tags["h"].split(":")],
        "service": {one.strip() for one in tags.get("s", "*").split(":")} & {"*", "email"},
        "subdomain": not (claim.agent and "s" in flags),
    }
    for what, fits in accepted.items():
        if not fits:
            raise BadSignature(f"the key is not for this: {what}")
    if not tags.get("p"):
        raise BadSignature("the key was revoked")
    content = from_base64(tags["p"])
    try:
        key: object = (
            ed25519.Ed25519PublicKey.from_public_bytes(content)
            if kind == "ed25519"
            else serialization.load_der_public_key(content)
        )
    except (ValueError, UnsupportedAlgorithm):
        raise BadSignature("the key can't be read") from None
    if isinstance(key, rsa.RSAPublicKey) and not MIN_RSA_BITS <= key.key_size <= MAX_RSA_BITS:
        raise BadSignature(f"an RSA key of {key.key_size} bits is not accepted")
    if not isinstance(key, PublicKey):
        raise BadSignature("the key is of another kind")
    return key


def _verify(claim: Claim, key: PublicKey) -> None:
    try:
        if isinstance(key, rsa.RSAPublicKey):
            key.verify(claim.signature, claim.digest, padding.PKCS1v15(), Prehashed(hashes.SHA256()))
        else:
            key.verify(claim.signature, claim.digest)  # RFC 8463 3: PureEdDSA over the hash
    except InvalidSignature:
        raise WrongSignature("the signature does not fit the message") from None


def from_base64(text: str) -> bytes:
    """Raises BadSignature."""
    try:
        return base64.b64decode(_WHITE.sub("", text), validate=True)
    except (binascii.Error, ValueError):
        raise BadSignature("the base64 is broken") from None
