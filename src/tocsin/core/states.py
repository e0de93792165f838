"""What a tracked object *is*: a hierarchy of frozen states.

- ``isinstance`` is the membership test everywhere: a ``TimedOut`` is a ``Failed`` is a ``Finished``. A subclass of yours is at
  home wherever its parent is.
- A state is data. It reads no clock: a ``start_time`` is an aware datetime, or None for *now*.
- Two states are equal when they are of the same class and hold equal results and own fields. The message and the context say how
  a state came about, not what it is, so they do not count.
- Colours are those of the bar beside a Slack message.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import ClassVar

import attrs
from attrs.validators import optional

from tocsin.core.messages.text import quote
from tocsin.core.validation import is_text
from tocsin.core.values import EMPTY, FrozenMap, freeze


def aware(_: object, attribute: "attrs.Attribute[datetime]", value: datetime) -> None:
    """Refuse a datetime without a zone: nobody can say which moment it means."""
    if value.tzinfo is None or value.utcoffset() is None:
        raise ValueError(f"{attribute.name} must be an aware datetime, not the naive {value!r}: write datetime.now(timezone.utc)")


def same(one: object, other: object) -> bool:
    """Whether two values are identical, or equal by a comparison that answers with a bool (a DataFrame's does not)."""
    if one is other:
        return True
    try:
        return (one == other) is True
    except Exception:
        return False


def _frozen(items: Mapping[str, object] | None) -> FrozenMap | None:
    return None if items is None else freeze(items)


def positive(_: object, attribute: "attrs.Attribute[int]", value: int) -> None:
    """Refuse a count that does not begin with 1."""
    if value < 1:
        raise ValueError(f"{attribute.name} counts from 1, not {value}")


@attrs.frozen(eq=False, repr=False)
class State:
    """The base of all states.

    Args:
        message: one sentence for people, or None.
        result: what the body returned, or the exception it ended with.
        context: facts to carry along; copied into an immutable mapping.

    >>> State("warming up", result=3)
    State("warming up")
    """

    message: str | None = None
    result: object = None
    context: FrozenMap = attrs.field(default=EMPTY, converter=freeze)

    color: ClassVar[str] = "#696969"

    def __eq__(self, other: object) -> bool:
        if self is other:
            return True
        if type(self) is not type(other):
            return NotImplemented
        names = (field.name for field in attrs.fields(type(self)) if field.name not in {"message", "context"})
        return all(same(getattr(self, name), getattr(other, name)) for name in names)

    def __hash__(self) -> int:
        return hash(type(self))

    def __repr__(self) -> str:
        if self.message is None:
            return f"{type(self).__name__}()"
        import json  # seldom needed, and slow to load

        message = self.message if self.message == "" or is_text(self.message) else quote(self.message)
        quoted = json.dumps(message, ensure_ascii=False).encode(errors="backslashreplace").decode()
        return f"{type(self).__name__}({quoted})"

    def is_pending(self) -> bool:
        """Not begun yet: Pending, Scheduled, Paused, Resume, Retrying."""
        return isinstance(self, Pending)

    def is_queued(self) -> bool:
        """Accepted by an outside engine, and waiting there."""
        return isinstance(self, Queued)

    def is_retrying(self) -> bool:
        """Failed before, and due to be tried again."""
        return isinstance(self, Retrying)

    def is_running(self) -> bool:
        """Begun, and not finished."""
        return isinstance(self, Running)

    def is_cached(self) -> bool:
        """Successful, with a result that may be used again."""
        return isinstance(self, Cached)

    def is_finished(self) -> bool:
        """Over, one way or the other."""
        return isinstance(self, Finished)

    def is_looped(self) -> bool:
        """Over for this turn of a loop."""
        return isinstance(self, Looped)

    def is_scheduled(self) -> bool:
        """Due at a certain time: Scheduled, Paused, Resume, Retrying."""
        return isinstance(self, Scheduled)

    def is_submitted(self) -> bool:
        """Handed to an outside engine."""
        return isinstance(self, Submitted)

    def is_skipped(self) -> bool:
        """Left out on purpose; counts as success."""
        return isinstance(self, Skipped)

    def is_successful(self) -> bool:
        """Finished well: Success, Cached, Mapped, Skipped."""
        return isinstance(self, Success)

    def is_failed(self) -> bool:
        """Finished badly: Failed, Aborted, TimedOut, TriggerFailed."""
        return isinstance(self, Failed)

    def is_mapped(self) -> bool:
        """Spread over children, one per input."""
        return isinstance(self, Mapped)

    def is_meta_state(self) -> bool:
        """A wrapper around another state: ClientFailed, Submitted, Queued."""
        return isinstance(self, MetaState)


@attrs.frozen(eq=False, repr=False)
class Pending(State):
    """Not begun yet."""

    cached_inputs: FrozenMap | None = attrs.field(default=None, kw_only=True, converter=_frozen)
    color: ClassVar[str] = "#7ebdff"


@attrs.frozen(eq=False, repr=False)
class Scheduled(Pending):
    """Due at ``start_time``, an aware datetime; None means now."""

    start_time: datetime | None = attrs.field(default=None, kw_only=True, validator=optional(aware))
    color: ClassVar[str] = "#ffab00"


class Paused(Scheduled):
    """Waits for a person, who resumes it; the event that pauses sets a start time ten years on."""

    __slots__ = ()
    color: ClassVar[str] = "#cfd8dc"


class Resume(Scheduled):
    """Resumed by a person: may begin, whatever the trigger says."""

    __slots__ = ()
    color: ClassVar[str] = "#fb8532"


@attrs.frozen(eq=False, repr=False)
class Retrying(Scheduled):
    """To be tried again; ``run_count`` attempts (1 or more) are over."""

    run_count: int = attrs.field(default=1, kw_only=True, validator=positive)
    color: ClassVar[str] = "#f66a0a"


@attrs.frozen(eq=False, repr=False)
class MetaState(State):
    """Says something about another state, which it wraps in ``state``."""

    state: State | None = attrs.field(default=None, kw_only=True)
    color: ClassVar[str] = "#696969"


class ClientFailed(MetaState):
    """An outside engine could not be told of the wrapped state."""

    __slots__ = ()
    color: ClassVar[str] = "#eb0000"


class Submitted(MetaState):
    """Handed to an outside engine."""

    __slots__ = ()
    color: ClassVar[str] = "#ffdf5d"


@attrs.frozen(eq=False, repr=False)
class Queued(MetaState):
    """Waits in an outside engine, at the earliest until ``start_time`` (aware)."""

    start_time: datetime | None = attrs.field(default=None, kw_only=True, validator=optional(aware))
    color: ClassVar[str] = "#ffea7f"


class Running(State):
    """Begun, and not finished."""

    __slots__ = ()
    color: ClassVar[str] = "#3d67ff"


class Finished(State):
    """Over, one way or the other."""

    __slots__ = ()
    color: ClassVar[str] = "#003ccb"


@attrs.frozen(eq=False, repr=False)
class Looped(Finished):
    """Turn ``loop_count`` (from 1) of a loop is over; another is asked for."""

    loop_count: int = attrs.field(default=1, kw_only=True, validator=positive)
    color: ClassVar[str] = "#003ccb"


class Success(Finished):
    """Finished well."""

    __slots__ = ()
    color: ClassVar[str] = "#28a745"


@attrs.frozen(eq=False, repr=False)
class Cached(Success):
    """Finished well, with a result that may be used again until ``cached_result_expiration`` (aware; None: for ever)."""

    cached_inputs: FrozenMap | None = attrs.field(default=None, kw_only=True, converter=_frozen)
    cached_parameters: FrozenMap | None = attrs.field(default=None, kw_only=True, converter=_frozen)
    cached_result_expiration: datetime | None = attrs.field(default=None, kw_only=True, validator=optional(aware))
    color: ClassVar[str] = "#34d058"


@attrs.frozen(eq=False, repr=False)
class Mapped(Success):
    """Spread over children, whose states are ``map_states``, in order of their map index."""

    map_states: tuple[State, ...] = attrs.field(default=(), kw_only=True, converter=tuple[State, ...])
    color: ClassVar[str] = "#003ccb"


class Skipped(Success):
    """Left out on purpose; counts as success."""

    __slots__ = ()
    color: ClassVar[str] = "#62757f"


@attrs.frozen(eq=False, repr=False)
class Failed(Finished):
    """Finished badly; the result is the exception, where there was one."""

    cached_inputs: FrozenMap | None = attrs.field(default=None, kw_only=True, converter=_frozen)
    color: ClassVar[str] = "#eb0000"


class Aborted(Failed):
    """Stopped from outside: an interrupt, a cancellation."""

    __slots__ = ()
    color: ClassVar[str] = "#c42800"


class TimedOut(Failed):
    """Took longer than it may."""

    __slots__ = ()
    color: ClassVar[str] = "#ff4e33"


class TriggerFailed(Failed):
    """Not begun: what came before it did not end as its trigger asks. A body says so of itself by ``TRIGGERFAIL``."""

    __slots__ = ()
    color: ClassVar[str] = "#ff5131"


KINDS: tuple[type[State], ...] = (
    State, Pending, Scheduled, Paused, Resume, Retrying, MetaState, ClientFailed, Submitted, Queued, Running,
    Finished, Looped, Success, Cached, Mapped, Skipped, Failed, Aborted, TimedOut, TriggerFailed,
)  # fmt: skip
"""Every kind of state that tocsin knows, parents before children."""
