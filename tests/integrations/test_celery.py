"""What Celery says, by its golden file, and what it means. Celery itself runs in ``tests/engines/test_celery.py``."""

import random
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.engines import golden
from tests.engines.celery_records import make, steady, told_by, told_of
from tests.engines.golden import as_json, revived
from tocsin.core import events as e
from tocsin.core import states as s
from tocsin.core.integrations.celery import ENGINE, EVENTS, CanvasEnd, NeverRuns, Said, TaskSignal, run_of, translate
from tocsin.core.integrations.foreign import NOTHING, ForeignRun, Heard, RunKey, hear
from tocsin.core.states import State
from tocsin.core.transitions import settle
from tocsin.integrations.copying import entry, fact

AT = datetime(2026, 11, 30, 12, tzinfo=UTC)
CASES = golden.kept("celery")


class Hostile:
    """Raises whatever is asked of it."""

    def __getattr__(self, name: str) -> object:
        raise OSError(name)

    def __eq__(self, other: object) -> bool:
        raise OSError("no comparison")

    def __hash__(self) -> int:
        return 1

    def __repr__(self) -> str:
        raise OSError("no repr")


class HostileMapping(Mapping[str, object]):
    """Raises when it is read."""

    def __getitem__(self, key: str) -> object:
        raise RuntimeError(key)

    def __iter__(self) -> Iterator[str]:
        raise OSError("no keys")

    def __len__(self) -> int:
        return 1


ANYTHING = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.integers(min_value=10**20),
    st.floats(),
    st.text(max_size=20),
    st.binary(max_size=5),
    st.datetimes(),
    st.datetimes(timezones=st.just(UTC)),
    st.timedeltas(),
    st.lists(st.one_of(st.text(max_size=5), st.integers(), st.none()), max_size=3),
    st.sampled_from([ValueError("no rows"), KeyboardInterrupt(), SystemExit(3), ExceptionGroup("two", [OSError(), TimeoutError()])]),
    st.builds(Hostile),
    st.just({}),
)
SIGNALS = st.sampled_from([name for name in EVENTS if " " not in name] + ["task_unknown"])
STATES = st.sampled_from(["SUCCESS", "FAILURE", "RETRY", "IGNORED", "REJECTED", None])


def facts_of(record: type[Said]) -> st.SearchStrategy[Mapping[str, object]]:
    """Draw facts of any type for a record; some are missing."""
    fields = {field.name: ANYTHING for field in attrs.fields(record)}
    return st.fixed_dictionaries({}, optional=fields)


def drawn(data: st.DataObject) -> Said:
    """Draw a record of whatever facts, half of them of a signal that there is."""
    kind = data.draw(st.sampled_from(["TaskSignal", "NeverRuns", "CanvasEnd"]))
    record = make(kind, data.draw(facts_of({"TaskSignal": TaskSignal, "NeverRuns": NeverRuns}.get(kind, CanvasEnd))))
    if isinstance(record, TaskSignal) and data.draw(st.booleans()):
        return attrs.evolve(record, signal=data.draw(SIGNALS), state=data.draw(STATES))
    return record


def kind_after(event: e.Event) -> type[State]:
    """Return the kind of state that an event leads to, from a state in which it is legal."""
    settled = [settle(old, event) for old in (s.Pending(), s.Running())]
    return next(type(state) for state in settled if isinstance(state, State))


@pytest.mark.parametrize("case", CASES)
def test_what_was_said_is_told(case: str) -> None:
    assert told_of(CASES[case].said) == list(CASES[case].told)


@pytest.mark.parametrize("case", CASES)
def test_a_record_is_what_it_was_before_it_was_kept(case: str) -> None:
    for said in CASES[case].said:
        assert steady(as_json(revived(said, make))) == said


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("seed", range(5))
def test_nothing_is_told_twice_whatever_the_order(case: str, seed: int) -> None:
    shuffled = [revived(said, make) for said in (*CASES[case].said, *CASES[case].said)]
    random.Random(seed).shuffle(shuffled)  # noqa: S311 - no secret
    heard: dict[RunKey, Heard] = {}
    told: list[tuple[RunKey, int]] = []
    for record in shuffled:
        run = run_of(record)
        for event in translate(record):
            news = hear(heard.get(run.key, NOTHING), run, event, (), ends=True)
            if news is not None:
                heard[run.key] = news.heard
                told.append((run.key, news.run.ordinal))
    assert len(told) == len(set(told))
    assert {key for key, each in heard.items() if each.ended} == {run_of(revived(said, make)).key for said in CASES[case].said}


@given(st.data())
def test_any_facts_make_a_record_that_is_translated_as_the_table_says(data: st.DataObject) -> None:
    record = drawn(data)
    run = run_of(record)
    assert isinstance(run, ForeignRun)
    events = translate(record)
    for event in events:
        kind = kind_after(event)
        match record:
            case TaskSignal():
                assert kind in EVENTS[record.signal]
            case NeverRuns():
                assert kind in EVENTS["what follows in a chain or a chord"]
            case CanvasEnd():
                assert kind in EVENTS["the end of a chain or a chord"]
        news = hear(NOTHING, run, event, (), ends=True)
        assert news is not None
        assert ENGINE.translate(record) == events


def signal(name: str, **more: object) -> TaskSignal:
    """Return a signal about a task."""
    return TaskSignal(**{"signal": name, "at": AT, "name": "load", "task_id": "r1", "host": "celery@one", **more})


def state_of(record: Said) -> State:
    """Return the state that a record leads to."""
    (event,) = translate(record)
    return next(state for state in (settle(old, event) for old in (s.Pending(), s.Running())) if isinstance(state, State))


TABLE = [
    (signal("after_task_publish"), s.Submitted),
    (signal("after_task_publish", due=AT), s.Scheduled),
    (signal("task_received"), s.Queued),
    (signal("task_prerun"), s.Running),
    (signal("task_success"), s.Success),
    (signal("task_retry", error=OSError("x")), s.Retrying),
    (signal("task_retry", stopped=True), s.Aborted),
    (signal("task_retry", stopped=True, acks_late=True), s.Queued),
    (signal("task_failure", error=OSError("x")), s.Failed),
    (signal("task_failure"), s.Failed),
    (signal("task_failure", error=OSError("x"), timed_out=True), s.TimedOut),
    (signal("task_failure", error=OSError("x"), timed_out=True, requeue=True), s.Retrying),
    (signal("task_failure", error=SystemExit(1)), s.Aborted),
    (signal("task_internal_error", error=OSError("x")), s.Failed),
    (signal("task_internal_error", error=TimeoutError("x")), s.TimedOut),
    (signal("task_internal_error", error=KeyboardInterrupt()), s.Aborted),
    (signal("task_internal_error", error=OSError("x"), requeue=True), s.Retrying),
    (signal("task_revoked"), s.Skipped),
    (signal("task_revoked", expired=True), s.Skipped),
    (signal("task_revoked", terminated=True), s.Aborted),
    (signal("task_postrun", state="FAILURE", error=OSError("x")), s.Failed),
    (signal("task_postrun", state="FAILURE", error=OSError("x"), timed_out=True), s.TimedOut),
    (signal("task_postrun", error=SystemExit(3)), s.Aborted),
    (signal("task_postrun", state="IGNORED", reason="nothing today"), s.Skipped),
    (signal("task_postrun", state="REJECTED"), s.Skipped),
    (signal("task_postrun", state="REJECTED", requeue=True), s.Retrying),
]


@pytest.mark.parametrize(("record", "kind"), TABLE, ids=lambda value: getattr(value, "signal", getattr(value, "__name__", "")))
def test_a_signal_means_a_state(record: TaskSignal, kind: type[State]) -> None:
    assert type(state_of(record)) is kind


def test_the_table_of_the_page_has_what_signals_mean_and_no_more() -> None:
    meant: dict[str, set[type[State]]] = {}
    for record, kind in TABLE:
        meant.setdefault(record.signal, set()).add(kind)
    assert meant == {name: set(kinds) for name, kinds in EVENTS.items() if " " not in name}


@pytest.mark.parametrize(
    ("facts", "attempt"),
    [
        ({"max_retries": 3}, (1, 1)),  # each task of Celery's has this
        ({"max_retries": 3, "may_retry": True}, (1, 4)),
        ({"max_retries": 3, "retries": 1}, (2, 4)),
        ({"max_retries": 1, "retries": 3}, (4, 4)),  # a retry may ask for more
        ({"retries": 3}, (4, 4)),
        ({"retries": 10**9}, (1, 1)),
    ],
)
def test_an_attempt_has_a_number_of_how_many(facts: Mapping[str, object], attempt: tuple[int, int]) -> None:
    run = run_of(signal("task_prerun", **facts))
    assert (run.attempt, run.attempts) == attempt


def test_a_retry_without_a_limit_says_that_there_is_another_attempt() -> None:
    run = run_of(signal("task_retry", retries=3))
    assert (run.attempt, run.attempts) == (4, 5)


def test_a_stop_is_no_retry() -> None:
    run = run_of(signal("task_retry", stopped=True, max_retries=3))
    assert (run.attempt, run.attempts, run.redelivered) == (1, 1, False)
    assert run_of(signal("task_retry", stopped=True, acks_late=True)).redelivered
    assert told_by([signal("task_retry", stopped=True)]) == ["load was aborted: its worker was stopped"]
    late = [signal("task_prerun"), signal("task_retry", stopped=True, acks_late=True), signal("task_prerun", redelivered=True)]
    assert told_by(late) == [
        "load started",
        "load is queued: its worker was stopped: it is delivered again",
        "load started: delivered again: an earlier delivery did not come to its end",
    ]


@pytest.mark.parametrize(
    ("facts", "due"),
    [
        ({"delay": 60}, AT + timedelta(minutes=1)),
        ({"due": AT + timedelta(days=1)}, AT + timedelta(days=1)),
        ({}, None),
    ],
)
def test_a_retry_says_when(facts: Mapping[str, object], due: datetime | None) -> None:
    state = state_of(signal("task_retry", error=OSError("x"), **facts))
    assert isinstance(state, s.Retrying)
    assert state.start_time == due


def test_a_canvas_counts_its_tasks() -> None:
    (event,) = translate(CanvasEnd(AT, "report", "r9", "load", False, OSError("disk full"), None, ["check", "report"], None))
    assert [(detail.title, detail.text) for detail in event.facts.details] == [
        ("Tasks", "1 Failed, 2 TriggerFailed"),
        ("Failed or not run", "load Failed: OSError: disk full\ncheck TriggerFailed\nreport TriggerFailed"),
    ]


def test_a_fact_is_copied_whatever_it_is() -> None:
    assert fact(Hostile(), "id") is None
    assert fact(None, "id", "name") is None
    assert entry(HostileMapping(), "task") is None
    assert entry(Hostile(), "task") is None
    assert entry({"task": "load"}, "task") == "load"


class Interrupting(dict[str, object]):
    """The person presses Ctrl-C while it is read."""

    def get(self, key: str, default: object = None) -> object:
        raise KeyboardInterrupt

    def __getattr__(self, name: str) -> object:
        raise KeyboardInterrupt


def test_a_ctrl_c_passes() -> None:
    with pytest.raises(KeyboardInterrupt):
        fact(Interrupting(), "id")
    with pytest.raises(KeyboardInterrupt):
        entry(Interrupting(), "task")
