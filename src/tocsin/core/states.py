"""The states of a tracked object: a hierarchy of frozen classes.

- ``isinstance`` is the membership test everywhere: a ``TimedOut`` is a ``Failed`` is a ``Finished``. A user's subclass is accepted
  wherever its parent is.
- A state is data. It reads no clock: a ``start_time`` is an aware datetime, or None for *now*.
- Two states are equal if they have the same class, equal results and equal own fields. The message and the context tell how a state
  was reached, not what it is, so equality ignores them.
- Colours are those of the bar beside a Slack message.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import ClassVar

import attrs
from attrs import converters
from attrs.validators import optional

from tocsin.core.text import is_a, plain, quote
from tocsin.core.values import EMPTY, FrozenMap, freeze

UNEXPECTED = "Unexpected error: "
"""The beginning of the message of a failure by an exception."""


def aware(_: object, attribute: "attrs.Attribute[datetime]", value: datetime) -> None:
    """Refuse a datetime without a time zone: it does not name one moment."""
    if value.tzinfo is None or value.utcoffset() is None:
        raise ValueError(f"{attribute.name} must be an aware datetime, not the naive {value!r}: write datetime.now(timezone.utc)")


def same(one: object, other: object) -> bool:
    """Return whether two values are identical, or equal by a comparison that returns a bool (a DataFrame's does not)."""
    if one is other:
        return True
    try:
        return (one == other) is True
    except Exception:
        return False


def positive(_: object, attribute: "attrs.Attribute[int]", value: int) -> None:
    """Refuse a number below 1."""
    if value < 1:
        raise ValueError(f"{attribute.name} counts from 1, not {value}")


@attrs.frozen(eq=False, repr=False)
class State:
    """The base of all states.

    Args:
        message: one sentence for people, or None.
        result: the body's return value, or its exception.
        context: further facts; copied into an immutable mapping.

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

        message = plain(self.message)
        quoted = json.dumps(message, ensure_ascii=False).encode(errors="backslashreplace").decode()
        return f"{type(self).__name__}({quoted})"

    def is_pending(self) -> bool:
        """Return whether the run has not started: Pending, Scheduled, Paused, Resume, Retrying."""
        return isinstance(self, Pending)

    def is_queued(self) -> bool:
        """Return whether the run waits in an outside engine."""
        return isinstance(self, Queued)

    def is_retrying(self) -> bool:
        """Return whether the run failed and is to be retried."""
        return isinstance(self, Retrying)

    def is_running(self) -> bool:
        """Return whether the run has started and is not finished."""
        return isinstance(self, Running)

    def is_cached(self) -> bool:
        """Return whether the run succeeded with a result that later runs may use."""
        return isinstance(self, Cached)

    def is_finished(self) -> bool:
        """Return whether the run is over, with any outcome."""
        return isinstance(self, Finished)

    def is_looped(self) -> bool:
        """Return whether a turn of a loop is over."""
        return isinstance(self, Looped)

    def is_scheduled(self) -> bool:
        """Return whether the run is due at a certain time: Scheduled, Paused, Resume, Retrying."""
        return isinstance(self, Scheduled)

    def is_submitted(self) -> bool:
        """Return whether the run was submitted to an outside engine."""
        return isinstance(self, Submitted)

    def is_skipped(self) -> bool:
        """Return whether the run was skipped on purpose, which counts as success."""
        return isinstance(self, Skipped)

    def is_successful(self) -> bool:
        """Return whether the run succeeded: Success, Cached, Mapped, Skipped."""
        return isinstance(self, Success)

    def is_failed(self) -> bool:
        """Return whether the run failed: Failed, Aborted, TimedOut, TriggerFailed."""
        return isinstance(self, Failed)

    def is_mapped(self) -> bool:
        """Return whether the run was mapped over children, one for each input."""
        return isinstance(self, Mapped)

    def is_meta_state(self) -> bool:
        """Return whether this wraps another state: ClientFailed, Submitted, Queued."""
        return isinstance(self, MetaState)


@attrs.frozen(eq=False, repr=False)
class Pending(State):
    """The run has not started."""

    cached_inputs: FrozenMap | None = attrs.field(default=None, kw_only=True, converter=converters.optional(freeze))
    color: ClassVar[str] = "#7ebdff"


@attrs.frozen(eq=False, repr=False)
class Scheduled(Pending):
    """The run is due at ``start_time``, an aware datetime; None means now."""

    start_time: datetime | None = attrs.field(default=None, kw_only=True, validator=optional(aware))
    color: ClassVar[str] = "#ffab00"


class Paused(Scheduled):
    """The run waits until a person resumes it; the event that pauses sets a start time in ten years."""

    __slots__ = ()
    color: ClassVar[str] = "#cfd8dc"


class Resume(Scheduled):
    """A person resumed the run: it may start, whatever its trigger says."""

    __slots__ = ()
    color: ClassVar[str] = "#fb8532"


@attrs.frozen(eq=False, repr=False)
class Retrying(Scheduled):
    """The run is to be retried; ``run_count`` attempts (1 or more) are over."""

    run_count: int = attrs.field(default=1, kw_only=True, validator=positive)
    color: ClassVar[str] = "#f66a0a"


@attrs.frozen(eq=False, repr=False)
class MetaState(State):
    """The base of states that wrap another state, in ``state``."""

    state: State | None = attrs.field(default=None, kw_only=True)


class ClientFailed(MetaState):
    """The wrapped state could not be reported to an outside engine."""

    __slots__ = ()
    color: ClassVar[str] = "#eb0000"


class Submitted(MetaState):
    """The run was submitted to an outside engine."""

    __slots__ = ()
    color: ClassVar[str] = "#ffdf5d"


@attrs.frozen(eq=False, repr=False)
class Queued(MetaState):
    """The run waits in an outside engine, at least until ``start_time`` (aware)."""

    start_time: datetime | None = attrs.field(default=None, kw_only=True, validator=optional(aware))
    color: ClassVar[str] = "#ffea7f"


class Running(State):
    """The run has started and is not finished."""

    __slots__ = ()
    color: ClassVar[str] = "#3d67ff"


class Finished(State):
    """The run is over, with any outcome."""

    __slots__ = ()
    color: ClassVar[str] = "#003ccb"


@attrs.frozen(eq=False, repr=False)
class Looped(Finished):
    """Turn ``loop_count`` (1-based) of a loop is over, and another is requested."""

    loop_count: int = attrs.field(default=1, kw_only=True, validator=positive)


class Success(Finished):
    """The run succeeded."""

    __slots__ = ()
    color: ClassVar[str] = "#28a745"


@attrs.frozen(eq=False, repr=False)
class Cached(Success):
    """The run succeeded; later runs may use its result until ``cached_result_expiration`` (aware; None: for ever)."""

    cached_inputs: FrozenMap | None = attrs.field(default=None, kw_only=True, converter=converters.optional(freeze))
    cached_parameters: FrozenMap | None = attrs.field(default=None, kw_only=True, converter=converters.optional(freeze))
    cached_result_expiration: datetime | None = attrs.field(default=None, kw_only=True, validator=optional(aware))
    color: ClassVar[str] = "#34d058"


@attrs.frozen(eq=False, repr=False)
class Mapped(Success):
    """The run was mapped over children; ``map_states`` holds their states by map index."""

    map_states: tuple[State, ...] = attrs.field(default=(), kw_only=True, converter=tuple[State, ...])
    color: ClassVar[str] = "#003ccb"


class Skipped(Success):
    """The run was skipped on purpose, which counts as success."""

    __slots__ = ()
    color: ClassVar[str] = "#62757f"


@attrs.frozen(eq=False, repr=False, init=False)
class Failed(Finished):
    """The run failed; the result is the exception, if there was one.

    An exception in place of the message is the result, and words the message.

    >>> Failed(OSError("disk full")).message, Failed(OSError("disk full")).result
    ("Unexpected error: OSError('disk full')", OSError('disk full'))
    """

    cached_inputs: FrozenMap | None = attrs.field(default=None, kw_only=True, converter=converters.optional(freeze))
    color: ClassVar[str] = "#eb0000"

    def __init__(
        self,
        message: str | BaseException | None = None,
        result: object = None,
        context: Mapping[str, object] = EMPTY,
        *,
        cached_inputs: Mapping[str, object] | None = None,
    ) -> None:
        if message is None or type(message) is str:
            worded = message
        elif issubclass(type(message), BaseException):
            worded, result = f"{UNEXPECTED}{quote(message)}", message if result is None else result
        else:
            worded = message if is_a(message, str) else plain(message)
        super().__init__(worded, result, context)
        object.__setattr__(self, "cached_inputs", None if cached_inputs is None else freeze(cached_inputs))

    def __attrs_post_init__(self) -> None:
        """Do the same in a subclass of a user's, whose ``__init__`` attrs has made."""
        message: object = self.message
        if is_a(message, BaseException):
            object.__setattr__(self, "message", f"{UNEXPECTED}{quote(message)}")
            object.__setattr__(self, "result", message if self.result is None else self.result)


class Aborted(Failed):
    """The run was stopped from outside: an interrupt, a cancellation."""

    __slots__ = ()
    color: ClassVar[str] = "#c42800"


class TimedOut(Failed):
    """The run exceeded its time limit."""

    __slots__ = ()
    color: ClassVar[str] = "#ff4e33"


class TriggerFailed(Failed):
    """The run did not start: its upstream tasks did not end as its trigger requires. A body may end so too, by ``TRIGGERFAIL``."""

    __slots__ = ()
    color: ClassVar[str] = "#ff5131"


KINDS: tuple[type[State], ...] = (
    State, Pending, Scheduled, Paused, Resume, Retrying, MetaState, ClientFailed, Submitted, Queued, Running,
    Finished, Looped, Success, Cached, Mapped, Skipped, Failed, Aborted, TimedOut, TriggerFailed,
)  # fmt: skip
"""All kinds of states of tocsin, parents before children.

A new kind also needs a verb in ``core.messages.content.VERBS``, and its name in ``cli.exec.options.STATES``.
"""
