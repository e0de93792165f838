"""A driver of the state machine: runs with handlers, and the answers of foreign handlers."""

from datetime import UTC, datetime

import attrs
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from tests.laws.user_kinds import EVERY
from tocsin import Run, State
from tocsin.core.changes import Change, Tracked
from tocsin.core.effects import Effect
from tocsin.core.events import Event
from tocsin.core.filters.algebra import Filter
from tocsin.core.machine import Announcement, advance, refusal, reply
from tocsin.core.notifiers import Callback, GmailNotifier, Notifier, SlackNotifier
from tocsin.core.outcomes import Fault
from tocsin.core.transitions import IllegalTransition
from tocsin.testing import strategies

NOW = datetime(2026, 1, 1, tzinfo=UTC)


@attrs.frozen
class Foreign:
    """A foreign handler that returns its answer, or raises it."""

    answer: State | Exception | None

    def __call__(self, tracked_obj: Tracked, old: State, new: State) -> State | None:
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


@attrs.frozen
class Fed:
    """The result of an event: the run, with all effects and faults of its announcement."""

    run: Run
    effects: tuple[Effect, ...] = ()
    faults: tuple[Fault, ...] = ()
    announced: Announcement | None = None


def feed(run: Run, event: Event) -> Fed | None:
    """Feed an event, and call each handler that is asked; return None if the event is illegal."""
    stepped = advance(run, event)
    if isinstance(stepped, IllegalTransition):
        return None
    effects, faults = stepped.effects, stepped.faults
    while stepped.ask is not None:
        ask = stepped.ask
        try:
            answer = reply(ask, called(ask.handler, ask.tracked_obj, ask.old, ask.new), NOW)
        except Exception as error:
            answer = refusal(error, NOW)
        stepped = advance(stepped.run, answer)
        assert not isinstance(stepped, IllegalTransition)
        effects, faults = effects + stepped.effects, faults + stepped.faults
    return Fed(stepped.run, effects, faults, stepped.announced)


def called(handler: object, tracked_obj: Tracked, old: State, new: State) -> State | None:
    assert isinstance(handler, Foreign)
    return handler(tracked_obj, old, new)


def ignored(tracked_obj: Tracked, state: State) -> None: ...


def never(state: State) -> bool:
    return False


def raising(state: State) -> bool:
    raise LookupError("no such state")


def failing(change: Change) -> str:
    raise LookupError("no such words")


def notifiers(when: SearchStrategy[Filter] | None = None) -> SearchStrategy[Notifier]:
    """Draw notifiers; some do not notify, and some run code that raises. ``when`` draws their filters."""
    kinds = st.lists(st.sampled_from(EVERY), max_size=2)
    words = st.sampled_from([None, failing])
    return st.one_of(
        st.builds(SlackNotifier, only_states=kinds, message=words),
        st.builds(GmailNotifier, ignore_states=kinds, when=strategies.filters() if when is None else when, message=words),
        st.builds(Callback, st.just(ignored), st.sampled_from([State.is_finished, never, raising])),
    )


def foreign(*answers: SearchStrategy[State | Exception | None]) -> SearchStrategy[Foreign]:
    """Draw foreign handlers with these answers."""
    return st.builds(Foreign, st.one_of(answers))


harmless = foreign(st.none(), st.just(LookupError("no such handler")))
"""Foreign handlers that leave the state unchanged."""
