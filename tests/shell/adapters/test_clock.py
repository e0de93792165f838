"""The system clock."""

from datetime import timedelta

from tocsin.shell.adapters import SystemClock


def test_now_is_aware_and_waiting_ends_in_time() -> None:
    clock = SystemClock()
    moment = clock.now() + timedelta(seconds=0.03)
    assert moment.utcoffset() is not None
    clock.sleep_until(moment)
    assert moment <= clock.now() < moment + timedelta(seconds=1)
    clock.sleep_until(moment)
    assert clock == SystemClock()
