"""Cost of a hook of Prefect's, with Prefect's own objects, and of the import."""

from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from math import inf
from pathlib import Path
from timeit import Timer
from uuid import uuid4

import attrs
import pytest

from tests.benchmarks.outboxes import Destination
from tests.benchmarks.ratios import Ratio, Rivals
from tests.benchmarks.test_import import Python
from tocsin import Failed, Recording, interpreting, slack_notifier
from tocsin.core.effects import PostToSlack
from tocsin.core.integrations.foreign import ForeignRun
from tocsin.core.machine import StateHandler
from tocsin.interpreters import Outbox

pytest.importorskip("prefect")

from prefect import task
from prefect.client.schemas.objects import StateType, TaskRun
from prefect.states import Completed, Running
from prefect.states import Failed as FailedInPrefect

from tocsin.integrations.prefect import _TaskHook, prefect_task_hooks

pytestmark = [pytest.mark.engine, pytest.mark.tocsin_live, pytest.mark.filterwarnings("default")]

_LIMIT = 8_000.0  # ns that a hook with nothing to say may take


@task()
def load() -> None:
    """A task of Prefect's."""


def run() -> TaskRun:
    """Return a task run as the engine makes it."""
    return TaskRun(
        id=uuid4(),
        name="load-3f2",
        task_key="load-1",
        dynamic_key="3f2a9c",
        flow_run_id=uuid4(),
        run_count=1,
        state_type=StateType.RUNNING,
    )


def hook(event: str, *notifiers: StateHandler[ForeignRun], no_end_after: timedelta | None = None) -> _TaskHook:
    """Return one hook of a task."""
    hooks = prefect_task_hooks(*notifiers, no_end_after=no_end_after)
    by_event = {"on_running": hooks["on_running"], "on_completion": hooks["on_completion"], "on_failure": hooks["on_failure"]}
    (found,) = by_event[event]
    assert isinstance(found, _TaskHook)
    return found


@pytest.mark.parametrize("event", ["on_completion", "on_running"])
def test_a_hook_with_nothing_to_say(rivals: Rivals, event: str) -> None:
    state = Completed() if event == "on_completion" else Running()
    quiet = hook(event, slack_notifier(only_states=[Failed]))
    took: list[float] = []
    runs = [run() for _ in range(300)]
    names = {"hook": quiet, "load": load, "runs": runs, "state": state}
    ours = Timer("for run in runs: hook(load, run, state)", globals=names)
    rivals.benchmark.pedantic(lambda: took.append(ours.timeit(1) / len(runs) * 1e9), setup=lambda: None, rounds=50)
    rivals.note(Ratio(f"Prefect: {event}, with nothing to say", 1, [(each, _LIMIT) for each in took], "ns"))


@pytest.fixture
def outbox(tmp_path: Path) -> Iterator[Outbox]:
    """An outbox whose destination takes nothing."""
    with closing(Outbox(Destination(), f"sqlite:///{tmp_path}/outbox.sqlite", min_interval=0.0)) as made:
        yield made


def effects(count: int) -> list[PostToSlack]:
    """Return messages about failures of tasks."""
    with interpreting(Recording()) as recording:
        hook("on_failure", slack_notifier)(load, run(), FailedInPrefect(message="no rows", data=OSError("disk full")))
    (effect,) = recording.effects
    assert isinstance(effect, PostToSlack)
    return [attrs.evolve(effect, key=attrs.evolve(effect.key, run_id=str(uuid4()))) for _ in range(count)]


def test_a_hook_that_tells_through_an_outbox(rivals: Rivals, outbox: Outbox) -> None:
    calls, rounds = (30, 30) if rivals.benchmark.enabled else (2, 1)
    state = FailedInPrefect(message="no rows", data=OSError("disk full"))
    names = {"hook": hook("on_failure", slack_notifier), "load": load, "state": state, "outbox": outbox}
    runs, bare = iter([run() for _ in range(calls * (rounds + 1))]), iter(effects(calls * (rounds + 1)))
    with interpreting(outbox):
        ours = Timer("hook(load, next(runs), state)", globals={**names, "runs": runs})
        limit = Timer("outbox(next(bare))", globals={**names, "bare": bare})
        rivals.measure("Prefect: a failure told through an outbox, against it", 1.3, ours, limit, calls=calls, rounds=rounds, unit="µs")


def test_a_hook_that_keeps_the_run_until_its_end(rivals: Rivals) -> None:
    calls, rounds = (30, 30) if rivals.benchmark.enabled else (2, 1)
    quiet = slack_notifier(only_states=[Failed])
    names = {"plain": hook("on_running", quiet), "kept": hook("on_running", quiet, no_end_after=timedelta(hours=1)), "load": load}
    runs, others = (iter([run() for _ in range(calls * (rounds + 1))]) for _ in range(2))
    with interpreting(Recording()):
        ours = Timer("kept(load, next(runs), state)", globals={**names, "state": Running(), "runs": runs})
        limit = Timer("plain(load, next(runs), state)", globals={**names, "state": Running(), "runs": others})
        rivals.measure(
            "Prefect: on_running with no_end_after, against without", inf, ours, limit, calls=calls, rounds=rounds, unit="µs"
        )


@pytest.mark.parametrize("imports", ["tocsin.integrations.prefect", "prefect, tocsin.integrations.prefect"])
def test_import(rivals: Rivals, tmp_path: Path, imports: str) -> None:
    python = Python(tmp_path)
    ours, theirs = python.timer(f"import {imports}"), python.timer("import prefect")
    rivals.measure(f"import {imports}", 1.15, ours, theirs, calls=1, rounds=7, unit="ms")
