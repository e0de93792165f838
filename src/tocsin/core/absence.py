"""Absence: whether a run that was expected did not start, and what people are to be told of it. Pure.

- A label is expected at an interval (``Every``), counted from its last start, or once a day at a time of the clock (``Daily``). A label
  that has not run since it was expected counts from then.
- A day is a civil day in the zone. A time that a day lacks or has twice, where clocks change, has two readings: a run counts from the
  earlier one, and is missed only after the later one.
- A label is not overdue while a run of it is open and within its time limit.
- A miss is reported once. Misses that one check finds make one message. While no run comes, a further expected run is a further miss,
  but at an interval of less than a day only the first of a day is.
- The clock may be set. A start in the future counts as now; one of more than a day ahead is ignored.
"""

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta, tzinfo

import attrs

from tocsin.core.states import aware
from tocsin.core.text import span
from tocsin.core.values import Value

DAY = timedelta(days=1)
EARLY = timedelta(minutes=1)
"""How long before the time of day a run may start and count: clocks are set by a little, and schedulers are early by a little."""

_NO_TIME = timedelta(0)
_SAME = timedelta(seconds=1)  # the start of one run is computed anew at its end, by the clock as it stands then


def _positive(_: object, attribute: "attrs.Attribute[timedelta]", value: timedelta) -> None:
    if value <= _NO_TIME:
        raise ValueError(f"{attribute.name} must be longer than 0, not {value!r}")


def _not_negative(_: object, attribute: "attrs.Attribute[timedelta]", value: timedelta) -> None:
    if value < _NO_TIME:
        raise ValueError(f"{attribute.name} must be 0 or longer, not {value!r}")


@attrs.frozen(eq=False, repr=False)
class Every(Value):
    """A run is due one ``interval`` after the start of the last one. An interval of 0 or less is a ValueError."""

    interval: timedelta = attrs.field(validator=_positive)

    def __str__(self) -> str:
        return f"every {span(self.interval)}"


@attrs.frozen(eq=False, repr=False)
class Daily(Value):
    """A run is due once in each civil day of the zone, at a time of the clock without a zone of its own."""

    at: time
    zone: tzinfo

    def __str__(self) -> str:
        return f"at {self.at:%H:%M} {self.zone}"


@attrs.frozen(eq=False, repr=False)
class Expectation(Value):
    """What is expected of a label.

    Args:
        label: the label.
        schedule: when a run is due.
        grace: how long after that the run may start. A negative duration is a ValueError.
        since: when it was expected first, an aware datetime. A naive one is a ValueError.
    """

    label: str
    schedule: Every | Daily
    grace: timedelta = attrs.field(validator=_not_negative)
    since: datetime = attrs.field(validator=aware)

    def __str__(self) -> str:
        return f"{self.schedule}, grace {span(self.grace) if self.grace else 'none'}"


@attrs.frozen(eq=False, repr=False)
class OpenRun(Value):
    """A run that has not ended: its start (aware), and how long it may take; None for no limit."""

    started: datetime = attrs.field(validator=aware)
    limit: timedelta | None = None

    def is_within_limit(self, now: datetime) -> bool:
        """Return whether the run may still be at work."""
        return self.limit is None or now - self.started <= self.limit


@attrs.frozen(eq=False, repr=False)
class LastRun(Value):
    """The last run of a label that is known.

    Args:
        started: its start, an aware datetime.
        ended: whether it has ended.
        failed: whether it failed; None if that is not known, or if it has not ended.
    """

    started: datetime = attrs.field(validator=aware)
    ended: bool = True
    failed: bool | None = None


@attrs.frozen(eq=False, repr=False)
class Seen(Value):
    """What is known of the runs of a label: the last one that started, or None, and those that are open."""

    last: LastRun | None = None
    underway: tuple[OpenRun, ...] = ()


@attrs.frozen(eq=False, repr=False)
class ToldMiss(Value):
    """A miss of which people were told.

    Args:
        due: when its run was due, an aware datetime.
        after: the start of the last run before the miss, an aware datetime; None if there was none.
    """

    due: datetime
    after: datetime | None = None


@attrs.frozen(eq=False, repr=False)
class Absence(Value):
    """A label is overdue: since when the last run that is worth a message was due, in UTC, and how many runs were missed."""

    due: datetime
    missed: int = 1


@attrs.frozen(eq=False, repr=False)
class Missed(Value):
    """People are to be told of a miss. ``told`` is what to remember once they are."""

    absence: Absence
    told: ToldMiss


@attrs.frozen(eq=False, repr=False)
class Recovered(Value):
    """The label runs again after a miss that was told. Unless ``failed``, people are to be told: a failure tells of itself."""

    told: ToldMiss
    started: datetime
    failed: bool


def last_start(starts: Sequence[datetime], now: datetime) -> datetime | None:
    """Return the latest of the starts, at most now; None if there is none.

    >>> now = datetime(2026, 3, 1, 12, tzinfo=UTC)
    >>> last_start([datetime(2026, 3, 1, 3, tzinfo=UTC), datetime(2030, 1, 1, tzinfo=UTC)], now).isoformat()
    '2026-03-01T03:00:00+00:00'
    """
    return max((min(start, now) for start in starts if start - now <= DAY), default=None)


def deadline(expected: Expectation, seen: Seen, now: datetime) -> datetime:
    """Return from when on the label is overdue if no run starts, in UTC. All times are aware.

    >>> daily = Expectation("load", Daily(time(3), UTC), timedelta(hours=1), since=datetime(2026, 3, 1, 12, tzinfo=UTC))
    >>> deadline(daily, Seen(), daily.since).isoformat()
    '2026-03-02T04:00:00+00:00'
    """
    schedule = expected.schedule
    if isinstance(schedule, Every):
        return _base(expected, seen, now) + schedule.interval + expected.grace
    return _due(schedule, _first_unmet(schedule, expected, seen, now)) + expected.grace


def absence(expected: Expectation, seen: Seen, now: datetime) -> Absence | None:
    """Return how a label is overdue, or None if it is not. All times are aware.

    >>> at = datetime(2026, 3, 1, 3, tzinfo=UTC)
    >>> daily = Expectation("load", Every(timedelta(hours=24)), timedelta(hours=1), since=at)
    >>> absence(daily, Seen(), at + timedelta(hours=24))
    >>> absence(daily, Seen(), at + timedelta(hours=50)).missed
    2
    """
    if any(run.is_within_limit(now) for run in seen.underway) or now < deadline(expected, seen, now):
        return None
    schedule, late = expected.schedule, now - expected.grace
    if isinstance(schedule, Every):
        base = _base(expected, seen, now)
        missed = (late - base) // schedule.interval
        each = -(-DAY // schedule.interval)  # of so many misses, the first is worth a message
        return Absence(base + (1 + (missed - 1) // each * each) * schedule.interval, missed)
    first = _first_unmet(schedule, expected, seen, now)
    day = max(_day(late, schedule) + DAY, first)
    while day > first and (_due(schedule, day) > late or not _exists(schedule, day)):
        day -= DAY
    return Absence(_due(schedule, day), (day - first).days + 1)


def decide(expected: Expectation, seen: Seen, told: ToldMiss | None, now: datetime) -> Missed | Recovered | None:
    """Return what there is to tell, or None.

    Args:
        expected: what is expected of the label.
        seen: its runs.
        told: the last miss that was told and has not recovered; None if there is none.
        now: the current time, an aware datetime.
    """
    last, found = _last(seen, now), absence(expected, seen, now)
    ran = told is not None and last is not None and (told.after is None or last - told.after > _SAME)
    if found is not None:
        return Missed(found, ToldMiss(found.due, last)) if told is None or ran or found.due > told.due else None
    if told is None or last is None or seen.last is None or not ran or not seen.last.ended:
        return None
    return Recovered(told, last, bool(seen.last.failed))


def describe_miss(expected: Expectation, absent: Absence, seen: Seen) -> str:
    """Return a sentence about a miss."""
    last = "it never ran" if seen.last is None else f"its last run started at {_written(seen.last.started, expected)}"
    count = "" if absent.missed == 1 else f"; {absent.missed:,} runs were missed"
    return f"no run started by {_written(absent.due + expected.grace, expected)}, and {last}{count}"


def describe_recovery(expected: Expectation, recovered: Recovered) -> str:
    """Return a sentence about a recovery."""
    started, due = _written(recovered.started, expected), _written(recovered.told.due, expected)
    return f"it runs again: a run started at {started}, after that of {due} was missed"


def miss_id(expected: Expectation, told: ToldMiss) -> str:
    """Return the id of a miss, 16 hexadecimal digits: the same for all processes that tell of it."""
    from hashlib import sha256  # slow to load, and seldom needed

    return sha256(f"{expected.label}\0{told.due.timestamp()!r}".encode()).hexdigest()[:16]


def _written(moment: datetime, expected: Expectation) -> str:
    zone = expected.schedule.zone if isinstance(expected.schedule, Daily) else expected.since.tzinfo
    return f"{moment.astimezone(zone):%Y-%m-%d %H:%M %Z}"


def _last(seen: Seen, now: datetime) -> datetime | None:
    return None if seen.last is None else last_start([seen.last.started], now)


def _base(expected: Expectation, seen: Seen, now: datetime) -> datetime:
    """Return the moment from which an interval counts, in UTC: arithmetic inside a zone would ignore that its clocks change."""
    since, last = min(expected.since, now), _last(seen, now)
    return (since if last is None else max(since, last)).astimezone(UTC)


def _readings(schedule: Daily, day: date) -> tuple[datetime, datetime]:
    """Return the two readings of the time on a day, in UTC, the earlier one first. They are equal unless the clocks change there."""
    read = [datetime.combine(day, schedule.at, schedule.zone).replace(fold=fold).astimezone(UTC) for fold in (0, 1)]
    return min(read), max(read)


def _exists(schedule: Daily, day: date) -> bool:
    """Return whether the zone has the day: one that moves across the date line leaves a day out."""
    return day in {_day(reading, schedule) for reading in _readings(schedule, day)}


def _due(schedule: Daily, day: date) -> datetime:
    return _readings(schedule, day)[1]


def _day(moment: datetime, schedule: Daily) -> date:
    return moment.astimezone(schedule.zone).date()


def _first_unmet(schedule: Daily, expected: Expectation, seen: Seen, now: datetime) -> date:
    """Return the first day whose run has not started."""
    since, last = min(expected.since, now), _last(seen, now)
    met = since if last is None else max(since, last + EARLY)
    day = _day(met, schedule) - DAY
    while _readings(schedule, day)[0] <= met or not _exists(schedule, day):
        day += DAY
    return day
