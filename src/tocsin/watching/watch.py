"""``watch``: watches a function, a block, a coroutine or a generator."""

from collections.abc import Callable, Iterable
from contextlib import suppress
from datetime import timedelta
from types import TracebackType
from typing import ParamSpec, TypeVar, Unpack, overload

from tocsin.core.expected import ExpectedKinds
from tocsin.core.states import State
from tocsin.core.text import name_of, quote
from tocsin.shell.additions.levels import enter, first_open, innermost
from tocsin.watching.context import WatchedRun
from tocsin.watching.options import WatchHandler, WatchOptions, WatchRules, watch_rules
from tocsin.watching.run import BodyRun
from tocsin.watching.wrappers import wrapped

_P = ParamSpec("_P")
_R = TypeVar("_R")
_T = TypeVar("_T")


class Watch:
    """The result of ``watch(...)`` without a function: a decorator, and a context manager, plain and async.

    It can be used many times, also concurrently. Each call and each block is a run of its own.
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
        run = BodyRun(self._rules)
        enter(run.level)
        run.begin()
        self._open.append(run)
        return run

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None, /) -> None:
        run = self._closing()
        if run is not None:
            run.end(error)

    async def __aenter__(self) -> WatchedRun:
        return self.__enter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None, /
    ) -> None:
        self.__exit__(kind, error, traceback)

    def _closing(self) -> BodyRun | None:
        """Return the run of the block that closes: our innermost one in this context, else the one that was opened last."""
        own, level = [*self._open], innermost()
        while level is not None and level not in [run.level for run in own]:
            level = first_open(level.parent)
        for run in reversed(own):
            if level is None or level is run.level:
                with suppress(ValueError):  # another thread removed it first; a run ends only once
                    self._open.remove(run)
                return run
        return None

    def __repr__(self) -> str:
        return f"watch({quote(self._rules.display_name)})"


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
    expected: ExpectedKinds | None = None,
    still_running: timedelta | None = None,
    ranks: bool = False,
) -> object:
    """Notify when a function, a block, a coroutine or a generator starts, succeeds or fails.

    ``@watch`` and ``@watch(...)`` decorate a function, also ``async def`` and generators. Each call is a run. ``with watch("name") as
    run:`` and ``async with`` watch a block. ``run.note(...)`` and ``run.link(...)`` add to the final message. ``run.report`` then
    lists the notifications. A watch changes neither the result nor the exception.

    An exception is Failed; ``TimeoutError`` is TimedOut; ``KeyboardInterrupt``, a cancellation and an exit with another status than 0
    are Aborted; a signal of ``tocsin.signals`` is its state. Where one watch is inside another, the inner one reports a failure.

    Args:
        name: the name in messages; by default the function's name, and the program's for a block.
        state_handlers: handlers to call on each change of state, in order; None: those of the configuration.
        on_failure: called as ``on_failure(run, state)`` on a failure, after all handlers.
        show_arguments: whether messages show the arguments of a decorated function.
        show_result: whether the message of a success shows the result of a decorated function.
        retell: whether to report a failure that an inner watch already reported.
        expected: what exceptions that are no errors mean, as ``{Retry: Retrying, Ignore: Skipped}``; they are raised all the same.
        still_running: tell that the body still runs after this time, 100 ms or more, and after twice, four times ... as long.
        ranks: whether only rank 0 of a distributed training tells of everything, and the other ranks of failures of their own.

    Raises:
        TypeError: an option is invalid, or the decorated object is no function.

    >>> from tocsin import Failed, slack_notifier
    >>> @watch(state_handlers=[slack_notifier(only_states=[Failed])])
    ... def load(path: str) -> int:
    ...     return len(path)
    >>> load("rows.csv")
    8
    """
    if subject is not None and not isinstance(subject, str):
        given = (name, state_handlers, on_failure, still_running)
        if given != (None,) * 4 or show_arguments or show_result or retell or expected or ranks:
            raise TypeError(f"watch takes a function or options, not both: write watch(...)({name_of(subject)})")
        return wrapped(watch_rules(), subject)
    if subject is not None and name is not None:
        raise TypeError(f"watch takes one name, not both {quote(subject)} and {quote(name)}")
    chosen = name if subject is None else subject
    shown = {"show_arguments": show_arguments, "show_result": show_result, "retell": retell}
    return Watch(watch_rules(chosen, state_handlers, on_failure, expected=expected, still_running=still_running, ranks=ranks, **shown))
