"""Facts that an engine tells, narrowed to the types that a record promises.

An engine's objects hold what its plugins, its users and its next release put there. Each function here is total: it takes any value,
and returns None, or a default, for one of another kind. Records use them as converters.
"""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import TypeGuard, TypeVar

from tocsin.core.options import title_link
from tocsin.core.text import bounded, is_a, one_line, type_name, worded

_T = TypeVar("_T")

LARGEST = 1_000_000
"""The largest number of an attempt, or of a child of a mapped task, that is believed."""

_LONGEST = timedelta(days=36_500)


def text(given: object) -> str | None:
    """Return a text that is not empty; a text of a subclass as a plain one.

    >>> text("load"), text(""), text(7)
    ('load', None, None)
    """
    return bounded(given) or None if is_a(given, str) else None


def name(given: object) -> str:
    """Return a name in one line; of anything else, a word that says that there is none.

    >>> name("load"), name(None)
    ('load', 'unnamed')
    """
    return one_line(text(given) or "") or "unnamed"


def identity(given: object) -> str:
    """Return the text of an id, which an engine may keep as a UUID; an empty text if there is none.

    >>> from uuid import UUID
    >>> identity(UUID(int=1)), identity("r1"), identity(None)
    ('00000000-0000-0000-0000-000000000001', 'r1', '')
    """
    if is_a(given, str):
        return bounded(given)
    return worded(given) if type_name(given) == "UUID" else ""


def whole(given: object) -> int | None:
    """Return a whole number from 0 to a million; a bool is none.

    >>> whole(3), whole(-1), whole(True), whole("3")
    (3, None, None, None)
    """
    if not is_a(given, int) or is_a(given, bool):
        return None
    number = int.__int__(given)
    return number if 0 <= number <= LARGEST else None


def counted(given: object) -> int:
    """Return a number that counts from 0, 0 by default."""
    return whole(given) or 0


def flag(given: object) -> bool:
    """Return whether a value is exactly True."""
    return given is True


def moment(given: object) -> datetime | None:
    """Return an aware datetime; a naive one, a number of seconds since 1970 and a text of ISO 8601 as one in UTC.

    >>> moment(0.0), moment("today")
    (datetime.datetime(1970, 1, 1, 0, 0, tzinfo=datetime.timezone.utc), None)
    """
    try:
        iso = datetime.isoformat(given) if is_a(given, datetime) else given  # no code of a subclass
        if is_a(iso, str):
            plain = datetime.fromisoformat(iso)
            return plain if plain.utcoffset() is not None else plain.replace(tzinfo=UTC)
        if (is_a(given, int) or is_a(given, float)) and not is_a(given, bool):
            return datetime.fromtimestamp(given, UTC)
    except Exception:  # it is out of range, or its time zone raises
        return None
    return None


def duration(given: object) -> timedelta | None:
    """Return a duration that is not negative; a number is one of seconds.

    >>> duration(1.5), duration(timedelta(seconds=-1))
    (datetime.timedelta(seconds=1, microseconds=500000), None)
    """
    try:
        if is_a(given, timedelta):
            found = timedelta(days=given.days, seconds=given.seconds, microseconds=given.microseconds)
        elif (is_a(given, int) or is_a(given, float)) and not is_a(given, bool):
            found = timedelta(seconds=given)
        else:
            return None
    except Exception:  # it is out of range, or no number
        return None
    return found if timedelta(0) <= found <= _LONGEST else None


def error(given: object) -> BaseException | None:
    """Return an exception; None for anything else.

    >>> error(ValueError("no rows")), error("no rows")
    (ValueError('no rows'), None)
    """
    return given if is_a(given, BaseException) else None


def link(given: object) -> str | None:
    """Return an http(s) URL; None for anything else.

    >>> link("https://example.com/runs/1"), link("javascript:alert(1)")
    ('https://example.com/runs/1', None)
    """
    try:
        return title_link(text(given))
    except TypeError:
        return None


def several(convert: Callable[[object], _T | None]) -> Callable[[object], tuple[_T, ...]]:
    """Return the function that converts each value of a list or a tuple, and leaves out those of another kind.

    >>> several(text)(["a", 1, "b"]), several(text)("ab")
    (('a', 'b'), ())
    """

    def convert_all(given: object) -> tuple[_T, ...]:
        found = [convert(value) for value in given] if _is_list(given) else []
        return tuple([value for value in found if value is not None])

    return convert_all


def _is_list(given: object) -> TypeGuard[Sequence[object]]:
    return issubclass(type(given), list | tuple)
