"""What a callback of Airflow's costs: with nothing to tell, telling through an outbox, and with ``no_end_after``."""

from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from importlib import import_module
from itertools import count
from pathlib import Path
from timeit import Timer
from types import SimpleNamespace

import pytest

from tests.benchmarks.outboxes import Destination, Messages
from tests.benchmarks.ratios import Rivals
from tocsin import Failed, interpreting, slack_notifier
from tocsin.interpreters import Outbox

pytest.importorskip("airflow")
pytestmark = [pytest.mark.engine, pytest.mark.tocsin_live]

NUMBERS = count()


def context(number: int = 0) -> dict[str, object]:
    """Return what Airflow gives a callback, as far as it is read."""
    ti = SimpleNamespace(
        dag_id="nightly", task_id="load", run_id=f"scheduled__{number}", map_index=-1, try_number=1, max_tries=0, state="failed",
        start_date=datetime(2026, 1, 1, tzinfo=UTC), end_date=datetime(2026, 1, 1, 0, 1, tzinfo=UTC), hostname="worker-1",
        log_url="https://airflow.example.com/dags/nightly/runs/1/tasks/load", task=None,
    )  # fmt: skip
    return {"ti": ti, "exception": OSError("disk full")}


def fresh() -> dict[str, object]:
    """Return a context of another run."""
    return context(next(NUMBERS))


def bare(context: object) -> None:
    """Do nothing, as a callback of Airflow's."""


@pytest.fixture
def outbox(tmp_path: Path) -> Iterator[Outbox]:
    """An outbox whose destination does not answer: what is measured is how long it takes to keep a message."""
    destination = Destination()
    with closing(Outbox(destination, f"sqlite:///{tmp_path}/outbox.sqlite", min_interval=0.0)) as outbox:
        yield outbox
        destination.open.set()


def test_a_callback_with_nothing_to_tell(rivals: Rivals) -> None:
    hook = import_module("tocsin.integrations.airflow").airflow_callbacks(slack_notifier(only_states=[Failed]))["on_success_callback"]
    names = {"hook": hook, "bare": bare, "context": context()}
    # 8 µs, on a machine where a bare call takes 0.05 µs
    rivals("Airflow, a callback with nothing to tell", 160, names, "hook(context)", "bare(context)")


def test_a_callback_that_tells_through_an_outbox(rivals: Rivals, outbox: Outbox) -> None:
    airflow = import_module("tocsin.integrations.airflow")
    hook = airflow.airflow_callbacks(slack_notifier, deliver_within=0)["on_failure_callback"]
    with interpreting(outbox):
        ours = Timer("hook(fresh())", globals={"hook": hook, "fresh": fresh})
        limit = Timer("outbox(messages.one())", globals={"outbox": outbox, "messages": Messages()})
        rivals.measure("Airflow, a callback that tells through an outbox", 1.3, ours, limit, calls=20, rounds=30, unit="µs")


def test_a_start_and_an_end_with_no_end_after(rivals: Rivals, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOCSIN_STATE_DIR", str(tmp_path))
    airflow = import_module("tocsin.integrations.airflow")
    silent = slack_notifier(only_states=[Failed])
    hooks = {"plain": airflow.airflow_callbacks(silent), "kept": airflow.airflow_callbacks(silent, no_end_after=timedelta(hours=1))}
    both = "made = fresh(); {0}['on_execute_callback'](made); {0}['on_success_callback'](made)"
    ours, limit = (Timer(both.format(name), globals={**hooks, "fresh": fresh}) for name in ("kept", "plain"))
    # two commits on disk; there is no target
    rivals.measure("Airflow, start and end with no_end_after", 10_000, ours, limit, calls=20, rounds=30, unit="µs")
