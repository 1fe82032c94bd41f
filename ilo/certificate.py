"""Makes the certificate for localhost that `ilo cert` promises: for one's own machine only."""

import ipaddress
import os
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from ilo.refusals import CommandRefused

CERTIFICATE_NAME: Final = "localhost.crt"
KEY_NAME: Final = "localhost.key"
KEY_BITS: Final = 2048
# Browsers refuse longer ones (CA/Browser Forum baseline requirements §6.3.2).
VALID_FOR: Final = timedelta(days=397)
# For clocks that are a little slow.
VALID_BEFORE_NOW: Final = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class LocalhostCertificate:
    """Both in PEM form; the key is not encrypted."""

    certificate: bytes
    key: bytes


def make_certificate(now: datetime) -> LocalhostCertificate:
    """Return a new self-signed certificate for localhost, 127.0.0.1 and ::1, and its key."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=KEY_BITS)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    identifier = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - VALID_BEFORE_NOW)
        .not_valid_after(now - VALID_BEFORE_NOW + VALID_FOR)
        .add_extension(
            x509.SubjectAlternativeName(
                [
                    x509.DNSName("localhost"),
                    x509.IPAddress(ipaddress.ip_address("127.0.0.1")),
                    x509.IPAddress(ipaddress.ip_address("::1")),
                ]
            ),
            critical=False,
        )
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(
            x509.KeyUsage(
                digital_signature=True,
                content_commitment=False,
                key_encipherment=False,
                data_encipherment=False,
                key_agreement=False,
                key_cert_sign=False,
                crl_sign=False,
                encipher_only=False,
                decipher_only=False,
            ),
            critical=True,
        )
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(identifier, critical=False)
        # Python's strict check of certificates looks for it.
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(identifier),
            critical=False,
        )
        .sign(key, hashes.SHA256())
    )
    return LocalhostCertificate(
        certificate=certificate.public_bytes(serialization.Encoding.PEM),
        key=key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        ),
    )


def write_certificate(
    folder: Path, made: LocalhostCertificate, *, force: bool
) -> tuple[Path, Path]:
    """Write `localhost.crt` and `localhost.key` (0600) into ``folder``; return both paths.

    Raises:
        CommandRefused: one of them is there and ``force`` is false, or cannot be written.
    """
    certificate, key = folder / CERTIFICATE_NAME, folder / KEY_NAME
    for file in (certificate, key):
        if not force and os.path.lexists(file):
            raise CommandRefused(f"{file}: is there already; --force replaces it")
    # The key first: a certificate without its key is the worse half.
    for file, content, mode in ((key, made.key, 0o600), (certificate, made.certificate, 0o644)):
        try:
            _write(file, content, mode)
        except OSError as error:
            raise CommandRefused(f"{file}: cannot be written: {error.strerror}") from None
    return certificate, key


def _write(file: Path, content: bytes, mode: int) -> None:
    """Write ``file`` whole or not at all, with ``mode`` from its first moment on."""
    draft = file.with_name(f".{file.name}.{secrets.token_hex(8)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
    try:
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(content)
        draft.replace(file)
    except OSError:
        draft.unlink(missing_ok=True)
        raise
