"""A certificate authority for the tests, and the certificates of the test servers."""

import ssl
import warnings
from datetime import UTC, datetime, timedelta
from pathlib import Path

import trustme

NAMES = ("hooks.slack.com", "slack.com", "smtp.gmail.com", "mail.example.com")
"""Names under which a test may reach a server, if it has them lead to the loopback interface."""


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
