"""A certificate authority for the tests, and the certificates of the test servers."""

import ssl
import warnings
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from pathlib import Path

import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

NAMES = ("hooks.slack.com", "slack.com", "smtp.gmail.com", "mail.example.com")
"""Names under which a test may reach a server, if it has them lead to the loopback interface."""


_LOOPBACK = IPv4Address("127.0.0.1")
_SIGNS = x509.KeyUsage(
    digital_signature=False,
    content_commitment=False,
    key_encipherment=False,
    data_encipherment=False,
    key_agreement=False,
    key_cert_sign=True,
    crl_sign=True,
    encipher_only=False,
    decipher_only=False,
)


class Authority:
    """Signs certificates for 127.0.0.1, localhost and ``NAMES``; ``bundle`` is the CA file for clients.

    ``old`` speaks TLS 1.1 and nothing newer; ``odd`` has one cipher, which Python's clients do not offer.
    """

    def __init__(self, folder: Path) -> None:
        self._ca = trustme.CA()
        self.bundle = folder / "ca.pem"
        self._ca.cert_pem.write_to_path(str(self.bundle))
        self.old = _server(self._ca.issue_cert("127.0.0.1", *NAMES))
        self.old.set_ciphers("ALL:@SECLEVEL=0")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            self.old.minimum_version, self.old.maximum_version = ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1
        self.odd = _server(self._ca.issue_cert("127.0.0.1", *NAMES))
        self.odd.maximum_version = ssl.TLSVersion.TLSv1_2
        self.odd.set_ciphers("ECDHE-ECDSA-AES128-SHA")
        past = datetime.now(UTC) - timedelta(days=1)
        self.good = _server(self._ca.issue_cert("127.0.0.1", "localhost", *NAMES))
        self.wrong_host = _server(self._ca.issue_cert("elsewhere.example"))
        self.expired = _server(self._ca.issue_cert("127.0.0.1", *NAMES, not_before=past - timedelta(days=1), not_after=past))


def _server(certificate: trustme.LeafCert) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(context)
    return context


class Bare:
    """An authority whose certificate has no key identifiers, as older company CAs have; it has one certificate, for 127.0.0.1."""

    def __init__(self, folder: Path) -> None:
        self.bundle, file = folder / "bare.pem", folder / "server.pem"
        key, own = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
        name, now = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Bare CA")]), datetime.now(UTC)
        empty = x509.CertificateBuilder(
            issuer_name=name, not_valid_before=now - timedelta(days=1), not_valid_after=now + timedelta(days=1)
        )
        ca = empty.subject_name(name).public_key(key.public_key()).serial_number(1)
        ca = ca.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        ca = ca.add_extension(_SIGNS, critical=True)
        leaf = empty.subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "server")])).public_key(own.public_key())
        leaf = leaf.serial_number(2).add_extension(x509.SubjectAlternativeName([x509.IPAddress(_LOOPBACK)]), critical=False)
        leaf = leaf.add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(key.public_key()), critical=False)
        pem = serialization.Encoding.PEM
        self.bundle.write_bytes(ca.sign(key, hashes.SHA256()).public_bytes(pem))
        private = own.private_bytes(pem, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption())
        file.write_bytes(private + leaf.sign(key, hashes.SHA256()).public_bytes(pem))
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(file)
