"""``OpenRun``: a run as its own body sees it, with all that the body may add to the message of the end, or say at once.

- No call raises into the body, but a KeyboardInterrupt. What went wrong is a line in the log, and a word in the message.
- Threads may call at the same time, also while the run ends. A thing is in the message, or a line in the log says that it is not.
- A user's ``str``, DataFrame or figure runs outside the lock.
- Nothing is made of a run to which nothing is added: there are many such runs.
"""

from abc import abstractmethod
from collections import deque
from collections.abc import Callable

import attrs

from tocsin.core import options
from tocsin.core.attachments import ATTACHED_LIMIT
from tocsin.core.events import UNKNOWN, Detail, Facts, Said
from tocsin.core.messages.content import is_blank
from tocsin.core.notes import Notes, listed
from tocsin.core.text import cut, describe, one_line, quote, worded
from tocsin.shell import log
from tocsin.shell.additions.attached_files import AttachedFiles, read
from tocsin.shell.additions.files import NotAttached, Source
from tocsin.shell.additions.rows import Rows, table_of
from tocsin.shell.fork_safety import ForkSafeLock
from tocsin.shell.redaction import redact
from tocsin.shell.said_queue import SaidQueue

_LONGEST_SHOWN = 200  # characters of a wrong link, and of a reason
_MOST_TABLES = 4
_LONGEST_TITLE = 1_000  # characters of a table's title

_adding = ForkSafeLock()  # of all runs, since it is held for a moment
_making = ForkSafeLock()  # for the queues of all runs


@attrs.define(eq=False)
class _Additions:
    """What a body added so far."""

    notes: Notes = attrs.field(factory=Notes)
    tables: deque[Detail] = attrs.field(factory=lambda: deque[Detail](maxlen=_MOST_TABLES))
    tables_left_out: int = 0
    files: AttachedFiles = attrs.field(factory=AttachedFiles)
    link: str | None = None

    def add_table(self, table: Detail) -> None:
        self.tables_left_out += len(self.tables) == _MOST_TABLES
        self.tables.append(table)


class OpenRun:
    """A run whose body can add to the message of its end: ``note``, ``table``, ``attach`` and ``link``; and ``say`` a text at once."""

    __slots__ = ("_additions", "_is_starting", "_name", "_over", "_run_id", "_said")

    def __init__(self, name: str, run_id: str) -> None:
        self._name = name
        self._run_id = run_id
        self._additions: _Additions | None = None
        self._said: SaidQueue | None = None  # most runs say nothing
        self._is_starting = False
        self._over = False

    @property
    def name(self) -> str:
        """The name in messages."""
        return self._name

    @property
    def run_id(self) -> str:
        """The id of the run: 16 hexadecimal digits."""
        return self._run_id

    def note(self, text: object) -> None:
        """Add a text, or the ``str`` of any other value, to the final message, after all earlier notes. It raises nothing.

        A blank text adds nothing. Of many notes, the message shows the first and the last, and says how many are left out.

        >>> from tocsin import watch
        >>> with watch("train", state_handlers=[]) as run:
        ...     for epoch in range(3000):
        ...         run.note(f"epoch {epoch}")
        """
        worded_text = worded(text)
        blank = is_blank(worded_text)
        with _adding.lock:
            added = self._open_additions()
            if added is not None and not blank:
                added.notes.add(worded_text)
        if added is None:
            self._log_late("a note")

    def table(self, rows: Rows, title: str = "Table") -> None:
        """Add a table to the final message, in aligned columns. It raises nothing.

        A message shows as many whole rows as it has room for, and says how many more there are; at most 30 columns, and 40 characters
        of a cell. Of more than four tables it shows the last four.

        Args:
            rows: a list of dicts, whose keys become the titles of the columns; a list of lists; or a DataFrame of pandas or polars.
            title: the title of the table.

        >>> from tocsin import watch
        >>> with watch("load", state_handlers=[]) as run:
        ...     run.table([{"file": "a.csv", "rows": 1200}, {"file": "b.csv", "rows": 3}], title="Loaded")
        """
        words = one_line(cut(redact(worded(title)), _LONGEST_TITLE))
        detail_title = "Table" if is_blank(words) else words
        try:
            detail = Detail(detail_title, table_of(rows), quoted=True, tabular=True)
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            reason = _reason(error)
            log.surely(f"the table {cut(quote(detail_title), _LONGEST_SHOWN)} of {quote(self._name)} could not be made: {reason}")
            detail = Detail(detail_title, f"could not be made: {reason}")
        with _adding.lock:
            added = self._open_additions()
            if added is not None:
                added.add_table(detail)
        if added is None:
            self._log_late("a table")

    def attach(self, source: Source, name: str | None = None) -> None:
        """Add a file to the final message. It is read, or the figure is drawn, before this returns. It raises nothing.

        A mail holds the file, a Slack app uploads it, and a webhook names it. A message holds 20 files of 10 MB in all. What goes
        beyond is named in the message with its size, and so is what could not be read.

        The name is searched for secrets, **the content is not**: attach no file that may hold one.

        Args:
            source: the path of a regular file; the content as bytes; or a figure, as of matplotlib, plotly or a plot of pandas.
            name: the name that people see; by default the file's own. Its ending gives the media type.

        >>> from tocsin import watch
        >>> with watch("load", state_handlers=[]) as run:
        ...     run.attach(b"id,reason\\n7,no date\\n", name="rejected.csv")
        """
        found = read(source, name, ATTACHED_LIMIT if self._additions is None else self._additions.files.room)
        refused: NotAttached | None = None
        with _adding.lock:
            added = self._open_additions()
            if added is not None:
                refused = added.files.add(found)
        if added is None:
            self._log_late("an attachment")
        elif refused is not None:
            log.surely(f"not attached to the message of {quote(self._name)}: {refused}")

    def link(self, url: object) -> None:
        """Link the title of the final message to an http(s) URL, or to another value whose ``str`` is one. None takes the link away.

        What is no such URL is a line in the log, and changes nothing. It raises nothing.

        >>> from tocsin import Recording, Success, interpreting, slack_notifier, watch
        >>> with interpreting(Recording()) as recording:
        ...     with watch("load", state_handlers=[slack_notifier(only_states=[Success])]) as run:
        ...         run.link("https://example.com/runs/7")
        >>> recording.slack[0].payload.title_link
        'https://example.com/runs/7'
        """
        text = None if url is None else worded(url)
        try:
            target = options.title_link(text)
        except TypeError:
            log.surely(f"the link {cut(quote(text), _LONGEST_SHOWN)} of {quote(self._name)} is no http(s) URL, and is in no message")
            return
        with _adding.lock:
            added = self._open_additions()
            if added is not None:
                added.link = target
        if added is None:
            self._log_late("a link")

    def say(self, text: object) -> None:
        """Send a text, or the ``str`` of any other value, now. It raises nothing.

        Each notifier of the run that sends messages sends one, whatever its ``only_states``, ``ignore_states`` and ``when``. Other
        handlers are not called. A blank text sends nothing. What is said after the end of the run is a line in the log.

        >>> from tocsin import Failed, Recording, interpreting, slack_notifier, watch
        >>> with interpreting(Recording()) as recording:
        ...     with watch("nightly load", state_handlers=[slack_notifier(only_states=[Failed])]) as run:
        ...         run.say("3 of 7 files are read")
        >>> [effect.payload.fallback for effect in recording.effects]
        ['nightly load: 3 of 7 files are read']
        """
        self._say(lambda queue: queue.put(text))

    @abstractmethod
    def _announce(self, said: Said) -> None:
        """Announce what is said. It raises nothing but a KeyboardInterrupt."""

    def _say(self, put: Callable[[SaidQueue], object]) -> None:
        """Put what is said into the queue, and announce it. It raises nothing but a KeyboardInterrupt."""
        try:
            with _making.lock:
                self._said = said = self._said or SaidQueue(self._name, self._announce)
            if self._over:  # else its end closes the queue
                said.close()
                self._said = None
            put(said)
            if not self._is_starting:  # else its begin announces what waits
                said.announce_waiting()
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            log.surely(f"could not notify about {quote(self._name)}, which goes on: {describe(error)}")

    def _close_said(self, said: SaidQueue) -> None:
        """Announce what waits, since the run is over."""
        said.close()
        self._said = None  # it refers to this run

    def _added(self) -> Facts:
        """Return what was added up to now, as facts. Once ``_over`` is set, nothing more is added."""
        if self._additions is None:  # of most runs; see ``_open_additions``
            return UNKNOWN
        with _adding.lock:
            added = self._additions
            first, last, left_out = added.notes.kept()
            tables, tables_left_out = list(added.tables), added.tables_left_out
            refused, files, link = added.files.details(), added.files.attachments(), added.link
        details = list[Detail]()
        if first:
            notes = listed([redact(note) for note in first], [redact(note) for note in last], left_out)
            details.append(Detail("Note", notes, listed=len(first) + len(last) > 1))
        details += tables
        if tables_left_out:
            left = "table is" if tables_left_out == 1 else "tables are"
            details.append(Detail("Tables", f"{tables_left_out:,} earlier {left} left out"))
        details += refused
        return Facts(details=tuple(details), link=link, attachments=files)

    def _open_additions(self) -> _Additions | None:
        """Return what to add to, or None if the run is over. The caller holds the lock.

        The end sets ``_over`` and then looks for additions, without the lock if there are none. Here it is the other way around: first
        there are additions, then the run is asked whether it is over. So either the end finds them, or this finds that it is too late.
        """
        if self._additions is None and not self._over:
            self._additions = _Additions()
        return None if self._over else self._additions

    def _log_late(self, what: str) -> None:
        """Log that something came too late. It raises nothing, since that would fail the body."""
        log.surely(f"{what} about {quote(self._name)} came after its run had ended, and is in no message")


def _reason(error: BaseException) -> str:
    return cut(one_line(redact(describe(error))), _LONGEST_SHOWN)
