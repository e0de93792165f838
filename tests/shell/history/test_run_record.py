"""The record of a run, with and without the version of tocsin; and an end as a line."""

import json
from datetime import UTC, datetime, timedelta
from importlib import metadata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.shell.history.test_store import ended
from tocsin import Aborted, Failed, Success, Task, slack_notifier
from tocsin.core.changes import UNREMEMBERED, Streak
from tocsin.core.events import UNKNOWN
from tocsin.core.machine import Subject
from tocsin.shell.history.run_record import KeptEnd, RunRecord

MOMENTS = st.floats(0.0, 1e10)
NUMBERS = st.integers(1, 10**6)
STREAKS = st.just(UNREMEMBERED) | st.builds(Streak, st.booleans(), NUMBERS)
ENDS = st.builds(
    KeptEnd,
    run_id=st.text(max_size=20),
    ordinal=st.integers(0, 10**6),
    attempt=NUMBERS,
    attempts=NUMBERS,
    kind=st.sampled_from(["Failed", "Success", "Aborted", "OfTheUsers"]),
    failed=st.booleans(),
    message=st.none() | st.text(max_size=300),
    at=MOMENTS,
    started=st.none() | MOMENTS,
    status=st.none() | st.integers(0, 255),
    before=STREAKS,
)
KEPT = KeptEnd("r1", 3, 2, 4, "Failed", True, "no rows", 9.0, 8.0, 7, Streak(failed=False, length=5))


def test_the_version_is_that_of_the_package() -> None:
    assert ended("r1").version == metadata.version("tocsin")


def test_an_earlier_record_of_a_clock_that_was_set_back_took_no_time_and_not_less() -> None:
    at = datetime(2026, 1, 1, tzinfo=UTC)
    record = RunRecord.of(Failed(), run_id="r1", label="load", started=at + timedelta(hours=1), ended=at)
    assert (record.duration, ended("r2").duration) == (timedelta(0), timedelta(seconds=3))


# --- an end as a line ---------------------------------------------------------------------------------------------------------


@given(ENDS)
def test_what_is_written_is_read(kept: KeptEnd) -> None:
    assert KeptEnd.parsed(kept.line()) == kept
    assert kept.line().isascii()
    assert kept.line().isprintable()


@given(st.text() | st.recursive(st.none() | st.booleans() | st.integers() | st.floats() | st.text(), st.lists).map(json.dumps))
@example("[" * 100_000)
@example("[1" + "0" * 5000 + "]")
def test_nothing_else_is_an_end(line: str) -> None:
    assert KeptEnd.parsed(line) is None


@pytest.mark.parametrize("position", range(11))
@pytest.mark.parametrize("wrong", [[], {}, 1e300, -1.5])
def test_an_end_with_a_wrong_value_is_none(position: int, wrong: object) -> None:
    values = json.loads(KEPT.line())["end"]
    values[position] = wrong
    assert KeptEnd.parsed(json.dumps({"end": values})) is None


@pytest.mark.parametrize(
    ("kind", "failed", "read"),
    [("Aborted", True, Aborted), ("Aborted", False, Success), ("OfTheUsers", True, Failed), ("Running", True, Failed)],
)
def test_an_end_of_an_unknown_kind_is_told_as_what_it_counts(kind: str, failed: bool, read: type[object]) -> None:
    kept = KeptEnd("r1", 3, 2, 4, kind, failed, "no rows", 9.0, None, None, UNREMEMBERED)
    change = kept.announcement(Subject(Task("load"), (slack_notifier,), "now", "load", past=Streak(True, 1)), UNKNOWN).change
    assert (type(change.new), change.new.message, change.final) == (read, "no rows", True)
    assert (str(change.key(0)), change.attempt, change.attempts, change.duration) == ("r1.load..3.0", 2, 4, None)


def test_an_end_has_the_duration_of_its_last_attempt() -> None:
    announced = KEPT.announcement(Subject(Task("load"), (), "now", "load"), UNKNOWN)
    assert announced.change.duration is not None
    assert announced.change.duration.total_seconds() == 1.0
    assert KeptEnd.of(announced, KEPT.before, KEPT.status) == KEPT
