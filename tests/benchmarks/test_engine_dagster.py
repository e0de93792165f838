"""What a hook of Dagster's costs: with nothing to tell, telling through an outbox, and with ``no_end_after``; and ``tell_of``."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from datetime import timedelta
from importlib import import_module
from itertools import count
from math import inf
from pathlib import Path
from timeit import Timer
from types import ModuleType

import attrs
import pytest

from tests.benchmarks.outboxes import Destination, Messages
from tests.benchmarks.ratios import Rivals
from tocsin import Failed, Recording, interpreting, slack_notifier
from tocsin.interpreters import Outbox

pytest.importorskip("dagster")
pytestmark = [pytest.mark.engine, pytest.mark.tocsin_live]

NUMBERS = count()

Heard = tuple[object, Sequence[object]]
"""What Dagster gives a hook: the context, and the events of the attempt."""


@attrs.frozen
class Renamed:
    """A context of Dagster's, as of another run."""

    run_id: str
    real: object

    def __getattr__(self, name: str) -> object:
        return getattr(self.real, name)


def fails() -> None:
    """Fail, as an op."""
    raise OSError("disk full")


def works() -> None:
    """Do nothing, as an op."""


def bare(context: object, event_list: Sequence[object]) -> None:
    """Do nothing, as a hook of Dagster's."""


def heard(body: Callable[[], None]) -> Heard:
    """Run an op. Return what Dagster gave a hook."""
    dagster = import_module("dagster")
    found: list[Heard] = []

    def keep(context: object, event_list: Sequence[object]) -> object:
        found.append((context, list(event_list)))
        return dagster.HookExecutionResult("keep", False)

    ran(dagster, body, frozenset({dagster.HookDefinition(name="keep", hook_fn=keep)}))
    return found[0]


def ran(dagster: ModuleType, body: Callable[[], None], hooks: frozenset[object] = frozenset()) -> object:
    """Run a job of one op. Return the result."""
    op = dagster.op(body)

    def calls_it() -> None:
        op()

    result: object = dagster.job(name="nightly", hooks=hooks)(calls_it).execute_in_process(raise_on_error=False)
    return result


@pytest.fixture
def outbox(tmp_path: Path) -> Iterator[Outbox]:
    """An outbox whose destination does not answer: what is measured is how long it takes to keep a message."""
    destination = Destination()
    with closing(Outbox(destination, f"sqlite:///{tmp_path}/outbox.sqlite", min_interval=0.0)) as outbox:
        yield outbox
        destination.open.set()


def function(handler: object, **options: object) -> object:
    """Return the function of our hook."""
    (hook,) = import_module("tocsin.integrations.dagster").dagster_hooks(handler, **options)
    found: object = hook.hook_fn
    return found


def fresh(one: Heard) -> Heard:
    """Return what Dagster gives the hook of another run."""
    return Renamed(f"r{next(NUMBERS)}", one[0]), one[1]


def test_a_hook_with_nothing_to_tell(rivals: Rivals) -> None:
    names = {"hook": function(slack_notifier(only_states=[Failed])), "bare": bare, "heard": heard(works)}
    # 8 µs, on a machine where a bare call takes 0.05 µs
    rivals("Dagster, a hook with nothing to tell", 160, names, "hook(*heard)", "bare(*heard)")


def test_a_hook_that_tells_through_an_outbox(rivals: Rivals, outbox: Outbox) -> None:
    with interpreting(outbox):
        ours = Timer("hook(*fresh(one))", globals={"hook": function(slack_notifier), "fresh": fresh, "one": heard(fails)})
        limit = Timer("outbox(messages.one())", globals={"outbox": outbox, "messages": Messages()})
        rivals.measure("Dagster, a hook that tells through an outbox", 1.3, ours, limit, calls=20, rounds=30, unit="µs")


def test_a_hook_with_no_end_after(rivals: Rivals, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOCSIN_STATE_DIR", str(tmp_path))
    silent, one = slack_notifier(only_states=[Failed]), heard(works)
    names = {"plain": function(silent), "kept": function(silent, no_end_after=timedelta(hours=1)), "fresh": fresh, "one": one}
    ours, limit = (Timer(f"{name}(*fresh(one))", globals=names) for name in ("kept", "plain"))
    rivals.measure("Dagster, a hook with no_end_after, of a success", inf, ours, limit, calls=20, rounds=30, unit="µs")


def test_telling_of_a_run(rivals: Rivals) -> None:
    """Against a run of one op that does nothing."""
    dagster, tell_of = import_module("dagster"), import_module("tocsin.integrations.dagster").tell_of
    names = {
        "tell_of": tell_of,
        "result": ran(dagster, fails),
        "notifier": slack_notifier,
        "ran": ran,
        "dagster": dagster,
        "works": works,
    }
    with interpreting(Recording()):
        ours, limit = (Timer(text, globals=names) for text in ("tell_of(result, notifier)", "ran(dagster, works)"))
        rivals.measure("Dagster, tell_of a run told before, against a run", 0.1, ours, limit, calls=1, rounds=10, unit="ms")
