"""Laws of the state machine: it is deterministic, a list of handlers yields the effects of its parts in order, keys are unique."""

from datetime import timedelta

import attrs
from hypothesis import given
from hypothesis import strategies as st

from tests.laws.runs import NOW, Fed, Foreign, feed, foreign, harmless, ignored, notifiers
from tests.laws.user_kinds import EVERY
from tocsin import Run, State, Step, signals, step
from tocsin import events as e
from tocsin.core import states as s
from tocsin.core.changes import Key, Streak, slugs
from tocsin.core.effects import Effect
from tocsin.core.events import Event, Measured
from tocsin.core.filters.algebra import everything
from tocsin.core.machine import Announcement, Subject, advance, announce, is_final, propose
from tocsin.core.notifiers import Callback, Messenger, Notifier, SlackNotifier
from tocsin.core.outcomes import Fault
from tocsin.core.text import describe
from tocsin.core.transitions import completed
from tocsin.testing import strategies
from tocsin.testing.strategies import event
from tocsin.testing.value_strategies import TrackedJob

Handlers = list[Notifier] | list[Foreign] | list[Notifier | Foreign]

several = st.lists(notifiers(), max_size=3)
between = st.lists(harmless, max_size=3)
complete = (  # the machine completes other states, by the time and the attempt
    strategies.states(*EVERY).filter(lambda state: not isinstance(state, s.Retrying)).map(lambda state: completed(state, NOW, 1))
)
scenes = st.one_of(
    st.tuples(strategies.states(s.Pending, s.Scheduled), event(e.Started)),
    st.tuples(strategies.states(s.Running), st.one_of(event(e.Succeeded), event(e.Raised), event(e.Signalled))),
    st.tuples(strategies.states(s.Failed, s.TimedOut, s.TriggerFailed), event(e.RetryDue)),
)


def run_in(state: State, *handlers: Notifier | Foreign) -> Run:
    return Run(Subject(TrackedJob("load"), handlers, "r1", "load", attempts=3), state)


def fed(scene: tuple[State, Event], *handlers: Notifier | Foreign) -> Fed:
    state, happened = scene
    outcome = feed(run_in(state, *handlers), happened)
    assert outcome is not None
    return outcome


def keyed(effects: tuple[Effect, ...], shift: int = 0) -> list[tuple[Effect, Key]]:
    return [(effect, attrs.evolve(effect.key, position=effect.key.position + shift)) for effect in effects]


def words(faults: tuple[Fault, ...]) -> list[str]:
    return [f"{fault.where}: {describe(fault.error)}" for fault in faults]


# --- phases -------------------------------------------------------------------------------------------------------------------


@given(event(e.Started), st.lists(strategies.events(), max_size=5))
def test_a_duration_is_what_was_measured_and_never_negative_whatever_the_clock_showed(started: e.Started, then: list[Event]) -> None:
    run = step(Run(Subject(TrackedJob("load"), (), "r1", "load", attempts=3)), started).unwrap().run
    for happened in then:
        stepped = advance(run, happened)
        if not isinstance(stepped, Step):
            continue
        run = stepped.run
        if stepped.announced is None or not run.state.is_finished():
            continue
        duration = stepped.announced.change.duration
        assert (duration is None) is (run.started_at is None)
        if duration is not None:
            assert duration >= timedelta(0)
            assert not isinstance(happened, Measured) or happened.took in {None, duration}


@given(scenes, several, st.tuples(st.booleans(), st.integers(1, 5)))
def test_a_streak_that_is_added_to_a_proposed_change_counts_as_one_known_before(
    scene: tuple[State, Event], handlers: list[Notifier], length: tuple[bool, int]
) -> None:
    run, past = run_in(scene[0], *handlers), Streak(*length)
    proposed = propose(run, scene[1])
    assert isinstance(proposed, Announcement)
    known = advance(attrs.evolve(run, subject=attrs.evolve(run.subject, past=past)), scene[1])
    assert isinstance(known, Step)
    assert shown(announce(proposed.remembering(past))) == shown(known)


@given(strategies.states(*EVERY), strategies.events(), between)
def test_a_step_ends_a_run_once_by_a_success_or_a_failure_that_nothing_follows(
    state: State, happened: Event, handlers: list[Foreign]
) -> None:
    run = run_in(state, *handlers)
    stepped = advance(run, happened)
    if isinstance(stepped, Step) and stepped.ends:
        proposed = stepped.announced or stepped.run.asking
        assert proposed is not None
        assert is_final(proposed.after)
        assert proposed.after.state.is_failed() or proposed.after.state.is_successful()
        again = advance(proposed.after, happened)
        assert not isinstance(again, Step) or not again.ends


# --- step ---------------------------------------------------------------------------------------------------------------------


def shown(outcome: Step) -> tuple[object, ...]:
    return outcome.run, keyed(outcome.effects), words(outcome.faults), outcome.ask, outcome.announced


@given(
    strategies.states(*EVERY),
    strategies.events(),
    st.lists(notifiers() | foreign(strategies.states()), max_size=3),
    strategies.tracked(),
    strategies.texts(),
)
def test_step_is_deterministic_and_raises_nothing(
    state: State, happened: Event, handlers: Handlers, job: TrackedJob, slug: str
) -> None:
    run = Run(Subject(job, tuple(handlers), "r1", slug), state)
    once, again = step(run, happened), step(run, happened)
    assert once.map(shown).value_or(None) == again.map(shown).value_or(None)
    assert once.swap().value_or(None) == again.swap().value_or(None)


# --- handlers -----------------------------------------------------------------------------------------------------------------


@given(scenes, several, between, several)
def test_a_list_of_handlers_yields_the_effects_of_its_parts(
    scene: tuple[State, Event], first: list[Notifier], middle: list[Foreign], last: list[Notifier]
) -> None:
    whole, one, other = fed(scene, *first, *middle, *last), fed(scene, *first), fed(scene, *last)
    assert keyed(whole.effects) == keyed(one.effects) + keyed(other.effects, len(first) + len(middle))
    assert words(whole.faults) == words(one.faults) + words(fed(scene, *middle).faults) + words(other.faults)
    assert whole.run.state == one.run.state


@given(scenes, st.lists(notifiers(st.just(everything)) | harmless | foreign(complete), max_size=6))
def test_each_handler_is_shown_the_old_state_and_what_those_before_returned(scene: tuple[State, Event], handlers: Handlers) -> None:
    alone = fed(scene).announced
    assert alone is not None
    shown, expected = alone.change, list[Effect]()
    for position, handler in enumerate(handlers):
        if isinstance(handler, Notifier):
            expected += handler.notice(shown, position).effects
        elif isinstance(handler.answer, State):
            settled = completed(handler.answer, scene[1].at, alone.after.attempt)
            shown = attrs.evolve(shown, new=settled, final=is_final(attrs.evolve(alone.after, state=settled)))
    whole = fed(scene, *handlers)
    assert keyed(whole.effects) == keyed(tuple(expected))
    assert whole.run.state == shown.new


@given(scenes, several, complete, several)
def test_a_signal_of_a_handler_is_the_state_and_skips_the_handlers_after_it(
    scene: tuple[State, Event], first: list[Notifier], state: State, last: list[Notifier]
) -> None:
    whole = fed(scene, *first, Foreign(signals.ENDRUN(state)), *last)
    assert keyed(whole.effects) == keyed(fed(scene, *first).effects)
    assert whole.run.state == completed(state, scene[1].at, whole.run.attempt)
    assert whole.run.ended


@given(scenes, several)
def test_each_exception_of_users_code_is_a_fault_and_the_effects_remain(scene: tuple[State, Event], handlers: list[Notifier]) -> None:
    alone = fed(scene).announced
    assert alone is not None
    notices = [handler.notice(alone.change) for handler in handlers]
    assert words(fed(scene, *handlers).faults) == [word for notice in notices for word in words(notice.faults)]
    assert all(notice.effects for notice in notices if notice.faults)


# --- what is said -------------------------------------------------------------------------------------------------------------


@given(strategies.states(*EVERY), event(e.Said), st.lists(notifiers() | harmless | foreign(strategies.states()), max_size=4))
def test_what_is_said_changes_nothing_and_each_notifier_of_messages_sends_it(state: State, said: e.Said, handlers: Handlers) -> None:
    run = attrs.evolve(run_in(state, *handlers), due=True)
    stepped = advance(run, said)
    assert isinstance(stepped, Step) is not state.is_finished()
    if isinstance(stepped, Step):
        assert stepped.run == attrs.evolve(run, ordinal=run.ordinal + 1)
        assert (stepped.ask, stepped.faults, stepped.ends) == (None, (), False)
        positions = [
            place
            for place, handler in enumerate(handlers)
            if isinstance(handler, Messenger) and (not said.edits or (isinstance(handler, SlackNotifier) and handler.bot is not None))
        ]
        assert [effect.key for effect in stepped.effects] == [Key("r1", "load", None, 0, place) for place in positions]
        assert stepped.announced is not None
        assert stepped.announced.said == said.words


# --- keys ---------------------------------------------------------------------------------------------------------------------

SCRIPT: tuple[Event, ...] = (
    e.Started(NOW),
    e.Succeeded(NOW),
    e.Raised(NOW, error=OSError()),
    e.Signalled(NOW, state=s.Looped()),
    e.Signalled(NOW, state=s.Retrying()),
    e.TimedOutAt(NOW),
    e.RetryDue(NOW, attempt=1, attempts=3),
    e.LoopDue(NOW, index=1),
    e.CacheStored(NOW),
    e.CacheInvalid(NOW),
    e.MappingPrepared(NOW, n=2),
    e.ChildrenSubmitted(NOW),
    e.PauseAsked(NOW),
    e.Resumed(NOW),
    e.Said(NOW, text="half of it is done"),
)
names = st.sampled_from(["load", "load-2", "load-2-2", "load.0", "load..0.0"])


@given(st.lists(st.tuples(names, st.integers(0, 3), st.lists(st.sampled_from(SCRIPT), max_size=12)), max_size=5))
def test_no_two_announcements_have_the_same_key(tasks: list[tuple[str, int, list[Event]]]) -> None:
    handlers = (SlackNotifier(), SlackNotifier(), Callback(ignored, State.is_finished))
    keys: list[Key] = []
    for slug, (name, children, script) in zip(slugs(name for name, _, _ in tasks), tasks, strict=True):
        for index in (None, *range(children)):
            run = Run(Subject(TrackedJob(name), handlers, "r1", slug, index))
            for happened in script:
                outcome = feed(run, happened)
                run, keys = (run, keys) if outcome is None else (outcome.run, [*keys, *(effect.key for effect in outcome.effects)])
    assert len(keys) == len({*keys}) == len({str(key) for key in keys})
