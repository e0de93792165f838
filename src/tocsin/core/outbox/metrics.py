"""The outbox's metrics in Prometheus's text format, version 0.0.4, and the counters of one process behind them.

- Metric names are stable, since people's alarms name them.
- Every status has a sample, with 0 if no row has it: an alarm on an absent sample never fires.
- If the outbox cannot be read, ``tocsin_outbox_up`` is 0, and the metrics of its rows are left out, since old numbers would be wrong.
"""

from collections.abc import Iterator, Mapping, Sequence

import attrs

from tocsin.core.exposition import Samples, family
from tocsin.core.outbox.model import Row, Status, seconds_between
from tocsin.core.outbox.status import DestinationStatus
from tocsin.core.values import Value

ENDINGS = (Status.DELIVERED, Status.DELAYED, Status.DEAD, Status.UNKNOWN)
"""The statuses that a message may have after a try."""

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


@attrs.frozen(eq=False, repr=False)
class DrainCounters(Value):
    """Counters of the tries of one process.

    Args:
        tries: how many messages to a destination had a status after a try, in the order of the first tries.
        last_success: when a message last arrived, in seconds since 1970; None if none has.
    """

    tries: Mapping[tuple[str, Status], int] = attrs.field(factory=dict[tuple[str, Status], int], hash=False)
    last_success: float | None = None

    def after_try(self, rows: Sequence[Row]) -> "DrainCounters":
        """Return the counters after a try. ``rows`` are its rows after the try.

        >>> row = Row.new(key="run.load..0.0", destination="slack:TEAM", kind="PostToSlack", version=1, body="{}", at=0.0)
        >>> DrainCounters().after_try([attrs.evolve(row, status=Status.DELIVERED, ended=5.0)])
        DrainCounters(tries={('slack:TEAM', <Status.DELIVERED: 'delivered'>): 1}, last_success=5.0)
        """
        tries = dict(self.tries)
        for row in rows:
            tries[row.destination, row.status] = tries.get((row.destination, row.status), 0) + 1
        arrived = [row.ended for row in rows if row.status is Status.DELIVERED and row.ended is not None]
        return DrainCounters(tries, max(arrived, default=self.last_success))

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
    """

    at: float
    statuses: Sequence[DestinationStatus] | None
    counters: DrainCounters


def exposition(readings: Readings) -> str:
    """Return the metrics in Prometheus's text format.

    >>> print(exposition(Readings(0.0, None, DrainCounters())))
    # HELP tocsin_outbox_up Whether the outbox could be read.
    # TYPE tocsin_outbox_up gauge
    tocsin_outbox_up 0
    <BLANKLINE>
    """
    return "".join(_families(readings))


def _families(readings: Readings) -> Iterator[str]:
    statuses, counters = readings.statuses, readings.counters
    yield _family("up", "gauge", "Whether the outbox could be read.", [((), float(statuses is not None))])
    if statuses:
        yield _family("rows", "gauge", "Messages in the outbox, by status.", _row_samples(statuses))
        ages = [
            ((("destination", each.destination),), 0.0 if each.oldest is None else seconds_between(each.oldest, readings.at))
            for each in statuses
        ]
        yield _family("oldest_waiting_seconds", "gauge", "Age of the oldest message that waits; 0 where none does.", ages)
    if counters.tries:
        yield _family(
            "deliveries_total", "counter", "Messages that this process tried, by status after the try.", _try_samples(counters)
        )
    if counters.last_success is not None:
        name = "last_success_timestamp_seconds"
        yield _family(name, "gauge", "When a message of this process last arrived.", [((), counters.last_success)])


def _family(name: str, kind: str, text: str, samples: Samples) -> str:
    return family(f"tocsin_outbox_{name}", kind, text, samples)


def _row_samples(statuses: Sequence[DestinationStatus]) -> Samples:
    for each in statuses:
        for status, count in each.counts.items():
            yield (("destination", each.destination), ("status", status.value)), float(count)


def _try_samples(counters: DrainCounters) -> Samples:
    for destination in dict.fromkeys(destination for destination, _ in counters.tries):
        for status in ENDINGS:
            labels = (("destination", destination), ("outcome", status.value))
            yield labels, float(counters.tries.get((destination, status), 0))
