"""What became of the messages that one process drained: how many tries to each destination ended how, and when one last arrived.

Metrics of an outbox in Prometheus's text format, version 0.0.4. What they are called is a promise: people's alarms name them.

- A name of a destination is hostile: it is escaped, and never cut, since two samples with the same labels would spoil them all.
- Every status has a sample, 0 where there is nothing: an alarm that asks for what is absent never rings.
- Where the outbox could not be read, ``tocsin_outbox_up`` is 0, and what it holds is left out: old numbers would be lies.
"""

from collections.abc import Iterable, Iterator, Sequence

import attrs

from tocsin.core.outbox.model import Row, Status, seconds_between
from tocsin.core.outbox.status import DestinationStatus
from tocsin.core.values import Value

ENDINGS = (Status.DELIVERED, Status.DELAYED, Status.DEAD, Status.UNKNOWN)
"""Where a message may stand after a try."""


@attrs.frozen(eq=False, repr=False)
class TryCount(Value):
    """How many messages to a destination stood so after a try."""

    destination: str
    status: Status
    count: int


@attrs.frozen(eq=False, repr=False)
class DrainCounters(Value):
    """All that was tried so far.

    Args:
        tries: in the order in which they first came.
        last_success: when a message last arrived, in seconds since 1970; None where none has.
    """

    tries: tuple[TryCount, ...] = ()
    last_success: float | None = None

    def noted(self, rows: Sequence[Row]) -> "DrainCounters":
        """The reckoning after a try, of which these are the rows from then on.

        >>> row = Row.new(key="run.load..0.0", destination="slack:TEAM", kind="PostToSlack", version=1, body="{}", at=0.0)
        >>> DrainCounters().noted([attrs.evolve(row, status=Status.DELIVERED, ended=5.0)])
        DrainCounters(tries=(Tries(destination='slack:TEAM', status=<Status.DELIVERED: 'delivered'>, count=1),), last_success=5.0)
        """
        counts = {(tried.destination, tried.status): tried.count for tried in self.tries}
        for row in rows:
            counts[row.destination, row.status] = counts.get((row.destination, row.status), 0) + 1
        arrived = [row.ended for row in rows if row.status is Status.DELIVERED and row.ended is not None]
        tries = tuple(TryCount(destination, status, count) for (destination, status), count in counts.items())
        return DrainCounters(tries, max(arrived, default=self.last_success))

    def count(self, status: Status) -> int:
        """How many tries ended so."""
        return sum(tried.count for tried in self.tries if tried.status is status)

    def __str__(self) -> str:
        return ", ".join(f"{self.count(status):,} {status.value}" for status in ENDINGS if self.count(status)) or "nothing was due"


CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

Labels = tuple[tuple[str, str], ...]
Samples = Iterable[tuple[Labels, float]]


@attrs.frozen
class Readings:
    """What is known at a moment.

    Args:
        at: the moment, in seconds since 1970.
        standings: how each destination stands; None where the outbox could not be read.
        reckoning: what this process drained.
    """

    at: float
    standings: Sequence[DestinationStatus] | None
    reckoning: DrainCounters


def exposition(readings: Readings) -> str:
    """The metrics, as Prometheus reads them.

    >>> print(exposition(Readings(0.0, None, DrainCounters())))
    # HELP tocsin_outbox_up Whether the outbox could be read.
    # TYPE tocsin_outbox_up gauge
    tocsin_outbox_up 0
    <BLANKLINE>
    """
    return "".join(_families(readings))


def _families(readings: Readings) -> Iterator[str]:
    known = readings.standings
    yield _family("up", "gauge", "Whether the outbox could be read.", [((), float(known is not None))])
    if known:
        yield _family("rows", "gauge", "Messages in the outbox, by where they stand.", _rows(known))
        waits = [((("destination", each.destination),), _oldest(each, readings.at)) for each in known]
        yield _family("oldest_waiting_seconds", "gauge", "Age of the oldest message that waits; 0 where none does.", waits)
    reckoning = readings.reckoning
    if reckoning.tries:
        yield _family("deliveries_total", "counter", "Messages that this process tried, by where they stood then.", _tries(reckoning))
    if reckoning.last_success is not None:
        name = "last_success_timestamp_seconds"
        yield _family(name, "gauge", "When a message of this process last arrived.", [((), reckoning.last_success)])


def _family(name: str, kind: str, text: str, samples: Samples) -> str:
    full = f"tocsin_outbox_{name}"
    lines = (f"{full}{_labels(labels)} {_number(value)}\n" for labels, value in samples)
    return f"# HELP {full} {text}\n# TYPE {full} {kind}\n{''.join(lines)}"


def _rows(known: Sequence[DestinationStatus]) -> Samples:
    for each in known:
        for status, count in each.counts.items():
            yield (("destination", each.destination), ("status", status.value)), float(count)


def _tries(reckoning: DrainCounters) -> Samples:
    counts = {(tried.destination, tried.status): tried.count for tried in reckoning.tries}
    for destination in dict.fromkeys(tried.destination for tried in reckoning.tries):
        for status in ENDINGS:
            labels = (("destination", destination), ("outcome", status.value))
            yield labels, float(counts.get((destination, status), 0))


def _oldest(standing: DestinationStatus, at: float) -> float:
    return 0.0 if standing.oldest is None else seconds_between(standing.oldest, at)


def _labels(labels: Labels) -> str:
    pairs = ",".join(f'{name}="{_escaped(value)}"' for name, value in labels)
    return f"{{{pairs}}}" if pairs else ""


def _escaped(text: str) -> str:
    """The value of a label: backslash, quote and new line are escaped, as the format has it; nothing else there is special."""
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def _number(value: float) -> str:
    return str(int(value)) if value.is_integer() else f"{value:.3f}"
