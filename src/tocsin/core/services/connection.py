"""Failures of a connection, classified as outcomes: what happened, and what to do about it.

- A reason names whom the connection led to: the server, or the proxy before it.
- A server without TLS answers in plain text. Its first line tells apart a wrong port, and a mail server that has no room for another
  connection: Exim says so in plain text before TLS begins.
- Old TLS and a certificate that is not trusted stay as they are until a person acts, so a retry is useless. Another failed handshake
  may be a fault of the network.
- Words of a server are redacted before they come here. They stand at the end of a reason, on one line, and cut.

Sources: RFC 8446, section 5.1 (the first bytes of TLS) and appendix B.2 (its alerts); RFC 5321, section 4.2.1; the documentation of
Python's ``ssl.create_default_context``, which demands more of certificates since Python 3.13.
"""

import re
from datetime import datetime

import attrs

from tocsin.core.outcomes import Ambiguous, DeliveryError, Rejected, Retryable
from tocsin.core.text import cut, one_line
from tocsin.core.values import Value

_LONGEST_WORDS = 160  # characters of what a server says
_MOST_UNREADABLE = 0.25  # the part of a text that may be unreadable
NOISE = "nothing that can be read"
_RECORD_TYPES = (b"\x14", b"\x15", b"\x16", b"\x17")
_OLD_TLS = re.compile("PROTOCOL_VERSION|UNSUPPORTED_PROTOCOL|UNKNOWN_PROTOCOL|VERSION_TOO_LOW")
_NO_AGREEMENT = re.compile(
    "HANDSHAKE_FAILURE|UNRECOGNIZED_NAME|INSUFFICIENT_SECURITY|CERTIFICATE_REQUIRED|NO_SHARED|KEY_TOO_SMALL|LEGACY_RENEGOTIATION"
)
_STRICT = re.compile(
    "Key Identifier|Basic Constraints|key usage|keyCertSign|Path length|Subject Alt|(?:issuer|Subject) name|extension but",
    re.IGNORECASE,
)  # the errors of OpenSSL's flag X509_STRICT
_NO_SERVICE = "another program listens there: correct the host or the port, and look for a proxy in between"
_NO_TLS_PROXY = "write http:// in place of https:// before the proxy's name"
_NO_TLS_MAIL = "name the port on which it speaks TLS from the first byte on, as a rule 465"
_NO_AGREEMENT_ACT = "its operator must mend its TLS, or say what else it asks of clients"
_CHECK_PROXY = "check the proxy settings"
_PROXY_LOGIN = "write its login into HTTPS_PROXY=http://USER:PASSWORD@HOST:PORT"


@attrs.frozen(eq=False, repr=False)
class Peer(Value):
    """The other side of a connection: a server, or a proxy before it.

    >>> str(Peer("smtp.gmail.com", 465)), str(Peer("10.0.0.7", 3128, is_proxy=True))
    ('smtp.gmail.com', 'the proxy 10.0.0.7:3128')
    """

    host: str
    port: int | None = None
    is_proxy: bool = False

    def __str__(self) -> str:
        return f"the proxy {self.host}:{self.port}" if self.is_proxy else self.host


@attrs.frozen(eq=False, repr=False)
class Trust(Value):
    """The CA certificates that a connection trusts.

    Args:
        variable: the environment variable that names a file of them for this service alone.
        bundle: the file, or folder, whose certificates alone are trusted; None for the system's.
        source: what names ``bundle``.
    """

    variable: str = "SSL_CERT_FILE"
    bundle: str | None = None
    source: str = ""


def words(said: str, limit: int = _LONGEST_WORDS) -> str:
    """Return what a server says as one line of at most ``limit`` characters.

    SMTP repeats the status code of RFC 3463 on each line of a reply; it is kept once. Of what is no text, nothing is returned.

    >>> words("5.7.8 Username and Password not accepted.\\n5.7.8 Learn more")
    '5.7.8 Username and Password not accepted. Learn more'
    """
    first, *rest = said.replace("\r", "").split("\n")
    status = re.match(r"[245]\.\d{1,3}\.\d{1,3} ", first)
    lines = (first, *(line.removeprefix(status[0]) if status else line for line in rest))
    line = one_line("\n".join(lines))
    return cut(line, limit) if line.count("\ufffd") <= len(line) * _MOST_UNREADABLE else ""


def unresolved(peer: Peer) -> Retryable:
    """Return the outcome if the name of the host has no address."""
    return Retryable(f"cannot reach {peer}: its name does not resolve")


def unreachable(peer: Peer, why: str) -> Retryable:
    """Return the outcome if no address of the host took the connection."""
    return Retryable(f"cannot reach {peer}: {why}")


def silent(peer: Peer) -> Retryable:
    """Return the outcome if an answer did not come in time."""
    return Retryable(f"{peer} did not answer in time")


def flooded(peer: Peer, most: int) -> Retryable:
    """Return the outcome if more than ``most`` bytes came."""
    return Retryable(f"{peer} sent more than {most:,} bytes, which is no answer")


def broken(peer: Peer, why: str) -> Retryable:
    """Return the outcome if the connection broke; ``why`` is the reason of an error, as ``ssl`` or the system names it.

    >>> broken(Peer("slack.com"), "BAD_RECORD_MAC").reason
    'the connection to slack.com broke (bad record mac)'
    """
    return Retryable(f"the connection to {peer} broke ({_plain(why)})")


def closed(peer: Peer) -> Retryable:
    """Return the outcome if the other side closed the connection, or reset it, before it had answered."""
    return Retryable(f"{peer} closed the connection")


def unreadable(peer: Peer) -> Retryable:
    """Return the outcome if what came is no answer of the protocol."""
    return Retryable(f"the answer of {peer} cannot be read")


def no_smtp_reply(peer: Peer, said: str) -> Retryable:
    """Return the outcome if a mail server's answer is neither acceptance nor refusal."""
    return Retryable(f"{peer} answered with what is neither acceptance nor refusal: {words(said) or NOISE}")


def no_request(host: str, error: str) -> Rejected:
    """Return the outcome if no request can be made: of a host name or a proxy that is none."""
    return Rejected(f"no request to {host} can be made ({error}): check the proxy settings and the host's name")


def proxy_refusal(proxy: Peer, host: str, status: int | None, said: str = "") -> Retryable:
    """Return the outcome if a proxy does not open the way to ``host``; ``status`` and ``said`` are its answer, if it gave one.

    >>> proxy_refusal(Peer("10.0.0.7", 3128, is_proxy=True), "hooks.slack.com", 403, "Forbidden").reason
    'the proxy 10.0.0.7:3128 does not lead to hooks.slack.com: check the proxy settings (it says: 403 Forbidden)'
    """
    act = _PROXY_LOGIN if status == 407 else _CHECK_PROXY
    return Retryable(f"{proxy} does not lead to {host}: {act}{_says(f'{status} {said}') if status is not None else ''}")


def handshake_failure(peer: Peer, first: bytes, said: str, why: str | None) -> Retryable | Rejected:
    """Classify a TLS handshake that failed, other than for the certificate.

    Args:
        peer: the other side.
        first: the first bytes that it sent.
        said: these bytes as text, redacted.
        why: the reason of the error, as ``ssl`` names it.

    >>> handshake_failure(Peer("mail.example.com", 465), b"421 Too", "421 Too many connections", "WRONG_VERSION_NUMBER").reason
    'mail.example.com takes no connection now: 421 Too many connections'
    >>> handshake_failure(Peer("mail.example.com", 587), b"220 ", "220 ready", "WRONG_VERSION_NUMBER").reason[:52]
    'mail.example.com speaks SMTP without TLS on port 587'
    """
    if first and not is_tls(first):
        return _without_tls(peer, said)
    if not first or why is None or "EOF" in why:
        return closed(peer)
    if _OLD_TLS.search(why):
        return Rejected(
            f"{peer} speaks no TLS 1.2 or newer on port {peer.port}: older TLS is not safe, and its operator must switch a newer one on"
        )
    if _NO_AGREEMENT.search(why):
        return Rejected(f"{peer} and this machine agree on no TLS connection ({_plain(why)}): {_NO_AGREEMENT_ACT}")
    return Retryable(f"the TLS handshake with {peer} failed ({_plain(why)})")


def is_tls(first: bytes) -> bool:
    """Return whether the first bytes of a connection are those of TLS.

    >>> is_tls(bytes([22, 3, 3])), is_tls(b"220 ready")
    (True, False)
    """
    return first[:1] in _RECORD_TYPES and first[1:2] in {b"", b"\x03"}


def _without_tls(peer: Peer, said: str) -> Retryable | Rejected:
    """Classify a server that answers in plain text."""
    line = words(said.partition("\n")[0])
    quoted = _says(line)
    if re.match(r"4\d\d[ -]", line):
        return Retryable(f"{peer} takes no connection now: {line}")
    if re.match(r"5\d\d[ -]", line):
        return Rejected(f"{peer} takes no connection from this machine: {line}")
    if peer.is_proxy:
        return Rejected(f"{peer} speaks no TLS: {_NO_TLS_PROXY}{quoted}")
    if re.match(r"2\d\d[ -]", line):
        return Rejected(f"{peer} speaks SMTP without TLS on port {peer.port}: {_NO_TLS_MAIL}{quoted}")
    return Rejected(f"{peer} speaks no TLS on port {peer.port}: {_NO_SERVICE}{quoted}")


def _says(said: str) -> str:
    line = words(said)
    return f" (it says: {line})" if line else ""


def _plain(why: str) -> str:
    """Return a reason of ``ssl`` in small letters."""
    return why.lower().replace("_", " ")


def untrusted(peer: Peer, why: str, trust: Trust) -> Rejected:
    """Return the outcome if the certificate is not trusted; ``why`` is OpenSSL's reason."""
    return Rejected(f"the certificate of {peer} is not trusted ({why}): {certificate_remedy(str(peer), why, trust)}")


def certificate_remedy(peer: str, why: str, trust: Trust, now: datetime | None = None) -> str:
    """Return what to do about a certificate that is not trusted.

    Args:
        peer: whose certificate it is.
        why: OpenSSL's reason.
        trust: the CA certificates that are trusted.
        now: the time by this machine's clock, if it was read.

    >>> certificate_remedy("smtp.gmail.com", "self-signed certificate", Trust("TOCSIN_GMAIL_CA_BUNDLE"))[-79:]
    'set TOCSIN_GMAIL_CA_BUNDLE, or SSL_CERT_FILE, to the file of its CA certificate'
    """
    clock = f"this machine's clock, which says {now:%Y-%m-%d %H:%M} UTC" if now else "this machine's clock"
    if "not yet valid" in why:
        return f"set {clock}: a certificate that begins in the future means that the clock is behind"
    if "expired" in why:
        return f"set {clock}; if it is right, the operator of {peer} must renew the certificate"
    if "mismatch" in why:
        return f"another server answers in place of {peer}: look at /etc/hosts, the name server, and proxies"
    if _STRICT.search(why):
        return (
            "Python 3.13 and newer ask this of certificates: have the CA issue its own certificate and the server's anew, as RFC 5280"
            " says, with key identifiers and key usage; or run tocsin with Python 3.12, which does not ask"
        )
    if trust.bundle is None:
        ours = trust.variable if trust.variable == "SSL_CERT_FILE" else f"{trust.variable}, or SSL_CERT_FILE,"
        return f"if a company, or its proxy, signs the traffic, set {ours} to the file of its CA certificate"
    return (
        f"if a company, or its proxy, signs the traffic, add its CA certificate to {one_line(trust.bundle)}, which {trust.source} names"
    )


def after_sending(trouble: DeliveryError) -> Ambiguous:
    """Return the outcome of a failure after the whole message was sent."""
    return Ambiguous(f"{trouble.reason}, after the message went out: it may have arrived")
