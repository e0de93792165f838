"""A certificate authority for the tests, and the certificates of the test servers."""

import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

import trustme


class Authority:
    """Signs certificates for 127.0.0.1 and localhost; ``bundle`` is the CA file for clients."""

    def __init__(self, folder: Path) -> None:
        self._ca = trustme.CA()
        self.bundle = folder / "ca.pem"
        self._ca.cert_pem.write_to_path(str(self.bundle))
        past = datetime.now(UTC) - timedelta(days=1)
        self.good = _server(self._ca.issue_cert("127.0.0.1", "localhost"))
        self.wrong_host = _server(self._ca.issue_cert("elsewhere.example"))
        self.expired = _server(self._ca.issue_cert("127.0.0.1", not_before=past - timedelta(days=1), not_after=past))


def _server(certificate: trustme.LeafCert) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(context)
    return context
