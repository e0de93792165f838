"""The outcome of each failure of a connection."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.core.services import connection
from tocsin.core.services.connection import Peer, Trust
from tocsin.core.text import one_line
from tocsin.effects import Ambiguous, Rejected, Retryable

MAIL, PROXY = Peer("mail.example.com", 465), Peer("10.0.0.7", 3128, is_proxy=True)
ALERT = b"\x15\x03\x01\x00\x02\x02"
REASONS = st.sampled_from(
    ["TLSV1_ALERT_PROTOCOL_VERSION", "SSLV3_ALERT_HANDSHAKE_FAILURE", "BAD_RECORD_MAC", "UNEXPECTED_EOF_WHILE_READING"]
)


@pytest.mark.parametrize(
    ("peer", "first", "why", "outcome"),
    [
        (
            MAIL,
            b"220 mail ESMTP\r\n",
            "WRONG_VERSION_NUMBER",
            Rejected(
                "mail.example.com speaks SMTP without TLS on port 465: name the port on which it speaks TLS from the first byte on,"
                " as a rule 465 (it says: 220 mail ESMTP)"
            ),
        ),
        (MAIL, b"421 Too many\r\n", "WRONG_VERSION_NUMBER", Retryable("mail.example.com takes no connection now: 421 Too many")),
        (MAIL, b"421 no\n", "UNEXPECTED_EOF_WHILE_READING", Retryable("mail.example.com takes no connection now: 421 no")),
        (
            MAIL,
            b"554 go away\r\n221 bye\r\n",
            "WRONG_VERSION_NUMBER",
            Rejected("mail.example.com takes no connection from this machine: 554 go away"),
        ),
        (
            MAIL,
            b"HTTP/1.1 400 Bad Request\r\n",
            "WRONG_VERSION_NUMBER",
            Rejected(
                "mail.example.com speaks no TLS on port 465: another program listens there: correct the host or the port, and look for"
                " a proxy in between (it says: HTTP/1.1 400 Bad Request)"
            ),
        ),
        (
            MAIL,
            b"\x00\x9f\xfe\xff noise",
            "WRONG_VERSION_NUMBER",
            Rejected(
                "mail.example.com speaks no TLS on port 465: another program listens there: correct the host or the port, and look for"
                " a proxy in between"
            ),
        ),
        (
            PROXY,
            b"HTTP/1.1 400 Bad Request\r\n",
            "WRONG_VERSION_NUMBER",
            Rejected(
                "the proxy 10.0.0.7:3128 speaks no TLS: write http:// in place of https:// before the proxy's name"
                " (it says: HTTP/1.1 400 Bad Request)"
            ),
        ),
        (
            MAIL,
            ALERT + b"\x46",
            "TLSV1_ALERT_PROTOCOL_VERSION",
            Rejected(
                "mail.example.com speaks no TLS 1.2 or newer on port 465: older TLS is not safe, and its operator must switch"
                " a newer one on"
            ),
        ),
        (
            MAIL,
            ALERT + b"\x28",
            "SSLV3_ALERT_HANDSHAKE_FAILURE",
            Rejected(
                "mail.example.com and this machine agree on no TLS connection (sslv3 alert handshake failure): its operator must mend"
                " its TLS, or say what else it asks of clients"
            ),
        ),
        (
            MAIL,
            ALERT + b"\x50",
            "TLSV1_ALERT_INTERNAL_ERROR",
            Retryable("the TLS handshake with mail.example.com failed (tlsv1 alert internal error)"),
        ),
        (MAIL, b"", "UNEXPECTED_EOF_WHILE_READING", Retryable("mail.example.com closed the connection")),
        (MAIL, b"\x16\x03\x03", "UNEXPECTED_EOF_WHILE_READING", Retryable("mail.example.com closed the connection")),
        (MAIL, b"\x16\x03\x03", None, Retryable("mail.example.com closed the connection")),
    ],
)
def test_a_handshake_that_fails(peer: Peer, first: bytes, why: str | None, outcome: Rejected | Retryable) -> None:
    assert connection.handshake_failure(peer, first, first.decode(errors="replace"), why) == outcome


@given(st.sampled_from([MAIL, PROXY]), st.binary(), st.text(), st.none() | REASONS)
def test_whatever_a_server_says_the_reason_is_one_short_line(peer: Peer, first: bytes, said: str, why: str | None) -> None:
    reason = connection.handshake_failure(peer, first, said, why).reason
    assert reason == one_line(reason)
    assert len(reason) < 400


@given(st.binary(min_size=1).filter(lambda first: not connection.is_tls(first)), st.text())
def test_of_plain_text_a_reply_of_400_to_499_alone_may_be_tried_again(first: bytes, said: str) -> None:
    outcome = connection.handshake_failure(MAIL, first, said, "WRONG_VERSION_NUMBER")
    is_later = said.partition("\n")[0].strip()[:1] == "4"
    assert isinstance(outcome, Rejected) or is_later


@pytest.mark.parametrize(
    ("trust", "act"),
    [
        (Trust(), "set SSL_CERT_FILE to the file of its CA certificate"),
        (Trust("TOCSIN_GMAIL_CA_BUNDLE"), "set TOCSIN_GMAIL_CA_BUNDLE, or SSL_CERT_FILE, to the file of its CA certificate"),
        (Trust("X", "/etc/ca.pem", "REQUESTS_CA_BUNDLE"), "add its CA certificate to /etc/ca.pem, which REQUESTS_CA_BUNDLE names"),
    ],
)
def test_an_unknown_authority(trust: Trust, act: str) -> None:
    why = "unable to get local issuer certificate"
    expected = (
        f"the certificate of the proxy 10.0.0.7:3128 is not trusted ({why}): if a company, or its proxy, signs the traffic, {act}"
    )
    assert connection.untrusted(PROXY, why, trust) == Rejected(expected)


@pytest.mark.parametrize(
    "why",
    [
        "Missing Authority Key Identifier",
        "Missing Subject Key Identifier",
        "CA cert does not include key usage extension",
        "Basic Constraints of CA cert not marked critical",
    ],
)
def test_what_newer_pythons_ask_of_certificates(why: str) -> None:
    assert "or run tocsin with Python 3.12, which does not ask" in connection.untrusted(MAIL, why, Trust()).reason


def test_a_failure_after_the_message_went_out_is_ambiguous() -> None:
    expected = Ambiguous("mail.example.com did not answer in time, after the message went out: it may have arrived")
    assert connection.after_sending(connection.silent(MAIL)) == expected
