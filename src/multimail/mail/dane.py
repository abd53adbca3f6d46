"""DANE for SMTP (RFC 7672): a mail host's certificate, vouched for by TLSA records that DNSSEC signs.

Usages 0 and 1 are no use between mail servers (section 3.1.3); 2 names a certificate authority that the host must
present, 3 the host's own certificate or key, and then neither names nor dates in it count (RFC 7671 section 5.1).
"""

import datetime
import hashlib
from collections.abc import Callable, Iterable, Sequence
from typing import Final, NamedTuple

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.verification import PolicyBuilder, Store, VerificationError

MAX_RECORDS: Final = 50  # of one host, and of certificates that it presents
AUTHORITY, END = 2, 3
WHOLE, KEY = 0, 1

_MATCHING: Final[dict[int, Callable[[bytes], bytes]]] = {
    0: lambda data: data,
    1: lambda data: hashlib.sha256(data).digest(),
    2: lambda data: hashlib.sha512(data).digest(),
}
_LENGTHS: Final = {1: 32, 2: 64}


class Tlsa(NamedTuple):
    """One record (RFC 6698 section 2.1): certificate usage, selector, matching type, and the data."""

    usage: int
    selector: int
    matching: int
    data: bytes


Fields = tuple[int, int, int, bytes]
"""Those of a record as the DNS has them."""


def usable(records: Iterable[Fields]) -> tuple[Tlsa, ...]:
    """Those that can vouch for a mail host. Of one usage and selector a SHA-512 makes SHA-256 not count, as a
    stronger digest does with whoever knows both (RFC 7671 section 9)."""
    found = [
        one
        for one in (Tlsa(*fields) for fields in records)
        if one.usage in (AUTHORITY, END)
        and one.selector in (WHOLE, KEY)
        and one.matching in _MATCHING
        and len(one.data) == _LENGTHS.get(one.matching, len(one.data))
    ][:MAX_RECORDS]
    strong = {(one.usage, one.selector) for one in found if one.matching == 2}
    return tuple(
        sorted({one for one in found if one.matching != 1 or (one.usage, one.selector) not in strong})
    )


def vouches(
    records: Sequence[Tlsa], chain: Sequence[bytes], names: Sequence[str], now: datetime.datetime
) -> bool:
    """Whether a usable record matches what a host presented: certificates in DER, its own first.

    `names` are those the certificate may be for, where an authority vouches (RFC 7672 section 3.2.2).
    """
    try:
        return _vouches(
            records, [x509.load_der_x509_certificate(one) for one in chain[:MAX_RECORDS]], names, now
        )
    except (ValueError, TypeError, UnsupportedAlgorithm, x509.UnsupportedGeneralNameType):
        return False  # what the library can't read vouches for nobody


def _vouches(
    records: Sequence[Tlsa],
    chain: Sequence[x509.Certificate],
    names: Sequence[str],
    now: datetime.datetime,
) -> bool:
    if any(_matches(record, one) for record in records if record.usage == END for one in chain[:1]):
        return True
    anchors = [
        x509.load_der_x509_certificate(one.data) for one in records if one[:3] == (AUTHORITY, WHOLE, 0)
    ]
    anchors += [
        one
        for one in chain[1:]
        if any(_matches(record, one) for record in records if record.usage == AUTHORITY)
    ]  # a record of the whole certificate spares the host presenting it (RFC 7671 section 5.2.3)
    return bool(anchors) and any(_issued(chain, anchors, name, now) for name in names)


def _matches(record: Tlsa, certificate: x509.Certificate) -> bool:
    if record.selector == KEY:
        key = certificate.public_key()
        selected = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    else:
        selected = certificate.public_bytes(Encoding.DER)
    return _MATCHING[record.matching](selected) == record.data


def _issued(
    chain: Sequence[x509.Certificate], anchors: list[x509.Certificate], name: str, now: datetime.datetime
) -> bool:
    verifier = PolicyBuilder().store(Store(anchors)).time(now).build_server_verifier(x509.DNSName(name))
    try:
        verifier.verify(chain[0], list(chain[1:]))
    except VerificationError:
        return False
    return True
