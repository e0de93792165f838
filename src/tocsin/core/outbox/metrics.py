"""The outbox's metrics in Prometheus's text format, version 0.0.4, and the counters of one process behind them.

- Metric names are stable, since people's alarms name them.
- Every status has a sample, with 0 if no row has it: an alarm on an absent sample never fires.
- If the outbox cannot be read, ``tocsin_outbox_up`` is 0, and the metrics of its rows are left out, since old numbers would be wrong.
- A message counts into the time to delivery when this process delivers it. The time is known from its row, which is in memory anyway.
"""

from collections.abc import Iterator, Mapping, Sequence

import attrs

from tocsin.core.exposition import Labels, Samples, family, head, lines
from tocsin.core.outbox.model import Row, Status, seconds_between
from tocsin.core.outbox.status import DestinationStatus
from tocsin.core.values import Value

ENDINGS = (Status.DELIVERED, Status.DELAYED, Status.DEAD, Status.UNKNOWN)
"""The statuses that a message may have after a try."""

BOUNDS = (1, 2, 5, 10, 30, 60, 300, 900, 3600, 21_600, 86_400)
"""The upper bounds of the buckets of the histogram of times to delivery, in seconds: from a second to a day."""

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

_OUTBOX = "tocsin_outbox_"  # the beginning of names


@attrs.frozen(eq=False, repr=False)
class Latencies(Value):
    """How long messages to one destination took from the outbox to their delivery.

    Args:
        counts: the number of messages in each bucket, that is between two of the ``BOUNDS``; the last bucket has no upper bound.
        seconds: the sum of their times.
    """

    counts: tuple[int, ...] = (0,) * (len(BOUNDS) + 1)
    seconds: float = 0.0

    def plus(self, seconds: float) -> "Latencies":
        """Return the times with one more.

        >>> Latencies().plus(1.0).plus(1.5).counts[:3], Latencies().plus(100_000.0).counts[-1]
        ((1, 1, 0), 1)
        """
        bucket = sum(bound < seconds for bound in BOUNDS)
        counts = (*self.counts[:bucket], self.counts[bucket] + 1, *self.counts[bucket + 1 :])
        return Latencies(counts, self.seconds + seconds)


@attrs.frozen(eq=False, repr=False)
class DrainCounters(Value):
    """Counters of the tries of one process.

    Args:
        tries: how many messages to a destination had a status after a try, in the order of the first tries.
        last_success: when a message last arrived, in seconds since 1970; None if none has.
        latencies: the times to delivery, by destination.
    """

    tries: Mapping[tuple[str, Status], int] = attrs.field(factory=dict[tuple[str, Status], int], hash=False)
    last_success: float | None = None
    latencies: Mapping[str, Latencies] = attrs.field(factory=dict[str, Latencies], hash=False, repr=False)

    def after_try(self, rows: Sequence[Row]) -> "DrainCounters":
        """Return the counters after a try. ``rows`` are its rows after the try.

        >>> row = Row.new(key="run.load..0.0", destination="slack:TEAM", kind="PostToSlack", version=1, body="{}", at=0.0)
        >>> DrainCounters().after_try([attrs.evolve(row, status=Status.DELIVERED, ended=5.0)])
        DrainCounters(tries={('slack:TEAM', <Status.DELIVERED: 'delivered'>): 1}, last_success=5.0)
        """
        tries, latencies = dict(self.tries), dict(self.latencies)
        for row in rows:
            tries[row.destination, row.status] = tries.get((row.destination, row.status), 0) + 1
            if row.status is Status.DELIVERED and row.ended is not None:
                before = latencies.get(row.destination, Latencies())
                latencies[row.destination] = before.plus(seconds_between(row.made, row.ended))
        arrived = [row.ended for row in rows if row.status is Status.DELIVERED and row.ended is not None]
        return DrainCounters(tries, max(arrived, default=self.last_success), latencies)

    def count(self, status: Status) -> int:
        """Return how many tries ended with a status."""
        return sum(count for (_, tried), count in self.tries.items() if tried is status)

    def __str__(self) -> str:
        return ", ".join(f"{self.count(status):,} {status.value}" for status in ENDINGS if self.count(status)) or "nothing was due"


@attrs.frozen
class Readings:
    """The values that the metrics are made of.

    Args:
        at: the moment of reading, in seconds since 1970.
        statuses: the status of each destination; None if the outbox could not be read.
        counters: the counters of this process.
        enqueued: how many messages were put into the outbox, by any program, since this process began to look.
        build: the versions of tocsin and of Python, as labels.
    """

    at: float
    statuses: Sequence[DestinationStatus] | None
    counters: DrainCounters
    enqueued: int = 0
    build: Labels = ()


def exposition(readings: Readings) -> str:
    """Return the metrics in Prometheus's text format.

    >>> print(exposition(Readings(0.0, None, DrainCounters(), build=(("version", "0.1.0"),))))
    # HELP tocsin_build_info The versions of tocsin and of Python.
    # TYPE tocsin_build_info gauge
    tocsin_build_info{version="0.1.0"} 1
    # HELP tocsin_outbox_up Whether the outbox could be read.
    # TYPE tocsin_outbox_up gauge
    tocsin_outbox_up 0
    <BLANKLINE>
    """
    return "".join(_families(readings))


def _families(readings: Readings) -> Iterator[str]:
    statuses, counters = readings.statuses, readings.counters
    yield family("tocsin_build_info", "gauge", "The versions of tocsin and of Python.", [(readings.build, 1.0)])
    yield family(f"{_OUTBOX}up", "gauge", "Whether the outbox could be read.", [((), float(statuses is not None))])
    if statuses:
        yield family(f"{_OUTBOX}rows", "gauge", "Messages in the outbox, by status.", _row_samples(statuses))
        ages = [
            ((("destination", each.destination),), 0.0 if each.oldest is None else seconds_between(each.oldest, readings.at))
            for each in statuses
        ]
        oldest = f"{_OUTBOX}oldest_waiting_seconds"
        yield family(oldest, "gauge", "Age of the oldest message that waits; 0 where none does.", ages)
    if statuses is not None:
        enqueued = "Messages put into the outbox, by any program, since this process began to look."
        yield family(f"{_OUTBOX}enqueued_total", "counter", enqueued, [((), float(readings.enqueued))])
    if counters.tries:
        deliveries = "Messages that this process tried, by status after the try."
        yield family(f"{_OUTBOX}deliveries_total", "counter", deliveries, _try_samples(counters))
    if counters.latencies:
        yield _histogram(f"{_OUTBOX}delivery_latency_seconds", "Time from the outbox to the delivery.", counters.latencies)
    if counters.last_success is not None:
        name = f"{_OUTBOX}last_success_timestamp_seconds"
        yield family(name, "gauge", "When a message of this process last arrived.", [((), counters.last_success)])


def _histogram(name: str, text: str, latencies: Mapping[str, Latencies]) -> str:
    parts = [head(name, "histogram", text)]
    for destination, found in latencies.items():
        own = ("destination", destination)
        bounds = (*(str(bound) for bound in BOUNDS), "+Inf")
        totals = (float(sum(found.counts[:end])) for end in range(1, len(bounds) + 1))
        parts += (
            lines(f"{name}_bucket", (((own, ("le", bound)), total) for bound, total in zip(bounds, totals, strict=True))),
            lines(f"{name}_sum", [((own,), found.seconds)]),
            lines(f"{name}_count", [((own,), float(sum(found.counts)))]),
        )
    return "".join(parts)


def _row_samples(statuses: Sequence[DestinationStatus]) -> Samples:
    for each in statuses:
        for status, count in each.counts.items():
            yield (("destination", each.destination), ("status", status.value)), float(count)


def _try_samples(counters: DrainCounters) -> Samples:
    for destination in dict.fromkeys(destination for destination, _ in counters.tries):
        for status in ENDINGS:
            labels = (("destination", destination), ("outcome", status.value))
            yield labels, float(counters.tries.get((destination, status), 0))
