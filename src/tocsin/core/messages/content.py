"""What a message says, independent of the channel. ``slack`` and ``email`` lay it out.

- The first part is one plain sentence, since a phone shows nothing else. The lines with further facts follow. A line is
  there only if its fact is known, and its text is not blank.
- Lines are made printable here. Nothing is cut or escaped here: each channel does that for itself, after secrets were replaced in the
  whole text.
- A content tells our own words and names from the text of a user's program. Secrets are replaced in the latter alone.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import TypeGuard

import attrs

from tocsin.core import states as s
from tocsin.core.attachments import Attachment
from tocsin.core.changes import Change
from tocsin.core.messages.errors import ErrorText, error_text, raised_at, traceback_lines
from tocsin.core.messages.mentions import are_mentions
from tocsin.core.notes import cut_notes
from tocsin.core.screen import CONTROL
from tocsin.core.signals import Signal
from tocsin.core.states import UNEXPECTED, State
from tocsin.core.tables import cut_rows
from tocsin.core.text import (
    cut,
    cut_middle,
    cut_start,
    describe,
    label,
    one_line,
    plain,
    printable,
    quote,
    span,
    type_name,
    without_rulers,
)
from tocsin.core.values import Value

VERBS: Mapping[type[State], str] = {
    s.State: "changed",
    s.Pending: "is pending",
    s.Scheduled: "is scheduled",
    s.Paused: "is paused",
    s.Resume: "was resumed",
    s.Retrying: "will be tried again",
    s.ClientFailed: "could not be reported to its engine",
    s.Submitted: "was submitted",
    s.Queued: "is queued",
    s.Running: "started",
    s.Finished: "finished",
    s.Looped: "goes around once more",
    s.Success: "succeeded",
    s.Cached: "succeeded, and its result is kept",
    s.Mapped: "is mapped",
    s.Skipped: "was skipped",
    s.Failed: "failed",
    s.Aborted: "was aborted",
    s.TimedOut: "timed out",
    s.TriggerFailed: "was not run",
}
"""The verb of a sentence, by the kind of the new state. A user-defined kind uses the verb of its parent."""

NAME_LIMIT = 150
SENTENCE_LIMIT = 200
_LEAST_REASON = 60  # characters that have room for both ends of a reason
_BOTH_ENDS = ("Message", "Error", "Note")
_LAST_LINES = "Last lines"
_RESTATED = frozenset(
    {
        *("Running flow.", "Starting task run.", "Task run succeeded.", "All reference tasks succeeded."),
        *("Interrupted.", "Task timed out during execution.", UNEXPECTED.rstrip(": ")),
    }
)
"""Messages of tocsin's own that say nothing beside the verb."""
_INVISIBLE = "\u00ad\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff"
_VOWELS = "AEIOU"
_ENDS = ".: "
_VISIBLE = re.compile(f"[^\\s{_INVISIBLE}]")


@attrs.frozen(eq=False, repr=False)
class Line(Value):
    """A titled value.

    Args:
        title: the title.
        text: the value.
        quoted: whether a program wrote the text, so that it is set as code.
        ours: whether the text holds nothing of the user's.
        short: whether the line needs only half the width.
        tabular: whether the text is a table of aligned rows, which is cut between two rows.
        listed: whether the text is a list of notes, which is cut between two notes, in its middle.
    """

    title: str
    text: str
    quoted: bool = False
    ours: bool = False
    short: bool = False
    tabular: bool = False
    listed: bool = False


@attrs.frozen(eq=False, repr=False)
class Content(Value):
    """All that a message says, printable and not escaped.

    Args:
        name: the name of the tracked object.
        opening: the beginning of the sentence, which holds nothing of the user's but names.
        headline: the opening of the message.
        state: the kind of the new state.
        failed: whether that state is a failure.
        color: the colour of that state, ``#rrggbb``.
        at: the moment of the change, an aware datetime.
        lines: the known facts, in order.
        link: the URL behind the title.
        rest: the rest of the sentence, whole, as a user's program worded it.
        mentions: whom the message mentions, as ids of Slack's (``U...``, ``S...``) or one of here, channel and everyone.
        attachments: files that go with the message.
        said: whether the author of the run said it, and its state did not change. The sentence has the first line of it.
    """

    name: str
    opening: str
    headline: str
    state: str
    failed: bool
    color: str
    at: datetime
    lines: tuple[Line, ...]
    link: str | None = None
    rest: str = ""
    mentions: tuple[str, ...] = attrs.field(default=(), validator=are_mentions)
    attachments: tuple[Attachment, ...] = ()
    said: bool = False

    @property
    def sentence(self) -> str:
        """The whole message in one plain sentence of at most 200 characters, of which a long reason has both ends."""
        rest = self.rest
        if not rest:
            return self.opening
        if self.said:
            rest = rest.partition("\n")[0]
        elif len(rest) > _LEAST_REASON or "\n" in rest:  # a shorter one hides nothing behind a ruler
            rest = without_rulers(rest)
        whole = one_line(f"{self.opening}{rest}")
        if len(whole) <= SENTENCE_LIMIT:
            return whole
        room = SENTENCE_LIMIT - len(self.opening)
        if room < _LEAST_REASON:
            return cut(whole, SENTENCE_LIMIT)
        return f"{self.opening}{cut_middle(whole[len(self.opening) :], room)}"

    def redacted(self, redact: Callable[[str], str]) -> "Content":
        """Return the content with each text of the user's as ``redact`` returns it; itself if none changes.

        All texts are searched at once.
        """
        told = [self.rest, self.link or ""]
        if self.attachments:
            told += [attachment.name for attachment in self.attachments]
        for line in self.lines:
            if not line.ours:
                told += (line.title, line.text)
        whole = "\n".join(told)
        if CONTROL.search(whole) is None and redact(whole) == whole:  # a control character acts beyond its own text
            return self
        lines = [line if line.ours else attrs.evolve(line, title=redact(line.title), text=redact(line.text)) for line in self.lines]
        link, files = None if self.link is None else redact(self.link), tuple(each.redacted(redact) for each in self.attachments)
        return attrs.evolve(self, rest=redact(self.rest), link=link, lines=tuple(lines), attachments=files)


def error_of(state: State) -> BaseException | None:
    """Return the exception that a state ended with. A signal does not count: its text is the state's message."""
    result = state.result
    return result if result is not None and _is_error(result) else None


def _is_error(value: object) -> TypeGuard[BaseException]:
    return issubclass(type(value), BaseException) and not issubclass(type(value), Signal)  # unlike isinstance, no code of the value's


def compose(
    change: Change,
    *,
    message: str | None = None,
    remark: str | None = None,
    traceback: bool = False,
    notes: tuple[str, ...] = (),
    link: str | None = None,
) -> Content:
    """Return the content of the message about a change.

    Args:
        change: the change.
        message: a text that replaces the state's message or exception; None keeps those.
        remark: how the change relates to earlier runs; None if it does not.
        traceback: whether to add the last ten frames and their callers (file, line, function and source line, never a local variable).
        notes: sentences about the message itself, for example that a formatter failed.
        link: the URL behind the title.
    """
    kind, error = type(change.new).__name__, error_of(change.new)
    told = None if error is None else error_text(error)  # once, since a user's ``str`` may take long
    message = None if message is None else _unless_blank(printable(message))
    remark = None if remark is None else _unless_blank(printable(remark))
    name = name_in(change)
    own, worded = None, change.new.message
    if worded is not None:
        own = _own_message(plain(worded), error, told)
    reason = message or (own if told is None else _reason(change.new, own, told))
    opening, rest = _sentence(name, change, reason, remark)
    lines = _message_lines(message or own, error, told)
    if remark is not None:
        lines.append(Line("History", remark))
    lines += fact_lines(change)
    if traceback and error is not None and (seen := traceback_lines(error)):
        lines.append(Line("Traceback, innermost first", printable("\n".join(seen)), quoted=True))
    if notes:
        lines += [Line("Note", printable(note)) for note in notes]
    for line in lines:  # seldom is one blank: so no other list is made for each message
        if not _VISIBLE.search(line.text):
            lines = [line for line in lines if not is_blank(line.text)]
            break
    return Content(
        name=name,
        opening=opening,
        headline=headline(name, kind),
        state=kind,
        failed=isinstance(change.new, s.Failed),
        color=change.new.color,
        at=change.at,
        lines=tuple(lines),
        link=link,
        rest=rest,
        attachments=change.facts.attachments,
    )


def name_in(change: Change) -> str:
    """Return the name of what changed, with the index of a mapped child."""
    name = cut(one_line(_name(change)), NAME_LIMIT) or f"<{type_name(change.tracked_obj)} without a name>"
    return name if change.map_index is None else f"{name}[{change.map_index}]"


def headline(name: str, kind: str) -> str:
    """Return the opening of a message about something in a state of this kind.

    >>> headline("load", "Aborted")
    'load is now in an Aborted state'
    """
    return f"{name} is now in {'an' if kind[0] in _VOWELS else 'a'} {kind} state"


def is_blank(text: str) -> bool:
    """Return whether a reader sees nothing of the text: it is empty, or all white space and other characters without a shape.

    >>> is_blank(" \\n\\u200b"), is_blank("-")
    (True, False)
    """
    return _VISIBLE.search(text) is None


def _unless_blank(text: str) -> str | None:
    return None if is_blank(text) else text


def cut_line(line: Line, limit: int) -> str:
    """Return at most ``limit`` characters of a line's text, 100 or more, cut where it loses least.

    A table is cut between two rows, and notes between two notes.
    """
    if line.tabular:
        return cut_rows(line.text, limit)
    if line.listed:
        return cut_notes(line.text, limit)
    if line.title in _BOTH_ENDS:
        return cut_middle(line.text, limit)
    return cut_start(line.text, limit) if line.title == _LAST_LINES else cut(line.text, limit)


def _name(change: Change) -> str:
    """Return the name of the tracked object, with its number if the run has several of that name."""
    name = label(change.tracked_obj)
    if change.slug == name:  # the usual case
        return name
    slug = plain(change.slug)
    return slug if slug.startswith(f"{name}-") and slug[len(name) + 1 :].isdecimal() else name


def _own_message(message: str, error: BaseException | None, told: ErrorText | None) -> str | None:
    """Return what the message of a state says beside the verb and the exception, printable; None if that is nothing."""
    if message in _RESTATED:
        return None
    if error is None or told is None:
        return printable(message)
    if message.startswith(UNEXPECTED):
        return None
    for text in _texts(error, told):
        if message == text or message.endswith(f": {text}"):
            message = message[: len(message) - len(text)].removesuffix(": ")
            break
    return None if message in _RESTATED else _unless_blank(printable(message))


def _texts(error: BaseException, told: ErrorText) -> Iterator[str]:
    """Yield the texts by which a message may repeat an exception."""
    described = describe(error)
    kind = type_name(error)
    yield from (told.first, described, described.removeprefix(f"{kind}: "), quote(error))


def _reason(new: State, own: str | None, told: ErrorText) -> str:
    """Return the rest of the sentence: the state's own message, then the exception."""
    error = printable(told.sentence)
    if own is None or isinstance(new, s.Retrying):  # that one has the numbers of its attempts
        return error
    return f"{own.rstrip(_ENDS)}: {error}"


def _inherited_verb(kind: type[State]) -> str:
    return next(VERBS[parent] for parent in kind.__mro__ if parent in VERBS)


def _sentence(name: str, change: Change, reason: str | None, remark: str | None) -> tuple[str, str]:
    """Return the opening of the sentence, and the rest."""
    new, verb = change.new, VERBS.get(type(change.new)) or _inherited_verb(type(change.new))
    took = f" after {span(change.duration)}" if change.duration is not None and isinstance(new, s.Finished) else ""
    if took and change.run_duration is not None:
        took = f" after {span(change.run_duration)}, attempt {change.attempt}{took}"
    history = f" ({remark})" if remark else ""  # before the reason, which may be cut
    return cut(f"{name} {verb}{took}", SENTENCE_LIMIT), f"{history}: {reason}" if reason and _VISIBLE.search(reason) else history


def _message_lines(message: str | None, error: BaseException | None, told: ErrorText | None) -> list[Line]:
    lines = [] if message is None else [Line("Message", message)]
    if error is not None and told is not None:
        lines.append(Line("Error", printable(told.lines), quoted=True))
        if (where := raised_at(error)) is not None:
            lines.append(Line("Raised at", one_line(where)))
    return lines


def fact_lines(change: Change) -> list[Line]:
    """Return the lines with the known facts of a change: first the details, which a user's program worded."""
    lines: list[Line] = []
    if change.facts.details:
        lines += [
            Line(
                one_line(detail.title),
                printable(detail.text),
                quoted=detail.quoted,
                tabular=detail.tabular,
                listed=detail.listed,
            )
            for detail in change.facts.details
        ]
    if change.duration is not None:
        whole = "" if change.run_duration is None else f"{span(change.run_duration)} in all, attempt {change.attempt} took "
        lines.append(Line("Duration", f"{whole}{span(change.duration)}", ours=True, short=True))
    if change.attempts > 1:
        lines.append(Line("Attempt", f"{change.attempt} of {change.attempts}", ours=True, short=True))
    if change.map_index is not None:
        lines.append(Line("Map index", str(change.map_index), ours=True, short=True))
    facts = change.facts
    if facts.host:
        lines.append(_short("Host", facts.host))
    if facts.environment:
        lines.append(_short("Environment", facts.environment))
    if change.shows_run_id and change.run_id:
        lines.append(_short("Run id", change.run_id))
    return lines


def _short(title: str, text: str) -> Line:
    return Line(title, text if text.isalnum() else one_line(text), short=True)
