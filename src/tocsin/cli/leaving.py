"""What would really leave after a dry run, in lines for people and as JSON."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta

from tocsin.core.delivery.leaving import Departure, Leaving, Pacing, leaving, whom
from tocsin.core.effects import Effect
from tocsin.core.text import one_line, span
from tocsin.shell import queues
from tocsin.shell.config.defaults import mails
from tocsin.shell.config.load import configuration

_SECOND = timedelta(seconds=1)


def would_leave(recorded: Sequence[tuple[Effect, datetime]], ended: datetime) -> Leaving:
    """Return what would leave of the recorded effects by the configured delivery. ``ended`` is the aware time at which the work ended.

    A command waits for its messages as long as for an outcome, and then exits, which takes at most the exit timeout.
    """
    delivery = configuration().delivery
    pacing = Pacing(
        gmail=mails(configuration()),
        max_queue=delivery.max_queue,
        exit_timeout=delivery.exit_timeout,
        outbox=delivery.outbox,
    )
    return leaving(recorded, ended + timedelta(seconds=queues.EXIT_TIMEOUT), pacing)


def leaving_lines(summary: Leaving) -> Iterator[str]:
    """Yield the summary for people: a line on all, then one for each audience.

    >>> [*leaving_lines(Leaving(()))]
    ['no message would leave']
    """
    departures, groups = summary.departures, _by_audience(summary)
    if not summary.messages:
        yield "no message would leave"
        return
    sent = len(departures)
    folded = "" if sent == summary.messages - summary.unsent else f" as {sent:,}"
    over = f", over {_span(departures)}" if sent > 1 and departures[-1].at - departures[0].at >= _SECOND else ""
    yield f"would leave: {_counted(summary.messages - summary.unsent, 'message')}{folded}{over}"
    for people, group in groups.items():
        yield f"  {people}: {_kinds(group)}, {_when(group)}"
    if summary.unsent:
        yield f"would not leave before the program ends: {_counted(summary.unsent, 'message')}; an outbox keeps them (delivery.outbox)"
    if stays := sum(each.count for each in departures if each.stays):
        yield f"of these, in the outbox when the program ends: {_counted(stays, 'message')}"


def leaving_json(summary: Leaving) -> dict[str, object]:
    """Return the summary as a JSON object. Times are ISO 8601 in UTC."""
    return {
        "messages": summary.messages,
        "sent": len(summary.departures),
        "digests": sum(each.count > 1 for each in summary.departures),
        "unsent": summary.unsent,
        "calls": summary.calls,
        "to": [
            {
                "to": people,
                "messages": sum(each.count for each in group),
                "digests": [each.count for each in group if each.count > 1],
                "first": group[0].at.astimezone(UTC).isoformat(),
                "last": group[-1].at.astimezone(UTC).isoformat(),
            }
            for people, group in _by_audience(summary).items()
        ],
    }


def _by_audience(summary: Leaving) -> dict[str, list[Departure]]:
    groups: dict[str, list[Departure]] = {}
    for each in summary.departures:
        groups.setdefault(one_line(whom(each.message)), []).append(each)
    return groups


def _kinds(group: Sequence[Departure]) -> str:
    single = sum(each.count == 1 for each in group)
    digests = [f"{each.count:,}" for each in group if each.count > 1]
    many = f"{len(digests)} digests of" if len(digests) > 1 else "a digest of"
    folded = [f"{many} {', '.join(digests[:-1])}{' and ' if digests[1:] else ''}{digests[-1]}"] if digests else []
    return " and ".join([*([_counted(single, "message")] if single else []), *folded])


def _when(group: Sequence[Departure]) -> str:
    first, last = (each.at.astimezone(UTC) for each in (group[0], group[-1]))
    if last - first < _SECOND:
        return f"at {first:%H:%M:%S} UTC"
    return f"from {first:%H:%M:%S} to {last:%H:%M:%S} UTC, {span(last - first)}"


def _span(departures: Sequence[Departure]) -> str:
    return span(departures[-1].at - departures[0].at)


def _counted(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"
