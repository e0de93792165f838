"""A mail as bytes: its headers, the text part, the HTML part.

The same mail, key and sender give the same bytes. Whatever the mail says, it has the headers that are set here, in this order,
and no others; all of it is ASCII, and no line is longer than 400 octets (998 are allowed).
"""

import quopri
import re
from base64 import b64encode
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from hashlib import sha256

from tocsin.core.changes import Key
from tocsin.core.destinations import address_fault
from tocsin.core.effects import Mail
from tocsin.core.messages.headers import header

_SURROGATES = re.compile("[\ud800-\udfff]")
_WORD = 39  # octets in an encoded word, so that its line keeps within the 76 octets of RFC 2047


def mime(mail: Mail, key: Key, sender: str) -> bytes:
    """The message from ``sender``, as RFC 5322 and RFC 2045 have it, with CRLF at the end of every line."""
    boundary = f"=_{_digest('boundary', key)}"  # quoted-printable text never holds "=_"
    lines = [
        *_headers(mail, key, sender),
        f'Content-Type: multipart/alternative; boundary="{boundary}"',
        "",
        *_part("plain", mail.plain, boundary),
        *_part("html", mail.html, boundary),
        f"--{boundary}--",
        "",
    ]
    return "\r\n".join(lines).encode("ascii")


def _headers(mail: Mail, key: Key, sender: str) -> Iterator[str]:
    yield f"Date: {format_datetime(_whole_minutes(mail.at))}"
    yield f"Message-ID: <{_digest('message', key)}@tocsin.invalid>"
    yield "Auto-Submitted: auto-generated"
    yield f"From: {_addresses((sender,))}"
    yield f"To: {_addresses((sender,) if mail.recipients is None else mail.recipients)}"
    if mail.cc:
        yield f"Cc: {_addresses(mail.cc)}"
    yield f"Subject: {_encoded(header(mail.subject))}"
    yield "MIME-Version: 1.0"


def _digest(purpose: str, key: Key) -> str:
    return sha256(repr((purpose, key)).encode()).hexdigest()[:40]


def _whole_minutes(moment: datetime) -> datetime:
    """The moment in its own zone, or in UTC where that zone's offset has seconds, which a Date header cannot say."""
    return moment.astimezone(UTC) if (moment.utcoffset() or timedelta()) % timedelta(minutes=1) else moment


def _addresses(addresses: Iterable[str]) -> str:
    return ",\r\n ".join(_encoded(header(text)) if address_fault(text) else text for text in addresses)


def _encoded(text: str) -> str:
    """The text, which is on one line, in encoded words where it is not ASCII."""
    return text if text.isascii() else "\r\n ".join(f"=?utf-8?b?{b64encode(word).decode()}?=" for word in _words(text))


def _words(text: str) -> Iterator[bytes]:
    """The text in pieces of UTF-8 that begin and end between characters."""
    word = b""
    for character in text:
        raw = character.encode()
        if len(word) + len(raw) > _WORD:
            yield word
            word = b""
        word += raw
    yield word


def _part(kind: str, text: str, boundary: str) -> Iterator[str]:
    raw = _SURROGATES.sub("\ufffd", text.replace("\r\n", "\n").replace("\r", "\n")).encode()
    yield f"--{boundary}"
    yield f'Content-Type: text/{kind}; charset="utf-8"'
    yield "Content-Transfer-Encoding: quoted-printable"
    yield ""
    yield from quopri.encodestring(raw).decode("ascii").split("\n")
