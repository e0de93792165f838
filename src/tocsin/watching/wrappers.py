"""Wraps functions so that each call is a run: plain and async functions, generators and async generators.

- A wrapper is of the same kind as its function, so that ``inspect.iscoroutinefunction`` and the like answer the same.
- The run of a function begins with its body. The body of a generator begins with its first item, and is over when it returns,
  raises, or is closed.
- Code inside a generator is inside its run. Code between its items is not.
- No frame of a wrapper holds the run after a failure, and no report of a failure is kept. A traceback holds its frames, and a report
  holds the exception: such a cycle would live until the next garbage collection.
"""

import functools
import inspect
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator
from types import TracebackType
from typing import ParamSpec, TypeGuard, TypeVar

from typing_extensions import override

from tocsin.core.text import is_a, quote
from tocsin.core.validation import invoke
from tocsin.shell.additions.levels import Level, enter
from tocsin.watching.options import WatchRules
from tocsin.watching.run import BodyRun

_P = ParamSpec("_P")
_R = TypeVar("_R")


class _LevelGenerator(Generator[object, object, object]):
    """Passes ``send``, ``throw`` and ``close`` to a generator, inside a level each time."""

    def __init__(self, level: Level, generator: Generator[object, object, object]) -> None:
        self._inside: Level | None = level
        self._generator = generator

    @override
    def send(self, value: object, /) -> object:
        return self._resume(self._generator.send, value)

    @override
    def throw(self, typ: type[BaseException] | BaseException, val: object = None, tb: TracebackType | None = None, /) -> object:
        return self._resume(self._generator.throw, *((typ,) if val is None and tb is None else (typ, val, tb)))

    @override
    def close(self) -> None:
        self._resume(self._generator.close)

    def _resume(self, method: object, *given: object) -> object:
        """Call the method with the generator's own innermost level, and restore the caller's level after it."""
        outside = enter(self._inside)
        try:
            return invoke(method, *given)
        finally:
            self._inside = enter(outside)


def wrapped(rules: WatchRules, function: object) -> object:
    """Return the watched function. A class, or an object that is not callable, raises a TypeError that says what to write."""
    if _is_method(function):  # a class looks up the descriptor, so that one stays outermost
        return invoke(type(function), _wrapped_function(rules, getattr(function, "__func__", None)))
    if is_a(function, type):
        raise TypeError(f"watch takes a function, not the class {function.__name__}: write @watch above a method of it")
    return _wrapped_function(rules, function)


def _wrapped_function(rules: WatchRules, function: object) -> Callable[[], object]:
    named = rules.named(function)
    if _is_async_generator(function):
        return _async_generator(named, function)
    if _is_generator(function):
        return _generator(named, function)
    if _is_async(function):
        return _coroutine(named, function)
    if _is_function(function):
        return _plain(named, function)
    raise TypeError(f"watch takes a function or a name, not {quote(function)}: write @watch, or with watch('nightly load')")


def _plain(rules: WatchRules, function: Callable[_P, _R]) -> Callable[_P, _R]:
    @functools.wraps(function)
    def watched(*args: _P.args, **kwargs: _P.kwargs) -> _R:
        run = BodyRun(rules)
        enter(run.level)
        run.begin(function, args, kwargs)
        try:
            result = function(*args, **kwargs)
        except BaseException as error:
            run.fail(error)
            del run
            raise
        run.end(None, (result,))
        return result

    return watched


def _coroutine(rules: WatchRules, function: Callable[_P, Awaitable[_R]]) -> Callable[_P, Awaitable[_R]]:
    @functools.wraps(function)
    async def watched(*args: _P.args, **kwargs: _P.kwargs) -> _R:
        run = BodyRun(rules)
        enter(run.level)
        run.begin(function, args, kwargs)
        try:
            result = await function(*args, **kwargs)
        except BaseException as error:
            run.fail(error)
            del run
            raise
        run.end(None, (result,))
        return result

    return watched


def _generator(
    rules: WatchRules, function: Callable[_P, Generator[object, object, object]]
) -> Callable[_P, Generator[object, object, object]]:
    @functools.wraps(function)
    def watched(*args: _P.args, **kwargs: _P.kwargs) -> Generator[object, object, object]:
        run = BodyRun(rules)
        run.begin(function, args, kwargs)
        try:
            result = yield from _LevelGenerator(run.level, function(*args, **kwargs))
        except BaseException as error:
            run.fail(error)
            del run
            raise
        run.end(None, (result,))
        return result

    return watched


def _async_generator(
    rules: WatchRules, function: Callable[_P, AsyncGenerator[object, object]]
) -> Callable[_P, AsyncGenerator[object, object]]:
    @functools.wraps(function)
    async def watched(*args: _P.args, **kwargs: _P.kwargs) -> AsyncGenerator[object, object]:
        run = BodyRun(rules)
        run.begin(function, args, kwargs)
        inside: Level | None = run.level
        received: object = None
        thrown: BaseException | None = None
        closed: GeneratorExit | None = None
        try:
            generator = function(*args, **kwargs)
            while True:
                outside = enter(inside)
                try:
                    step = generator.asend(received) if thrown is None else generator.athrow(thrown)
                    thrown = None
                    item = await step
                except StopAsyncIteration:
                    break
                finally:
                    inside = enter(outside)
                try:
                    received = yield item
                except BaseException as error:
                    thrown, closed = error, error if is_a(error, GeneratorExit) else None
        except BaseException as error:
            run.fail(error)
            del run
            raise
        run.end(closed)

    return watched


def _code(function: object) -> object:
    """Return the code of a call: the function itself, or the ``__call__`` of the object's class."""
    if inspect.isroutine(function) or _is_partial(function):
        return function
    return inspect.getattr_static(type(function), "__call__", None)


def _is_partial(function: object) -> bool:
    return isinstance(function, functools.partial)


def _is_method(function: object) -> bool:
    return isinstance(function, staticmethod | classmethod)


def _is_function(function: object) -> TypeGuard[Callable[[], object]]:
    return callable(function)


def _is_async(function: object) -> TypeGuard[Callable[[], Awaitable[object]]]:
    return inspect.iscoroutinefunction(_code(function))


def _is_generator(function: object) -> TypeGuard[Callable[[], Generator[object, object, object]]]:
    return inspect.isgeneratorfunction(_code(function))


def _is_async_generator(function: object) -> TypeGuard[Callable[[], AsyncGenerator[object, object]]]:
    return inspect.isasyncgenfunction(_code(function))
