"""One watch can be used many times, concurrently and in any order, and no run is confused with another."""

import asyncio
import contextvars
import gc
import sys
import threading
import weakref
from collections.abc import AsyncGenerator, Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress

import pytest

from tests.watching.watched_bodies import Seen, raised
from tocsin import Failed, Recording, Running, State, Success, slack_notifier, watch
from tocsin.core.effects import PostToSlack
from tocsin.watching import current_run
from tocsin.watching.context import WatchedRun
from tocsin.watching.options import watch_rules
from tocsin.watching.run import BodyRun


class Ends:
    """A handler that records the last state of each run by its id."""

    def __init__(self) -> None:
        self.by_run: dict[str, State] = {}

    def __call__(self, run: WatchedRun, old: State, new: State) -> None:
        self.by_run[run.run_id] = new

    def kinds(self) -> list[str]:
        return sorted(type(state).__name__ for state in self.by_run.values())


def test_one_watch_nested_in_itself() -> None:
    ends = Ends()
    again = watch("again", state_handlers=[ends])
    with again as outer:
        with pytest.raises(ValueError, match="inner"), again as inner:
            raise ValueError("inner")
        assert current_run() is outer
    assert type(ends.by_run[inner.run_id]) is Failed
    assert type(ends.by_run[outer.run_id]) is Success


def test_one_watch_in_two_threads_at_once() -> None:
    ends, both = Ends(), threading.Barrier(2, timeout=30)
    shared = watch("shared", state_handlers=[ends])

    def work(fails: bool) -> tuple[str, bool]:
        with shared as run:
            both.wait()
            if fails:
                raise ValueError(run.run_id)
            return run.run_id, fails

    with ThreadPoolExecutor(2) as pool:
        fine, failed = pool.submit(work, False), pool.submit(work, True)
        error = failed.exception()
    assert type(ends.by_run[fine.result()[0]]) is Success
    assert type(ends.by_run[str(error)]) is Failed
    assert repr(shared) == "watch('shared')"


def test_one_function_called_by_many_tasks_at_once() -> None:
    ends = Ends()

    @watch(state_handlers=[ends])
    async def fetch(number: int) -> str:
        await asyncio.sleep(0)
        run = current_run()
        assert run is not None
        if number % 2:
            raise ValueError(number)
        return run.run_id

    async def main() -> list[str | BaseException]:
        return await asyncio.gather(*(fetch(number) for number in range(6)), return_exceptions=True)

    results = asyncio.run(main())
    assert ends.kinds() == ["Failed"] * 3 + ["Success"] * 3
    assert len({result for result in results if isinstance(result, str)}) == 3


def test_each_turn_of_a_recursion_is_a_run() -> None:
    ends = Ends()

    @watch(state_handlers=[ends])
    def depth(n: int) -> int:
        return 0 if n == 0 else 1 + depth(n - 1)

    assert depth(5) == 5
    assert ends.kinds() == ["Success"] * 6


def test_a_recursion_without_end_fails_as_ever() -> None:
    @watch(state_handlers=[slack_notifier])
    def endless(n: int) -> int:
        return endless(n + 1)

    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(400)
    try:
        assert isinstance(raised(lambda: _call(endless, 0)), RecursionError)
    finally:
        sys.setrecursionlimit(limit)


def opened(name: str) -> Generator[WatchedRun | None, None, None]:
    with watch(name, state_handlers=[]) as run:
        yield run


def test_what_a_generator_leaves_open_is_forgotten_once_it_is_over() -> None:
    suspended = opened("suspended")
    run = next(suspended)
    assert current_run() is run
    with watch("around", state_handlers=[]) as around:
        suspended.close()
        assert current_run() is around
    assert current_run() is None


def test_generators_that_close_in_the_order_in_which_they_opened() -> None:
    first, second = opened("first"), opened("second")
    runs = next(first), next(second)
    first.close()
    assert current_run() is runs[1]
    second.close()
    assert current_run() is None


def test_a_watched_generator_is_open_only_while_it_runs() -> None:
    @watch("items", state_handlers=[])
    def items() -> Generator[str, None, None]:
        with watch("within", state_handlers=[]):
            for _ in range(2):
                run = current_run()
                assert run is not None
                yield run.name

    with watch("around", state_handlers=[]) as around:
        names = []
        for name in items():
            assert current_run() is around
            names.append(name)
    assert names == ["within", "within"]


def test_a_watched_async_generator_is_open_only_while_it_runs() -> None:
    @watch("items", state_handlers=[])
    async def items() -> AsyncGenerator[str, None]:
        for _ in range(2):
            await asyncio.sleep(0)
            run = current_run()
            assert run is not None
            yield run.name

    async def main() -> None:
        async for name in items():
            assert (name, current_run()) == ("items", None)

    asyncio.run(main())


def test_a_block_may_close_in_another_context_than_it_opened_in() -> None:
    seen = Seen()
    job = watch("job", state_handlers=[seen])
    with watch("elsewhere", state_handlers=[]):
        contextvars.Context().run(job.__enter__)
        job.__exit__(None, None, None)
        job.__exit__(None, None, None)
    assert [type(new).__name__ for _, new in seen.changes] == ["Running", "Success"]


def test_a_block_closes_what_was_opened_in_its_own_context() -> None:
    ends = Ends()
    job = watch("job", state_handlers=[ends])
    elsewhere = contextvars.Context()
    with job as mine:
        other = elsewhere.run(job.__enter__)
        error = ValueError("no rows")
    assert (type(ends.by_run[mine.run_id]).__name__, type(ends.by_run[other.run_id]).__name__) == ("Success", "Running")
    elsewhere.run(job.__exit__, ValueError, error, None)
    assert type(ends.by_run[other.run_id]) is Failed


def test_a_run_ends_once() -> None:
    seen = Seen()
    run = BodyRun(watch_rules("job", [seen]))
    run.begin()
    run.end(None)
    run.end(ValueError("no rows"))
    assert [type(new) for _, new in seen.changes] == [Running, Success]


def test_a_stack_may_hold_one_watch_twice() -> None:
    ends = Ends()
    twice = watch("twice", state_handlers=[ends])
    with ExitStack() as stack:
        runs = {stack.enter_context(twice).run_id for _ in range(2)}
    assert (len(runs), ends.kinds()) == (2, ["Success", "Success"])


def test_nothing_of_a_failed_call_is_kept_alive() -> None:
    class Big:
        """Data of a body."""

    kept: list[weakref.ref[Big]] = []

    @watch(state_handlers=[slack_notifier])
    def work() -> None:
        big = Big()
        kept.append(weakref.ref(big))
        raise ValueError("too big")

    @watch(state_handlers=[slack_notifier])
    def items() -> Generator[None, None, None]:
        yield work()

    gc.disable()
    try:
        for body in (work, lambda: next(items())):
            with suppress(ValueError):
                body()
        assert [ref() for ref in kept] == [None, None]
    finally:
        gc.enable()


def _call(function: Callable[[int], int], number: int) -> None:
    function(number)


def test_an_id_names_a_run(notifications: Recording) -> None:
    for _ in range(2):
        with watch("load", state_handlers=[slack_notifier]):
            pass
    keys = [effect.key.run_id for effect in notifications.effects if isinstance(effect, PostToSlack)]
    assert [keys[0] == keys[1], keys[2] == keys[3], len(set(keys))] == [True, True, 2]
