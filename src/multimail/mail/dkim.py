"""DKIM signatures (RFC 6376): RSA-SHA256 and Ed25519-SHA256 (RFC 8463), relaxed/relaxed, in linear time."""

import base64
import hashlib
import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed

from multimail.core.address import ascii_domain

PrivateKey = rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey

# Each is listed once more than it occurs, so that none can be added afterwards (RFC 6376 section 8.15).
OVERSIGNED = (
    *("From", "To", "Cc", "Subject", "Date", "Message-ID", "In-Reply-To", "References", "Reply-To"),
    *("MIME-Version", "Content-Type", "X-MultiMail-Identity", "List-Unsubscribe", "List-Unsubscribe-Post"),
)
_COVERED = tuple((name, name.lower().encode()) for name in OVERSIGNED)

_SELECTOR = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9.-]{0,61}[A-Za-z0-9])?")
_WSP_RUN = re.compile(rb"[ \t]{2,}|\t")
_FOLDING = re.compile(rb"[ \t\r\n]+")
_LINE = 72


@dataclass(frozen=True, slots=True)
class SigningKey:
    """Who signs: the domain (d=), the selector (s=) of its public key in the DNS, the private key."""

    domain: str
    selector: str
    private_key: PrivateKey

    def __post_init__(self) -> None:
        """Raises ValueError for a domain or selector that could not stand in a header."""
        ascii_domain(self.domain)
        if not _SELECTOR.fullmatch(self.selector):
            raise ValueError(f"{self.selector!r} is not a DKIM selector.")


def sign(raw: bytes, keys: Sequence[SigningKey], *, at: int, body: bytes | None = None) -> bytes:
    """The DKIM-Signature header fields, one a key, CRLF included, to put on top of `raw`.

    `raw` is a whole message with CRLF line ends; `at` is the time of signing in seconds since 1970; `body` is the
    SHA-256 of its relaxed body, where that is known already.
    """
    fields = header_fields(raw)
    names = []
    covered = bytearray()
    for name, lower in _COVERED:
        values = fields.get(lower, [])
        names += [name] * (len(values) + 1)
        for value in reversed(values):  # from the bottom of the message upwards (RFC 6376 section 5.4.2)
            covered += lower + b":" + relaxed_value(value) + b"\r\n"
    if body is None:
        body = hashlib.sha256(relaxed_body(raw)).digest()
    said = f"t={at}; h={_folded_names(names)};\r\n bh={base64.b64encode(body).decode()};"
    return b"".join(_signature(key, said, bytes(covered)) for key in keys)


def relaxed_body(raw: bytes) -> bytes:
    """The body of a whole message in the relaxed canonical form of RFC 6376 section 3.4.4."""
    body = raw.partition(b"\r\n\r\n")[2]
    if body and not body.endswith(b"\r\n"):
        body += b"\r\n"
    if b"\t" in body or b"  " in body:
        body = _WSP_RUN.sub(b" ", body)
    body = body.replace(b" \r\n", b"\r\n")
    end = len(body)
    while body.endswith(b"\r\n", 0, end) and (end == 2 or body.endswith(b"\r\n", 0, end - 2)):
        end -= 2
    return body[:end]


def relaxed_value(value: bytes) -> bytes:
    """A header value in the relaxed canonical form of RFC 6376 section 3.4.2."""
    if b"\x0b" in value or b"\x0c" in value:  # white space to bytes.split, but not to RFC 5322
        return _FOLDING.sub(b" ", value).strip(b" ")
    return b" ".join(value.split())


def header_fields(raw: bytes) -> dict[bytes, list[bytes]]:
    """The header of a whole message: lower-case names, and for each its raw values from top to bottom."""
    header = raw.partition(b"\r\n\r\n")[0]
    fields: defaultdict[bytes, list[bytes]] = defaultdict(list)
    for field in _unfolded(header):
        name, colon, value = field.partition(b":")
        if colon:
            fields[name.rstrip(b" \t").lower()].append(value)
    return fields


def generate_key() -> rsa.RSAPrivateKey:
    """A new RSA key of 2048 bits, what every receiver verifies."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@dataclass(frozen=True, slots=True)
class NewKey:
    """`private_pem` is a secret; `public_value` is what the DNS is to say."""

    algorithm: Literal["rsa", "ed25519"]
    private_pem: str
    public_value: str


def generate_pair() -> tuple[NewKey, NewKey]:
    """An RSA key and an Ed25519 one, to sign with both: who knows only RSA loses nothing (RFC 8463 section 3).

    Takes about 0.1 s.
    """
    rsa_key, ed25519_key = generate_key(), ed25519.Ed25519PrivateKey.generate()
    return (
        NewKey("rsa", private_pem(rsa_key), dns_record(rsa_key)),
        NewKey("ed25519", private_pem(ed25519_key), dns_record(ed25519_key)),
    )


def private_pem(key: PrivateKey) -> str:
    """The key as unencrypted PKCS #8 PEM: a secret."""
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()


def load_private_pem(pem: str) -> PrivateKey:
    """The key that `private_pem` wrote. Raises ValueError for what is no RSA or Ed25519 key."""
    key = serialization.load_pem_private_key(pem.encode(), password=None)
    if not isinstance(key, PrivateKey):
        raise ValueError("A DKIM key is an RSA or Ed25519 key.")
    return key


def dns_record(key: PrivateKey) -> str:
    """The text of the TXT record at <selector>._domainkey.<domain> (RFC 6376 section 3.6.1)."""
    if isinstance(key, rsa.RSAPrivateKey):
        public = key.public_key().public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        return f"v=DKIM1; k=rsa; p={base64.b64encode(public).decode()}"
    return f"v=DKIM1; k=ed25519; p={base64.b64encode(key.public_key().public_bytes_raw()).decode()}"


def _signature(key: SigningKey, said: str, covered: bytes) -> bytes:
    """`said` are the tags that each signature of a message has, `covered` the header fields in relaxed form."""
    algorithm = "rsa-sha256" if isinstance(key.private_key, rsa.RSAPrivateKey) else "ed25519-sha256"
    field = "\r\n ".join(
        (
            f"DKIM-Signature: v=1; a={algorithm}; c=relaxed/relaxed;",
            f"d={ascii_domain(key.domain)}; s={key.selector};",
            said,
            "b=",
        )
    ).encode()
    unsigned = b"dkim-signature:" + relaxed_value(field.partition(b":")[2])
    digest = hashlib.sha256(covered + unsigned).digest()
    if isinstance(key.private_key, rsa.RSAPrivateKey):
        signature = key.private_key.sign(digest, padding.PKCS1v15(), Prehashed(hashes.SHA256()))
    else:
        signature = key.private_key.sign(digest)  # RFC 8463 section 3: PureEdDSA over the hash
    encoded = base64.b64encode(signature)
    lines = [encoded[start : start + _LINE] for start in range(0, len(encoded), _LINE)]
    return field + b"\r\n ".join(lines) + b"\r\n"


def _folded_names(names: Sequence[str]) -> str:
    lines = [""]
    for name in names:
        if len(lines[-1]) + len(name) > _LINE - 16:
            lines.append("")
        lines[-1] += f"{name}:"
    return "\r\n ".join(lines)[:-1]


def _unfolded(header: bytes) -> Iterator[bytes]:
    lines: list[bytes] = []
    for line in header.split(b"\r\n"):
        if lines and line[:1] not in (b" ", b"\t"):
            yield b"".join(lines)
            lines = []
        lines.append(line)
    yield b"".join(lines)
