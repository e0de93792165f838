"""Strategies for the small things that states, events, changes and effects are made of.

- Values are as hostile as the real ones: names and messages hold markup, line breaks, control characters and lone surrogates.
- What is made compares, prints and pickles: no result is a NaN.

Objects of attrs classes, filled field by field, by their annotations.

A kind of yours with fields of its own is filled likewise: where the annotation is one that tocsin uses, and else by its default, or by
what Hypothesis makes of the annotation.
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, timezone
from functools import cache
from typing import TypeVar

import attrs
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from tocsin.core import states as s
from tocsin.core.changes import Key, Streak, Tracked
from tocsin.core.events import Detail, Facts
from tocsin.core.states import KINDS, State
from tocsin.core.values import FrozenMap, freeze

_HOSTILE = (
    "", " ", "nightly load", "<!channel>", "&lt; & <b>", "`", "```", "</pre><script>alert(1)</script>", "=?utf-8?q?hello=0D=0ABcc:_x?=",
    "load\r\nBcc: x@example.com", "\x00", "\ud800", "\u202edaol", "\u2028", "Ω負荷🔔", "{name}", "%s",
)  # fmt: skip
_ERRORS: tuple[type[BaseException], ...] = (
    ValueError,
    ZeroDivisionError,
    TimeoutError,
    KeyError,
    UnicodeError,
    RuntimeError,
    KeyboardInterrupt,
)


@attrs.frozen
class TrackedJob:
    """A tracked object that is nothing but its name."""

    name: str


@st.composite
def texts(draw: st.DrawFn) -> str:
    """Text as people and programs write it, lone surrogates and all; or such as has broken others."""
    return draw(_texts())


@cache
def _texts() -> SearchStrategy[str]:
    long = st.sampled_from("x&é`").map(lambda letter: letter * 5000)
    return st.one_of(st.text(max_size=20), st.text(st.characters(), max_size=8), st.sampled_from(_HOSTILE), long)


@cache
def moments() -> SearchStrategy[datetime]:
    """Aware datetimes, from 1970 to 2999, of any zone."""
    zones = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
    first, last = datetime(1970, 1, 2), datetime(2999, 12, 30)  # noqa: DTZ001 - the bounds hold in each zone
    return st.datetimes(first, last, timezones=st.just(UTC) | zones)


@cache
def tracked() -> SearchStrategy[Tracked]:
    """Things with a name."""
    return st.builds(TrackedJob, texts())


@cache
def keys() -> SearchStrategy[Key]:
    """Keys of announcements."""
    return st.builds(Key, texts(), texts(), st.none() | ordinals(), ordinals(), ordinals())


@cache
def kinds() -> SearchStrategy[type[State]]:
    """The kinds of states that tocsin knows."""
    return st.sampled_from(KINDS)


@cache
def ordinals() -> SearchStrategy[int]:
    """Counts from 0."""
    return st.integers(0, 9)


@cache
def counts() -> SearchStrategy[int]:
    """Counts from 1."""
    return st.integers(1, 9)


@cache
def facts() -> SearchStrategy[Facts]:
    """Facts, each known or not."""
    return st.builds(
        Facts,
        st.none() | texts().map(_cut),
        st.none() | texts().map(_cut),
        st.lists(details(), max_size=2).map(tuple[Detail, ...]),
        st.none() | st.just("https://example.com/runs/7"),
        st.none() | texts().map(_cut),
    )


def streaks() -> SearchStrategy[Streak]:
    """What is remembered of earlier runs, if anything."""
    return st.just(Streak()) | st.builds(Streak, st.booleans(), counts())


def details() -> SearchStrategy[Detail]:
    """Something more to say, whatever its title."""
    return st.builds(Detail, st.sampled_from(["Note", "Last lines"]) | texts().map(_cut), texts().map(_cut), st.booleans())


def _cut(text: str) -> str:
    """The beginning of a text: where there are many, they need not all be long."""
    return text[:1000]


@cache
def errors() -> SearchStrategy[BaseException]:
    """Exceptions of several kinds."""
    return st.tuples(st.sampled_from(_ERRORS), texts()).map(lambda drawn: drawn[0](drawn[1]))


@cache
def results() -> SearchStrategy[object]:
    """What bodies return, or end with."""
    numbers = st.integers() | st.floats(allow_nan=False)
    return st.one_of(st.none(), st.booleans(), numbers, texts(), st.binary(max_size=8), st.lists(numbers, max_size=3), errors())


@cache
def maps() -> SearchStrategy[FrozenMap]:
    """Frozen mappings."""
    return st.dictionaries(texts(), st.integers() | texts(), max_size=2).map(freeze)


_T = TypeVar("_T", bound=attrs.AttrsInstance)


def filled(kind: type[_T], **given: SearchStrategy[State]) -> SearchStrategy[_T]:
    """Objects of an attrs class, with each field filled that is given, or has an annotation we know."""
    known = _by_annotation()
    fields = [field for field in attrs.fields(kind) if field.init and field.type in known]
    return st.builds(kind, **{field.alias or field.name: known[field.type] for field in fields} | given)


@st.composite
def inner_states(draw: st.DrawFn) -> State:
    """States to stand inside of others: bare ones, and such as hold others in their turn."""
    return draw(_nested())


@cache
def _nested() -> SearchStrategy[State]:
    return st.recursive(kinds().map(lambda kind: kind()), _wrapped, max_leaves=3)


def _wrapped(inner: SearchStrategy[State]) -> SearchStrategy[State]:
    wrapping = [st.builds(kind, state=inner) for kind in (s.MetaState, s.ClientFailed, s.Submitted, s.Queued)]
    return st.one_of(*wrapping, st.builds(s.Mapped, map_states=st.lists(inner, max_size=3)))


@cache
def _by_annotation() -> Mapping[object, SearchStrategy[object]]:
    return {
        object: results(),
        str: texts(),
        str | None: st.none() | texts(),
        int: counts(),
        bool: st.booleans(),
        datetime: moments(),
        datetime | None: st.none() | moments(),
        FrozenMap: maps(),
        FrozenMap | None: st.none() | maps(),
        BaseException: errors(),
        BaseException | None: st.none() | errors(),
        Facts: facts(),
        State: inner_states(),
        State | None: st.none() | inner_states(),
        tuple[State, ...]: st.lists(inner_states(), max_size=3).map(tuple[State, ...]),
    }
