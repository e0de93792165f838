"""Formatters: code of the user's that words messages, called so that it cannot hang what the messages tell of.

- A formatter runs in a thread of its own, in a copy of the context. After five seconds it is waited for no more: the default message
  goes out, says so in a note, and the fault is on the report. No thread can be stopped: it goes on by itself, and does not keep the
  program alive.
- One that was late is not called again within a minute, nor before that call has come back: in a storm there would be a thread for
  each message. It is its code that was late: a lambda in a call is a new function each time.
- Filters and checks are called in line: each change asks them, and a thread costs many times what they do.
"""

import threading
import time
from contextvars import copy_context
from types import FunctionType, MethodType

import attrs
from typing_extensions import override

from tocsin.core.changes import Change
from tocsin.core.messages.text import name_of
from tocsin.core.notifiers import Messenger
from tocsin.core.options import Formatter

SECONDS = 5.0
"""How long a formatter may take."""

REST = 60.0
"""For how long, in seconds, one that was late is not called."""


@attrs.frozen(eq=False)
class _Late:
    """A call that was waited for in vain: what was called (kept, so that nothing else comes to have its id), and until when to rest."""

    called: object
    thread: threading.Thread
    until: float

    def is_over(self, now: float) -> bool:
        return now >= self.until and not self.thread.is_alive()


_late: dict[int, _Late] = {}  # used by single steps of the interpreter, so that it needs no lock


def with_timeout(messenger: Messenger, given: Formatter) -> Messenger:
    """The notifier with the formatter given kept to its time."""
    return messenger if isinstance(given, TimedFormatter) else attrs.evolve(messenger, message=TimedFormatter(given))


def _bare(given: Formatter) -> Formatter:
    return given.fn if isinstance(given, TimedFormatter) else given


@attrs.frozen(eq=False, repr=False)
class TimedFormatter:
    """A formatter that is kept to its time; equal to the bare one, and printed like it.

    Args:
        fn: the formatter.
        seconds: how long it may take.
        rest: for how many seconds it is not called after it was late.

    >>> TimedFormatter(len), TimedFormatter(len) == len
    (len, True)
    """

    fn: Formatter = attrs.field(converter=_bare)
    seconds: float = attrs.field(default=SECONDS, kw_only=True)
    rest: float = attrs.field(default=REST, kw_only=True)

    def __call__(self, change: Change) -> str:
        """What ``fn`` says of the change. Raises what it raises; a TimeoutError where it is late, or was so lately."""
        code = _code(self.fn)
        late = _late.get(id(code))
        if late is not None and not late.is_over(time.monotonic()):
            raise TimeoutError(f"it did not answer lately, and has to rest for {self.rest:g} s")
        answers: list[str] = []
        errors: list[BaseException] = []

        def enter() -> None:
            try:
                answers.append(self.fn(change))
            except BaseException as error:  # whatever it is, it is the caller's
                errors.append(error)

        thread = threading.Thread(target=copy_context().run, args=(enter,), name="tocsin_formatter", daemon=True)
        try:
            thread.start()
        except RuntimeError:  # the interpreter shuts down, or the system has no more threads
            enter()
        else:
            thread.join(self.seconds)
        if errors:
            raise errors.pop()  # out of the list, which its own traceback holds
        if answers:
            return answers[0]
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
    """What two formatters share that are the same lines of source."""
    plain = fn.__func__ if isinstance(fn, MethodType) else fn
    return plain.__code__ if isinstance(plain, FunctionType) else fn


def _note(late: _Late) -> None:
    """Remember the call; what matters no more is forgotten."""
    now = time.monotonic()
    for key, other in list(_late.items()):
        if other.is_over(now):
            _late.pop(key, None)
    _late[id(late.called)] = late
