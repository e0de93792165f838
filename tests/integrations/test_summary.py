"""The summary of a foreign run."""

from hypothesis import given
from hypothesis import strategies as st

from tocsin.core.integrations.summary import MOST, TaskEnd, summary
from tocsin.core.states import KINDS, Failed, Finished, Pending, Running, Skipped, Success, TimedOut, TriggerFailed

ends = st.builds(TaskEnd, st.text(max_size=8), st.sampled_from(KINDS), st.none() | st.text(), st.none() | st.integers(0, 9))


class Mine(Success):
    """A kind of a user's own."""


@given(st.lists(ends, max_size=60))
def test_all_tasks_are_counted_and_none_is_named_that_went_well(given_ends: list[TaskEnd]) -> None:
    details = summary(given_ends)
    named = [end for end in given_ends if issubclass(end.kind, Failed | Skipped) or not issubclass(end.kind, Finished)]
    assert len(details) == bool(given_ends) + bool(named)
    if given_ends:
        counts = [part.split(" ") for part in details[0].text.split(", ")]
        assert sum(int(number) for number, _ in counts) == len(given_ends)
    if named:
        lines = details[1].text.splitlines()
        assert len(lines) == min(len(named), MOST) + (len(named) > MOST)


def test_failures_come_first_then_what_never_ran() -> None:
    found = [
        TaskEnd("fetch", Success),
        TaskEnd("skip", Skipped, "no rows"),
        TaskEnd("open", Running),
        TaskEnd("report", TriggerFailed, "load failed"),
        TaskEnd("load", TimedOut, "late", 3),
        TaskEnd("mine", Mine),
        TaskEnd("wait", Pending),
        TaskEnd("parse", Failed),
    ]
    tasks, bad = summary(found)
    assert tasks.text == "1 TimedOut, 1 Failed, 1 TriggerFailed, 1 Skipped, 1 Running, 1 Pending, 1 Success, 1 Mine"
    assert bad.text.splitlines() == [
        "load[3] TimedOut: late",
        "parse Failed",
        "report TriggerFailed: load failed",
        "skip Skipped: no rows",
        "open Running",
        "wait Pending",
    ]


def test_what_is_left_out_is_counted_and_where_it_is_said() -> None:
    found = [TaskEnd(f"load-{number}", Failed, "x" * 1000) for number in range(MOST + 3)]
    lines = summary(found, "https://example.com/runs/1")[1].text.splitlines()
    assert (len(lines), lines[-1]) == (MOST + 1, "and 3 more: https://example.com/runs/1")
    assert all(len(line) < 200 for line in lines)
    assert summary(found)[1].text.splitlines()[-1] == "and 3 more"


def test_a_run_that_went_well_names_nothing() -> None:
    assert [detail.text for detail in summary([TaskEnd("fetch", Success)] * 1200)] == ["1,200 Success"]
