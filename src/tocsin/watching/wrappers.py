"""A generator driven for another one: what is inside it is inside its run, and what happens between its items is not.

Functions that are watched, one kind of code each: each call is a run, which begins where the body does.

What comes back is of the same kind as what was given, so that frameworks which ask (``inspect.iscoroutinefunction`` and the like) see
no difference. The body of a generator begins with its first item, and is over when it returns, raises, or is closed.

The traceback of an exception holds the frames that it went through, and the report of a run holds the exception. Were a frame of ours
to hold the run, none of them would be freed before the next garbage collection: so none does, and no report of a failure is kept.
"""

import functools
import inspect
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator
from types import TracebackType
from typing import ParamSpec, TypeGuard, TypeVar

from typing_extensions import override

from tocsin.core.messages.text import quote
from tocsin.core.validation import invoke
from tocsin.watching.context import Level, enter
from tocsin.watching.options import WatchRules
from tocsin.watching.run import BodyRun


class Resumed(Generator[object, object, object]):
    """Passes ``send``, ``throw`` and ``close`` on to a generator, inside of a level each time."""

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
        """What is open inside is so again until the next item, and what is open outside is so after it."""
        outside = enter(self._inside)
        try:
            return invoke(method, *given)
        finally:
            self._inside = enter(outside)


_P = ParamSpec("_P")
_R = TypeVar("_R")


def wrapped(rules: WatchRules, function: object) -> object:
    """The function, watched. A class, and what cannot be called, is a TypeError that says what to write."""
    if _is_method(function):  # it is found by what stands in its class, so that stays outermost
        return invoke(type(function), _called(rules, getattr(function, "__func__", None)))
    if isinstance(function, type):
        raise TypeError(f"watch takes a function, not the class {function.__name__}: write @watch above a method of it")
    return _called(rules, function)


def _called(rules: WatchRules, function: object) -> Callable[[], object]:
    named = rules.named(function)
    if _is_async_generator(function):
        return _async_generator(named, function)
    if _is_generator(function):
        return _generator(named, function)
    if _is_async(function):
        return _awaited(named, function)
    if _is_function(function):
        return _plain(named, function)
    raise TypeError(f"watch takes a function or a name, not {quote(function)}: write @watch, or with watch('nightly load')")


def _plain(rules: WatchRules, function: Callable[_P, _R]) -> Callable[_P, _R]:
    @functools.wraps(function)
    def watched(*args: _P.args, **kwargs: _P.kwargs) -> _R:
        course = BodyRun(rules)
        enter(course.level)
        course.begin(args, kwargs)
        try:
            result = function(*args, **kwargs)
        except BaseException as error:
            course.fail(error)
            del course
            raise
        course.end(None, (result,))
        return result

    return watched


def _awaited(rules: WatchRules, function: Callable[_P, Awaitable[_R]]) -> Callable[_P, Awaitable[_R]]:
    @functools.wraps(function)
    async def watched(*args: _P.args, **kwargs: _P.kwargs) -> _R:
        course = BodyRun(rules)
        enter(course.level)
        course.begin(args, kwargs)
        try:
            result = await function(*args, **kwargs)
        except BaseException as error:
            course.fail(error)
            del course
            raise
        course.end(None, (result,))
        return result

    return watched


def _generator(
    rules: WatchRules, function: Callable[_P, Generator[object, object, object]]
) -> Callable[_P, Generator[object, object, object]]:
    @functools.wraps(function)
    def watched(*args: _P.args, **kwargs: _P.kwargs) -> Generator[object, object, object]:
        course = BodyRun(rules)
        course.begin(args, kwargs)
        try:
            result = yield from Resumed(course.level, function(*args, **kwargs))
        except BaseException as error:
            course.fail(error)
            del course
            raise
        course.end(None, (result,))
        return result

    return watched


def _async_generator(
    rules: WatchRules, function: Callable[_P, AsyncGenerator[object, object]]
) -> Callable[_P, AsyncGenerator[object, object]]:
    @functools.wraps(function)
    async def watched(*args: _P.args, **kwargs: _P.kwargs) -> AsyncGenerator[object, object]:
        course = BodyRun(rules)
        course.begin(args, kwargs)
        inside: Level | None = course.level
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
                    thrown, closed = error, error if isinstance(error, GeneratorExit) else None
        except BaseException as error:
            course.fail(error)
            del course
            raise
        course.end(closed)

    return watched


def _code(function: object) -> object:
    """What runs when it is called: a function, or what an object's class has for that."""
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
