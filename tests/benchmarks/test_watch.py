"""Overhead of watching a call that sends no message."""

import asyncio
from collections.abc import Iterator
from timeit import Timer

from tests.benchmarks.ratios import Rivals
from tocsin import Failed, slack_notifier, watch

TELL = [slack_notifier(only_states=[Failed])]


def work(number: int = 1) -> int:
    """Work as a short function does: about 20 µs."""
    return sum(range(1000 * number))


def items() -> Iterator[int]:
    """Yield one item."""
    yield 1


async def nothing() -> None:
    """Do nothing."""


async def often(calls: int, *, watched: bool) -> None:
    """Call a coroutine function ``calls`` times, watched or not."""
    function = watch(state_handlers=TELL)(nothing) if watched else nothing
    for _ in range(calls):
        await function()


def bare() -> None:
    """Do nothing."""


def test_a_call(rivals: Rivals) -> None:
    ours = Timer("watched()", globals={"watched": watch(state_handlers=TELL)(bare)})
    limit = Timer("bare()", globals={"bare": bare})
    # 30 µs, on a machine where a bare call takes 0.04 µs
    rivals.measure("watch, a call", 750, ours, limit, calls=300, rounds=150, unit="µs")


def test_a_call_of_a_short_function(rivals: Rivals) -> None:
    ours = Timer("watched()", globals={"watched": watch(state_handlers=TELL)(work)})
    limit = Timer("work()", globals={"work": work})
    rivals.measure("watch, a call that takes some 20 µs", 2.5, ours, limit, calls=100, rounds=100, unit="µs")


def test_a_block(rivals: Rivals) -> None:
    ours = Timer("with watched: pass", globals={"watched": watch("block", state_handlers=TELL)})
    limit = Timer("bare()", globals={"bare": bare})
    rivals.measure("watch, a block, against a bare call", 750, ours, limit, calls=300, rounds=150, unit="µs")


def test_a_generator(rivals: Rivals) -> None:
    ours = Timer("for _ in watched(): pass", globals={"watched": watch(state_handlers=TELL)(items)})
    limit = Timer("for _ in items(): pass", globals={"items": items})
    rivals.measure("watch, a generator of one item", 300, ours, limit, calls=300, rounds=150, unit="µs")


def test_a_coroutine(rivals: Rivals) -> None:
    names = {"run": asyncio.run, "often": often}
    ours = Timer("run(often(300, watched=True))", globals=names)
    limit = Timer("run(often(300, watched=False))", globals=names)
    rivals.measure("watch, a coroutine", 300, ours, limit, calls=1, rounds=50, share=300, unit="µs")
