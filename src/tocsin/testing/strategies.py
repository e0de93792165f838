"""Hypothesis strategies for the types of the core: states, events, changes, filters, effects, and the values in them."""

from datetime import timedelta
from typing import TypeVar, get_args, overload

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from tocsin import filters as f
from tocsin.core.changes import Change, Tracked
from tocsin.core.effects import Bot, CallBack, Effect, PostToSlack, SendEmail
from tocsin.core.events import Event, Occurrence, ReferencesSettled
from tocsin.core.filters.algebra import Filter
from tocsin.core.messages.email import Mail
from tocsin.core.messages.slack import SlackField, SlackMessage
from tocsin.core.states import KINDS, Finished, State
from tocsin.core.text import header
from tocsin.testing.value_strategies import attachments, counts, facts, filled, keys, kinds, moments, ordinals, streaks, texts, tracked

__all__ = ["changes", "effects", "events", "filters", "keys", "kinds", "moments", "states", "texts", "tracked"]

_S = TypeVar("_S", bound=State)
_E = TypeVar("_E", bound=Occurrence)

EVENTS: tuple[type[Event], ...] = get_args(Event)
"""The classes of events."""

_ADDRESSES = ("ops@example.com", "on.call+nights@example.org", "a@b.example")


@overload
def states() -> SearchStrategy[State]: ...
@overload
def states(kind: type[_S], /, *kinds: type[_S]) -> SearchStrategy[_S]: ...
def states(*kinds: type[State]) -> SearchStrategy[State]:
    """Return states of exactly these kinds, or of every kind that tocsin knows. Their own fields are filled, also with other states.

    >>> from hypothesis import find
    >>> from tocsin import Failed, TimedOut
    >>> find(states(Failed, TimedOut), lambda state: state.is_failed())
    Failed()
    """
    return _state(kinds or KINDS)


@st.composite
def _state(draw: st.DrawFn, kinds: tuple[type[State], ...]) -> State:
    return draw(filled(draw(st.sampled_from(kinds))))


@st.composite
def events(draw: st.DrawFn) -> Event:
    """Draw events of every kind."""
    return draw(event(draw(st.sampled_from(EVENTS))))


def event(kind: type[_E]) -> SearchStrategy[_E]:
    """Return events of one kind. The state of a ``ReferencesSettled`` is always a finished one."""
    if issubclass(kind, ReferencesSettled):
        return filled(kind, state=states(*(each for each in KINDS if issubclass(each, Finished))))
    return filled(kind)


def changes(*, old: SearchStrategy[State] | None = None, new: SearchStrategy[State] | None = None) -> SearchStrategy[Change]:
    """Return changes from one state to another. ``old`` and ``new`` draw the states; by default any state."""
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
    """Return filters of the whole algebra: every predicate and policy, and their combinations by ``&``, ``|`` and ``~``."""
    some = st.lists(kinds(), max_size=4)
    numbers = st.lists(counts(), max_size=3)
    predicates: list[SearchStrategy[Filter]] = [
        st.sampled_from([f.everything, f.nothing, f.final_attempt]),
        some.map(lambda kinds: f.entered(*kinds)),
        some.map(lambda kinds: f.came_from(*kinds)),
        some.map(lambda kinds: f.left(*kinds)),
        st.builds(f.on_edge, kinds(), kinds()),
        numbers.map(lambda numbers: f.attempt(*numbers)),
        st.builds(f.named, st.sampled_from(["*", "nightly*", "[!a]*", "?"]) | texts().filter(bool)),
        st.sampled_from([is_retry, has_message]).map(f.where),
        counts().map(f.after),
        counts().map(f.recovered),
        st.builds(f.on_change, counts(), st.none() | counts()),
    ]
    return st.recursive(st.one_of(predicates), _joined, max_leaves=6)


def _joined(inner: SearchStrategy[Filter]) -> SearchStrategy[Filter]:
    pairs = st.tuples(inner, inner)
    return st.one_of(pairs.map(lambda pair: pair[0] & pair[1]), pairs.map(lambda pair: pair[0] | pair[1]), inner.map(lambda one: ~one))


def effects() -> SearchStrategy[Effect]:
    """Return effects of every kind. Some callbacks raise."""
    return st.one_of(posts(), mails(), callbacks())


def posts() -> SearchStrategy[PostToSlack]:
    """Return posts to Slack, by a webhook or as an app."""
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
        mentions=st.sampled_from([(), (), ("U0123ABCD", "here")]),
    )
    bots = st.builds(Bot, st.just("SLACK_BOT_TOKEN"), st.sampled_from(["#ops", "C0123ABCD"]))
    return st.builds(
        PostToSlack,
        st.sampled_from(["SLACK_WEBHOOK_URL", "TEAM_WEBHOOK"]),
        message,
        keys(),
        st.none() | bots,
        attachments=attachments(),
    )


def mails() -> SearchStrategy[SendEmail]:
    """Return mails, to the account itself or to other addresses."""
    addresses = st.lists(st.sampled_from(_ADDRESSES), min_size=1, max_size=3).map(tuple[str, ...])
    mail = st.builds(
        Mail,
        texts().map(header),
        texts(),
        texts(),
        st.none() | addresses,
        moments(),
        st.just(()) | addresses,
        attachments=attachments(),
    )
    return st.builds(SendEmail, st.just("EMAIL_USERNAME"), st.just("EMAIL_PASSWORD"), mail, keys())


def callbacks() -> SearchStrategy[CallBack]:
    """Return calls of two functions. One does nothing, the other raises OSError."""
    return st.builds(CallBack, st.sampled_from([_do_nothing, _fail]), tracked(), states(), keys())


def _do_nothing(tracked_obj: Tracked, state: State) -> None: ...


def _fail(tracked_obj: Tracked, state: State) -> None:
    raise OSError(f"no route to {tracked_obj.name!r}, for {state!r}")


def is_retry(change: Change) -> bool:
    """Return whether this is not the first attempt."""
    return change.attempt > 1


def has_message(change: Change) -> bool:
    """Return whether the new state has a message."""
    return change.new.message is not None
