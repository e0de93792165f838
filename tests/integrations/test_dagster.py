"""What Dagster's records mean, without Dagster: golden records of real runs, and drawn ones."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.engines.golden import Case, as_json, kept, normal_sentence, revived
from tests.integrations.dagster_records import made
from tocsin import (
    Aborted,
    Failed,
    Pending,
    Recording,
    Retrying,
    Running,
    Skipped,
    State,
    Success,
    TimedOut,
    interpreting,
    slack_notifier,
)
from tocsin.core.integrations.dagster import ENGINE, EVENTS, Record, RunRecord, StepRecord, named, restarted, run_of, translate
from tocsin.core.integrations.dagster_log import Entry, Log, records
from tocsin.core.integrations.foreign import NOTHING, hear
from tocsin.integrations.observer import Observer

CASES = kept("dagster")
AT = datetime(2026, 1, 1, tzinfo=UTC)


def said(case: Case) -> list[Record]:
    """Return the records of a case."""
    return [revived(each, made) for each in case.said]


def told(records: Sequence[Record]) -> list[str]:
    """Return the sentences that people get."""
    observer = Observer(ENGINE, [slack_notifier])
    with interpreting(Recording()) as recording:
        for record in records:
            observer.observe(lambda record=record: record)  # type: ignore[misc] # mypy infers no type for a lambda with a default
    return [normal_sentence(effect.payload.fallback) for effect in recording.slack]


def kinds(record: Record) -> list[type[State]]:
    """Return the kinds of the states that a record leads to, if nothing was heard before."""
    found: list[type[State]] = []
    for event in translate(record):
        news = hear(NOTHING, run_of(record), event, (), ends=True)
        assert news is not None
        found += [type(state) for _, state in news.heard.states.values()]
    return found


# --- golden records ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", CASES)
def test_what_was_told_of_a_real_run(name: str) -> None:
    assert told(said(CASES[name])) == list(CASES[name].told)


@pytest.mark.parametrize("name", CASES)
def test_a_record_leads_to_one_of_the_kinds_of_its_event(name: str) -> None:
    for record in said(CASES[name]):
        (kind,) = kinds(record)
        assert kind in EVENTS[record.event]


def test_each_kind_of_each_event_was_seen() -> None:
    seen = {(record.event, kind) for case in CASES.values() for record in said(case) for kind in kinds(record)}
    others = {("STEP_FAILURE", TimedOut), ("RUN_CANCELED", TimedOut)}
    assert seen | others == {(event, kind) for event, each in EVENTS.items() for kind in each}


@pytest.mark.parametrize("name", CASES)
def test_what_is_heard_twice_is_told_once(name: str) -> None:
    once = said(CASES[name])
    assert told([record for record in once for _ in range(2)]) == told(once)


@given(st.sampled_from(sorted(CASES)), st.data())
def test_what_is_heard_in_any_order_has_one_end(name: str, data: st.DataObject) -> None:
    once = said(CASES[name])
    sentences = told(data.draw(st.permutations(once * 2)))
    ends = [sentence for sentence in sentences if " started" not in sentence and "tried again" not in sentence]
    assert len(ends) == len({run_of(record).key for record in once if not {*EVENTS[record.event]} & {Running, Retrying}})


def test_a_record_says_the_same_after_it_was_kept() -> None:
    for case in CASES.values():
        for record, each in zip(said(case), case.said, strict=True):
            again = as_json(record)
            assert isinstance(again, dict)
            assert isinstance(each, dict)
            assert {**again, "link": each["link"]} == each  # the placeholder of a link is none


# --- records ----------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("event", "facts", "kind", "message"),
    [
        ("STEP_FAILURE", {"error": TimeoutError("late")}, TimedOut, "TimeoutError: late"),
        ("STEP_FAILURE", {"error": KeyboardInterrupt()}, Aborted, "Interrupted."),
        ("STEP_FAILURE", {"chain": [("KeyboardInterrupt", "KeyboardInterrupt\n")]}, Aborted, "Interrupted."),
        ("STEP_FAILURE", {"chain": [("TimeoutError", "TimeoutError: late\n")]}, TimedOut, "TimeoutError: late"),
        ("STEP_FAILURE", {"reason": "Step load failed its health check"}, Failed, "Step load failed its health check"),
        ("STEP_FAILURE", {}, Failed, None),
        ("STEP_FAILURE", {"chain": [("no name!", "")]}, Failed, "Unexpected error: Error()"),
        ("STEP_SKIPPED", {}, Skipped, "a step before it was skipped, or had no output for it"),
        ("PIPELINE_CANCELED", {}, Aborted, "the run was canceled"),
        ("PIPELINE_CANCELED", {"reason": "Exceeded maximum runtime of 9 seconds."}, TimedOut, "Exceeded maximum runtime of 9 seconds."),
        ("PIPELINE_FAILURE", {"reason": "The run worker is lost"}, Failed, "The run worker is lost"),
        ("PIPELINE_FAILURE", {"chain": [("Dagster", "Dagster: in itself")]}, Failed, "Unexpected error: Dagster('in itself')"),
        (
            "PIPELINE_FAILURE",
            {"steps": [(each, "Failed", "") for each in "abcdefg"]},
            Failed,
            "7 of 7 steps failed: a, b, c, d, e and 2 more",
        ),
        ("PIPELINE_FAILURE", {"steps": [("a", "Aborted", ""), ("b", "Success", "")]}, Aborted, "1 of 2 steps failed: a"),
    ],
)
def test_an_end(event: str, facts: Mapping[str, object], kind: type[State], message: str | None) -> None:
    record = made("RunRecord" if event.startswith("PIPELINE") else "StepRecord", {"event": event, "run_id": "r1", "at": AT, **facts})
    news = hear(NOTHING, run_of(record), translate(record)[0], (), ends=True)
    assert news is not None
    ((_, state),) = news.heard.states.values()
    assert (type(state), state.message) == (kind, message)


def test_the_next_attempt_has_its_time() -> None:
    (event,) = translate(StepRecord("STEP_UP_FOR_RETRY", at=AT, wait=30))
    state = getattr(event, "state", None)
    assert isinstance(state, Retrying)
    assert state.start_time == AT + timedelta(seconds=30)


@pytest.mark.parametrize(
    ("record", "numbers"),
    [
        (StepRecord("STEP_SUCCESS", attempt=3), (3, 3)),
        (StepRecord("STEP_SUCCESS", attempt=2, retries=4), (2, 5)),
        (StepRecord("STEP_UP_FOR_RETRY", attempt=2), (2, 3)),
        (StepRecord("STEP_FAILURE", attempt=2, chain=[("RetryRequested", "Exceeded max_retries of 1\n")]), (2, 2)),
        (StepRecord("STEP_FAILURE", attempt=7, retries=1), (7, 7)),
    ],
)
def test_the_numbers_of_an_attempt(record: StepRecord, numbers: tuple[int, int]) -> None:
    foreign = run_of(record)
    assert (foreign.attempt, foreign.attempts) == numbers


def test_a_hook_knows_how_long_a_step_took_and_so_when_it_began() -> None:
    assert run_of(StepRecord("STEP_SUCCESS", at=AT, took=60)).started == AT - timedelta(minutes=1)


def test_the_key_of_a_step_has_its_map_index() -> None:
    keys = ["load", "load[0]", "load[12]", "load[012]", "load[north]", "load[1000001]", "load[99999999999]", "[1]", "a.b[2]"]
    assert [named(key) for key in keys] == [
        ("load", None),
        ("load", 0),
        ("load", 12),
        ("load[012]", None),
        ("load[north]", None),
        ("load[1000001]", None),
        ("load[99999999999]", None),
        ("[1]", None),
        ("a.b", 2),
    ]


def test_the_number_of_an_attempt_in_a_message() -> None:
    assert restarted('Started re-execution (attempt # 12) of step "load".') == 12
    assert restarted("Started.") is None
    assert restarted(None) is None


def test_a_step_with_the_name_of_its_job_is_another_run() -> None:
    assert run_of(StepRecord("STEP_SUCCESS", "load", "r1", "load")).key != run_of(RunRecord("RUN_SUCCESS", "load", "r1")).key


# --- the log ----------------------------------------------------------------------------------------------------------------------


def log(*entries: Entry, plan: Sequence[str] = ()) -> Log:
    """Return the log of a run of one job."""
    return Log(entries, "nightly", "r1", plan, AT)


def ends(*entries: Entry, plan: Sequence[str] = ()) -> list[tuple[str, str, str]]:
    """Return how the steps of a run ended."""
    last = records(log(*entries, plan=plan))[-1]
    assert isinstance(last, RunRecord)
    return list(last.steps)


def test_attempts_are_counted() -> None:
    entries = [Entry("STEP_START", "a"), Entry("STEP_UP_FOR_RETRY", "a"), Entry("STEP_RESTARTED", "a"), Entry("STEP_SUCCESS", "a")]
    assert [(record.event, run_of(record).attempt) for record in records(log(*entries))] == [
        ("STEP_START", 1),
        ("STEP_UP_FOR_RETRY", 1),
        ("STEP_RESTARTED", 2),
        ("STEP_SUCCESS", 2),
    ]


def test_an_attempt_that_our_hook_told_is_left_out() -> None:
    ours = 'Finished the execution of hook "tocsin" triggered for "a".'
    other = 'Finished the execution of hook "slack" triggered for "b".'
    entries = [
        *(Entry("STEP_START", "a"), Entry("STEP_UP_FOR_RETRY", "a"), Entry("HOOK_COMPLETED", "a", message=ours)),
        *(Entry("STEP_RESTARTED", "a"), Entry("STEP_FAILURE", "a"), Entry("HOOK_COMPLETED", None, message=ours)),
        *(Entry("STEP_START", "b"), Entry("STEP_SUCCESS", "b"), Entry("HOOK_COMPLETED", "b", message=other)),
        *(Entry("HOOK_ERRORED", "c", message=ours), Entry("HOOK_COMPLETED", "b")),
    ]
    assert [(record.event, run_of(record).name) for record in records(log(*entries))] == [
        ("STEP_RESTARTED", "a"),
        ("STEP_FAILURE", "a"),
        ("STEP_START", "b"),
        ("STEP_SUCCESS", "b"),
    ]


def test_each_and_summary_choose() -> None:
    whole = log(Entry("RUN_START"), Entry("STEP_START", "a"), Entry("STEP_SUCCESS", "a"), Entry("RUN_SUCCESS"))
    assert [record.event for record in records(whole, each=False)] == ["RUN_START", "RUN_SUCCESS"]
    assert [record.event for record in records(whole, summary=False)] == ["STEP_START", "STEP_SUCCESS"]
    assert records(whole, each=False, summary=False) == ()


def test_what_never_ran_was_not_reached_or_not_begun() -> None:
    plan = ["a", "b", "part[?]", "other[?]", "part[?]"]
    failed, part = [Entry("STEP_START", "a"), Entry("STEP_FAILURE", "a")], [Entry("STEP_START", "part[0]")]
    assert ends(*failed, *part, Entry("RUN_FAILURE"), plan=plan) == [
        ("a", "Failed", ""),
        ("part[0]", "Running", ""),
        ("b", "TriggerFailed", ""),
        ("other", "TriggerFailed", ""),
    ]
    assert ends(Entry("RUN_CANCELED"), plan=["a"]) == [("a", Pending.__name__, "")]
    assert ends(Entry("STEP_SUCCESS", "a"), Entry("RUN_SUCCESS"), plan=plan) == [("a", Success.__name__, "")]


def test_a_crash_has_its_reason_from_the_engine() -> None:
    crash = [("ChildProcessCrashException", "dagster.ChildProcessCrashException\n")]
    message = "Multiprocess executor: child process for step a unexpectedly exited with code 3."
    entries = [Entry("STEP_START", "a"), Entry("ENGINE_EVENT", "a", message=message), Entry("STEP_FAILURE", "a", chain=crash)]
    assert ends(*entries, Entry("ENGINE_EVENT", "a"), Entry("RUN_FAILURE")) == [
        ("a", "Failed", "ChildProcessCrashException: its process unexpectedly exited with code 3")
    ]
    again = [Entry("STEP_RESTARTED", "a"), Entry("STEP_FAILURE", "a", chain=crash)]
    assert ends(*entries, *again, Entry("RUN_FAILURE")) == [("a", "Failed", "ChildProcessCrashException")]


def test_a_step_without_an_error_has_the_message_of_its_event() -> None:
    assert ends(Entry("STEP_FAILURE", "a", message="no health"), Entry("RUN_FAILURE")) == [("a", "Failed", "no health")]


def test_durations_come_from_the_times_of_the_log() -> None:
    later = AT + timedelta(seconds=5)
    said = records(log(Entry("STEP_START", "a", AT), Entry("STEP_SUCCESS", "a", later), Entry("STEP_RESTARTED", "a", later)))
    assert [getattr(record, "took", None) for record in said] == [None, timedelta(seconds=5), None]
    backwards = records(log(Entry("RUN_START", None, later), Entry("RUN_SUCCESS", None, AT)))[-1]
    assert backwards.took == timedelta(0)
    assert backwards.at == AT


def test_a_run_is_over_time_if_its_cancelling_says_so() -> None:
    told = [
        Entry("RUN_CANCELING", message="Canceling due to exceeding maximum runtime of 9 seconds."),
        Entry("RUN_CANCELING", message="x"),
    ]
    last = records(log(*told, Entry("RUN_FAILURE", chain=[("Lost", "Lost")])))[-1]
    assert last.reason == "Canceling due to exceeding maximum runtime of 9 seconds."


# --- drawn facts ------------------------------------------------------------------------------------------------------------------


class Hostile:
    """Raises in each attribute and operation."""

    def __getattribute__(self, name: str) -> object:
        raise RuntimeError(name)

    def __str__(self) -> str:
        raise RuntimeError

    def __hash__(self) -> int:
        raise RuntimeError


class Loud(str):
    """A text of a subclass that raises."""

    __slots__ = ()

    def __str__(self) -> str:
        raise RuntimeError

    def __format__(self, how: str) -> str:
        raise RuntimeError


FACTS: st.SearchStrategy[object] = st.one_of(
    st.none(),
    st.sampled_from([*EVENTS, "PIPELINE_START", "PIPELINE_FAILURE", "PIPELINE_CANCELED", "load[3]", "Exceeded max_retries of 3"]),
    st.text(max_size=5),
    st.integers(),
    st.builds(lambda: 10**5000),  # its text is refused
    st.floats(),
    st.booleans(),
    st.datetimes(),
    st.timedeltas(),
    st.builds(Hostile),
    st.just(Loud("STEP_FAILURE")),
    st.builds(ValueError, st.text(max_size=3)),
    st.builds(KeyboardInterrupt),
    st.lists(st.tuples(st.text(max_size=5), st.text(max_size=5)), max_size=2),
    st.lists(st.tuples(st.text(max_size=5), st.sampled_from(["Failed", "Aborted", "?"]), st.none()), max_size=2),
    st.just([("ChildProcessCrashException", ""), 3, Hostile()]),
)


@given(
    st.sampled_from([StepRecord, RunRecord]),
    st.one_of(st.sampled_from([*EVENTS]), FACTS),
    st.lists(FACTS, max_size=9),
)
def test_translation_is_total(kind: type[StepRecord] | type[RunRecord], event: object, facts: list[object]) -> None:
    record = kind(event, *facts)
    assert all(hear(NOTHING, run_of(record), each, (), ends=True) is not None for each in translate(record))
    assert record.event in EVENTS or translate(record) == ()
    told([record])


@given(
    st.lists(
        st.builds(Entry, st.one_of(st.sampled_from([*EVENTS, "ENGINE_EVENT", "HOOK_COMPLETED"]), FACTS), *[FACTS] * 7), max_size=6
    ),
    FACTS,
)
def test_any_log_has_records(entries: list[Entry], plan: object) -> None:
    for record in records(Log(tuple(entries), "nightly", "r1", plan)):
        translate(record)
        run_of(record)
