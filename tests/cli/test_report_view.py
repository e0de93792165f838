"""A report for programs."""

import json
from datetime import UTC, datetime, timedelta

import attrs
import pytest

from tests.cli.examples import effects
from tocsin import Flow, Success, Task, callback_factory, slack_notifier, task
from tocsin.cli.report_view import as_json
from tocsin.core.effect_json import effect_json
from tocsin.core.outcomes import Ambiguous, Delivered, DestinationDead, Outcome, Queued, Rejected, Retryable, Shown, Withheld
from tocsin.flows.report import Report
from tocsin.shell.adapters.secrets import Secret
from tocsin.shell.interpreter import result_of
from tocsin.shell.report import DeliveryLog
from tocsin.testing import FakeClock

CLOCK = FakeClock(datetime(2026, 1, 2, tzinfo=UTC))
AT = "2026-01-02T00:00:00+00:00"


def report() -> Report:
    """Of a flow of three tasks: one that works, one of the same name that fails twice, and one that was done before."""

    @task(name="work")
    def fails() -> None:
        raise KeyError("x")

    flow = Flow("sums", state_handlers=[slack_notifier(only_states=[Success])])
    flow.add_task(Task("work"))
    flow.add_task(fails)
    done = flow.add_task(Task("done"))
    flow.set_reference_tasks([done])
    return attrs.evolve(flow.run(clock=CLOCK, task_states={done: Success("earlier", result=[1])}), run_id="r1")


def state(kind: str, message: str | None) -> dict[str, str | None]:
    """A state, as it is reported."""
    return {"kind": kind, "message": message}


def change(about: str, old: dict[str, str | None], new: dict[str, str | None], duration: float | None = None) -> dict[str, object]:
    """A change, as it is reported."""
    return {
        "about": about,
        "map_index": None,
        "at": AT,
        "attempt": 1,
        "duration": duration,
        "old": old,
        "new": new,
        "settled": new,
    }


def row(name: str, ended: dict[str, str | None], duration: float | None, result: str) -> dict[str, object]:
    """A task, as it is reported."""
    return {"name": name, "state": ended, "attempts": 1, "duration": duration, "result_type": result}


def test_the_whole() -> None:
    pending, running = state("Pending", None), state("Running", "Starting task run.")
    worked, failed = state("Success", "Task run succeeded."), state("Failed", "Unexpected error: KeyError('x')")
    flowing, ended = state("Running", "Running flow."), state("Success", "All reference tasks succeeded.")
    made = report()
    assert json.loads(as_json(made)) == {
        **row("sums", ended, 0.0, "NoneType"),
        "run_id": "r1",
        "tasks": [
            row("work", worked, 0.0, "NoneType"),
            row("work-2", failed, 0.0, "KeyError"),
            row("done", state("Success", "earlier"), None, "list"),
        ],
        "changes": [
            change("sums", state("Scheduled", None), flowing),
            change("work", pending, running),
            change("work", running, worked, 0.0),
            change("work-2", pending, running),
            change("work-2", running, failed, 0.0),
            change("sums", flowing, ended, 0.0),
        ],
        "deliveries": [{**effect_json(made.deliveries[0].effect), "outcome": "withheld", "reason": "recorded"}],
        "faults": [],
    }


@pytest.mark.tocsin_live
@pytest.mark.parametrize(
    ("outcome", "word", "reason"),
    [
        (Delivered(), "delivered", None),
        (Delivered(("a@b", "c@d")), "delivered", "refused for a@b, c@d"),
        (Queued("a box"), "queued", "a box"),
        (Withheld("why"), "withheld", "why"),
        (Shown(), "shown", None),
        (Ambiguous("why"), "unknown", "why"),
        (Retryable("why", timedelta(1)), "failed", "why"),
        (Rejected("why"), "failed", "why"),
        (DestinationDead("why"), "failed", "why"),
    ],
)
def test_each_outcome_has_a_word_and_a_reason(outcome: Outcome, word: str, reason: str | None) -> None:
    log = DeliveryLog(lambda _: result_of(outcome))
    log(effects()[1])
    kept = attrs.evolve(report(), log=log)
    assert json.loads(as_json(kept))["deliveries"] == [{**effect_json(effects()[1]), "outcome": word, "reason": reason}]


def broken(_: object, __: object, ___: object) -> None:
    """Raise, as a handler should not."""
    raise OSError("x" * 20_000)


def test_callbacks_and_faults() -> None:
    flow = Flow("f\ud800", state_handlers=[callback_factory(print, Success.is_successful), broken])
    said = as_json(flow.run())
    assert said.isascii()
    whole = json.loads(said)
    (called,) = whole["deliveries"]
    assert (called["kind"], called["about"], called["calls"]) == ("callback", "f\ud800", "print")
    assert (called["outcome"], called["reason"], called["payload"]) == ("withheld", "recorded", None)
    assert [fault["where"].startswith("the handler ") for fault in whole["faults"]] == [True, True]
    assert whole["faults"][0]["error"].startswith("OSError: xxx")
    assert whole["faults"][0]["error"].endswith(" more characters)")
    assert len(whole["faults"][0]["error"]) <= 10_000


def test_a_known_secret_is_not_in_it() -> None:
    Secret("JSON_CANARY", 'ca"nary-in-json')

    @task
    def load() -> None:
        raise ValueError('no such user: ca"nary-in-json')

    said = as_json(Flow('sums of ca"nary-in-json', tasks=[load]).run())
    assert json.loads(said)["name"] == 'sums of ca"nary-in-json'
    assert json.loads(said)["tasks"][0]["state"] == {
        "kind": "Failed",
        "message": "Unexpected error: ValueError('no such user: [JSON_CANARY]')",
    }
    assert said.count("nary-in-json") == 1 + said.count('"about": "sums of')
