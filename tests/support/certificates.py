"""Certificates for tests: an authority of their own, an intermediate, and a host's, as TLS servers present them."""

import datetime
import ssl
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

DAY = datetime.timedelta(days=1)


@dataclass
class Issued:
    """A certificate, its key, and who issued it; None for one that issued itself."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey
    issuer: "Issued | None" = None

    @property
    def der(self) -> bytes:
        return self.certificate.public_bytes(serialization.Encoding.DER)

    @property
    def key_der(self) -> bytes:
        public = self.certificate.public_key()
        return public.public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )

    @property
    def chain(self) -> list["Issued"]:
        """What a host presents: its own, and those above it, the authority's included."""
        return [self, *(self.issuer.chain if self.issuer else [])]

    def server(self, folder: Path) -> ssl.SSLContext:
        """A TLS server that presents the chain."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.file(folder))
        return context

    def file(self, folder: Path) -> Path:
        """The key and the chain in PEM, in one file."""
        path = folder / f"{self.certificate.serial_number}.pem"
        pem = serialization.Encoding.PEM
        private = self.key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        path.write_bytes(private + b"".join(one.certificate.public_bytes(pem) for one in self.chain))
        return path


def issue(
    name: str,
    issuer: Issued | None = None,
    *,
    authority: bool = False,
    now: datetime.datetime | None = None,
) -> Issued:
    """A certificate for the host `name`, or of an authority called that, good for a day before and after `now`."""
    now = now or datetime.datetime.now(datetime.UTC)
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    by = issuer.certificate.subject if issuer else subject
    signer = issuer.key if issuer else key
    identifier = x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key())
    builder = (
        x509.CertificateBuilder(
            by, subject, key.public_key(), x509.random_serial_number(), now - DAY, now + DAY
        )
        .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(identifier, critical=False)
    )
    if authority:
        usage = x509.KeyUsage(
            digital_signature=True, key_cert_sign=True, crl_sign=True, content_commitment=False,
            key_encipherment=False, data_encipherment=False, key_agreement=False, encipher_only=False,
            decipher_only=False,
        )  # fmt: skip
        builder = builder.add_extension(usage, critical=True)
    else:
        builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
    return Issued(builder.sign(signer, hashes.SHA256()), key, issuer)
