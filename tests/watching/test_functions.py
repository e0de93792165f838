"""Watched functions keep their kind, and ``watch`` refuses what is no function with a helpful message."""

import asyncio
import functools
import inspect
import pickle
from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import contextmanager, suppress

import pytest

from tests.watching.watched_bodies import Seen, drive, raised, raising
from tocsin import Failed, Recording, Running, Success, slack_notifier, watch
from tocsin.core.effects import PostToSlack
from tocsin.watching.watch import Watch

SILENT = watch(state_handlers=[])
CANARY = "canary-7f3a"


@SILENT
def added(x: int, y: int = 1) -> int:
    """The sum."""
    return x + y


@SILENT
async def awaited(x: int) -> int:
    return x


@SILENT
def counting(n: int) -> Generator[int, int, str]:
    got = 0
    while got < n:
        got = yield got
    return "done"


@SILENT
async def listing(n: int) -> AsyncGenerator[int, None]:
    for number in range(n):
        yield number


class Loader:
    """Methods of all kinds, in both orders."""

    @watch(state_handlers=[])
    def method(self, x: int) -> tuple[type, int]:
        return type(self), x

    @classmethod
    @watch(state_handlers=[])
    def inner_class(cls, x: int) -> tuple[type, int]:
        return cls, x

    @watch(state_handlers=[])
    @classmethod
    def outer_class(cls, x: int) -> tuple[type, int]:
        return cls, x

    @staticmethod
    @watch(state_handlers=[])
    def inner_static(x: int) -> int:
        return x

    @watch(state_handlers=[])
    @staticmethod
    def outer_static(x: int) -> int:
        return x

    @property
    @watch(state_handlers=[])
    def size(self) -> int:
        return 3


class Caller:
    """A callable object whose call is async."""

    async def __call__(self, x: int) -> int:
        raise ValueError(x)


def test_each_kind_of_function_stays_what_it_is() -> None:
    asks = (inspect.iscoroutinefunction, inspect.isgeneratorfunction, inspect.isasyncgenfunction)
    kinds = [[ask(function) for ask in asks] for function in (added, awaited, counting, listing)]
    assert kinds == [[False] * 3, [True, False, False], [False, True, False], [False, False, True]]
    assert (added.__name__, added.__doc__, str(inspect.signature(added))) == ("added", "The sum.", "(x: int, y: int = 1) -> int")


def test_each_kind_of_method_is_bound_as_ever() -> None:
    loader = Loader()
    assert loader.method(1) == loader.inner_class(1) == loader.outer_class(1) == Loader.outer_class(1) == (Loader, 1)
    assert loader.inner_static(2) == Loader.inner_static(2) == loader.outer_static(2) == Loader.outer_static(2) == 2
    assert loader.size == 3


def test_a_function_of_a_module_pickles() -> None:
    assert pickle.loads(pickle.dumps(added)) is added
    assert added(2) == 3


def test_results_are_those_of_the_function() -> None:
    assert asyncio.run(awaited(5)) == 5
    assert list(counting(0)) == []

    async def main() -> list[int]:
        return [number async for number in listing(3)]

    assert asyncio.run(main()) == [0, 1, 2]


def test_a_generator_is_driven_as_if_it_were_not_watched() -> None:
    items = counting(3)
    assert [next(items), items.send(1), items.send(2)] == [0, 1, 2]
    with pytest.raises(StopIteration) as stopped:
        items.send(3)
    assert stopped.value.value == "done"


def resilient() -> Generator[str, None, str]:
    while True:
        try:
            yield "item"
        except KeyError as error:
            yield f"caught {type(error.__context__).__name__}"


def test_what_is_thrown_into_a_generator_is_thrown_into_the_body() -> None:
    seen = Seen()
    items = watch("job", state_handlers=[seen])(resilient)()
    assert next(items) == "item"
    assert items.throw(KeyError("x")) == "caught NoneType"
    assert next(items) == "item"
    assert items.throw(KeyError) == "caught NoneType"
    error = ValueError("x")
    with pytest.raises(ValueError, match="x") as caught:
        items.throw(error)
    assert caught.value is error
    assert [(type(new), new.result) for _, new in seen.changes] == [(Running, None), (Failed, error)]


@pytest.mark.filterwarnings("ignore:the .type, exc, tb. signature:DeprecationWarning")
def test_a_generator_takes_the_old_way_to_throw() -> None:
    items = SILENT(resilient)()
    next(items)
    error = KeyError("x")
    assert items.throw(KeyError, error, error.__traceback__) == "caught NoneType"


def test_a_generator_that_is_closed_early_has_succeeded() -> None:
    seen = Seen()
    items = watch("job", state_handlers=[seen])(resilient)()
    next(items)
    items.close()
    assert [new for _, new in seen.changes] == [Running(), Success("closed before its end")]


@contextmanager
@watch("opened", state_handlers=[slack_notifier(only_states=[Failed, Success])])
def opened() -> Generator[str, None, None]:
    with suppress(KeyError):
        yield "open"


def in_context(error: BaseException | None) -> None:
    with opened() as word:
        assert word == "open"
        raising(error)()


@pytest.mark.parametrize(
    ("error", "comes_out", "title"),
    [(None, False, "Success"), (KeyError("handled"), False, "Success"), (ValueError("not handled"), True, "Failed")],
)
def test_a_generator_can_be_a_context_manager(
    error: BaseException | None, comes_out: bool, title: str, notifications: Recording
) -> None:
    assert raised(lambda: in_context(error)) is (error if comes_out else None)
    assert f"title='{title}'" in repr(notifications.effects)


def test_arguments_that_do_not_fit_are_a_failure() -> None:
    seen = Seen()
    job = watch("job", state_handlers=[seen])
    words = "missing 1 required positional argument"
    with pytest.raises(TypeError, match=words):
        job(added)()  # type: ignore[call-arg]  # as in code that has no types
    with pytest.raises(TypeError, match=words):
        drive(job(awaited)())  # type: ignore[call-arg]
    with pytest.raises(TypeError, match=words):
        next(job(counting)())  # type: ignore[call-arg]
    with pytest.raises(TypeError, match=words):
        asyncio.run(_first(job(listing)()))  # type: ignore[call-arg]
    assert [type(new) for _, new in seen.changes] == [Running, Failed] * 4


async def _first(items: AsyncGenerator[int, None]) -> None:
    await anext(items)


def test_a_generator_that_was_never_begun_was_never_run() -> None:
    seen = Seen()
    watch("job", state_handlers=[seen])(resilient)().close()
    assert seen.changes == []


async def stubborn() -> AsyncGenerator[str, str]:
    try:
        while True:
            yield "item"
    except KeyError:
        yield "caught"
    except GeneratorExit:
        return


def test_an_async_generator_is_driven_as_if_it_were_not_watched() -> None:
    seen = Seen()

    async def main() -> None:
        items = watch("job", state_handlers=[seen])(stubborn)()
        assert [await anext(items), await items.asend("x"), await items.athrow(KeyError("x"))] == ["item", "item", "caught"]
        with pytest.raises(StopAsyncIteration):
            await anext(items)

    asyncio.run(main())
    assert [new for _, new in seen.changes] == [Running(), Success()]


async def relayed() -> AsyncGenerator[str, str]:
    items = stubborn()
    try:
        yield await anext(items)
    finally:
        await items.aclose()


@pytest.mark.parametrize("function", [stubborn, relayed])
def test_an_async_generator_that_is_closed_early_has_succeeded(function: Callable[[], AsyncGenerator[str, str]]) -> None:
    seen = Seen()

    async def main() -> None:
        items = watch("job", state_handlers=[seen])(function)()
        await anext(items)
        await items.aclose()

    asyncio.run(main())
    assert [new for _, new in seen.changes] == [Running(), Success("closed before its end")]


def test_an_object_whose_call_is_async_is_awaited() -> None:
    seen = Seen()
    error = raised(lambda: drive(watch("job", state_handlers=[seen])(Caller())(3)))
    assert [(type(new), new.result) for _, new in seen.changes] == [(Running, None), (Failed, error)]


def test_the_name_is_the_functions(notifications: Recording) -> None:
    def load(x: int) -> int:
        return x

    handlers = [slack_notifier(only_states=[Success])]
    unnamed = watch(state_handlers=handlers)
    assert unnamed(functools.partial(functools.partial(load), 3))() == 3
    assert watch(name="nightly", state_handlers=handlers)(load)(3) == 3
    drive_error = raised(lambda: drive(unnamed(Caller())(1)))
    assert isinstance(drive_error, ValueError)
    names = [effect.payload.text.split(" is now")[0] for effect in notifications.effects if isinstance(effect, PostToSlack)]
    assert names == ["load", "nightly"]


def test_arguments_results_and_locals_are_in_no_message(notifications: Recording) -> None:
    class Broken(Exception):
        pass

    @watch(state_handlers=[slack_notifier(traceback=True)])
    def returning(secret: str, *, word: str) -> Exception:
        return Broken(secret + word)

    @watch(state_handlers=[slack_notifier(traceback=True)])
    def failing(secret: str, *, word: str) -> None:
        kept = secret + word
        raise Broken(len(kept))

    returning(CANARY, word=CANARY)
    assert isinstance(raised(lambda: failing(CANARY, word=CANARY)), Broken)
    assert len(notifications.effects) == 4
    assert CANARY not in repr(notifications.effects)


def test_arguments_and_results_are_in_messages_on_request(notifications: Recording) -> None:
    class Hostile:
        def __repr__(self) -> str:
            raise LookupError("no repr")

    @watch(state_handlers=[slack_notifier], show_arguments=True, show_result=True)
    def load(path: str, *, weird: object) -> str:
        return path * 1000

    load("a.csv", weird=Hostile())
    first, last = (effect for effect in notifications.effects if isinstance(effect, PostToSlack))
    shown = "path='a.csv', weird=&lt;Hostile object whose repr raised LookupError&gt;"
    assert [field.value for field in first.payload.fields if field.title == "Arguments"] == [f"```{shown}```"]
    results = [field.value for field in last.payload.fields if field.title == "Result"]
    assert "more characters" in results[0]


def test_a_watch_says_what_it_is() -> None:
    assert repr(watch("nightly load")) == "watch('nightly load')"
    assert isinstance(watch(), Watch)


class Klass:
    """A class, which cannot be watched."""


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (Klass, "watch takes a function, not the class Klass: write @watch above a method of it"),
        (3, "watch takes a function or a name, not 3: write @watch, or with watch('nightly load')"),
        (property(len), "watch takes a function or a name, not <property"),
        ("", "a name is a str that is not empty, not ''"),
    ],
)
def test_what_cannot_be_watched_is_refused(wrong: object, words: str) -> None:
    with pytest.raises(TypeError) as caught:
        watch(wrong)  # type: ignore[call-overload]  # as in code that has no types
    assert str(caught.value).startswith(words)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"state_handlers": slack_notifier}, "state_handlers takes a list of handlers"),
        ({"state_handlers": ["slack"]}, "state_handlers takes callables, and 'slack' is none"),
        ({"on_failure": 3}, "callback_factory: fn takes a function, not 3"),
        ({"retell": 1}, "watch: retell takes True or False, not 1"),
        ({"show_arguments": "yes"}, "watch: show_arguments takes True or False, not 'yes'"),
        ({"show_result": None}, "watch: show_result takes True or False, not None"),
        ({"name": 5}, "a name is a str that is not empty, not 5"),
        ({"retel": True}, "watch() got an unexpected keyword argument 'retel'"),
    ],
)
def test_an_option_that_makes_no_sense_is_refused_when_it_is_written(options: dict[str, object], words: str) -> None:
    with pytest.raises(TypeError) as caught:
        watch(**options)  # type: ignore[call-overload]  # as in code that has no types
    assert str(caught.value).startswith(words)
    assert "\n" not in str(caught.value)


def test_a_function_and_options_are_given_one_after_the_other() -> None:
    with pytest.raises(TypeError, match=r"a function or options, not both: write watch\(\.\.\.\)\(added\)"):
        watch(added, name="sum")  # type: ignore[call-overload]  # as in code that has no types
    with pytest.raises(TypeError, match="watch takes one name, not both 'a' and 'b'"):
        watch("a", name="b")
