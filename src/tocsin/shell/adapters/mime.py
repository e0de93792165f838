"""A mail as bytes: its headers, the text part, the HTML part, by the standard library's ``EmailMessage``.

The same mail, key and sender give the same bytes. The library does not stop a header from smuggling in another (an encoded word in a
subject may hold a line break), so each value goes through ``header`` first; then the mail has the headers that are set here, in this
order, and no others. All of it is ASCII.
"""

import re
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from hashlib import sha256

from tocsin.core.changes import Key
from tocsin.core.effects import Mail
from tocsin.core.messages.headers import header

_SURROGATES = re.compile("[\ud800-\udfff]")


def mime(mail: Mail, key: Key, sender: str) -> bytes:
    """The message from ``sender``, with CRLF at the end of every line; ``address_fault`` finds no fault with its addresses."""
    message = EmailMessage(policy=SMTP)
    message["Date"] = format_datetime(_whole_minutes(mail.at))
    message["Message-ID"] = f"<{_digest('message', key)}@tocsin.invalid>"
    message["Auto-Submitted"] = "auto-generated"
    message["From"] = sender
    message["To"] = ", ".join((sender,) if mail.recipients is None else mail.recipients)
    if mail.cc:
        message["Cc"] = ", ".join(mail.cc)
    message["Subject"] = header(mail.subject)
    message.set_content(_encodable(mail.plain), cte="quoted-printable")
    message.add_alternative(_encodable(mail.html), subtype="html", cte="quoted-printable")
    message.set_boundary(f"=_{_digest('boundary', key)}")  # quoted-printable text never holds "=_"
    return message.as_bytes()


def _encodable(text: str) -> str:
    return _SURROGATES.sub("\ufffd", text.replace("\r\n", "\n").replace("\r", "\n"))


def _digest(purpose: str, key: Key) -> str:
    return sha256(repr((purpose, key)).encode()).hexdigest()[:40]


def _whole_minutes(moment: datetime) -> datetime:
    """The moment in its own zone, or in UTC where that zone's offset has seconds, which a Date header cannot say."""
    return moment.astimezone(UTC) if (moment.utcoffset() or timedelta()) % timedelta(minutes=1) else moment
