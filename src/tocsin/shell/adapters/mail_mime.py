"""Formats a mail as bytes: headers, text part and HTML part, in the form of the standard library's ``EmailMessage``.

- The same mail, key and sender give the same bytes. All of them are ASCII.
- A header value could inject another header (an encoded word in a subject may hold a line break). So each value is an address or
  passes through ``header``, and the mail has exactly the headers set here, in this order.
- The message is not built with ``EmailMessage``: it parses each header, and its own output, several times, which takes fifteen times
  as long as all the rest. The library only does the hard parts: it folds and encodes a header that is not one short line of ASCII,
  and it encodes the text.
"""

import re
from datetime import UTC, datetime, timedelta
from email.header import Header
from email.policy import SMTP
from email.quoprimime import body_encode
from email.utils import format_datetime
from hashlib import sha256

from tocsin.core.changes import Key
from tocsin.core.messages.email import Mail
from tocsin.core.text import header

_SURROGATES = re.compile("[\ud800-\udfff]")
_WIDTH = 78  # characters per line at most; RFC 5322

_MAIL = """\
Date: {date}
Message-ID: <{id}@tocsin.invalid>
Auto-Submitted: auto-generated
{people}{subject}MIME-Version: 1.0
Content-Type: multipart/alternative;
 boundary="{boundary}"

--{boundary}
Content-Type: text/plain; charset="utf-8"
Content-Transfer-Encoding: quoted-printable

{plain}
--{boundary}
Content-Type: text/html; charset="utf-8"
Content-Transfer-Encoding: quoted-printable
MIME-Version: 1.0

{html}
--{boundary}--
"""


def mime(mail: Mail, key: Key, sender: str) -> bytes:
    """Return the message from ``sender`` with CRLF line ends. ``address_fault`` must accept all its addresses."""
    people = {"From": (sender,), "To": (sender,) if mail.recipients is None else mail.recipients, "Cc": mail.cc}
    written = _MAIL.format(
        date=format_datetime(_whole_minutes(mail.at)),
        id=_hash("message", key),
        people="".join(_field(name, ", ".join(people[name])) for name in people if people[name] or name == "To"),
        subject=_field("Subject", header(mail.subject)),
        boundary=f"=_{_hash('boundary', key)}",  # quoted-printable text never holds "=_"
        plain=_quoted(mail.plain),
        html=_quoted(mail.html),
    )
    return written.replace("\n", "\r\n").encode("ascii")


def _field(name: str, value: str) -> str:
    """Write a header unchanged if it is one short line of ASCII without encoded words; else let the library fold and encode it."""
    line = f"{name}: {value}"
    if value and len(line) <= _WIDTH and value.isascii() and value.isprintable() and "=?" not in value:
        return f"{line}\n"
    if not value.isascii():  # only a subject; ``EmailMessage`` loses or doubles a space between two encoded words
        return f"{name}: {Header(value, 'utf-8', maxlinelen=_WIDTH, header_name=name).encode()}\n"
    folded: str = SMTP.fold(*SMTP.header_store_parse(name, value))
    return folded.replace("\r\n", "\n")


def _quoted(text: str) -> str:
    """Encode the text as quoted-printable, ending with a line break."""
    lines = _SURROGATES.sub("\ufffd", text.replace("\r\n", "\n").replace("\r", "\n"))
    whole = lines if lines.endswith("\n") else f"{lines}\n"
    return body_encode(whole.encode().decode("latin-1"), _WIDTH)  # it takes one character per byte


def _hash(purpose: str, key: Key) -> str:
    return sha256(repr((purpose, key)).encode()).hexdigest()[:40]


def _whole_minutes(moment: datetime) -> datetime:
    """Return the moment in its own zone, or in UTC if the zone's offset has seconds, which a Date header cannot express."""
    return moment.astimezone(UTC) if (moment.utcoffset() or timedelta()) % timedelta(minutes=1) else moment
