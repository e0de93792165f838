"""A message as a mail: a plain text part, and an HTML part with a colour bar and no remote image.

Both parts begin with the sentence that is the subject too, since a phone shows the beginning of a mail.
"""

from datetime import datetime

import attrs

from tocsin.core.attachments import Attachment, listed
from tocsin.core.messages.content import Content, Line, cut_line
from tocsin.core.notes import cut_notes
from tocsin.core.states import aware
from tocsin.core.text import header
from tocsin.core.values import Value

VALUE_LIMIT = 10_000  # characters of one value, before escaping
NOTES_LIMIT = 50
"""The most notes in a mail: the first ones and the last ones."""

_PAGE = """\
<!DOCTYPE html>
<html><body style="margin:0;padding:16px;font-family:Helvetica,Arial,sans-serif;color:#1d1c1d">
<table role="presentation" cellpadding="0" cellspacing="0"><tr>
<td style="width:4px;background:{color}"></td>
<td style="padding:4px 12px">
<p style="margin:0 0 12px;font-size:14px;font-weight:bold">{sentence}</p>
<h2 style="margin:0;font-size:16px">{title}</h2>
<p style="margin:4px 0 12px">{headline}</p>
<table role="presentation" cellpadding="0" cellspacing="0" style="font-size:14px">
{rows}
</table>
<p style="margin:12px 0 0;font-size:12px;color:#616061">{when}</p>
</td></tr></table>
</body></html>
"""
_ROW = (
    '<tr><th align="left" valign="top" style="padding:2px 12px 2px 0">{title}</th>'
    '<td valign="top" style="padding:2px 0;white-space:{wrap}{face}">{text}</td></tr>'
)
_INDENT = "\n    "
_CODE = ";font-family:Menlo,Consolas,monospace"


@attrs.frozen(eq=False, repr=False)
class Mail(Value):
    """A mail without its sender: the adapter that knows the account sets From, and To if ``recipients`` is None.

    Args:
        subject: one plain line of at most 200 characters.
        plain: the text part.
        html: the HTML part.
        recipients: addresses for To; None means the account itself.
        cc: addresses for Cc.
        attachments: files that the mail holds; pictures are shown in its text.
        at: when it happened, an aware datetime; the Date header.
    """

    subject: str
    plain: str
    html: str
    recipients: tuple[str, ...] | None
    at: datetime = attrs.field(validator=aware)
    cc: tuple[str, ...] = ()
    attachments: tuple[Attachment, ...] = ()


def mail(content: Content, recipients: tuple[str, ...] | None = None, cc: tuple[str, ...] = ()) -> Mail:
    """Return the mail with a content. ``recipients`` None means the sending account itself."""
    when = content.at.strftime("%Y-%m-%d %H:%M:%S %z")
    lines = tuple(Line(line.title, _cut(line), quoted=line.quoted, tabular=line.tabular) for line in content.lines)
    if content.attachments:
        lines = (*lines, Line("Files", listed(content.attachments, VALUE_LIMIT)))
    return Mail(
        subject=header(content.sentence),
        plain=_plain(content, lines, when),
        html=_html(content, lines, when),
        recipients=recipients,
        at=content.at,
        cc=cc,
        attachments=content.attachments,
    )


def _cut(line: Line) -> str:
    return cut_notes(line.text, VALUE_LIMIT, NOTES_LIMIT) if line.listed else cut_line(line, VALUE_LIMIT)


def _plain(content: Content, lines: tuple[Line, ...], when: str) -> str:
    rows = [f"{line.title}:{_INDENT if line.tabular else ' '}{line.text.replace(chr(10), _INDENT)}" for line in lines]
    headline = [] if content.headline in {"", content.sentence} else ["", content.headline]
    return "\n".join([content.sentence, *headline, "", *rows, "", when, *([content.link] if content.link else [])]) + "\n"


def _html(content: Content, lines: tuple[Line, ...], when: str) -> str:
    from html import escape  # seldom needed, and slow to load

    title = escape(content.state)
    return _PAGE.format(
        color=escape(content.color),
        title=f'<a href="{escape(content.link)}">{title}</a>' if content.link else title,
        sentence=escape(content.sentence),
        headline=escape("" if content.headline == content.sentence else content.headline),
        rows="\n".join(
            _ROW.format(
                title=escape(line.title),
                wrap="pre" if line.tabular else "pre-wrap",  # a wrapped row would break the columns
                face=_CODE if line.quoted else "",
                text=escape(line.text),
            )
            for line in lines
        ),
        when=escape(when),
    )
