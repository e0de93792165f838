"""Hypothesis strategies for the values inside states, events, changes and effects, and for objects of attrs classes.

- Values are as hostile as real ones: names and messages hold markup, line breaks, control characters and lone surrogates.
- Drawn values compare, print and pickle: no result is a NaN.
- ``filled`` draws each field of an attrs class by its annotation, also of a user's own kind of state. A field whose annotation tocsin
  does not use keeps its default. Without a default Hypothesis draws it by the annotation.
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, timezone
from functools import cache
from typing import TypeVar

import attrs
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from tocsin.core import states as s
from tocsin.core.attachments import Attachment
from tocsin.core.changes import Key, Streak, Tracked
from tocsin.core.events import Detail, Facts
from tocsin.core.states import KINDS, State
from tocsin.core.values import FrozenMap, freeze

_T = TypeVar("_T", bound=attrs.AttrsInstance)

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
    """A tracked object with only a name."""

    name: str


@st.composite
def texts(draw: st.DrawFn) -> str:
    """Draw any text, with lone surrogates too, or one that is known to break programs."""
    return draw(_texts())


@cache
def _texts() -> SearchStrategy[str]:
    long = st.sampled_from("x&é`").map(lambda letter: letter * 5000)
    return st.one_of(st.text(max_size=20), st.text(st.characters(), max_size=8), st.sampled_from(_HOSTILE), long)


@cache
def moments() -> SearchStrategy[datetime]:
    """Return aware datetimes from 1970 to 2999, in any zone."""
    zones = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
    first, last = datetime(1970, 1, 2), datetime(2999, 12, 30)  # noqa: DTZ001 - the bounds hold in each zone
    return st.datetimes(first, last, timezones=st.just(UTC) | zones)


@cache
def tracked() -> SearchStrategy[Tracked]:
    """Return tracked objects."""
    return st.builds(TrackedJob, texts())


@cache
def keys() -> SearchStrategy[Key]:
    """Return keys of announcements."""
    return st.builds(Key, texts(), texts(), st.none() | ordinals(), ordinals(), ordinals())


@cache
def kinds() -> SearchStrategy[type[State]]:
    """Return the kinds of states that tocsin knows."""
    return st.sampled_from(KINDS)


@cache
def ordinals() -> SearchStrategy[int]:
    """Return integers from 0 to 9."""
    return st.integers(0, 9)


@cache
def counts() -> SearchStrategy[int]:
    """Return integers from 1 to 9."""
    return st.integers(1, 9)


@cache
def facts() -> SearchStrategy[Facts]:
    """Return ``Facts``. Each fact is known or unknown."""
    return st.builds(
        Facts,
        st.none() | texts().map(_cut),
        st.none() | texts().map(_cut),
        st.lists(details(), max_size=2).map(tuple[Detail, ...]),
        st.none() | st.just("https://example.com/runs/7"),
        st.none() | texts().map(_cut),
        attachments=attachments(),
    )


@cache
def attachments() -> SearchStrategy[tuple[Attachment, ...]]:
    """Return files that go with a message, mostly none; with usual and hostile names and types."""
    types = st.sampled_from(["image/png", "text/csv", "image/svg+xml"]) | texts().map(_cut)
    files = st.lists(st.builds(Attachment, texts().map(_cut), st.binary(max_size=40), types), min_size=1, max_size=2)
    return st.just(()) | files.map(tuple[Attachment, ...])


def streaks() -> SearchStrategy[Streak]:
    """Return memories of earlier runs, the empty one too."""
    return st.just(Streak()) | st.builds(Streak, st.booleans(), counts())


def details() -> SearchStrategy[Detail]:
    """Return details with usual and hostile titles."""
    return st.builds(Detail, st.sampled_from(["Note", "Last lines"]) | texts().map(_cut), texts().map(_cut), st.booleans())


def _cut(text: str) -> str:
    """Return the first 1000 characters, so that objects with many texts stay small."""
    return text[:1000]


@cache
def errors() -> SearchStrategy[BaseException]:
    """Return exceptions of several classes."""
    return st.tuples(st.sampled_from(_ERRORS), texts()).map(lambda drawn: drawn[0](drawn[1]))


@cache
def results() -> SearchStrategy[object]:
    """Return results of bodies: plain values and exceptions."""
    numbers = st.integers() | st.floats(allow_nan=False)
    return st.one_of(st.none(), st.booleans(), numbers, texts(), st.binary(max_size=8), st.lists(numbers, max_size=3), errors())


@cache
def maps() -> SearchStrategy[FrozenMap]:
    """Return frozen mappings."""
    return st.dictionaries(texts(), st.integers() | texts(), max_size=2).map(freeze)


def filled(kind: type[_T], **given: SearchStrategy[State]) -> SearchStrategy[_T]:
    """Return objects of an attrs class. A field is drawn by ``given``, or by its annotation if tocsin uses that annotation."""
    known = _by_annotation()
    fields = [field for field in attrs.fields(kind) if field.init and field.type in known]
    return st.builds(kind, **{field.alias or field.name: known[field.type] for field in fields} | given)


@st.composite
def inner_states(draw: st.DrawFn) -> State:
    """Draw states to nest in other states: bare ones, and ones that hold states themselves."""
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
        timedelta | None: st.none() | st.timedeltas(timedelta(0), timedelta(days=9)),
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
