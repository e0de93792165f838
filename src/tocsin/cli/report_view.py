"""Shows a report: for people, with one line for each task, the flow and the notifications; for programs, as JSON.

- The JSON is one object on one line, in ASCII. Times are ISO 8601 with their zone, durations are seconds, and unknown values are null.
- It holds the outcome of the run but no result: a result may be of any size, so only its type is named.
- Each message is in it with its sentence and its payload, exactly as it is sent.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import timedelta

import attrs
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from tocsin.cli.leaving import leaving_json
from tocsin.cli.terminal import color_style, json_line, own_text, plain_text
from tocsin.core.changes import Change
from tocsin.core.delivery.leaving import Leaving
from tocsin.core.delivery.rendering import redacted_message
from tocsin.core.effect_json import effect_json
from tocsin.core.effects import CallBack
from tocsin.core.machine import Announcement
from tocsin.core.outcomes import Ambiguous, Delivered, Fault, Outcome, Queued, Shown, Withheld
from tocsin.core.states import State
from tocsin.core.text import cut, describe, one_line, plain, span, type_name
from tocsin.flows.report import Report
from tocsin.shell.interpreter import Delivery
from tocsin.shell.redaction import redact

_WORDS: Mapping[type[Outcome], str] = {
    Delivered: "delivered",
    Queued: "queued",
    Withheld: "withheld",
    Shown: "shown",
    Ambiguous: "unknown",
}
_LONGEST_CELL = 300  # characters of a message in the table
_LONGEST_NAME = 60  # characters of a name in the table
_LONGEST_TEXT = 10_000  # characters of one text in JSON


@attrs.frozen
class TaskRow:
    """A task or flow at the end of a run: its name in the run, its final state, its attempts, and the duration of the last one."""

    name: str
    state: State
    attempts: int = 1
    duration: timedelta | None = None


def task_rows(report: Report) -> tuple[TaskRow, ...]:
    """Return the tasks, in the order in which they were added to the flow."""
    last = {id(each.change.tracked_obj): each.change for each in report.changes}
    return tuple(_row(task.name, state, last.get(id(task))) for task, state in report.task_states.items())


def flow_row(report: Report) -> TaskRow:
    """Return the row of the flow."""
    last = {each.change.slug: each.change for each in report.changes}  # no task has the slug of its flow
    return _row(report.name, report.state, last.get(report.name))


def _row(name: str, state: State, last: Change | None) -> TaskRow:
    return TaskRow(name, state) if last is None else TaskRow(last.slug, state, last.attempt, last.duration)


def outcome_text(outcome: Outcome) -> str:
    """Describe an outcome in a few words."""
    return "delivered in a digest" if isinstance(outcome, Delivered) and outcome.in_digest is not None else outcome_word(outcome)


def outcome_word(outcome: Outcome) -> str:
    """Describe an outcome in one word."""
    return next((word for kind, word in _WORDS.items() if isinstance(outcome, kind)), "failed")


def as_table(report: Report) -> RenderableType:
    """Return the tasks with their coloured states, then the flow, and the outcomes of its notifications."""
    table = Table.grid(padding=(0, 2))
    for row in task_rows(report):
        table.add_row(*_cells(row))
    table.add_row(*_cells(flow_row(report), "bold"))
    return Group(table, plain_text(_summary(report), "dim"))


def _cells(row: TaskRow, style: str = "") -> Iterable[Text]:
    state, took = row.state, "" if row.duration is None else span(row.duration)
    yield own_text(cut(one_line(row.name), _LONGEST_NAME), style)
    yield own_text(f"● {type(state).__name__}", color_style(state.color))
    yield own_text(took)
    yield own_text(cut(one_line("" if state.message is None else redact(plain(state.message))), _LONGEST_CELL))


def _summary(report: Report) -> str:
    counts = Counter(outcome_text(delivery.outcome) for delivery in report.deliveries)
    sent = ", ".join(f"{count} {words}" for words, count in counts.items()) or "none"
    faults = len(report.faults)
    return f"notifications: {sent}{f'; handlers and filters that raised: {faults}' if faults else ''}"


def as_json(report: Report, summary: Leaving | None = None) -> str:
    """Return the report as a JSON object, with known secrets redacted; ``summary`` is what would leave, of a dry run."""
    whole = {
        **_row_json(flow_row(report)),
        "run_id": report.run_id,
        "tasks": [_row_json(row) for row in task_rows(report)],
        "changes": [_change(each) for each in report.changes],
        "deliveries": [_delivery(delivery) for delivery in report.deliveries],
        "faults": [_fault(fault) for fault in report.faults],
        **({} if summary is None else {"leaving": leaving_json(summary)}),
    }
    return json_line(whole)


def _row_json(row: TaskRow) -> dict[str, object]:
    return {
        "name": cut(row.name, _LONGEST_TEXT),
        "state": state_json(row.state),
        "attempts": row.attempts,
        "duration": _seconds(row.duration),
        "result_type": type_name(row.state.result),
    }


def _change(announcement: Announcement) -> dict[str, object]:
    change = announcement.change
    return {
        "about": cut(change.slug, _LONGEST_TEXT),
        "map_index": change.map_index,
        "at": change.at.isoformat(),
        "attempt": change.attempt,
        "duration": _seconds(change.duration),
        "old": state_json(change.old),
        "new": state_json(change.new),
        "settled": state_json(announcement.settled),
        "said": _text(announcement.said),
    }


def _delivery(delivery: Delivery) -> dict[str, object]:
    effect, outcome = delivery.effect, delivery.outcome
    safe = effect if isinstance(effect, CallBack) else redacted_message(effect, redact)  # it may be made by hand
    exact = effect_json(safe)
    return {
        **exact,
        "about": cut(effect.key.slug, _LONGEST_TEXT),
        "key": cut(str(effect.key), _LONGEST_TEXT),
        "outcome": outcome_word(outcome),
        "reason": _text(_reason(outcome)),
    }


def _fault(fault: Fault) -> dict[str, object]:
    return {"where": _text(fault.where), "error": _text(describe(fault.error))}


def state_json(state: State) -> dict[str, object]:
    """Return a state as a JSON object, as ``--json`` of each command has it: its kind and its message, with known secrets redacted."""
    return {"kind": type(state).__name__, "message": _text(state.message)}


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
    return None if text is None else cut(redact(plain(text)), _LONGEST_TEXT)
