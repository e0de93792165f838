"""Draws effects as people see them: a Slack message beside its colour bar, a mail with its headers and its text part.

- A drawing shows what a reader sees, whereas a dry run is exact: Slack's three escapes are undone and its code is set as code, as Slack
  does it.
- Times are in UTC, so that the same effect gives the same drawing everywhere. No secret is read.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from email.utils import format_datetime

import attrs
from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.padding import Padding
from rich.segment import Segment
from rich.style import Style
from rich.table import Table
from rich.text import Text

from tocsin.cli.terminal import color_style, plain_text
from tocsin.core.delivery.leaving import whom
from tocsin.core.effect_json import sentence_of
from tocsin.core.effects import CallBack, Effect, PostToSlack, SendEmail, heading, shown
from tocsin.core.messages.email import Mail
from tocsin.core.messages.slack import SlackField, SlackMessage
from tocsin.core.text import one_line
from tocsin.shell.redaction import redact

WIDTH = 88  # columns; the maximum width of a drawing
_CODE = Style(color="#f2f2f2", bgcolor="#45484f")  # both, so that it is readable on any background
_FENCE = "```"


def drawing(effect: Effect) -> RenderableType:
    """Return the effect as people would see it."""
    match effect:
        case PostToSlack(payload=payload, attachments=attachments):
            files = [] if effect.bot is None else [_heading(f"with the file {each}") for each in attachments]
            return Group(_heading(heading(effect)), _sentence(payload), _slack(payload), *files, "")
        case SendEmail(username_secret=secret, mail=mail):
            return Group(_heading(heading(effect)), _mail(mail, f"<{secret}>"), "")
        case CallBack():
            return Group(plain_text(shown(effect)), "")


@attrs.frozen
class Barred:
    """Content with a bar of the same height to its left."""

    inner: RenderableType
    style: Style

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Draw each line after its piece of the bar."""
        bar = Segment("| " if options.ascii_only else "▌ ", self.style)
        for line in console.render_lines(self.inner, options.update_width(options.max_width - 2)):
            yield bar
            yield from line
            yield Segment.line()


def _heading(text: str) -> Text:
    return plain_text(text, "dim")


def line(effect: Effect) -> Text:
    """Return the effect on one line: to whom it goes, and its sentence."""
    if isinstance(effect, CallBack):
        return plain_text(one_line(shown(effect, redact)))
    color = effect.payload.color if isinstance(effect, PostToSlack) else ""
    place = plain_text(f"{one_line(whom(effect))}  ", "dim")
    return plain_text("● ", color_style(color)).append(place).append(plain_text(one_line(sentence_of(effect))))


def _sentence(payload: SlackMessage) -> Text:
    return plain_text(" ".join([*(f"@{who}" for who in payload.mentions), _unescaped(payload.fallback)]))


def _slack(payload: SlackMessage) -> Barred:
    title = plain_text(_unescaped(payload.title), "bold")
    text = [plain_text(_unescaped(payload.text))] if payload.text else []  # what is said without a state has none
    link, footer = ([plain_text(text, "dim")] if text else [] for text in (payload.title_link, _footer(payload)))
    return Barred(Group(title, *text, *link, "", *_rows(payload.fields), *footer), color_style(payload.color))


def _rows(fields: tuple[SlackField, ...]) -> Iterator[RenderableType]:
    """Return the fields from top to bottom, with two consecutive short ones side by side."""
    left: SlackField | None = None
    for field in fields:
        if left is not None and field.short:
            yield _beside(left, field)
            left = None
            continue
        if left is not None:
            yield _field(left)
        left = field if field.short else None
        if not field.short:
            yield _field(field)
    if left is not None:
        yield _field(left)


def _beside(left: SlackField, right: SlackField) -> Table:
    table = Table.grid(expand=True, padding=(0, 1))
    table.add_column(ratio=1)
    table.add_column(ratio=1)
    table.add_row(_field(left), _field(right))
    return table


def _field(field: SlackField) -> RenderableType:
    return Group(plain_text(_unescaped(field.title), "bold"), _value(field.value))


def _value(text: str) -> RenderableType:
    if len(text) >= 2 * len(_FENCE) and text.startswith(_FENCE) and text.endswith(_FENCE):
        return Padding(plain_text(_unescaped(text.removeprefix(_FENCE).removesuffix(_FENCE))), (0, 1), style=_CODE)
    return plain_text(_unescaped(text))


def _unescaped(text: str) -> str:
    """Return the text as Slack shows it, without zero-width spaces."""
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&").replace("\u200b", "")


def _footer(payload: SlackMessage) -> str:
    when = "" if payload.ts is None else datetime.fromtimestamp(payload.ts, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    return " | ".join(part for part in (_unescaped(payload.footer or ""), when) if part)


def _mail(mail: Mail, account: str) -> Barred:
    headers = Table.grid(padding=(0, 1))
    headers.add_row(plain_text("Date:", "dim"), plain_text(format_datetime(mail.at.astimezone(UTC))))
    headers.add_row(plain_text("From:", "dim"), plain_text(account))
    headers.add_row(plain_text("To:", "dim"), plain_text(account if mail.recipients is None else ", ".join(mail.recipients)))
    if mail.cc:
        headers.add_row(plain_text("Cc:", "dim"), plain_text(", ".join(mail.cc)))
    headers.add_row(plain_text("Subject:", "dim"), plain_text(mail.subject, "bold"))
    for each in mail.attachments:
        headers.add_row(plain_text("File:", "dim"), plain_text(str(each)))
    return Barred(Group(headers, "", plain_text(mail.plain.strip())), Style(dim=True))
