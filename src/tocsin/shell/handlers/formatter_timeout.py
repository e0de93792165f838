"""Calls user formatters with a time limit, so that a formatter that hangs does not hang the run.

- A formatter runs in a thread of its own, in a copy of the context. After five seconds tocsin stops waiting: the default message is
  sent with a note about it, and the fault is in the report. A thread cannot be stopped: it keeps running as a daemon thread, which does
  not keep the program alive.
- A formatter that exceeded its limit is not called for one minute, nor before the late call has returned: otherwise each message of a
  storm would start a thread. Formatters are identified by their code, since a lambda in a call is a new function each time.
- Filters and checks are called without a thread: every change calls them, and a thread costs many times more than they do.
"""

import time
from types import FunctionType, MethodType

import attrs
from typing_extensions import override

from tocsin.core.changes import Change
from tocsin.core.notifiers import Messenger
from tocsin.core.options import Formatter
from tocsin.core.text import name_of
from tocsin.shell.threads import CallThread

SECONDS = 5.0
"""Default time limit of a formatter."""

REST = 60.0
"""Seconds for which a late formatter is not called."""


@attrs.frozen(eq=False)
class _Late:
    """A late call: the called code (kept, so that its id stays unique), its thread, and the end of its rest."""

    called: object
    thread: CallThread[str]
    until: float

    def is_over(self, now: float) -> bool:
        return now >= self.until and not self.thread.is_alive()


_late: dict[int, _Late] = {}  # each access is atomic, so it needs no lock


def with_timeout(messenger: Messenger, given: Formatter) -> Messenger:
    """Return the notifier with a time limit on the given formatter."""
    return messenger if isinstance(given, TimedFormatter) else attrs.evolve(messenger, message=TimedFormatter(given))


def _bare(given: Formatter) -> Formatter:
    return given.fn if isinstance(given, TimedFormatter) else given


@attrs.frozen(eq=False, repr=False)
class TimedFormatter:
    """A formatter with a time limit. It compares equal to the bare formatter and prints like it.

    Args:
        fn: the formatter.
        seconds: its time limit.
        rest: seconds for which it is not called after it was late.

    >>> TimedFormatter(len), TimedFormatter(len) == len
    (len, True)
    """

    fn: Formatter = attrs.field(converter=_bare)
    seconds: float = attrs.field(default=SECONDS, kw_only=True)
    rest: float = attrs.field(default=REST, kw_only=True)

    def __call__(self, change: Change) -> str:
        """Return ``fn(change)``. Raise what ``fn`` raises; TimeoutError if it exceeds the limit or still rests after doing so."""
        code = _code(self.fn)
        late = _late.get(id(code))
        if late is not None and not late.is_over(time.monotonic()):
            raise TimeoutError(f"it did not answer lately, and has to rest for {self.rest:g} s")
        thread = CallThread("tocsin_formatter", lambda: self.fn(change))
        if not thread.try_start():
            return self.fn(change)
        if thread.wait(self.seconds):
            return thread.result()
        _note(_Late(code, thread, time.monotonic() + self.rest))
        raise TimeoutError(f"it did not answer within {self.seconds:g} s")

    @override
    def __eq__(self, other: object) -> bool:
        return self.fn == (other.fn if isinstance(other, TimedFormatter) else other)

    @override
    def __hash__(self) -> int:
        return hash(self.fn)

    @override
    def __repr__(self) -> str:
        return name_of(self.fn)


def _code(fn: Formatter) -> object:
    """Return the code object, which two formatters from the same source lines share; else the formatter."""
    plain = fn.__func__ if isinstance(fn, MethodType) else fn
    return plain.__code__ if isinstance(plain, FunctionType) else fn


def _note(late: _Late) -> None:
    """Remember the late call; drop those that are over."""
    now = time.monotonic()
    for key, other in list(_late.items()):
        if other.is_over(now):
            _late.pop(key, None)
    _late[id(late.called)] = late
