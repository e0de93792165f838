"""Objects of attrs classes, filled field by field, by their annotations.

A kind of yours with fields of its own is filled likewise: where the annotation is one that tocsin uses, and else by its default, or by
what Hypothesis makes of the annotation.
"""

from collections.abc import Mapping
from datetime import datetime
from functools import cache
from typing import TypeVar

import attrs
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from tocsin.core import states as s
from tocsin.core.events import Facts
from tocsin.core.frozen import FrozenMap
from tocsin.core.states import State
from tocsin.testing.values import counts, errors, facts, kinds, maps, moments, results, texts

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
