"""One failure makes one message: the innermost run that delivers one reports it, and the reports of outer runs say so."""

import asyncio
import copy
import pickle
from collections.abc import Generator
from typing import ClassVar

import attrs
import pytest
from returns.io import IOResult

from tests.watching.watched_bodies import Body, raised, raising
from tocsin import Failed, Recording, State, callback_factory, interpreting, slack_notifier, watch
from tocsin.effects import DeliveryError, Effect, PostToSlack, Receipt, Rejected
from tocsin.shell.interpreter import result_of
from tocsin.watching.context import WatchedRun
from tocsin.watching.emit import ANYWHERE, mark, told_by

HANDLERS = [slack_notifier(only_states=[Failed])]


@attrs.frozen
class Down:
    """Slack is down."""

    notify: ClassVar[str] = "none"  # it sends nothing, so it is asked whatever the environment says

    def __call__(self, effect: Effect, /) -> IOResult[Receipt, DeliveryError]:
        return result_of(Rejected("Slack is down"))


def reporters(body: Body) -> list[str]:
    """Run a body, and return the names that reported a failure, in order."""
    with interpreting(Recording()) as recording:
        raised(body)
    return [effect.payload.text.split(" is now")[0] for effect in recording.effects if isinstance(effect, PostToSlack)]


def explained(run: WatchedRun) -> str:
    assert run.report is not None
    return run.report.explain()


@watch(state_handlers=HANDLERS)
def inner() -> None:
    raise ValueError("no rows")


def test_the_innermost_reports_and_the_outer_reports_say_so() -> None:
    runs: list[WatchedRun] = []

    def nested() -> None:
        with watch("outermost", state_handlers=HANDLERS) as outermost, watch("outer", state_handlers=HANDLERS) as outer:
            runs.extend([outermost, outer])
            inner()

    assert reporters(nested) == ["inner"]
    for run in runs:
        assert "not sent: 'inner', inside it, already announced this failure" in explained(run)


def test_retell_reports_again_and_is_then_the_reporter() -> None:
    runs: list[WatchedRun] = []

    def nested() -> None:
        with watch("a", state_handlers=HANDLERS) as run, watch("b", state_handlers=HANDLERS, retell=True):
            runs.append(run)
            inner()

    assert reporters(nested) == ["inner", "b"]
    assert "'b', inside it, already announced" in explained(runs[0])


def test_the_outer_run_reports_what_the_inner_one_could_not_deliver() -> None:
    def silent() -> None:
        with watch("outer", state_handlers=HANDLERS), watch("silent", state_handlers=[]):
            raise ValueError("no rows")

    def unreachable() -> None:
        with watch("outer", state_handlers=HANDLERS), interpreting(Down()), watch("unreachable", state_handlers=HANDLERS):
            raise ValueError("no rows")

    def called() -> None:
        with watch("outer", state_handlers=HANDLERS), watch("called", state_handlers=[], on_failure=lambda run, state: None):
            raise ValueError("no rows")

    assert [reporters(body) for body in (silent, unreachable, called)] == [["outer"]] * 3


def test_another_exception_is_another_failure() -> None:
    def turned() -> None:
        with watch("outer", state_handlers=HANDLERS):
            try:
                inner()
            except ValueError as error:
                raise LookupError("no rows") from error

    assert reporters(turned) == ["inner", "outer"]


def test_one_object_that_is_raised_twice_is_two_failures() -> None:
    error = ValueError("made once")

    def again() -> None:
        for name in ("one", "two", "three"):
            with pytest.raises(ValueError, match="once"), watch(name, state_handlers=HANDLERS):
                raise error

    assert reporters(again) == ["one", "two", "three"]


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
    @watch("generator", state_handlers=HANDLERS)
    def items() -> Generator[int, None, None]:
        yield 1
        inner()

    assert reporters(lambda: list(items()).clear()) == ["inner"]


def test_a_task_of_an_event_loop_is_inside_of_what_started_it() -> None:
    @watch(state_handlers=HANDLERS)
    async def fetch(name: str) -> None:
        raise ValueError(name)

    @watch(state_handlers=HANDLERS)
    async def gathered() -> None:
        await asyncio.gather(fetch("a"), asyncio.sleep(0))

    @watch(state_handlers=HANDLERS)
    async def grouped(*, another: bool) -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(fetch("a"))
            group.create_task(fetch("b"))
            raising(LookupError("mine") if another else None)()

    assert reporters(lambda: asyncio.run(gathered())) == ["fetch"]
    assert reporters(lambda: asyncio.run(grouped(another=False))) == ["fetch", "fetch"]
    assert reporters(lambda: asyncio.run(grouped(another=True)))[-1] == "grouped"


def test_a_group_is_reported_if_each_exception_in_it_is() -> None:
    one, two = ValueError("one"), ValueError("two")
    group = ExceptionGroup("both", [one, ExceptionGroup("deeper", [two])])
    mark(one, "first", ["r1"])
    assert told_by(group, "r1") is None
    mark(two, "second", ["r1"])
    assert told_by(group, "r1") == "first, second"
    mark(two, "first", ["r1"])
    assert told_by(group, "r1") == "first"
    assert told_by(group, "r2") is None


def test_a_copy_has_no_mark() -> None:
    error = ValueError("no rows")
    mark(error, "inner", [ANYWHERE])
    assert told_by(error, ANYWHERE) == "inner"
    for other in (copy.copy(error), copy.deepcopy(error), pickle.loads(pickle.dumps(error))):
        assert (str(other), told_by(other, ANYWHERE)) == ("no rows", None)
    shallow = copy.copy(error)
    mark(shallow, "other", [ANYWHERE])
    assert (told_by(error, ANYWHERE), told_by(shallow, ANYWHERE)) == ("inner", "other")


def test_an_immutable_exception_can_be_marked() -> None:
    @attrs.frozen
    class Fixed(Exception):
        code: int

    error = Fixed(3)
    mark(error, "inner", ["r1"])
    assert told_by(error, "r1") == "inner"


def test_a_mark_does_not_grow() -> None:
    error = ValueError("made once")
    for number in range(100):
        mark(error, "inner", [ANYWHERE, f"r{number}"])
    assert told_by(error, "r99") == told_by(error, "r95") == told_by(error, ANYWHERE) == "inner"
    assert told_by(error, "r1") is None
    raised(raising(error))
