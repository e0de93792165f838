"""Laws of the compact announcements of a flow: what is made again is what was announced, for runs in any order."""

import attrs
from hypothesis import example, given
from hypothesis import strategies as st

from tests.laws.runs import NOW, Foreign, feed, foreign, harmless, notifiers
from tests.laws.user_kinds import EVERY
from tocsin import Run, Running, State
from tocsin import events as e
from tocsin.core import states as s
from tocsin.core.announcements import Announcements
from tocsin.core.events import Event
from tocsin.core.machine import Announcement, Subject
from tocsin.core.notifiers import Notifier
from tocsin.testing import strategies
from tocsin.testing.strategies import event
from tocsin.testing.value_strategies import TrackedJob

handlers = st.lists(st.one_of(notifiers(), harmless, foreign(strategies.states())), max_size=2)
likely = st.one_of(*map(event, (e.Started, e.Succeeded, e.Raised, e.Signalled, e.RetryDue, e.Said, e.LoopDue)))
happenings = st.lists(st.tuples(st.integers(0, 1), st.one_of(likely, strategies.events())), max_size=8)
beginnings = st.tuples(*[st.tuples(strategies.states(s.Pending, *EVERY), st.booleans(), handlers)] * 2)


def seen(announcement: Announcement) -> tuple[object, ...]:
    """Return all of an announcement: it is equal to one with equal states, so the states and the event are those very objects."""
    before, after = announcement.before, announcement.after
    return announcement, id(before.state), id(after.state), id(announcement.event), repr(announcement)


@given(beginnings, happenings)
@example(  # a run that goes on after another one, and one that was ended before
    ((s.Pending(), False, []), (s.Pending(), True, [Foreign(Running())])),
    [(0, e.Started(NOW)), (1, e.Started(NOW)), (0, e.Said(NOW, text="half")), (0, e.Succeeded(NOW)), (1, e.Said(NOW, text="done"))],
)
def test_what_is_made_again_is_what_was_announced(
    begun: tuple[tuple[State, bool, list[Notifier | Foreign]], ...], happened: list[tuple[int, Event]]
) -> None:
    runs = [
        Run(Subject(TrackedJob("load"), tuple(called), "r1", f"load-{at}", attempts=3), state, ended=ended)
        for at, (state, ended, called) in enumerate(begun)
    ]
    kept, announced = Announcements(), list[Announcement]()
    for at, each in happened:
        fed = feed(runs[at], each)
        if fed is not None:
            runs[at] = fed.run
            if fed.announced is not None:
                kept.append(fed.announced)
                announced.append(fed.announced)
    assert [seen(each) for each in kept] == [seen(each) for each in announced]


def test_what_is_looked_at_does_not_change() -> None:
    run, kept = Run(Subject(TrackedJob("load"), (), "r1", "load")), Announcements()
    for each in (e.Started(NOW), e.Succeeded(NOW, 3)):
        fed = feed(run, each)
        assert fed is not None
        assert fed.announced is not None
        run = fed.run
        kept.append(fed.announced)
    first = tuple(kept)
    assert first == tuple(kept)
    assert first[-1].after == attrs.evolve(run, asking=None)
