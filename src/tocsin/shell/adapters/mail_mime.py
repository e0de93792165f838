"""Formats a mail as bytes: headers, text part, HTML part and attachments, in the form of the standard library's ``EmailMessage``.

- The texts are a multipart/alternative. Around it, a multipart/related holds the pictures that the HTML part shows by their
  Content-IDs, and a multipart/mixed the other files. Each is there only if it has something to hold.
- The same mail, key and sender give the same bytes. All of them are ASCII.
- A header value could inject another header (an encoded word in a subject may hold a line break). So each value is an address or
  passes through ``header``, and the mail has exactly the headers set here, in this order.
- The message is not built with ``EmailMessage``: it parses each header, and its own output, several times, which takes fifteen times
  as long as all the rest. The library only does the hard parts: it folds and encodes a header that is not one short line of ASCII,
  and it encodes the text.
"""

import re
from base64 import encodebytes
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from email.header import Header
from email.policy import SMTP
from email.quoprimime import body_encode
from email.utils import format_datetime
from hashlib import sha256
from html import escape
from urllib.parse import quote

from tocsin.core.attachments import INLINE_TYPES, Attachment
from tocsin.core.changes import Key
from tocsin.core.messages.email import Mail
from tocsin.core.text import header

_SURROGATES = re.compile("[\ud800-\udfff]")
_WIDTH = 78  # characters per line at most; RFC 5322
_PLAIN_NAME = re.compile(r"[A-Za-z0-9_. ()+-]{1,50}")  # a file name that needs no encoding
_CHARSET = "utf-8''"
_PIECE = re.compile(r"(?:%..|[^%]){1,20}")  # of an encoded file name, between two encoded bytes

_MAIL = """\
Date: {date}
Message-ID: <{id}@tocsin.invalid>
Auto-Submitted: auto-generated
{people}{subject}MIME-Version: 1.0
{body}"""

_TEXTS = """\
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

_AROUND = """\
Content-Type: multipart/{kind};
 boundary="{boundary}"

{parts}
--{boundary}--
"""

_FILE = """\
Content-Type: {type}
Content-Transfer-Encoding: base64
Content-Disposition: {disposition};
{name}
{id}MIME-Version: 1.0

{bytes}"""

_PICTURE = (
    '<p style="margin:12px 0 0"><img src="cid:{id}" alt="{name}" style="max-width:100%"><br>'
    '<span style="font-size:12px;color:#616061">{name}</span></p>\n'
)


def mime(mail: Mail, key: Key, sender: str) -> bytes:
    """Return the message from ``sender`` with CRLF line ends. ``address_fault`` must accept all its addresses."""
    people = {"From": (sender,), "To": (sender,) if mail.recipients is None else mail.recipients, "Cc": mail.cc}
    files = [each for each in mail.attachments if each.is_here]
    pictures = {_content_id(key, place): each for place, each in enumerate(files) if each.media_type in INLINE_TYPES}
    others = [each for each in files if each.media_type not in INLINE_TYPES]
    body = _TEXTS.format(
        boundary=_boundary("boundary", key),
        plain=_quoted(mail.plain),
        html=_quoted(_with_pictures(mail.html, pictures) if pictures else mail.html),
    )
    if pictures:
        body = _around("related", key, [body, *(_file(each, name) for name, each in pictures.items())])
    if others:
        body = _around("mixed", key, [body, *map(_file, others)])
    written = _MAIL.format(
        date=format_datetime(_whole_minutes(mail.at)),
        id=_hash("message", key),
        people="".join(_field(name, ", ".join(people[name])) for name in people if people[name] or name == "To"),
        subject=_field("Subject", header(mail.subject)),
        body=body,
    )
    return written.replace("\n", "\r\n").encode("ascii")


def _around(kind: str, key: Key, parts: Sequence[str]) -> str:
    boundary = _boundary(kind, key)
    return _AROUND.format(kind=kind, boundary=boundary, parts="\n".join(f"--{boundary}\n{part}" for part in parts))


def _file(attachment: Attachment, content_id: str | None = None) -> str:
    """Return the part of a file; with a Content-ID, that of a picture in the text."""
    return _FILE.format(
        type=attachment.media_type,
        disposition="attachment" if content_id is None else "inline",
        name=_file_name(attachment.file_name),
        id="" if content_id is None else f"Content-ID: <{content_id}>\n",
        bytes=encodebytes(attachment.content).decode("ascii"),  # lines of 76 characters
    )


def _file_name(name: str) -> str:
    """Return the parameter with a file's name on lines of their own, encoded by RFC 2231 if it needs that.

    A letter of the name may be cut in two between lines: a reader joins them before it decodes.
    """
    if _PLAIN_NAME.fullmatch(name):
        return f' filename="{name}"'
    pieces = _PIECE.findall(quote(name, safe="", encoding="utf-8", errors="replace"))
    if len(pieces) == 1:
        return f" filename*={_CHARSET}{pieces[0]}"
    return ";\n".join(f" filename*{place}*={'' if place else _CHARSET}{piece}" for place, piece in enumerate(pieces))


def _with_pictures(html: str, pictures: Mapping[str, Attachment]) -> str:
    """Return the HTML part with the pictures at its end."""
    shown = "".join(_PICTURE.format(id=content_id, name=escape(each.file_name)) for content_id, each in pictures.items())
    above, body, below = html.rpartition("</body>")
    return f"{above}{shown}{body}{below}" if body else f"{below}{shown}"


def _content_id(key: Key, place: int) -> str:
    return f"{_hash(f'picture {place}', key)}@tocsin.invalid"


def _boundary(purpose: str, key: Key) -> str:
    return f"=_{_hash(purpose, key)}"  # neither quoted-printable text nor Base64 ever holds "=_"


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
