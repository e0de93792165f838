"""Timers: calls in time and in order by one thread, which ends with them; none in a forked child; they keep no process alive."""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from functools import partial
from itertools import pairwise
from typing import NoReturn

import pytest

from tests.eventually import eventually
from tocsin.shell import timers
from tocsin.shell.timers import Timer, call_at

TIMEOUT = 10.0
forks = pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")


@pytest.fixture
def made() -> Iterator[list[Timer]]:
    """Timers that are cancelled at the end of the test. A call wakes the thread, which then ends."""
    made = list[Timer]()
    yield made
    for timer in made:
        timer.cancel()
    call_at(time.monotonic(), lambda: None)
    eventually(lambda: thread() is None)


def thread() -> threading.Thread | None:
    """Return the thread that makes the calls, if there is one."""
    return next((each for each in threading.enumerate() if each.name == "tocsin_timers"), None)


def test_calls_are_made_in_the_order_of_their_times_by_one_thread(made: list[Timer]) -> None:
    now, seen = time.monotonic(), list[tuple[str, float, threading.Thread]]()

    def call(name: str) -> None:
        seen.append((name, time.monotonic() - now, threading.current_thread()))

    for name, seconds in (("third", 0.3), ("first", 0.1), ("second", 0.2)):
        made.append(call_at(now + seconds, partial(call, name)))
    eventually(lambda: len(seen) == 3)
    assert [name for name, _, _ in seen] == ["first", "second", "third"]
    assert all(after >= due for (_, after, _), due in zip(seen, (0.1, 0.2, 0.3), strict=True))
    assert len({each for _, _, each in seen}) == 1
    eventually(lambda: thread() is None)


def test_a_call_is_made_again_at_the_time_that_it_returns(made: list[Timer]) -> None:
    seen = list[float]()

    def call() -> float | None:
        seen.append(time.monotonic())
        return time.monotonic() + 0.05 if len(seen) < 3 else None

    made.append(call_at(time.monotonic(), call))
    eventually(lambda: len(seen) == 3)
    eventually(lambda: thread() is None)
    assert all(later - earlier >= 0.05 for earlier, later in pairwise(seen))


def test_a_cancelled_call_is_not_made(made: list[Timer]) -> None:
    seen = list[str]()
    cancelled = call_at(time.monotonic() + 0.1, lambda: seen.append("cancelled"))
    made.append(call_at(time.monotonic() + 0.2, lambda: seen.append("made")))
    cancelled.cancel()
    cancelled.cancel()
    eventually(lambda: seen == ["made"])


def test_a_call_may_cancel_itself(made: list[Timer]) -> None:
    seen = list[int]()

    def call() -> float:
        seen.append(1)
        made[0].cancel()
        return time.monotonic()

    made.append(Timer(call, 0.0))
    timers._timers.add(made[0])
    eventually(lambda: thread() is None)
    assert seen == [1]


def test_a_call_that_raises_is_the_last_one_of_its_timer(made: list[Timer]) -> None:
    seen = list[int]()

    def call() -> NoReturn:
        seen.append(1)
        raise SystemExit

    made.append(call_at(time.monotonic(), call))
    made.append(call_at(time.monotonic() + 0.1, lambda: seen.append(2)))
    eventually(lambda: seen == [1, 2])
    eventually(lambda: thread() is None)


def test_a_time_beyond_all_clocks_is_waited_for(made: list[Timer]) -> None:
    seen = threading.Event()
    made.append(call_at(1e300, lambda: None))
    made.append(call_at(time.monotonic(), seen.set))
    assert seen.wait(TIMEOUT)


def test_where_no_thread_can_start_the_next_timer_starts_it(made: list[Timer], monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: threading.Thread) -> NoReturn:
        raise RuntimeError("can't start new thread")

    seen = list[int]()
    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", refuse)
        made.append(call_at(time.monotonic(), lambda: seen.append(1)))
    assert thread() is None
    made.append(call_at(time.monotonic(), lambda: seen.append(2)))
    eventually(lambda: sorted(seen) == [1, 2])


@forks
def test_a_child_has_no_calls_of_its_parent_and_makes_its_own(made: list[Timer]) -> None:
    seen, there = list[str](), threading.Event()
    made.append(call_at(time.monotonic() + 0.2, lambda: seen.append("of the parent")))
    if (pid := os.fork()) == 0:  # pragma: no cover - in the child
        call_at(time.monotonic() + 0.4, there.set)
        os._exit(0 if there.wait(TIMEOUT) and seen == [] else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    eventually(lambda: seen == ["of the parent"])


def test_they_do_not_keep_a_process_alive() -> None:
    program = "from tocsin.shell.timers import call_at; call_at(1e9, lambda: None); print('over')"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=TIMEOUT, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "over\n", "")
