"""Moments and ages of rows, in words. What a row holds is hostile: a moment that is none is taken for the nearest one that is."""

from datetime import UTC, datetime, timedelta

from tocsin.core.messages.text import span

_LATEST = 253_402_214_400.0  # the last day of the year 9999


def moment(seconds: float) -> datetime:
    """Seconds since 1970 as a moment, in UTC.

    >>> moment(0.0).isoformat(), moment(float("inf")).year, moment(float("nan")).year
    ('1970-01-01T00:00:00+00:00', 9999, 1970)
    """
    return datetime.fromtimestamp(_bounded(seconds), UTC)


def seconds_between(then: float, at: float) -> float:
    """How many seconds passed from then to a moment: none where a clock was set back.

    >>> seconds_between(10.0, 70.0), seconds_between(70.0, 10.0)
    (60.0, 0.0)
    """
    return max(_bounded(at) - _bounded(then), 0.0)


def aged(then: float, at: float) -> str:
    """The same, in words.

    >>> aged(10.0, 262.0)
    '4 m 12 s'
    """
    return lasting(seconds_between(then, at))


def lasting(seconds: float) -> str:
    """A number of seconds in words.

    >>> lasting(252.0), lasting(0.0)
    ('4 m 12 s', 'less than 1 ms')
    """
    return span(timedelta(seconds=_bounded(seconds)))


def _bounded(seconds: float) -> float:
    return min(max(0.0, seconds), _LATEST)
