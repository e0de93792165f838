"""One failure, one message: the innermost that reached anybody tells it, and those around say so on their reports."""

import asyncio
import copy
import pickle
from collections.abc import Generator

import attrs
import pytest
from returns.io import IOResult

from tests.watching.watched_bodies import Body, raised, raising
from tocsin import Failed, Recording, State, callback_factory, interpreting, slack_notifier, watch
from tocsin.core.outcomes import refused
from tocsin.effects import DeliveryError, Effect, PostToSlack, Receipt, Rejected
from tocsin.watching.context import WatchedRun
from tocsin.watching.emit import ANYWHERE, mark, told_by

TELL = [slack_notifier(only_states=[Failed])]


@attrs.frozen
class Down:
    """Slack is down."""

    def __call__(self, effect: Effect, /) -> IOResult[Receipt, DeliveryError]:
        return refused(Rejected("Slack is down"))


def tellers(body: Body) -> list[str]:
    """Who told of a failure, in order."""
    with interpreting(Recording()) as recording:
        raised(body)
    return [effect.payload.text.split(" is now")[0] for effect in recording.effects if isinstance(effect, PostToSlack)]


def explained(run: WatchedRun) -> str:
    assert run.report is not None
    return run.report.explain()


@watch(state_handlers=TELL)
def inner() -> None:
    raise ValueError("no rows")


def test_the_innermost_tells_and_those_around_say_so() -> None:
    runs: list[WatchedRun] = []

    def nested() -> None:
        with watch("outermost", state_handlers=TELL) as outermost, watch("outer", state_handlers=TELL) as outer:
            runs.extend([outermost, outer])
            inner()

    assert tellers(nested) == ["inner"]
    for run in runs:
        assert "not sent: 'inner', inside it, already announced this failure" in explained(run)


def test_retell_tells_again_and_then_it_is_the_one_that_told() -> None:
    runs: list[WatchedRun] = []

    def nested() -> None:
        with watch("a", state_handlers=TELL) as run, watch("b", state_handlers=TELL, retell=True):
            runs.append(run)
            inner()

    assert tellers(nested) == ["inner", "b"]
    assert "'b', inside it, already announced" in explained(runs[0])


def test_where_the_inner_one_reached_nobody_the_outer_tells() -> None:
    def silent() -> None:
        with watch("outer", state_handlers=TELL), watch("silent", state_handlers=[]):
            raise ValueError("no rows")

    def unreachable() -> None:
        with watch("outer", state_handlers=TELL), interpreting(Down()), watch("unreachable", state_handlers=TELL):
            raise ValueError("no rows")

    def called() -> None:
        with watch("outer", state_handlers=TELL), watch("called", state_handlers=[], on_failure=lambda run, state: None):
            raise ValueError("no rows")

    assert [tellers(body) for body in (silent, unreachable, called)] == [["outer"]] * 3


def test_another_exception_is_another_failure() -> None:
    def turned() -> None:
        with watch("outer", state_handlers=TELL):
            try:
                inner()
            except ValueError as error:
                raise LookupError("no rows") from error

    assert tellers(turned) == ["inner", "outer"]


def test_one_object_that_is_raised_twice_is_two_failures() -> None:
    error = ValueError("made once")

    def again() -> None:
        for name in ("one", "two", "three"):
            with pytest.raises(ValueError, match="once"), watch(name, state_handlers=TELL):
                raise error

    assert tellers(again) == ["one", "two", "three"]


def test_callbacks_of_the_outer_one_are_called() -> None:
    called: list[State] = []

    def note(run: object, state: State) -> None:
        called.append(state)

    def keep(tracked_obj: object, old: State, new: State) -> None:
        note(tracked_obj, new)

    outer = watch("outer", state_handlers=[callback_factory(note, State.is_failed), keep])
    with interpreting(Recording()) as recording, pytest.raises(ValueError, match="no rows"), outer:
        inner()
    assert [type(effect).__name__ for effect in recording.effects] == ["PostToSlack", "CallBack"]
    assert called[-1].is_failed()


def test_a_generator_is_around_what_it_calls() -> None:
    @watch("generator", state_handlers=TELL)
    def items() -> Generator[int, None, None]:
        yield 1
        inner()

    assert tellers(lambda: list(items()).clear()) == ["inner"]


def test_a_task_of_an_event_loop_is_inside_of_what_started_it() -> None:
    @watch(state_handlers=TELL)
    async def fetch(name: str) -> None:
        raise ValueError(name)

    @watch(state_handlers=TELL)
    async def gathered() -> None:
        await asyncio.gather(fetch("a"), asyncio.sleep(0))

    @watch(state_handlers=TELL)
    async def grouped(*, another: bool) -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(fetch("a"))
            group.create_task(fetch("b"))
            raising(LookupError("mine") if another else None)()

    assert tellers(lambda: asyncio.run(gathered())) == ["fetch"]
    assert tellers(lambda: asyncio.run(grouped(another=False))) == ["fetch", "fetch"]
    assert tellers(lambda: asyncio.run(grouped(another=True)))[-1] == "grouped"


def test_a_group_was_told_of_where_all_in_it_were() -> None:
    one, two = ValueError("one"), ValueError("two")
    group = ExceptionGroup("both", [one, ExceptionGroup("deeper", [two])])
    mark(one, "first", ["r1"])
    assert told_by(group, "r1") is None
    mark(two, "second", ["r1"])
    assert told_by(group, "r1") == "first, second"
    mark(two, "first", ["r1"])
    assert told_by(group, "r1") == "first"
    assert told_by(group, "r2") is None


def test_a_copy_was_never_told_of() -> None:
    error = ValueError("no rows")
    mark(error, "inner", [ANYWHERE])
    assert told_by(error, ANYWHERE) == "inner"
    for other in (copy.copy(error), copy.deepcopy(error), pickle.loads(pickle.dumps(error))):
        assert (str(other), told_by(other, ANYWHERE)) == ("no rows", None)
    shallow = copy.copy(error)
    mark(shallow, "other", [ANYWHERE])
    assert (told_by(error, ANYWHERE), told_by(shallow, ANYWHERE)) == ("inner", "other")


def test_an_exception_that_may_not_be_changed_is_told_of_all_the_same() -> None:
    @attrs.frozen
    class Fixed(Exception):
        code: int

    error = Fixed(3)
    mark(error, "inner", ["r1"])
    assert told_by(error, "r1") == "inner"


def test_what_is_written_on_an_exception_does_not_grow() -> None:
    error = ValueError("made once")
    for number in range(100):
        mark(error, "inner", [ANYWHERE, f"r{number}"])
    assert told_by(error, "r99") == told_by(error, "r95") == told_by(error, ANYWHERE) == "inner"
    assert told_by(error, "r1") is None
    raised(raising(error))
