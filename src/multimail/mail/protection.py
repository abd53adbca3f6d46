"""What a message was signed or encrypted with: recognised and said, never decrypted, never verified.

S/MIME is RFC 8551, PGP/MIME RFC 3156, and PGP written into the text RFC 9580 6 and 7.
"""

import re
from collections.abc import Iterable, Iterator
from typing import Final

from multimail.mail.mime import Entity

# ContentInfo's type (RFC 5652 3) in the first octets, however its length is written
_SIGNED_DATA: Final = bytes.fromhex("06092a864886f70d010702")
_PKCS7: Final = ("application/pkcs7-mime", "application/x-pkcs7-mime")
_BY_TYPE: Final = {
    "application/pgp-encrypted": "pgp_encrypted",
    "application/pgp-signature": "pgp_signed",
    "application/pkcs7-signature": "smime_signed",
    "application/x-pkcs7-signature": "smime_signed",
}
_ARMOR: Final = {"MESSAGE": "pgp_encrypted", "SIGNED MESSAGE": "pgp_signed"}
_BEGIN: Final = re.compile(r"^-----BEGIN PGP (MESSAGE|SIGNED MESSAGE)-----[ \t]*$", re.MULTILINE)
_CLEAR: Final = re.compile(
    r"^-----BEGIN PGP SIGNED MESSAGE-----[ \t]*\n(?:[A-Za-z]{1,40}:[^\n]{0,200}\n){0,10}\n"
    r"|^-----BEGIN PGP SIGNATURE-----[ \t]*\n(?:(?!-----)[^\n]*+\n?+)*+-----END PGP SIGNATURE-----[ \t]*$",
    re.MULTILINE,
)


def protection(entities: Iterable[Entity], text: str) -> tuple[str, ...]:
    """Any of pgp_encrypted, pgp_signed, smime_encrypted and smime_signed, sorted."""
    return tuple(sorted({*_of_parts(entities), *(_ARMOR[match[1]] for match in _BEGIN.finditer(text))}))


def _of_parts(entities: Iterable[Entity]) -> Iterator[str]:
    for entity in entities:
        if entity.content_type in _BY_TYPE:
            yield _BY_TYPE[entity.content_type]
        elif entity.content_type in _PKCS7:
            yield "smime_signed" if _SIGNED_DATA in entity.content[:64] else "smime_encrypted"


def without_armor(text: str) -> str:
    """The words of a cleartext signature (RFC 9580 7.1), without its frame and its dashes."""
    if "-----BEGIN PGP SIGNED MESSAGE-----" not in text:
        return text
    return re.sub(r"^- (?=-)", "", _CLEAR.sub("", text), flags=re.MULTILINE)
