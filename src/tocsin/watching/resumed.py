"""A generator driven for another one: what is inside it is inside its run, and what happens between its items is not."""

from collections.abc import Generator
from types import TracebackType

from typing_extensions import override

from tocsin.core.invoke import invoke
from tocsin.watching.levels import Level, enter


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
