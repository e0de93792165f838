"""A mail as bytes: its headers, the text part, the HTML part, as the standard library's ``EmailMessage`` would have them.

The same mail, key and sender give the same bytes. A header could smuggle in another (an encoded word in a subject may hold a line
break), so each value goes through ``header`` or is an address; then the mail has the headers that are set here, in this order, and no
others. All of it is ASCII.

It is put together here since ``EmailMessage`` reads each header by its grammar, several times, and what it wrote itself likewise; that
takes fifteen times as long as all the rest. Of the library is what is hard: it folds and encodes a header that is not one short line of
ASCII, and it encodes the text.
"""

import re
from datetime import UTC, datetime, timedelta
from email.header import Header
from email.policy import SMTP
from email.quoprimime import body_encode
from email.utils import format_datetime
from hashlib import sha256

from tocsin.core.changes import Key
from tocsin.core.effects import Mail
from tocsin.core.messages.text import header

_SURROGATES = re.compile("[\ud800-\udfff]")
_WIDTH = 78  # characters of a line, at most; RFC 5322

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
    """The message from ``sender``, with CRLF at the end of every line; ``address_fault`` finds no fault with its addresses."""
    people = {"From": (sender,), "To": (sender,) if mail.recipients is None else mail.recipients, "Cc": mail.cc}
    written = _MAIL.format(
        date=format_datetime(_whole_minutes(mail.at)),
        id=_digest("message", key),
        people="".join(_field(name, ", ".join(people[name])) for name in people if people[name] or name == "To"),
        subject=_field("Subject", header(mail.subject)),
        boundary=f"=_{_digest('boundary', key)}",  # quoted-printable text never holds "=_"
        plain=_quoted(mail.plain),
        html=_quoted(mail.html),
    )
    return written.replace("\n", "\r\n").encode("ascii")


def _field(name: str, value: str) -> str:
    """The header as it is, where it is one short line that means nothing but itself; else as the library has it."""
    line = f"{name}: {value}"
    if value and len(line) <= _WIDTH and value.isascii() and value.isprintable() and "=?" not in value:
        return f"{line}\n"
    if not value.isascii():  # only a subject is not; ``EmailMessage`` loses, or doubles, a space between two encoded words
        return f"{name}: {Header(value, 'utf-8', maxlinelen=_WIDTH, header_name=name).encode()}\n"
    folded: str = SMTP.fold(*SMTP.header_store_parse(name, value))
    return folded.replace("\r\n", "\n")


def _quoted(text: str) -> str:
    """The text, quoted-printable, in whole lines."""
    lines = _SURROGATES.sub("\ufffd", text.replace("\r\n", "\n").replace("\r", "\n"))
    whole = lines if lines.endswith("\n") else f"{lines}\n"
    return body_encode(whole.encode().decode("latin-1"), _WIDTH)  # which takes a character for each byte


def _digest(purpose: str, key: Key) -> str:
    return sha256(repr((purpose, key)).encode()).hexdigest()[:40]


def _whole_minutes(moment: datetime) -> datetime:
    """The moment in its own zone, or in UTC where that zone's offset has seconds, which a Date header cannot say."""
    return moment.astimezone(UTC) if (moment.utcoffset() or timedelta()) % timedelta(minutes=1) else moment
