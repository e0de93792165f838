"""``still_running``: while a body runs longer, a message says so after the time, and after twice, four times ... as long."""

import asyncio
import os
import subprocess
import sys
import threading
import time
from collections.abc import AsyncGenerator, Callable, Generator
from datetime import timedelta

import pytest

from tests.eventually import eventually
from tocsin import (
    Failed,
    Outcome,
    Recording,
    State,
    WatchedRun,
    current_run,
    gmail_notifier,
    interpreting,
    slack_notifier,
    watch,
)
from tocsin.core.effects import Effect
from tocsin.core.outcomes import Delivered
from tocsin.core.text import span
from tocsin.core.validation import invoke
from tocsin.shell.history.silences import silence

SOON = timedelta(milliseconds=200)
FAILURES = slack_notifier(only_states=[Failed])


def posted(recording: Recording) -> list[str]:
    return [post.payload.fallback for post in recording.slack]


def doublings() -> list[str]:
    return [f"load is still running after {span(2**at * SOON)}" for at in range(12)]


def test_it_is_told_after_the_time_and_after_twice_and_four_times_that(notifications: Recording) -> None:
    began = time.monotonic()
    with watch("load", state_handlers=[FAILURES, gmail_notifier(only_states=[Failed])], still_running=SOON) as run:
        run.note("7 rows were skipped")
        eventually(lambda: len(posted(notifications)) == 3)
        took = time.monotonic() - began
    told = posted(notifications)[:3]
    assert told[0] == doublings()[0]
    assert [text for text in doublings() if text in told] == told  # a machine that is busy leaves some out
    assert took >= 0.2 * 2 ** doublings().index(told[2])
    assert [mail.mail.subject for mail in notifications.mail][:3] == told
    (post, *_) = notifications.slack
    assert (post.payload.title, post.payload.text) == ("Running", "load is now in a Running state")
    assert ("Note", "7 rows were skipped") in [(field.title, field.value) for field in post.payload.fields]
    assert "Message" not in [field.title for field in post.payload.fields]


def test_it_has_the_progress(notifications: Recording) -> None:
    with watch("load", state_handlers=[FAILURES], still_running=SOON) as run:
        run.progress(0, 3000)
        time.sleep(0.01)
        run.progress(1200, 3000)
        eventually(lambda: len(posted(notifications)) == 1)
    assert posted(notifications)[0].startswith("load is still running after 200 ms: 1,200 of 3,000 (40 %)")


def test_a_run_that_ends_before_is_told_as_ever(notifications: Recording) -> None:
    with watch("load", state_handlers=[slack_notifier], still_running=SOON) as run:
        pass
    time.sleep(0.4)
    assert [text.partition(" after")[0] for text in posted(notifications)] == ["load started", "load succeeded"]
    assert run.report is not None
    assert "still running" not in run.report.explain()


def test_it_is_on_the_report(notifications: Recording) -> None:
    with watch("load", state_handlers=[FAILURES], still_running=SOON) as run:
        eventually(lambda: len(posted(notifications)) == 1)
    assert run.report is not None
    assert "load: said 'is still running after 200 ms'" in run.report.explain()


@watch("load", state_handlers=[FAILURES], still_running=SOON)
def plain() -> None:
    time.sleep(0.3)


@watch("load", state_handlers=[FAILURES], still_running=SOON)
async def asynchronous() -> None:
    await asyncio.sleep(0.3)


@watch("load", state_handlers=[FAILURES], still_running=SOON)
def generating() -> Generator[int]:
    yield 1
    yield 2


@watch("load", state_handlers=[FAILURES], still_running=SOON)
async def generating_asynchronously() -> AsyncGenerator[int]:
    yield 1
    yield 2


def consume() -> None:
    for _ in generating():
        time.sleep(0.15)


async def consume_asynchronously() -> None:
    async for _ in generating_asynchronously():
        await asyncio.sleep(0.15)


async def block() -> None:
    async with watch("load", state_handlers=[FAILURES], still_running=SOON):
        await asyncio.sleep(0.3)


@pytest.mark.parametrize(
    "body",
    [plain, lambda: asyncio.run(asynchronous()), consume, lambda: asyncio.run(consume_asynchronously()), lambda: asyncio.run(block())],
    ids=["plain", "async", "generator", "async generator", "async block"],
)
def test_each_kind_of_body_has_it(body: Callable[[], None], notifications: Recording) -> None:
    body()
    assert posted(notifications)[0] == "load is still running after 200 ms"
    before = len(posted(notifications))
    time.sleep(0.4)
    assert len(posted(notifications)) == before


def test_many_runs_are_told_by_one_thread(notifications: Recording) -> None:
    with (
        watch("one", state_handlers=[FAILURES], still_running=SOON),
        watch("two", state_handlers=[FAILURES], still_running=SOON),
        watch("three", state_handlers=[FAILURES], still_running=SOON),
    ):
        eventually(lambda: len(posted(notifications)) >= 3)
        assert len([thread for thread in threading.enumerate() if thread.name == "tocsin_timers"]) == 1
    assert {f"{name} is still running after 200 ms" for name in ("one", "two", "three")} <= set(posted(notifications))


def test_a_handler_that_is_slow_delays_no_body(notifications: Recording) -> None:
    def stuck(run: WatchedRun, old: State, new: State) -> None:
        if new.is_running():
            time.sleep(0.3)

    with watch("load", state_handlers=[stuck, FAILURES], still_running=SOON):
        began = time.monotonic()
        time.sleep(0.25)
        assert time.monotonic() - began < 10
        eventually(lambda: len(posted(notifications)) == 1)


class Sending:
    """An interpreter that counts as one that sends."""

    notify = "live"

    def __init__(self) -> None:
        self.effects: list[Effect] = []

    def __call__(self, effect: Effect, /) -> Outcome:
        self.effects.append(effect)
        return Delivered()


@pytest.mark.tocsin_live
def test_a_silence_holds() -> None:
    sending = Sending()
    silence("quiet load", time.time() - 60, time.time() + 100)
    try:
        with interpreting(sending), watch("quiet load", state_handlers=[FAILURES], still_running=SOON) as run:
            time.sleep(0.4)
    finally:
        silence("quiet load", time.time() - 60, time.time() - 1)
    assert sending.effects == []
    assert run.report is not None
    assert "silenced" in run.report.explain()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
def test_a_forked_child_tells_nothing_of_the_run_of_its_parent(notifications: Recording) -> None:
    with watch("load", state_handlers=[FAILURES], still_running=SOON):
        if (pid := os.fork()) == 0:  # pragma: no cover - in the child
            before = len(notifications.effects)
            time.sleep(0.5)
            os._exit(len(notifications.effects) - before)
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
        eventually(lambda: len(posted(notifications)) >= 1)


def test_a_program_ends_with_its_last_body() -> None:
    program = """
from datetime import timedelta
import tocsin
with tocsin.interpreting(tocsin.Recording()):
    tocsin.watch("load", state_handlers=[tocsin.slack_notifier], still_running=timedelta(hours=2)).__enter__()
print("over")
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout) == (0, "over\n")


@pytest.mark.parametrize("wrong", [7200, "2h", timedelta(0), timedelta(seconds=-1), timedelta(milliseconds=99), True])
def test_what_is_no_time_is_one_line(wrong: object) -> None:
    with pytest.raises(TypeError, match=r"^watch: still_running takes a timedelta of 100 ms or more, not .*: write still_running="):
        invoke(watch, "load", still_running=wrong)


def test_the_longest_time_is_taken() -> None:
    with watch("load", state_handlers=[], still_running=timedelta.max):
        assert current_run() is not None


def test_a_function_with_options_and_a_time_is_refused() -> None:
    with pytest.raises(TypeError, match="watch takes a function or options, not both"):
        invoke(watch, plain, still_running=SOON)
