"""The metrics of runs, by label, for the textfile collector of node_exporter.

- Metric names are stable, since people's alarms name them.
- What is not known of a label has no sample: a last success, if it never succeeded; an exit status, if a signal ended the command.
- Only a label that is expected has ``tocsin_run_overdue``, with 0 while it is on time.
"""

from collections.abc import Iterator, Mapping, Sequence

import attrs

from tocsin.core.exposition import family
from tocsin.core.values import Value


@attrs.frozen(eq=False, repr=False)
class LabelMetrics(Value):
    """The last ended run of a label.

    Args:
        label: the label.
        ended: its end, in seconds since 1970.
        duration: how long it took, in seconds.
        failed: whether it failed; None if it is neither a failure nor a success.
        status: the exit status of the command; None if there is none.
        last_success: the end of the last success, in seconds since 1970; None if there was none.
    """

    label: str
    ended: float
    duration: float
    failed: bool | None
    status: int | None
    last_success: float | None


def run_exposition(runs: Sequence[LabelMetrics], overdue: Mapping[str, bool]) -> str:
    """Return the metrics in Prometheus's text format. ``overdue`` says for each expected label whether it is overdue.

    >>> print(run_exposition([], {"load": True}))
    # HELP tocsin_run_overdue Whether an expected run has not started in time.
    # TYPE tocsin_run_overdue gauge
    tocsin_run_overdue{label="load"} 1
    <BLANKLINE>
    """
    return "".join(_families(runs, overdue))


def _families(runs: Sequence[LabelMetrics], overdue: Mapping[str, bool]) -> Iterator[str]:
    last = "of the last run that ended"
    yield _family("last_success_timestamp_seconds", "When a run last succeeded.", {run.label: run.last_success for run in runs})
    yield _family("last_end_timestamp_seconds", f"End {last}.", {run.label: run.ended for run in runs})
    yield _family("last_duration_seconds", f"Duration {last}.", {run.label: run.duration for run in runs})
    yield _family("last_failed", "Whether the last run that ended failed.", {run.label: run.failed for run in runs})
    yield _family("last_exit_status", f"Exit status {last}.", {run.label: run.status for run in runs})
    yield _family("overdue", "Whether an expected run has not started in time.", overdue)


def _family(name: str, text: str, values: Mapping[str, float | None]) -> str:
    samples = [((("label", label),), float(value)) for label, value in values.items() if value is not None]
    return family(f"tocsin_run_{name}", "gauge", text, samples) if samples else ""
