"""What a report says of each task and of the flow, whatever the output is made of.

A report for people: one line a task, one for the flow, and one for the notifications.

A report for programs: one JSON object on one line, in ASCII.

It holds what became of the run, and no result: of one only the type is named, since a result may be as large as it likes. Times are
ISO 8601 with their zone, durations are seconds, and what is not known is null.
"""

import json
from collections import Counter
from collections.abc import Iterable
from datetime import timedelta

import attrs
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from tocsin.cli.terminal import color_style, plain_text
from tocsin.core.changes import Change
from tocsin.core.effects import CallBack, Effect, PostToSlack, SendEmail
from tocsin.core.machine import Announcement
from tocsin.core.messages.text import cut, describe, one_line, span
from tocsin.core.outcomes import Ambiguous, Delivered, Fault, Outcome, Queued, Shown, Withheld
from tocsin.core.states import State
from tocsin.flows.report import Report
from tocsin.shell.adapters.redaction import redact
from tocsin.shell.interpreters.base import Delivery


@attrs.frozen
class TaskRow:
    """Something at the end: what it is called in the run, its state, the attempts it took, and how long the last one was."""

    name: str
    state: State
    attempts: int = 1
    duration: timedelta | None = None


def task_rows(report: Report) -> tuple[TaskRow, ...]:
    """The tasks, in the order in which they were added to the flow."""
    last = {id(told.change.tracked_obj): told.change for told in report.changes}
    return tuple(_row(task.name, state, last.get(id(task))) for task, state in report.task_states.items())


def flow_row(report: Report) -> TaskRow:
    """The flow."""
    last = {told.change.slug: told.change for told in report.changes}  # no task has the slug of its flow
    return _row(report.name, report.state, last.get(report.name))


def _row(name: str, state: State, last: Change | None) -> TaskRow:
    return TaskRow(name, state) if last is None else TaskRow(last.slug, state, last.attempt, last.duration)


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


_LONGEST_CELL = 300  # characters of a message
_NAME = 60


def as_table(report: Report) -> RenderableType:
    """The tasks with their states, each in its colour; then the flow, and how its notifications went."""
    table = Table.grid(padding=(0, 2))
    for row in task_rows(report):
        table.add_row(*_cells(row))
    table.add_row(*_cells(flow_row(report), "bold"))
    return Group(table, plain_text(_summary(report), "dim"))


def _cells(row: TaskRow, style: str = "") -> Iterable[Text]:
    state, took = row.state, "" if row.duration is None else span(row.duration)
    yield plain_text(cut(one_line(row.name), _NAME), style)
    yield plain_text(f"● {type(state).__name__}", color_style(state.color))
    yield plain_text(took)
    yield plain_text(cut(one_line(state.message or ""), _LONGEST_CELL))


def _summary(report: Report) -> str:
    fates = Counter(told(delivery.outcome) for delivery in report.deliveries)
    sent = ", ".join(f"{count} {words}" for words, count in fates.items()) or "none"
    faults = len(report.faults)
    return f"notifications: {sent}{f'; handlers and filters that raised: {faults}' if faults else ''}"


_LONGEST_TEXT = 10_000  # characters of one text


def as_json(report: Report) -> str:
    """The report as a JSON object; known secrets are redacted."""
    whole = {
        **_row_json(flow_row(report)),
        "run_id": report.run_id,
        "tasks": [_row_json(row) for row in task_rows(report)],
        "changes": [_change(told) for told in report.changes],
        "deliveries": [_delivery(delivery) for delivery in report.deliveries],
        "faults": [_fault(fault) for fault in report.faults],
    }
    return redact(json.dumps(whole))


def _row_json(row: TaskRow) -> dict[str, object]:
    return {
        "name": _text(row.name),
        "state": _state(row.state),
        "attempts": row.attempts,
        "duration": _seconds(row.duration),
        "result_type": type(row.state.result).__name__,
    }


def _change(told: Announcement) -> dict[str, object]:
    change = told.change
    return {
        "about": _text(change.slug),
        "map_index": change.map_index,
        "at": change.at.isoformat(),
        "attempt": change.attempt,
        "duration": _seconds(change.duration),
        "old": _state(change.old),
        "new": _state(change.new),
        "settled": _state(told.settled),
    }


def _delivery(delivery: Delivery) -> dict[str, object]:
    effect, outcome = delivery.effect, delivery.outcome
    return {"kind": _kind(effect), "about": _text(effect.key.slug), "outcome": fate(outcome), "reason": _text(_reason(outcome))}


def _fault(fault: Fault) -> dict[str, object]:
    return {"where": _text(fault.where), "error": _text(describe(fault.error))}


def _state(state: State) -> dict[str, object]:
    return {"kind": type(state).__name__, "message": _text(state.message)}


def _kind(effect: Effect) -> str:
    match effect:
        case PostToSlack():
            return "slack"
        case SendEmail():
            return "mail"
        case CallBack():
            return "callback"


def _reason(outcome: Outcome) -> str | None:
    match outcome:
        case Delivered(refused=refused, in_digest=digest):
            part = [f"in the digest {digest}"] if digest else []
            return "; ".join([*part, *([f"refused for {', '.join(refused)}"] if refused else [])]) or None
        case Queued(where=where):
            return where
        case Shown():
            return None
        case _:
            return outcome.reason


def _seconds(duration: timedelta | None) -> float | None:
    return None if duration is None else duration.total_seconds()


def _text(text: str | None) -> str | None:
    return None if text is None else cut(text, _LONGEST_TEXT)
