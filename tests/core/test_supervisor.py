"""Laws of the supervisor, for any happenings in any order."""

import os
import signal
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.core.supervisor import (
    Act,
    ChildEnded,
    ChildStopped,
    Continue,
    DeadlinePassed,
    Ended,
    Foreground,
    Forward,
    GiveTerminal,
    Happening,
    Kill,
    KillRest,
    Resumed,
    SignalCame,
    Supervision,
    SupervisorRules,
    Suspend,
    TakeTerminal,
    Terminate,
    describe_end,
    ending,
    named,
    status_of,
    supervise,
)

signals = st.integers(1, 64)
exits = st.integers(0, 255).map(lambda status: status << 8)
deaths = st.builds(lambda number, core: number | core, signals, st.sampled_from([0, 128]))
statuses = exits | deaths
rules = st.builds(
    SupervisorRules,
    passed_on=st.frozensets(st.integers(1, 20)),
    stopping=st.frozensets(st.integers(1, 20)),
    own_group=st.booleans(),
    for_terminal=st.frozensets(st.integers(20, 22)),
    timeout=st.none() | st.floats(0.1, 1e6),
    kill_after=st.floats(0, 1e6),
)
foregrounds: st.SearchStrategy[Foreground] = st.sampled_from(["supervisor", "process", "other", "none"])
happenings: st.SearchStrategy[Happening] = st.one_of(
    st.builds(SignalCame, signals, st.booleans()),
    st.integers(1, 20).map(SignalCame),
    st.builds(Resumed, foregrounds),
    st.builds(ChildStopped, st.integers(18, 23), foregrounds),
    st.just(DeadlinePassed()),
    statuses.map(ChildEnded),
)
histories = st.lists(happenings, max_size=12)


def supervised(rules: SupervisorRules, happened: Sequence[Happening]) -> tuple[list[Supervision], list[tuple[Act, ...]]]:
    """Return each state of the supervision, and the acts after each happening."""
    states, done = [Supervision(rules)], list[tuple[Act, ...]]()
    for happening in happened:
        now, acts = supervise(states[-1], happening)
        states.append(now)
        done.append(acts)
    return states, done


@given(rules, histories)
def test_only_the_signals_of_the_rules_are_passed_on_and_each_once(rules: SupervisorRules, happened: list[Happening]) -> None:
    states, done = supervised(rules, happened)
    for before, happening, acts in zip(states, happened, done, strict=False):
        heard = [happening] if isinstance(happening, SignalCame) and before.phase != "over" else []
        passed_on = [act for act in acts if isinstance(act, Forward)]
        assert passed_on == [Forward(each.number) for each in heard if each.missed or each.number in rules.passed_on]


@given(rules, histories)
def test_it_is_asked_before_it_is_killed_and_each_once(rules: SupervisorRules, happened: list[Happening]) -> None:
    _, done = supervised(rules, happened)
    ends = [act for acts in done for act in acts if isinstance(act, Terminate | Kill)]
    assert ends in ([], [Terminate()], [Terminate(), Kill()])


@given(rules, histories, statuses, histories)
def test_nothing_is_done_after_the_end(rules: SupervisorRules, happened: list[Happening], raw: int, more: list[Happening]) -> None:
    over = supervised(rules, [*happened, ChildEnded(raw)])[0][-1]
    assert over.phase == "over"
    for happening in more:
        assert supervise(over, happening) == (over, ())


@given(rules, histories, statuses)
def test_the_rest_of_its_group_is_killed_if_it_had_to_be_ended(rules: SupervisorRules, happened: list[Happening], raw: int) -> None:
    before = supervised(rules, [each for each in happened if not isinstance(each, ChildEnded)])[0][-1]
    _, acts = supervise(before, ChildEnded(raw))
    ended = before.timed_out or raw & 127 == signal.SIGKILL
    assert (KillRest() in acts) == (rules.own_group and ended)


@given(rules, histories)
def test_the_terminal_is_given_only_by_who_has_it_and_taken_back_once(rules: SupervisorRules, happened: list[Happening]) -> None:
    states, done = supervised(rules, happened)
    given = False
    for happening, acts in zip(happened, done, strict=True):
        if GiveTerminal() in acts:
            assert rules.own_group
            assert isinstance(happening, Resumed | ChildStopped)
            assert happening.foreground == "supervisor"
            assert acts == (GiveTerminal(), Continue())
            given = True
        if TakeTerminal() in acts:
            assert given
            assert isinstance(happening, ChildStopped | ChildEnded)
            given = False
    assert states[-1].has_terminal is given
    assert not (given and states[-1].phase == "over")


@given(rules, histories)
def test_a_supervisor_stops_only_with_its_process_in_a_terminal(rules: SupervisorRules, happened: list[Happening]) -> None:
    states, done = supervised(rules, happened)
    for before, happening, acts in zip(states, happened, done, strict=False):
        for act in acts:
            if isinstance(act, Suspend):
                assert rules.own_group
                assert before.phase == "running"
                assert isinstance(happening, ChildStopped)
                assert happening.foreground != "none"
                assert act.number == happening.number


@given(rules, histories)
def test_a_process_is_always_continued_with_its_supervisor(rules: SupervisorRules, happened: list[Happening]) -> None:
    states, done = supervised(rules, happened)
    for before, happening, acts in zip(states, happened, done, strict=False):
        if isinstance(happening, Resumed) and before.phase != "over":
            assert acts[-1] == Continue()


@pytest.mark.parametrize(("number", "stopped_by"), [(2, 2), (3, 3), (15, None), (0, None)])
def test_the_keyboard_has_ended_a_process_that_has_the_terminal(number: int, stopped_by: int | None) -> None:
    now = supervised(SupervisorRules(), [Resumed("supervisor"), ChildEnded(number)])[0][-1]
    assert now.stopped_by == stopped_by
    assert supervised(SupervisorRules(), [Resumed("other"), ChildEnded(number)])[0][-1].stopped_by is None


@given(rules, histories)
def test_without_a_time_out_a_deadline_means_nothing(rules: SupervisorRules, happened: list[Happening]) -> None:
    states, done = supervised(SupervisorRules(rules.passed_on, rules.stopping, rules.own_group), happened)
    assert all(now.phase_timeout is None and not now.timed_out for now in states)
    assert all(acts == () for happening, acts in zip(happened, done, strict=True) if isinstance(happening, DeadlinePassed))


@given(rules, histories)
def test_the_first_signal_that_stops_is_remembered(rules: SupervisorRules, happened: list[Happening]) -> None:
    states, _ = supervised(rules, [each for each in happened if not isinstance(each, Resumed | ChildStopped)])
    numbers = [each.number for each in _until_the_end(happened) if isinstance(each, SignalCame) and each.number in rules.stopping]
    assert states[-1].stopped_by == next(iter(numbers), None)


def _until_the_end(happened: Sequence[Happening]) -> Sequence[Happening]:
    ends = [index for index, each in enumerate(happened) if isinstance(each, ChildEnded)]
    return happened[: ends[0]] if ends else happened


def test_the_timeout_of_each_phase_is_that_of_the_rules() -> None:
    states, _ = supervised(SupervisorRules(timeout=60, kill_after=5), [DeadlinePassed(), DeadlinePassed(), DeadlinePassed()])
    assert [now.phase_timeout for now in states] == [60, 5, None, None]
    assert [now.phase for now in states] == ["running", "asked to end", "killed", "killed"]


# --- the end -------------------------------------------------------------------------------------------------------------


@given(statuses)
def test_a_wait_status_is_read_as_the_system_does(raw: int) -> None:
    code = os.waitstatus_to_exitcode(raw)
    assert status_of(raw) == (code if code >= 0 else 128 - code)


@given(rules, histories, st.integers(0, 0xFFFF))
def test_an_exit_status_is_one(rules: SupervisorRules, happened: list[Happening], raw: int) -> None:
    over = supervised(rules, [*happened, ChildEnded(raw)])[0][-1]
    ended = ending(over, tail=b"the end", began=0.0, started=1.0, ended=2.0)
    assert 0 <= ended.status <= 255
    assert (ended.status == 124) >= over.timed_out
    assert (ended.timed_out, ended.killed, ended.stopped_by) == (over.timed_out, over.killed, over.stopped_by)
    assert (ended.tail, ended.started, ended.ended, ended.fault) == (b"the end", 1.0, 2.0, None)
    assert describe_end(ended)


def test_what_is_not_over_has_not_failed() -> None:
    assert ending(Supervision(SupervisorRules()), tail=b"", began=0.0, started=1.0, ended=2.0).status == 0


@pytest.mark.parametrize(
    ("ended", "words"),
    [
        (Ended(status=0, began=0, started=0, ended=1), "exit status 0"),
        (Ended(status=3, began=0, started=0, ended=1), "exit status 3"),
        (Ended(status=3, stopped_by=15, began=0, started=0, ended=1), "exit status 3, after SIGTERM"),
        (Ended(status=130, signal=2, stopped_by=2, began=0, started=0, ended=1), "killed by SIGINT"),
        (Ended(status=137, signal=9, stopped_by=15, began=0, started=0, ended=1), "killed by SIGKILL, after SIGTERM"),
        (Ended(status=124, timed_out=True, signal=15, began=0, started=0, ended=1), "timed out"),
        (Ended(status=124, timed_out=True, killed=True, signal=9, began=0, started=0, ended=1), "timed out, and had to be killed"),
        (Ended(status=127, fault="no such program", began=0, started=0, ended=1), "could not be started: no such program"),
    ],
)
def test_how_it_ended_in_words(ended: Ended, words: str) -> None:
    assert describe_end(ended) == words


@pytest.mark.parametrize("number", range(1, 65))
def test_a_signal_is_called_as_the_system_calls_it_or_by_its_number(number: int) -> None:
    known = {each.value: each.name for each in signal.Signals}
    assert named(number) in {known.get(number), f"signal {number}"}


def test_common_signals_have_names() -> None:
    assert [named(number) for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM)] == ["SIGHUP", "SIGINT", "SIGTERM"]


def test_a_tail_is_in_no_repr() -> None:
    assert "secret" not in repr(Ended(status=0, tail=b"secret", began=0, started=0, ended=1))


def test_a_command_that_stops_while_it_is_ended_stops_no_supervisor() -> None:
    now = Supervision(SupervisorRules(own_group=True, timeout=1.0))
    ending_now, _ = supervise(now, DeadlinePassed())
    assert ending_now.phase != "running"
    assert supervise(ending_now, ChildStopped(signal.SIGSTOP, "process")) == (ending_now, ())
