"""What *happened*: a closed union of frozen events.

The core has no clock and knows no host: each event says when it happened (``at``, an aware datetime) and, where known, on
which host and in which environment (``facts``). What an event makes of a state is in ``transitions``.
"""

from datetime import datetime

import attrs
from attrs.validators import optional

from tocsin.core.states import State, aware, positive
from tocsin.core.values import FrozenMap, Value, freeze


@attrs.frozen(eq=False, repr=False)
class Detail(Value):
    """Something more that a message is to say, under a title; ``quoted``: it is the voice of a program, to be set as code."""

    title: str
    text: str
    quoted: bool = False


@attrs.frozen(eq=False, repr=False)
class Facts(Value):
    """What is known beside the event itself.

    Args:
        host: the host's name; None where unknown.
        environment: what kind of place it is (``production``); None where unknown.
        details: what else the message is to say, in order.
        link: where the message's title leads, an http(s) URL; None: nowhere.
        told_by: the name of what is inside this one and told people of the same failure already; None where nobody did.
    """

    host: str | None = None
    environment: str | None = None
    details: tuple[Detail, ...] = ()
    link: str | None = None
    told_by: str | None = None


UNKNOWN = Facts()


def _finished(_: object, __: "attrs.Attribute[State]", value: State) -> None:
    if not value.is_finished():
        raise ValueError(f"a flow ends in a finished state, not in {value!r}")


@attrs.frozen(eq=False, repr=False)
class Occurrence(Value):
    """The base of all events. ``at`` is an aware datetime: a naive one is a ValueError."""

    at: datetime = attrs.field(validator=aware)
    facts: Facts = attrs.field(default=UNKNOWN, kw_only=True)


@attrs.frozen(eq=False, repr=False)
class Started(Occurrence):
    """A body is about to be entered, for the first time or again."""

    message: str | None = "Starting task run."


@attrs.frozen(eq=False, repr=False)
class Succeeded(Occurrence):
    """The body returned ``result``."""

    result: object = None
    message: str | None = "Task run succeeded."


@attrs.frozen(eq=False, repr=False)
class Raised(Occurrence):
    """The body, or what surrounds it, raised ``error``."""

    error: BaseException = attrs.field(kw_only=True)


@attrs.frozen(eq=False, repr=False)
class Signalled(Occurrence):
    """The body or the trigger raised a signal, in the ``attempt``-th attempt (from 1). ``ends``: no further attempt."""

    state: State = attrs.field(kw_only=True)
    ends: bool = attrs.field(default=False, kw_only=True)
    attempt: int = attrs.field(default=1, kw_only=True, validator=positive)


@attrs.frozen(eq=False, repr=False)
class TimedOutAt(Occurrence):
    """The body took longer than it may; ``error`` is the TimeoutError, where there was one."""

    message: str = "Task timed out during execution."
    error: BaseException | None = None


@attrs.frozen(eq=False, repr=False)
class RetryDue(Occurrence):
    """Attempt ``attempt`` of ``attempts`` failed; the next may begin at ``start`` (aware; None: at once)."""

    attempt: int = attrs.field(kw_only=True, validator=positive)
    attempts: int = attrs.field(kw_only=True, validator=positive)
    start: datetime | None = attrs.field(default=None, kw_only=True, validator=optional(aware))


class UpstreamSkipped(Occurrence):
    """Something that comes before was skipped, and this is skipped with it."""

    __slots__ = ()


@attrs.frozen(eq=False, repr=False)
class TriggerNotMet(Occurrence):
    """What comes before did not end as the trigger asks; ``error`` is what the trigger raised, where it did."""

    message: str = "Trigger failed"
    error: BaseException | None = None


@attrs.frozen(eq=False, repr=False)
class PauseAsked(Occurrence):
    """A person must resume this, at the latest at ``until`` (aware; None: ten years on)."""

    message: str | None = None
    until: datetime | None = attrs.field(default=None, validator=optional(aware))


@attrs.frozen(eq=False, repr=False)
class Resumed(Occurrence):
    """A person resumed what was paused."""

    message: str | None = None


class Unwrapped(Occurrence):
    """A state from an outside engine gave way to the state that it wraps."""

    __slots__ = ()


@attrs.frozen(eq=False, repr=False)
class ReferencesSettled(Occurrence):
    """The reference tasks of a flow are finished, and decide that it ends in ``state``; one that is not finished is a ValueError."""

    state: State = attrs.field(kw_only=True, validator=_finished)


@attrs.frozen(eq=False, repr=False)
class CacheHit(Occurrence):
    """A result of an earlier run holds: ``result``, until ``expires`` (aware; None: for ever)."""

    result: object = None
    message: str | None = None
    expires: datetime | None = attrs.field(default=None, kw_only=True, validator=optional(aware))


@attrs.frozen(eq=False, repr=False)
class CacheStored(Occurrence):
    """The result may be used again by later runs, until ``expires`` (aware; None: for ever), for these inputs."""

    expires: datetime | None = attrs.field(default=None, kw_only=True, validator=optional(aware))
    inputs: FrozenMap = attrs.field(factory=FrozenMap, kw_only=True, converter=freeze)


class CacheInvalid(Occurrence):
    """The result of an earlier run holds no longer."""

    __slots__ = ()


@attrs.frozen(eq=False, repr=False)
class MappingPrepared(Occurrence):
    """``n`` children are about to be submitted."""

    n: int = attrs.field(kw_only=True)


@attrs.frozen(eq=False, repr=False)
class ChildrenSubmitted(Occurrence):
    """All children of a mapped task are submitted; ``states`` are theirs, in order."""

    states: tuple[State, ...] = attrs.field(default=(), converter=tuple[State, ...])


@attrs.frozen(eq=False, repr=False)
class LoopDue(Occurrence):
    """Turn ``index`` (from 1) of a loop is over and the next is due."""

    index: int = attrs.field(kw_only=True)


@attrs.frozen(eq=False, repr=False)
class Interrupted(Occurrence):
    """Stopped from outside: ``error`` is the KeyboardInterrupt, the cancellation."""

    error: BaseException | None = None
    message: str = "Interrupted."


class Answered(Occurrence):
    """The base of what a foreign handler can answer."""

    __slots__ = ()


@attrs.frozen(eq=False, repr=False)
class HandlerReplied(Answered):
    """A foreign handler returned ``state``: what it was shown, or another in its place."""

    state: State = attrs.field(kw_only=True)


@attrs.frozen(eq=False, repr=False)
class HandlerSignalled(Answered):
    """A foreign handler raised a signal. ``ends``: no further attempt."""

    state: State = attrs.field(kw_only=True)
    ends: bool = attrs.field(default=False, kw_only=True)


@attrs.frozen(eq=False, repr=False)
class HandlerRaised(Answered):
    """A foreign handler raised ``error``, which is no signal."""

    error: BaseException = attrs.field(kw_only=True)


Answer = HandlerReplied | HandlerSignalled | HandlerRaised
"""What a foreign handler can answer."""

Event = (
    Started
    | Succeeded
    | Raised
    | Signalled
    | TimedOutAt
    | RetryDue
    | UpstreamSkipped
    | TriggerNotMet
    | PauseAsked
    | Resumed
    | Unwrapped
    | ReferencesSettled
    | CacheHit
    | CacheStored
    | CacheInvalid
    | MappingPrepared
    | ChildrenSubmitted
    | LoopDue
    | Interrupted
    | HandlerReplied
    | HandlerSignalled
    | HandlerRaised
)
"""All that can happen."""
