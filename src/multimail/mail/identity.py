"""X-MultiMail-Identity on real messages: sign, verify, and the public key document (contract section 10).

ECDSA P-256 with SHA-256 over the canonical JSON of the claims; the signature is JOSE's r || s, 64 bytes
(RFC 7518 section 3.4). Keys are published as a JWK Set (RFC 7517) and named by thumbprint (RFC 7638).
"""

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from email.errors import HeaderParseError
from email.header import decode_header, make_header
from functools import lru_cache
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature

from multimail.core.address import AddressError, parse_address_list
from multimail.core.identity import (
    Binding,
    IdentityError,
    Statement,
    base64url,
    base64url_decode,
    body_sha256,
    canonical_json,
    claims,
    read_claims,
    read_value,
    recipients_sha256,
    subject_sha256,
    write_value,
)
from multimail.mail.dkim import header_fields, relaxed_body

HEADER = "X-MultiMail-Identity"

_MAX_SUBJECT_OCTETS = 16 * 1024  # the decoder's time is quadratic in this
_FOLD = 72
_PEM = re.compile(r"-----BEGIN PUBLIC KEY-----[^-]{1,4096}-----END PUBLIC KEY-----")
_CHANGED = {
    "from": "The From address is not the one that was signed.",
    "message_id": "The Message-ID is not the one that was signed: the header belongs to another message.",
    "recipients_sha256": "The To and Cc addresses are not the ones that were signed.",
    "subject_sha256": "The subject is not the one that was signed.",
    "body_sha256": "The body is not the one that was signed.",
}


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a message is what its identity header says, why not in words, and the claims once trusted."""

    ok: bool
    reason: str
    claims: dict[str, Any] | None


def sign_identity(
    raw: bytes, statement: Statement, key: ec.EllipticCurvePrivateKey, body: str | None = None
) -> str:
    """The value of X-MultiMail-Identity for a whole message, with a space every 72 characters to fold at.

    `body` is the body_sha256 of the message, where that is known already. Raises IdentityError when the message
    lacks what the claims bind to.
    """
    signed = canonical_json(claims(statement, _binding(raw, body), _kid(key)))
    r, s = decode_dss_signature(key.sign(signed, ec.ECDSA(hashes.SHA256())))
    value = write_value(signed, r.to_bytes(32, "big") + s.to_bytes(32, "big"))
    return " ".join(value[start : start + _FOLD] for start in range(0, len(value), _FOLD))


def verify(
    raw: bytes, public_keys: Mapping[str, ec.EllipticCurvePublicKey], *, at: int | None = None
) -> Verdict:
    """Whether `raw` carries an identity that one of the keys (by kid) signed for this very message.

    With `at`, seconds since 1970, an identity past its `exp` fails too. Never raises.
    """
    try:
        trusted = _trusted_claims(raw, public_keys)
        bound = claims(_NOTHING, _binding(raw), "")
    except IdentityError as error:
        return Verdict(False, str(error), None)
    for name, reason in _CHANGED.items():
        if trusted.get(name) != bound[name]:
            return Verdict(False, reason, trusted)
    if at is not None and not (isinstance(trusted.get("exp"), int) and at < trusted["exp"]):
        return Verdict(False, "The identity has expired.", trusted)
    return Verdict(True, "The identity is genuine and belongs to this message.", trusted)


def generate_key() -> ec.EllipticCurvePrivateKey:
    """A new P-256 key."""
    return ec.generate_private_key(ec.SECP256R1())


def private_pem(key: ec.EllipticCurvePrivateKey) -> str:
    """The key as unencrypted PKCS #8 PEM: a secret."""
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()


def load_private_pem(pem: str) -> ec.EllipticCurvePrivateKey:
    """The key that `private_pem` wrote. Raises ValueError for anything but P-256."""
    key = serialization.load_pem_private_key(pem.encode(), password=None)
    if not isinstance(key, ec.EllipticCurvePrivateKey) or not isinstance(key.curve, ec.SECP256R1):
        raise ValueError("An identity key is a P-256 key.")
    return key


def thumbprint(key: ec.EllipticCurvePublicKey) -> str:
    """The kid: RFC 7638, SHA-256, base64url."""
    return base64url(hashlib.sha256(canonical_json(_jwk(key))).digest())


@lru_cache(maxsize=16)
def _kid(key: ec.EllipticCurvePrivateKey) -> str:
    return thumbprint(key.public_key())


def jwks(public_keys: Iterable[ec.EllipticCurvePublicKey]) -> dict[str, list[dict[str, str]]]:
    """The document at /.well-known/multimail-signing-key: a JWK Set (RFC 7517)."""
    more = {"alg": "ES256", "use": "sig"}
    return {"keys": [{**_jwk(key), "kid": thumbprint(key), **more} for key in public_keys]}


def load_keys(text: str) -> dict[str, ec.EllipticCurvePublicKey]:
    """Public keys by kid from a JWK Set, one JWK, or PEM. Raises ValueError when there is no P-256 key in it.

    The kid is computed, whatever the document calls it; keys of other kinds in a set are passed over.
    """
    found = [_from_pem(block) for block in _PEM.findall(text)]
    if not found:
        try:
            document = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise ValueError("The key file is neither a JWK Set nor a public key in PEM.") from error
        entries = document.get("keys", [document]) if isinstance(document, dict) else []
        if not isinstance(entries, list):
            entries = []
        found = [_from_jwk(one) for one in entries if isinstance(one, dict) and one.get("crv") == "P-256"]
    if not found:
        raise ValueError("The key file holds no P-256 public key.")
    return {thumbprint(key): key for key in found}


_NOTHING = Statement("", False, None, (), 0, 0, "", "", "", False)


def _trusted_claims(raw: bytes, public_keys: Mapping[str, ec.EllipticCurvePublicKey]) -> dict[str, Any]:
    value = _only(header_fields(raw), HEADER)
    if value is None:
        raise IdentityError(f"The message has no {HEADER} header.")
    signed, signature = read_value(value)
    said = read_claims(signed)
    key = public_keys.get(said["kid"])
    if key is None:
        raise IdentityError(f"The identity was signed with a key that is not known: {said['kid'][:64]!r}.")
    if len(signature) != 64:
        raise IdentityError("The signature is not 64 bytes long.")
    r, s = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big")
    try:
        key.verify(encode_dss_signature(r, s), signed, ec.ECDSA(hashes.SHA256()))
    except InvalidSignature as error:
        raise IdentityError("The signature does not match: the claims were changed or made up.") from error
    return said


def _binding(raw: bytes, body: str | None = None) -> Binding:
    fields = header_fields(raw)
    senders = _addresses(fields, "From")
    if len(senders) != 1:
        raise IdentityError("The message has no single From address.")
    message_id = _only(fields, "Message-ID")
    if not message_id:
        raise IdentityError("The message has no Message-ID.")
    return Binding(
        body_sha256=body_sha256(relaxed_body(raw)) if body is None else body,
        from_=senders[0],
        message_id=message_id.removeprefix("<").removesuffix(">"),
        recipients_sha256=recipients_sha256(_addresses(fields, "To") + _addresses(fields, "Cc")),
        subject_sha256=subject_sha256(_subject(_only(fields, "Subject") or "")),
    )


def _only(fields: Mapping[bytes, list[bytes]], name: str) -> str | None:
    """The one value, unfolded (RFC 5322 section 2.2.3); two of them could be read in two ways."""
    values = fields.get(name.lower().encode(), [])
    if len(values) > 1:
        raise IdentityError(f"The message has more than one {name} header.")
    if not values:
        return None
    try:
        return values[0].replace(b"\r\n", b"").decode().strip(" \t")
    except UnicodeDecodeError as error:
        raise IdentityError(f"The {name} header is not UTF-8.") from error


def _addresses(fields: Mapping[bytes, list[bytes]], name: str) -> list[str]:
    try:
        return [address.address.lower() for address in parse_address_list(_only(fields, name) or "")]
    except AddressError as error:
        raise IdentityError(f"The {name} header can't be read: {error}") from error


def _subject(value: str) -> str:
    if len(value.encode()) > _MAX_SUBJECT_OCTETS:
        raise IdentityError("The subject is too long.")
    try:
        return str(make_header(decode_header(value)))
    except (HeaderParseError, LookupError, ValueError) as error:
        raise IdentityError("The subject can't be decoded.") from error


def _jwk(key: ec.EllipticCurvePublicKey) -> dict[str, str]:
    point = key.public_numbers()
    x, y = (base64url(number.to_bytes(32, "big")) for number in (point.x, point.y))
    return {"kty": "EC", "crv": "P-256", "x": x, "y": y}


def _from_jwk(entry: Mapping[str, Any]) -> ec.EllipticCurvePublicKey:
    try:
        x, y = (int.from_bytes(base64url_decode(entry[name]), "big") for name in ("x", "y"))
        return ec.EllipticCurvePublicNumbers(x, y, ec.SECP256R1()).public_key()
    except (KeyError, TypeError) as error:
        raise ValueError("A key in the set has no coordinates.") from error


def _from_pem(block: str) -> ec.EllipticCurvePublicKey:
    key = serialization.load_pem_public_key(block.encode())
    if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP256R1):
        raise ValueError("The PEM key is not a P-256 key.")
    return key
