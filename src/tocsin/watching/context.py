"""What a watched body sees of its run: its name, and what it wants to have said when it is over.

Which watched bodies are open around the code that runs now: each context has its own, and a task inherits those of its maker.

A level that is closed is skipped when it is met: a ``with`` block in a generator may close before those that were opened inside its
open time, and in another context than it was opened in. Nothing is ever reset to what it was, so nothing comes back that is over.
"""

from abc import abstractmethod
from contextvars import ContextVar

from tocsin.core import options
from tocsin.core.messages.text import quote
from tocsin.shell import log
from tocsin.shell.report import RunReport


class WatchedRun:
    """One run of something that is watched. It is what state handlers get as the tracked object.

    >>> from tocsin import watch
    >>> with watch("nightly load", state_handlers=[]) as run:
    ...     run.note("7 rows were skipped")
    >>> run
    <WatchedRun 'nightly load'>
    >>> run.report
    <Account of 'nightly load': Success(), 0 notifications, 0 failed>
    """

    __slots__ = ("_link", "_name", "_notes", "_over", "_run_id")

    def __init__(self, name: str, run_id: str) -> None:
        self._name = name
        self._run_id = run_id
        self._notes: tuple[str, ...] = ()
        self._link: str | None = None
        self._over = False

    @property
    def name(self) -> str:
        """What people call what is watched."""
        return self._name

    @property
    def run_id(self) -> str:
        """Names the run: 16 hexadecimal digits."""
        return self._run_id

    def note(self, text: str) -> None:
        """Have the message of the end say this too, with all that was noted before. Anything but a str is a TypeError."""
        if not _is_str(text):
            raise TypeError(f"note takes a str, not {quote(text)}: write run.note(str(...))")
        self._in_time("a note")
        self._notes += (text,)

    def link(self, url: str) -> None:
        """Have the title of the end's message lead there: an http(s) URL, and anything else is a TypeError."""
        options.title_link(url)
        self._in_time("a link")
        self._link = url

    @property
    @abstractmethod
    def report(self) -> RunReport | None:
        """How the run went and who was told of it; None until it is over, and of a decorated function that failed."""

    def _in_time(self, what: str) -> None:
        """A note that comes too late is no reason to fail, and one to wonder."""
        if self._over:
            log.once(f"{what} about {quote(self._name)} came after its end, and is in no message")

    def __repr__(self) -> str:
        return f"<WatchedRun {quote(self._name)}>"


def _is_str(value: object) -> bool:
    return isinstance(value, str)


class Level:
    """The place of one run among those that are open; ``run`` is None once it is over, so that no context keeps it alive."""

    __slots__ = ("parent", "run")

    def __init__(self, parent: "Level | None", run: WatchedRun) -> None:
        self.parent: Level | None = parent
        self.run: WatchedRun | None = run


_innermost: ContextVar[Level | None] = ContextVar("tocsin_watched", default=None)


def opened(level: Level | None) -> Level | None:
    """The level, or the innermost around it, that is open."""
    while level is not None and level.run is None:
        level = level.parent
    return level


def innermost() -> Level | None:
    """The innermost open level, here and now."""
    return opened(_innermost.get())


def enter(level: Level | None) -> Level | None:
    """From now on what opens here is inside this level. The level that it was inside of until now."""
    before = _innermost.get()
    _innermost.set(level)
    return before


def leave(level: Level) -> None:
    """The level is over."""
    level.run = None
    if _innermost.get() is level:
        _innermost.set(opened(level.parent))


def current_run() -> WatchedRun | None:
    """The run of the innermost body that is watched here; None where none is.

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
