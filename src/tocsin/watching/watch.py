"""``watch``: one name for all that one may want to be told about."""

from collections.abc import Callable, Iterable
from contextlib import suppress
from types import TracebackType
from typing import ParamSpec, TypeVar, Unpack, overload

from tocsin.core.messages.text import name_of, quote
from tocsin.core.states import State
from tocsin.watching.context import WatchedRun, enter, innermost, opened
from tocsin.watching.options import WatchHandler, WatchOptions, WatchRules, watch_rules
from tocsin.watching.run import BodyRun
from tocsin.watching.wrappers import wrapped

_P = ParamSpec("_P")
_R = TypeVar("_R")
_T = TypeVar("_T")


class Watch:
    """What ``watch`` gives where it is not given a function: a decorator, and a context manager, plain and async.

    It may be used as often as one likes, at the same time too: each call and each block is a run of its own.
    """

    __slots__ = ("_open", "_rules")

    def __init__(self, rules: WatchRules) -> None:
        self._rules = rules
        self._open: list[BodyRun] = []

    @overload
    def __call__(self, function: Callable[_P, _R], /) -> Callable[_P, _R]: ...
    @overload
    def __call__(self, function: "classmethod[_T, _P, _R]", /) -> "classmethod[_T, _P, _R]": ...
    def __call__(self, function: object, /) -> object:
        return wrapped(self._rules, function)

    def __enter__(self) -> WatchedRun:
        course = BodyRun(self._rules)
        enter(course.level)
        course.begin()
        self._open.append(course)
        return course

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None, /) -> None:
        course = self._closing()
        if course is not None:
            course.end(error)

    async def __aenter__(self) -> WatchedRun:
        return self.__enter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None, /
    ) -> None:
        self.__exit__(kind, error, traceback)

    def _closing(self) -> BodyRun | None:
        """The run of the block that closes: the innermost of ours here; or the last, where it was opened in another context."""
        here, level = [*self._open], innermost()
        while level is not None and level.run not in here:
            level = opened(level.parent)
        for course in reversed(here):
            if level is None or course is level.run:
                with suppress(ValueError):  # another thread was faster, and a run ends only once
                    self._open.remove(course)
                return course
        return None

    def __repr__(self) -> str:
        return f"watch({quote(self._rules.called)})"


@overload
def watch(function: Callable[_P, _R], /) -> Callable[_P, _R]: ...
@overload
def watch(function: "classmethod[_T, _P, _R]", /) -> "classmethod[_T, _P, _R]": ...
@overload
def watch(title: str | None = None, /, **options: Unpack[WatchOptions]) -> Watch: ...
def watch(
    subject: object = None,
    /,
    *,
    name: str | None = None,
    state_handlers: Iterable[WatchHandler] | None = None,
    on_failure: Callable[[WatchedRun, State], object] | None = None,
    show_arguments: bool = False,
    show_result: bool = False,
    retell: bool = False,
) -> object:
    """Tell people how it goes with a function, a block, a coroutine or a generator: it started, it succeeded, it failed.

    ``@watch`` and ``@watch(...)`` decorate a function, ``async def`` and generators too: each call is a run. ``with watch("name")
    as run:`` and ``async with`` watch a block; ``run.note(...)`` and ``run.link(...)`` add to the message of the end, and
    ``run.report`` says afterwards who was told. What is watched does what it would do without: its result and its exception are
    the very same.

    An exception is Failed; ``TimeoutError`` is TimedOut; ``KeyboardInterrupt``, a cancellation and an exit with another status than 0
    are Aborted; a signal of ``tocsin.signals`` is its state. Where one watch is inside another, a failure is told by the inner one.

    Args:
        name: what people call it; by default the function's, and the program's for a block.
        state_handlers: handlers to tell of each change of state, in order; None: those of the configuration.
        on_failure: called as ``on_failure(run, state)`` when it failed, after all handlers.
        show_arguments: whether messages show what a decorated function was called with.
        show_result: whether the message of a success shows what a decorated function returned.
        retell: whether to tell of a failure that a watch inside this one told of already.

    Raises:
        TypeError: an option makes no sense, or what is decorated is no function.

    >>> from tocsin import Failed, slack_notifier
    >>> @watch(state_handlers=[slack_notifier(only_states=[Failed])])
    ... def load(path: str) -> int:
    ...     return len(path)
    >>> load("rows.csv")
    8
    """
    if subject is not None and not isinstance(subject, str):
        if (name, state_handlers, on_failure) != (None, None, None) or show_arguments or show_result or retell:
            raise TypeError(f"watch takes a function or options, not both: write watch(...)({name_of(subject)})")
        return wrapped(watch_rules(), subject)
    if subject is not None and name is not None:
        raise TypeError(f"watch takes one name, not both {quote(subject)} and {quote(name)}")
    named = name if subject is None else subject
    return Watch(watch_rules(named, state_handlers, on_failure, show_arguments=show_arguments, show_result=show_result, retell=retell))
