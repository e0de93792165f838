"""What a report says of each task and of the flow, whatever the output is made of."""

from datetime import timedelta

import attrs

from tocsin.core.changes import Change
from tocsin.core.outcomes import Ambiguous, Delivered, Outcome, Queued, Shown, Withheld
from tocsin.core.states import State
from tocsin.flows.report import Report


@attrs.frozen
class Row:
    """Something at the end: what it is called in the run, its state, the attempts it took, and how long the last one was."""

    name: str
    state: State
    attempts: int = 1
    duration: timedelta | None = None


def rows(report: Report) -> tuple[Row, ...]:
    """The tasks, in the order in which they were added to the flow."""
    last = {id(told.change.tracked_obj): told.change for told in report.changes}
    return tuple(_row(task.name, state, last.get(id(task))) for task, state in report.task_states.items())


def flow_row(report: Report) -> Row:
    """The flow."""
    last = {told.change.slug: told.change for told in report.changes}  # no task has the slug of its flow
    return _row(report.name, report.state, last.get(report.name))


def _row(name: str, state: State, last: Change | None) -> Row:
    return Row(name, state) if last is None else Row(last.slug, state, last.attempt, last.duration)


def told(outcome: Outcome) -> str:
    """An outcome in a few words."""
    return "delivered in a digest" if isinstance(outcome, Delivered) and outcome.in_digest is not None else fate(outcome)


def fate(outcome: Outcome) -> str:
    """An outcome in one word."""
    match outcome:
        case Delivered():
            return "delivered"
        case Queued():
            return "queued"
        case Withheld():
            return "withheld"
        case Shown():
            return "shown"
        case Ambiguous():
            return "unknown"
        case _:
            return "failed"
