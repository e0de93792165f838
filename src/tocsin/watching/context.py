"""The run of a watched body, as the body sees it, and the runs that are open around the current code.

- Each context (``contextvars``) has its own open runs. An asyncio task inherits those of its creator.
- A lookup skips a level that is closed. A ``with`` block in a generator may close before blocks that were opened later, and in another
  context.
- Nothing resets the innermost level to an earlier value, so a run that is over never becomes current again.
"""

from abc import abstractmethod
from contextvars import ContextVar

from tocsin.core import options
from tocsin.core.messages.content import is_blank
from tocsin.core.progress import Countable
from tocsin.core.text import LONGEST, cut, quote, worded
from tocsin.shell import log
from tocsin.shell.report import RunReport

_LONGEST_SHOWN = 200  # characters of a wrong link


class WatchedRun:
    """One run of a watched body. State handlers get it as the tracked object.

    >>> from tocsin import watch
    >>> with watch("nightly load", state_handlers=[]) as run:
    ...     run.note("7 rows were skipped")
    >>> run
    <WatchedRun 'nightly load'>
    >>> run.report.state
    Success()
    """

    __slots__ = ("_link", "_name", "_notes", "_over", "_room", "_run_id")

    def __init__(self, name: str, run_id: str) -> None:
        self._name = name
        self._run_id = run_id
        self._notes: list[str] = []
        self._room = LONGEST  # characters of further notes that any message could show
        self._link: str | None = None
        self._over = False

    @property
    def name(self) -> str:
        """The name of the watched body in messages."""
        return self._name

    @property
    def run_id(self) -> str:
        """The id of the run: 16 hexadecimal digits."""
        return self._run_id

    def note(self, text: object) -> None:
        """Add a text, or the ``str`` of any other value, to the final message, after all earlier notes. It raises nothing.

        A blank text adds nothing.
        """
        worded_text = worded(text)
        self._warn_if_over("a note")
        if self._room > 0 and not is_blank(worded_text):
            self._room -= len(worded_text) + 1
            self._notes.append(worded_text)

    def link(self, url: object) -> None:
        """Link the title of the final message to an http(s) URL, or to another value whose ``str`` is one. None takes the link away.

        What is no such URL is a line in the log, and changes nothing. It raises nothing.
        """
        text = None if url is None else worded(url)
        try:
            target = options.title_link(text)
        except TypeError:
            log.surely(f"the link {cut(quote(text), _LONGEST_SHOWN)} of {quote(self._name)} is no http(s) URL, and is in no message")
            return
        self._warn_if_over("a link")
        self._link = target

    @abstractmethod
    def progress(self, done: Countable, total: Countable | None = None) -> None:
        """Count the steps of the body: how many are done, of how many if that is known. It raises nothing.

        Where a Slack app posted the first message of the run, that shows the progress with the rate and the time left: one edit in 15
        seconds at most. Elsewhere it is no message. The message of a failure has the last progress. A smaller count than before, or
        another total, begins anew. What is no count is a line in the log.

        Args:
            done: the number of steps that are done, 0 or more.
            total: the number of all steps; None or 0 if it is not known.

        >>> from tocsin import watch
        >>> rows = range(3000)
        >>> with watch("nightly load", state_handlers=[]) as run:
        ...     for number, row in enumerate(rows, 1):
        ...         run.progress(number, len(rows))
        """

    @abstractmethod
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

    @property
    @abstractmethod
    def report(self) -> RunReport | None:
        """How the run went, and which notifications were sent. It is None until the end, and for a decorated function that failed."""

    def _warn_if_over(self, what: str) -> None:
        """Log that a note or a link came too late. It raises nothing, since that would fail the body."""
        if self._over:
            log.surely(f"{what} about {quote(self._name)} came after its run had ended, and is in no message")

    def __repr__(self) -> str:
        return f"<WatchedRun {quote(self._name)}>"


class Level:
    """The place of a run among the open ones. ``run`` is None once it is over, so that no context keeps the run alive."""

    __slots__ = ("parent", "run")

    def __init__(self, parent: "Level | None", run: WatchedRun) -> None:
        self.parent: Level | None = parent
        self.run: WatchedRun | None = run


_innermost: ContextVar[Level | None] = ContextVar("tocsin_watched", default=None)


def first_open(level: Level | None) -> Level | None:
    """Return the level itself if it is open, else the innermost open level around it."""
    while level is not None and level.run is None:
        level = level.parent
    return level


def innermost() -> Level | None:
    """Return the innermost open level of the current context."""
    return first_open(_innermost.get())


def enter(level: Level | None) -> Level | None:
    """Make this level the innermost one of the current context, and return the one before."""
    before = _innermost.get()
    _innermost.set(level)
    return before


def leave(level: Level) -> None:
    """Close the level."""
    level.run = None
    if _innermost.get() is level:
        _innermost.set(first_open(level.parent))


def current_run() -> WatchedRun | None:
    """Return the run of the innermost watched body around the caller, or None.

    >>> from tocsin import watch
    >>> @watch(state_handlers=[])
    ... def load() -> str:
    ...     run = current_run()
    ...     return "" if run is None else run.name
    >>> load(), current_run()
    ('load', None)
    """
    level = innermost()
    return None if level is None else level.run
