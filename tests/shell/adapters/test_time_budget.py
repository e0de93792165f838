"""Deadlines of a thread, and waits that are ended early."""

import math
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.shell.adapters.clock import SystemTimer, hurried_by
from tocsin.shell.adapters.time_limits import Deadline, seconds_left, with_deadline, with_shared_deadline

moments = st.floats(-1e6, 1e6)
LONG = 60.0  # seconds; no test waits so long


def test_there_is_no_deadline_at_first() -> None:
    assert seconds_left() == seconds_left(5.0) == math.inf


@given(moments, st.floats(0, 1e6))
def test_what_is_left_is_counted_from_now(moment: float, before: float) -> None:
    with with_deadline(moment):
        assert seconds_left(moment - before) == moment - (moment - before)
        assert seconds_left(moment + before) == 0.0
    assert seconds_left(moment) == math.inf


@given(moments, moments, moments)
def test_of_two_moments_the_earlier_one_counts(outer: float, inner: float, deadline: float) -> None:
    bound = Deadline()
    with with_deadline(outer):
        with with_deadline(inner), with_shared_deadline(bound):
            assert seconds_left(-1e7) == min(outer, inner) + 1e7
            bound.moment = deadline  # as another thread would set it while this one works
            assert seconds_left(-1e7) == min(outer, inner, deadline) + 1e7
        assert seconds_left(-1e7) == outer + 1e7


def test_a_deadline_that_is_not_set_is_none() -> None:
    with with_shared_deadline(Deadline()):
        assert seconds_left() == math.inf


def test_it_is_over_as_well_where_something_was_raised() -> None:
    def fail(bound: Deadline) -> None:
        with with_deadline(1.0), with_shared_deadline(bound):
            bound.moment = 1.0
            raise OSError

    with pytest.raises(OSError, match=r"^$"):
        fail(Deadline())
    assert seconds_left(0.0) == math.inf


def test_without_a_moment_it_is_now() -> None:
    with with_deadline(time.monotonic() + LONG):
        assert LONG / 2 < seconds_left() <= LONG


def test_it_is_the_threads_own() -> None:
    with ThreadPoolExecutor(1) as others, with_deadline(0.0):
        assert (seconds_left(), others.submit(seconds_left).result()) == (0.0, math.inf)


@pytest.mark.parametrize("seconds", [0.0, -1.0, -math.inf])
def test_no_time_is_not_waited_for(seconds: float) -> None:
    nudge = threading.Event()
    nudge.set()
    with hurried_by(nudge):
        SystemTimer().wait(seconds)
    assert nudge.is_set()  # only a wait that blocks uses up the nudge
    SystemTimer().wait(seconds)


def test_a_wait_is_as_long_as_it_is_asked_to_be() -> None:
    timer = SystemTimer()
    for nudge in (None, threading.Event()):
        began = timer.monotonic()
        if nudge is None:
            timer.wait(0.05)
        else:
            with hurried_by(nudge):
                timer.wait(0.05)
        assert timer.monotonic() - began >= 0.04  # Windows counts in steps of 16 ms


def test_a_nudge_ends_one_wait_and_no_more() -> None:
    timer, nudge = SystemTimer(), threading.Event()
    with hurried_by(nudge):
        nudge.set()
        began = timer.monotonic()
        timer.wait(LONG)
        assert timer.monotonic() - began < LONG / 2
        assert not nudge.is_set()


def test_a_nudge_ends_the_wait_that_is_under_way() -> None:
    timer, nudge = SystemTimer(), threading.Event()
    with hurried_by(nudge), ThreadPoolExecutor(1) as others:
        nudged = others.submit(nudge.set)
        timer.wait(LONG)
        nudged.result()


def test_outside_the_block_nothing_nudges() -> None:
    timer, nudge = SystemTimer(), threading.Event()
    with hurried_by(nudge):
        pass
    nudge.set()
    timer.wait(0.01)
    assert nudge.is_set()
