"""A report for programs: one JSON object on one line, in ASCII.

It holds what became of the run, and no result: of one only the type is named, since a result may be as large as it likes. Times are
ISO 8601 with their zone, durations are seconds, and what is not known is null.
"""

import json
from datetime import timedelta

from tocsin.cli.rows import fate, flow_row, rows
from tocsin.core.effects import CallBack, Effect, PostToSlack, SendEmail
from tocsin.core.machine import Announcement
from tocsin.core.messages.text import cut, describe
from tocsin.core.outcomes import Delivered, DeliveryError, Fault, Queued, Withheld
from tocsin.core.states import State
from tocsin.flows.report import Report, in_words
from tocsin.shell.adapters.redaction import redact
from tocsin.shell.interpreters.protocol import Delivery

_LONGEST = 10_000  # characters of one text


def as_json(report: Report) -> str:
    """The report as a JSON object; known secrets are redacted."""
    flow = flow_row(report)
    return redact(
        json.dumps(
            {
                "name": _text(report.name),
                "run_id": report.run_id,
                "state": _state(report.state),
                "duration": _seconds(flow.duration),
                "tasks": [
                    {
                        "name": _text(row.name),
                        "state": _state(row.state),
                        "attempts": row.attempts,
                        "duration": _seconds(row.duration),
                        "result_type": type(row.state.result).__name__,
                    }
                    for row in rows(report)
                ],
                "changes": [_change(told) for told in report.changes],
                "deliveries": [_delivery(delivery) for delivery in report.deliveries],
                "faults": [_fault(fault) for fault in report.faults],
            }
        )
    )


def _state(state: State) -> dict[str, object]:
    return {"kind": type(state).__name__, "message": None if state.message is None else _text(state.message)}


def _change(told: Announcement) -> dict[str, object]:
    change = told.change
    return {
        "about": _text(change.slug),
        "map_index": change.map_index,
        "at": change.at.isoformat(),
        "attempt": change.attempt,
        "old": _state(change.old),
        "new": _state(change.new),
        "settled": _state(told.settled),
    }


def _delivery(delivery: Delivery) -> dict[str, object]:
    outcome = delivery.outcome
    return {
        "kind": _kind(delivery.effect),
        "about": _text(delivery.effect.key.slug),
        "outcome": fate(outcome),
        "reason": _text(in_words(outcome)) 
    }
