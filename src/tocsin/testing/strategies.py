"""Hypothesis strategies for all that the core has types for: states, events, changes, filters and effects."""

from datetime import timedelta
from typing import TypeVar, get_args, overload

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from tocsin import filters as f
from tocsin.core.changes import Change, Tracked
from tocsin.core.effects import Bot, CallBack, Effect, Mail, PostToSlack, SendEmail, SlackField, SlackMessage
from tocsin.core.events import Event, Occurrence, ReferencesSettled
from tocsin.core.filters.algebra import Filter
from tocsin.core.messages.text import header
from tocsin.core.states import KINDS, Finished, State
from tocsin.testing.value_strategies import counts, facts, filled, keys, kinds, moments, ordinals, streaks, texts, tracked

_S = TypeVar("_S", bound=State)
_E = TypeVar("_E", bound=Occurrence)

EVENTS: tuple[type[Event], ...] = get_args(Event)
"""Every kind of event."""

_ADDRESSES = ("ops@example.com", "on.call+nights@example.org", "a@b.example")


@overload
def states() -> SearchStrategy[State]: ...
@overload
def states(kind: type[_S], /, *kinds: type[_S]) -> SearchStrategy[_S]: ...
def states(*kinds: type[State]) -> SearchStrategy[State]:
    """States of exactly these kinds, or of every kind that tocsin knows; their own fields filled, other states inside them too.

    >>> from hypothesis import find
    >>> from tocsin import Failed, TimedOut
    >>> find(states(Failed, TimedOut), lambda state: state.is_failed())
    Failed()
    """
    return _state(kinds or KINDS)


@st.composite
def _state(draw: st.DrawFn, kinds: tuple[type[State], ...]) -> State:
    return draw(filled(draw(st.sampled_from(kinds))))


def events() -> SearchStrategy[Event]:
    """Events of every kind."""
    return _event()


@st.composite
def _event(draw: st.DrawFn) -> Event:
    return draw(event(draw(st.sampled_from(EVENTS))))


def event(kind: type[_E]) -> SearchStrategy[_E]:
    """Events of one kind. A flow is never settled in a state that is not finished."""
    if issubclass(kind, ReferencesSettled):
        return filled(kind, state=states(*(each for each in KINDS if issubclass(each, Finished))))
    return filled(kind)


def changes(*, old: SearchStrategy[State] | None = None, new: SearchStrategy[State] | None = None) -> SearchStrategy[Change]:
    """Changes from a state to another; ``old`` and ``new`` draw the states, which are any by default."""
    return _changes(states() if old is None else old, states() if new is None else new)


@st.composite
def _changes(draw: st.DrawFn, old: SearchStrategy[State], new: SearchStrategy[State]) -> Change:
    attempt = draw(counts())
    return Change(
        draw(tracked()),
        draw(old),
        draw(new),
        draw(moments()),
        draw(texts()),
        draw(texts()),
        draw(st.none() | ordinals()),
        draw(ordinals()),
        attempt,
        draw(st.integers(attempt, 12)),
        draw(st.booleans()),
        draw(st.none() | st.timedeltas(timedelta(0), timedelta(days=9))),
        draw(facts()),
        draw(streaks()),
    )


def filters() -> SearchStrategy[Filter]:
    """Filters of the whole algebra: every atom, and what ``&``, ``|`` and ``~`` make of them."""
    some = st.lists(kinds(), max_size=4)
    numbers = st.lists(counts(), max_size=3)
    atoms: list[SearchStrategy[Filter]] = [
        st.sampled_from([f.everything, f.nothing, f.final_attempt]),
        some.map(lambda kinds: f.entered(*kinds)),
        some.map(lambda kinds: f.came_from(*kinds)),
        some.map(lambda kinds: f.left(*kinds)),
        st.builds(f.on_edge, kinds(), kinds()),
        numbers.map(lambda numbers: f.attempt(*numbers)),
        st.builds(f.named, st.sampled_from(["*", "nightly*", "[!a]*", "?"]) | texts().filter(bool)),
        st.sampled_from([again, worded]).map(f.where),
        counts().map(f.after),
        counts().map(f.recovered),
        st.builds(f.on_change, counts(), st.none() | counts()),
    ]
    return st.recursive(st.one_of(atoms), _joined, max_leaves=6)


def _joined(inner: SearchStrategy[Filter]) -> SearchStrategy[Filter]:
    pairs = st.tuples(inner, inner)
    return st.one_of(pairs.map(lambda pair: pair[0] & pair[1]), pairs.map(lambda pair: pair[0] | pair[1]), inner.map(lambda one: ~one))


def effects() -> SearchStrategy[Effect]:
    """Effects of every kind; some callbacks raise."""
    return st.one_of(posts(), mails(), callbacks())


def posts() -> SearchStrategy[PostToSlack]:
    """Posts to Slack, by a webhook or as an app."""
    fields = st.lists(st.builds(SlackField, texts(), texts(), st.booleans()), max_size=3).map(tuple[SlackField, ...])
    message = st.builds(
        SlackMessage,
        fallback=texts(),
        color=st.sampled_from([kind.color for kind in KINDS]),
        title=texts(),
        text=texts(),
        fields=fields,
        title_link=st.none() | st.just("https://example.com/runs?id=1&page=2"),
        mrkdwn_in=st.sampled_from([(), ("fields",)]),
        footer=st.none() | texts(),
        ts=st.none() | st.integers(0, 2**31),
    )
    bots = st.builds(Bot, st.just("SLACK_BOT_TOKEN"), st.sampled_from(["#ops", "C0123ABCD"]))
    return st.builds(PostToSlack, st.sampled_from(["SLACK_WEBHOOK_URL", "TEAM_WEBHOOK"]), message, keys(), st.none() | bots)


def mails() -> SearchStrategy[SendEmail]:
    """Mails, to the account itself or to others."""
    addresses = st.lists(st.sampled_from(_ADDRESSES), min_size=1, max_size=3).map(tuple[str, ...])
    mail = st.builds(Mail, texts().map(header), texts(), texts(), st.none() | addresses, moments(), st.just(()) | addresses)
    return st.builds(SendEmail, st.just("EMAIL_USERNAME"), st.just("EMAIL_PASSWORD"), mail, keys())


def callbacks() -> SearchStrategy[CallBack]:
    """Calls of functions, one of which does nothing, and one of which raises."""
    return st.builds(CallBack, st.sampled_from([_ignoring, _failing]), tracked(), states(), keys())


def _ignoring(tracked_obj: Tracked, state: State) -> None: ...


def _failing(tracked_obj: Tracked, state: State) -> None:
    raise OSError(f"no route to {tracked_obj.name!r}, for {state!r}")


def again(change: Change) -> bool:
    """A predicate: whether this is not the first attempt."""
    return change.attempt > 1


def worded(change: Change) -> bool:
    """A predicate: whether the new state has a message."""
    return change.new.message is not None
