"""Facts of an engine are what a record promises, whatever the engine put there."""

import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typing_extensions import override

from tocsin.core.integrations import facts


class Hostile(str):
    """A text whose methods raise."""

    __slots__ = ()

    @override
    def __str__(self) -> str:
        raise RuntimeError("no text")

    @override
    def __eq__(self, other: object) -> bool:
        raise RuntimeError("no comparison")

    __hash__ = None  # type: ignore[assignment]  # it is not hashable


class NoOffset(tzinfo):
    """A time zone that raises."""

    @override
    def utcoffset(self, dt: datetime | None) -> timedelta | None:
        raise RuntimeError("no offset")

    @override
    def dst(self, dt: datetime | None) -> timedelta | None:
        raise RuntimeError("no offset")

    @override
    def tzname(self, dt: datetime | None) -> str | None:
        raise RuntimeError("no name")


class Liar:
    """An object that says that it is a text."""

    @property  # type: ignore[misc]  # it lies
    def __class__(self):  # type: ignore[no-untyped-def]  # as above
        raise RuntimeError("no class")


anything: st.SearchStrategy[object] = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(),
    st.binary(),
    st.datetimes(),
    st.datetimes(timezones=st.timezones()),
    st.timedeltas(),
    st.lists(st.integers()),
    st.sampled_from([Hostile("load"), object(), ValueError("x"), ValueError, sys.maxsize**9]),
)


@given(anything)
def test_each_fact_has_its_type(given_value: object) -> None:
    text, link, whole = facts.text(given_value), facts.link(given_value), facts.whole(given_value)
    moment, duration, error = facts.moment(given_value), facts.duration(given_value), facts.error(given_value)
    assert text is None or (type(text) is str and text)
    assert link is None or link.startswith(("http://", "https://"))
    assert whole is None or (type(whole) is int and 0 <= whole <= facts.LARGEST)
    assert moment is None or moment.utcoffset() is not None
    assert duration is None or duration >= timedelta(0)
    assert error is None or issubclass(type(error), BaseException)
    assert type(facts.name(given_value)) is str
    assert facts.name(given_value) == " ".join(facts.name(given_value).split())
    assert type(facts.identity(given_value)) is str
    assert facts.flag(given_value) is (given_value is True)
    assert facts.counted(given_value) == (whole or 0)
    assert facts.several(facts.text)([given_value]) == (() if text is None else (text,))


@pytest.mark.parametrize(
    ("given_value", "found"),
    [
        ("2026-11-30T12:00:00", datetime(2026, 11, 30, 12, tzinfo=UTC)),
        (datetime(2026, 11, 30, 12), datetime(2026, 11, 30, 12, tzinfo=UTC)),
        (datetime(2026, 11, 30, 12, tzinfo=timezone(timedelta(hours=1))), datetime(2026, 11, 30, 11, tzinfo=UTC)),
        (1.5, datetime(1970, 1, 1, 0, 0, 1, 500_000, tzinfo=UTC)),
        (True, None),
        (1e300, None),
        (b"2026", None),
    ],
)
def test_moments(given_value: object, found: datetime | None) -> None:
    assert facts.moment(given_value) == found


@pytest.mark.parametrize(
    ("given_value", "found"),
    [
        (3, timedelta(seconds=3)),
        (timedelta(seconds=3), timedelta(seconds=3)),
        (-1, None),
        (False, None),
        (float("nan"), None),
        (10.0**12, None),
        ("3", None),
    ],
)
def test_durations(given_value: object, found: timedelta | None) -> None:
    assert facts.duration(given_value) == found


def test_a_hostile_text_is_a_text() -> None:
    assert facts.name(Hostile("load  rows\n")) == "load rows"


CONVERTERS = [facts.text, facts.name, facts.identity, facts.whole, facts.counted, facts.flag, facts.moment, facts.duration, facts.error]


@pytest.mark.parametrize("convert", [*CONVERTERS, facts.link, facts.several(facts.text)])
def test_a_liar_is_none_of_them(convert: Callable[[object], object]) -> None:
    assert convert(Liar()) in {None, "", "unnamed", 0, ()}


def test_a_time_zone_that_raises_makes_no_moment() -> None:
    assert facts.moment(datetime(2026, 1, 1, tzinfo=NoOffset())) is None


def test_an_id_may_be_a_uuid() -> None:
    assert facts.identity(UUID(int=7)) == "00000000-0000-0000-0000-000000000007"


def test_a_link_that_is_no_url_is_none() -> None:
    assert (facts.link("nightly"), facts.link("https://example.com/1")) == (None, "https://example.com/1")
