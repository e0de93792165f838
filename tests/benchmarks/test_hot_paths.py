"""Work on every change of state: most changes send no message, and should cost almost nothing."""

from datetime import UTC, datetime

import attrs
import pytest

from tests.benchmarks.ratios import Rivals
from tocsin import Pending, Run, Running, State, Task, events, gmail_notifier, slack_notifier, step, transition
from tocsin.core.machine import Subject
from tocsin.shell.handlers.currying import ForAll
from tocsin.shell.handlers.gmail import GmailHandler
from tocsin.shell.handlers.slack import SlackHandler

AT = datetime(2026, 1, 1, tzinfo=UTC)


class Plain:
    """The cheapest object with the data of a state."""

    __slots__ = ("context", "message", "result")

    def __init__(self, message: str | None = None, result: object = None, context: object = None) -> None:
        self.message = message
        self.result = result
        self.context = context


@attrs.frozen
class Frozen:
    """The cheapest frozen state."""

    message: str | None = None
    result: object = None
    context: object = None


class Begun(Frozen):
    """A state without its own fields."""

    __slots__ = ()


TABLE: dict[tuple[type[object], type[object]], type[Frozen]] = {(Frozen, events.Started): Begun}


def bare(_task: Task, _old: State, new: State) -> State:
    """The cheapest handler that ignores Running."""
    return new if isinstance(new, Running) else Pending()


def looked_up(state: Frozen, event: events.Started) -> Frozen:
    """The cheapest transition."""
    return TABLE[type(state), type(event)](event.message)


HANDLERS: list[SlackHandler[ForAll] | GmailHandler[ForAll]] = [
    slack_notifier(ignore_states=[Running]),
    slack_notifier(only_states=[Pending]),
    gmail_notifier(ignore_states=[Running]),
    gmail_notifier(only_states=[Pending]),
]


@pytest.mark.parametrize("handler", HANDLERS, ids=repr)
def test_a_change_that_is_filtered_out(handler: SlackHandler[ForAll] | GmailHandler[ForAll], rivals: Rivals) -> None:
    names = {"handler": handler, "bare": bare, "task": Task("load"), "old": Pending(), "new": Running()}
    rivals(f"filtered out: {handler!r}", 4, names, "handler(task, old, new)", "bare(task, old, new)")


def test_a_state_without_fields_of_its_own(rivals: Rivals) -> None:
    rivals("a state without own fields made", 4, {"Running": Running, "Plain": Plain}, "Running('go')", "Plain('go')")


def test_a_transition(rivals: Rivals) -> None:
    names = {"transition": transition, "looked_up": looked_up, "old": Pending(), "plain": Frozen(), "event": events.Started(AT)}
    rivals("a transition", 3, names, "transition(old, event)", "looked_up(plain, event)")


def test_a_step_with_one_notifier_that_is_filtered_out(rivals: Rivals) -> None:
    task, handler = Task("load"), slack_notifier(ignore_states=[Running])
    run = Run(Subject(task, (handler.notifier,), run_id="r", slug="load"))
    names = {"step": step, "looked_up": looked_up, "run": run, "plain": Frozen(), "event": events.Started(AT)}
    rivals("a step with one notifier, filtered out", 6, names, "step(run, event)", "looked_up(plain, event)")


def test_both_ways_lead_to_the_same_end() -> None:
    assert isinstance(looked_up(Frozen(), events.Started(AT)), Begun)
    assert bare(Task("load"), Pending(), Running()) == Running()
    assert bare(Task("load"), Running(), Running()) == slack_notifier(ignore_states=[Running])(Task("load"), Pending(), Running())
