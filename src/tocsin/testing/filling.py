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
from tocsin.core.states import KINDS, State
from tocsin.testing.values import counts, errors, facts, maps, moments, results, texts

_T = TypeVar("_T", bound=attrs.AttrsInstance)

WRAPPERS = (s.MetaState, s.ClientFailed, s.Submitted, s.Queued, s.Mapped)
"""The kinds that hold other states."""


def filled(kind: type[_T], inner: SearchStrategy[State] | None) -> SearchStrategy[_T]:
    """Objects of an attrs class, with each field filled that has an annotation we know; ``inner`` draws the states inside."""
    known = {**_by_annotation(), **({} if inner is None else _holding(inner))}
    fields = [field for field in attrs.fields(kind) if field.init and field.type in known]
    return st.builds(kind, **{field.alias or field.name: known[field.type] for field in fields})


@cache
def inner_states() -> SearchStrategy[State]:
    """States to stand inside of others: a few, and not deep."""
    flat = st.one_of([filled(kind, None) for kind in KINDS])
    return st.recursive(flat, lambda inner: st.one_of([filled(kind, inner) for kind in WRAPPERS]), max_leaves=3)


def _holding(inner: SearchStrategy[State]) -> Mapping[object, SearchStrategy[object]]:
    several = st.lists(inner, max_size=3).map(tuple[State, ...])
    return {State: inner, State | None: st.none() | inner, tuple[State, ...]: several}


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
    }
