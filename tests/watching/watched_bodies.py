"""All ways to watch one body, so that a test can check each."""

from collections.abc import AsyncGenerator, Callable, Coroutine, Generator, Iterable

import attrs
import pytest

from tocsin import Recording, State, Tracked, interpreting, watch
from tocsin.core.effects import PostToSlack
from tocsin.watching.options import WatchHandler

Body = Callable[[], None]
Way = Callable[[Body, Iterable[WatchHandler]], None]
"""Runs and watches a body under the name "job"."""


@attrs.frozen
class Seen:
    """A user's handler that records the changes it gets."""

    changes: list[tuple[type[State], State]] = attrs.field(factory=list[tuple[type[State], State]])

    def __call__(self, tracked_obj: Tracked, old: State, new: State) -> None:
        assert tracked_obj.name == "job"
        self.changes.append((type(old), new))


def drive(coroutine: Coroutine[object, object, object]) -> None:
    """Run a coroutine that never waits, without a loop, which would wrap its exceptions."""
    with pytest.raises(StopIteration):
        coroutine.send(None)


def raised(body: Body) -> BaseException | None:
    """Run a body, and return its exception."""
    try:
        body()
    except BaseException as error:
        return error
    return None


def raising(error: BaseException | None) -> Body:
    """Return a body that raises the error, or does nothing."""

    def body() -> None:
        if error is not None:
            raise error

    return body


def slack_texts(act: Body) -> list[str]:
    """Run a body, and return the texts that Slack would show."""
    with interpreting(Recording()) as recording:
        raised(act)
    return [effect.payload.fallback for effect in recording.effects if isinstance(effect, PostToSlack)]


def function(body: Body, handlers: Iterable[WatchHandler]) -> None:
    @watch(name="job", state_handlers=handlers)
    def watched() -> None:
        body()

    watched()


def block(body: Body, handlers: Iterable[WatchHandler]) -> None:
    with watch("job", state_handlers=handlers):
        body()


def coroutine(body: Body, handlers: Iterable[WatchHandler]) -> None:
    @watch("job", state_handlers=handlers)
    async def watched() -> None:
        body()

    drive(watched())


def async_block(body: Body, handlers: Iterable[WatchHandler]) -> None:
    async def main() -> None:
        async with watch("job", state_handlers=handlers):
            body()

    drive(main())


def generator(body: Body, handlers: Iterable[WatchHandler]) -> None:
    @watch("job", state_handlers=handlers)
    def watched() -> Generator[int, None, None]:
        yield 1
        body()

    assert list(watched()) == [1]


def async_generator(body: Body, handlers: Iterable[WatchHandler]) -> None:
    @watch("job", state_handlers=handlers)
    async def watched() -> AsyncGenerator[int, None]:
        yield 1
        body()

    async def main() -> None:
        assert [item async for item in watched()] == [1]

    drive(main())


WAYS: tuple[Way, ...] = (function, block, coroutine, async_block, generator, async_generator)
