"""A message as HTML for a notebook: what a reader sees, in a fragment that needs nothing from elsewhere.

- Each text is escaped, also of a message that was made by hand. There is no script, no link, no picture and no style sheet.
- The HTML part of a mail is not shown, since one made by hand may hold anything. Its text part is.
"""

import re
from collections.abc import Iterable
from datetime import UTC, datetime
from html import escape

from tocsin.core.attachments import Attachment
from tocsin.core.messages.email import Mail
from tocsin.core.messages.slack import SlackField, SlackMessage
from tocsin.core.text import bounded, cut, printable

TAGS = frozenset({"div", "b", "pre", "span"})
"""The tags of a fragment. The only attribute is ``style``."""

_COLOR = re.compile(r"#[0-9A-Fa-f]{3,8}")
_GREY = "#696969"
_LATEST = 253_402_214_400  # seconds: the last day of the year 9999, in any zone
_LIMIT = 10_000  # characters of one text
_FENCE = "```"
_DIM = "color:#616061"
_CODE = "margin:2px 0;padding:2px 6px;white-space:pre-wrap;color:#1d1c1d;background:#f0f0f0;font-family:Menlo,Consolas,monospace"
_TEXT = "margin:0;white-space:pre-wrap;font-family:inherit;color:inherit;background:none"
_SHORT = "display:inline-block;min-width:40%;vertical-align:top;margin:0 12px 4px 0"
_LONG = "margin:0 0 4px"


def slack_html(payload: SlackMessage, heading: str, attached: tuple[Attachment, ...] = ()) -> str:
    """Return a Slack message as HTML, below a heading that says where it goes.

    >>> slack_html(SlackMessage("load failed", "#eb0000", "Failed", "<b>load</b> failed"), "Slack")[-48:]
    '&lt;b&gt;load&lt;/b&gt; failed</pre></div></div>'
    """
    when = "" if payload.ts is None else f"{datetime.fromtimestamp(min(max(payload.ts, 0), _LATEST), UTC):%Y-%m-%d %H:%M:%S UTC}"
    footer = " | ".join(part for part in (_unescaped(payload.footer or ""), when) if part)
    above = _pre(" ".join([*(f"@{who}" for who in payload.mentions), _unescaped(payload.fallback)]), _TEXT)
    inside = [
        f"<b>{_text(_unescaped(payload.title))}</b>",
        *([_pre(_unescaped(payload.text), _TEXT)] if payload.text else []),
        *([_div(payload.title_link, _DIM)] if payload.title_link else []),
        *map(_field, payload.fields),
        *_files(attached),
        *([_div(footer, _DIM)] if footer else []),
    ]
    return _message(heading, above, payload.color, inside)


def mail_html(mail: Mail, heading: str, account: str) -> str:
    """Return a mail as HTML: its headers and its text part, below a heading. ``account`` stands for the address of the account."""
    to = account if mail.recipients is None else ", ".join(mail.recipients)
    headers = {"Date": f"{mail.at:%Y-%m-%d %H:%M:%S %z}", "From": account, "To": to, "Cc": ", ".join(mail.cc), "Subject": mail.subject}
    inside = [
        *(f'<div><span style="{_DIM}">{name}:</span> {_text(value)}</div>' for name, value in headers.items() if value),
        _pre(mail.plain.strip(), f"{_TEXT};margin-top:8px"),
        *_files(mail.attachments),
    ]
    return _message(heading, "", _GREY, inside)


def fragments(parts: Iterable[str]) -> str:
    """Return fragments below each other."""
    return f"<div>{''.join(parts)}</div>"


def note_html(text: str) -> str:
    """Return a line of plain text as HTML."""
    return _div(text, _DIM)


def _message(heading: str, above: str, color: str, inside: list[str]) -> str:
    bar = color if _COLOR.fullmatch(color) else _GREY
    box = f'<div style="border-left:4px solid {bar};padding:2px 0 2px 10px">{"".join(inside)}</div>'
    return f'<div style="max-width:640px;margin:0 0 12px">{_div(heading, _DIM)}{above}{box}</div>'


def _field(field: SlackField) -> str:
    title = f"<b>{_text(_unescaped(field.title))}</b>"
    value, style = field.value, _TEXT
    if len(value) >= 2 * len(_FENCE) and value.startswith(_FENCE) and value.endswith(_FENCE):
        value, style = value.removeprefix(_FENCE).removesuffix(_FENCE), _CODE
    return f'<div style="{_SHORT if field.short else _LONG}">{title}{_pre(_unescaped(value), style)}</div>'


def _files(attached: tuple[Attachment, ...]) -> Iterable[str]:
    return (_div(f"attached: {one.name} ({one.media_type}, {one.size:,} bytes)", _DIM) for one in attached)


def _div(text: str, style: str) -> str:
    return f'<div style="{style}">{_text(text)}</div>'


def _pre(text: str, style: str) -> str:
    return f'<pre style="{style}">{_text(text)}</pre>'


def _text(text: str) -> str:
    return escape(cut(printable(bounded(text)), _LIMIT))


def _unescaped(text: str) -> str:
    """Undo Slack's three escapes, and drop the zero-width spaces that disarm markup."""
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&").replace("\u200b", "")
