"""A report for programs: one JSON object on one line, in ASCII.

It holds what became of the run, and no result: of one only the type is named, since a result may be as large as it likes. Times are
ISO 8601 with their zone, durations are seconds, and what is not known is null.
"""

import json
from datetime import timedelta

from tocsin.cli.rows import Row, fate, flow_row, rows
from tocsin.core.effects import CallBack, Effect, PostToSlack, SendEmail
from tocsin.core.machine import Announcement
from tocsin.core.messages.text import cut, describe
from tocsin.core.outcomes import Delivered, Fault, Outcome, Queued, Shown
from tocsin.core.states import State
from tocsin.flows.report import Report
from tocsin.shell.adapters.redaction import redact
from tocsin.shell.interpreters.protocol import Delivery

_LONGEST = 10_000  # characters of one text


def as_json(report: Report) -> str:
    """The report as a JSON object; known secrets are redacted."""
    whole = {
        **_row(flow_row(report)),
        "run_id": report.run_id,
        "tasks": [_row(row) for row in rows(report)],
        "changes": [_change(told) for told in report.changes],
        "deliveries": [_delivery(delivery) for delivery in report.deliveries],
        "faults": [_fault(fault) for fault in report.faults],
    }
    return redact(json.dumps(whole))


def _row(row: Row) -> dict[str, object]:
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
    return None if text is None else cut(text, _LONGEST)
