"""The system clock."""

import time
from datetime import timedelta

from tocsin.shell.adapters import SystemClock
from tocsin.shell.adapters.clock import timer_of


def test_now_is_aware_and_waiting_ends_in_time() -> None:
    clock = SystemClock()
    moment = clock.now() + timedelta(seconds=0.03)
    assert moment.utcoffset() is not None
    clock.sleep_until(moment)
    assert moment <= clock.now() < moment + timedelta(seconds=1)
    clock.sleep_until(moment)
    assert clock == SystemClock()


def test_the_system_clock_is_a_timer_too() -> None:
    clock = SystemClock()
    timer, before = timer_of(clock), time.monotonic()
    assert timer is clock
    assert before <= timer.monotonic() <= time.monotonic()
    timer.wait(0.03)
    assert time.monotonic() - before >= 0.03
