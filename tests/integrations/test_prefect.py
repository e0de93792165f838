"""Prefect without Prefect: what its records mean, by the golden file that a real run keeps, and for whatever Hypothesis draws."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta, timezone
from functools import partial
from uuid import UUID

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.engines import golden
from tocsin import Failed, Recording, Running, State, interpreting, slack_notifier
from tocsin.core import states as s
from tocsin.core.effects import CallBack
from tocsin.core.integrations.prefect import (
    ENGINE,
    EVENTS,
    FlowSaid,
    Said,
    TaskSaid,
    named,
    run_of,
    stopped_unheard,
    translate,
    with_names,
)
from tocsin.core.messages.content import Content
from tocsin.core.transitions import leads_to, settle
from tocsin.integrations.observer import Observer

CASES = golden.kept("prefect")
AT = datetime(2026, 11, 30, 12, tzinfo=UTC)


def made(record: str, facts: Mapping[str, object]) -> Said:
    return FlowSaid(**facts) if record == "FlowSaid" else TaskSaid(**facts)


def the(record: Said) -> Said:
    return record


def told(records: list[Said]) -> list[str]:
    """Return what is told of the records, in order."""
    with interpreting(Recording()) as recording:
        observer = Observer(ENGINE, [slack_notifier])
        for record in records:
            observer.observe(partial(the, record))
    sentences: list[str] = []
    for effect in recording.effects:
        assert not isinstance(effect, CallBack)
        assert isinstance(effect.content, Content)
        sentences.append(golden.normal_sentence(effect.content.sentence))
    return sentences


def apart(records: list[Said]) -> list[Said]:
    """Give each task of a case an id of its own: those of a golden file are placeholders."""
    runs: list[str] = []
    found: list[Said] = []
    for record in records:
        starts = record.state_type == "RUNNING" and record.state_name == "Running" and record.run_count == 1
        crashes = isinstance(record, TaskSaid) and record.crashed
        if isinstance(record, TaskSaid) and ((starts and not crashes) or not runs or not runs[-1].startswith(f"{record.name} ")):
            runs.append(f"{record.name} {len(runs)}")
        found.append(attrs.evolve(record, run_id=runs[-1]) if isinstance(record, TaskSaid) else record)
    return found


@pytest.fixture(params=CASES)
def case(request: pytest.FixtureRequest) -> golden.Case:
    return CASES[str(request.param)]


def test_the_golden_records_mean_what_was_told(case: golden.Case) -> None:
    assert told(apart([golden.revived(each, made) for each in case.said])) == list(case.told)


@given(st.data())
def test_doubled_and_shuffled_nothing_is_told_twice(data: st.DataObject) -> None:
    records = apart([golden.revived(each, made) for each in CASES[data.draw(st.sampled_from(sorted(CASES)))].said])
    drawn = data.draw(st.permutations([*records, *records]))
    with interpreting(Recording()) as recording:
        observer = Observer(ENGINE, [slack_notifier])
        for record in drawn:
            observer.observe(partial(the, record))
    keys = [effect.key for effect in recording.effects if not isinstance(effect, CallBack)]
    assert len(keys) == len(set(keys))


def kinds(record: Said) -> list[type[State]]:
    """Return the kinds of the states that a record leads to, from whichever state each event is legal in."""
    found: list[type[State]] = []
    for event in translate(record):
        old = next(old for old in (s.Pending(), s.Running()) if leads_to(type(old), type(event)) is not None)
        new = settle(old, event)
        assert isinstance(new, State)
        found.append(type(new))
    return found


def records_of(event: str) -> Iterator[Said]:
    """Yield records as a hook of this name makes them."""
    what, _, hook = event.partition(" ")
    types = {
        "on_running": [("RUNNING", "Running"), ("RUNNING", "Retrying")],
        "on_completion": [("COMPLETED", name) for name in ("Completed", "Cached", "Skipped", "Odd")],
        "on_failure": [("FAILED", name) for name in ("Failed", "TimedOut", "Odd")],
        "on_crashed": [("CRASHED", "Crashed")],
        "on_cancellation": [("CANCELLING", "Cancelling")],
        "the flow's end, a task run: Crashed, Cancelled": [("CRASHED", "Crashed"), ("CANCELLED", "Cancelled")],
        "the flow's end, a task run: NotReady": [("PENDING", "NotReady")],
    }[hook]
    for state_type, state_name in types:
        for error in (None, OSError("disk full")):
            facts = {"state_type": state_type, "state_name": state_name, "at": AT, "run_count": 2, "error": error}
            if what == "flow":
                if state_name != "Cached":  # Prefect keeps no flow's result under a key
                    yield FlowSaid("nightly", "r1", **facts)
                    yield FlowSaid("nightly", "r1", **facts, again=True)
            else:
                yield TaskSaid("load", "t1", **facts)
                if state_type == "RUNNING":
                    yield TaskSaid("load", "t1", **facts, crashed=True)


@pytest.mark.parametrize("event", EVENTS)
def test_the_table_of_events_agrees_with_what_they_mean(event: str) -> None:
    found = [kind for record in records_of(event) for kind in kinds(record)]
    assert set(found) == set(EVENTS[event])


class Hostile:
    """A value whose every use raises."""

    def __getattribute__(self, name: str) -> object:
        if name.startswith("__"):  # pytest and Hypothesis ask for these
            return object.__getattribute__(self, name)
        raise RuntimeError(name)

    def __str__(self) -> str:
        raise RuntimeError("no text")

    __repr__ = __str__


class HostileText(str):
    """A text whose own methods raise."""

    __slots__ = ()

    def __str__(self) -> str:
        raise RuntimeError("no text")


ODD = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=20),
    st.sampled_from(["RUNNING", "COMPLETED", "FAILED", "CRASHED", "PENDING", "Retrying", "Cached", "NotReady", "TimedOut", "Skipped"]),
    st.datetimes(),
    st.datetimes(timezones=st.just(timezone(timedelta(hours=5)))),
    st.timedeltas(),
    st.binary(max_size=4),
    st.lists(st.integers(), max_size=2),
    st.builds(Hostile),
    st.builds(HostileText, st.text(max_size=5)),
    st.builds(OSError, st.text(max_size=5)),
    st.just(2**4000),
    st.just(UUID(int=1)),
    st.just("http://[bad"),
)


@given(st.data(), st.sampled_from([TaskSaid, FlowSaid]))
def test_whatever_prefect_says_means_something(data: st.DataObject, kind: type[TaskSaid] | type[FlowSaid]) -> None:
    facts = data.draw(st.fixed_dictionaries({}, optional={field.name: ODD for field in attrs.fields(kind)}))
    record = kind(**facts)
    if isinstance(record, FlowSaid):
        record = attrs.evolve(record, tasks=[TaskSaid(), *with_names([TaskSaid(message=str(UUID(int=1)))])])
    foreign = run_of(record)
    assert foreign.attempt >= 1
    assert foreign.attempts >= 1
    assert isinstance(translate(record), tuple)
    told([record])
    repr(record)


# --- what a record means ----------------------------------------------------------------------------------------------------------


def test_a_failure_without_its_exception_is_told_in_the_words_of_prefect() -> None:
    said = TaskSaid("load", "t1", "FAILED", "Failed", AT, "Task run encountered an exception ValueError: no rows")
    assert told([said]) == ["load failed: ValueError: no rows"]
    flow = FlowSaid("nightly", "r1", "FAILED", "Failed", AT, "Flow run encountered an exception: ValueError: no rows", run_count=1)
    assert told([flow]) == ["nightly failed: ValueError: no rows"]
    assert told([TaskSaid("load", "t1", "FAILED", "Failed", AT)]) == ["load failed"]
    assert told([TaskSaid("load", "t1", "FAILED", "TimedOut", AT)]) == ["load timed out: timed out"]


def test_the_flow_run_is_counted_one_behind_while_it_starts() -> None:
    started = FlowSaid("nightly", "r1", "RUNNING", "Running", AT, run_count=0, retries=1)
    again = FlowSaid("nightly", "r1", "RUNNING", "Running", AT, None, OSError("disk full"), 1, 1, again=True)
    ended = FlowSaid("nightly", "r1", "COMPLETED", "Completed", AT, run_count=2, retries=1)
    assert [run_of(each).attempt for each in (started, again, ended)] == [1, 2, 2]
    assert told([started, again, ended]) == [
        "nightly started",
        "nightly will be tried again: OSError: disk full",
        "nightly started",
        "nightly succeeded",
    ]


def test_a_flow_that_goes_on_in_another_process_did_not_fail() -> None:
    resumed = FlowSaid("nightly", "r1", "RUNNING", "Running", AT, run_count=1)
    assert told([resumed]) == ["nightly started"]
    assert run_of(resumed).attempt == 2


@pytest.mark.parametrize("state", [("CRASHED", "Crashed"), ("CANCELLING", "Cancelling"), ("CANCELLED", "Cancelled"), ("CANCELLED", "")])
def test_what_stops_a_run_aborts_it(state: tuple[str, str]) -> None:
    said = FlowSaid("nightly", "r1", *state, AT, run_count=1)
    assert told([said]) == [f"nightly was aborted: {state[1] or 'Stopped'}."]


def test_states_that_no_hook_is_called_with_mean_nothing() -> None:
    for state in (("SCHEDULED", "AwaitingRetry"), ("PENDING", "Pending"), ("PAUSED", "Suspended"), ("", ""), ("NEW", "New")):
        assert translate(TaskSaid("load", "t1", *state, AT)) == ()
    assert TaskSaid("load", "t1", "SCHEDULED", "AwaitingRetry").kind is s.Retrying
    assert TaskSaid("load", "t1", "NEW", "New").kind is None


def test_the_end_of_a_flow_lists_its_tasks_and_what_never_ran() -> None:
    load, report = UUID(int=10), UUID(int=11)
    tasks = with_names(
        [
            TaskSaid("fetch", UUID(int=9), "COMPLETED", "Completed", AT, "fine"),
            TaskSaid("load", load, "FAILED", "Failed", AT, "Task run encountered an exception ValueError: no rows", map_index=2),
            TaskSaid("report", report, "PENDING", "NotReady", AT, f"Upstream task run '{load}' did not reach a 'COMPLETED' state."),
            TaskSaid("odd", UUID(int=12), "NEW", "New", AT, f"{UUID(int=99)} is not known"),
        ]
    )
    said = FlowSaid(
        "nightly", "r1", "FAILED", "Failed", AT, "1/4 states failed.", run_count=1, run_name="red-fox", tasks=tasks, left_out=True
    )
    (event,) = translate(said)
    assert [(detail.title, detail.text) for detail in event.facts.details] == [
        ("Tasks", "1 Failed, 1 TriggerFailed, 1 State, 1 Success"),
        (
            "Failed or not run",
            "load[2] Failed: ValueError: no rows\n"
            "report TriggerFailed: Upstream task run 'load' did not reach a 'COMPLETED' state.\n"
            "odd State",
        ),
        ("Tasks left out", "there are more, which could not be read in time"),
        ("Flow run", "red-fox"),
    ]


def test_only_what_began_and_was_not_heard_is_told_from_the_flow() -> None:
    assert stopped_unheard(TaskSaid("load", "t1", "CRASHED", "Crashed", run_count=1))
    assert stopped_unheard(TaskSaid("load", "t1", "CANCELLED", "Cancelled", run_count=1))
    assert not stopped_unheard(TaskSaid("load", "t1", "CANCELLED", "Cancelled"))
    assert not stopped_unheard(TaskSaid("load", "t1", "FAILED", "Failed", run_count=1))


@pytest.mark.parametrize(
    ("shown", "key", "name", "index"),
    [
        ("load-3f2", "3f2a9c", "load", None),
        ("load-3f2", "aaa", "load-3f2", None),
        ("load-eu", "eu", "load-eu", None),
        ("load[7]", "3f2a9c", "load", 7),
        ("load[7]-3f2", "3f2a9c", "load[7]", None),
        ("load[-1]", "3f2a9c", "load[-1]", None),
        ("load[12345678]", "3f2a9c", "load[12345678]", None),
        ("", None, "unnamed", None),
        (None, Hostile(), "unnamed", None),
    ],
)
def test_the_name_and_the_index_are_those_that_prefect_shows(shown: object, key: object, name: str, index: int | None) -> None:
    assert named(shown, key) == (name, index)


def test_what_is_ignored_is_not_told() -> None:
    observer = Observer(ENGINE, [slack_notifier(only_states=[Failed])])
    assert observer.ignores(Running)
    assert not observer.ignores(*EVENTS["task on_running"])  # it may be a crash
